//! `canary` of an account as it is written.

use std::time::Duration;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::message::canary::Until;
use crate::node::Shape::{OneOrMore, SomeTime, Text, Words};
use crate::node::{Node, Placed, Property, Reader, Table, needed, property, rows, usual};

/// `canary` as written.
#[derive(Debug, Default)]
pub struct RawCanary {
    /// To whom.
    pub to: Vec<Placed<String>>,
    /// The time from one to the next.
    pub every: Option<Placed<Duration>>,
    /// The time in which it must be back.
    pub within: Option<Placed<Duration>>,
    /// When it is back.
    pub until: Option<Placed<Until>>,
}

/// The table by its name in the schema.
pub(super) const CANARIES: Table = Table { name: "canary", rows: || rows(CANARY) };

/// Its properties.
pub const CANARY: &[Property<RawCanary>] = &[
    needed("to", OneOrMore(&Text), "To whom: a contact, a list, or several.", |canary, node, r| {
        canary.to = r.one_or_more(node, Reader::placed_text)
    }),
    needed("every", SomeTime, "The time from one to the next, 1m or more.", |canary, node, r| {
        canary.every = node.placed(r.duration(node))
    }),
    usual(
        "within",
        SomeTime,
        "15m",
        "The time in which it must be back; never more than `every`.",
        |canary, node, r| canary.within = node.placed(r.duration(node)),
    ),
    property(
        "until",
        Words(ends),
        "When it is back. Default: delivered where the provider reports that, else sent.",
        |canary, node, r| canary.until = node.placed(until(node, r)),
    ),
];

fn ends() -> Vec<&'static str> {
    Until::ALL.iter().map(|(word, _)| *word).collect()
}

fn until(node: &Node, reader: &mut Reader<'_>) -> Option<Until> {
    let word = reader.text(node)?;
    let found = Until::named(&word);
    if found.is_none() {
        let finding = Diagnostic::error(&node.place, format!("\"{word}\" is no end of a canary: delivered or sent"));
        return reader.note(Diagnostic { help: did_you_mean(&word, Until::ALL.map(|(word, _)| word)), ..finding });
    }
    found
}
