//! The template that Meta approved, as Twilio's Content API names it.

use serde_json::{Map, Value};

use super::api::sid;
use crate::message::delivery::SendError;
use crate::node::{Node, Property, Reader, Shape, Table, needed, property, rows};
use crate::provider::Outgoing;
use crate::provider::parameters::Parameters;

/// A template takes 1024 characters, its own words included. Only Twilio knows how many those are, and says so after it
/// took the message: room is left for them.
const CHARACTERS: usize = 800;

/// A template that Meta approved.
pub(super) struct Template {
    /// Twilio's id of it.
    pub(super) content_sid: String,
    params: Parameters,
}

#[derive(Default)]
struct Properties {
    content_sid: Option<String>,
    params: Option<Parameters>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "content-sid",
        Shape::Pattern("^HX[0-9A-Fa-f]{32}$"),
        "Its SID in Twilio's Content Template Builder: HX and 32 hexadecimal digits.",
        |template, node, reader| template.content_sid = sid(node, "HX", reader),
    ),
    property(
        "params",
        Shape::List(&Shape::Text),
        "A template over msg, title, lines, contact, link for each variable of it, {{1}} first. Default: one, with all \
         of the text.",
        |template, node, reader| template.params = Parameters::read(node, reader),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "twilio-template", rows: || rows(PROPERTIES) };

/// `approved-template`
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let earlier = reader.findings.len();
    let Properties { content_sid, params } = reader.record(node, PROPERTIES)?;
    match content_sid {
        Some(content_sid) => Some(Template { content_sid, params: params.unwrap_or_default() }),
        None if reader.findings.len() > earlier => None,
        None => reader.wrong(&node.place, "a template has a \"content-sid\": HX… in the Content Template Builder"),
    }
}

impl Template {
    /// `ContentVariables`: an object of numbers and texts, as text.
    pub(super) fn variables(&self, out: &Outgoing) -> Result<String, SendError> {
        let texts = self.params.filled(out, CHARACTERS)?;
        let numbered = texts.into_iter().enumerate().map(|(at, text)| ((at + 1).to_string(), Value::String(text)));
        Ok(Value::Object(Map::from_iter(numbered)).to_string())
    }
}
