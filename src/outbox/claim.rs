//! Leases: taking deliveries out for a try, and writing down what came of it.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};

use super::attempts::Entry;
use super::error::OutboxError;
use super::held::{Held, Hold};
use super::queue::{self, ids};
use super::rate::Bucket;
use super::relimit::relimit;
use super::rows::{self, Leased};
use super::ticket::Ticket;
use super::ways;
use super::writer::Pen;
use super::{fold, hold, news, tally, thread, void, windows};
use crate::account::Limits;
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Delivery, Event, OnUnknown, Receipt, SendError};
use crate::message::media::Label;
use crate::message::retry::jitter;
use crate::message::ways::Circumstances;
use crate::message::{MessageId, TextFormat};
use crate::metrics::Limit;

/// Addresses whose time has come that one claim looks at; the next claim takes the rest.
const PROMOTED: i64 = 256;

/// Addresses that turn out not to be ready after all, before a claim gives others a turn.
const MISSES: usize = 64;

/// How an account wants its deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many at most.
    pub free: usize,
    /// How often, and what to fold.
    pub limits: Limits,
    /// For how long they are leased: longer than any try takes.
    pub lease: Duration,
    /// What to make of leases that ran out.
    pub on_unknown: OnUnknown,
}

/// The right to try one delivery once, or several as one text. Only the outbox makes one, and settling uses it up.
#[must_use = "a claim that isn't settled becomes unknown when its lease ends"]
#[derive(Debug)]
pub struct Claim {
    first: Lease,
    folded: Vec<Lease>,
    piece: fold::Piece,
    reply_to: Option<String>,
    window_open: bool,
    began: Timestamp,
}

/// One delivery that is leased.
#[derive(Debug)]
struct Lease {
    delivery: Delivery,
    fence: i64,
    _hold: Hold,
}

impl Claim {
    /// How often it was tried, this time included, by whichever way.
    pub fn tries(&self) -> u64 {
        u64::try_from(self.first.fence).unwrap_or(u64::MAX)
    }

    /// The delivery; of several the first.
    pub fn delivery(&self) -> &Delivery {
        &self.first.delivery
    }

    /// Those that go with it in the same text.
    pub fn folded(&self) -> impl Iterator<Item = &Delivery> {
        self.folded.iter().map(|lease| &lease.delivery)
    }

    /// The message's heading.
    pub fn title(&self) -> Option<&str> {
        self.piece.title.as_deref()
    }

    /// The message's text, as accepted; of several one for all.
    pub fn text(&self) -> &str {
        &self.piece.text
    }

    /// How its characters are meant.
    pub fn format(&self) -> TextFormat {
        self.piece.format
    }

    /// What goes along with it, and the message that brought it.
    pub fn media(&self) -> Option<&(MessageId, Label)> {
        self.piece.media.as_ref()
    }

    /// The conversation it belongs to, where it belongs to one.
    pub fn thread(&self) -> Option<&str> {
        self.piece.thread.as_deref()
    }

    /// The receipt of what was sent last of that conversation, by the same account to the same address.
    pub fn reply_to(&self) -> Option<&str> {
        self.reply_to.as_deref()
    }

    /// The same for every try of the same, and of nothing else.
    pub fn key(&self) -> String {
        let first = self.delivery().key();
        match self.folded.last() {
            None => first,
            Some(last) => format!("{first}-{}-{}", last.delivery.id.0, self.folded.len()),
        }
    }

    /// How often it was leased, this time included.
    pub fn number(&self) -> i64 {
        self.first.fence
    }

    /// What it is called outside of this process.
    pub fn ticket(&self) -> Ticket {
        let leases = std::iter::once(&self.first).chain(&self.folded);
        Ticket::new(leases.map(|lease| (lease.delivery.id, lease.fence)).collect())
    }

    /// Whether its contact is known to have written to the account lately enough for free text.
    pub fn window_open(&self) -> bool {
        self.window_open
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
            Some(leased) => ended.extend(void::void(pen, &leased)?),
            None => {}
        }
    }
    let mut claims = Vec::new();
    let mut gate = gate(pen, account, terms)?;
    let mut next_at = gate.opens_at;
    if gate.opens_at.is_none() {
        let mut more = promote(pen, account)?;
        let mut misses = 0;
        while claims.len() < gate.free && misses < MISSES {
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
            if gate.kept_waiting(&leased.delivery, pen.now) {
                tally::waited(pen, &leased.delivery, Limit::Account);
            }
            claims.push(lease(pen, leased, &address, terms, held)?);
        }
        more |= misses == MISSES;
        next_at = if more { Some(pen.now.millis()) } else { first_waiting(pen, account)? };
        if let Some(closed_until) = gate.charge(pen, account, claims.len())? {
            next_at = Some(closed_until);
        }
    }
    let next_at = [next_at, ways::next_sweep(pen)?].into_iter().flatten().min();
    Ok(Claims { claims, next_at: next_at.map(Timestamp::from_millis), ended })
}

