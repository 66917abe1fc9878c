//! What all HTTP answers have in common: the class of a status that nobody explains, and how long to wait.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

use super::text;
use crate::message::delivery::{Class, Scope, SendError};
use crate::secret::Secret;

/// How many characters of a provider's words are kept.
const WORDS_KEPT: usize = 500;

/// The class of an answer that is not in the provider's own words: by its status alone.
pub(super) fn class_of_bare_status(status: StatusCode, headers: &HeaderMap) -> Class {
    match status.as_u16() {
        // The provider says yes in words that we can't read: it may have taken the message.
        200..=299 => Class::Unknown,
        // We follow no redirect, and an API that is moved, locked or not there is the operator's to find: most often
        // `base-url` or `proxy` is wrong (407 is the proxy's own).
        300..=399 | 401 | 403 | 404 | 405 | 407 => Class::Account,
        // The server gave up on reading the request.
        408 => Class::Fault,
        429 => Class::Wait { scope: Scope::Account, after: retry_after(headers) },
        400..=499 => Class::Content,
        _ => Class::Fault,
    }
}

/// `Retry-After` in seconds. Its other form, a date, is not used by the providers we know and reads as none.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A refusal in the words of a provider. Whatever a provider says, the account's secret is masked in it: some repeat
/// what they were sent.
pub(super) fn refusal(class: Class, code: impl ToString, words: &str, secret: &Secret) -> SendError {
    let masked = words.replace(secret.expose(), "[secret]");
    let detail = text::cut_characters(&text::harmless(&text::one_line(&masked)), WORDS_KEPT);
    SendError { class, code: code.to_string(), detail }
}

/// The same for an answer that is not in the provider's own words.
pub(super) fn bare_refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], secret: &Secret) -> SendError {
    let class = class_of_bare_status(status, headers);
    let words = String::from_utf8_lossy(body);
    refusal(class, format!("http {}", status.as_u16()), &format!("HTTP {status}: {words}"), secret)
}
