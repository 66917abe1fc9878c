//! Headers as Go's net/textproto and net/http write them.

use http::HeaderValue;

use std::borrow::Cow;

/// The canonical form: first letter and each letter after a dash in upper case, the rest in lower case.
/// A name with a byte that no header name may hold stays as it is (Go: textproto.CanonicalMIMEHeaderKey).
pub fn canonical(name: &str) -> Cow<'_, str> {
    let mut upper = true;
    let mut written = name.bytes().map(move |byte| {
        let written = if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        upper = byte == b'-';
        written
    });
    if !name.bytes().all(is_token) || name.bytes().eq(written.clone()) {
        return Cow::Borrowed(name);
    }
    let mut canonical = String::with_capacity(name.len());
    canonical.extend(written.by_ref().map(char::from));
    Cow::Owned(canonical)
}

/// A value as Go's server sends it: line breaks are blanks, and outer blanks go (upstream: net/http headerNewlineToSpace).
/// `None` for one with another control character, which Go sends and HTTP forbids.
pub fn sent(value: &str) -> Option<HeaderValue> {
    let line = value.replace(['\r', '\n'], " ");
    HeaderValue::from_str(line.trim_matches([' ', '\t'])).ok()
}

/// The bytes of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{canonical, sent};

    #[test]
    fn names_are_written_as_go_writes_them() {
        for (name, written) in
            [("x-FOO-bar", "X-Foo-Bar"), ("x_u", "X_u"), ("a b", "a b"), ("", ""), ("ETAG", "Etag"), ("x--y", "X--Y")]
        {
            assert_eq!(canonical(name), written);
        }
    }

    #[test]
    fn values_are_one_line() {
        for (value, written) in [(" a\r\nb\n", Some("a  b")), ("\t é ", Some("é")), ("", Some("")), ("a\u{1}", None)]
        {
            assert_eq!(sent(value), written.map(|text| http::HeaderValue::from_str(text).unwrap()));
        }
    }
}
