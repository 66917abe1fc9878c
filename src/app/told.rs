//! The peer's lines about loading, for `-verbose`.
//!
//! upstream: webhook.go main, reloadHooks

use std::path::{Path, PathBuf};

use crate::config::compile::Compiled;
use crate::diagnostic::Diagnostic;

/// Before files are read. `what` is `load` or `reload`.
pub(super) fn attempting(what: &str, named: &[PathBuf]) {
    for path in named {
        tracing::debug!("attempting to {what} hooks from {}", path.display());
    }
}

/// What was loaded, and what could not be.
pub(super) fn loaded(compiled: &Compiled) {
    for (path, ids) in &compiled.hooks_of {
        tracing::debug!(file = %path.display(), "found {} hook(s) in file", ids.len());
        for id in ids {
            tracing::debug!("\tloaded: {id}");
        }
    }
    let is_loaded = |path: &Path| compiled.hooks_of.iter().any(|(file, _)| file == path);
    let without_file = compiled.findings.iter().filter(|finding| {
        finding.is_error() && !finding.place.as_ref().is_some_and(|place| is_loaded(&place.source.path))
    });
    without_file.for_each(failed);
}

/// A file that can't be loaded; what to do about it stands in the finding's own line.
pub(super) fn failed(finding: &Diagnostic) {
    tracing::debug!("couldn't load hooks from file! {finding}");
}
