//! Leases: taking deliveries out for a try, and writing down what came of it.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};

use super::error::OutboxError;
use super::held::{Held, Hold};
use super::queue::{self, ids};
use super::rows::{self, Leased};
use super::ways;
use super::writer::Pen;
use crate::account::{AccountName, Rate};
use crate::clock::Timestamp;
use crate::message::delivery::{Delivery, Event, OnUnknown, Receipt, SendError};
use crate::message::ways::Circumstances;

/// Addresses whose time has come that one claim looks at; the next claim takes the rest.
const PROMOTED: i64 = 256;

/// Addresses that turn out not to be ready after all, before a claim gives others a turn.
const MISSES: usize = 64;

/// How an account wants its deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many at most.
    pub free: usize,
    /// How often to one address.
    pub per_recipient: Option<Rate>,
    /// For how long they are leased: longer than any try takes.
    pub lease: Duration,
    /// What to make of leases that ran out.
    pub on_unknown: OnUnknown,
}

/// The right to try one delivery once. Only the outbox makes one, and settling uses it up.
#[must_use = "a claim that isn't settled becomes unknown when its lease ends"]
#[derive(Debug)]
pub struct Claim {
    delivery: Delivery,
    title: Option<String>,
    text: String,
    fence: i64,
    began: Timestamp,
    _hold: Hold,
}

impl Claim {
    /// The delivery.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// The message's heading.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The message's text, as accepted.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// What came of a try.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The provider's receipt, or why not.
    pub outcome: Result<Receipt, SendError>,
    /// The account's policy, should the outcome be unknown.
    pub on_unknown: OnUnknown,
}

/// What a lane gets when it asks.
#[derive(Debug)]
pub struct Claims {
    /// What to send now.
    pub claims: Vec<Claim>,
    /// When to ask again, should no bell ring before.
    pub next_at: Option<Timestamp>,
    /// Deliveries, of any account, whose end was found on the way.
    pub ended: Vec<Delivery>,
}

/// Leases what the account may send now.
pub(super) fn claim(pen: &Pen<'_>, account: &str, terms: Terms, held: &Held) -> Result<Claims, OutboxError> {
    let mut ended = ways::sweep(pen)?.ended;
    let ran_out = "SELECT id FROM deliveries WHERE account = ?1 AND state = 'sending' AND leased_until <= ?2";
    for id in ids(pen, ran_out, params![account, pen.now.millis()])? {
        match rows::read(pen, id)? {
            // A long stop of this process, or a step of the clock: the try goes on all the same.
            Some(leased) if held.has((id, leased.fence)) => {}
            Some(leased) => ended.extend(void(pen, &leased, terms.on_unknown)?),
            None => {}
        }
    }
    let mut claims = Vec::new();
    let (held_until, free) = gate(pen, account, terms.free)?;
    let mut next_at = held_until;
    if held_until.is_none() {
        let mut more = promote(pen, account)?;
        let mut misses = 0;
        while claims.len() < free && misses < MISSES {
            let Some(address) = first_ready(pen, account)? else { break };
            // Looked at again: since this address was put here, an older one may have come due or come from another way.
            let next = queue::refresh(pen, account, &address)?;
            let Some(leased) = next.map(|id| rows::read(pen, id)).transpose()?.flatten() else {
                misses += 1;
                continue;
            };
            if leased.delivery.expires_at <= pen.now {
                ended.push(queue::expire(pen, leased)?);
                misses += 1;
                continue;
            }
            claims.push(lease(pen, leased, &address, terms, held)?);
        }
        more |= misses == MISSES;
        next_at = if more { Some(pen.now.millis()) } else { first_waiting(pen, account)? };
    }
    let next_at = [next_at, ways::next_sweep(pen)?].into_iter().flatten().min();
    Ok(Claims { claims, next_at: next_at.map(Timestamp::from_millis), ended })
}

/// Until when the account is held, and how many it may send: after a hold one at a time, until one is answered well.
fn gate(pen: &Pen<'_>, account: &str, free: usize) -> Result<(Option<i64>, usize), OutboxError> {
    let sql = "SELECT hold_until, hold_step > 0, sending FROM accounts WHERE account = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i64>(2)?));
    let found = pen.prepare(sql)?.query_row([account], read).optional()?;
    Ok(match found {
        Some((until, _, _)) if until > pen.now.millis() => (Some(until), 0),
        Some((_, true, sending)) => (None, free.min(usize::from(sending == 0))),
        _ => (None, free),
    })
}

/// Moves addresses whose time has come among the ready ones. Says whether there may be more.
fn promote(pen: &Pen<'_>, account: &str) -> Result<bool, OutboxError> {
    let sql = "SELECT address FROM address_queue WHERE account = ?1 AND ready = 0 AND ready_at <= ?2
               ORDER BY ready_at LIMIT ?3";
    let mut statement = pen.prepare(sql)?;
    let found = statement.query_map(params![account, pen.now.millis(), PROMOTED], |row| row.get(0))?;
    let addresses: Vec<String> = found.collect::<Result<_, _>>()?;
    for address in &addresses {
        queue::refresh(pen, account, address)?;
    }
    Ok(i64::try_from(addresses.len()).is_ok_and(|count| count == PROMOTED))
}

fn first_ready(pen: &Pen<'_>, account: &str) -> Result<Option<String>, OutboxError> {
    let sql = "SELECT address FROM address_queue WHERE account = ?1 AND ready = 1 ORDER BY priority DESC, head LIMIT 1";
    Ok(pen.prepare(sql)?.query_row([account], |row| row.get(0)).optional()?)
}

