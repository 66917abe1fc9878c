//! What providers tell by themselves: reports find their deliveries, also early, late and twice; who writes to us is kept.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::attempts::Entry;
use super::error::OutboxError;
use super::rows::{self, Leased};
use super::writer::Pen;
use super::{breaker, parked, queue, windows};
use crate::message::delivery::{Class, Delivery, DeliveryId, DeliveryState, Event, Receipt, Report, SendError};
use crate::message::news::{Inbound, News, Standing, Told};

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
            News::Standing(Standing::Down { why }) => breaker::told_down(pen, account, &why)?,
            News::Standing(Standing::Well) => breaker::told_well(pen, account)?,
            News::Noted(_) => {}
        }
    }
    Ok(heard)
}

/// Applies what was told of a try before its answer was here; `together`: of a text that several went as. Yields the
/// delivery where it stands elsewhere by that.
pub(super) fn catch_up(
    pen: &Pen<'_>,
    tried: &Delivery,
    receipt: &str,
    together: bool,
    jitter: f64,
) -> Result<Option<Delivery>, OutboxError> {
    let Some(way) = tried.current_way() else { return Ok(None) };
    let account = way.account.as_str();
    let mut changed = None;
    for told in parked::by_receipt(pen, account, receipt)? {
        changed = apply(pen, account, (tried.id, tried.way), &told, together, jitter)?.or(changed);
    }
    Ok(changed)
}

/// The same of tries whose answers will not come any more: on this way, and on those before it.
pub(super) fn catch_up_unheard(pen: &Pen<'_>, tried: &Delivery, jitter: f64) -> Result<Option<Delivery>, OutboxError> {
    let mut changed = None;
    for (account, told) in parked_of(pen, tried)? {
        changed = apply_to_all(pen, account, &told, jitter)?.and_then(|mut all| all.pop()).or(changed);
    }
    Ok(changed)
}

/// What was told of a try before while this one was under way, if that is an arrival: then it matters no more that this one
/// came to nothing.
pub(super) fn arrival(pen: &Pen<'_>, tried: &Delivery) -> Result<Option<Report>, OutboxError> {
    let told = parked_of(pen, tried)?.into_iter().map(|(_, told)| told.report);
    Ok(told.rev().find(|report| matches!(report, Report::Delivered | Report::Read)))
}

/// What waits that names a delivery, by the accounts that it has gone by.
fn parked_of<'d>(pen: &Pen<'_>, tried: &'d Delivery) -> Result<Vec<(&'d str, Told)>, OutboxError> {
    let ways = tried.recipient.ways.iter().take(tried.way + 1);
    let accounts: BTreeSet<&str> = ways.map(|way| way.account.as_str()).collect();
    let mut parked = Vec::new();
    for account in accounts {
        parked.extend(parked::by_key(pen, account, &tried.key())?.into_iter().map(|told| (account, told)));
    }
    Ok(parked)
}

/// The last way by this account that a delivery has come to.
pub(super) fn way_by(delivery: &Delivery, account: &str) -> Option<usize> {
    let Delivery { recipient, way, .. } = delivery;
    recipient.ways.iter().take(way + 1).rposition(|way| way.account.as_str() == account)
}

/// Applies a report to each delivery that it is about. Yields those that stand elsewhere now; `None` if it is about none
/// that is known.
fn apply_to_all(pen: &Pen<'_>, account: &str, told: &Told, jitter: f64) -> Result<Option<Vec<Delivery>>, OutboxError> {
    let mut changed = Vec::new();
    let mut tries = tries_of(pen, account, &told.receipt)?;
    // Of several that went as one, others may have been heard before.
    let unheard = try_of_key(pen, account, told)?.filter(|(found, _)| !tries.contains_key(&found.delivery.id));
    if let Some((unheard, way)) = unheard {
        tries.insert(unheard.delivery.id, way);
        changed.extend(hear_answer(pen, account, &unheard, way, told)?);
    }
    if tries.is_empty() {
        return Ok(None);
    }
    let together = tries.len() > 1;
    for try_of in tries {
        changed.extend(apply(pen, account, try_of, told, together, jitter)?);
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
    if found.delivery.state == DeliveryState::Sending || told.key != Some(found.delivery.key()) {
        return Ok(None);
    }
    Ok(way_by(&found.delivery, account).map(|way| (found, way)))
}

/// Takes a report for the answer that never came, so that an unknown one does not go out twice. Yields the delivery where
/// that sends it off.
pub(super) fn hear_answer(
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

/// Applies a report to one delivery, of which it is about the try on this way. Yields it where it stands elsewhere now.
fn apply(
    pen: &Pen<'_>,
    account: &str,
    (id, way): (DeliveryId, usize),
    told: &Told,
    together: bool,
    jitter: f64,
) -> Result<Option<Delivery>, OutboxError> {
    let Some(before) = rows::read(pen, id)? else { return Ok(None) };
    if is_known(pen, account, id, told)? {
        return Ok(None);
    }
    // Its address is free when the try ends that is under way, whatever became of one before.
    if before.delivery.state == DeliveryState::Sending {
        parked::keep(pen, account, &Told { key: Some(before.delivery.key()), ..told.clone() })?;
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
    let event = match told.report.clone() {
        Report::Failed(error) if together && error.class == Class::Content => Event::RefusedTogether(error),
        report => Event::Reported(report),
    };
    let after = queue::change(pen, &before, event, jitter)?.delivery;
    Ok(Some(after).filter(|after| after.state != before.delivery.state))
}

/// Whether it was heard before. Devices have one receipt for all tries of a delivery: what is told after the next one was
/// taken is about that.
fn is_known(pen: &Pen<'_>, account: &str, id: DeliveryId, told: &Told) -> Result<bool, OutboxError> {
    let sql = "SELECT 1 FROM attempts WHERE account = ?1 AND receipt = ?2 AND delivery = ?3 AND class = ?4
               AND (started_at = ?5 OR id > (SELECT coalesce(max(id), 0) FROM attempts
                        WHERE account = ?1 AND receipt = ?2 AND delivery = ?3 AND class = 'accepted'))";
    Ok(pen.prepare(sql)?.exists(params![account, told.receipt, id.0, told.report.as_str(), told.at.millis()])?)
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
