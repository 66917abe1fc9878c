//! What must hold of a JSON document.

use serde_json::Value as Json;

use super::tree::scalar;
use crate::node::{Node, Property, Reader, Shape, property};

/// One condition: `{"at": POINTER}`, with `"is"`, `"not"` or `"has"`; or `{"text": …}` of a body that is no JSON.
pub(super) enum Condition {
    /// Something stands there: not null, not an empty text, and not `false`.
    There(String),
    /// One of these scalars stands there, as text: so `true` and `"true"` are one.
    Is(String, Vec<String>),
    /// A scalar stands there that is none of these.
    Not(String, Vec<String>),
    /// A text that has one of these in it, in small or in capital letters.
    Has(String, Vec<String>),
    /// The whole body is one of these texts.
    Text(Vec<String>),
}

#[derive(Default)]
struct Written {
    at: Option<String>,
    is: Option<Vec<String>>,
    not: Option<Vec<String>>,
    has: Option<Vec<String>>,
    text: Option<Vec<String>>,
}

const CONDITION: &[Property<Written>] = &[
    property("at", Shape::Text, "Where: a JSON pointer.", |written, node, reader| written.at = pointer(node, reader)),
    property("is", Shape::OneOrMore(&Shape::Text), "What stands there, or one of several.", |written, node, reader| {
        written.is = Some(reader.one_or_more(node, Reader::text))
    }),
    property("not", Shape::OneOrMore(&Shape::Text), "What stands there is something else.", |written, node, reader| {
        written.not = Some(reader.one_or_more(node, Reader::text))
    }),
    property("has", Shape::OneOrMore(&Shape::Text), "What is in the text there.", |written, node, reader| {
        written.has = Some(reader.one_or_more(node, Reader::text))
    }),
    property("text", Shape::OneOrMore(&Shape::Text), "The whole body.", |written, node, reader| {
        written.text = Some(reader.one_or_more(node, Reader::text))
    }),
];

impl Condition {
    /// Reads one.
    pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Condition> {
        let earlier = reader.findings.len();
        let Written { at, is, not, has, text } = reader.record(node, CONDITION)?;
        match (at, is, not, has, text) {
            (Some(at), None, None, None, None) => Some(Condition::There(at)),
            (Some(at), Some(is), None, None, None) => Some(Condition::Is(at, is)),
            (Some(at), None, Some(not), None, None) => Some(Condition::Not(at, not)),
            (Some(at), None, None, Some(has), None) => {
                Some(Condition::Has(at, has.iter().map(|word| word.to_lowercase()).collect()))
            }
            (None, None, None, None, Some(text)) => Some(Condition::Text(text)),
            _ if reader.findings.len() > earlier => None,
            _ => reader.wrong(
                &node.place,
                "a condition is {\"at\": …}, perhaps with \"is\", \"not\" or \"has\", or {\"text\": …}",
            ),
        }
    }

    /// Whether it holds of this document; `body` is what it was read from.
    pub(super) fn holds(&self, json: &Json, body: &[u8]) -> bool {
        let at = |pointer: &str| json.pointer(pointer);
        match self {
            Condition::There(pointer) => at(pointer).is_some_and(|found| match found {
                Json::Null | Json::Bool(false) => false,
                Json::String(text) => !text.is_empty(),
                _ => true,
            }),
            Condition::Is(pointer, words) => at(pointer).and_then(scalar).is_some_and(|found| words.contains(&found)),
            Condition::Not(pointer, words) => at(pointer).and_then(scalar).is_some_and(|found| !words.contains(&found)),
            Condition::Has(pointer, words) => {
                let found = at(pointer).and_then(scalar).unwrap_or_default().to_lowercase();
                words.iter().any(|word| found.contains(word))
            }
            Condition::Text(words) => {
                let body = String::from_utf8_lossy(body);
                words.iter().any(|word| word == body.trim())
            }
        }
    }
}

/// Reads a JSON pointer (RFC 6901): empty for the whole, else it starts with a slash.
pub(super) fn pointer(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text(node)?;
    match text.is_empty() || text.starts_with('/') {
        true => Some(text),
        false => reader.wrong(&node.place, "a JSON pointer starts with a slash: /data/id"),
    }
}

/// Reads one pointer or several, of which the first that leads anywhere counts.
pub(super) fn pointers(node: &Node, reader: &mut Reader<'_>) -> Vec<String> {
    reader.one_or_more(node, |reader, node| pointer(node, reader))
}

/// The first scalar that these lead to; an empty text is none.
pub(super) fn first(json: &Json, pointers: &[String]) -> Option<String> {
    let found = pointers.iter().filter_map(|pointer| json.pointer(pointer).and_then(scalar));
    found.into_iter().find(|text| !text.is_empty())
}

/// The same, where a list of scalars may stand: one event of several messages.
pub(super) fn each(json: &Json, pointers: &[String]) -> Vec<String> {
    let found = pointers.iter().filter_map(|pointer| json.pointer(pointer));
    let listed = found.map(|found| match found {
        Json::Array(elements) => elements.iter().filter_map(scalar).filter(|text| !text.is_empty()).collect(),
        one => Vec::from_iter(scalar(one).filter(|text| !text.is_empty())),
    });
    listed.into_iter().find(|texts| !texts.is_empty()).unwrap_or_default()
}
