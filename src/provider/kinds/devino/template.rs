//! The template that WhatsApp approved, as an account has it.

use crate::message::delivery::SendError;
use crate::node::{Node, Property, Reader, Shape, Table, needed, property, rows, usual};
use crate::provider::parameters::{Parameters, Values};

/// A template's body takes so many characters, its parameters included.
const CHARACTERS: usize = 1024;

/// A template by its ID at Devino.
pub(super) struct Template {
    pub(super) id: String,
    pub(super) language: String,
    /// One for each parameter; without any it has one, for all of the text.
    params: Parameters,
}

#[derive(Default)]
struct Properties {
    id: Option<String>,
    language: Option<String>,
    params: Parameters,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("id", Shape::Text, "Its ID, in Devino's words `templateId`.", |template, node, reader| {
        template.id = reader.text(node)
    }),
    usual("language", Shape::Text, "EN", "The code of its language, such as ru.", |template, node, reader| {
        template.language = reader.text(node)
    }),
    property(
        "params",
        Shape::List(&Shape::Text),
        "A template over msg, title, lines, contact, link, key for each parameter. Default: one, with all of the text.",
        |template, node, reader| template.params = Parameters::read(node, reader).unwrap_or_default(),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "devino-template", rows: || rows(PROPERTIES) };

/// `approved-template`
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let Properties { id, language, params } = reader.record(node, PROPERTIES)?;
    match id {
        Some(id) => Some(Template { id, language: language.unwrap_or_else(|| "EN".to_owned()), params }),
        None => reader.wrong(&node.place, "a template has an \"id\", as Devino shows it"),
    }
}

impl Template {
    /// Its parameters, in order. Devino refuses four spaces in a row, where WhatsApp lets them pass.
    ///
    /// # Errors
    /// One of its templates can't take this text.
    pub(super) fn filled(&self, values: &Values<'_>) -> Result<Vec<String>, SendError> {
        let texts = values.fill_body(self.params.iter(), CHARACTERS)?;
        Ok(texts.into_iter().map(|text| text.replace("    ", " ")).collect())
    }
}
