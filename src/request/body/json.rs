//! JSON as Go's encoding/json takes it: the first value only, numbers as written, broken text as U+FFFD.

use std::borrow::Cow;

use crate::request::map::Map;
use crate::request::value::{MAX_DEPTH, MAX_VALUES, Value};

mod made;
mod scan;
mod text;

use made::Made;

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
    parse_for(body, |_| true)
}

/// The same with those of its keys alone that somebody will ask for. The others are looked through, and nothing is kept of
/// them: most of what a forge sends.
pub fn parse_for(body: &[u8], is_wanted: impl Fn(&[u8]) -> bool) -> Result<Value, JsonError> {
    const ROOT: &[u8] = b"root";
    let mut parser = Parser::of(body);
    match parser.peek()? {
        b'{' => parser.members(is_wanted).map(Value::Map),
        b'[' if is_wanted(ROOT) => {
            let list = parser.value()?;
            Ok(Value::Map(Map::first_of_each(vec![(ROOT.into(), list)])))
        }
        b'[' => parser.value().map(|()| Value::Map(Map::default())),
        _ => match parser.value()? {
            Value::Null => Ok(Value::Null),
            _ => Err(JsonError::Scalar),
        },
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
    /// How many objects and lists what is read stands in.
    depth: usize,
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

const NO_MEMBER: &str = "a comma or } is missing";

impl<'a> Parser<'a> {
    fn of(text: &'a [u8]) -> Parser<'a> {
        Parser { text, at: 0, room: MAX_VALUES, depth: 0, is_utf8: std::str::from_utf8(text).is_ok() }
    }

    /// An object, with those of its values that are wanted.
    fn members(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Result<Map<Value>, JsonError> {
        self.count(0)?;
        self.at += 1;
        let mut pairs = Vec::with_capacity(ROOM);
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Map::default());
        }
        self.depth = 1;
        loop {
            let key = self.key()?;
            if is_wanted(&key) {
                let value = self.value()?;
                pairs.push((key.into(), value));
            } else {
                let () = self.value()?;
            }
            match self.after_element()? {
                b',' => {}
                b'}' => return Ok(Map::last_of_each(pairs)),
                _ => return Err(self.wrong(NO_MEMBER)),
            }
        }
    }

    /// One value, or nothing in its place. Nested ones are kept on lists of our own, not on the stack, and are given memory
    /// once they are whole and their size is known.
    fn value<V: Made>(&mut self) -> Result<V, JsonError> {
        let mut open: Vec<Open> = Vec::new();
        let (mut keys, mut values, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            self.count(open.len())?;
            let mut done = match self.peek()? {
                b'{' => {
                    self.at += 1;
                    if self.peek()? == b'}' {
                        self.at += 1;
                        V::map(Vec::new())
                    } else {
                        open.push(Open::Map(pairs.len()));
                        keys.push(V::key(self.key()?));
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if self.peek()? == b']' {
                        self.at += 1;
                        V::list(Vec::new())
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
                            b']' => done = V::list(last(&mut values, start)),
                            _ => return Err(self.wrong("a comma or ] is missing")),
                        }
                    }
                    (Open::Map(start), closing) => {
                        if let Some(key) = keys.pop() {
                            pairs.push((key, done));
                        }
                        match closing {
                            b',' => {
                                keys.push(V::key(self.key()?));
                                break;
                            }
                            b'}' => done = V::map(last(&mut pairs, start)),
                            _ => return Err(self.wrong(NO_MEMBER)),
                        }
                    }
                }
                open.pop();
            }
        }
    }

    /// One more value, `below` as many others of those that are being read.
    fn count(&mut self, below: usize) -> Result<(), JsonError> {
        if self.depth + below > MAX_DEPTH {
            return Err(self.wrong("nested too deep"));
        }
        self.room = self.room.checked_sub(1).ok_or_else(|| self.wrong("too many values"))?;
        Ok(())
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

    fn scalar<V: Made>(&mut self) -> Result<V, JsonError> {
        match self.peek()? {
            b'"' => self.string().map(V::text),
            b't' => self.word("true", Value::Boolean(true)),
            b'f' => self.word("false", Value::Boolean(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number().map(V::number),
        }
    }

    fn word<V: Made>(&mut self, word: &'static str, value: Value) -> Result<V, JsonError> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("a value is missing"));
        }
        self.at += word.len();
        Ok(V::word(value))
    }

    fn number(&mut self) -> Result<&'a [u8], JsonError> {
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
        Ok(&self.text[start..self.at])
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
        let small = |room: usize| {
            Parser { room, ..Parser::of(br#"[0,{"a":0}]"#) }.value::<Value>().map_err(|why| why.to_string())
        };
        assert!(small(4).is_ok() && small(3).is_err_and(|why| why.contains("too many values")));
    }

    /// JSON of a few keys, and what is left of it where it ends early.
    fn some_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof!["[0-9a]{1,2}", "\"[a-c\\\\n]{0,9}\"", Just("null".to_owned()), Just("[]".to_owned())];
        let nested = leaf.prop_recursive(4, 24, 4, |inner| {
            let pairs = prop::collection::vec(("[a-c]", inner.clone()), 0..4).prop_map(|pairs| {
                let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                format!("{{{}}}", pairs.join(", "))
            });
            let list = prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(" , ")));
            prop_oneof![3 => pairs, 1 => list]
        });
        (nested, 0..400_usize).prop_map(|(text, end)| text.chars().take(end).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_not_wanted_is_looked_through_and_left_out(text in some_json(), wanted in "a|b|root") {
            let mut expected = parse(text.as_bytes());
            if let Ok(Value::Map(map)) = &mut expected {
                map.retain(|key| key == wanted.as_bytes());
            }
            prop_assert_eq!(parse_for(text.as_bytes(), |key| key == wanted.as_bytes()), expected);
        }

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
