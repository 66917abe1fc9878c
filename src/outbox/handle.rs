//! The store as everybody sees it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::bells::Bells;
use super::claim::{self, Claim, Claims, Settlement, Terms};
use super::error::OutboxError;
use super::held::Held;
use super::recovery::{self, Recovery};
use super::retention::{self, Cursor};
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
    recovery: Arc<Option<Recovery>>,
}

impl Outbox {
    /// Opens the store in `dir`, and makes it where there is none. Only one process at a time can. In the place of a
    /// damaged file a new one is put: see `recovery`.
    pub fn open(dir: &Path, clock: Clock) -> Result<Outbox, OutboxError> {
        let bells = Bells::default();
        let (store, recovery) = recovery::open(dir, clock.now())?;
        let writer = Writer::start(store, clock, bells.clone())?;
        Ok(Outbox { writer, bells, held: Held::default(), recovery: Arc::new(recovery) })
    }

    /// What became of a damaged file, should `open` have found one.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref().as_ref()
    }

    /// Ends the store after what it was asked so far, and waits for that. Later calls are refused.
    pub async fn close(&self) {
        self.writer.close().await;
    }

    /// Takes a message with one delivery for each recipient. It is on disk when this returns.
    pub async fn enqueue(&self, message: Message, recipients: Vec<Recipient>) -> Result<(), OutboxError> {
        let write = move |pen: &Pen<'_>| {
            for new in rows::insert(pen, &message, &recipients)? {
                queue::join(pen, &new)?;
            }
            Ok(())
        };
        self.writer.run_together(write).await
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
            match self.writer.run_together(move |pen| claim::settle(pen, &claim, settlement, jitter)).await {
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

    /// Deletes all messages whose deliveries had all ended before that. Yields how many. Others get their turn all the
    /// while, and can be dropped in between.
    pub async fn purge(&self, before: Timestamp) -> Result<u64, OutboxError> {
        let (mut messages, mut cursor) = (0, Cursor::default());
        loop {
            let from = cursor;
            let purged = self.writer.run(move |pen| retention::purge(pen, before, from)).await?;
            messages += purged.messages;
            tokio::time::sleep(retention::PAUSE).await;
            match purged.next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        while self.writer.run(retention::shrink).await? {
            tokio::time::sleep(retention::PAUSE).await;
        }
        Ok(messages)
    }

    /// Purges again and again what ended longer ago than `keep`. Never resolves.
    pub async fn forget_after(&self, keep: Duration) {
        loop {
            match self.purge(self.writer.now().minus(keep)).await {
                Ok(0) => {}
                Ok(messages) => tracing::info!(messages, "deleted what ended more than {keep:?} ago"),
                Err(e) => tracing::warn!("old messages can't be deleted now: {e}"),
            }
            tokio::time::sleep(retention::EVERY).await;
        }
    }

    /// Where a message stands.
    pub async fn find(&self, id: MessageId) -> Result<Option<MessageStatus>, OutboxError> {
        self.writer.run(move |pen| status::find(pen, id)).await
    }

    /// How much there is to do.
    pub async fn depth(&self) -> Result<Depth, OutboxError> {
        self.writer.run(status::depth).await
    }
}
