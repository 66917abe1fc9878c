//! Files as they are found on the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};

use super::raw::is_empty;
use crate::diagnostic::{Diagnostic, Place, Source};
use crate::secret::read_regular;

/// Endings of the files that a directory given with `-hooks` is read for.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// A file as it was found.
pub(super) enum Found {
    /// Its text.
    Text(Arc<Source>),
    /// It can't be read, or there is nothing in it.
    Unusable(Diagnostic),
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Found {
    let wrong = |why: String| Found::Unusable(Diagnostic::without_place(format!("{}: {why}", path.display())));
    let bytes = match read_regular(path) {
        Ok(bytes) => bytes,
        Err(e) => return wrong(format!("can't be read: {e}")),
    };
    let text = match String::from_utf8(from_utf_16(bytes)) {
        Ok(text) => text,
        Err(e) => {
            let good = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
            return wrong(format!("not UTF-8 (line {line}): save it as UTF-8"));
        }
    };
    let source = Arc::new(Source::new(path, text));
    if is_empty(&source.text) {
        let place = Place { source, span: 0..0, path: Default::default() };
        return Found::Unusable(Diagnostic::error(&place, "there is nothing in this file; write [] for no hooks"));
    }
    Found::Text(source)
}

/// upstream: a file with the mark of UTF-16, as an editor on Windows writes it, is read as that.
fn from_utf_16(bytes: Vec<u8>) -> Vec<u8> {
    match Encoding::for_bom(&bytes) {
        Some((encoding, _)) if encoding != UTF_8 => encoding.decode(&bytes).0.into_owned().into_bytes(),
        _ => bytes,
    }
}

/// The files of a directory that can be hooks files, by name; hidden ones are an editor's.
pub(super) fn files_in(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let fits = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if fits && !hidden && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
