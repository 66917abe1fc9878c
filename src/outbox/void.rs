//! Leases that ended without an answer: what became of those tries, nobody knows.

use rusqlite::{OptionalExtension as _, params};

use super::attempts::Entry;
use super::error::OutboxError;
use super::queue::{self, SWEEP, Swept, ids};
use super::rows::{self, Leased};
use super::writer::Pen;
use super::{news, tally};
use crate::message::delivery::{Class, Delivery, DeliveryId, Event, OnUnknown, SendError};
use crate::message::retry;

/// Makes the tries of dead processes unknown. Yields what ended by that.
pub(super) fn void_all(pen: &Pen<'_>) -> Result<Vec<Delivery>, OutboxError> {
    let dead = "SELECT id FROM deliveries WHERE state = 'sending' AND (lent IS NULL OR leased_until <= ?1)";
    let ended = void_each(pen, &ids(pen, dead, params![pen.now.millis()])?)?;
    // Who starts a daemon wants to see it send: only what the provider asked for still holds.
    pen.prepare("UPDATE accounts SET hold_until = asked_until WHERE hold_until > asked_until")?.execute(params![])?;
    Ok(ended)
}

/// Makes the tries unknown whose devices let their leases run out.
pub(super) fn run_out(pen: &Pen<'_>) -> Result<Swept, OutboxError> {
    let sql = "SELECT id FROM deliveries WHERE state = 'sending' AND lent IS NOT NULL AND leased_until <= ?1
               ORDER BY leased_until LIMIT ?2";
    let found = ids(pen, sql, params![pen.now.millis(), SWEEP])?;
    let ended = void_each(pen, &found)?;
    Ok(Swept { ended, more: i64::try_from(found.len()).is_ok_and(|count| count == SWEEP) })
}

/// When `run_out` has something to do next.
pub(super) fn next_run_out(pen: &Pen<'_>) -> Result<Option<i64>, OutboxError> {
    let sql = "SELECT min(leased_until) FROM deliveries WHERE state = 'sending' AND lent IS NOT NULL";
    Ok(pen.prepare(sql)?.query_row([], |row| row.get(0))?)
}

fn void_each(pen: &Pen<'_>, found: &[DeliveryId]) -> Result<Vec<Delivery>, OutboxError> {
    let mut ended = Vec::new();
    for id in found {
        let Some(leased) = rows::read(pen, *id)? else { continue };
        ended.extend(void(pen, &leased)?);
    }
    Ok(ended)
}

/// Makes one try unknown, by the policy with which its account last claimed. Yields the delivery if it ended by that.
pub(super) fn void(pen: &Pen<'_>, leased: &Leased) -> Result<Option<Delivery>, OutboxError> {
    let gives_up = "SELECT gives_up FROM accounts WHERE account = ?1";
    let account = rows::place(&leased.delivery).0;
    let gives_up = pen.prepare(gives_up)?.query_row([account], |row| row.get(0)).optional()?.unwrap_or(false);
    let policy = if gives_up { OnUnknown::GiveUp } else { OnUnknown::Retry };
    Entry { detail: "the lease ended without an answer", ..Entry::of(pen, leased, "unknown") }.write(pen)?;
    tally::tried(pen, &leased.delivery, Some(Class::Unknown));
    let unknown = SendError { class: Class::Unknown, code: String::new(), detail: String::new() };
    let arrival = news::arrival(pen, &leased.delivery)?;
    let event = arrival.map_or(Event::LeaseVoid(policy), |arrival| Event::RefusedAfterArrival(unknown, arrival));
    let after = queue::change(pen, leased, event, retry::jitter())?.delivery;
    let after = news::catch_up_unheard(pen, &leased.delivery, retry::jitter())?.unwrap_or(after);
    Ok(Some(after).filter(|after| after.state.is_end()))
}