fn first_waiting(pen: &Pen<'_>, account: &str) -> Result<Option<i64>, OutboxError> {
    let sql = "SELECT min(ready_at) FROM address_queue WHERE account = ?1 AND ready = 0";
    Ok(pen.prepare(sql)?.query_row([account], |row| row.get(0))?)
}

fn lease(pen: &Pen<'_>, leased: Leased, address: &str, terms: Terms, held: &Held) -> Result<Claim, OutboxError> {
    let (account, now) = (rows::place(&leased.delivery).0, pen.now);
    let delivery = leased.delivery.advance(Event::Claimed, &Circumstances::at(now)).delivery;
    let fence = leased.fence + 1;
    let sql = "UPDATE deliveries SET state = ?2, fence = ?3, leased_at = ?4, leased_until = ?5 WHERE id = ?1";
    let until = now.plus(terms.lease).millis();
    pen.prepare(sql)?.execute(params![delivery.id.0, delivery.state.as_str(), fence, now.millis(), until])?;

    let sql = "SELECT tat FROM address_queue WHERE account = ?1 AND address = ?2";
    let tat: i64 = pen.prepare(sql)?.query_row([&account, address], |row| row.get(0))?;
    let (tat, limited_until) = charge(terms.per_recipient, Timestamp::from_millis(tat), now);
    let sql = "UPDATE address_queue SET under_way = ?3, tat = ?4, limited_until = ?5, ready = NULL, ready_at = NULL,
                   priority = NULL, head = NULL, waits_for = NULL, impatient = NULL WHERE account = ?1 AND address = ?2";
    let given = params![account, address, delivery.id.0, tat.millis(), limited_until.millis()];
    pen.prepare(sql)?.execute(given)?;

    let sql = "SELECT title, text FROM messages WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (title, text) = pen.prepare(sql)?.query_row([delivery.message.to_string()], read)?;
    let hold = held.hold((delivery.id, fence));
    Ok(Claim { delivery, title, text, fence, began: now, _hold: hold })
}

/// One more to an address, by the generic cell rate algorithm: the new theoretical arrival time, and when the next may go.
fn charge(rate: Option<Rate>, tat: Timestamp, now: Timestamp) -> (Timestamp, Timestamp) {
    let Some(Rate { interval, burst }) = rate else { return (tat, Timestamp::default()) };
    // Whole milliseconds, rounded up: a provider counts more strictly than we do.
    let interval = Duration::from_millis(u64::try_from(interval.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX));
    let tat = tat.max(now).plus(interval);
    let slack = Timestamp::default().plus(interval.saturating_mul(burst.saturating_sub(1)));
    (tat, Timestamp::from_millis(tat.millis().saturating_sub(slack.millis())))
}

/// A number from 0 to 1 that nobody can guess; in the middle, should the system give none.
pub(super) fn jitter() -> f64 {
    let mut bits = [0u8; 4];
    getrandom::fill(&mut bits).map_or(0.5, |()| f64::from(u32::from_be_bytes(bits)) / f64::from(u32::MAX))
}

/// Applies what came of a try. Of a lease that is no longer the last one, nothing is believed.
pub(super) fn settle(
    pen: &Pen<'_>,
    claim: &Claim,
    settlement: Settlement,
    jitter: f64,
) -> Result<Delivery, OutboxError> {
    let id = claim.delivery.id;
    let current = rows::read(pen, id)?.filter(|current| current.fence == claim.fence);
    let Some(current) = current else {
        tracing::warn!(id = %claim.delivery.message, delivery = id.0, "settled too late: another try has begun since");
        return Ok(rows::read(pen, id)?.map_or_else(|| claim.delivery.clone(), |current| current.delivery));
    };
    // Should the lease have been given up meanwhile, and the delivery moved, the try still was where and when it was.
    let current = Leased { since: Some(claim.began), ..current };
    let tried = Leased { delivery: claim.delivery.clone(), ..current };
    let shows_life = match &settlement.outcome {
        Ok(_) => {
            queue::note_attempt(pen, &tried, "accepted", "", "")?;
            true
        }
        Err(SendError { class, code, detail }) => {
            queue::note_attempt(pen, &tried, class.as_str(), code, detail)?;
            queue::shows_life(*class)
        }
    };
    if shows_life {
        queue::works(pen, &tried.delivery, claim.began)?;
    }
    let event = match settlement.outcome {
        Ok(receipt) => Event::Accepted(receipt),
        Err(error) => Event::Refused(error, settlement.on_unknown),
    };
    Ok(queue::change(pen, &current, event, jitter)?.delivery)
}

/// Makes the tries of dead processes unknown. Yields what ended by that.
pub(super) fn void_all(
    pen: &Pen<'_>,
    policy: &dyn Fn(&AccountName) -> OnUnknown,
) -> Result<Vec<Delivery>, OutboxError> {
    let mut ended = Vec::new();
    for id in ids(pen, "SELECT id FROM deliveries WHERE state = 'sending'", params![])? {
        let Some(leased) = rows::read(pen, id)? else { continue };
        let policy = leased.delivery.current_way().map_or(OnUnknown::Retry, |way| policy(&way.account));
        ended.extend(void(pen, &leased, policy)?);
    }
    // Who starts a daemon wants to see it send: only what the provider asked for still holds.
    pen.prepare("UPDATE accounts SET hold_until = asked_until WHERE hold_until > asked_until")?.execute(params![])?;
    Ok(ended)
}

fn void(pen: &Pen<'_>, leased: &Leased, policy: OnUnknown) -> Result<Option<Delivery>, OutboxError> {
    queue::note_attempt(pen, leased, "unknown", "", "the lease ended without an answer")?;
    let after = queue::change(pen, leased, Event::LeaseVoid(policy), jitter())?.delivery;
    Ok(Some(after).filter(|after| after.state.is_end()))
}
