//! Why a program is not started.

use std::io;

/// Why a program was not started. The words are Go's, for adnanh/webhook's log has them.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such file, or no such name in `$PATH`.
    #[error("exec: \"{program}\": {why}")]
    NotFound {
        /// As it was named.
        program: String,
        /// In words.
        why: &'static str,
    },
    /// There is such a file, but it can't be executed.
    #[error("exec: \"{program}\": {why}")]
    NotExecutable {
        /// As it was named.
        program: String,
        /// In words.
        why: &'static str,
    },
    /// An argument or all of them together are longer than the system allows (on Linux 128 KiB for one).
    #[error("fork/exec {program}: argument list too long")]
    TooLong {
        /// As it was named.
        program: String,
    },
    /// There is a NUL character in an argument or in a variable.
    #[error("fork/exec {program}: invalid argument")]
    Nul {
        /// As it was named.
        program: String,
    },
    /// Something else.
    #[error("fork/exec {program}: {source}")]
    Failed {
        /// As it was named.
        program: String,
        /// What the system says.
        source: io::Error,
    },
}
