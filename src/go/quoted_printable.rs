//! Quoted-printable as Go's mime/quotedprintable decodes it: more kindly than RFC 2045 asks.

/// Decodes a text. `None` where it holds a control character, or an escape that ends with the line.
///
/// upstream: mime/quotedprintable Reader.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        // Blanks at the end of a line were put there on the way.
        let kept = line.trim_ascii_end();
        let end = &line[kept.len()..];
        match kept.strip_suffix(b"=") {
            Some(joined) => {
                decode_line(joined, &mut out)?;
                let is_end_of_text = end.is_empty() && !joined.is_empty();
                if !(end.starts_with(b"\n") || end.starts_with(b"\r\n") || is_end_of_text) {
                    return None;
                }
            }
            None => {
                decode_line(kept, &mut out)?;
                let newline = if line.ends_with(b"\r\n") { &b"\r\n"[..] } else { b"\n" };
                out.extend_from_slice(if end.ends_with(b"\n") { newline } else { b"" });
            }
        }
    }
    Some(out)
}

fn decode_line(line: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        at += 1;
        out.push(match byte {
            b'=' => match line.get(at..at + 2).and_then(hex) {
                Some(byte) => {
                    at += 2;
                    byte
                }
                // An escape that is none stands for itself.
                None if at < line.len() => b'=',
                None => return None,
            },
            b'\t' | b'\r' | b' '..=b'~' | 0x80.. => *byte,
            _ => return None,
        });
    }
    Some(())
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some(value(digits[0])? << 4 | value(digits[1])?)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn a_text_is_decoded_as_go_does() {
        for (text, decoded) in [
            ("x=3Dy=\r\nz =d0=B0", Some("x=yz \u{430}")),
            ("x  \r\ny\t\n", Some("x\r\ny\n")),
            ("a=", Some("a")),
            ("=4 =zz", Some("=4 =zz")),
            ("a= \r\nb", None),
            ("=", None),
            ("a\u{1}", None),
            ("", Some("")),
        ] {
            assert_eq!(decode(text.as_bytes()), decoded.map(|text| text.as_bytes().to_vec()), "{text}");
        }
    }
}
