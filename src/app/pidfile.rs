//! `-pidfile`: a file that holds our process id for as long as we live.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The file. Dropping it leaves it where it is, as the peer does where it fails: `remove` is for an end in order.
#[derive(Debug)]
pub struct Pidfile(PathBuf);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum PidfileError {
    /// It belongs to a process that lives.
    #[error("Error creating pidfile: pid file found, ensure webhook is not running or delete {}", .0.display())]
    Taken(PathBuf),
    /// It can't be written.
    #[error("Error creating pidfile: {}: {why}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
    /// It can't be removed.
    #[error("can't remove the pidfile {}: {why}", path.display())]
    Remove {
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

impl Pidfile {
    /// Makes it, its folders included. One that is there already is overwritten, unless its process lives.
    ///
    /// upstream: internal/pidfile. The peer takes its own number for another process: where a container starts anew
    /// over an old file, it is number 1 again and refuses to start for ever.
    pub fn create(path: &Path) -> Result<Pidfile, PidfileError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let own = std::process::id();
        if let Some(pid) = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<i64>().ok())
            && pid != i64::from(own)
            && Path::new("/proc").join(pid.to_string()).exists()
        {
            return Err(PidfileError::Taken(path));
        }
        let written =
            path.parent().map_or(Ok(()), |folder| DirBuilder::new().recursive(true).mode(0o755).create(folder));
        let written = written.and_then(|()| {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(own.to_string().as_bytes())
        });
        match written {
            Ok(()) => Ok(Pidfile(path)),
            Err(why) => Err(PidfileError::Io { path, why }),
        }
    }

    /// Takes it away. That it is gone already is an error: somebody meddles with it.
    pub fn remove(self) -> Result<(), PidfileError> {
        fs::remove_file(&self.0).map_err(|why| PidfileError::Remove { path: self.0, why })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn it_holds_our_number_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/bell.pid");
        let pidfile = Pidfile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        assert_eq!((mode(&path), mode(&folder.path().join("a/b")) & 0o700), (0o600, 0o700));
        pidfile.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_living_process_keeps_its_file_and_a_dead_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bell.pid");
        let parent = std::os::unix::process::parent_id();
        for (text, taken) in [
            (format!(" {parent}\n"), true),
            ("1".to_owned(), true),
            (std::process::id().to_string(), false),
            ("4194305".to_owned(), false),
            ("-5".to_owned(), false),
            ("self".to_owned(), false),
            (String::new(), false),
        ] {
            fs::write(&path, &text).unwrap();
            let made = Pidfile::create(&path);
            assert_eq!(matches!(made, Err(PidfileError::Taken(_))), taken, "{text:?}: {made:?}");
        }
        let why = Pidfile::create(Path::new("/proc/nope/bell.pid")).unwrap_err().to_string();
        assert!(why.starts_with("Error creating pidfile: "), "{why}");
    }

    #[test]
    fn to_remove_one_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bell.pid");
        let pidfile = Pidfile::create(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(pidfile.remove().unwrap_err().to_string().contains("can't remove the pidfile"));
    }
}
