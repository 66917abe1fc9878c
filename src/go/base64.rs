//! Base64 as Go's encoding/base64 decodes it with `StdEncoding`: what came before a mistake is kept.

/// Decodes the standard alphabet with padding; CR and LF are passed over. The second result is the place of the first
/// mistake, in bytes; what was decoded before it is there all the same.
///
/// upstream: encoding/base64 DecodeString, whose result adnanh/webhook uses in spite of an error.
pub fn decode(text: &[u8]) -> (Vec<u8>, Option<usize>) {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut letters = text.iter().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    loop {
        let mut bits = 0_u32;
        for place in 0..4 {
            let Some((at, byte)) = letters.next() else {
                // The end is one only where a group of four begins.
                return (out, (place > 0).then_some(text.len()));
            };
            match (value(*byte), byte, place) {
                (Some(value), ..) => bits |= value << (18 - 6 * place),
                (None, b'=', 2) if !matches!(letters.next(), Some((_, b'='))) => return (out, Some(at)),
                (None, b'=', 2 | 3) => {
                    out.extend_from_slice(&bits.to_be_bytes()[1..place as usize]);
                    return (out, letters.next().map(|(at, _)| at));
                }
                _ => return (out, Some(at)),
            }
        }
        out.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
}

fn value(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::decode;
    use proptest::prelude::*;

    #[test]
    fn what_stands_before_a_mistake_is_decoded() {
        for (text, decoded, mistake) in [
            ("aGVsbG8=", "hello", None),
            ("aGVs\nbG\r\n8=\n", "hello", None),
            ("aGVsbG8sIQ==", "hello,!", None),
            ("aGVsbG8sIQ=\n=", "hello,!", None),
            ("", "", None),
            ("aGVsbG8", "hel", Some(7)),
            ("aGVsbG8!xx", "hel", Some(7)),
            ("aGVsbG8=trail", "hello", Some(8)),
            ("_-8=", "", Some(0)),
            ("aGVsbA=", "hel", Some(6)),
            ("aGVsbA=x", "hel", Some(6)),
            ("aGVsb===", "hel", Some(5)),
            ("=", "", Some(0)),
            ("aGV sbG8=", "", Some(3)),
        ] {
            assert_eq!(decode(text.as_bytes()), (decoded.as_bytes().to_vec(), mistake), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(data_encoding::BASE64.encode(&bytes).as_bytes()), (bytes, None));
        }
    }
}
