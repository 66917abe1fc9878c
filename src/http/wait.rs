//! Waiting for how a message fares. Nobody asks the outbox again and again: it rings.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::site::Site;
use crate::message::MessageId;
use crate::message::delivery::DeliveryState;
use crate::outbox::{MessageStatus, Outbox, OutboxError};

/// What is past its time by so much does not come: the disk hangs.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// How a message fares, all its deliveries together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fares {
    /// Every delivery is at least sent.
    Well,
    /// One ended badly.
    Badly,
    /// Neither yet.
    Unknown,
}

impl Fares {
    /// By the states of the deliveries. One that ended badly is told at once: its caller may know another way.
    pub(super) fn of(status: &MessageStatus) -> Fares {
        use DeliveryState::{Canceled, Delivered, Expired, Failed, Queued, Read, Sending, Sent};
        let fares = status.deliveries.iter().map(|row| match row.delivery.state {
            Failed | Expired | Canceled => Fares::Badly,
            Queued | Sending => Fares::Unknown,
            Sent | Delivered | Read => Fares::Well,
        });
        fares.fold(Fares::Well, |all, one| match (all, one) {
            (Fares::Badly, _) | (_, Fares::Badly) => Fares::Badly,
            (Fares::Unknown, _) | (_, Fares::Unknown) => Fares::Unknown,
            (Fares::Well, Fares::Well) => Fares::Well,
        })
    }
}

/// Where a message stands once it is known how it fares, or `time` is over, or the house closes. `None`: nobody knows of it
/// any more, or the outbox can't be asked, which is logged.
pub(super) async fn until_known(site: &Site, id: MessageId, time: Duration) -> Option<MessageStatus> {
    until(site, site.means.outbox.get()?, id, time, |status| Fares::of(status) != Fares::Unknown).await
}

/// Where a message stands once `enough` says so, or `time` is over, or the house closes.
pub(super) async fn until(
    site: &Site,
    outbox: &Outbox,
    id: MessageId,
    time: Duration,
    enough: impl Fn(&MessageStatus) -> bool,
) -> Option<MessageStatus> {
    let watch = outbox.watch(id);
    let deadline = Instant::now() + time;
    loop {
        // Before the look, so that nothing falls between the two.
        let changed = watch.changed();
        let found = timeout_at(deadline + ANSWERS_WITHIN, outbox.find(id)).await;
        let status = match found.unwrap_or(Err(OutboxError::Busy)) {
            Ok(status) => status?,
            Err(why) => {
                tracing::error!(%id, "the outbox could not be asked: {why}");
                return None;
            }
        };
        if enough(&status) {
            return Some(status);
        }
        tokio::select! {
            biased;
            () = changed => {}
            () = tokio::time::sleep_until(deadline) => return Some(status),
            () = site.edge.stopping() => return Some(status),
        }
    }
}
