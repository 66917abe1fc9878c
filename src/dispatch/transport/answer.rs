//! What all ways of carrying share.

use crate::message::delivery::{Class, SendError};

/// Of an answer, so many bytes are kept: a provider's reply has a few hundred.
pub(super) const ANSWER_BYTES: usize = 64 * 1024;

/// Why there is no answer.
pub(super) fn no_answer(class: Class, code: &str, detail: String) -> SendError {
    SendError { class, code: code.to_owned(), detail }
}
