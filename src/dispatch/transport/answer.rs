//! What all ways of carrying share.

use std::error::Error;
use std::io;

use super::trust;
use crate::message::delivery::{Class, SendError};

/// Of an answer, so many bytes are kept: a provider's reply has a few hundred.
pub(super) const ANSWER_BYTES: usize = 64 * 1024;

/// Why there is no answer.
pub(super) fn no_answer(class: Class, code: &str, detail: String) -> SendError {
    SendError { class, code: code.to_owned(), detail }
}

/// What an error says, and those under it, from the outside in, each saying once. None of these errors names a URL: hyper
/// and rustls know addresses only.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        // An I/O error that only wraps another says what that says.
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let words = match inner {
            Some(_) => String::new(),
            None if cause.is::<rustls::Error>() => format!("TLS: {cause}{}", trust::advice(cause)),
            None => cause.to_string(),
        };
        if !words.is_empty() && !said.iter().any(|earlier| earlier.contains(&words)) {
            said.push(words);
        }
        next = inner.map_or_else(|| cause.source(), |inner| Some(inner as &(dyn Error + 'static)));
    }
    said.join(": ")
}
