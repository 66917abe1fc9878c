//! The one thread that owns the one connection, and commits many operations at once.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use rusqlite::{CachedStatement, Connection};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::bells::{Bells, Rung};
use super::counted::Counted;
use super::error::OutboxError;
use super::place;
use super::sqlite::Store;
use super::step::{Moment, Steps};
use crate::clock::{Clock, Timestamp};
use crate::message::MessageId;
use crate::metrics::Metrics;

/// Operations that may wait for the writer. More than this means that the disk can't follow: then callers are told so.
const WAITING_OPS: usize = 1024;

/// Operations in one transaction: enough to share the disk's flush, few enough to answer the first one soon.
const BATCH: usize = 256;

/// The part of the last commit's time for which a batch waits for callers that were answered by that commit, and are
/// about to come again: else every other flush of the disk would be for the quickest of them alone.
const GATHER: u32 = 4;

/// The longest such wait. Nobody waits that is alone.
const LONGEST_GATHERING: Duration = Duration::from_millis(2);

mod ask;

/// Answers one caller, once it is known whether its operation is on disk.
type Answer = Box<dyn FnOnce(Result<(), OutboxError>) + Send>;

/// What a caller wants done. It gets no pen where no transaction could be begun.
type Op = Box<dyn FnOnce(Result<&Pen<'_>, OutboxError>) -> Answer + Send>;

enum Order {
    /// With the caller's time: on this thread a clock that follows a runtime would not.
    Op(Moment, Op),
    Close(oneshot::Sender<()>),
}

/// What an operation writes with.
pub(super) struct Pen<'a> {
    /// The connection, inside a transaction.
    pub(super) db: &'a Connection,
    /// The time of the operation.
    pub(super) now: Timestamp,
    /// Where accounts are counted.
    pub(super) metrics: &'a Metrics,
    rung: &'a RefCell<Rung>,
    lost: &'a RefCell<Option<OutboxError>>,
}

impl Pen<'_> {
    /// A statement, kept ready for the next time.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, OutboxError> {
        prepare(self.db, sql)
    }

    /// Wakes the account's lane once this is committed.
    pub(super) fn ring(&self, account: &str) {
        let accounts = &mut self.rung.borrow_mut().accounts;
        if !accounts.contains(account) {
            accounts.insert(account.to_owned());
        }
    }

    /// Tells whoever waits for the message, once this is committed.
    pub(super) fn tell(&self, message: MessageId) {
        self.rung.borrow_mut().messages.insert(message);
    }

    /// Counts it once this is committed.
    pub(super) fn count(&self, counted: Counted) {
        self.rung.borrow_mut().counted.push(counted);
    }

    /// Takes back what an operation has counted that failed; one bell too many does no harm.
    fn counted_if<T>(&self, result: &Result<T, OutboxError>, before: usize) {
        if result.is_err() {
            self.rung.borrow_mut().counted.truncate(before);
        }
    }

    /// Runs one operation so that its failure takes back its own changes only.
    fn apart<T>(&self, op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError>) -> Result<T, OutboxError> {
        self.say("SAVEPOINT op")?;
        let counted = self.rung.borrow().counted.len();
        let result = op(self);
        self.counted_if(&result, counted);
        self.watch(&result);
        // After some errors (a full disk) SQLite has already taken back the whole transaction.
        if self.db.is_autocommit() {
            self.lost.replace(result.as_ref().err().cloned());
            return result;
        }
        if result.is_err() {
            self.say("ROLLBACK TO op")?;
        }
        self.say("RELEASE op")?;
        result
    }

    /// Runs one operation without the means to take back its changes alone, which cost as much as the changes themselves:
    /// should it fail after the first of them, the whole transaction is taken back.
    fn together<T>(&self, op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError>) -> Result<T, OutboxError> {
        let (before, counted) = (self.db.total_changes(), self.rung.borrow().counted.len());
        let result = op(self);
        self.counted_if(&result, counted);
        self.watch(&result);
        if let Err(why) = &result
            && (self.db.is_autocommit() || self.db.total_changes() != before)
        {
            self.lost.replace(Some(why.clone()));
            if !self.db.is_autocommit() {
                self.say("ROLLBACK")?;
            }
        }
        result
    }

    /// Damage is noted for the next start.
    fn watch<T>(&self, result: &Result<T, OutboxError>) {
        if let (Err(OutboxError::Corrupt(why)), Some(file)) = (result, self.db.path()) {
            place::suspect(file.as_ref(), why);
        }
    }

    fn say(&self, sql: &str) -> Result<(), OutboxError> {
        self.prepare(sql)?.execute([])?;
        Ok(())
    }
}

/// Lends a pen outside of the thread, for a store that nobody else uses. Nothing rings, and nothing is counted.
pub(super) fn with_pen<T>(
    db: &Connection,
    now: Timestamp,
    op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError>,
) -> Result<T, OutboxError> {
    op(&Pen { db, now, metrics: &Metrics::default(), rung: &RefCell::default(), lost: &RefCell::default() })
}

/// A statement, kept ready for the next time.
pub(super) fn prepare<'a>(db: &'a Connection, sql: &str) -> Result<CachedStatement<'a>, OutboxError> {
    let statement = db.prepare_cached(sql)?;
    #[cfg(test)]
    super::plans::look(db, sql, &statement);
    Ok(statement)
}

