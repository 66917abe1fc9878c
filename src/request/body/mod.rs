//! Bodies: bytes to values.

use super::value::{Map, Value};
use crate::url::{Broken, Pair, pairs};

pub mod json;

/// What a body is, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
    /// Plain text: nothing to parse.
    Text,
    /// XML.
    Xml,
    /// `multipart/form-data`
    Multipart,
    /// Something else, or not said.
    Unknown,
}

impl BodyFormat {
    /// The format that a content type means.
    ///
    /// upstream: webhook.go hookHandler. Substrings, case-sensitive, tested in this order.
    pub fn of(content_type: &str) -> BodyFormat {
        if content_type.contains("json") {
            BodyFormat::Json
        } else if content_type.contains("x-www-form-urlencoded") {
            BodyFormat::Form
        } else if content_type.contains("xml") {
            BodyFormat::Xml
        } else if content_type.starts_with("multipart/form-data;") {
            BodyFormat::Multipart
        } else if content_type.starts_with("text/plain") {
            BodyFormat::Text
        } else {
            BodyFormat::Unknown
        }
    }
}

/// Why a body gives no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON, or JSON of the wrong shape.
    #[error("error parsing JSON payload {0}")]
    Json(json::JsonError),
    /// A form with a broken escape or a raw `;`.
    #[error("error parsing form payload a broken %-escape or a raw \";\"")]
    Form,
    /// A content type that nothing here reads.
    #[error("error parsing body payload due to unsupported content type header: {0}")]
    Unsupported(String),
}

/// A form as a payload: the first value of each key.
pub fn form(body: &[u8], broken: Broken) -> Result<Value, BodyError> {
    match pairs(body, broken) {
        (_, false) if broken == Broken::Dropped => Err(BodyError::Form),
        (pairs, _) => Ok(Value::Map(first_of_each(pairs))),
    }
}

/// The first value of each key.
pub fn first_of_each(pairs: Vec<Pair>) -> Map {
    let mut map = Map::new();
    for (key, value) in pairs {
        map.entry(key).or_insert(Value::Text(value));
    }
    map
}
