//! Texts of JSON: escapes, and bytes that are no UTF-8.

use std::borrow::Cow;

use super::{JsonError, Parser, scan};

impl<'a> Parser<'a> {
    /// As it stands in the body where that says what it means.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, JsonError> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let plain = scan::plain(rest);
        self.at += plain;
        // Most texts have no escape in them, and are taken as they are.
        if self.skip(b'"') {
            let whole = &rest[..plain];
            return Ok(if self.is_utf8 { Cow::Borrowed(whole) } else { well_formed(whole) });
        }
        let mut raw = rest[..plain].to_vec();
        loop {
            let byte = self.byte().ok_or_else(|| self.wrong("a quote is missing"))?;
            self.at += 1;
            match byte {
                b'"' => return Ok(Cow::Owned(if self.is_utf8 { raw } else { well_formed(&raw).into_owned() })),
                b'\\' => self.escape(&mut raw)?,
                0..=0x1f => return Err(self.wrong("a raw control character in a text")),
                _ => raw.push(byte),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), JsonError> {
        let byte = self.byte().ok_or_else(|| self.wrong("a quote is missing"))?;
        self.at += 1;
        let letter = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(self.wrong("an unknown escape")),
        };
        out.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// `\uXXXX`, or a pair of them for what needs two; half a pair is U+FFFD.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with(b"\\u") {
            let after_first = self.at;
            self.at += 2;
            let second = self.hex4()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after_first;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.ok_or_else(|| self.wrong("four hex digits are missing"))?;
        self.at += 4;
        Ok(digits.iter().fold(0, |code, digit| code << 4 | char::from(*digit).to_digit(16).unwrap_or(0)))
    }
}

/// Go puts U+FFFD in place of each byte that is no UTF-8.
fn well_formed(raw: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(raw).is_ok() {
        return Cow::Borrowed(raw);
    }
    let mut text = Vec::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        text.extend(chunk.valid().as_bytes());
        text.extend("\u{fffd}".repeat(chunk.invalid().len()).as_bytes());
    }
    Cow::Owned(text)
}
