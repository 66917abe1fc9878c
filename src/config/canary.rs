//! `canary` of an account, read once it is known who can be reached.

use std::time::Duration;

use super::defaults::Hearers;
use crate::account::{AccountName, Takes};
use crate::contact::{Recipient, Via, Way};
use crate::diagnostic::{Diagnostic, Place};
use crate::hook::Known;
use crate::hook::reach::fixed;
use crate::message::canary::{Canary, MOST_OFTEN, Until, WITHIN};
use crate::node::{Entry, Placed, Reader, Value, units};
use crate::provider::canary::{CANARY, RawCanary};

/// The canary of an account as it is written there; none, also after a mistake: the account sends all the same.
pub(super) fn read(
    account: &AccountName,
    written: &Entry,
    known: &Known,
    hearers: &Hearers<'_>,
    reader: &mut Reader<'_>,
) -> Option<Canary> {
    let Value::Map(properties) = &written.value.value else { return None };
    let node = &properties.iter().rfind(|property| property.key == "canary")?.value;
    // Its own mistakes are told, and nobody knows what it takes.
    if matches!(node.value, Value::Null) || known.accounts.get(account) == Some(&Takes::Nothing) {
        return None;
    }
    let before = reader.findings.len();
    let raw = reader.record(node, CANARY)?;
    let place = &node.place;
    let whole = |reader: &Reader<'_>| !reader.findings.iter().skip(before).any(Diagnostic::is_error);
    // One that is there and can't be read was told.
    let timing = if raw.every.is_some() || whole(reader) { timing(&raw, place, reader) } else { None };
    let recipients = recipients(account, &raw.to, place, known, reader);
    let until = compile_until(account, raw.until, known, reader);
    hearers.warn(account, place, reader);
    let (every, within) = timing?;
    Some(Canary { recipients: recipients?, every, within, until }).filter(|_| whole(reader))
}

fn recipients(
    account: &AccountName,
    to: &[Placed<String>],
    place: &Place,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Vec<Recipient>> {
    if to.is_empty() {
        return reader.wrong(place, "to whom? a canary needs a \"to\": a contact, a list, or several");
    }
    let recipients = fixed(to, place, Some((&[Via::account(account.clone())], &[])), known, reader)?;
    // It has its own time in which it must be back.
    let patient = |way: Way| Way { patience: None, ..way };
    let whole =
        |recipient: Recipient| Recipient { ways: recipient.ways.into_iter().map(patient).collect(), ..recipient };
    Some(recipients.into_iter().map(whole).collect())
}

fn timing(raw: &RawCanary, place: &Place, reader: &mut Reader<'_>) -> Option<(Duration, Duration)> {
    let Some(every) = &raw.every else {
        return reader.wrong(place, "how often? a canary needs an \"every\", such as \"24h\"");
    };
    if every.value < MOST_OFTEN {
        return reader.wrong(&every.place, "too often: at least 1m must lie between two canaries");
    }
    match &raw.within {
        None => Some((every.value, WITHIN.min(every.value))),
        Some(within) if within.value.is_zero() => {
            reader.wrong(&within.place, "no time at all: every canary would be lost")
        }
        Some(within) if within.value > every.value => {
            let every = units::shown(every.value);
            reader.wrong(&within.place, format!("the next canary is sent after {every}: this one must be back before"))
        }
        Some(within) => Some((every.value, within.value)),
    }
}

fn compile_until(
    account: &AccountName,
    written: Option<Placed<Until>>,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Until {
    let reports = known.reporting.contains(account);
    match written {
        Some(Placed { value: Until::Delivered, place }) if !reports => {
            let message = format!("{account} never reports that a message arrived: every canary would be lost");
            reader.error(&place, message);
            Until::Sent
        }
        Some(written) => written.value,
        None if reports => Until::Delivered,
        None => Until::Sent,
    }
}
