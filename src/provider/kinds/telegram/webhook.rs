//! Telegram's calls: how it is told to make them, and how they are known. <https://core.telegram.org/bots/api#setwebhook>

use data_encoding::HEXLOWER;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::updates::{self, WANTED};
use crate::message::delivery::SendError;
use crate::message::news::News;
use crate::provider::callback::{Call, Callback, Proof, Unproven};
use crate::provider::probe::Learned;
use crate::provider::reply::lenient;
use crate::provider::{Answer, Probe};
use crate::secret::Secret;

/// Calls at once: all are written to one disk.
const CALLS: u32 = 4;

/// The account's side of the bot's webhook.
pub(super) struct Webhook {
    api: Api,
    /// Stands in a header of every call, where no proxy logs it. It is made of the token, so that nothing needs to be kept.
    proof: Secret,
}

impl Webhook {
    pub(super) fn new(api: Api) -> Webhook {
        let key = hmac::Key::new(hmac::HMAC_SHA256, api.token.expose().as_bytes());
        let proof = Secret::new(HEXLOWER.encode(hmac::sign(&key, b"hookbell: secret_token of setWebhook").as_ref()));
        Webhook { api, proof }
    }

    /// Has Telegram call at `url`, and looks whether it does.
    pub(super) fn set(&self, url: &Secret, answers: &[Answer]) -> Result<Probe, SendError> {
        let arguments = json!({
            "url": url.expose(), "secret_token": self.proof.expose(), "allowed_updates": WANTED, "max_connections": CALLS,
        });
        match answers {
            [] => Ok(Probe::Ask(self.api.call("setWebhook", &arguments))),
            [set] => {
                self.api.read::<Value>(set)?;
                Ok(Probe::Ask(ask_state(&self.api)))
            }
            [.., state] => {
                let mut learned = Learned::well("Telegram calls this host");
                read_state(&self.api, state)?.judge(&mut learned);
                Ok(Probe::Done(learned))
            }
        }
    }
}

/// Has Telegram call nobody: only then it can be asked.
pub(super) fn unset(api: &Api, answers: &[Answer]) -> Result<Probe, SendError> {
    match answers {
        [] => Ok(Probe::Ask(api.call("deleteWebhook", &json!({})))),
        [.., unset] => {
            api.read::<Value>(unset)?;
            Ok(Probe::Done(Learned::well("Telegram calls nobody, and is asked")))
        }
    }
}

/// The question where Telegram calls.
pub(super) fn ask_state(api: &Api) -> crate::provider::Request {
    api.call("getWebhookInfo", &json!({}))
}

/// Its answer.
pub(super) fn read_state(api: &Api, answer: &Answer) -> Result<State, SendError> {
    Ok(api.read(answer)?)
}

/// Where Telegram calls, and how that goes.
#[derive(Default, Deserialize)]
pub(super) struct State {
    /// Empty where it calls nobody. It has the secret of the path in it.
    #[serde(default, deserialize_with = "lenient")]
    url: String,
    #[serde(default, deserialize_with = "lenient")]
    pending_update_count: u64,
    #[serde(default, deserialize_with = "lenient")]
    last_error_message: String,
}

impl State {
    pub(super) fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    /// What there is to say of an account that is called.
    pub(super) fn judge(&self, learned: &mut Learned) {
        if !self.is_set() {
            let help = "`hookbell accounts setup` tells Telegram where to call".to_owned();
            return learned.error("Telegram calls nobody: no webhook is set", help);
        }
        if self.pending_update_count > 0 {
            learned.well += &format!(", {} updates wait there", self.pending_update_count);
        }
        if !self.last_error_message.is_empty() {
            // It stays there when it is long over.
            let why = format!("a call of Telegram's failed, the last one that did: {}", self.last_error_message);
            learned.warning(why, "it calls by https, at the ports 443, 80, 88 and 8443 only".to_owned());
        }
    }
}

impl Callback for Webhook {
    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        let shown = call.headers.get("x-telegram-bot-api-secret-token").ok_or(Unproven::Missing)?;
        if self.proof.matches(shown.as_bytes()) { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let update: Value = serde_json::from_slice(call.body)
            .map_err(|why| format!("it is no JSON (line {}, column {})", why.line(), why.column()))?;
        let (_, news) = updates::read(&update).ok_or("it has no \"update_id\"")?;
        Ok(news)
    }
}
