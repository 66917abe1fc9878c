//! A parsed payload: JSON's shapes with the numbers as they were written and texts as the bytes that came.

use std::borrow::Cow;

use encoding_rs::Encoding;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::map::Map;
use super::number::Number;
use super::small::Text;

/// Deeper than this is nobody's payload; it bounds the stack that dropping and writing a value take.
pub const MAX_DEPTH: usize = 1000;

/// More values than this are nobody's payload either: of the largest body, 32 bytes for each. Where the smallest ones cost
/// twelve times their text and more, it bounds the memory that a body may become.
pub const MAX_VALUES: usize = 2 << 20;

/// A value of a payload, a query or the headers. Kept small, for a body may hold millions of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// What Go's `json` leaves of a text that is `null` or no object where an object is wanted: `null` in JSON and, unlike
    /// `Null`, as an argument.
    NoMap,
    /// `true`, `false`
    Boolean(bool),
    /// A number as it was written: `1.50` stays `1.50`.
    Number(Number),
    /// A text; UTF-8 if its sender kept to it.
    Text(Text),
    /// A list.
    List(Box<[Value]>),
    /// An object; of a key given twice the last value.
    Map(Map<Value>),
}

/// Why there is no value. Where a value may well be missing, adnanh/webhook forgives the first kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// Nothing is called that.
    #[error("parameter node not found")]
    Missing,
    /// The path goes on below a `null`.
    #[error("no parameters")]
    BelowNull,
    /// The source is a word that means none.
    #[error("no source for value retrieval")]
    NoSource,
    /// The source `request` has nothing of that name.
    #[error("unsupported request key")]
    NoSuchKey,
}

impl Value {
    /// A text.
    pub fn of_text(text: impl Into<Text>) -> Value {
        Value::Text(text.into())
    }

    /// The value at a dotted path.
    ///
    /// upstream: internal/hook/hook.go GetParameter. A key equal to the whole rest wins over the split at the first dot;
    /// no other split is tried. A list takes a decimal index.
    pub fn at(&self, path: &[u8]) -> Result<&Value, NotFound> {
        match self {
            Value::Map(map) => {
                if let Some(value) = map.get(path) {
                    return Ok(value);
                }
                let (first, rest) = split_at_dot(path).ok_or(NotFound::Missing)?;
                map.get(first).ok_or(NotFound::Missing)?.at(rest)
            }
            Value::List(values) => {
                let (first, rest) = split_at_dot(path).map_or((path, None), |(first, rest)| (first, Some(rest)));
                let value = index(first).and_then(|at| values.get(at)).ok_or(NotFound::Missing)?;
                rest.map_or(Ok(value), |rest| value.at(rest))
            }
            Value::Null => Err(NotFound::BelowNull),
            Value::NoMap | Value::Boolean(_) | Value::Number(_) | Value::Text(_) => Err(NotFound::Missing),
        }
    }

    /// The place of the value at a dotted path, to put another there.
    pub fn at_mut(&mut self, path: &[u8]) -> Option<&mut Value> {
        match self {
            Value::Map(map) => {
                if map.get(path).is_some() {
                    return map.get_mut(path);
                }
                let (first, rest) = split_at_dot(path)?;
                map.get_mut(first)?.at_mut(rest)
            }
            Value::List(values) => {
                let (first, rest) = split_at_dot(path).map_or((path, None), |(first, rest)| (first, Some(rest)));
                let value = values.get_mut(index(first)?)?;
                match rest {
                    Some(rest) => value.at_mut(rest),
                    None => Some(value),
                }
            }
            Value::Null | Value::NoMap | Value::Boolean(_) | Value::Number(_) | Value::Text(_) => None,
        }
    }

    /// Whether it says nothing to people.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::NoMap)
    }

    /// The same with texts that are no UTF-8 decoded from `charset`, for people.
    pub fn decoded(&self, charset: Option<&'static Encoding>) -> Cow<'_, Value> {
        match charset {
            Some(charset) => Cow::Owned(self.decoded_by(charset)),
            None => Cow::Borrowed(self),
        }
    }

    fn decoded_by(&self, charset: &'static Encoding) -> Value {
        match self {
            Value::Text(text) if std::str::from_utf8(text).is_err() => {
                Value::of_text(charset.decode_without_bom_handling(text).0.into_owned().into_bytes())
            }
            Value::List(values) => Value::List(values.iter().map(|value| value.decoded_by(charset)).collect()),
            Value::Map(map) => Value::Map(map.mapped(|_, value| value.decoded_by(charset))),
            other => other.clone(),
        }
    }

    /// The value as an argument's text: Go's `%v` for scalars, compact JSON for lists and objects.
    pub fn to_text(&self) -> Vec<u8> {
        self.text().into_owned()
    }

    /// The same, borrowed where nothing has to be written for it.
    pub fn text(&self) -> Cow<'_, [u8]> {
        match self {
            // upstream: fmt.Sprintf("%v", nil)
            Value::Null => Cow::Borrowed(b"<nil>"),
            Value::Text(text) => Cow::Borrowed(text),
            Value::Number(number) => Cow::Borrowed(number.as_str().as_bytes()),
            other => Cow::Owned(other.to_json()),
        }
    }

    /// Compact JSON as Go's encoding/json writes it: keys sorted, `<`, `>` and `&` escaped.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null | Value::NoMap => out.extend(b"null"),
            Value::Boolean(yes) => out.extend(if *yes { &b"true"[..] } else { b"false" }),
            Value::Number(number) => out.extend(number.as_str().as_bytes()),
            Value::Text(text) => write_json_text(text, out),
            Value::List(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    out.extend((at > 0).then_some(b','));
                    value.write_json(out);
                }
                out.push(b']');
            }
            Value::Map(map) => {
                out.push(b'{');
                for (at, (key, value)) in map.iter().enumerate() {
                    out.extend((at > 0).then_some(b','));
                    write_json_text(key, out);
                    out.push(b':');
                    value.write_json(out);
                }
                out.push(b'}');
            }
        }
    }
}

