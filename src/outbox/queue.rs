//! Who goes next at which address: kept beside the deliveries, in the same transaction.

use rusqlite::{OptionalExtension as _, Row, params};

use super::attempts::Entry;
use super::error::OutboxError;
use super::rows::{self, Leased};
use super::writer::Pen;
use super::{alarms, breaker, canaries, hold, standing, tally};
use crate::clock::Timestamp;
use crate::message::alarm::{Cause, LONG};
use crate::message::delivery::{Advanced, Delivery, DeliveryId, DeliveryState, Event, Hold};
use crate::message::ways::Circumstances;
use crate::message::{Priority, retry};

/// Rows that one operation sweeps of each sort, so that the others behind it don't wait long.
pub(super) const SWEEP: i64 = 64;

/// Late ones of a priority that are looked at for one that need not wait. Each costs a look, at every claim.
const LATE_AT_ONCE: i64 = 16;

/// A delivery that may be next at its address.
struct Candidate {
    id: i64,
    rank: i64,
    at: i64,
    late: bool,
    waits_for: Option<i64>,
    /// Until when it would stay here, should it have another way.
    patience_until: Option<i64>,
}

/// What stands in `address_queue` about the turn of one address.
#[derive(Default, PartialEq)]
struct Turn {
    ready: Option<bool>,
    ready_at: Option<i64>,
    rank: Option<i64>,
    head: Option<i64>,
    waits_for: Option<i64>,
    impatient: Option<i64>,
}

/// What stands there about its gates.
#[derive(Default)]
struct Gates {
    under_way: bool,
    /// When something may go again.
    opens_at: i64,
    /// Until when the row is needed even if nothing is queued.
    owes_until: i64,
}

/// Puts a new delivery in its queue. At an address where nothing else is to be thought of it is the next one.
pub(super) fn join(pen: &Pen<'_>, new: &Delivery) -> Result<(), OutboxError> {
    let (account, address) = rows::place(new);
    let rank = rows::rank(new.priority);
    if new.due_at > pen.now || older_elsewhere(pen, new.id.0, &new.recipient.contact, &new.hook, rank)?.is_some() {
        return refresh(pen, &account, &address).map(drop);
    }
    match waits_behind(pen, &account, &address, rank)? {
        Some(true) => Ok(()),
        Some(false) => refresh(pen, &account, &address).map(drop),
        None => {
            let sql = "INSERT INTO address_queue (account, address, ready, priority, head) VALUES (?1, ?2, 1, ?3, ?4)";
            pen.prepare(sql)?.execute(params![account, address, rank, new.id.0])?;
            pen.ring(&account);
            Ok(())
        }
    }
}

/// Whether a new delivery changes nothing about who goes next: one is under way, or an older one may go that lets nobody
/// of this rank pass. `None`: nothing is known of the address.
fn waits_behind(pen: &Pen<'_>, account: &str, address: &str, rank: i64) -> Result<Option<bool>, OutboxError> {
    let sql = "SELECT coalesce(q.under_way IS NOT NULL
                   OR (q.ready = 1 AND (q.priority > ?3 OR (q.priority = ?3 AND d.late = 0))), 0)
               FROM address_queue q LEFT JOIN deliveries d ON d.id = q.head WHERE q.account = ?1 AND q.address = ?2";
    Ok(pen.prepare(sql)?.query_row(params![account, address, rank], |row| row.get(0)).optional()?)
}

