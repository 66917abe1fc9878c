//! The one place where tasks are spawned: each is counted, and each can be told to stop.

use std::future::Future;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// A family of tasks. Clones are the same family; a child family stops with its parent, not the other way round.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// A family of its own.
    pub fn new() -> Tasks {
        Tasks::default()
    }

    /// A family that is told to stop when this one is, and can be told, and waited for, alone.
    pub fn child(&self) -> Tasks {
        Tasks { tracker: TaskTracker::new(), stop: self.stop.child_token() }
    }

    /// Starts a task. What it logs belongs to the call, if there is one, that it is started for.
    #[allow(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(self.tracker.track_future(task.in_current_span())));
    }

    /// Tells every task of the family to end.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether the family has been told to end.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves once the family has been told to end.
    pub fn stopping(&self) -> WaitForCancellationFutureOwned {
        self.stop.clone().cancelled_owned()
    }

    /// Resolves when no task is left. Call `stop` first, or whatever else makes them end.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// How many tasks are alive.
    pub fn alive(&self) -> usize {
        self.tracker.len()
    }
}
