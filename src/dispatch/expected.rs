//! Seeing to what must be heard of again and again: canaries of accounts, and calls of hooks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::canary::send_one;
use super::lane::AFTER_TROUBLE;
use crate::clock::Clock;
use crate::message::expected::{Expectations, UNWRITTEN};
use crate::outbox::{Outbox, OutboxError};
use crate::tasks::Tasks;

/// The shortest wait for the next silence: hooks that fall silent together are told of together.
const TOGETHER: Duration = Duration::from_secs(15);

/// What a configuration expects; none before the first.
pub(super) type Wanted = Option<Arc<Expectations>>;

/// Keeps the store in step with what is expected, and sees to it, for as long as the tasks live.
pub(super) async fn keep_expecting(outbox: Outbox, clock: Clock, mut wanted: watch::Receiver<Wanted>, tasks: Tasks) {
    let (began, bell) = (Instant::now(), outbox.calls_bell());
    // What the store knows of.
    let mut known = None;
    loop {
        let now_wanted = wanted.borrow_and_update().clone();
        let wait = step(&outbox, &clock, now_wanted, &mut known, began).await.unwrap_or_else(|e| {
            tracing::error!("canaries, and hooks that are expected to be called, can't be seen to: {e}");
            AFTER_TROUBLE
        });
        tokio::select! {
            biased;
            () = tasks.stopping() => break,
            changed = wanted.changed() => if changed.is_err() { break },
            () = bell.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    if let Err(e) = outbox.write_calls().await {
        tracing::warn!("when hooks were last called is not written down: {e}");
    }
}

/// Does what is to be done now, and yields how long there is nothing more.
async fn step(
    outbox: &Outbox,
    clock: &Clock,
    wanted: Wanted,
    known: &mut Wanted,
    began: Instant,
) -> Result<Duration, OutboxError> {
    let Some(wanted) = wanted else { return Ok(Duration::MAX) };
    if known.as_ref() != Some(&wanted) {
        outbox.expect(Arc::clone(&wanted), known.is_none()).await?;
        *known = Some(Arc::clone(&wanted));
    }
    let calls = match wanted.calls.is_empty() {
        true => Duration::MAX,
        false => {
            let next = outbox.judge_calls(began).await?;
            next.map_or(UNWRITTEN, |at| at.since(clock.now()).clamp(TOGETHER, UNWRITTEN))
        }
    };
    Ok(send_one(outbox, clock, &wanted.canaries).await?.min(calls))
}