/// Works out anew who goes next at an address. Yields the delivery that may go now.
pub(super) fn refresh(pen: &Pen<'_>, account: &str, address: &str) -> Result<Option<DeliveryId>, OutboxError> {
    let now = pen.now.millis();
    let sql =
        "SELECT ready, ready_at, priority, head, waits_for, under_way IS NOT NULL, max(hold_until, limited_until),
                   max(hold_until, (tat + 999) / 1000), impatient
               FROM address_queue WHERE account = ?1 AND address = ?2";
    let read = |row: &Row<'_>| {
        let turn = Turn {
            ready: row.get(0)?,
            ready_at: row.get(1)?,
            rank: row.get(2)?,
            head: row.get(3)?,
            waits_for: row.get(4)?,
            impatient: row.get(8)?,
        };
        Ok((turn, Gates { under_way: row.get(5)?, opens_at: row.get(6)?, owes_until: row.get(7)? }))
    };
    let stored = pen.prepare(sql)?.query_row([account, address], read).optional()?;
    let known = stored.is_some();
    let (before, gates) = stored.unwrap_or_default();
    if gates.under_way {
        return Ok(None);
    }
    let candidates = candidates(pen, account, address)?;
    if candidates.is_empty() && known && gates.owes_until <= now {
        let sql = "DELETE FROM address_queue WHERE account = ?1 AND address = ?2";
        pen.prepare(sql)?.execute([account, address])?;
        return Ok(None);
    }
    let turn = turn(&candidates, &gates, now);
    if turn != before {
        // Not one for both: SQLite would keep a copy of each page.
        let sql = match known {
            true => {
                "UPDATE address_queue SET ready = ?3, ready_at = ?4, priority = ?5, head = ?6, waits_for = ?7, impatient = ?8
                 WHERE account = ?1 AND address = ?2"
            }
            false => {
                "INSERT INTO address_queue (account, address, ready, ready_at, priority, head, waits_for, impatient)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            }
        };
        pen.prepare(sql)?.execute(params![
            account,
            address,
            turn.ready,
            turn.ready_at,
            turn.rank,
            turn.head,
            turn.waits_for,
            turn.impatient
        ])?;
        pen.ring(account);
    }
    Ok(turn.head.filter(|_| turn.ready == Some(true)).map(DeliveryId))
}

fn turn(candidates: &[Candidate], gates: &Gates, now: i64) -> Turn {
    let opens_at = gates.opens_at;
    let due = candidates.iter().filter(|candidate| candidate.waits_for.is_none() && candidate.at.max(opens_at) <= now);
    // Of one priority a late one lets the others pass: many that are late would take an address from all that is new.
    if let Some(next) = due.min_by_key(|candidate| (-candidate.rank, candidate.late)) {
        return Turn { ready: Some(true), rank: Some(next.rank), head: Some(next.id), ..Turn::default() };
    }
    let Some(first) = candidates.iter().min_by_key(|candidate| candidate.at) else {
        // Somebody has to come and remove the row once nothing is owed.
        let owes = gates.owes_until > now;
        return Turn { ready: owes.then_some(false), ready_at: owes.then_some(gates.owes_until), ..Turn::default() };
    };
    let waits_for = candidates.iter().find_map(|candidate| candidate.waits_for);
    let must_wait = |candidate: &&Candidate| {
        candidate.waits_for.is_none()
            && candidate.patience_until.is_some_and(|until| until < candidate.at.max(opens_at))
    };
    let impatient = candidates.iter().find(must_wait).map(|candidate| candidate.id);
    Turn { ready: Some(false), ready_at: Some(first.at.max(opens_at)), waits_for, impatient, ..Turn::default() }
}

/// The one that holds the address, and those of the late that it does not hold, too: of each priority the one that is
/// due, or will be first, and those before it that wait for an older one.
fn candidates(pen: &Pen<'_>, account: &str, address: &str) -> Result<Vec<Candidate>, OutboxError> {
    let in_order = "SELECT id, priority, due_at, contact, hook, iif(ways_left > 0, patience_until, NULL)
                    FROM deliveries
                    WHERE account = ?1 AND address = ?2 AND state = 'queued' AND late = 0
                    ORDER BY priority DESC, id LIMIT 1";
    let head = up_to_free(pen, in_order, false, params![account, address])?;
    let some_late =
        "SELECT 1 FROM deliveries WHERE account = ?1 AND address = ?2 AND state = 'queued' AND late = 1 LIMIT 1";
    let mut found = Vec::new();
    if pen.prepare(some_late)?.exists([account, address])? {
        let late = "SELECT id, priority, due_at, contact, hook, iif(ways_left > 0, patience_until, NULL)
                    FROM deliveries
                    WHERE account = ?1 AND address = ?2 AND state = 'queued' AND late = 1 AND priority = ?3
                    ORDER BY due_at LIMIT ?4";
        for (_, priority) in Priority::ALL {
            found.extend(up_to_free(pen, late, true, params![account, address, rows::rank(priority), LATE_AT_ONCE])?);
        }
    }
    if let Some(head) = head.first() {
        found.retain(|late| (late.rank, head.id) > (head.rank, late.id));
    }
    found.extend(head);
    Ok(found)
}

