//! `\'` in a text in double quotes: the peer's reader takes it, and Go's `js` writes it, but YAML 1.2 has no such escape,
//! nor has our reader. So a character that stands nowhere else is read in its place.

/// A character of two bytes, as long as `\'`, that the text does not have; so all places stay true.
pub(super) fn stand_in(text: &str) -> Option<char> {
    // Unassigned ones and rare letters: no text has all of them.
    ('\u{7bf}'..='\u{7ff}').chain('\u{400}'..='\u{52f}').find(|c| !text.contains(*c))
}

/// The text with a stand-in for each `\'` from the double quote at `from` on. `None` where there is no such.
pub(super) fn replaced(text: &str, from: usize, stand_in: char) -> Option<String> {
    let mut bytes = text.as_bytes().to_vec();
    let mut found = false;
    let mut before = b' ';
    let mut at = from;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'"' if at == from || starts_a_value(before) => {
                at += 1;
                while let Some(byte) = bytes.get(at).copied().filter(|byte| *byte != b'"') {
                    if byte == b'\\' {
                        if let Some(pair) = bytes.get_mut(at..at + 2).filter(|pair| *pair == b"\\'") {
                            stand_in.encode_utf8(pair);
                            found = true;
                        }
                        at += 1;
                    }
                    at += 1;
                }
            }
            b'\'' if starts_a_value(before) => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| *byte != b'\'') {
                    at += 1;
                }
            }
            b'#' if before.is_ascii_whitespace() => {
                while bytes.get(at).is_some_and(|byte| *byte != b'\n') {
                    at += 1;
                }
            }
            _ => {}
        }
        before = bytes.get(at).copied().unwrap_or(b' ');
        at += 1;
    }
    if found { String::from_utf8(bytes).ok() } else { None }
}

fn starts_a_value(before: u8) -> bool {
    before.is_ascii_whitespace() || b"[{,:-".contains(&before)
}