/// The way to the thread. Clones share it; it ends when the last one is gone.
#[derive(Clone)]
pub(super) struct Writer {
    orders: SyncSender<Order>,
    clock: Clock,
    metrics: Metrics,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(store: Store, clock: Clock, bells: Bells, metrics: Metrics) -> Result<Writer, OutboxError> {
        let (orders, inbox) = sync_channel(WAITING_OPS);
        let counted = metrics.clone();
        let write = move || write_until_closed(store, &bells, &counted, &inbox);
        let started = std::thread::Builder::new().name("outbox".to_owned()).spawn(write);
        started.map_err(|e| OutboxError::Unavailable(format!("can't start the outbox's thread: {e}")))?;
        Ok(Writer { orders, clock, metrics })
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn write_until_closed(store: Store, bells: &Bells, metrics: &Metrics, inbox: &Receiver<Order>) {
    let mut closed = Vec::new();
    let mut steps = Steps::default();
    let mut crowd = Crowd::default();
    while closed.is_empty() {
        let Some(first) = crowd.left.take().or_else(|| inbox.recv().ok()) else { break };
        let followed = match &first {
            Order::Op(moment, _) => steps.follow(&store.db, *moment).map_err(OutboxError::from),
            Order::Close(_) => Ok(()),
        };
        let mut answers = Vec::new();
        let (rung, lost) = (RefCell::default(), RefCell::default());
        let mut apply = |order, db: Result<&Connection, OutboxError>| match order {
            Order::Op(Moment { now, .. }, op) => {
                let pen = db.map(|db| Pen { db, now, metrics, rung: &rung, lost: &lost });
                answers.push(op(pen.as_ref().map_err(OutboxError::clone)));
            }
            Order::Close(reply) => closed.push(reply),
        };
        let committed = match followed {
            // By a time that nothing here knows of, all that waits might be over. The next operation asks again.
            Err(e) if e.may_pass() => {
                tracing::warn!("the outbox can't follow the clock yet: {e}");
                apply(first, Err(e));
                Ok(None)
            }
            _ => caught(&store.db, || batch(&store.db, first, inbox, (&steps, &mut crowd), &lost, &mut apply)),
        };
        if let Ok(took) = &committed {
            took.iter().for_each(|took| metrics.committed(*took));
            let rung = rung.into_inner();
            bells.ring(&rung);
            rung.counted.into_iter().for_each(Counted::count);
        }
        let committed = committed.map(drop);
        for answer in answers {
            answer(committed.clone());
        }
    }
    store.close();
    for reply in closed {
        // Whoever closed it may not have waited.
        reply.send(()).ok();
    }
}

/// Runs a batch so that a panic in it takes back its transaction, and not the thread: whoever rings next is heard. The
/// panic message is in the log already.
fn caught<T>(db: &Connection, batch: impl FnOnce() -> Result<T, OutboxError>) -> Result<T, OutboxError> {
    catch_unwind(AssertUnwindSafe(batch)).unwrap_or_else(|_| {
        if !db.is_autocommit() {
            drop(db.execute_batch("ROLLBACK"));
        }
        Err(OutboxError::Unavailable("the outbox's code failed; see the log".to_owned()))
    })
}

/// What the last batch tells of the next one.
#[derive(Default)]
struct Crowd {
    /// How many operations it had.
    size: usize,
    /// How long its commit took.
    commit: Duration,
    /// What it left: the clock was set before that.
    left: Option<Order>,
}

impl Crowd {
    /// The next operation: one that waits; or, while fewer have come than the last time, one that comes soon.
    fn next(&self, inbox: &Receiver<Order>, come: usize, until: Instant) -> Option<Order> {
        match inbox.try_recv() {
            Ok(order) => Some(order),
            Err(_) if come >= self.size => None,
            Err(_) => inbox.recv_timeout(until.saturating_duration_since(Instant::now())).ok(),
        }
    }

    fn patience(&self) -> Duration {
        (self.commit / GATHER).min(LONGEST_GATHERING)
    }
}

/// One transaction over all that waits, up to a bound. Yields how long the disk took, if it had anything to write.
fn batch(
    db: &Connection,
    first: Order,
    inbox: &Receiver<Order>,
    (steps, crowd): (&Steps, &mut Crowd),
    lost: &RefCell<Option<OutboxError>>,
    apply: &mut impl FnMut(Order, Result<&Connection, OutboxError>),
) -> Result<Option<Duration>, OutboxError> {
    if let Err(e) = db.execute_batch("BEGIN IMMEDIATE") {
        // Whoever waits behind the first would wait as long, for the same answer.
        let error = OutboxError::from(e);
        for order in std::iter::once(first).chain(inbox.try_iter().take(WAITING_OPS)) {
            apply(order, Err(error.clone()));
        }
        return Ok(None);
    }
    let before = db.total_changes();
    let (mut next, mut come) = (Some(first), 0);
    let until = Instant::now() + crowd.patience();
    while let Some(order) = next {
        apply(order, Ok(db));
        // After some errors (a full disk) the transaction is gone, and with it what the others wrote.
        if db.is_autocommit() {
            let taken_back = || OutboxError::Unavailable("the outbox's transaction was taken back".to_owned());
            // What one has found damaged, the others have not.
            return Err(lost.take().filter(OutboxError::may_pass).unwrap_or_else(taken_back));
        }
        come += 1;
        next = if come < BATCH { crowd.next(inbox, come, until) } else { None };
        if matches!(&next, Some(Order::Op(moment, _)) if steps.lie_between(*moment)) {
            crowd.left = next.take();
        }
    }
    let began = Instant::now();
    let committed = db.execute_batch("COMMIT").map_err(OutboxError::from);
    (crowd.size, crowd.commit) = (come, began.elapsed());
    if committed.is_err() && !db.is_autocommit() {
        drop(db.execute_batch("ROLLBACK"));
    }
    committed.map(|()| Some(crowd.commit).filter(|_| db.total_changes() != before))
}

#[cfg(test)]
mod tests;
