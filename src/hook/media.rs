//! `send.media`: what a hook sends besides a text, and where in a call that is.

use super::argument::NAME;
use super::raw::RawMedia;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::message::media::MediaKind;
use crate::node::Shape::{self, Either, Object, Text, Words};
use crate::node::{Form, Node, Placed, Property, Reader, Table, Value, property, rows};
use crate::request::parameter::{Parameter, Source};
use crate::template::Template;

/// What a hook's messages bring besides their texts.
#[derive(Debug)]
pub struct Brings {
    /// Where it is.
    pub whence: Whence,
    /// What it is to those who see it, where that is said; else its type tells.
    pub kind: Option<MediaKind>,
}

/// Where it is.
#[derive(Debug)]
pub enum Whence {
    /// In the call: a file of its form, or a link to it.
    Call(Parameter),
    /// At a link, which is a template.
    Link(Template),
}

/// A link, or an object.
pub(super) const SHAPE: Shape = Either(&[Text, Object(Table { name: "media", rows: || rows(MEDIA) })]);

const MEDIA: &[Property<RawMedia>] = &[
    property(
        "source",
        Words(Source::words),
        "Where in the call it is: of a form in parts the source is payload.",
        |media, node, r| media.source = r.placed_text(node),
    ),
    property("name", Text, NAME, |media, node, r| media.name = r.text(node)),
    property(
        "url",
        Text,
        "A link to it, in the place of a source: a template over msg, title, query, payload, headers, hook, now.",
        |media, node, r| media.url = r.placed_text(node),
    ),
    property(
        "kind",
        Words(kinds),
        "What it is shown as. Default: what its type says, which of a link is the end of its path.",
        |media, node, r| media.kind = r.placed_text(node),
    ),
];

fn kinds() -> Vec<&'static str> {
    MediaKind::ALL.iter().map(|(word, _)| *word).collect()
}

/// Reads it: a text is a link.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<RawMedia>> {
    match node.value {
        Value::Map(_) => node.placed(reader.record(node, MEDIA)),
        _ => {
            let url = reader.placed_text(node);
            node.placed(Some(RawMedia { url, ..RawMedia::default() }))
        }
    }
}

impl Brings {
    /// Compiles it. Mistakes go to the reader.
    pub(super) fn compile(raw: &Placed<RawMedia>, reader: &mut Reader<'_>) -> Option<Brings> {
        let Placed { value: RawMedia { source, name, url, kind }, place } = raw;
        let whence = match (source, url) {
            (Some(_), Some(url)) => reader.wrong(&url.place, "either a \"source\" or a \"url\", not both"),
            (None, None) => reader.wrong(place, "where is it? name a \"source\" of the call, or a \"url\""),
            (None, Some(url)) => match Template::parse(&url.value) {
                Ok(link) if url.value.starts_with("{{") || is_link(&url.value) => Some(Whence::Link(link)),
                Ok(_) => reader.note(
                    Diagnostic::error(&url.place, "expected an http:// or https:// address")
                        .help("for a value of the call write {\"source\": \"payload\", \"name\": \"image\"}"),
                ),
                Err(why) => reader.wrong(&url.place, why.to_string()),
            },
            (Some(_), None) => match Parameter::compile(source.as_ref(), name.as_deref(), place, Form::Full) {
                Ok(parameter) => Some(Whence::Call(parameter)),
                Err(finding) => reader.note(finding),
            },
        };
        let kind = match kind {
            None => Some(None),
            Some(word) => match MediaKind::named(&word.value) {
                Some(kind) => Some(Some(kind)),
                None => {
                    let help = did_you_mean(&word.value, kinds())
                        .unwrap_or_else(|| format!("there are {}", kinds().join(", ")));
                    let message = format!("\"{}\" is no kind of media", word.value);
                    reader.note(Diagnostic::error(&word.place, message).help(help))
                }
            },
        };
        Some(Brings { whence: whence?, kind: kind? })
    }
}

fn is_link(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme))
}
