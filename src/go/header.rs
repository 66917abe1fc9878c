//! Header names as Go's net/textproto writes them.

/// The canonical form: first letter and each letter after a dash in upper case, the rest in lower case.
/// A name with a byte that no header name may hold stays as it is (Go: textproto.CanonicalMIMEHeaderKey).
pub fn canonical(name: &str) -> String {
    if !name.bytes().all(is_token) {
        return name.to_owned();
    }
    let mut written = name.to_ascii_lowercase();
    let mut upper = true;
    for at in 0..written.len() {
        if upper && let Some(first) = written.get_mut(at..=at) {
            first.make_ascii_uppercase();
        }
        upper = name.as_bytes().get(at) == Some(&b'-');
    }
    written
}

/// The bytes of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn names_are_written_as_go_writes_them() {
        for (name, written) in
            [("x-FOO-bar", "X-Foo-Bar"), ("x_u", "X_u"), ("a b", "a b"), ("", ""), ("ETAG", "Etag"), ("x--y", "X--Y")]
        {
            assert_eq!(canonical(name), written);
        }
    }
}
