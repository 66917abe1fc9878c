//! Whether Telegram knows the bot, and whether the bot may write to whom it is to write.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::message::delivery::{Class, SendError};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::reply::{bare_refusal, lenient, refusal};
use crate::provider::{Answer, HttpRequest, Probe, Request};
use crate::secret::Secret;

/// How many chats are looked at: each costs a request, and thirty a second are let pass.
const CHATS: usize = 50;

/// What Telegram is asked by: the bot's address.
pub(super) struct Asker {
    pub(super) base_url: String,
    pub(super) token: Secret,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    ok: bool,
    #[serde(deserialize_with = "lenient")]
    result: Found,
    #[serde(deserialize_with = "lenient")]
    error_code: Option<u16>,
    #[serde(deserialize_with = "lenient")]
    description: String,
}

/// A bot or a chat.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    username: String,
}

impl Asker {
    /// First `getMe`, then `getChat` for each contact.
    pub(super) fn next(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        let Some((first, chats)) = answers.split_first() else { return Ok(self.ask("getMe", &json!({}))) };
        let bot = self.bot(first)?;
        let asked = about.contacts.iter().take(CHATS);
        if let Some((_, chat)) = asked.clone().nth(chats.len()) {
            let chat = chat.parse::<i64>().map_or_else(|_| json!(chat), |number| json!(number));
            return Ok(self.ask("getChat", &json!({ "chat_id": chat })));
        }
        let mut learned = Learned::well(format!("@{bot}"));
        let mut reached = 0;
        for ((name, chat), answer) in asked.zip(chats) {
            match self.read(answer) {
                Ok(_) => reached += 1,
                Err(error) => {
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

    fn bot(&self, answer: &Answer) -> Result<String, SendError> {
        self.read(answer).map(|bot| bot.username).map_err(|error| match error.code.as_str() {
            // 404 is the answer to a token that names no bot, if it is Telegram's.
            "401" | "404" => {
                let detail =
                    format!("Telegram does not know this bot-token: it is revoked or wrong, @BotFather gives a new one ({error})");
                SendError { detail, ..error }
            }
            _ => error,
        })
    }

    fn read(&self, answer: &Answer) -> Result<Found, SendError> {
        let Answer::Http { status, headers, body } = answer else {
            return Err(bare_refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[], &self.token));
        };
        match serde_json::from_slice::<Reply>(body) {
            Ok(Reply { ok: true, result, .. }) => Ok(result),
            Ok(Reply { description, error_code, .. }) if !description.is_empty() => {
                let code = error_code.unwrap_or(status.as_u16());
                Err(refusal(Class::Account, code, &description, &self.token))
            }
            _ => Err(bare_refusal(*status, headers, body, &self.token)),
        }
    }

    fn ask(&self, method: &str, body: &serde_json::Value) -> Probe {
        let url = |token: &str| format!("{}/bot{token}/{method}", self.base_url);
        Probe::Ask(Request::Http(HttpRequest {
            method: Method::POST,
            url: Secret::new(url(self.token.expose())),
            shown_url: url("[secret]"),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
            body: body.to_string().into_bytes(),
        }))
    }
}
