//! The template that Meta approved, as Wazzup names it.

use crate::node::{Node, Property, Reader, Shape, Table, needed, property, rows};
use crate::provider::parameters::Parameters;

/// A template takes so many characters, its parameters included.
pub(super) const CHARACTERS: usize = 1024;

/// A template that Meta approved.
pub(super) struct Template {
    /// Wazzup's id of it, a UUID.
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
    needed(
        "id",
        Shape::Pattern("^[0-9A-Fa-f-]{36}$"),
        "Its id in Wazzup, a UUID: the code of the template, in the cabinet.",
        |template, node, reader| template.id = uuid(node, "the template's code", reader),
    ),
    property(
        "params",
        Shape::List(&Shape::Text),
        "A template over msg, title, lines, contact, link for each variable of it. Default: one, with all of the text.",
        |template, node, reader| template.params = Parameters::read(node, reader),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "wazzup-template", rows: || rows(PROPERTIES) };

/// `approved-template`
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let Properties { id, params } = reader.record(node, PROPERTIES)?;
    match id {
        Some(id) => Some(Template { id, params: params.unwrap_or_default() }),
        None => reader.wrong(&node.place, "a template has an \"id\": Wazzup's cabinet shows it as the template's code"),
    }
}

/// An id that Wazzup gave.
pub(super) fn uuid(node: &Node, what: &str, reader: &mut Reader<'_>) -> Option<String> {
    let id = reader.text(node)?;
    if id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Some(id);
    }
    reader.wrong(&node.place, format!("expected {what}: a UUID such as 6c0f1e2d-0b1a-4c5d-8e9f-0123456789ab"))
}
