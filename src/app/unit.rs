//! The service as systemd's files describe it: as whom it runs, and what its sandbox keeps from it.
//!
//! Read from the unit and its drop-ins, not asked of systemd: a configuration is often checked where none runs yet.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where units are, the first that has one first (source: systemd.unit(5)).
const FOLDERS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The path that systemd gives to services (source: systemd.exec(5), DEFAULT_PATH_NORMAL).
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What `ProtectHome=` is about.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// What is left to write where `ProtectSystem=strict` holds.
const KERNELS: [&str; 3] = ["/dev", "/proc", "/sys"];

/// A unit's section `[Service]`, drop-ins included.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Its name: `hookbell.service`.
    pub name: String,
    /// By setting: all its values since it was last emptied.
    settings: BTreeMap<String, Vec<String>>,
}

/// Why a path is not as it is outside of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The setting: `ProtectHome=yes`.
    pub setting: String,
    /// The line that mends it.
    pub mend: String,
}

impl Unit {
    /// The unit of this name, or the file of this path. None where there is none.
    pub fn find(name: &str) -> Option<Unit> {
        if name.contains('/') {
            let path = Path::new(name);
            return Unit::read(&[path.parent()?.to_owned()], path.file_name()?.to_str()?);
        }
        Unit::read(&FOLDERS.map(PathBuf::from), name)
    }

    fn read(folders: &[PathBuf], name: &str) -> Option<Unit> {
        let main = folders.iter().map(|folder| folder.join(name)).find_map(|path| fs::read_to_string(path).ok())?;
        let mut unit = Unit { name: name.to_owned(), ..Unit::default() };
        unit.add(&main);
        // Of drop-ins with one name the first folder's counts; they are applied in the order of names.
        let mut drop_ins: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
        for folder in folders {
            for entry in fs::read_dir(folder.join(format!("{name}.d"))).into_iter().flatten().flatten() {
                if entry.path().extension().is_some_and(|ending| ending == "conf") {
                    drop_ins.entry(entry.file_name()).or_insert(entry.path());
                }
            }
        }
        for text in drop_ins.values().filter_map(|path| fs::read_to_string(path).ok()) {
            unit.add(&text);
        }
        Some(unit)
    }

    fn add(&mut self, text: &str) {
        let mut in_service = false;
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            if line.starts_with('[') {
                in_service = line == "[Service]";
            }
            if line.starts_with(['#', ';']) || !in_service {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let values = self.settings.entry(key.trim().to_owned()).or_default();
            match value.trim() {
                "" => values.clear(),
                value => values.push(value.to_owned()),
            }
        }
    }

