//! What providers tell by themselves: reports find their deliveries, also early, late and twice; who writes to us is kept.

use std::collections::BTreeMap;

use rusqlite::params;

use super::attempts::Entry;
use super::error::OutboxError;
use super::rows::{self, Leased};
use super::writer::Pen;
use super::{parked, queue, windows};
use crate::message::delivery::{Class, Delivery, DeliveryId, DeliveryState, Event, Receipt, Report, SendError};
use crate::message::news::{Inbound, News, Told};

/// What news led to.
#[derive(Debug, Default)]
pub struct Heard {
    /// Deliveries that stand elsewhere than before.
    pub changed: Vec<Delivery>,
    /// Messages from people that were not known yet.
    pub inbound: Vec<Inbound>,
}

/// Takes news of an account.
pub(super) fn hear(pen: &Pen<'_>, account: &str, news: Vec<News>, jitter: f64) -> Result<Heard, OutboxError> {
    let mut heard = Heard::default();
    for piece in news {
        match piece {
            News::Told(told) => match apply_to_all(pen, account, &told, jitter)? {
                Some(changed) => heard.changed.extend(changed),
                None => parked::keep(pen, account, &told)?,
            },
            News::Inbound(inbound) => {
                windows::open(pen, account, &inbound)?;
                if keep(pen, account, &inbound)? {
                    heard.inbound.push(inbound);
                }
            }
        }
    }
    Ok(heard)
}

/// Applies what was told of a try before its answer was here. Yields the delivery where it stands elsewhere by that.
pub(super) fn catch_up(
    pen: &Pen<'_>,
    tried: &Delivery,
    receipt: &str,
    jitter: f64,
) -> Result<Option<Delivery>, OutboxError> {
    let Some(way) = tried.current_way() else { return Ok(None) };
    let account = way.account.as_str();
    let mut changed = None;
    for told in parked::by_receipt(pen, account, receipt)? {
        changed = apply(pen, account, tried.id, tried.way, &told, jitter)?.or(changed);
    }
    Ok(changed)
}

/// The same for a try whose answer will not come any more.
pub(super) fn catch_up_unheard(pen: &Pen<'_>, tried: &Delivery, jitter: f64) -> Result<Option<Delivery>, OutboxError> {
    let Some(way) = tried.current_way() else { return Ok(None) };
    let account = way.account.as_str();
    let mut changed = None;
    for told in parked::by_key(pen, account, &tried.key())? {
        changed = apply_to_all(pen, account, &told, jitter)?.and_then(|mut all| all.pop()).or(changed);
    }
    Ok(changed)
}

/// Applies a report to each delivery that it is about. Yields those that stand elsewhere now; `None` if it is about none
/// that is known.
fn apply_to_all(pen: &Pen<'_>, account: &str, told: &Told, jitter: f64) -> Result<Option<Vec<Delivery>>, OutboxError> {
    let mut changed = Vec::new();
    let mut tries = tries_of(pen, account, &told.receipt)?;
    if tries.is_empty() {
        let Some((unheard, way)) = try_of_key(pen, account, told)? else { return Ok(None) };
        tries.insert(unheard.delivery.id, way);
        changed.extend(hear_answer(pen, account, &unheard, way, told)?);
    }
    for (id, way) in tries {
        changed.extend(apply(pen, account, id, way, told, jitter)?);
    }
    Ok(Some(changed))
}

