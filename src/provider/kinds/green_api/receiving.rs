//! The two ways that notifications come: calls of ours, and questions of ours.

use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::Value;

use super::api::Api;
use super::news::Ear;
use crate::clock::Timestamp;
use crate::message::delivery::SendError;
use crate::message::news::News;
use crate::provider::Answer;
use crate::provider::callback::{Call, Callback, Proof, Unproven};
use crate::provider::poll::{Poll, Polled, Round};
use crate::secret::Secret;

/// How long the instance waits for a notification before it says that there is none, in seconds: its shortest, which every
/// account's timeout leaves room for.
const PATIENCE: u32 = 5;

/// The account's side of an instance that calls.
pub(super) struct Webhook {
    pub(super) ear: Ear,
    /// `webhookUrlToken`: what the instance shows when it calls.
    pub(super) tokens: Vec<Secret>,
}

impl Callback for Webhook {
    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        if self.tokens.is_empty() {
            return Ok(Proof::Path);
        }
        let presented = call.headers.get(AUTHORIZATION).ok_or(Unproven::Missing)?.as_bytes();
        // The instance puts `Bearer` before a token that has no scheme of its own.
        let bare = presented.strip_prefix(b"Bearer ").unwrap_or(presented);
        let is_known = self.tokens.iter().any(|token| token.matches(bare) || token.matches(presented));
        if is_known { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        self.ear.hear(call.body)
    }
}

/// The account's side of an instance that is asked. It hands out the oldest notification until that is deleted.
pub(super) struct Polling {
    pub(super) ear: Ear,
    pub(super) api: Api,
}

/// One notification, which `deleteNotification` knows by its number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    receipt_id: u64,
    #[serde(default)]
    body: Value,
}

impl Poll for Polling {
    fn poll(&self, _: Option<&str>, _: Timestamp, answers: &[Answer]) -> Result<Polled, SendError> {
        let [answer, ..] = answers else {
            let ask = self.api.get("receiveNotification", &format!("?receiveTimeout={PATIENCE}"));
            return Ok(Polled::Ask(ask));
        };
        let received = if is_empty(answer) { None } else { self.api.read(answer)? };
        // The instance has waited already: there is nothing to rest from.
        let Some(Received { receipt_id, body }) = received else { return Ok(Polled::Heard(Round::default())) };
        // One that can't be read is deleted, too: it would stand before all others for a day.
        let news = self.ear.hear(body.to_string().as_bytes()).unwrap_or_default();
        let receipt = Some(self.api.delete("deleteNotification", &format!("/{receipt_id}")));
        Ok(Polled::Heard(Round { news, receipt, ..Round::default() }))
    }
}

/// Nothing is new: `null`, or no word at all.
fn is_empty(answer: &Answer) -> bool {
    matches!(answer, Answer::Http { status, body, .. } if status.is_success() && body.trim_ascii().is_empty())
}