    /// The value of a setting that has one.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.settings.get(key)?.last().map(String::as_str)
    }

    fn words(&self, key: &str) -> impl Iterator<Item = &str> {
        self.settings.get(key).into_iter().flatten().flat_map(|value| value.split_whitespace())
    }

    /// The groups that it is in besides its user's: names or numbers.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.words("Group").chain(self.words("SupplementaryGroups"))
    }

    /// Whether a setting is switched on.
    pub fn is_on(&self, key: &str) -> bool {
        matches!(self.value(key), Some("yes" | "true" | "on" | "1"))
    }

    /// Whether its user is made for the run, and with it a stricter sandbox.
    pub fn has_dynamic_user(&self) -> bool {
        self.is_on("DynamicUser")
    }

    /// Whether nothing that it runs can get other rights, such as by sudo.
    pub fn keeps_privileges(&self) -> bool {
        self.is_on("NoNewPrivileges") || self.has_dynamic_user()
    }

    /// Its `$PATH`.
    pub fn path(&self) -> &str {
        let set = self.words("Environment").filter_map(|word| word.trim_matches('"').strip_prefix("PATH=")).last();
        set.unwrap_or(PATH)
    }

    /// Why it does not see what is at `path`.
    pub fn hides(&self, path: &Path) -> Option<Kept> {
        if self.is_bound(path) {
            return None;
        }
        let below = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        let shown = path.display();
        let home = self.value("ProtectHome").unwrap_or_default();
        if below(&HOMES) && (self.is_on("ProtectHome") || home == "tmpfs") {
            let mend = "ProtectHome=read-only".to_owned();
            return Some(Kept { setting: format!("ProtectHome={home}"), mend });
        }
        if below(&["/tmp", "/var/tmp"]) && (self.is_on("PrivateTmp") || self.has_dynamic_user()) {
            let mend = format!("BindPaths={shown}");
            return Some(Kept { setting: "PrivateTmp=yes".to_owned(), mend });
        }
        for key in ["InaccessiblePaths", "TemporaryFileSystem"] {
            let inside =
                |word: &&str| path.starts_with(word.trim_start_matches(['-', '+']).split(':').next().unwrap_or("/"));
            if let Some(word) = self.words(key).find(inside) {
                return Some(Kept { setting: format!("{key}={word}"), mend: format!("BindReadOnlyPaths={shown}") });
            }
        }
        None
    }

    /// Why it can't write at `path`, which it sees.
    pub fn forbids_writing(&self, path: &Path) -> Option<Kept> {
        let kept = |setting: String| Kept { setting, mend: format!("ReadWritePaths={}", path.display()) };
        let below = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        if self.words("ReadWritePaths").chain(self.words("BindPaths")).any(|word| covers(word, path)) {
            return None;
        }
        let own = [("StateDirectory", "/var/lib"), ("CacheDirectory", "/var/cache"), ("LogsDirectory", "/var/log")];
        let own = own.into_iter().chain([("RuntimeDirectory", "/run")]);
        for (key, folder) in own {
            if self.words(key).any(|word| path.starts_with(Path::new(folder).join(word))) {
                return None;
            }
        }
        let home = self.value("ProtectHome").unwrap_or(if self.has_dynamic_user() { "read-only" } else { "no" });
        if below(&HOMES) && home == "read-only" {
            return Some(kept("ProtectHome=read-only".to_owned()));
        }
        let system = self.value("ProtectSystem").unwrap_or_default();
        let system = if self.has_dynamic_user() { "strict" } else { system };
        let forbidden = match system {
            "strict" => !below(&KERNELS) && !below(&["/tmp", "/var/tmp"]),
            "full" => below(&["/usr", "/boot", "/efi", "/etc"]),
            _ => self.is_on("ProtectSystem") && below(&["/usr", "/boot", "/efi"]),
        };
        forbidden.then(|| kept(format!("ProtectSystem={system}")))
    }

    fn is_bound(&self, path: &Path) -> bool {
        let bound = self.words("BindPaths").chain(self.words("BindReadOnlyPaths"));
        bound
            .map(|word| word.rsplit(':').find(|part| part.starts_with('/')).unwrap_or(word))
            .any(|word| covers(word, path))
    }
}

fn covers(word: &str, path: &Path) -> bool {
    path.starts_with(word.trim_start_matches(['-', '+']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        let mut unit = Unit::default();
        unit.add(text);
        unit
    }

    #[test]
    fn later_values_count_and_an_empty_one_begins_anew() {
        let unit = unit(
            "[Unit]\nUser=x\n[Service]\nUser=a\n#User=c\nUser=b\nSupplementaryGroups=x y\nSupplementaryGroups=\nSupplementaryGroups=z \\\n  w\n",
        );
        assert_eq!(unit.value("User"), Some("b"));
        assert_eq!(unit.groups().collect::<Vec<_>>(), ["z", "w"]);
    }

    #[test]
    fn what_a_sandbox_keeps_is_told_with_the_setting_that_does() {
        let strict = "[Service]\nProtectHome=yes\nProtectSystem=strict\nPrivateTmp=yes\nStateDirectory=hookbell\n";
        for (more, path, hidden, read_only) in [
            ("", "/home/ivan/x", Some("ProtectHome=yes"), None),
            ("", "/root/x", Some("ProtectHome=yes"), None),
            ("", "/tmp/x", Some("PrivateTmp=yes"), None),
            ("", "/srv/www", None, Some("ProtectSystem=strict")),
            ("", "/var/lib/hookbell/x", None, None),
            ("ReadWritePaths=/srv/www", "/srv/www/a", None, None),
            ("ProtectHome=no", "/home/ivan", None, Some("ProtectSystem=strict")),
            ("ProtectHome=read-only", "/home/ivan", None, Some("ProtectHome=read-only")),
            ("BindPaths=/home/ivan", "/home/ivan/x", None, None),
            ("InaccessiblePaths=-/opt/secret", "/opt/secret/x", Some("InaccessiblePaths=-/opt/secret"), None),
            ("ProtectSystem=full", "/etc/x", None, Some("ProtectSystem=full")),
            ("ProtectSystem=no", "/srv", None, None),
            ("ProtectSystem=no\nDynamicUser=yes", "/srv", None, Some("ProtectSystem=strict")),
        ] {
            let unit = unit(&format!("{strict}{more}\n"));
            let setting = |kept: Option<Kept>| kept.map(|kept| kept.setting);
            assert_eq!(setting(unit.hides(Path::new(path))).as_deref(), hidden, "{more} {path}");
            if hidden.is_none() {
                assert_eq!(setting(unit.forbids_writing(Path::new(path))).as_deref(), read_only, "{more} {path}");
            }
        }
    }
}