/// What an account may do now.
#[derive(Default)]
struct Gate {
    /// Until when it may do nothing.
    opens_at: Option<i64>,
    /// How many it may send.
    free: usize,
    rate: Option<Bucket>,
}

/// Until when the account is held or has used up its rate, and how many it may send: after a hold one at a time, until
/// one is answered well.
fn gate(pen: &Pen<'_>, account: &str, terms: Terms) -> Result<Gate, OutboxError> {
    let sql = "SELECT hold_until, hold_step > 0, sending, tat, limits, gives_up FROM accounts WHERE account = ?1";
    let read = |row: &Row<'_>| {
        let (limits, gave_up): (String, bool) = (row.get(4)?, row.get(5)?);
        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get(3)?, limits, gave_up))
    };
    let found = pen.prepare(sql)?.query_row([account], read).optional()?;
    let Some((held_until, on_trial, sending, tat, limits, gave_up)) = found else { return Ok(Gate::default()) };
    let gives_up = terms.on_unknown == OnUnknown::GiveUp;
    if gives_up != gave_up {
        pen.prepare("UPDATE accounts SET gives_up = ?2 WHERE account = ?1")?.execute(params![account, gives_up])?;
    }
    let tat = relimit(pen, account, terms.limits, &limits, tat)?;
    let rate = terms.limits.rate.map(|rate| Bucket::of_account(rate, tat, pen.now));
    let limited_until = rate.map_or(0, |rate| rate.opens_at().millis());
    let opens_at = Some(held_until.max(limited_until)).filter(|at| *at > pen.now.millis());
    let allowed = rate.map_or(usize::MAX, |rate| rate.allows(pen.now));
    let free = if on_trial { usize::from(sending == 0) } else { usize::MAX };
    Ok(Gate { opens_at, free: terms.free.min(allowed).min(free), rate })
}

impl Gate {
    /// Whether it is the account's rate for which this one has waited until now.
    fn kept_waiting(&self, next: &Delivery, now: Timestamp) -> bool {
        self.rate.is_some_and(|rate| rate.kept_waiting(next.due_at, now))
    }

