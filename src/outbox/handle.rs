//! The store as everybody sees it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::alarms::{self, Due};
use super::bells::{Bells, Watch};
use super::breaker;
use super::calls::Calls;
use super::claim::{self, Claim, Claims, Settlement, Terms};
use super::error::OutboxError;
use super::held::Held;
use super::lent::{self, Answered};
use super::list::{self, AccountState};
use super::news::Heard;
use super::once::{self, Accepted, Once};
use super::operator::{self, Touched};
use super::reader::Reader;
use super::recovery::{self, Recovery};
use super::refused::{self, Refused};
use super::retention::{self, Cursor};
use super::status::{self, MessageStatus};
use super::ticket::Ticket;
use super::writer::{Pen, Writer};
use super::{media, news, orphans, parked, probe, queue, rows, tally, void, ways, windows};
use crate::account::AccountName;
use crate::clock::{Clock, Timestamp};
use crate::contact::Recipient;
use crate::message::alarm::{Alarm, Cause};
use crate::message::delivery::Delivery;
use crate::message::media::Media;
use crate::message::news::News;
use crate::message::{Message, MessageId, retry};
use crate::metrics::Metrics;

/// How many may ask at once where messages stand, of all that may wait for the writer.
const FINDS: usize = 64;

/// The store. Clones are the same store; when the last one is dropped, its thread writes what it has, and ends.
#[derive(Clone)]
pub struct Outbox {
    pub(super) writer: Writer,
    pub(super) calls: Calls,
    bells: Bells,
    held: Held,
    finds: Arc<Semaphore>,
    recovery: Arc<Option<Recovery>>,
    reader: Reader,
}

impl Outbox {
    /// Opens the store in `dir`, and makes it where there is none. Only one process at a time can. In the place of a
    /// damaged file a new one is put: see `recovery`.
    pub fn open(dir: &Path, clock: Clock) -> Result<Outbox, OutboxError> {
        Outbox::open_counted(dir, clock, Metrics::default())
    }

    /// The same, which counts there what becomes of deliveries.
    pub fn open_counted(dir: &Path, clock: Clock, metrics: Metrics) -> Result<Outbox, OutboxError> {
        let bells = Bells::default();
        let (store, recovery) = recovery::open(dir, clock.now())?;
        let reader = Reader::beside(dir);
        let writer = Writer::start(store, clock, bells.clone(), metrics)?;
        let (calls, held, finds) = (Calls::default(), Held::default(), Arc::new(Semaphore::new(FINDS)));
        Ok(Outbox { writer, calls, bells, held, finds, recovery: Arc::new(recovery), reader })
    }

