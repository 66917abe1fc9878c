//! Where a program is.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

use super::error::SpawnError;

/// The file that a command's name means, as Go's `exec.LookPath` finds it: a name with a slash is a file's; another is
/// searched in the folders of `path` (the value of `$PATH`), of which relative ones are passed over.
pub fn look_path(name: &str, path: Option<&OsStr>) -> Result<PathBuf, SpawnError> {
    if name.contains('/') {
        return executable(Path::new(name)).map(|()| PathBuf::from(name)).map_err(|why| why.about(name));
    }
    std::env::split_paths(path.unwrap_or_default())
        .filter(|folder| folder.is_absolute() && !name.is_empty())
        .map(|folder| folder.join(name))
        .find(|file| executable(file).is_ok())
        .ok_or_else(|| SpawnError::NotFound { said: format!("exec: \"{name}\": executable file not found in $PATH") })
}

/// Why a file is not to be executed.
enum Unfit {
    Missing,
    Unreachable,
    Directory,
    Forbidden,
}

impl Unfit {
    /// The same about a program.
    fn about(self, name: &str) -> SpawnError {
        match self {
            Unfit::Missing => {
                SpawnError::NotFound { said: format!("exec: \"{name}\": stat {name}: no such file or directory") }
            }
            Unfit::Unreachable => {
                SpawnError::NotExecutable { said: format!("exec: \"{name}\": stat {name}: permission denied") }
            }
            Unfit::Directory => SpawnError::NotExecutable { said: format!("exec: \"{name}\": is a directory") },
            Unfit::Forbidden => SpawnError::NotExecutable { said: format!("exec: \"{name}\": permission denied") },
        }
    }
}

fn executable(file: &Path) -> Result<(), Unfit> {
    let found = std::fs::metadata(file).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => Unfit::Unreachable,
        _ => Unfit::Missing,
    })?;
    if found.is_dir() {
        return Err(Unfit::Directory);
    }
    // By the rights that the kernel will look at, the effective ones.
    let allowed = rustix::fs::accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS);
    if found.is_file() && allowed.is_ok() { Ok(()) } else { Err(Unfit::Forbidden) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_as_go_does() {
        let found = |name: &str, path: &str| look_path(name, Some(path.as_ref())).map_err(|e| e.to_string());
        assert_eq!(found("sh", "bin:/nowhere:/bin"), Ok("/bin/sh".into()));
        assert_eq!(found("sh", "").unwrap_err(), "exec: \"sh\": executable file not found in $PATH");
        assert_eq!(found("", "/bin").unwrap_err(), "exec: \"\": executable file not found in $PATH");
        assert_eq!(found("/bin/../bin/sh", ""), Ok("/bin/../bin/sh".into()));
        assert_eq!(
            found("/nowhere/x", "").unwrap_err(),
            "exec: \"/nowhere/x\": stat /nowhere/x: no such file or directory"
        );
        assert_eq!(found("/bin/", "").unwrap_err(), "exec: \"/bin/\": is a directory");
        assert_eq!(found("/etc/passwd", "").unwrap_err(), "exec: \"/etc/passwd\": permission denied");
    }
}
