//! JSON as Go's encoding/json takes it: the first value only, numbers as written, broken text as U+FFFD.

use std::borrow::Cow;

use crate::request::map::Map;
use crate::request::number::Number;
use crate::request::value::{MAX_DEPTH, MAX_VALUES, Value};

mod scan;

/// Why it is no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text breaks a rule of JSON.
    #[error("{what} at byte {at}")]
    Syntax {
        /// What is wrong.
        what: &'static str,
        /// Where, in bytes from the start.
        at: usize,
    },
    /// It is JSON, but neither an object nor a list.
    #[error("neither an object nor a list")]
    Scalar,
    /// It is JSON, but no object.
    #[error("no object")]
    NoObject,
}

/// A body as a payload: an object or `null` as it is, a list under the key `root`.
///
/// upstream: internal/hook/request.go ParseJSONPayload. What follows the first value is not looked at.
pub fn parse(body: &[u8]) -> Result<Value, JsonError> {
    match Parser::of(body).value()? {
        map @ Value::Map(_) => Ok(map),
        list @ Value::List(_) => Ok(Value::Map(Map::first_of_each(vec![(b"root".into(), list)]))),
        Value::Null => Ok(Value::Null),
        Value::NoMap | Value::Boolean(_) | Value::Number(_) | Value::Text(_) => Err(JsonError::Scalar),
    }
}

