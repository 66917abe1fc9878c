//! What a set of file names means on the disk now: the links on the way, the folders to watch, and how each file looks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Links followed for one name, as many as the kernel does.
const MAX_LINKS: usize = 40;

/// The places whose change can change what the files hold. All paths are free of links, as the kernel's events are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Each file, each link on the way to it, and, where something is missing, the first name that is.
    names: BTreeSet<PathBuf>,
    /// Folders that are covered with everything in them.
    whole: BTreeSet<PathBuf>,
    /// Where these names stand.
    folders: BTreeSet<PathBuf>,
}

impl Reach {
    pub(super) fn of(files: &[PathBuf]) -> Reach {
        let mut reach = Reach::default();
        for file in files {
            let names = hops(file);
            if let Some(last) = names.last()
                && last.is_dir()
            {
                reach.whole.insert(last.clone());
                reach.folders.insert(last.clone());
            }
            reach.folders.extend(names.iter().filter_map(|name| name.parent()).map(Path::to_owned));
            reach.names.extend(names);
        }
        reach
    }

    /// The folders to watch, each without those below it.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(PathBuf::as_path)
    }

    /// Whether an event at `path` concerns us: not, for example, a log file beside the hooks.
    pub(super) fn holds(&self, path: &Path) -> bool {
        // A watched folder itself: it was moved or removed.
        self.names.contains(path)
            || self.folders.contains(path)
            || path.parent().is_some_and(|folder| self.whole.contains(folder))
    }
}

/// Every link on the way to `file`, then the file itself, or the first name on the way that does not exist.
fn hops(file: &Path) -> Vec<PathBuf> {
    let Ok(file) = std::path::absolute(file) else { return Vec::new() };
    let mut hops = Vec::new();
    let mut here = PathBuf::from("/");
    let mut ahead: VecDeque<OsString> = names(&file).collect();
    while let Some(name) = ahead.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        match fs::read_link(&next) {
            Ok(target) => {
                hops.push(next);
                if hops.len() > MAX_LINKS {
                    return hops;
                }
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                ahead = names(&target).chain(ahead).collect();
            }
            // No link: a file or folder, or nothing at all.
            Err(_) if !ahead.is_empty() && next.is_dir() => here = next,
            Err(_) => {
                hops.push(next);
                return hops;
            }
        }
    }
    // A name that ends in `..`, or the root: a folder.
    hops.push(here);
    hops
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

/// How all files look. Two prints that are equal mean that nothing changed.
pub(super) type Print = BTreeMap<PathBuf, Option<Stamp>>;

/// How one file looks, its links followed. The time of modification alone is not enough: what is unpacked or copied
/// may keep an old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    identity: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// None if there is no such file.
    fn of(path: &Path) -> Option<Stamp> {
        let meta = fs::metadata(path).ok()?;
        Some(Stamp {
            identity: (meta.dev(), meta.ino()),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

/// How the files look now, and what is directly inside those that are folders.
pub(super) fn print(files: &[PathBuf]) -> Print {
    let mut print = Print::new();
    for file in files {
        if let Ok(entries) = fs::read_dir(file) {
            let inside = entries.flatten().map(|entry| entry.path());
            print.extend(inside.map(|path| (path.clone(), Stamp::of(&path))));
        }
        print.insert(file.clone(), Stamp::of(file));
    }
    print
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_name_is_followed_through_every_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        // As Kubernetes lays out a ConfigMap.
        fs::create_dir(root.join("..2026")).unwrap();
        fs::write(root.join("..2026/hooks.json"), "[]").unwrap();
        symlink("..2026", root.join("..data")).unwrap();
        symlink("..data/hooks.json", root.join("hooks.json")).unwrap();
        let names = ["hooks.json", "..data", "..2026/hooks.json"].map(|name| root.join(name));
        assert_eq!(hops(&root.join("hooks.json")), names);
        let reach = Reach::of(&[root.join("..2026/../hooks.json")]);
        assert_eq!(reach.folders().collect::<Vec<_>>(), [root.as_path(), &root.join("..2026")]);
        assert!(reach.holds(&root.join("..data")) && !reach.holds(&root.join("hooks.log")));
    }

    #[test]
    fn what_is_missing_is_watched_from_the_folder_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        assert_eq!(hops(&root.join("a/b/c")), [root.join("a")]);
        symlink("gone/x", root.join("link")).unwrap();
        assert_eq!(hops(&root.join("link")), [root.join("link"), root.join("gone")]);
        symlink("loop", root.join("loop")).unwrap();
        assert_eq!(hops(&root.join("loop")).len(), MAX_LINKS + 1);
    }
}
