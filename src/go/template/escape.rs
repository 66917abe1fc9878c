//! How Go's templates and its `%q` escape.
//!
//! upstream: Go's text/template/funcs.go (JSEscape, HTMLEscape), net/url QueryEscape, strconv.Quote

use std::fmt::Write as _;

/// Whether Go takes a character for printable: letters, marks, numbers, punctuation, symbols, and of blanks only the
/// space.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // The standard library tells only so; behind another character it lets marks stand.
    format!("x{c}").escape_debug().count() == 2
}

/// Fit for a text of JavaScript or YAML in double quotes. `\'` is no JSON, but the reader of hooks files takes it.
pub(super) fn js(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\'' => escaped.push_str("\\'"),
            '"' => escaped.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => drop(write!(escaped, "\\u{:04X}", u32::from(c))),
            _ if c.is_ascii() || is_printable(c) => escaped.push(c),
            _ => drop(write!(escaped, "\\u{:04X}", u32::from(c))),
        }
    }
    escaped
}

/// Fit for HTML.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => escaped.push('\u{fffd}'),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Fit for the query of a URL.
pub(super) fn query(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

/// In quotes, as Go's `%q` has it.
pub(super) fn quoted(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len() + 2);
    escaped.push(quote);
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            _ if c == quote => escaped.extend(['\\', c]),
            '\u{7}' => escaped.push_str("\\a"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{b}' => escaped.push_str("\\v"),
            _ if is_printable(c) => escaped.push(c),
            '\0'..='\u{7f}' => drop(write!(escaped, "\\x{:02x}", u32::from(c))),
            '\u{80}'..='\u{ffff}' => drop(write!(escaped, "\\u{:04x}", u32::from(c))),
            _ => drop(write!(escaped, "\\U{:08x}", u32::from(c))),
        }
    }
    escaped.push(quote);
    escaped
}
