//! Bodies: bytes to values.

use super::map::Map;
use super::small::Text;
use super::value::{MAX_VALUES, Value};
use crate::url::{Broken, Pair, pairs};
use multipart::Form;

pub mod json;
pub mod multipart;
pub mod xml;

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
        } else if is_multipart(content_type) {
            BodyFormat::Multipart
        } else if content_type.starts_with("text/plain") {
            BodyFormat::Text
        } else {
            BodyFormat::Unknown
        }
    }
}

/// Whether adnanh/webhook leaves a body of this type to the reader of forms, whatever it then takes it for.
pub fn is_multipart(content_type: &str) -> bool {
    content_type.starts_with("multipart/form-data;")
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
    /// A form with more fields than a payload may have values.
    #[error("error parsing form payload: too many values")]
    ManyFields,
    /// Not XML.
    #[error("error parsing XML payload: {0}")]
    Xml(xml::XmlError),
    /// No form in parts. The one that is not gone on without.
    #[error("error parsing multipart form: {0}")]
    Multipart(multipart::MultipartError),
    /// A content type that nothing here reads.
    #[error("error parsing body payload due to unsupported content type header: {0}")]
    Unsupported(String),
}

/// A form as a payload: the first value of each key.
pub fn form(body: &[u8], broken: Broken) -> Result<Value, BodyError> {
    if body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).nth(MAX_VALUES).is_some() {
        return Err(BodyError::ManyFields);
    }
    match pairs(body, broken) {
        (_, false) if broken == Broken::Dropped => Err(BodyError::Form),
        (pairs, _) => Ok(fields(pairs)),
    }
}

/// A file of a form that should be JSON and is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing JSON payload file {}: {why}", String::from_utf8_lossy(name))]
pub struct FileError {
    name: Vec<u8>,
    why: json::JsonError,
}

/// A form in parts as a payload: its values, and those of its files that are JSON by their type or that `is_json` names.
///
/// upstream: webhook.go hookHandler. A file that is no JSON object is `null`.
pub fn multipart_payload(form: Form<'_>, is_json: impl Fn(&[u8]) -> bool) -> (Value, Vec<FileError>) {
    let mut errors = Vec::new();
    let values = form.values.into_iter().map(|(name, value)| (name.into(), Value::of_text(value.into_owned())));
    let mut pairs: Vec<(Text, Value)> = values.collect();
    for (name, file) in form.files.into_iter().filter(|(name, file)| file.is_json || is_json(name)) {
        let value = json::object(&file.content).unwrap_or_else(|why| {
            errors.push(FileError { name: name.clone(), why });
            Value::NoMap
        });
        pairs.push((name.into(), value));
    }
    (if pairs.is_empty() { Value::Null } else { Value::Map(Map::last_of_each(pairs)) }, errors)
}

/// The pairs of a query or form as a value: the first of each key.
pub fn fields(pairs: Vec<Pair>) -> Value {
    // Of the right size at once: what is collected in the place of the pairs must be moved to a smaller one.
    let mut fields = Vec::with_capacity(pairs.len());
    fields.extend(pairs.into_iter().map(|(key, value)| (key.into(), Value::of_text(value))));
    Value::Map(Map::first_of_each(fields))
}
