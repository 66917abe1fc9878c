//! Where the running daemon keeps its things, as seen from another process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::app::settings::{DEFAULT_STATE_DIR, first_directory};

/// The folder that has `what` in it: the one given, else the first of the usual ones. A verb makes none.
pub(super) fn directory(given: Option<OsString>, what: &str) -> Option<PathBuf> {
    if let Some(given) = given.filter(|given| !given.is_empty()) {
        return Some(given.into());
    }
    let usual = [
        first_directory(std::env::var_os("RUNTIME_DIRECTORY")),
        Some("/run/hookbell".into()),
        first_directory(std::env::var_os("STATE_DIRECTORY")),
        Some("/var/lib/hookbell".into()),
        Some(DEFAULT_STATE_DIR.into()),
    ];
    usual.into_iter().flatten().find(|folder| folder.join(what).exists())
}

/// The same in words, for whoever wonders why nothing was found.
pub(super) fn looked_at(given: Option<&Path>) -> String {
    match given {
        Some(given) => given.display().to_string(),
        None => {
            format!("$RUNTIME_DIRECTORY, /run/hookbell, $STATE_DIRECTORY, /var/lib/hookbell and ./{DEFAULT_STATE_DIR}")
        }
    }
}