    /// What became of a damaged file, should `open` have found one.
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref().as_ref()
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
        self.enqueue_bringing(message, None, recipients, onces).await
    }

    /// The same, of a message that brings something besides its text.
    pub async fn enqueue_bringing(
        &self,
        message: Message,
        brings: Option<Arc<Media>>,
        recipients: Vec<Recipient>,
        onces: Vec<Once>,
    ) -> Result<Accepted, OutboxError> {
        let new = Arc::new((message, brings, recipients, onces));
        let has_bytes = new.1.as_ref().is_some_and(|media| media.bytes().is_some());
        let write = |room| {
            let new = Arc::clone(&new);
            move |pen: &Pen<'_>| {
                let (message, brings, recipients, onces) = &*new;
                let accepted = once::look(pen, message, onces)?;
                if accepted != Accepted::New {
                    return Ok(accepted);
                }
                accept(pen, message, recipients.clone())?;
                let kept = brings.as_ref().map_or(Ok(true), |media| media::keep(pen, message.id, media, room))?;
                Ok(if kept { Accepted::New } else { Accepted::NewAlone })
            }
        };
        match self.writer.run_together(write(media::ROOM)).await {
            // There may be room for the text.
            Err(OutboxError::Full) if has_bytes => self.writer.run_together(write(0)).await,
            accepted => accepted,
        }
    }

    /// The bytes of what a message brings, as long as they are kept.
    pub async fn media(&self, id: MessageId) -> Result<Option<Arc<[u8]>>, OutboxError> {
        self.writer.run(move |pen| media::bytes(pen.db, id)).await
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

    /// Writes what came of a try, and yields what became of all that were in it. While the store can't, it tries again,
    /// until the store is closed: an answer that is not written down becomes a second try.
    pub async fn settle(&self, claim: Claim, settlement: Settlement) -> Result<Vec<Delivery>, OutboxError> {
        let (claim, settlement) = (Arc::new(claim), Arc::new(settlement));
        let mut failures = 0;
        loop {
            let (claim, settlement) = (Arc::clone(&claim), Arc::clone(&settlement));
            match self.writer.run_together(move |pen| claim::settle(pen, &claim, &settlement)).await {
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

    /// Leases as `claim` does, to a device: each lease is in the file alone, so that it outlasts this process, and is known
    /// by its ticket. Drop the claims once the device has them; one that it did not get is settled as usual.
    pub async fn lend(&self, account: &AccountName, terms: Terms) -> Result<Claims, OutboxError> {
        let (account, held) = (account.clone(), self.held.clone());
        self.writer.run(move |pen| lent::lend(pen, account.as_str(), terms, &held)).await
    }

    /// Writes what a device says of an item that it fetched: of a lease that still holds as `settle` would. A text that
    /// went out counts also when its lease has run out since, unless that was lent again or has ended.
    pub async fn answer(
        &self,
        account: &AccountName,
        item: String,
        ticket: Ticket,
        settlement: Settlement,
    ) -> Result<Answered, OutboxError> {
        let account = account.clone();
        self.writer.run(move |pen| lent::answer(pen, account.as_str(), &item, &ticket, &settlement)).await
    }

    /// Has a lease that a device holds last so long from now on. Yields its end; `None` if it holds it no more.
    pub async fn extend(
        &self,
        account: &AccountName,
        item: String,
        ticket: Ticket,
        lease: Duration,
    ) -> Result<Option<Timestamp>, OutboxError> {
        let account = account.clone();
        self.writer.run(move |pen| lent::extend(pen, account.as_str(), &item, &ticket, lease)).await
    }

    /// Takes what a provider tells by itself of an account: all of it is on disk when this returns, or nothing.
    pub async fn report(&self, account: &AccountName, news: Vec<News>) -> Result<Heard, OutboxError> {
        let account = account.clone();
        self.writer.run(move |pen| news::hear(pen, account.as_str(), news, retry::jitter())).await
    }

    /// Makes the tries of processes that died unknown, each by the policy with which its account last claimed, and yields
    /// the deliveries that ended by that. What a device holds is left to it. Call it once, before the first claim.
    pub async fn void_leases(&self) -> Result<Vec<Delivery>, OutboxError> {
        self.writer.run(void::void_all).await
    }

    /// Does what only time brings about, for accounts that have no lane: yields the deliveries whose time ran out.
    pub async fn sweep(&self) -> Result<Vec<Delivery>, OutboxError> {
        let forget = |pen: &Pen<'_>| windows::forget_closed(pen).and_then(|()| parked::forget(pen));
        self.writer.run(forget).await?;
        let mut ended = Vec::new();
        loop {
            let swept = match self.writer.run(ways::sweep).await {
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
    /// Yields what ended meanwhile.
    pub async fn keep_accounts(&self, known: BTreeSet<AccountName>) -> Result<Vec<Delivery>, OutboxError> {
        self.writer.run(move |pen| orphans::mark(pen, &known)).await?;
        self.sweep().await
    }

    /// When `sweep` has something to do next.
    pub async fn next_sweep(&self) -> Result<Option<Timestamp>, OutboxError> {
        self.writer.run(|pen| Ok(ways::next_sweep(pen)?.map(Timestamp::from_millis))).await
    }

    /// Has an account tried at once, though it failed before: it may have been mended.
    pub async fn try_now(&self, account: &AccountName) -> Result<(), OutboxError> {
        let account = account.clone();
        self.writer.run(move |pen| breaker::try_now(pen, account.as_str())).await
    }

    /// The bell that rings when there may be an alarm to tell. One ring is remembered.
    pub fn alarm_bell(&self) -> Arc<Notify> {
        self.bells.of(alarms::BELL)
    }

    /// Notes trouble that is no account's, for `due_alarms` to tell.
    pub async fn raise_alarm(&self, cause: Cause, why: String) -> Result<(), OutboxError> {
        self.writer.run(move |pen| alarms::raise(pen, "", cause, &why)).await
    }

    /// What the contacts of `on-failure` are to hear now.
    pub async fn due_alarms(&self) -> Result<Due, OutboxError> {
        self.writer.run(alarms::due).await
    }

    /// Takes the message that tells some alarms, and notes in the same transaction that they were told. Where there is
    /// nobody to tell, they are only put away.
    pub async fn tell(
        &self,
        alarms: Vec<Alarm>,
        message: Message,
        recipients: Vec<Recipient>,
    ) -> Result<(), OutboxError> {
        let write = move |pen: &Pen<'_>| {
            let by = (!recipients.is_empty()).then_some(message.id);
            if by.is_some() {
                accept(pen, &message, recipients)?;
            }
            alarms::told(pen, &alarms, by)
        };
        self.writer.run(write).await
    }

    /// Deletes all messages whose deliveries had all ended before that, and what people wrote before. Yields how many of the
    /// first. Others get their turn all the while, and it can be dropped in between.
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
        while self.writer.run(move |pen| retention::purge_inbound(pen, before)).await? {
            tokio::time::sleep(retention::PAUSE).await;
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

    /// Where a message stands. Anybody may ask, so that many who do wait for each other, and leave the writer to who rings.
    pub async fn find(&self, id: MessageId) -> Result<Option<MessageStatus>, OutboxError> {
        let _turn = self.finds.acquire().await.map_err(|_| OutboxError::closed())?;
        self.writer.run(move |pen| status::find(pen.db, pen.now, id)).await
    }

    /// How every account stands that ever was configured, for whoever looks so seldom that a connection for it (`look`) would
    /// lie idle.
    pub async fn accounts(&self) -> Result<Vec<AccountState>, OutboxError> {
        self.writer.run(|pen| list::accounts(pen.db, pen.now)).await
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

    /// Writes something that changes nothing, to see whether the disk takes it.
    pub async fn probe(&self) -> Result<(), OutboxError> {
        self.writer.run(probe::write_nothing_new).await
    }

    /// Notes a call that was refused.
    pub async fn note_refused(&self, refused: Refused) -> Result<(), OutboxError> {
        self.writer.run(move |pen| refused::note(pen, &refused)).await
    }
}

/// Writes a message and its deliveries, and puts them into their queues.
pub(super) fn accept(pen: &Pen<'_>, message: &Message, recipients: Vec<Recipient>) -> Result<(), OutboxError> {
    for new in rows::insert(pen, message, recipients)? {
        tally::accepted(pen, &new);
        queue::join(pen, &new)?;
    }
    Ok(())
}
