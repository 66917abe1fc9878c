//! The durable store of messages and deliveries.
//!
//! What it promises:
//! 1. Accepted means on disk: `enqueue` returns after the commit, and a message and all its deliveries are one
//!    transaction. A claim is committed before the first byte leaves.
//! 2. At least once: a claim is a lease; what a dead process held is tried again, or given up as the account wants it.
//! 3. One owner at a time: each lease has a number, and only the last one's result counts.
//! 4. Nothing is silent: every end has a reason and a row in `attempts`.
//! 5. Per account and address one request at a time, in order of priority and acceptance; nobody overtakes but whoever
//!    has a higher priority, and whoever finds the older one marked late.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{ErrorCode, params};
use tokio::sync::Notify;

use crate::account::AccountName;
use crate::clock::{Clock, Timestamp};
use crate::contact::Recipient;
use crate::message::delivery::{Delivery, DeliveryState, Event, OnUnknown};
use crate::message::{Message, MessageId, retry};

mod claim;
#[cfg(test)]
mod plans;
mod queue;
mod rows;
mod sqlite;
mod writer;

pub use claim::{Claim, Claims, Settlement, Terms};

/// Deliveries that one operation moves away from an account that is gone.
const ORPHANS: i64 = 256;

/// Why the store did not do what it was asked, by what can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// Too many wait for the disk: come back later.
    #[error("the outbox has more to write than the disk takes: try again later")]
    Busy,
    /// The disk is full: the operator must make room.
    #[error("the disk of the state directory is full: make room")]
    Full,
    /// It can't be used; the text says why.
    #[error("{0}")]
    Unavailable(String),
    /// Its file is damaged; the text says how.
    #[error("the outbox's file is damaged ({0}): stop the daemon and move the file aside, or restore it")]
    Corrupt(String),
}

impl OutboxError {
    fn closed() -> OutboxError {
        OutboxError::Unavailable("the outbox is closed".to_owned())
    }
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> OutboxError {
        match (error.sqlite_error_code(), &error) {
            (Some(ErrorCode::DiskFull), _) => OutboxError::Full,
            (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => OutboxError::Busy,
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _)
            | (_, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)) => {
                OutboxError::Corrupt(error.to_string())
            }
            _ => OutboxError::Unavailable(format!("the outbox can't be used: {error}")),
        }
    }
}

/// A message and where its deliveries stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageStatus {
    /// The message.
    pub message: Message,
    /// One for each contact and copy, in order of acceptance.
    pub deliveries: Vec<DeliveryStatus>,
}

/// Where one delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// The delivery.
    pub delivery: Delivery,
    /// How many tries have begun.
    pub attempts: u32,
}

/// How much waits and how much is under way, by account.
pub type Depth = BTreeMap<AccountName, AccountDepth>;

/// How much one account has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountDepth {
    /// Deliveries that wait.
    pub queued: u64,
    /// Tries under way.
    pub sending: u64,
}

/// A bell for each account: it rings after a commit that may give its lane something to do.
#[derive(Clone, Debug, Default)]
struct Bells(Arc<Mutex<BTreeMap<String, Arc<Notify>>>>);

impl Bells {
    fn of(&self, account: &str) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(account.to_owned()).or_default())
    }

    fn ring(&self, accounts: &BTreeSet<String>) {
        for account in accounts {
            self.of(account).notify_one();
        }
    }
}

/// The store. Clones are the same store; when the last one is dropped, its thread writes what it has, and ends.
#[derive(Clone)]
pub struct Outbox {
    writer: writer::Writer,
    bells: Bells,
}

impl Outbox {
    /// Opens the store in `dir`, and makes it where there is none. Only one process at a time can.
    pub fn open(dir: &Path, clock: Clock) -> Result<Outbox, OutboxError> {
        let bells = Bells::default();
        let writer = writer::Writer::start(sqlite::Store::open(dir)?, clock, bells.clone())?;
        Ok(Outbox { writer, bells })
    }

