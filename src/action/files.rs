//! Values that commands get in files of their own.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::go::base64;
use crate::hook::{FileParameter, Hook, HookId};
use crate::request::HookRequest;

/// Random names that are tried before a folder is taken for full of them.
const TRIES: usize = 100;

/// A file to be made for a command.
pub(super) struct Content {
    /// Its variable, and its name but for the random part.
    name: String,
    bytes: Vec<u8>,
}

impl Content {
    /// What it costs to keep it waiting.
    pub(super) fn bytes(&self) -> usize {
        self.name.len() + self.bytes.len()
    }
}

/// Files on the disk. They stay until they are removed: whoever is stopped while a command runs leaves them to it.
#[derive(Default)]
pub(super) struct Written(Vec<(String, PathBuf)>);

/// The files of a call. One whose value is missing is left out.
///
/// upstream: internal/hook/hook.go ExtractCommandArgumentsForFile. Of broken base64 the part before the mistake is taken.
pub(super) fn contents(files: &[FileParameter], request: &HookRequest, hook: &Hook) -> Vec<Content> {
    let content = |file: &FileParameter| {
        let FileParameter { name, parameter, base64 } = file;
        let Ok(bytes) = parameter.resolve(request) else {
            tracing::warn!(hook = %hook.id, source = parameter.source.as_str(), name = parameter.name,
                "error extracting command arguments for file: parameter not found, the file is left out");
            return None;
        };
        if !base64 {
            return Some(Content { name: name.clone(), bytes });
        }
        let (bytes, mistake) = base64::decode(&bytes);
        if let Some(at) = mistake {
            tracing::warn!(hook = %hook.id, name, "error decoding string [illegal base64 data at input byte {at}]");
        }
        Some(Content { name: name.clone(), bytes })
    };
    files.iter().filter_map(content).collect()
}

/// Makes the files, in `folder` or where temporary files are. One that can't be made is left out: the command runs
/// without it, as upstream.
pub(super) async fn write(contents: Vec<Content>, folder: Option<&Path>, hook: &HookId) -> Written {
    if contents.is_empty() {
        return Written::default();
    }
    let (folder, hook) = (folder.map_or_else(temporary, Path::to_owned), hook.clone());
    let work = move || {
        let made = contents.into_iter().filter_map(|content| match make(&folder, &content) {
            Ok(path) => {
                tracing::debug!(%hook, "writing env {} file {}", content.name, path.display());
                Some((content.name, path))
            }
            Err(why) => {
                let bytes = content.bytes.len();
                tracing::error!(%hook, folder = %folder.display(), bytes, "error creating temp file {}: {why}", content.name);
                None
            }
        });
        Written(made.collect())
    };
    elsewhere(work).await.unwrap_or_default()
}

impl Written {
    /// A variable for each file: its path, as it was made.
    pub(super) fn variables(&self) -> impl Iterator<Item = (OsString, OsString)> {
        self.0.iter().map(|(name, path)| (OsString::from(name), path.clone().into_os_string()))
    }

    /// Takes the files away; a command may have done so itself.
    pub(super) async fn remove(self, hook: &HookId) {
        if self.0.is_empty() {
            return;
        }
        let hook = hook.clone();
        let work = move || {
            for (_, path) in &self.0 {
                tracing::debug!(%hook, "removing file {}", path.display());
                match std::fs::remove_file(path) {
                    Err(why) if why.kind() != io::ErrorKind::NotFound => {
                        tracing::error!(%hook, "error removing file {}: {why}", path.display());
                    }
                    _ => {}
                }
            }
        };
        elsewhere(work).await;
    }
}

/// Does it where waiting for a disk holds up nobody else, under the name that the call has in the log. None would be a
/// panic, and there is nothing in our work that could.
async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let call = tracing::Span::current();
    tokio::task::spawn_blocking(move || call.in_scope(work)).await.ok()
}

/// upstream: os.TempDir.
fn temporary() -> PathBuf {
    let folder = std::env::temp_dir();
    if folder.as_os_str().is_empty() { "/tmp".into() } else { folder }
}

/// upstream: os.CreateTemp. The random part takes the place of the last `*` of the name, or stands at its end.
fn make(folder: &Path, content: &Content) -> io::Result<PathBuf> {
    if content.name.contains('/') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "pattern contains path separator"));
    }
    let (before, after) = content.name.rsplit_once('*').unwrap_or((&content.name, ""));
    for _ in 0..TRIES {
        let mut bits = [0; 4];
        getrandom::fill(&mut bits).map_err(io::Error::other)?;
        let path = folder.join(format!("{before}{}{after}", u32::from_be_bytes(bits)));
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        if let Err(why) = file.write_all(&content.bytes) {
            // Half a file is worse than none, and a full disk wants its space back.
            std::fs::remove_file(&path).ok();
            return Err(why);
        }
        return Ok(path);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn make_one(folder: &Path, name: &str) -> io::Result<PathBuf> {
        make(folder, &Content { name: name.to_owned(), bytes: b"content".to_vec() })
    }

    #[test]
    fn a_file_is_named_as_go_names_it_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        for (name, pattern) in
            [("HOOK_A.B", r"HOOK_A\.B\d+"), ("F_*x", r"F_\d+x"), ("a*b*c", r"a\*b\d+c"), ("*", r"\d+")]
        {
            let path = make_one(folder.path(), name).unwrap();
            let made = path.file_name().unwrap().to_str().unwrap();
            assert!(regex::Regex::new(&format!("^{pattern}$")).unwrap().is_match(made), "{name}: {made}");
            assert_eq!(std::fs::read(&path).unwrap(), b"content");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_can_not_be_made_is_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        for (folder, name) in [(folder.path(), "F_/x"), (folder.path(), "a\0b"), (Path::new("/nowhere"), "F")] {
            assert!(make_one(folder, name).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // A disk that is full: nothing of the file is left.
        assert!(make(Path::new("/dev/full"), &Content { name: "F".to_owned(), bytes: vec![0] }).is_err());
    }

    #[tokio::test]
    async fn what_a_command_took_away_itself_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let contents = ["A", "/", "B"].map(|name| Content { name: name.to_owned(), bytes: Vec::new() });
        let written = write(contents.into(), Some(folder.path()), &HookId::new("h")).await;
        let variables: Vec<_> = written.variables().collect();
        assert_eq!(variables.iter().map(|(name, _)| name.to_str().unwrap()).collect::<Vec<_>>(), ["A", "B"]);
        std::fs::remove_file(&variables[0].1).unwrap();
        written.remove(&HookId::new("h")).await;
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
