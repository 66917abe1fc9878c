//! `console`: rings on the daemon's own terminal, or in its log. For a first try, and for tests of a configuration.

use crate::account::{Limits, Takes};
use crate::message::delivery::{Receipt, SendError};
use crate::node::{Node, Property, Reader, rows};
use crate::provider::account;
use crate::provider::capabilities::Capabilities;
use crate::provider::markup::{PLAIN, render};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::text::{harmless, one_line};
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request};

/// The row of the table.
pub(super) const KIND: Kind = Kind {
    name: "console",
    limits: Limits::NONE,
    can: Capabilities::TEXT,
    help: "Rings on the daemon's own terminal, or in its log.",
    properties: || rows(PROPERTIES),
    open: Open::Local(open),
};

/// A console has no properties of its own.
#[derive(Default)]
struct Properties;

const PROPERTIES: &[Property<Properties>] = &[];

fn open(node: &Node, reader: &mut Reader<'_>) -> Option<Opened> {
    account::own(node, PROPERTIES, reader)?;
    Some(Opened { takes: Takes::Any, provider: Box::new(Console) })
}

struct Console;

impl Provider for Console {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        match answers {
            [] => Ok(Next::Ask(Request::Print { terminal: ringing(out), line: line(out) })),
            _ => Ok(Next::Done(Receipt::default())),
        }
    }

    fn probe(&self, _: &Inquiry, _: &[Answer]) -> Result<Probe, SendError> {
        Ok(Probe::Done(Learned::well("rings on the daemon's terminal or in its log")))
    }
}

/// Whom it rings: the contact, and its address where that says more.
fn callee(out: &Outgoing) -> String {
    let address = &out.address.text;
    let callee = if address.is_empty() || *address == out.contact {
        out.contact.clone()
    } else {
        format!("{} · {address}", out.contact)
    };
    harmless(&one_line(&callee))
}

/// A telephone that rings: with its bell, and open on the right, for the width of a line with emoji is anybody's guess.
fn ringing(out: &Outgoing) -> String {
    let mut shown = format!("\u{7}╭─ 🔔 ring, ring! {}\n", callee(out));
    if let Some(title) = &out.title {
        shown.push_str(&format!("│ {}\n│\n", harmless(&one_line(title))));
    }
    for line in harmless(&text(out).replace("\r\n", "\n")).lines() {
        shown.push_str(format!("│ {line}").trim_end());
        shown.push('\n');
    }
    shown.push_str("╰─\n");
    shown
}

fn line(out: &Outgoing) -> String {
    let title = out.title.as_deref().map(|title| format!("{} · ", one_line(title))).unwrap_or_default();
    harmless(&format!("🔔 {}: {title}{}", callee(out), one_line(&text(out))))
}

/// A terminal shows no marks.
fn text(out: &Outgoing) -> String {
    render(&out.text, out.format, &PLAIN)
}
