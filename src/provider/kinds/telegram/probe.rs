//! Whether Telegram knows the bot, whether it tells us its news as the account wants it, and whether the bot may write to
//! whom it is to write.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Refused};
use super::updates::Updates;
use super::webhook::{ask_state, read_state};
use crate::account::chat::{Chat, ChatId};
use crate::message::delivery::SendError;
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::reply::lenient;
use crate::provider::{Answer, Probe};

/// How many chats are looked at: each costs a request, and thirty a second are let pass.
const CHATS: usize = 50;

/// What Telegram is asked by.
pub(super) struct Asker {
    pub(super) api: Api,
    pub(super) updates: Option<Updates>,
}

/// A bot.
#[derive(Default, Deserialize)]
struct Found {
    #[serde(default, deserialize_with = "lenient")]
    username: String,
}

impl Asker {
    /// First `getMe`, then `getWebhookInfo` where there should be news, then `getChat` for each contact.
    pub(super) fn next(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        let Some((first, others)) = answers.split_first() else {
            return Ok(Probe::Ask(self.api.call("getMe", &json!({}))));
        };
        let bot = self.bot(first)?;
        let (state, chats) = match (self.updates, others.split_first()) {
            (None, _) => (None, others),
            (Some(_), None) => return Ok(Probe::Ask(ask_state(&self.api))),
            (Some(updates), Some((state, chats))) => (Some((updates, state)), chats),
        };
        let asked = about.contacts.iter().take(CHATS);
        if let Some((_, address)) = asked.clone().nth(chats.len()) {
            let id = Chat::read(address).map_or(ChatId::Name(address), |chat| chat.id);
            return Ok(Probe::Ask(self.api.call("getChat", &json!({ "chat_id": id }))));
        }
        let mut learned = Learned::well(format!("@{bot}"));
        if let Some((updates, state)) = state {
            self.judge_updates(updates, state, &mut learned)?;
        }
        let mut reached = 0;
        for ((name, chat), answer) in asked.zip(chats) {
            match self.api.read::<Value>(answer) {
                Ok(_) => reached += 1,
                Err(Refused { error, .. }) => {
                    let message = format!("@{bot} can't write to {name} ({chat}): {error}");
                    let help = format!("a person has to write to @{bot} first (/start); to a group it must be added");
                    learned.warning(message, help);
                }
            }
        }
        if reached > 0 {
            learned.well += &format!(", reaches {reached} of {}", about.contacts.len());
        }
        Ok(Probe::Done(learned))
    }

    fn judge_updates(&self, updates: Updates, state: &Answer, learned: &mut Learned) -> Result<(), SendError> {
        let state = read_state(&self.api, state)?;
        match updates {
            Updates::Callback => state.judge(learned),
            Updates::Poll if state.is_set() => {
                let help = "`hookbell accounts setup` ends that, or set \"updates\" to \"callback\"".to_owned();
                learned.error("Telegram can't be asked for updates: they go to a webhook", help);
            }
            Updates::Poll => learned.well += ", asked for updates",
        }
        Ok(())
    }

    fn bot(&self, answer: &Answer) -> Result<String, SendError> {
        let found = self.api.read::<Found>(answer);
        found.map(|bot| bot.username).map_err(|Refused { error, .. }| match error.code.as_str() {
            // 404 is the answer to a token that names no bot, if it is Telegram's.
            "401" | "404" => {
                let detail =
                    format!("Telegram does not know this bot-token: it is revoked or wrong, @BotFather gives a new one ({error})");
                SendError { detail, ..error }
            }
            _ => error,
        })
    }
}