/// What a query finds, up to the first that waits for no older one.
fn up_to_free(
    pen: &Pen<'_>,
    sql: &str,
    late: bool,
    place: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Candidate>, OutboxError> {
    let mut statement = pen.prepare(sql)?;
    let mut rows = statement.query(place)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, rank, at) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let free = Candidate { id, rank, at, late, waits_for: None, patience_until: row.get(5)? };
        let (contact, hook): (String, String) = (row.get(3)?, row.get(4)?);
        let Some((older, moved_at)) = older_elsewhere(pen, id, &contact, &hook, rank)? else {
            found.push(free);
            break;
        };
        let until = moved_at.plus(retry::HOLDS_OTHERS_FOR);
        // Its minute is over, but the sweep has not come to it yet, and rings when it has.
        let until = if until > pen.now { until } else { pen.now.plus(retry::HOLDS_OTHERS_FOR) };
        found.push(Candidate { at: at.max(until.millis()), waits_for: Some(older), ..free });
    }
    Ok(found)
}

/// An older one of the same contact and hook that came to another queue: it goes first, until it is answered or marked
/// late. Of several the oldest is enough: when that is done, this is looked at again. With the time when it came.
fn older_elsewhere(
    pen: &Pen<'_>,
    id: i64,
    contact: &str,
    hook: &str,
    rank: i64,
) -> Result<Option<(i64, Timestamp)>, OutboxError> {
    let sql = "SELECT id, moved_at FROM deliveries
               WHERE contact = ?1 AND hook = ?2 AND priority = ?3 AND id < ?4
                   AND state IN ('queued', 'sending') AND late = 0 AND moved_at IS NOT NULL
               ORDER BY id LIMIT 1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?)));
    Ok(pen.prepare(sql)?.query_row(params![contact, hook, rank, id], read).optional()?)
}

/// Lets an event change a delivery, and all that follows from it in the queues.
pub(super) fn change(pen: &Pen<'_>, before: &Leased, event: Event, jitter: f64) -> Result<Advanced, OutboxError> {
    let (cause, why) = (Cause::of(&event), event.trouble().to_owned());
    let circumstances = standing::circumstances(pen, &before.delivery, jitter)?;
    let advanced = before.delivery.clone().advance(event, &circumstances);
    let (old, new) = (&before.delivery, &advanced.delivery);
    if old == new {
        return Ok(advanced);
    }
    rows::update(pen, new)?;
    tally::changed(pen, old, new);
    pen.tell(new.message);
    let (old_place, new_place) = (rows::place(old), rows::place(new));
    match advanced.hold {
        Some(Hold::Address(asked)) => hold::address(pen, &old_place, old, asked)?,
        Some(Hold::Account(asked)) => hold::account(pen, &old_place.0, before.since.unwrap_or(pen.now), asked)?,
        Some(Hold::Breaker) => breaker::open(pen, &old_place.0, before.since.unwrap_or(pen.now), &why)?,
        None => {}
    }
    if old.state == DeliveryState::Sending && new.state != DeliveryState::Sending {
        let sql = "UPDATE address_queue SET under_way = NULL WHERE account = ?1 AND address = ?2 AND under_way = ?3";
        pen.prepare(sql)?.execute(params![old_place.0, old_place.1, old.id.0])?;
    }
    refresh(pen, &old_place.0, &old_place.1)?;
    if new_place != old_place {
        standing::stays_behind(pen, new, (&old_place.0, &old_place.1, rows::rank(new.priority)))?;
        refresh(pen, &new_place.0, &new_place.1)?;
    }
    if old.holds_younger() && (!new.holds_younger() || old.moved_at != new.moved_at) {
        let sql = "SELECT account, address FROM address_queue WHERE waits_for = ?1";
        for (account, address) in places(pen, sql, old.id.0)? {
            refresh(pen, &account, &address)?;
        }
    }
    if new.has_failed() && !old.has_failed() {
        alarms::raise_of(pen, new, cause)?;
    }
    if waits_long(pen, new, cause)? {
        alarms::raise_of(pen, new, Cause::Waits)?;
    }
    if new.state != old.state {
        canaries::follow(pen, new)?;
    }
    Ok(advanced)
}

