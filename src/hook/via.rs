//! `via`: accounts in order of preference, each with the patience it gets.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::account::{AccountDirectory, AccountName, Takes};
use crate::contact::Via;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::node::{Node, Placed, Property, Reader, Shape, Table, Value, needed, rows, usual};

/// One entry of `via` as users write it: an account's name, or `{"account": …, "patience": …}`.
pub struct RawVia {
    account: Placed<String>,
    patience: Option<Placed<Duration>>,
}

#[derive(Default)]
struct Written {
    account: Option<Placed<String>>,
    patience: Option<Placed<Duration>>,
}

const WRITTEN: &[Property<Written>] = &[
    needed("account", Shape::Text, "The account's name.", |way, node, r| way.account = r.placed_text(node)),
    usual(
        "patience",
        Shape::SomeTime,
        "2m",
        "How long this way may hold a message before the next one is taken; it is satisfied only by a report \
         that the message arrived.",
        |way, node, r| way.patience = patience(node, r),
    ),
];

/// What may stand in one entry.
pub const SHAPE: Shape = Shape::Either(&[Shape::Text, Shape::Object(Table { name: "way", rows: || rows(WRITTEN) })]);

/// Reads one entry.
pub fn read(reader: &mut Reader<'_>, node: &Node) -> Option<RawVia> {
    let Value::Map(_) = node.value else {
        return Some(RawVia { account: reader.placed_text(node)?, patience: None });
    };
    match reader.record(node, WRITTEN)? {
        Written { account: Some(account), patience } => Some(RawVia { account, patience }),
        Written { account: None, .. } => reader.wrong(&node.place, "a way needs an \"account\""),
    }
}

fn patience(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<Duration>> {
    let patience = reader.duration(node)?;
    if patience.is_zero() {
        return reader.wrong(&node.place, "no time at all: every message would leave this way untried");
    }
    node.placed(Some(patience))
}

impl RawVia {
    /// The account that this means; none after a mistake. `reporting` are those that report when a message arrives.
    pub fn compile(
        &self,
        accounts: &AccountDirectory,
        reporting: &BTreeSet<AccountName>,
        reader: &mut Reader<'_>,
    ) -> Option<Via> {
        let account = account(&self.account, accounts, reader)?;
        // Of a broken account nobody knows, and its own mistake is told.
        let is_silent = !reporting.contains(&account) && accounts.get(&account) != Some(&Takes::Nothing);
        if let Some(patience) = self.patience.as_ref().filter(|_| is_silent) {
            let message = format!(
                "{account} never reports that a message arrived: each will sit out this patience, and then take the next way too, or fail"
            );
            reader.warn(&patience.place, message);
        }
        Some(Via { account, patience: self.patience.as_ref().map(|patience| patience.value) })
    }
}

/// The account that a name means; none after a mistake.
pub fn account(name: &Placed<String>, known: &AccountDirectory, reader: &mut Reader<'_>) -> Option<AccountName> {
    let account = AccountName::new(&name.value);
    if known.contains_key(&account) {
        return Some(account);
    }
    let finding = Diagnostic::error(&name.place, format!("no account is called \"{}\"", name.value));
    let help = did_you_mean(&name.value, known.keys().map(AccountName::as_str));
    reader.note(Diagnostic { help, ..finding })
}
