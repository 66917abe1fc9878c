//! What must be heard of again and again, as everybody sees it: canaries, and calls of hooks.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::canaries::{self, Canaries};
use super::error::OutboxError;
use super::expected;
use super::handle::{Outbox, accept};
use super::writer::Pen;
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::message::Message;
use crate::message::canary::{Canary, Record};
use crate::message::expected::Expectations;

impl Outbox {
    /// From now on this is expected. `at_start` says that it is the first of this process: what was due while none ran is
    /// not held against anybody.
    pub async fn expect(&self, expected: Arc<Expectations>, at_start: bool) -> Result<(), OutboxError> {
        let configure = move |pen: &Pen<'_>| {
            canaries::configure(pen, &expected.canaries, at_start)?;
            expected::configure(pen, &expected.calls, at_start)
        };
        self.writer.run(configure).await
    }

    /// Tells of canaries that are lost, and says what is to be done next.
    pub async fn judge_canaries(&self) -> Result<Canaries, OutboxError> {
        self.writer.run(canaries::judge).await
    }

    /// Takes a canary of the account.
    pub async fn send_canary(
        &self,
        account: &AccountName,
        canary: Canary,
        message: Message,
    ) -> Result<(), OutboxError> {
        let account = account.clone();
        let write = move |pen: &Pen<'_>| {
            let record = canaries::of_account(pen, account.as_str())?.unwrap_or_else(|| Record::new(pen.now));
            let record = record.sent(&canary, message.id, pen.now);
            accept(pen, &message, canary.recipients)?;
            canaries::mark(pen, &message.id.to_string())?;
            canaries::write(pen, account.as_str(), &record)
        };
        self.writer.run(write).await
    }

    /// Notes that a hook was called, in memory: `write_calls` writes it down.
    pub fn note_call(&self, hook: &str) {
        self.calls.note(hook);
    }

    /// The bell that rings when a hook is called whose silence was told. One ring is remembered.
    pub fn calls_bell(&self) -> Arc<Notify> {
        self.calls.bell()
    }

    /// Writes down the calls that were noted, and tells of hooks that are heard again.
    pub async fn write_calls(&self) -> Result<(), OutboxError> {
        let noted = self.calls.unwritten();
        if noted.is_empty() {
            return Ok(());
        }
        let ago: Vec<_> = noted.iter().map(|(hook, at)| (hook.clone(), at.elapsed())).collect();
        self.writer.run(move |pen| expected::hear(pen, &ago)).await?;
        self.calls.written(&noted);
        Ok(())
    }

    /// The same, and tells of hooks that are silent since. `since` is when this process began to listen. Yields when the next
    /// hook would be silent.
    pub async fn judge_calls(&self, since: Instant) -> Result<Option<Timestamp>, OutboxError> {
        self.write_calls().await?;
        let listening = since.elapsed();
        let judge = move |pen: &Pen<'_>| {
            let next = expected::judge(pen, pen.now.minus(listening))?;
            Ok((next, expected::silent(pen)?))
        };
        let (next, silent) = self.writer.run(judge).await?;
        if self.calls.listen_for(silent) {
            self.calls.bell().notify_one();
        }
        Ok(next)
    }
}