/// Whether somebody should hear that a delivery still waits: a try of its last way has failed, long after it was accepted.
/// Of an account that is out of order they have heard.
fn waits_long(pen: &Pen<'_>, new: &Delivery, cause: Cause) -> Result<bool, OutboxError> {
    let is_stuck = new.state == DeliveryState::Queued && new.ways_left() == 0 && matches!(cause, Cause::Refused(_));
    if !is_stuck || pen.now.since(new.accepted_at) < LONG {
        return Ok(false);
    }
    let sql = "SELECT 1 FROM accounts WHERE account = ?1 AND broken_since IS NULL";
    Ok(pen.prepare(sql)?.exists([rows::place(new).0])?)
}

/// Ends a queued delivery whose time ran out.
pub(super) fn expire(pen: &Pen<'_>, leased: Leased) -> Result<Delivery, OutboxError> {
    let missing = "SELECT missing FROM accounts WHERE account = ?1";
    let missing = pen.prepare(missing)?.query_row([rows::place(&leased.delivery).0], |row| row.get(0)).optional()?;
    let leased = match missing {
        // Nobody wrote that down, as nobody tried; but it is why.
        Some(true) if leased.delivery.ways_left() == 0 => Leased {
            delivery: leased.delivery.advance(Event::NoAccount, &Circumstances::at(pen.now)).delivery,
            ..leased
        },
        _ => leased,
    };
    let ended = change(pen, &leased, Event::Expired, 0.0)?.delivery;
    Entry { detail: ended.reason.as_deref().unwrap_or_default(), ..Entry::of(pen, &leased, "expired") }.write(pen)?;
    Ok(ended)
}

/// What a sweep found.
pub(super) struct Swept {
    /// Deliveries that ended.
    pub(super) ended: Vec<Delivery>,
    /// Whether there may be more to do.
    pub(super) more: bool,
}

/// Does what only time brings about in the queues, for all accounts: expiry, and stepping aside after a move.
pub(super) fn sweep(pen: &Pen<'_>) -> Result<Swept, OutboxError> {
    let now = pen.now.millis();
    let mut ended = Vec::new();
    let expiring = "SELECT id FROM deliveries WHERE state = 'queued' AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2";
    let expiring = ids(pen, expiring, params![now, SWEEP])?;
    for id in &expiring {
        if let Some(leased) = rows::read(pen, *id)? {
            ended.push(expire(pen, leased)?);
        }
    }
    let moved = "SELECT id FROM deliveries WHERE state IN ('queued', 'sending') AND late = 0 AND moved_at IS NOT NULL
                     AND moved_at <= ?1 ORDER BY moved_at LIMIT ?2";
    let long_ago = now.saturating_sub(Timestamp::default().plus(retry::HOLDS_OTHERS_FOR).millis());
    let moved = ids(pen, moved, params![long_ago, SWEEP])?;
    for id in &moved {
        if let Some(leased) = rows::read(pen, *id)? {
            change(pen, &leased, Event::SteppedAside, 0.0)?;
        }
    }
    let more = [expiring, moved].iter().any(|found| i64::try_from(found.len()).is_ok_and(|count| count == SWEEP));
    Ok(Swept { ended, more })
}

/// When `sweep` has something to do next.
pub(super) fn next_sweep(pen: &Pen<'_>) -> Result<Option<i64>, OutboxError> {
    let wait = Timestamp::default().plus(retry::HOLDS_OTHERS_FOR).millis();
    let expiring = "SELECT min(expires_at) FROM deliveries WHERE state = 'queued'";
    let moved = "SELECT min(moved_at) FROM deliveries
                 WHERE state IN ('queued', 'sending') AND late = 0 AND moved_at IS NOT NULL";
    let first: Option<i64> = pen.prepare(expiring)?.query_row([], |row| row.get(0))?;
    let second: Option<i64> = pen.prepare(moved)?.query_row([], |row| row.get(0))?;
    Ok([first, second.map(|at| at.saturating_add(wait))].into_iter().flatten().min())
}

/// The ids that a query finds.
pub(super) fn ids(pen: &Pen<'_>, sql: &str, given: &[&dyn rusqlite::ToSql]) -> Result<Vec<DeliveryId>, OutboxError> {
    let mut statement = pen.prepare(sql)?;
    let found = statement.query_map(given, |row| row.get(0).map(DeliveryId))?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn places(pen: &Pen<'_>, sql: &str, given: i64) -> Result<Vec<(String, String)>, OutboxError> {
    let mut statement = pen.prepare(sql)?;
    let found = statement.query_map([given], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}
