//! One conversation with a provider: from its first request to the receipt, or why not.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use super::carry::Carry;
use crate::message::delivery::{Class, Receipt, SendError};
use crate::provider::{Account, Next, Outgoing};

/// Requests in one try: the longest conversation known has three.
const TURNS: u32 = 8;

/// What a conversation may last beyond its timeouts: a program that is out of time gets a while to end.
const ENDING: Duration = Duration::from_secs(5);

/// The longest that a conversation of this account lasts.
pub(super) fn longest(account: &Account) -> Duration {
    account.transport.timeout.saturating_mul(TURNS).saturating_add(ENDING)
}

/// Holds one conversation. A panic in it, or one without an end, leaves unknown what came of it.
pub(super) async fn hold(account: &Account, carrier: &dyn Carry, out: &Outgoing) -> Result<Receipt, SendError> {
    let conversation = tokio::time::timeout(longest(account), unwound(converse(account, carrier, out)));
    match conversation.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(Panicked)) => Err(unknown("the provider's code failed; see the log")),
        Err(_) => Err(unknown("the conversation with the provider took too long")),
    }
}

async fn converse(account: &Account, carrier: &dyn Carry, out: &Outgoing) -> Result<Receipt, SendError> {
    let mut answers = Vec::new();
    for _ in 0..TURNS {
        match account.provider.converse(out, &answers)? {
            Next::Done(receipt) => return Ok(receipt),
            Next::Ask(request) => answers.push(carrier.carry(request).await?),
        }
    }
    Err(unknown("the conversation with the provider has no end"))
}

/// Nobody knows what came of it.
pub(super) fn unknown(detail: &str) -> SendError {
    SendError { class: Class::Unknown, code: String::new(), detail: detail.to_owned() }
}

/// The panic message is in the log already.
struct Panicked;

/// Runs a future so that its panic is a value: a lost claim would be a lost alarm.
async fn unwound<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = Box::pin(future);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}
