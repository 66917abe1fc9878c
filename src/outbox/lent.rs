//! Leases that devices hold: what a phone fetched and has not answered yet.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::claim::{self, Claims, Settlement, Terms};
use super::error::OutboxError;
use super::held::Held;
use super::rows::{self, Leased};
use super::ticket::Ticket;
use super::writer::Pen;
use super::{fold, news, void};
use crate::clock::Timestamp;
use crate::message::delivery::{Delivery, DeliveryId, DeliveryState, Receipt, Report};
use crate::message::news::Told;

/// What an answer of a device led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// It counts; where each delivery of the item stands now.
    Settled(Vec<Delivery>),
    /// It was said before.
    Already,
    /// The lease is another's, or nobody's any more.
    Stale,
    /// There is no such item, or it has ended.
    Gone,
}

/// Leases what the account may send now, to a device.
pub(super) fn lend(pen: &Pen<'_>, account: &str, terms: Terms, held: &Held) -> Result<Claims, OutboxError> {
    let mut claims = claim::claim(pen, account, terms, held)?;
    for (id, _) in claims.claims.iter().flat_map(|claim| claim.ticket().leases().to_vec()) {
        pen.prepare("UPDATE deliveries SET lent = 1 WHERE id = ?1")?.execute([id.0])?;
    }
    // A new lease may be the next to run out.
    let run_out = void::next_run_out(pen)?.map(Timestamp::from_millis);
    claims.next_at = [claims.next_at, run_out].into_iter().flatten().min();
    Ok(claims)
}

/// Applies what a device says of an item.
pub(super) fn answer(
    pen: &Pen<'_>,
    account: &str,
    item: &str,
    ticket: &Ticket,
    settlement: &Settlement,
) -> Result<Answered, OutboxError> {
    let Some(leases) = leases(pen, account, item, ticket)? else { return Ok(Answered::Gone) };
    let note = match leases.as_slice() {
        [(_, first), _, ..] => fold::note(leases.len(), first.delivery.id),
        _ => String::new(),
    };
    let (mut settled, mut others) = (None, Vec::new());
    // The first one is last: with it the address is free again.
    for (number, leased) in leases.iter().rev() {
        match answer_one(pen, account, item, (*number, leased), settlement, &note)? {
            Answered::Settled(all) => settled.get_or_insert_with(Vec::new).extend(all),
            other => others.push(other),
        }
    }
    Ok(match settled {
        Some(settled) => Answered::Settled(settled),
        None if others.contains(&Answered::Already) => Answered::Already,
        None if others.contains(&Answered::Stale) => Answered::Stale,
        None => Answered::Gone,
    })
}

fn answer_one(
    pen: &Pen<'_>,
    account: &str,
    item: &str,
    (number, leased): (i64, &Leased),
    settlement: &Settlement,
    note: &str,
) -> Result<Answered, OutboxError> {
    use DeliveryState::{Delivered, Queued, Read, Sending, Sent};
    let delivery = &leased.delivery;
    Ok(match (&settlement.outcome, delivery.state) {
        (_, Sending) if leased.fence == number => {
            let settled = claim::settle_one(pen, (delivery, number), pen.now, settlement, note)?;
            Answered::Settled(vec![settled])
        }
        // It really left: what its lease is worth matters no more.
        (Ok(receipt), Queued) if is_unheard(pen, account, delivery.id)? => {
            Answered::Settled(hear_late(pen, account, item, leased, receipt)?)
        }
        (Ok(_), Queued) => Answered::Already,
        (Ok(_), Sent | Delivered | Read) => Answered::Already,
        (_, Queued | Sending) => Answered::Stale,
        _ => Answered::Gone,
    })
}

/// Whether the account's last try of a delivery ended unknown. Else this is what the device said before, and it failed since.
fn is_unheard(pen: &Pen<'_>, account: &str, id: DeliveryId) -> Result<bool, OutboxError> {
    let sql = "SELECT class = 'unknown' FROM attempts WHERE delivery = ?1 AND account = ?2 AND class IN ('accepted', 'unknown')
               ORDER BY id DESC LIMIT 1";
    let last = pen.prepare(sql)?.query_row(params![id.0, account], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(false))
}

/// Takes it for the answer of a try that ended unknown.
fn hear_late(
    pen: &Pen<'_>,
    account: &str,
    item: &str,
    late: &Leased,
    receipt: &Receipt,
) -> Result<Vec<Delivery>, OutboxError> {
    let receipt = receipt.id.clone().unwrap_or_else(|| item.to_owned());
    let told = Told { receipt, key: Some(late.delivery.key()), report: Report::Sent, at: pen.now };
    let Some(way) = news::way_by(&late.delivery, account) else { return Ok(Vec::new()) };
    Ok(news::hear_answer(pen, account, late, way, &told)?.into_iter().collect())
}

/// Has a lease last so long from now on.
pub(super) fn extend(
    pen: &Pen<'_>,
    account: &str,
    item: &str,
    ticket: &Ticket,
    lease: Duration,
) -> Result<Option<Timestamp>, OutboxError> {
    let leases = leases(pen, account, item, ticket)?.unwrap_or_default();
    let holds =
        |(number, leased): &(i64, Leased)| leased.fence == *number && leased.delivery.state == DeliveryState::Sending;
    if leases.is_empty() || !leases.iter().all(holds) {
        return Ok(None);
    }
    let until = pen.now.plus(lease);
    for (_, leased) in &leases {
        let sql = "UPDATE deliveries SET leased_until = ?2 WHERE id = ?1 AND lent IS NOT NULL";
        pen.prepare(sql)?.execute(params![leased.delivery.id.0, until.millis()])?;
    }
    pen.ring(account);
    Ok(Some(until))
}

/// The deliveries of an item, each with the number that the ticket has of it. `None`: there is no such item, or it was
/// never lent to the account.
fn leases(
    pen: &Pen<'_>,
    account: &str,
    item: &str,
    ticket: &Ticket,
) -> Result<Option<Vec<(i64, Leased)>>, OutboxError> {
    let mut leases = Vec::new();
    for (id, number) in ticket.leases() {
        let Some(leased) = rows::read(pen, *id)? else { return Ok(None) };
        if leased.fence < *number || news::way_by(&leased.delivery, account).is_none() {
            return Ok(None);
        }
        leases.push((*number, leased));
    }
    Ok(Some(leases).filter(|leases| is_of(leases, item)))
}

/// Whether an item is called so (`Claim::key`).
fn is_of(leases: &[(i64, Leased)], item: &str) -> bool {
    let id = |(_, leased): &(i64, Leased)| -> DeliveryId { leased.delivery.id };
    match leases {
        [] => false,
        [(_, only)] => only.delivery.key() == item,
        [(_, first), .., last] => format!("{}-{}-{}", first.delivery.key(), id(last).0, leases.len() - 1) == item,
    }
}
