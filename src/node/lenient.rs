//! What the peer's reader takes and ours does not, written so that ours takes it: in as many bytes, so that all places
//! stay true.

use granit_parser::{ErrorKind, ScanError};

/// Something that is to be written otherwise, and where it stands.
pub(super) enum Oddity {
    /// `\'` in the text in double quotes that starts here: Go's `js` writes it.
    Apostrophe(usize),
    /// A comment right behind what it comments on: `"a",#note`.
    Comment(usize),
    /// A lone dash before a bracket or comma: `{a: -}`. The tree looks at the file for it.
    Dash(usize),
}

impl Oddity {
    pub(super) fn of(error: &ScanError) -> Option<Oddity> {
        let at = error.marker().byte_offset()?;
        match error.kind() {
            ErrorKind::UnknownQuotedScalarEscape => Some(Oddity::Apostrophe(at)),
            ErrorKind::CommentNotSeparated => Some(Oddity::Comment(at)),
            ErrorKind::PlainScalarStartsWithDashFlowIndicator => Some(Oddity::Dash(at)),
            _ => None,
        }
    }

    /// The text with this written otherwise; `None` where it can't be.
    pub(super) fn mended(self, text: &str, stand_in: Option<char>) -> Option<String> {
        let mut bytes = text.as_bytes().to_vec();
        match self {
            Oddity::Apostrophe(at) => replace_apostrophes(&mut bytes, at, stand_in?).then_some(())?,
            Oddity::Comment(at) => {
                let comment = bytes.get_mut(at..)?;
                let end = comment.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(comment.len());
                comment.get_mut(..end).filter(|comment| comment.starts_with(b"#"))?.fill(b' ');
            }
            Oddity::Dash(at) => *bytes.get_mut(at).filter(|byte| **byte == b'-')? = b'x',
        }
        String::from_utf8(bytes).ok()
    }
}

/// A character of two bytes, as long as `\'`, that the text does not have: it is read in its place.
pub(super) fn stand_in(text: &str) -> Option<char> {
    // Unassigned ones and rare letters: no text has all of them.
    ('\u{7bf}'..='\u{7ff}').chain('\u{400}'..='\u{52f}').find(|c| !text.contains(*c))
}

/// Puts a stand-in for each `\'` from the double quote at `from` on. Whether there was any.
fn replace_apostrophes(bytes: &mut [u8], from: usize, stand_in: char) -> bool {
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
            b'\'' if starts_a_value(before) => at = next(bytes, at + 1, b'\''),
            b'#' if before.is_ascii_whitespace() => at = next(bytes, at, b'\n'),
            _ => {}
        }
        before = bytes.get(at).copied().unwrap_or(b' ');
        at += 1;
    }
    found
}

fn next(bytes: &[u8], from: usize, wanted: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| *byte == wanted).unwrap_or(rest.len())
}

fn starts_a_value(before: u8) -> bool {
    before.is_ascii_whitespace() || b"[{,:-".contains(&before)
}
