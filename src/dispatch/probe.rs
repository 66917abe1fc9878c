//! Carries a provider's questions whether an account would work, and what sets up its calls of us.

use super::carry::Carry;
use super::conversation::unknown;
use crate::message::delivery::{Class, SendError};
use crate::process::look_path;
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::{Account, Answer, Probe};
use crate::secret::Secret;

/// Questions besides one for each contact: the longest inquiry known has ten.
const TURNS: usize = 16;

/// Asks whether an account would work. The error says why not. Each request has the account's timeout, and the first
/// that gets no answer is the last.
pub async fn probe(account: &Account, carrier: &dyn Carry, about: &Inquiry) -> Result<Learned, SendError> {
    if let Some(program) = account.provider.program() {
        look_path(program, std::env::var_os("PATH").as_deref()).map_err(|why| missing(why.to_string()))?;
    }
    let turns = TURNS.saturating_add(about.contacts.len());
    carry(account, carrier, turns, |answers| account.provider.probe(about, answers)).await
}

/// Has an account's provider call us at `url`. The error says why it won't.
pub async fn set_up(account: &Account, carrier: &dyn Carry, url: &Secret) -> Result<Learned, SendError> {
    carry(account, carrier, TURNS, |answers| account.provider.setup(url, answers)).await
}

async fn carry(
    account: &Account,
    carrier: &dyn Carry,
    turns: usize,
    next: impl Fn(&[Answer]) -> Result<Probe, SendError>,
) -> Result<Learned, SendError> {
    let told = ask(carrier, turns, next).await;
    told.map(|learned| account.masked_learned(learned)).map_err(|error| account.masked_error(error))
}

async fn ask(
    carrier: &dyn Carry,
    turns: usize,
    next: impl Fn(&[Answer]) -> Result<Probe, SendError>,
) -> Result<Learned, SendError> {
    let mut answers = Vec::new();
    for _ in 0..turns {
        match next(&answers)? {
            Probe::Done(learned) => return Ok(learned),
            Probe::Ask(request) => answers.push(carrier.carry(request).await?),
        }
    }
    Err(unknown("the inquiry has no end"))
}

fn missing(detail: String) -> SendError {
    SendError { class: Class::Account, code: String::new(), detail }
}
