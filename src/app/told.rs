//! What the log is told about loading; the peer's lines, for `-verbose`, too.
//!
//! upstream: webhook.go main, reloadHooks

use std::path::{Path, PathBuf};

use crate::config::compile::Compiled;
use crate::diagnostic::Diagnostic;
use crate::hook::HookId;

/// Ids that a line names; the rest is a number.
const NAMED: usize = 20;

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

/// A mistake, as grave as it is.
pub(super) fn log(finding: &Diagnostic) {
    if finding.is_error() { tracing::error!("{finding}") } else { tracing::warn!("{finding}") }
}

/// The first ids, and how many more there are.
pub(super) fn named<'a>(ids: impl ExactSizeIterator<Item = &'a HookId>) -> String {
    let more = ids.len().saturating_sub(NAMED);
    let mut shown: Vec<_> = ids.take(NAMED).map(ToString::to_string).collect();
    shown.extend((more > 0).then(|| format!("and {more} more")));
    shown.join(", ")
}
