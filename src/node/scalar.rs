//! Plain scalars as YAML 1.1 reads them.

/// The boolean that a plain scalar means.
pub(super) fn boolean(text: &str) -> Option<bool> {
    text.parse().ok()
}

/// The whole number that a plain scalar means.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// The text that adnanh/webhook makes of a plain scalar in a text field.
pub(super) fn coerced(text: &str) -> String {
    text.to_owned()
}