    /// Writes down that so many go. Yields until when none may follow, should that be later than now.
    fn charge(&mut self, pen: &Pen<'_>, account: &str, count: usize) -> Result<Option<i64>, OutboxError> {
        let Some(rate) = self.rate.as_mut().filter(|_| count > 0) else { return Ok(None) };
        rate.take(count, pen.now);
        pen.prepare("UPDATE accounts SET tat = ?2 WHERE account = ?1")?.execute(params![account, rate.tat()])?;
        Ok(Some(rate.opens_at().millis()).filter(|at| *at > pen.now.millis()))
    }
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

/// Leases the next of an address, and what goes with it in one text.
fn lease(pen: &Pen<'_>, first: Leased, address: &str, terms: Terms, held: &Held) -> Result<Claim, OutboxError> {
    let (account, now) = (rows::place(&first.delivery).0, pen.now);
    let sql = "SELECT tat, hold_until FROM address_queue WHERE account = ?1 AND address = ?2";
    let read = |row: &Row<'_>| Ok((row.get(0)?, Timestamp::from_millis(row.get(1)?)));
    let (tat, held_until): (i64, Timestamp) = pen.prepare(sql)?.query_row([&account, address], read)?;
    let rate = first.delivery.current_way().and_then(|way| terms.limits.of(&way.address));
    let mut bucket = rate.map(|rate| Bucket::of_address(rate, tat, now));
    let limited = bucket.is_some_and(|bucket| bucket.kept_waiting(first.delivery.due_at.max(held_until), now));
    if limited {
        tally::waited(pen, &first.delivery, Limit::Recipient);
    }
    let folded = if limited { fold::others(pen, &first.delivery, terms.limits.fold_after)? } else { Vec::new() };

    let under_way = first.delivery.id.0;
    let begin = |leased| begin(pen, leased, now.plus(terms.lease), held);
    let first = begin(first)?;
    let folded = folded.into_iter().map(begin).collect::<Result<Vec<_>, _>>()?;
    if let Some(bucket) = &mut bucket {
        bucket.take(1, now);
    }
    let (tat, limited_until) = bucket.map_or((0, 0), |bucket| (bucket.tat(), bucket.opens_at().millis()));
    let sql = "UPDATE address_queue SET under_way = ?3, tat = ?4, limited_until = ?5, ready = NULL, ready_at = NULL,
                   priority = NULL, head = NULL, waits_for = NULL, impatient = NULL
               WHERE account = ?1 AND address = ?2";
    pen.prepare(sql)?.execute(params![account, address, under_way, tat, limited_until])?;

    let piece = if folded.is_empty() {
        fold::piece(pen, first.delivery.message)?
    } else {
        fold::text(pen, &first.delivery, folded.iter().map(|lease| &lease.delivery))?
    };
    // After a first try that came to nothing it may be what the provider objects to.
    let reply_to = match &piece.thread {
        Some(thread) if first.fence == 1 => thread::answered(pen, &first.delivery, thread)?,
        _ => None,
    };
    let window_open = windows::is_open(pen, &first.delivery)?;
    Ok(Claim { first, folded, piece, reply_to, window_open, began: now })
}

/// Begins a try of one delivery.
fn begin(pen: &Pen<'_>, leased: Leased, until: Timestamp, held: &Held) -> Result<Lease, OutboxError> {
    let delivery = leased.delivery.advance(Event::Claimed, &Circumstances::at(pen.now)).delivery;
    let fence = leased.fence + 1;
    let sql = "UPDATE OR FAIL deliveries SET state = ?2, fence = ?3, leased_at = ?4, leased_until = ?5, lent = NULL
               WHERE id = ?1";
    let given = params![delivery.id.0, delivery.state.as_str(), fence, pen.now.millis(), until.millis()];
    pen.prepare(sql)?.execute(given)?;
    let hold = held.hold((delivery.id, fence));
    Ok(Lease { delivery, fence, _hold: hold })
}

/// Applies what came of a try to all that were in it; the first of them is yielded first.
pub(super) fn settle(pen: &Pen<'_>, claim: &Claim, settlement: &Settlement) -> Result<Vec<Delivery>, OutboxError> {
    let (first, count) = (&claim.first, claim.folded.len() + 1);
    let note = if count > 1 { fold::note(count, first.delivery.id) } else { String::new() };
    let settled =
        |Lease { delivery, fence, .. }: &Lease| settle_one(pen, (delivery, *fence), claim.began, settlement, &note);
    // The first one is last: with it the address is free again.
    let mut all = claim.folded.iter().map(settled).collect::<Result<Vec<_>, _>>()?;
    all.insert(0, settled(first)?);
    Ok(all)
}

/// Applies what came of a try to one delivery. Of a lease that is no longer the last one, nothing is believed.
pub(super) fn settle_one(
    pen: &Pen<'_>,
    (delivery, fence): (&Delivery, i64),
    began: Timestamp,
    settlement: &Settlement,
    note: &str,
) -> Result<Delivery, OutboxError> {
    let Delivery { id, message, .. } = *delivery;
    let current = match rows::read(pen, id)? {
        Some(current) if current.fence == fence => current,
        other => {
            tracing::warn!(id = %message, delivery = id.0, "settled too late: another try has begun since");
            return Ok(other.map_or_else(|| delivery.clone(), |other| other.delivery));
        }
    };
    // Should the lease have been given up meanwhile, and the delivery moved, the try still was where and when it was. Else
    // the store knows best when that was: the clock may have been set since.
    let began = current.since.unwrap_or(began);
    let current = Leased { since: Some(began), ..current };
    let tried = Leased { delivery: delivery.clone(), ..current };
    tally::tried(pen, &tried.delivery, settlement.outcome.as_ref().err().map(|error| error.class));
    let shows_life = match &settlement.outcome {
        Ok(receipt) => {
            let receipt = receipt.id.as_deref();
            Entry { detail: note, receipt, ..Entry::of(pen, &tried, "accepted") }.write(pen)?;
            true
        }
        Err(SendError { class, code, detail }) => {
            let detail = if note.is_empty() { detail } else { &format!("{detail} ({note})") };
            Entry { code, detail, ..Entry::of(pen, &tried, class.as_str()) }.write(pen)?;
            if *class == Class::Form {
                windows::close(pen, &tried.delivery)?;
            }
            hold::shows_life(*class)
        }
    };
    if shows_life {
        hold::works(pen, &tried.delivery, began)?;
    }
    let receipt = settlement.outcome.as_ref().ok().and_then(|receipt| receipt.id.as_deref());
    let together = !note.is_empty();
    let arrival = if settlement.outcome.is_ok() { None } else { news::arrival(pen, &current.delivery)? };
    let event = match (settlement.outcome.clone(), arrival) {
        (Ok(receipt), _) => Event::Accepted(receipt),
        (Err(error), Some(arrival)) => Event::RefusedAfterArrival(error, arrival),
        (Err(error), None) if together && error.class == Class::Content => Event::RefusedTogether(error),
        (Err(error), None) => Event::Refused(error, settlement.on_unknown),
    };
    let after = queue::change(pen, &current, event, jitter())?.delivery;
    let told = match receipt {
        Some(receipt) => news::catch_up(pen, &tried.delivery, receipt, together, jitter())?,
        None => None,
    };
    // What was told of an earlier try, whose answer was not heard, waited for the end of this one.
    let told_before = news::catch_up_unheard(pen, &tried.delivery, jitter())?;
    Ok(told_before.or(told).unwrap_or(after))
}
