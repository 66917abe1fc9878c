//! Why a program is not started.

use std::io;

/// Why a program was not started. The words are Go's, for adnanh/webhook's log has them.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such file, or no such name in `$PATH`.
    #[error("{said}")]
    NotFound {
        /// In words, with the program as it was named.
        said: String,
    },
    /// There is such a file, but it can't be executed.
    #[error("{said}")]
    NotExecutable {
        /// In words, with the program as it was named.
        said: String,
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
    /// The directory that it shall run in can't be entered.
    #[error("chdir {directory}: {}", system_words(source))]
    Directory {
        /// As it was named.
        directory: String,
        /// What the system says.
        source: io::Error,
    },
    /// Something else.
    #[error("fork/exec {program}: {}", system_words(source))]
    Failed {
        /// As it was named.
        program: String,
        /// What the system says.
        source: io::Error,
    },
}

/// What the system says is wrong: `exec format error`. Go's words are the C library's in small letters, without a number.
fn system_words(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(code) = error.raw_os_error() else { return text };
    let text = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
    let mut rest = text.chars();
    rest.next().map(|first| first.to_lowercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_speaks_as_in_go() {
        let words = |code| system_words(&io::Error::from_raw_os_error(code));
        assert_eq!([2, 8, 13].map(words), ["no such file or directory", "exec format error", "permission denied"]);
        assert_eq!(system_words(&io::Error::other("Own words")), "Own words");
    }
}
