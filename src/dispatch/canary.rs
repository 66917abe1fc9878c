//! Sending the canaries of accounts, and telling of those that do not come back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::host;
use super::lane::{BREATH, SLOW_POLL};
use crate::account::AccountName;
use crate::clock::Clock;
use crate::message::canary::{Canary, HOOK};
use crate::message::{Message, MessageId, Priority, TextFormat};
use crate::outbox::{Outbox, OutboxError};

/// The time between two canaries: those of many accounts don't go in the same second.
const APART: Duration = Duration::from_secs(5);

/// Judges all, and sends the one that has been due for longest. Yields how long there is nothing more to do.
pub(super) async fn send_one(
    outbox: &Outbox,
    clock: &Clock,
    canaries: &BTreeMap<AccountName, Canary>,
) -> Result<Duration, OutboxError> {
    if canaries.is_empty() {
        return Ok(Duration::MAX);
    }
    let judged = outbox.judge_canaries().await?;
    let Some((account, canary)) = judged.due.and_then(|account| canaries.get_key_value(&account)) else {
        let next = judged.next_at.map_or(SLOW_POLL, |at| at.since(clock.now()));
        return Ok(next.clamp(BREATH, SLOW_POLL));
    };
    let now = clock.now();
    let message = Message {
        id: MessageId::generate(now).map_err(OutboxError::Unavailable)?,
        hook: HOOK.to_owned(),
        caller: None,
        title: None,
        text: canary.text(account.as_str(), &host::name()),
        format: TextFormat::Plain,
        thread: None,
        priority: Priority::Low,
        accepted_at: now,
        // Later it would prove nothing, and tell somebody at night of the evening.
        expires_at: now.plus(canary.within),
    };
    tracing::debug!(%account, id = %message.id, "a canary is sent");
    outbox.send_canary(account, canary.clone(), message).await?;
    Ok(APART)
}
