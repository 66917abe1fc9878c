//! The one thread that owns the one connection, and commits many operations at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use rusqlite::{CachedStatement, Connection};
use tokio::sync::oneshot;

use super::sqlite::Store;
use super::{Bells, OutboxError};
use crate::clock::{Clock, Timestamp};

/// Operations that may wait for the writer. More than this means that the disk can't follow: then callers are told so.
const WAITING_OPS: usize = 1024;

/// Operations in one transaction: enough to share the disk's flush, few enough to answer the first one soon.
const BATCH: usize = 256;

/// How soon to ask again for the end, where the writer is behind.
const CLOSE_AGAIN: Duration = Duration::from_millis(10);

/// Answers one caller, once it is known whether its operation is on disk.
type Answer = Box<dyn FnOnce(Result<(), OutboxError>) + Send>;

/// What a caller wants done. It gets no pen where no transaction could be begun.
type Op = Box<dyn FnOnce(Result<&Pen<'_>, OutboxError>) -> Answer + Send>;

enum Order {
    /// With the caller's time: on this thread a clock that follows a runtime would not.
    Op(Timestamp, Op),
    Close(oneshot::Sender<()>),
}

/// What an operation writes with.
pub(super) struct Pen<'a> {
    /// The connection, inside a transaction.
    pub(super) db: &'a Connection,
    /// The time of the operation.
    pub(super) now: Timestamp,
    rung: &'a RefCell<BTreeSet<String>>,
}

impl Pen<'_> {
    /// A statement, kept ready for the next time.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, OutboxError> {
        let statement = self.db.prepare_cached(sql)?;
        #[cfg(test)]
        super::plans::look(self.db, sql, &statement);
        Ok(statement)
    }

    /// Wakes the account's lane once this is committed.
    pub(super) fn ring(&self, account: &str) {
        let mut rung = self.rung.borrow_mut();
        if !rung.contains(account) {
            rung.insert(account.to_owned());
        }
    }

    /// Runs one operation so that its failure takes back its own changes only.
    fn apart<T>(&self, op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError>) -> Result<T, OutboxError> {
        self.say("SAVEPOINT op")?;
        let result = op(self);
        // After some errors (a full disk) SQLite has already taken back the whole transaction.
        if result.is_err() && !self.db.is_autocommit() {
            self.say("ROLLBACK TO op")?;
        }
        if !self.db.is_autocommit() {
            self.say("RELEASE op")?;
        }
        result
    }

    fn say(&self, sql: &str) -> Result<(), OutboxError> {
        self.prepare(sql)?.execute([])?;
        Ok(())
    }
}

/// The way to the thread. Clones share it; it ends when the last one is gone.
#[derive(Clone)]
pub(super) struct Writer {
    orders: SyncSender<Order>,
    clock: Clock,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(store: Store, clock: Clock, bells: Bells) -> Result<Writer, OutboxError> {
        let (orders, inbox) = sync_channel(WAITING_OPS);
        let write = move || write_until_closed(store, &bells, &inbox);
        let started = std::thread::Builder::new().name("outbox".to_owned()).spawn(write);
        started.map_err(|e| OutboxError::Unavailable(format!("can't start the outbox's thread: {e}")))?;
        Ok(Writer { orders, clock })
    }

    /// Runs `op` on the thread. The answer comes after the commit, never before.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Pen<'_>) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let (reply, answer) = oneshot::channel();
        let op: Op = Box::new(move |pen| {
            let result = pen.and_then(|pen| pen.apart(op));
            // The caller may have gone; what it asked for is done all the same.
            Box::new(move |committed| drop(reply.send(committed.and(result))))
        });
        let order = Order::Op(self.clock.now(), op);
        self.orders.try_send(order).map_err(|e| match e {
            TrySendError::Full(_) => OutboxError::Busy,
            TrySendError::Disconnected(_) => OutboxError::closed(),
        })?;
        answer.await.unwrap_or_else(|_| Err(OutboxError::closed()))
    }

    /// Ends the thread after what it already has, and waits for it.
    pub(super) async fn close(&self) {
        loop {
            let (reply, closed) = oneshot::channel();
            match self.orders.try_send(Order::Close(reply)) {
                Ok(()) => return closed.await.unwrap_or_default(),
                Err(TrySendError::Disconnected(_)) => return,
                Err(TrySendError::Full(_)) => tokio::time::sleep(CLOSE_AGAIN).await,
            }
        }
    }
}

fn write_until_closed(store: Store, bells: &Bells, inbox: &Receiver<Order>) {
    let mut closed = Vec::new();
    while closed.is_empty() {
        let Ok(first) = inbox.recv() else { break };
        let mut answers = Vec::new();
        let rung = RefCell::default();
        let mut apply = |order, db: Result<&Connection, OutboxError>| match order {
            Order::Op(now, op) => {
                let pen = db.map(|db| Pen { db, now, rung: &rung });
                answers.push(op(pen.as_ref().map_err(OutboxError::clone)));
            }
            Order::Close(reply) => closed.push(reply),
        };
        let committed = batch(&store.db, first, inbox, &mut apply);
        if committed.is_ok() {
            bells.ring(&rung.into_inner());
        }
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

/// One transaction over all that waits, up to a bound.
fn batch(
    db: &Connection,
    first: Order,
    inbox: &Receiver<Order>,
    apply: &mut impl FnMut(Order, Result<&Connection, OutboxError>),
) -> Result<(), OutboxError> {
    if let Err(e) = db.execute_batch("BEGIN IMMEDIATE") {
        apply(first, Err(OutboxError::from(e)));
        return Ok(());
    }
    apply(first, Ok(db));
    for _ in 1..BATCH {
        // After some errors (a full disk) the transaction is gone, and with it what the others wrote: COMMIT will say so.
        if db.is_autocommit() {
            break;
        }
        match inbox.try_recv() {
            Ok(order) => apply(order, Ok(db)),
            Err(_) => break,
        }
    }
    let committed = db.execute_batch("COMMIT").map_err(OutboxError::from);
    if committed.is_err() && !db.is_autocommit() {
        drop(db.execute_batch("ROLLBACK"));
    }
    committed
}
