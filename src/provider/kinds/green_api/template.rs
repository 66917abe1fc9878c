//! The template that Meta approved, as GREEN-API names it.
//! <https://green-api.com/en/waba/api/sending/SendTemplate>

use crate::node::{Node, Property, Reader, Shape, Table, needed, property, rows};
use crate::provider::parameters::Parameters;

/// A template takes so many characters, its parameters included.
pub(super) const CHARACTERS: usize = 1024;

/// A template that Meta approved.
pub(super) struct Template {
    /// GREEN-API's id of it.
    pub(super) id: String,
    /// What it is filled with.
    pub(super) params: Parameters,
}

#[derive(Default)]
struct Properties {
    id: Option<String>,
    params: Option<Parameters>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("id", Shape::Text, "Its templateId, as getTemplates lists it.", |template, node, reader| {
        template.id = reader.text(node)
    }),
    property(
        "params",
        Shape::List(&Shape::Text),
        "A template over msg, title, lines, contact, link for each variable of it. Default: one, with all of the text.",
        |template, node, reader| template.params = Parameters::read(node, reader),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "green-api-template", rows: || rows(PROPERTIES) };

/// `approved-template`
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let Properties { id, params } = reader.record(node, PROPERTIES)?;
    match id {
        Some(id) if !id.is_empty() => Some(Template { id, params: params.unwrap_or_default() }),
        _ => reader.wrong(&node.place, "a template has an \"id\": the templateId that getTemplates lists"),
    }
}
