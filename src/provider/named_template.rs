//! A template that Meta approved, for companies that name it as Meta does: by name and language.

use serde_json::{Value as Json, json};

use super::Outgoing;
use super::parameters::Parameters;
use crate::message::delivery::SendError;
use crate::node::{About, Needed, Node, Property, Reader, Shape, Table, needed, property, rows};

/// A template takes 1024 characters, its own words included. Only Meta knows how many those are: room is left for them.
pub(super) const CHARACTERS: usize = 800;

/// The property of an account.
pub(super) const ABOUT: About = About {
    name: "approved-template",
    takes: Shape::Object(TABLE),
    help: "The template that Meta approved: what a message goes out as by whatsapp while the recipient has not written \
           within 24 hours.",
    default: "",
    needed: Needed::No,
    guards: false,
};

/// A template that Meta approved.
pub(super) struct Template {
    pub(super) name: String,
    pub(super) language: String,
    /// What it is filled with.
    pub(super) params: Parameters,
}

#[derive(Default)]
struct Properties {
    name: Option<String>,
    language: Option<String>,
    params: Option<Parameters>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "name",
        Shape::Text,
        "Its name, as the provider lists it; for vonage with its namespace before a colon, where it has one.",
        |template, node, reader| template.name = reader.text(node),
    ),
    needed(
        "language",
        Shape::Text,
        "The code of its language there, such as ru or en_US.",
        |template, node, reader| template.language = reader.text(node),
    ),
    property(
        "params",
        Shape::List(&Shape::Text),
        "A template over msg, title, lines, contact, link for each parameter of it. Default: one, with all of the text.",
        |template, node, reader| template.params = Parameters::read(node, reader),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "named-template", rows: || rows(PROPERTIES) };

/// `approved-template`; `shown_in` is where people find them.
pub(super) fn read(node: &Node, shown_in: &str, reader: &mut Reader<'_>) -> Option<Template> {
    let Properties { name, language, params } = reader.record(node, PROPERTIES)?;
    match (name, language) {
        (Some(name), Some(language)) => Some(Template { name, language, params: params.unwrap_or_default() }),
        _ => reader.wrong(&node.place, format!("a template has a \"name\" and a \"language\", as in {shown_in}")),
    }
}

/// Warns of an account that has none.
pub(super) fn warn_of_none(node: &Node, reader: &mut Reader<'_>) {
    let why = "no \"approved-template\": plain text reaches only who wrote to this number within 24 hours";
    reader.warn(&node.place, why);
}

impl Template {
    /// Its name and what it says of a message, as a text for each parameter and as Meta writes them.
    ///
    /// # Errors
    /// A parameter can't take this text.
    pub(super) fn filled(&self, out: &Outgoing) -> Result<Json, SendError> {
        let texts = self.params.filled(out, CHARACTERS)?;
        let parameters: Vec<_> = texts.iter().map(|text| json!({ "type": "text", "text": text })).collect();
        Ok(json!({
            "name": self.name,
            "language": self.language,
            "texts": texts,
            "components": [{ "type": "body", "parameters": parameters }],
        }))
    }
}