/// The deliveries that got this receipt, each with the way on which it did.
fn tries_of(pen: &Pen<'_>, account: &str, receipt: &str) -> Result<BTreeMap<DeliveryId, usize>, OutboxError> {
    let mut statement = pen.prepare("SELECT delivery, way FROM attempts WHERE account = ?1 AND receipt = ?2")?;
    let found = statement.query_map([account, receipt], |row| Ok((DeliveryId(row.get(0)?), rows::way(row, 1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The delivery of which a try never heard its answer, by the key that the provider gives back, and the way of that try.
/// While another try is under way its answer is the one to wait for.
fn try_of_key(pen: &Pen<'_>, account: &str, told: &Told) -> Result<Option<(Leased, usize)>, OutboxError> {
    let id = told.key.as_deref().and_then(|key| key.rsplit_once('-')?.1.parse().ok());
    let Some(found) = id.map(|id| rows::read(pen, DeliveryId(id))).transpose()?.flatten() else { return Ok(None) };
    let Delivery { recipient, way, state, .. } = &found.delivery;
    if *state == DeliveryState::Sending || told.key != Some(found.delivery.key()) {
        return Ok(None);
    }
    let tried = recipient.ways.iter().take(way + 1).rposition(|way| way.account.as_str() == account);
    Ok(tried.map(|way| (found, way)))
}

/// Takes a report for the answer that never came, so that an unknown one does not go out twice. Yields the delivery where
/// that sends it off.
fn hear_answer(
    pen: &Pen<'_>,
    account: &str,
    unheard: &Leased,
    way: usize,
    told: &Told,
) -> Result<Option<Delivery>, OutboxError> {
    let Delivery { id, way: current, state, .. } = unheard.delivery;
    let detail = "its answer was not heard: a report names it";
    Entry { detail, ..told_of(id, way, account, "accepted", told) }.write(pen)?;
    if current != way || state != DeliveryState::Queued {
        return Ok(None);
    }
    let receipt = Receipt { id: Some(told.receipt.clone()), ..Receipt::default() };
    Ok(Some(queue::change(pen, unheard, Event::Accepted(receipt), 0.0)?.delivery))
}

/// Applies a report to one delivery. Yields it where it stands elsewhere now.
fn apply(
    pen: &Pen<'_>,
    account: &str,
    id: DeliveryId,
    way: usize,
    told: &Told,
    jitter: f64,
) -> Result<Option<Delivery>, OutboxError> {
    let known = "SELECT 1 FROM attempts WHERE account = ?1 AND receipt = ?2 AND delivery = ?3 AND class = ?4";
    let Some(before) = rows::read(pen, id)? else { return Ok(None) };
    if pen.prepare(known)?.exists(params![account, told.receipt, id.0, told.report.as_str()])? {
        return Ok(None);
    }
    let (code, detail) = match &told.report {
        Report::Failed(SendError { code, detail, .. }) => (code.as_str(), detail.as_str()),
        _ => ("", ""),
    };
    Entry { code, detail, ..told_of(id, way, account, told.report.as_str(), told) }.write(pen)?;
    if !told.report.concerns(&before.delivery, &told.receipt) {
        return Ok(None);
    }
    if let Report::Failed(SendError { class: Class::Form, .. }) = told.report {
        windows::close(pen, &before.delivery)?;
    }
    // The hold that a failure may cause begins now: no try began it.
    let before = Leased { since: Some(pen.now), ..before };
    let after = queue::change(pen, &before, Event::Reported(told.report.clone()), jitter)?.delivery;
    Ok(Some(after).filter(|after| after.state != before.delivery.state))
}

/// What was told of a try, as a row of its own.
fn told_of<'a>(delivery: DeliveryId, way: usize, account: &'a str, class: &'a str, told: &'a Told) -> Entry<'a> {
    let receipt = Some(told.receipt.as_str());
    Entry { delivery, way, account, began: told.at, class, code: "", detail: "", receipt }
}

/// Stores a message from a person. Says whether it is new.
fn keep(pen: &Pen<'_>, account: &str, inbound: &Inbound) -> Result<bool, OutboxError> {
    let Inbound { id, address, contact, kind, text, at, window: _ } = inbound;
    let written = pen
        .prepare(
            "INSERT INTO inbound (account, provider_id, address, contact, kind, text, written_at, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?
        .execute(params![account, id, address, contact, kind, text, at.millis(), pen.now.millis()])?;
    Ok(written > 0)
}
