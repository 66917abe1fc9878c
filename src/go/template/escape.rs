//! How Go's templates escape.
//!
//! upstream: Go's text/template/funcs.go (JSEscape, HTMLEscape), net/url QueryEscape

use std::fmt::Write as _;

use crate::go::print::is_printable;

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
