//! Settings of the log.

use std::path::PathBuf;

/// How much is logged, how, and where to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSettings {
    /// How much.
    pub detail: LogDetail,
    /// How.
    pub format: LogFormat,
    /// Appended to instead of stderr.
    pub file: Option<PathBuf>,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogDetail {
    /// Start, reloads, ends of messages, failures.
    #[default]
    Plain,
    /// The peer's lines as well (`-verbose`).
    Verbose,
    /// Its dumps of requests and answers as well (`-debug`).
    Debug,
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}
