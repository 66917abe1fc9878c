//! Refused calls are kept for the operator: in the outbox, where there is one, and so many a second that no flood of them
//! becomes one of writes.

use http::StatusCode;

use super::Peer;
use super::complaint::Trickle;
use crate::action::Means;
use crate::hook::HookId;
use crate::outbox::Refused;

/// What is written down of refused calls.
#[derive(Debug, Default)]
pub(super) struct Refusals(Trickle);

impl Refusals {
    /// Writes down that a call of `hook` was refused for `reason`, unless that was done ten times this second.
    pub(super) fn note(&self, means: &Means, hook: &HookId, peer: &Peer, status: StatusCode, reason: &str) {
        // A pure drop-in leaves no file behind.
        let Some(outbox) = means.outbox.get().cloned() else { return };
        let Some(untold) = self.0.next() else { return };
        let refused = Refused {
            at: means.clock.now(),
            hook: hook.as_str().to_owned(),
            address: peer.shown.clone(),
            status: status.as_u16(),
            reason: reason.to_owned(),
            untold,
        };
        means.tasks.spawn(async move {
            if let Err(why) = outbox.note_refused(refused).await {
                tracing::debug!("a refused call is in the log only: {why}");
            }
        });
    }
}
