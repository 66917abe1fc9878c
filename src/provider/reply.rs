//! What all HTTP answers have in common: the class of a status that nobody explains, and how long to wait.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::{Deserialize as _, DeserializeOwned, Deserializer};

use super::text;
use crate::message::delivery::{Class, Scope, SendError};

/// How many characters of a provider's words are kept.
const WORDS_KEPT: usize = 500;

/// The class of an answer that is not in the provider's own words: by its status alone.
pub(super) fn class_of_bare_status(status: StatusCode, headers: &HeaderMap) -> Class {
    match status.as_u16() {
        // The provider says yes in words that we can't read: it may have taken the message.
        200..=299 => Class::Unknown,
        // We follow no redirect, and an API that is moved, locked or not there is the operator's to find: most often
        // `base-url` or `proxy` is wrong (407 is the proxy's own), or it is not paid for (402).
        300..=399 | 401..=405 | 407 => Class::Account,
        // The server gave up on reading the request.
        408 => Class::Fault,
        429 => Class::Wait { scope: Scope::Account, after: retry_after(headers) },
        400..=499 => Class::Content,
        _ => Class::Fault,
    }
}

/// `Retry-After`, in seconds or as a date. A date is counted from the answer's own `Date`, so that only one clock counts.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::trim);
    let until = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = until.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let [until, now] = [until, text(header::DATE)?].map(httpdate::parse_http_date);
    until.ok()?.duration_since(now.ok()?).ok()
}

/// Reads a property that must not spoil the rest: null, or something else than expected, is as if it were not there.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(T::deserialize(value).unwrap_or_default())
}

/// A refusal in the words of a provider. Should they repeat the account's secrets, those are masked where the words leave
/// for callers and for the log: see [`Account::masked`](super::Account::masked).
pub(super) fn refusal(class: Class, code: impl ToString, words: &str) -> SendError {
    let detail = text::cut_characters(&text::harmless(&text::one_line(words)), WORDS_KEPT);
    SendError { class, code: code.to_string(), detail }
}

/// The same for an answer that is not in the provider's own words.
pub(super) fn bare_refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SendError {
    let class = class_of_bare_status(status, headers);
    let words = String::from_utf8_lossy(body);
    refusal(class, format!("http {}", status.as_u16()), &format!("HTTP {status}: {words}"))
}

/// Only an approved template would be let through, and the account has none.
pub(super) fn no_template() -> SendError {
    let detail = "no approved template is configured".to_owned();
    SendError { class: Class::Content, code: String::new(), detail }
}

/// A refusal, given whether the approved template was refused: what a closed window asks for was tried then, and nothing else
/// is left.
pub(super) fn final_as_template(error: SendError, was_template: bool) -> SendError {
    match error.class {
        Class::Form if was_template => SendError { class: Class::Content, ..error },
        _ => error,
    }
}

/// An ID as a text, whether it came as one or as a number: it is larger than a float can tell from its neighbours.
pub(super) fn id(id: &serde_json::Value) -> Option<String> {
    match id {
        serde_json::Value::String(id) => Some(id.clone()),
        serde_json::Value::Number(id) if id.is_u64() => Some(id.to_string()),
        _ => None,
    }
}
