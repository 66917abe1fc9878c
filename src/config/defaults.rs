//! `defaults`: what holds for the whole configuration.

use super::raw::RawFile;
use crate::account::AccountName;
use crate::contact::{Recipient, Region};
use crate::diagnostic::Place;
use crate::hook::reach::{fixed, preferences};
use crate::hook::via::{self, RawVia};
use crate::hook::{Known, SET_ON_FAILURE};
use crate::node::Shape::{Object, OneOrMore, Text, Words};
use crate::node::{Node, Placed, Property, Reader, Table, needed, property, rows};

/// `defaults` as written.
#[derive(Default)]
pub(super) struct Defaults {
    /// `region`
    pub region: Option<Region>,
    on_failure: Option<Placed<RawOnFailure>>,
}

/// `on-failure` as written.
#[derive(Default)]
struct RawOnFailure {
    to: Vec<Placed<String>>,
    via: Vec<RawVia>,
}

/// The tables by their names in the schema.
pub(super) const DEFAULT_ROWS: Table = Table { name: "defaults", rows: || rows(DEFAULTS) };
const ON_FAILURES: Table = Table { name: "on-failure", rows: || rows(ON_FAILURE) };

const DEFAULTS: &[Property<Defaults>] = &[
    property(
        "region",
        Words(regions),
        "The country whose national phone numbers are completed.",
        |defaults, node, r| defaults.region = region(node, r),
    ),
    property(
        "on-failure",
        Object(ON_FAILURES),
        "Who hears of messages that failed, of accounts that are out of order, and of files that were refused.",
        |defaults, node, r| defaults.on_failure = node.placed(r.record(node, ON_FAILURE)),
    ),
];

const ON_FAILURE: &[Property<RawOnFailure>] = &[
    needed("to", OneOrMore(&Text), "To whom: a contact, a list, or several.", |to, node, r| {
        to.to = r.one_or_more(node, Reader::placed_text)
    }),
    property("via", OneOrMore(&via::SHAPE), "The accounts to send by, in order of preference.", |to, node, r| {
        to.via = r.one_or_more(node, via::read)
    }),
];

/// The codes of all regions.
fn regions() -> Vec<&'static str> {
    Region::ALL.iter().map(|(code, _)| *code).collect()
}

fn region(node: &Node, reader: &mut Reader<'_>) -> Option<Region> {
    let code = reader.text(node)?;
    match Region::named(&code) {
        None => reader.wrong(&node.place, format!("no region \"{code}\" is known: \"RU\" is")),
        region => region,
    }
}

/// `defaults`, in at most one file.
pub(super) fn read(files: &[RawFile], reader: &mut Reader<'_>) -> Defaults {
    let mut given = files.iter().filter_map(|file| file.defaults.as_ref());
    let Some(first) = given.next() else { return Defaults::default() };
    for another in given {
        let message =
            format!("\"defaults\" may stand in one file only, and {} has it", first.place.source.path.display());
        reader.error(&another.place, message)
    }
    reader.record(first, DEFAULTS).unwrap_or_default()
}

impl Defaults {
    /// Who hears of failures; nobody where it is not written, or after a mistake.
    pub(super) fn on_failure(&self, known: &Known, reader: &mut Reader<'_>) -> Vec<Recipient> {
        let Some(Placed { value: RawOnFailure { to, via }, place }) = &self.on_failure else { return Vec::new() };
        reached(to, via, place, known, reader).unwrap_or_default()
    }
}

/// Who hears of failures, for those who would have something told to them.
pub(super) struct Hearers<'a> {
    recipients: &'a [Recipient],
    /// `on-failure` is written; should nobody come of that, the mistake is told.
    written: bool,
}

impl<'a> Hearers<'a> {
    /// These.
    pub(super) fn new(defaults: &Defaults, recipients: &'a [Recipient]) -> Hearers<'a> {
        Hearers { recipients, written: defaults.on_failure.is_some() }
    }

    /// Whether anybody does.
    pub(super) fn any(&self) -> bool {
        self.written
    }

    /// Warns where nobody would hear that an account's canary is lost.
    pub(super) fn warn(&self, account: &AccountName, place: &Place, reader: &mut Reader<'_>) {
        if !self.written {
            reader.warn(place, format!("nobody would hear that it is lost: {SET_ON_FAILURE}"));
        }
        let same = |recipient: &Recipient| recipient.ways.iter().all(|way| way.account == *account);
        if !self.recipients.is_empty() && self.recipients.iter().all(same) {
            let message =
                format!("that it is lost would be told by {account} itself: give \"on-failure\" another account");
            reader.warn(place, message);
        }
    }
}

fn reached(
    to: &[Placed<String>],
    via: &[RawVia],
    place: &Place,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Vec<Recipient>> {
    let via = preferences(via, known, reader);
    if to.is_empty() {
        return reader.wrong(place, "to whom? \"on-failure\" needs a \"to\": a contact, a list, or several");
    }
    fixed(to, place, via.as_deref().map(|via| (via, &[][..])), known, reader)
}
