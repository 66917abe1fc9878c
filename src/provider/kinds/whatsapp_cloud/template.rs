//! The template that Meta approved, as an account has it.

use std::collections::BTreeSet;

use crate::message::media::MediaKind;
use crate::node::{Node, Property, Reader, Shape, Table, Value, needed, property, rows};
use crate::provider::parameters;
use crate::template::Template as Text;

/// Meta takes so many buttons.
const BUTTONS: i64 = 10;

/// A template that Meta approved, by its name there.
pub(super) struct Template {
    pub(super) name: String,
    pub(super) language: String,
    pub(super) header: Option<Header>,
    /// One for each parameter of its body; without any it has one, for all of the text.
    pub(super) params: Vec<Param>,
    pub(super) buttons: Vec<Button>,
}

/// The part of a template's header that differs from message to message.
pub(super) enum Header {
    Text(Text),
    /// A picture, a film or a document; and the one for messages that bring none.
    Media(MediaKind, String),
}

/// A parameter of a template's body. Either all have names, or none has one.
pub(super) struct Param {
    pub(super) name: Option<String>,
    pub(super) text: Text,
}

/// A button whose target differs from message to message.
pub(super) struct Button {
    /// Its place among all of the template's buttons.
    pub(super) index: usize,
    pub(super) target: Target,
}

pub(super) enum Target {
    /// The end of its address.
    Url(Text),
    /// What comes back when it is pressed.
    Reply(Text),
}

impl Template {
    /// Whether its header shows media of this kind.
    pub(super) fn takes(&self, kind: MediaKind) -> bool {
        matches!(&self.header, Some(Header::Media(header, _)) if *header == kind)
    }
}

#[derive(Default)]
struct Properties {
    name: Option<String>,
    language: Option<String>,
    header: Option<Header>,
    params: Option<Vec<Param>>,
    buttons: Vec<Button>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("name", Shape::Text, "Its name in Meta's WhatsApp Manager.", |template, node, reader| {
        template.name = reader.text(node)
    }),
    needed(
        "language",
        Shape::Text,
        "The code of its language there, such as ru or en_US.",
        |template, node, reader| template.language = reader.text(node),
    ),
    property(
        "header",
        Shape::Either(&[Shape::Text, Shape::Object(HEADER)]),
        "What fills its header, where that has a parameter: a template over msg, title, lines, contact, link, key, or \
         the image, video or document for messages that bring none.",
        |template, node, reader| template.header = header(node, reader),
    ),
    property(
        "params",
        Shape::Either(&[Shape::List(&Shape::Text), Shape::Map(&Shape::Text)]),
        "A template over msg, title, lines, contact, link, key for each parameter of its body: a list, or by name \
         where they have names. Default: one, with all of the text.",
        |template, node, reader| template.params = params(node, reader),
    ),
    property(
        "buttons",
        Shape::List(&Shape::Object(BUTTON)),
        "What fills those of its buttons that have a parameter.",
        |template, node, reader| template.buttons = buttons(node, reader).unwrap_or_default(),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "approved-template", rows: || rows(PROPERTIES) };

/// `approved-template`
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let Properties { name, language, header, params, buttons } = reader.record(node, PROPERTIES)?;
    match (name, language) {
        (Some(name), Some(language)) => {
            Some(Template { name, language, header, params: params.unwrap_or_default(), buttons })
        }
        _ => reader.wrong(&node.place, "a template has a \"name\" and a \"language\", as in Meta's WhatsApp Manager"),
    }
}

#[derive(Default)]
struct HeaderProperties {
    media: Vec<Header>,
}

const HEADERS: &[Property<HeaderProperties>] = &[
    property(
        "image",
        LINK,
        "Where the picture is that is shown where a message brings none.",
        |header, node, reader| header.media.extend(linked(MediaKind::Image, node, reader)),
    ),
    property("video", LINK, "The same for a header with a video.", |header, node, reader| {
        header.media.extend(linked(MediaKind::Video, node, reader))
    }),
    property("document", LINK, "The same for a header with a document.", |header, node, reader| {
        header.media.extend(linked(MediaKind::Document, node, reader))
    }),
];

