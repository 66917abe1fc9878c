//! Which calls of a hook that sends are the same: by their `Idempotency-Key`, or by what they say within a window.

use crate::hook::{Hook, Send};
use crate::outbox::{Content, Once};
use crate::request::HookRequest;
use crate::request::value::Value;

/// The header that names a call (draft-ietf-httpapi-idempotency-key-header).
const HEADER: &[u8] = b"Idempotency-Key";

/// The longest key, in bytes.
const LONGEST: usize = 255;

/// By what a call counts as made before. The error is for the caller.
pub(super) fn onces(
    hook: &Hook,
    send: &Send,
    request: &HookRequest,
    caller: Option<&str>,
    content: impl FnOnce() -> Content,
) -> Result<Vec<Once>, String> {
    let key = match &request.headers {
        Value::Map(headers) => headers.get(HEADER).map(|value| key(&value.to_text())).transpose()?,
        _ => None,
    };
    if key.is_none() && send.dedupe.is_zero() {
        return Ok(Vec::new());
    }
    let (hook, content) = (hook.id.as_str(), content());
    let by_key = key.map(|key| Once::by_key(hook, caller, &key, content));
    let within = (!send.dedupe.is_zero()).then(|| Once::within(send.dedupe, hook, content));
    Ok(by_key.into_iter().chain(within).collect())
}

/// The key in the header: a string in quotes as the draft wants it, or the same without them as many clients send it.
fn key(header: &[u8]) -> Result<String, String> {
    let wrong = |what: &str| Err(format!("the Idempotency-Key {what}: send 1 to {LONGEST} bytes, such as a UUID"));
    let text = String::from_utf8_lossy(header);
    let text = text.trim();
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(quoted) => match unquoted(quoted) {
            Some(key) => key,
            None => return wrong("begins with a quote and does not end with one"),
        },
    };
    match key.len() {
        0 => wrong("is empty"),
        1..=LONGEST => Ok(key),
        _ => wrong("is too long"),
    }
}

/// What stands in a string of RFC 9651 after its first quote; none where it does not end, or something follows.
fn unquoted(text: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return characters.as_str().is_empty().then_some(key),
            '\\' => key.push(characters.next()?),
            other => key.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_quotes_and_without() {
        for (header, read) in [
            (&b"8e03978e-40d5"[..], Some("8e03978e-40d5")),
            (b" \"8e03978e-40d5\" ", Some("8e03978e-40d5")),
            (br#""a\"b\\c""#, Some(r#"a"b\c"#)),
            (b"", None),
            (b"\"\"", None),
            (b"\"open", None),
            (b"\"a\";x=1", None),
            (&[b'k'; LONGEST], Some(&"k".repeat(LONGEST))),
            (&[b'k'; LONGEST + 1], None),
        ] {
            assert_eq!(key(header).ok().as_deref(), read, "{}", String::from_utf8_lossy(header));
        }
    }
}