    /// Ends the store after what it was asked so far, and waits for that. Later calls are refused.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    /// Takes a message with one delivery for each recipient. It is on disk when this returns.
    pub async fn enqueue(&self, message: Message, recipients: Vec<Recipient>) -> Result<(), OutboxError> {
        let write = move |pen: &writer::Pen<'_>| {
            for (account, address) in rows::insert(pen, &message, &recipients)? {
                queue::refresh(pen, &account, &address)?;
            }
            Ok(())
        };
        self.writer.run(write).await
    }

    /// The bell of an account. One ring is remembered, so that none is missed between asking and listening.
    pub fn bell(&self, account: &AccountName) -> Arc<Notify> {
        self.bells.of(account.as_str())
    }

    /// Leases what the account may send now. Don't drop this future halfway: its leases would have to run out.
    pub async fn claim(&self, account: &AccountName, terms: Terms) -> Result<Claims, OutboxError> {
        let account = account.clone();
        self.writer.run(move |pen| claim::claim(pen, account.as_str(), terms)).await
    }

    /// Writes what came of a try. While the store can't write, it tries again for as long as the steps last: an answer
    /// that is not written down becomes a second try.
    pub async fn settle(&self, claim: Claim, settlement: Settlement) -> Result<Delivery, OutboxError> {
        let claim = Arc::new(claim);
        let mut failures = 0;
        loop {
            let (claim, settlement, jitter) = (Arc::clone(&claim), settlement.clone(), jitter());
            let settled = self.writer.run(move |pen| claim::settle(pen, &claim, settlement, jitter)).await;
            let wait = retry::step(failures);
            match settled {
                Err(OutboxError::Busy | OutboxError::Full) if wait < retry::HOLDS_OTHERS_FOR => {
                    failures += 1;
                    tokio::time::sleep(wait).await;
                }
                settled => return settled,
            }
        }
    }

    /// Makes the tries of processes that died unknown, each by its account's policy, and yields the deliveries that ended
    /// by that. Call it once, before the first claim.
    pub async fn void_leases(
        &self,
        policy: impl Fn(&AccountName) -> OnUnknown + Send + 'static,
    ) -> Result<Vec<Delivery>, OutboxError> {
        self.writer.run(move |pen| claim::void_all(pen, &policy)).await
    }

    /// Does what only time brings about, for accounts that have no lane: yields the deliveries whose time ran out.
    pub async fn sweep(&self) -> Result<Vec<Delivery>, OutboxError> {
        self.writer.run(queue::sweep).await
    }

    /// Notes which accounts there are. What waits for any other moves to its next way, or waits with the reason "no account".
    pub async fn keep_accounts(&self, known: BTreeSet<AccountName>) -> Result<(), OutboxError> {
        let known = Arc::new(known);
        loop {
            let known = Arc::clone(&known);
            if !self.writer.run(move |pen| move_orphans(pen, &known)).await? {
                return Ok(());
            }
        }
    }

    /// Where a message stands.
    pub async fn find(&self, id: MessageId) -> Result<Option<MessageStatus>, OutboxError> {
        self.writer.run(move |pen| find(pen, id)).await
    }

    /// How much there is to do.
    pub async fn depth(&self) -> Result<Depth, OutboxError> {
        self.writer.run(depth).await
    }
}

/// A number from 0 to 1 that nobody can guess; in the middle, should the system give none.
fn jitter() -> f64 {
    let mut bits = [0u8; 4];
    getrandom::fill(&mut bits).map_or(0.5, |()| f64::from(u32::from_be_bytes(bits)) / f64::from(u32::MAX))
}

/// Moves what can be moved. Says whether there may be more.
fn move_orphans(pen: &writer::Pen<'_>, known: &BTreeSet<AccountName>) -> Result<bool, OutboxError> {
    let mut more = false;
    let mut statement = pen.prepare("SELECT account FROM accounts")?;
    let accounts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for account in accounts {
        let missing = !known.contains(&AccountName::new(&account));
        let mark = "UPDATE accounts SET missing = ?2 WHERE account = ?1 AND missing <> ?2";
        pen.prepare(mark)?.execute(params![account, missing])?;
        if !missing {
            continue;
        }
        let movable = "SELECT id FROM deliveries WHERE account = ?1 AND state = 'queued' AND ways_left > 0 LIMIT ?2";
        for id in queue::ids(pen, movable, params![account, ORPHANS])? {
            if let Some(orphan) = rows::read(pen, id)? {
                queue::change(pen, &orphan, Event::NoAccount, 0.0)?;
                more = true;
            }
        }
    }
    Ok(more)
}

fn find(pen: &writer::Pen<'_>, id: MessageId) -> Result<Option<MessageStatus>, OutboxError> {
    const SQL: &str = concat!(
        "SELECT ",
        rows::delivery_columns!(),
        ", a.missing FROM deliveries d JOIN messages m ON m.seq = d.message LEFT JOIN accounts a ON a.account = d.account
         WHERE d.message = ?1 ORDER BY d.id"
    );
    let Some((seq, message)) = rows::message(pen, id)? else { return Ok(None) };
    let mut statement = pen.prepare(SQL)?;
    let read = |row: &rusqlite::Row<'_>| Ok((rows::delivery(row)?, row.get::<_, Option<bool>>(22)?.unwrap_or(false)));
    let found: Vec<_> = statement.query_map([seq], read)?.collect::<Result<_, _>>()?;
    let deliveries = found
        .into_iter()
        .map(|(leased, missing)| DeliveryStatus {
            attempts: u32::try_from(leased.fence).unwrap_or(u32::MAX),
            delivery: as_of(leased.delivery, missing, pen.now),
        })
        .collect();
    Ok(Some(MessageStatus { message, deliveries }))
}

/// The delivery as it stands at `now`, also where nobody has come to write that down yet.
fn as_of(delivery: Delivery, missing: bool, now: Timestamp) -> Delivery {
    let queued = delivery.state == DeliveryState::Queued;
    let event = match queued {
        true if delivery.expires_at <= now => Event::Expired,
        true if missing && delivery.ways_left() == 0 => Event::NoAccount,
        _ => return delivery,
    };
    delivery.advance(event, now, 0.0).delivery
}

fn depth(pen: &writer::Pen<'_>) -> Result<Depth, OutboxError> {
    let mut statement = pen.prepare("SELECT account, queued, sending FROM accounts")?;
    let read = |row: &rusqlite::Row<'_>| {
        let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
        let depth = AccountDepth { queued: count(1)?, sending: count(2)? };
        Ok((AccountName::new(row.get_ref(0)?.as_str()?), depth))
    };
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}
