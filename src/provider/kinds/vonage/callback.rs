//! What Vonage calls: the status of a message, and what people write.
//! <https://developer.vonage.com/en/messages/concepts/webhooks>

use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use http::header::AUTHORIZATION;
use ring::digest::{SHA256, digest};
use ring::hmac::{self, Key};
use serde::Deserialize;
use serde_json::Value;

use super::channel::Channel;
use super::errors::Fault;
use crate::clock::Timestamp;
use crate::message::delivery::Report;
use crate::message::news::{Inbound, News, Told};
use crate::provider::callback::{Call, Callback, Proof, Unproven};
use crate::provider::reply::lenient;
use crate::provider::text::cut_characters;
use crate::secret::Secret;

/// Free text goes for 24 hours after a person wrote; less what it may take to get it there.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// What is kept of an inbound text.
const TEXT_CHARACTERS: usize = 4096;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// The account's side of Vonage's webhooks.
pub(super) struct Webhook {
    pub(super) channel: Channel,
    /// Vonage calls one address for all numbers of an application: what is not of this one is somebody else's.
    pub(super) from: String,
    /// By the account's signature secrets.
    pub(super) signatures: Vec<Key>,
}

/// What a webhook's token is signed with.
pub(super) fn key(signature_secret: &Secret) -> Key {
    Key::new(hmac::HMAC_SHA256, signature_secret.expose().as_bytes())
}

/// Both what Vonage tells of our messages, and what people write.
#[derive(Deserialize)]
struct Envelope {
    message_uuid: String,
    #[serde(default, deserialize_with = "lenient")]
    channel: String,
    #[serde(default, deserialize_with = "lenient")]
    from: String,
    #[serde(default, deserialize_with = "lenient")]
    to: String,
    #[serde(default, deserialize_with = "lenient")]
    timestamp: String,
    #[serde(default, deserialize_with = "lenient")]
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    client_ref: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    error: Fault,
    #[serde(default, deserialize_with = "lenient")]
    message_type: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    payload_hash: String,
}

impl Callback for Webhook {
    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        if self.signatures.is_empty() {
            return Ok(Proof::Path);
        }
        let presented =
            call.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Unproven::Missing)?;
        let token = presented.strip_prefix("Bearer ").ok_or(Unproven::Missing)?;
        let claims = self.claims(token).ok_or(Unproven::Wrong)?;
        // The token alone could be taken from another call: it is the body's hash that makes it this one's.
        let told = HEXLOWER_PERMISSIVE.decode(claims.payload_hash.as_bytes()).map_err(|_| Unproven::Wrong)?;
        if digest(&SHA256, call.body).as_ref() == told { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let text: Value = serde_json::from_slice(call.body)
            .map_err(|why| format!("it is no JSON (line {}, column {})", why.line(), why.column()))?;
        let envelope: Envelope =
            serde_json::from_value(text.clone()).map_err(|_| "it is no object with a message_uuid".to_owned())?;
        if envelope.channel != self.channel.as_str() {
            return Ok(Vec::new());
        }
        let at = envelope.timestamp.parse().unwrap_or(call.now);
        let news = match envelope.status.as_str() {
            "" => self.inbound(envelope, &text, at).map(News::Inbound),
            _ => self.told(envelope, at).map(News::Told),
        };
        Ok(news.into_iter().collect())
    }
}

impl Webhook {
    /// What a token claims that is signed with one of our secrets, by HS256 and nothing else.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (signed, tag) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let part = |part: &str| BASE64URL_NOPAD.decode(part.trim_end_matches('=').as_bytes()).ok();
        let head: Value = serde_json::from_slice(&part(head)?).ok()?;
        let tag = part(tag)?;
        let right = self.signatures.iter().any(|key| hmac::verify(key, signed.as_bytes(), &tag).is_ok());
        if !right || head["alg"] != "HS256" {
            return None;
        }
        serde_json::from_slice(&part(claims)?).ok()
    }

    fn told(&self, envelope: Envelope, at: Timestamp) -> Option<Told> {
        let Envelope { message_uuid: receipt, from, status, client_ref: key, error, .. } = envelope;
        // A message that was taken under another name of the sender is ours all the same, if it has our mark.
        if key.is_none() && !from.is_empty() && from != self.from {
            return None;
        }
        let report = match status.as_str() {
            "submitted" => Report::Sent,
            "delivered" => Report::Delivered,
            "read" => Report::Read,
            "rejected" | "undeliverable" if error.is_repetition() => return None,
            "rejected" | "undeliverable" => Report::Failed(error.failure()),
            _ => return None,
        };
        (receipt.len() <= ID_BYTES).then_some(Told { receipt, key, report, at })
    }

    fn inbound(&self, envelope: Envelope, text: &Value, at: Timestamp) -> Option<Inbound> {
        let Envelope { message_uuid: id, from, to, message_type: kind, .. } = envelope;
        if to != self.from {
            return None;
        }
        let sound = [&id, &from, &kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
        sound.then(|| Inbound {
            id,
            address: self.channel.read(&from),
            contact: None,
            text: cut_characters(text_of(text), TEXT_CHARACTERS),
            // A reaction is nothing that anybody wrote.
            window: Some(WINDOW).filter(|_| self.channel == Channel::WhatsApp && kind != "reaction"),
            kind,
            at,
        })
    }
}

/// Where each type of message has its words.
fn text_of(message: &Value) -> &str {
    let places = [
        "/text",
        "/button/text",
        "/reply/title",
        "/image/caption",
        "/video/caption",
        "/file/caption",
        "/file/name",
        "/reaction/emoji",
        "/location/name",
    ];
    places.iter().find_map(|place| message.pointer(place)?.as_str()).unwrap_or_default()
}
