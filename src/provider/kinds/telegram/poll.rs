//! Asking for updates: <https://core.telegram.org/bots/api#getupdates>.

use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, Refused};
use super::updates::{self, WANTED};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, SendError};
use crate::message::news::News;
use crate::provider::Answer;
use crate::provider::poll::{Poll, Polled, Round};

/// Updates in one answer. The longest has some 50 KB, so that all have room in what the transport keeps.
const AT_ONCE: u32 = 20;

/// Telegram holds a question no longer (telegram-bot-api, Client.h, `LONG_POLL_MAX_TIMEOUT`).
const LONGEST: Duration = Duration::from_secs(50);

/// One that asks again and again.
pub(super) struct Poller {
    api: Api,
    /// How long Telegram is to hold a question while there is no news.
    held: Duration,
}

impl Poller {
    pub(super) fn new(api: Api) -> Poller {
        Poller { api, held: Duration::ZERO }
    }

    /// A question is held for two thirds of what a request may take: the way there and back needs some of it.
    pub(super) fn within(&mut self, timeout: Duration) {
        self.held = timeout.mul_f64(2.0 / 3.0).min(LONGEST);
    }

    fn ask(&self, since: Option<&str>, limit: u32, held: Duration) -> Polled {
        let mut arguments = json!({ "limit": limit, "timeout": held.as_secs(), "allowed_updates": WANTED });
        // What is before it is confirmed by that, and forgotten there.
        if let Some(offset) = since.and_then(|since| since.parse::<i64>().ok()) {
            arguments["offset"] = json!(offset);
        }
        Polled::Ask(self.api.call("getUpdates", &arguments))
    }

    fn heard(&self, since: Option<&str>, updates: Vec<Value>) -> Round {
        let mut next = since.map(str::to_owned);
        let mut news = Vec::<News>::new();
        for (id, told) in updates.iter().filter_map(updates::read) {
            next = Some(id.saturating_add(1).to_string());
            news.extend(told);
        }
        Round { news, receipt: None, since: next, rest: Duration::ZERO }
    }
}

impl Poll for Poller {
    fn poll(&self, since: Option<&str>, _now: Timestamp, answers: &[Answer]) -> Result<Polled, SendError> {
        let Some(last) = answers.last() else { return Ok(self.ask(since, AT_ONCE, self.held)) };
        match self.api.read(last) {
            Ok(updates) => Ok(Polled::Heard(self.heard(since, updates))),
            // Too long an answer is cut: one alone is short enough.
            Err(refused) if refused.error.class == Class::Unknown && answers.len() == 1 => {
                Ok(self.ask(since, 1, Duration::ZERO))
            }
            Err(refused) => Err(explained(refused)),
        }
    }
}

/// In words of who set it up.
fn explained(refused: Refused) -> SendError {
    let Refused { error, description, .. } = refused;
    if error.code != "409" {
        return error;
    }
    let words = match description.contains("webhook") {
        true => {
            "the bot's updates go to a webhook: `hookbell accounts setup` ends that, or set \"updates\" to \"callback\""
        }
        false => "another program asks for this bot's updates, too: give each a bot of its own",
    };
    SendError { detail: format!("{words}. Messages are sent all the same ({})", error.detail), ..error }
}
