//! Values of a call as a hook's properties name them: the tables that they are read by.

use super::raw::{RawArgument, RawPriority};
use crate::diagnostic::Diagnostic;
use crate::message::Priority;
use crate::node::Shape::{self, Boolean, Map, Object, PeerWords, Text, Words};
use crate::node::{Node, Placed, Property, Reader, Table, Value, needed, needed_in_full, property, rows, usual};
use crate::request::parameter::Source;

/// What `name` is.
pub(super) const NAME: &str =
    "Its name there: `a.b.0` reaches into objects and lists. Of the source string it is the text itself.";

/// One argument of the peer's lists.
pub(super) const ARGUMENTS: Shape = Object(Table { name: "argument", rows: || rows(ARGUMENT) });
/// One of our own parameters.
pub(super) const PARAMETERS: Shape = Object(Table { name: "parameter", rows: || rows(PARAMETER) });
/// A priority that is a value of the call.
pub(super) const PRIORITIES: Shape = Object(Table { name: "priority", rows: || rows(PRIORITY) });
/// A header of an answer.
pub(super) const HEADERS: Shape = Object(Table { name: "header", rows: || rows(HEADER) });

const ARGUMENT: &[Property<RawArgument>] = &[
    needed_in_full("source", PeerWords(Source::words), "Where in the call the value is.", |argument, node, r| {
        argument.source = r.placed_text(node)
    }),
    property("name", Text, NAME, |argument, node, r| argument.name = r.text(node)),
    property(
        "envname",
        Text,
        "The environment variable that gets the value, or the path of its file.",
        |argument, node, r| argument.envname = r.text(node),
    ),
    // adnanh/webhook has it on every argument and looks at it for files only.
    usual("base64decode", Boolean, "false", "The value is base64 of what the file gets.", |argument, node, r| {
        argument.base64decode = r.boolean(node).unwrap_or_default()
    }),
];

/// Our own parameters.
const PARAMETER: &[Property<RawArgument>] = &[
    needed("source", Words(Source::words), "Where in the call the value is.", |parameter, node, r| {
        parameter.source = r.placed_text(node)
    }),
    property("name", Text, NAME, |parameter, node, r| parameter.name = r.text(node)),
];

const PRIORITY: &[Property<RawArgument>] = &[
    needed("source", Words(Source::words), "Where in the call the value is.", |parameter, node, r| {
        parameter.source = r.placed_text(node)
    }),
    property("name", Text, NAME, |parameter, node, r| parameter.name = r.text(node)),
    needed(
        "map",
        Map(&Words(priorities)),
        "Values, and the priority that each means; any other means normal.",
        |parameter, node, r| parameter.map = map(node, r),
    ),
];

/// A header as written: name and value.
#[derive(Default)]
struct Header(Option<Placed<String>>, Option<Placed<String>>);

const HEADER: &[Property<Header>] = &[
    needed_in_full("name", Text, "The header's name.", |header, node, r| header.0 = r.placed_text(node)),
    property("value", Text, "Its value.", |header, node, r| header.1 = r.placed_text(node)),
];

pub(super) fn headers(node: &Node, reader: &mut Reader<'_>) -> Vec<(Placed<String>, Placed<String>)> {
    let each = |r: &mut Reader<'_>, node: &Node| match r.record(node, HEADER)? {
        Header(Some(name), value) => {
            Some((name, value.unwrap_or_else(|| Placed { value: String::new(), place: node.place.clone() })))
        }
        // upstream: net/http leaves a header without a name out.
        Header(None, _) => {
            r.mistake(Diagnostic::error(&node.place, "a header without a \"name\" can't be sent"));
            None
        }
    };
    reader.list(node, each).unwrap_or_default()
}

/// One of our own parameters.
pub(super) fn parameter(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<RawArgument>> {
    node.placed(reader.record(node, PARAMETER))
}

/// One argument of the peer's lists.
fn argument(node: &Node, reader: &mut Reader<'_>) -> Option<RawArgument> {
    reader.record(node, ARGUMENT)
}

pub(super) fn arguments(node: &Node, reader: &mut Reader<'_>) -> Vec<RawArgument> {
    reader.list(node, |r, node| argument(node, r)).unwrap_or_default()
}

pub(super) fn placed_arguments(node: &Node, reader: &mut Reader<'_>) -> Vec<Placed<RawArgument>> {
    reader.list(node, |r, node| node.placed(argument(node, r))).unwrap_or_default()
}

pub(super) fn priority(node: &Node, reader: &mut Reader<'_>) -> Option<RawPriority> {
    match node.value {
        Value::Map(_) => node.placed(reader.record(node, PRIORITY)).map(RawPriority::Parameter),
        _ => reader.placed_text(node).map(RawPriority::Word),
    }
}

pub(super) fn map(node: &Node, reader: &mut Reader<'_>) -> Vec<(String, Placed<String>)> {
    let entries = reader.entries(node).unwrap_or_default();
    entries.into_iter().filter_map(|entry| Some((entry.key.clone(), reader.placed_text(&entry.value)?))).collect()
}

pub(super) fn priorities() -> Vec<&'static str> {
    Priority::ALL.iter().map(|(word, _)| *word).collect()
}
