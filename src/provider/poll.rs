//! News that a provider keeps until it is asked for it: for hosts that nobody can call.

use std::time::Duration;

use super::{Answer, Request};
use crate::clock::Timestamp;
use crate::message::delivery::SendError;
use crate::message::news::News;

/// A provider's side of being asked. As pure as the conversation that sends.
pub trait Poll: Send + Sync {
    /// What to ask next, given all answers of this round so far; or what was heard. `since` is what the last round left.
    ///
    /// # Errors
    /// Nothing can be heard now; it is asked again later, and an *account* error is told like any other.
    fn poll(&self, since: Option<&str>, now: Timestamp, answers: &[Answer]) -> Result<Polled, SendError>;
}

/// One step of a round.
#[derive(Debug)]
pub enum Polled {
    /// Carry this and come back with the answer.
    Ask(Request),
    /// The round is over.
    Heard(Round),
}

/// What a round heard.
#[derive(Debug, Default)]
pub struct Round {
    /// The news, to be stored.
    pub news: Vec<News>,
    /// To be carried once it is stored: the provider may forget it then.
    pub receipt: Option<Request>,
    /// Where the next round goes on, for providers that count.
    pub since: Option<String>,
    /// How long to rest before it.
    pub rest: Duration,
}
