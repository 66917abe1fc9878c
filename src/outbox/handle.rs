//! The store as everybody sees it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;

use super::bells::{Bells, Watch};
use super::claim::{self, Claim, Claims, Settlement, Terms};
use super::error::OutboxError;
use super::held::Held;
use super::once::{self, Accepted, Once};
use super::operator::{self, Touched};
use super::reader::Reader;
use super::refused::{self, Refused};
use super::sqlite::Store;
use super::status::{self, Depth, MessageStatus};
use super::writer::{Pen, Writer};
use super::{orphans, queue, rows};
use crate::account::AccountName;
use crate::clock::{Clock, Timestamp};
use crate::contact::Recipient;
use crate::message::delivery::{Delivery, OnUnknown};
use crate::message::{Message, MessageId, retry};

/// The store. Clones are the same store; when the last one is dropped, its thread writes what it has, and ends.
#[derive(Clone)]
pub struct Outbox {
    writer: Writer,
    bells: Bells,
    held: Held,
    reader: Reader,
}

impl Outbox {
    /// Opens the store in `dir`, and makes it where there is none. Only one process at a time can.
    pub fn open(dir: &Path, clock: Clock) -> Result<Outbox, OutboxError> {
        let bells = Bells::default();
        let store = Store::open(dir)?;
        let reader = Reader::beside(dir)?;
        let writer = Writer::start(store, clock, bells.clone())?;
        Ok(Outbox { writer, bells, held: Held::default(), reader })
    }

    /// Ends the store after what it was asked so far, and waits for that. Later calls are refused.
    pub async fn close(&self) {
        let reader = self.reader.clone();
        // Off the runtime's threads: a look that is under way ends first.
        tokio::task::spawn_blocking(move || reader.close()).await.ok();
        self.writer.close().await;
    }

    /// Takes a message with one delivery for each recipient. It is on disk when this returns.
    pub async fn enqueue(&self, message: Message, recipients: Vec<Recipient>) -> Result<(), OutboxError> {
        self.enqueue_once(message, recipients, Vec::new()).await.map(drop)
    }

    /// Takes a message as `enqueue` does, unless the same one was accepted before: one transaction looks and decides.
    pub async fn enqueue_once(
        &self,
        message: Message,
        recipients: Vec<Recipient>,
        onces: Vec<Once>,
    ) -> Result<Accepted, OutboxError> {
        let write = move |pen: &Pen<'_>| {
            let accepted = once::look(pen, &message, &onces)?;
            if accepted == Accepted::New {
                for (account, address) in rows::insert(pen, &message, &recipients)? {
                    queue::refresh(pen, &account, &address)?;
                }
            }
            Ok(accepted)
        };
        self.writer.run(write).await
    }

    /// Watches a message, to wait for news of it.
    pub fn watch(&self, id: MessageId) -> Watch {
        self.bells.watch(id)
    }

    /// The bell of an account. One ring is remembered, so that none is missed between asking and listening.
    pub fn bell(&self, account: &AccountName) -> Arc<Notify> {
        self.bells.of(account.as_str())
    }

    /// Leases what the account may send now. Don't drop this future halfway: its leases would have to run out.
    pub async fn claim(&self, account: &AccountName, terms: Terms) -> Result<Claims, OutboxError> {
        let (account, held) = (account.clone(), self.held.clone());
        self.writer.run(move |pen| claim::claim(pen, account.as_str(), terms, &held)).await
    }

    /// Writes what came of a try. While the store can't, it tries again, until the store is closed: an answer that is not
    /// written down becomes a second try.
    pub async fn settle(&self, claim: Claim, settlement: Settlement) -> Result<Delivery, OutboxError> {
        let claim = Arc::new(claim);
        let mut failures = 0;
        loop {
            let (claim, settlement, jitter) = (Arc::clone(&claim), settlement.clone(), claim::jitter());
            match self.writer.run(move |pen| claim::settle(pen, &claim, settlement, jitter)).await {
                Err(trouble) if trouble.may_pass() => {
                    if failures == 0 {
                        tracing::error!("the result of a try can't be written yet, and waits: {trouble}");
                    }
                    tokio::time::sleep(retry::step(failures)).await;
                    failures += 1;
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
        let mut ended = Vec::new();
        loop {
            let swept = match self.writer.run(queue::sweep).await {
                Ok(swept) => swept,
                Err(e) if ended.is_empty() => return Err(e),
                // Those are written down, and must be told.
                Err(_) => return Ok(ended),
            };
            ended.extend(swept.ended);
            if !swept.more {
                return Ok(ended);
            }
        }
    }

    /// Notes which accounts there are. What waits for any other moves to its next way, or waits with the reason "no account".
    pub async fn keep_accounts(&self, known: BTreeSet<AccountName>) -> Result<(), OutboxError> {
        let known = Arc::new(known);
        loop {
            let known = Arc::clone(&known);
            if !self.writer.run(move |pen| orphans::move_orphans(pen, &known)).await? {
                return Ok(());
            }
        }
    }

    /// Where a message stands.
    pub async fn find(&self, id: MessageId) -> Result<Option<MessageStatus>, OutboxError> {
        self.writer.run(move |pen| status::find(pen.db, pen.now, id)).await
    }

    /// How much there is to do.
    pub async fn depth(&self) -> Result<Depth, OutboxError> {
        self.writer.run(status::depth).await
    }

    /// Looks at the store beside its writer, which goes on meanwhile.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader) -> Result<T, OutboxError> + Send + 'static,
    ) -> Result<T, OutboxError> {
        let reader = self.reader.clone();
        let looked = tokio::task::spawn_blocking(move || look(&reader)).await;
        looked.unwrap_or_else(|_| Err(OutboxError::Unavailable("looking at the outbox broke off".to_owned())))
    }

    /// Puts ended deliveries of a message back to the queue; those that may have arrived only with `force`. `None`: there
    /// is no such message.
    pub async fn retry(&self, id: MessageId, force: bool) -> Result<Option<Vec<Touched>>, OutboxError> {
        self.writer.run(move |pen| operator::retry(pen, id, force)).await
    }

    /// Takes queued deliveries of a message back. `None`: there is no such message.
    pub async fn cancel(&self, id: MessageId) -> Result<Option<Vec<Touched>>, OutboxError> {
        self.writer.run(move |pen| operator::cancel(pen, id)).await
    }

    /// Forgets the messages that were accepted before `older` and have ended, in small steps. Yields how many.
    pub async fn purge(&self, older: Timestamp) -> Result<u64, OutboxError> {
        let (mut count, mut after) = (0, 0);
        loop {
            let purged = self.writer.run(move |pen| operator::purge(pen, older, after)).await?;
            count += purged.count;
            match purged.next {
                Some(next) => after = next,
                None => return Ok(count),
            }
        }
    }

    /// Notes a call that was refused.
    pub async fn note_refused(&self, refused: Refused) -> Result<(), OutboxError> {
        self.writer.run(move |pen| refused::note(pen, &refused)).await
    }
}
