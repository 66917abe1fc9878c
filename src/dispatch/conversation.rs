//! One conversation with a provider: from its first request to the receipt, or why not.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::carry::Carry;
use crate::message::delivery::{Class, Receipt, SendError};
use crate::provider::{Account, Answer, Next, Outgoing, Request};

/// Requests in one try: the longest conversation known has seven.
pub(super) const TURNS: u32 = 8;

/// What a conversation may last beyond its timeouts: a program that is out of time gets a while to end.
const ENDING: Duration = Duration::from_secs(5);

/// The longest that a conversation of this account lasts.
pub(super) fn longest(account: &Account) -> Duration {
    account.transport.timeout.saturating_mul(TURNS).saturating_add(ENDING)
}

/// Holds one conversation; and where what stands around the text may be what is refused, another one without that: an alarm
/// is not lost for its picture, nor for what it answers.
pub(super) async fn hold(account: &Account, carrier: &dyn Carry, out: &mut Outgoing) -> Result<Receipt, SendError> {
    loop {
        let refused = match once(account, carrier, out).await {
            Err(refused) if matches!(refused.class, Class::Content | Class::Recipient) => refused,
            outcome => return outcome,
        };
        let left_out = if refused.class == Class::Content && out.leave_media(account.can.text) {
            "what it was to bring"
        } else if leave_answer(account, out).await {
            "its mark as an answer"
        } else {
            return Err(refused);
        };
        tracing::warn!(account = %account.name, "the text goes without {left_out}, for it was refused: {}", refused.detail);
    }
}

/// Leaves out what it answers. No: the provider had not been told of that.
async fn leave_answer(account: &Account, out: &mut Outgoing) -> bool {
    if out.reply_to.is_none() {
        return false;
    }
    let before = opening(account, out).await;
    out.reply_to = None;
    match (before, opening(account, out).await) {
        (Ok(before), Ok(after)) => !is_the_same(&before, &after),
        _ => false,
    }
}

fn is_the_same(one: &Request, other: &Request) -> bool {
    match (one, other) {
        (Request::Http(one), Request::Http(other)) => one.url == other.url && one.body == other.body,
        (Request::Exec(one), Request::Exec(other)) => one == other,
        // Nothing else shows answers one by one.
        _ => true,
    }
}

async fn once(account: &Account, carrier: &dyn Carry, out: &Outgoing) -> Result<Receipt, SendError> {
    let receipt = ended(account, converse(account, carrier, out)).await?;
    Ok(Receipt { advice: receipt.advice.map(|advice| account.masked(&advice, None)), ..receipt })
}

/// The end of a conversation. A panic in it, or one without an end, leaves unknown what came of it.
pub(super) async fn ended<T>(
    account: &Account,
    conversation: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(longest(account), unwound(conversation)).await {
        Ok(Ok(outcome)) => outcome.map_err(|error| account.masked_error(error)),
        Ok(Err(Panicked)) => Err(unknown("the provider's code failed; see the log")),
        Err(_) => Err(unknown("the conversation with the provider took too long")),
    }
}

async fn converse(account: &Account, carrier: &dyn Carry, out: &Outgoing) -> Result<Receipt, SendError> {
    let mut answers = Vec::new();
    for _ in 0..TURNS {
        match account.provider.converse(out, &answers)? {
            Next::Done(receipt) => return Ok(receipt),
            Next::Ask(request) => match carrier.carry(request).await {
                Ok(answer) => answers.push(answer),
                Err(error) => return taken_so_far(account, out, answers, error),
            },
        }
    }
    Err(unknown("the conversation with the provider has no end"))
}

/// What an answer that did not come makes of the ones before: a provider that has the text already, and lacks the file that
/// goes with it, is not sent the text again.
fn taken_so_far(
    account: &Account,
    out: &Outgoing,
    mut answers: Vec<Answer>,
    error: SendError,
) -> Result<Receipt, SendError> {
    if answers.is_empty() {
        return Err(error);
    }
    let (status, headers, body) = (StatusCode::GATEWAY_TIMEOUT, HeaderMap::new(), Vec::new());
    answers.push(Answer::Http { status, headers, body });
    match account.provider.converse(out, &answers) {
        Ok(Next::Done(receipt)) => Ok(Receipt { advice: Some(format!("not all of it: {}", error.detail)), ..receipt }),
        _ => Err(error),
    }
}

/// The first request of a conversation, for one whose answers come another way. A panic in it sends nothing.
pub(super) async fn opening(account: &Account, out: &Outgoing) -> Result<Request, SendError> {
    let failed = |detail: &str| SendError { class: Class::Fault, code: String::new(), detail: detail.to_owned() };
    match unwound(async { account.provider.converse(out, &[]) }).await {
        Ok(Ok(Next::Ask(request))) => Ok(request),
        Ok(Ok(Next::Done(_))) => Err(failed("the provider took it before it was asked")),
        Ok(Err(error)) => Err(error),
        Err(Panicked) => Err(failed("the provider's code failed; see the log")),
    }
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