fn split_at_dot(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = path.iter().position(|byte| *byte == b'.')?;
    Some((&path[..dot], &path[dot + 1..]))
}

fn index(text: &[u8]) -> Option<usize> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Go's encoding/json, with its HTML escapes: each byte that is no UTF-8 becomes the six characters `\ufffd`.
fn write_json_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => out.extend(b"\\\""),
                '\\' => out.extend(b"\\\\"),
                '\n' => out.extend(b"\\n"),
                '\r' => out.extend(b"\\r"),
                '\t' => out.extend(b"\\t"),
                '\u{8}' => out.extend(b"\\b"),
                '\u{c}' => out.extend(b"\\f"),
                '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.extend(format!("\\u{:04x}", u32::from(letter)).as_bytes());
                }
                other => out.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for _ in chunk.invalid() {
            out.extend(b"\\ufffd");
        }
    }
    out.push(b'"');
}

/// For message templates, which want text: bytes that are no UTF-8 become U+FFFD.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null | Value::NoMap => serializer.serialize_none(),
            Value::Boolean(yes) => serializer.serialize_bool(*yes),
            Value::Number(number) => match (number.as_str().parse::<i64>(), number.as_str().parse::<f64>()) {
                (Ok(whole), _) => serializer.serialize_i64(whole),
                // What a float can't hold as it was written stays a text.
                (_, Ok(float)) if float.to_string() == number.as_str() => serializer.serialize_f64(float),
                _ => serializer.serialize_str(number.as_str()),
            },
            Value::Text(text) => serializer.serialize_str(&String::from_utf8_lossy(text)),
            Value::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(value)?;
                }
                list.end()
            }
            Value::Map(map) => {
                let mut out = serializer.serialize_map(Some(map.iter().len()))?;
                for (key, value) in map.iter() {
                    out.serialize_entry(&String::from_utf8_lossy(key), value)?;
                }
                out.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body::json;

    #[test]
    fn a_path_is_looked_up_as_upstream_does() {
        let payload = br#"{"a":["x",{"x":5}],"d":{"e.f":"in","e":"s"},"d.e":"top","":"e","q.":"1",".q":"2",
            "x.y":{"z":"half"},"x":{"y.z":"other"},"n":null}"#;
        let payload = json::parse(payload).unwrap();
        for (path, text) in [
            ("a.0", "x"),
            ("a.1.x", "5"),
            ("a.01", r#"{"x":5}"#),
            ("d.e", "top"),
            ("d.e.f", "in"),
            ("", "e"),
            ("q.", "1"),
            (".q", "2"),
            ("x.y.z", "other"),
            ("n", "<nil>"),
        ] {
            assert_eq!(payload.at(path.as_bytes()).map(Value::to_text), Ok(text.as_bytes().to_vec()), "{path}");
        }
        for path in ["a.+1", "a.-1", "a.9", "d.x", "nope", "a.0.x"] {
            assert_eq!(payload.at(path.as_bytes()), Err(NotFound::Missing), "{path}");
        }
        assert_eq!(payload.at(b"n.x"), Err(NotFound::BelowNull));
    }

    #[test]
    fn a_value_is_small() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn json_is_written_as_go_writes_it() {
        let text = r#"{"z":1.0,"a":"<b>&é","n":null,"t":[true,1E3,"\u0001\n"]}"#;
        let written = json::parse(text.as_bytes()).unwrap().to_json();
        let expected = r#"{"a":"\u003cb\u003e\u0026é","n":null,"t":[true,1E3,"\u0001\n"],"z":1.0}"#;
        assert_eq!(String::from_utf8(written).unwrap(), expected);
        assert_eq!(Value::of_text(b"a\xff").to_json(), br#""a\ufffd""#);
    }
}
