//! Copies of the texts that were last taken, for a start on a day when a file can't be parsed.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::diagnostic::Source;

/// Where a file's copy is kept: under its absolute name, inside the state directory.
fn copy_of(state: &Path, file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    state.join("last-good").join(absolute.strip_prefix("/").unwrap_or(&absolute))
}

/// Keeps the text of a file. A copy may hold secrets: only its owner may read it.
pub fn keep(state: &Path, source: &Source) -> io::Result<()> {
    let copy = copy_of(state, &source.path);
    if fs::read_to_string(&copy).is_ok_and(|kept| kept == source.text) {
        return Ok(());
    }
    if let Some(folder) = copy.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = copy.with_added_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(source.text.as_bytes())?;
    file.sync_all()?;
    fs::rename(aside, copy)
}

/// The text that was last taken of a file, if one was kept.
pub fn recall(state: &Path, file: &Path) -> Option<Source> {
    let text = fs::read_to_string(copy_of(state, file)).ok()?;
    Some(Source::new(file, text))
}
