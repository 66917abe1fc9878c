//! What a command leaves behind: an exit code, and words on stderr.

use std::io::Write as _;

/// How a command ended, for whoever called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Fine = 0,
    /// Something is wrong with the files, or could not be done.
    Trouble = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Not now: EX_TEMPFAIL of sysexits.h.
    TryAgain = 75,
}

/// What was asked for. A reader that has seen enough (`| head`) is no reason to complain.
pub(super) fn print(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).ok();
}

/// A line for whoever sits at the terminal.
pub(super) fn say(text: &str) {
    // Where stderr is gone there is nobody to tell.
    writeln!(std::io::stderr(), "{text}").ok();
}
