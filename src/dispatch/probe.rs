//! Carries a provider's questions whether an account would work.

use super::carry::Carry;
use super::conversation::unknown;
use crate::message::delivery::SendError;
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::{Account, Probe};

/// Questions besides one for each contact: the longest inquiry known has ten.
const TURNS: usize = 16;

/// Asks whether an account would work. The error says why not. Each request has the account's timeout, and the first
/// that gets no answer is the last.
pub async fn probe(account: &Account, carrier: &dyn Carry, about: &Inquiry) -> Result<Learned, SendError> {
    let mut answers = Vec::new();
    for _ in 0..TURNS.saturating_add(about.contacts.len()) {
        match account.provider.probe(about, &answers)? {
            Probe::Done(learned) => return Ok(learned),
            Probe::Ask(request) => answers.push(carrier.carry(request).await?),
        }
    }
    Err(unknown("the inquiry has no end"))
}
