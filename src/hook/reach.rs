//! Names in a hook → accounts, contacts, and the ways between them.

use std::collections::HashSet;

use super::Known;
use super::via::{self, RawVia};
use crate::account::AccountName;
use crate::contact::{Contact, Recipient, Via, recipients};
use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::node::{Placed, Reader};

/// The accounts that these names mean; none after a mistake.
pub(super) fn accounts_of(
    names: &[Placed<String>],
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Vec<AccountName>> {
    // All of them are looked at, so that all mistakes are told.
    let found: Vec<_> = names.iter().map(|name| via::account(name, &known.accounts, reader)).collect();
    found.into_iter().collect()
}

/// The ways that are preferred by `via`; none after a mistake.
pub fn preferences(written: &[RawVia], known: &Known, reader: &mut Reader<'_>) -> Option<Vec<Via>> {
    let found: Vec<_> = written.iter().map(|via| via.compile(&known.accounts, &known.reporting, reader)).collect();
    found.into_iter().collect()
}

/// The recipients that these names mean, by the accounts of `via` and with copies by those of `also`; none after a
/// mistake. Without accounts only the names are judged.
pub fn fixed(
    names: &[Placed<String>],
    place: &Place,
    via_and_also: Option<(&[Via], &[AccountName])>,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Vec<Recipient>> {
    let mut contacts: Vec<&Contact> = Vec::new();
    let mut seen = HashSet::new();
    let before = reader.findings.len();
    for name in names {
        let Some(found) = known.directory.named(&name.value) else {
            unknown(name, known, reader);
            continue;
        };
        for contact in found {
            if !seen.insert(contact.name.as_str()) {
                continue;
            }
            if let Some((via, also)) = via_and_also {
                judge_ways(contact, via, also, &name.place, known, reader);
            }
            contacts.push(contact);
        }
    }
    if reader.findings[before..].iter().any(Diagnostic::is_error) {
        return None;
    }
    let (via, also) = via_and_also?;
    recipients(contacts, via, also, &known.accounts).map_or_else(|why| reader.wrong(place, why), Some)
}

fn unknown(name: &Placed<String>, known: &Known, reader: &mut Reader<'_>) {
    let Placed { value: name, place } = name;
    if known.directory.broken.contains(name) {
        return reader.error(place, format!("\"{name}\" has mistakes of its own"));
    }
    let help = did_you_mean(name, known.directory.names());
    let message = format!("nobody is called \"{name}\": neither a contact nor a list");
    reader.findings.push(Diagnostic { help, ..Diagnostic::error(place, message) });
}

fn judge_ways(
    contact: &Contact,
    via: &[Via],
    also: &[AccountName],
    place: &Place,
    known: &Known,
    reader: &mut Reader<'_>,
) {
    if let Err(why) = contact.ways(via, &known.accounts) {
        reader.error(place, why);
    }
    for copy in also.iter().filter(|copy| contact.ways(&[Via::account((*copy).clone())], &known.accounts).is_err()) {
        reader.warn(place, format!("{} gets no copy through {copy}: it has no address there", contact.name));
    }
}
