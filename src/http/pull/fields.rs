//! What a device says, as JSON or as a form: the tools that people put such things together with have either.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::url::{Broken, Pair, pairs};

/// The fields of one call.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads the body; what the query says stands for what the body leaves out.
    pub(super) fn read(body: &[u8], query: &[Pair<'_>]) -> Result<Fields, String> {
        let in_body = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Map::new(),
            Some(b'{') => serde_json::from_slice(body).map_err(|why| format!("the body is no JSON object: {why}"))?,
            Some(_) => texts(&pairs(body, Broken::Kept).0),
        };
        let mut fields = texts(query);
        fields.extend(in_body);
        Ok(Fields(fields))
    }

    /// A field, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text that is not empty; numbers are taken, too.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// The same, which must be there.
    pub(super) fn required(&self, name: &str) -> Result<String, String> {
        self.text(name).ok_or_else(|| format!("\"{name}\" is missing"))
    }

    /// A number from 0; one with a fraction is cut. The form's `5` and JSON's `5` are the same.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
        whole.parse().map(Some).map_err(|_| format!("\"{name}\" is no number"))
    }

    /// The same, as seconds.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>, String> {
        Ok(self.number(name)?.map(Duration::from_secs))
    }

    /// When it says that it happened, in Unix milliseconds; `now`, should it say nothing.
    pub(super) fn at(&self, now: Timestamp) -> Result<Timestamp, String> {
        let at = self.number("at")?.and_then(|millis| i64::try_from(millis).ok());
        Ok(at.map_or(now, Timestamp::from_millis))
    }
}

fn texts(pairs: &[Pair<'_>]) -> Map<String, Value> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    pairs.iter().map(|(name, value)| (text(name), Value::String(text(value)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_say_the_same() {
        let (query, _) = pairs(b"k=t&max=9", Broken::Kept);
        for body in [&br#" {"id":"a b","max":1,"none":null}"#[..], b"id=a+b&max=1&none="] {
            let fields = Fields::read(body, &query).unwrap();
            assert_eq!(fields.required("id"), Ok("a b".to_owned()));
            assert_eq!((fields.number("max"), fields.text("k")), (Ok(Some(1)), Some("t".to_owned())));
            assert_eq!(fields.required("none"), Err("\"none\" is missing".to_owned()));
            assert_eq!(fields.number("id"), Err("\"id\" is no number".to_owned()));
        }
        assert!(Fields::read(b"{", &[]).is_err() && Fields::read(b"{\"a\":1", &[]).is_err());
        assert_eq!(Fields::read(b"", &query).unwrap().number("max"), Ok(Some(9)));
    }
}
