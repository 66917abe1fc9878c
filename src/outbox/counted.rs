//! What is counted of a transaction, once it is committed.

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::{AccountCounts, Limit, Stage, TryEnd};

/// Something happened to a delivery that is on an account.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) account: Arc<AccountCounts>,
    pub(super) what: What,
}

/// What that was.
#[derive(Debug)]
pub(super) enum What {
    /// It came to a state, so long after its acceptance.
    CameTo(Stage, Duration),
    Tried(TryEnd),
    Waited(Limit),
}

impl Counted {
    /// Counts it.
    pub(super) fn count(self) {
        match self.what {
            What::CameTo(stage, after) => self.account.came_to(stage, after),
            What::Tried(end) => self.account.tried(end),
            What::Waited(limit) => self.account.waited(limit),
        }
    }
}
