//! A file that is written once, whole or not at all, and never over another.

use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;

/// Writes a file with these rights, whatever the umask.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    write_for(path, text, mode, None)
}

/// The same, for the group of this number.
pub(super) fn write_for(path: &Path, text: &str, mode: u32, group: Option<u32>) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| {
        if group.is_some() {
            fchown(&file, None, group)?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    });
    written.inspect_err(|_| drop(std::fs::remove_file(path)))
}
