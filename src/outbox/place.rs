//! The state directory: what must be true of it, and the lock that makes it one process's own.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::FlockOperation;

use super::error::OutboxError;

/// The name of the database in its directory.
pub(super) const FILE: &str = "outbox.db";

/// Its presence makes the next start look through the whole file, whatever its size.
pub(super) const MARK: &str = "outbox.db.suspect";

/// File systems by their magic number (statfs(2)), and whether other hosts share them for sure: there SQLite's log loses
/// data, for it needs memory that all its users share, and locks that hold. FUSE and 9P may be a host's own disk.
const SHARED: [(u64, &str, bool); 9] = [
    (0x6969, "NFS", true),
    (0x517B, "SMB", true),
    (0xFF53_4D42, "CIFS", true),
    (0xFE53_4D42, "SMB", true),
    (0x00C3_6400, "Ceph", true),
    (0x0BD0_0BD0, "Lustre", true),
    (0x5346_414F, "AFS", true),
    (0x0102_1997, "9P", false),
    (0x6573_5546, "FUSE", false),
];

/// Takes the directory for this process, and makes it where there is none. It stays taken while what this yields lives.
pub(super) fn take(dir: &Path) -> Result<File, OutboxError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| trouble(dir, &e))?;
    if let Ok(found) = rustix::fs::statfs(dir) {
        judge(dir, magic(found.f_type))?;
    }
    lock(dir)
}

/// The magic number alone: some of them fill 32 bits, and come with a sign that says nothing.
fn magic(found: impl TryInto<i64>) -> u64 {
    found.try_into().map_or(0, |magic: i64| magic as u64 & 0xFFFF_FFFF)
}

fn judge(dir: &Path, magic: u64) -> Result<(), OutboxError> {
    let dir = dir.display();
    match SHARED.iter().find(|(number, ..)| *number == magic) {
        Some((_, name, true)) => Err(OutboxError::Unavailable(format!(
            "{dir} is on a network file system ({name}), where messages would be lost: name a local disk with -state-dir"
        ))),
        Some((_, name, false)) => {
            tracing::warn!(
                "{dir} is on {name}: if other hosts use it, too, messages will be lost; better name a local disk with -state-dir"
            );
            Ok(())
        }
        None => Ok(()),
    }
}

/// Makes the file where there is none, for its owner alone. Says whether it is new.
pub(super) fn make_file(dir: &Path) -> Result<bool, OutboxError> {
    let path = dir.join(FILE);
    let created = !path.exists();
    OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(|e| trouble(&path, &e))?;
    Ok(created)
}

/// Makes it last that a file of this directory has come, gone, or got another name.
pub(super) fn sync(dir: &Path) -> Result<(), OutboxError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|e| trouble(dir, &e))
}

/// What an error of the file system means for whoever must mend it.
pub(super) fn trouble(path: &Path, error: &std::io::Error) -> OutboxError {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OutboxError::Full,
        ErrorKind::ReadOnlyFilesystem => {
            OutboxError::ReadOnly(format!("{path} is on a file system that is read-only: mount it for writing"))
        }
        ErrorKind::PermissionDenied => {
            let user = rustix::process::geteuid().as_raw();
            OutboxError::ReadOnly(format!("{path} may not be written by user {user}, as which hookbell runs: chown it"))
        }
        ErrorKind::IsADirectory => OutboxError::Unavailable(format!("{path} is a directory: move it away")),
        ErrorKind::NotADirectory => OutboxError::Unavailable(format!("{path} is no directory: move it away")),
        _ => OutboxError::Unavailable(format!("can't use {path}: {error}")),
    }
}

/// Notes that the file is to be looked through at the next start.
pub(super) fn suspect(file: &Path, why: &str) {
    if let Err(e) = fs::write(file.with_file_name(MARK), format!("{why}\n")) {
        tracing::warn!("that the outbox may be damaged can't be noted for the next start: {e}");
    }
}

/// The lock's file says for people which process holds it.
fn lock(dir: &Path) -> Result<File, OutboxError> {
    let path = dir.join("outbox.lock");
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(|e| trouble(&path, &e))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            drop(file.read_to_string(&mut holder));
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(OutboxError::InUse(format!(
                "{} is in use by {holder}: stop it, or give this one another -state-dir",
                dir.display()
            )));
        }
        Err(e) => return Err(trouble(&path, &e.into())),
    }
    let pid = format!("{}\n", std::process::id());
    // Only a help for people: a full disk must not keep the daemon from starting, and from sending what it has.
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(pid.as_bytes())).ok();
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_is_refused_and_what_may_be_one_is_not() {
        let dir = Path::new("/srv/state");
        for (number, name, shared) in SHARED {
            let judged = judge(dir, number).map_err(|e| e.to_string());
            assert_eq!(judged.is_err(), shared, "{name}");
            assert!(judged.err().is_none_or(|why| why.contains(name) && why.contains("/srv/state")), "{name}");
        }
        let ext4 = 0xEF53;
        assert_eq!(judge(dir, ext4), Ok(()));
        assert_eq!(magic(-11_317_950_i64), 0xFF53_4D42, "CIFS where the number has a sign");
        let here = tempfile::tempdir().unwrap();
        assert!(take(here.path()).is_ok());
    }
}