/// The object that a text begins with.
///
/// upstream: a decoder into `map[string]interface{}`, which takes `null` for a map that is not there.
pub fn object(text: &[u8]) -> Result<Value, JsonError> {
    match Parser::of(text).value()? {
        map @ Value::Map(_) => Ok(map),
        Value::Null => Ok(Value::NoMap),
        _ => Err(JsonError::NoObject),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Values that may still be there.
    room: usize,
    /// All of it is UTF-8, and so is whatever stands between two quotes.
    is_utf8: bool,
}

/// How many values and pairs of what is not yet whole most payloads have.
const ROOM: usize = 16;

/// A list or object that is being read, by where its part of what was read begins.
#[derive(Clone, Copy)]
enum Open {
    List(usize),
    /// A key waits for its value.
    Map(usize),
}

impl<'a> Parser<'a> {
    fn of(text: &'a [u8]) -> Parser<'a> {
        Parser { text, at: 0, room: MAX_VALUES, is_utf8: std::str::from_utf8(text).is_ok() }
    }

    /// One value. Nested ones are kept on lists of our own, not on the stack, and are given memory once they are whole and
    /// their size is known.
    fn value(&mut self) -> Result<Value, JsonError> {
        let mut open: Vec<Open> = Vec::new();
        let mut keys = Vec::new();
        let (mut values, mut pairs) = (Vec::with_capacity(ROOM), Vec::with_capacity(ROOM));
        loop {
            if open.len() > MAX_DEPTH {
                return Err(self.wrong("nested too deep"));
            }
            self.room = self.room.checked_sub(1).ok_or_else(|| self.wrong("too many values"))?;
            let mut done = match self.peek()? {
                b'{' => {
                    self.at += 1;
                    if self.peek()? == b'}' {
                        self.at += 1;
                        Value::Map(Map::default())
                    } else {
                        open.push(Open::Map(pairs.len()));
                        keys.push(self.key()?);
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if self.peek()? == b']' {
                        self.at += 1;
                        Value::List(Box::default())
                    } else {
                        open.push(Open::List(values.len()));
                        continue;
                    }
                }
                _ => self.scalar()?,
            };
            // The value is whole: hand it to what it stands in, which may become whole by it.
            loop {
                let Some(outer) = open.last() else { return Ok(done) };
                match (*outer, self.after_element()?) {
                    (Open::List(start), closing) => {
                        values.push(done);
                        match closing {
                            b',' => break,
                            b']' => done = Value::List(last(&mut values, start).into()),
                            _ => return Err(self.wrong("a comma or ] is missing")),
                        }
                    }
                    (Open::Map(start), closing) => {
                        if let Some(key) = keys.pop() {
                            pairs.push((key.into(), done));
                        }
                        match closing {
                            b',' => {
                                keys.push(self.key()?);
                                break;
                            }
                            b'}' => done = Value::Map(Map::last_of_each(last(&mut pairs, start))),
                            _ => return Err(self.wrong("a comma or } is missing")),
                        }
                    }
                }
                open.pop();
            }
        }
    }

    fn after_element(&mut self) -> Result<u8, JsonError> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn key(&mut self) -> Result<Cow<'a, [u8]>, JsonError> {
        if self.peek()? != b'"' {
            return Err(self.wrong("a key in double quotes is missing"));
        }
        let key = self.string()?;
        if self.peek()? != b':' {
            return Err(self.wrong("a colon is missing"));
        }
        self.at += 1;
        Ok(key)
    }

    fn scalar(&mut self) -> Result<Value, JsonError> {
        match self.peek()? {
            b'"' => Ok(Value::of_text(self.string()?)),
            b't' => self.word("true", Value::Boolean(true)),
            b'f' => self.word("false", Value::Boolean(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, JsonError> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("a value is missing"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        self.skip(b'-');
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.wrong("a value is missing")),
        }
        if self.skip(b'.') {
            self.some_digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            self.some_digits()?;
        }
        let number = String::from_utf8_lossy(&self.text[start..self.at]);
        Ok(Value::Number(Number::new(&number)))
    }

    fn some_digits(&mut self) -> Result<(), JsonError> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong("a digit is missing"));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// As it stands in the body where that says what it means.
    fn string(&mut self) -> Result<Cow<'a, [u8]>, JsonError> {
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

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.byte() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Result<u8, JsonError> {
        while self.byte().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.byte().ok_or_else(|| self.wrong("it ends too early"))
    }

    fn wrong(&self, what: &'static str) -> JsonError {
        JsonError::Syntax { what, at: self.at }
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

/// Takes out what lies from `start` on. Much of it is taken as it is, not copied.
fn last<T>(of: &mut Vec<T>, start: usize) -> Vec<T> {
    if start == 0 && of.len() > ROOM { std::mem::take(of) } else { of.split_off(start) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        parse(text.as_bytes())
            .map_or_else(|e| format!("! {e}"), |value| String::from_utf8_lossy(&value.to_json()).into_owned())
    }

    #[test]
    fn json_is_read_as_go_reads_it() {
        for (text, value) in [
            (r#" {"a":1} trailing"#, r#"{"a":1}"#),
            (r#"{"a":{"x":1},"a":{"y":2}}"#, r#"{"a":{"y":2}}"#),
            (r#" [1,{"a":"b"},[[1,2]]] junk"#, r#"{"root":[1,{"a":"b"},[[1,2]]]}"#),
            ("null", "null"),
            ("\t{ }", "{}"),
            (
                r#"{"i":12345678901234567890123,"f":1.50,"e":1E3,"m":-0.0}"#,
                r#"{"e":1E3,"f":1.50,"i":12345678901234567890123,"m":-0.0}"#,
            ),
            (r#"{"s":"\ud83d\udd14 \ud83d x \/"}"#, "{\"s\":\"\u{1F514} \u{fffd} x /\"}"),
            ("5", "! neither an object nor a list"),
            ("", "! it ends too early at byte 0"),
            (r#"{"a":1,"#, "! it ends too early at byte 7"),
            (r#"{"a" 1}"#, "! a colon is missing at byte 5"),
            (r#"{"a":01}"#, "! a comma or } is missing at byte 7"),
            ("\u{feff}{}", "! a value is missing at byte 0"),
            ("{\"a\":\"x\ny\"}", "! a raw control character in a text at byte 8"),
            ("{\"a\":\"x", "! a quote is missing at byte 7"),
        ] {
            assert_eq!(written(text), value, "{text}");
        }
        assert!(written(&"[".repeat(100_000)).contains("nested too deep"));
        let small =
            |room: usize| Parser { room, ..Parser::of(br#"[0,{"a":0}]"#) }.value().map_err(|why| why.to_string());
        assert!(small(4).is_ok() && small(3).is_err_and(|why| why.contains("too many values")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..100)) {
            drop(parse(&body));
            drop(object(&body));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[\\[\\]{}\",:0-9eE.+\\-a-f\\\\u \\PC]{0,64}") {
            let first = parse(text.as_bytes());
            if let Ok(value) = first {
                prop_assert_eq!(parse(&value.to_json()), Ok(value));
            }
        }
    }
}