const LINK: Shape = Shape::Pattern("^https?://");

const HEADER: Table = Table { name: "template-header", rows: || rows(HEADERS) };

fn header(node: &Node, reader: &mut Reader<'_>) -> Option<Header> {
    if !matches!(node.value, Value::Map(_)) {
        return parameters::read(node, reader).map(Header::Text);
    }
    let earlier = reader.findings.len();
    let HeaderProperties { mut media } = reader.record(node, HEADERS)?;
    match (media.pop(), media.is_empty()) {
        (Some(header), true) => Some(header),
        _ if reader.findings.len() > earlier => None,
        _ => reader.wrong(&node.place, "expected one of \"image\", \"video\" and \"document\", with a link"),
    }
}

fn linked(kind: MediaKind, node: &Node, reader: &mut Reader<'_>) -> Option<Header> {
    let link = reader.text(node)?;
    match ["http://", "https://"].iter().any(|scheme| link.len() > scheme.len() && link.starts_with(scheme)) {
        true => Some(Header::Media(kind, link)),
        false => reader.wrong(&node.place, "expected a link that Meta can fetch: https://…"),
    }
}

fn params(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Param>> {
    let params = match &node.value {
        Value::Map(_) => {
            let entries = reader.entries(node)?.into_iter();
            let named = |entry: &crate::node::Entry, reader: &mut Reader<'_>| {
                parameters::read(&entry.value, reader).map(|text| Param { name: Some(entry.key.clone()), text })
            };
            entries.map(|entry| named(entry, reader)).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()?
        }
        _ => reader.list(node, |reader, node| parameters::read(node, reader).map(|text| Param { name: None, text }))?,
    };
    if params.is_empty() && !matches!(&node.value, Value::List(written) if !written.is_empty()) {
        return reader.wrong(&node.place, "a template without parameters says nothing of the message");
    }
    Some(params)
}

#[derive(Default)]
struct ButtonProperties {
    index: Option<usize>,
    targets: Vec<Option<Target>>,
}

const BUTTON_PROPERTIES: &[Property<ButtonProperties>] = &[
    property(
        "index",
        Shape::Integer(0, BUTTONS - 1),
        "Its place among all of the template's buttons, from 0. Default: its place in this list.",
        |button, node, reader| button.index = index(node, reader),
    ),
    property(
        "url",
        Shape::Text,
        "The end of its address: a template over msg, title, lines, contact, link, key.",
        |button, node, reader| button.targets.push(parameters::read(node, reader).map(Target::Url)),
    ),
    property(
        "reply",
        Shape::Text,
        "What a quick reply brings back: a template over the same.",
        |button, node, reader| button.targets.push(parameters::read(node, reader).map(Target::Reply)),
    ),
];

const BUTTON: Table = Table { name: "template-button", rows: || rows(BUTTON_PROPERTIES) };

fn buttons(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Button>> {
    let mut place = 0;
    let mut taken = BTreeSet::new();
    reader.list(node, |reader, node| {
        let ButtonProperties { index, mut targets } = reader.record(node, BUTTON_PROPERTIES)?;
        let index = index.unwrap_or(place);
        place += 1;
        if !taken.insert(index) {
            return reader.wrong(&node.place, format!("two buttons at place {index}: \"index\" tells them apart"));
        }
        match (targets.pop(), targets.is_empty()) {
            (Some(target), true) => target.map(|target| Button { index, target }),
            _ => reader.wrong(&node.place, "a button has a \"url\" or a \"reply\", as it is approved"),
        }
    })
}

fn index(node: &Node, reader: &mut Reader<'_>) -> Option<usize> {
    let index = reader.integer(node)?;
    match usize::try_from(index).ok().filter(|_| index < BUTTONS) {
        Some(index) => Some(index),
        None => reader.wrong(&node.place, format!("expected a place from 0 to {}", BUTTONS - 1)),
    }
}
