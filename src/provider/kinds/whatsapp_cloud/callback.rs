//! Meta's webhook: the question at its registration, its signature, and what it tells.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks>

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::{Fault, classify};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, SendError};
use crate::message::news::{Inbound, News, Told};
use crate::provider::callback::{Callback, Proof, Sha256, Unproven};
use crate::provider::reply::{lenient, refusal};
use crate::provider::text::cut_characters;
use crate::secret::Secret;
use crate::url::Pair;

/// Free text goes for 24 hours after a person wrote; less what it may take to get it there.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// What is kept of an inbound text. WhatsApp sends no longer one.
const TEXT_CHARACTERS: usize = 4096;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// What is sent without anybody writing: it opens no window.
const NOT_WRITTEN: [&str; 3] = ["reaction", "system", "unsupported"];

/// The account's side of Meta's webhook.
pub(super) struct Webhook {
    /// Meta calls one address for all numbers of an app: what is not about this one is somebody else's.
    pub(super) phone_number_id: String,
    /// What was typed into Meta's form; any will do where none is set.
    pub(super) verify_tokens: Vec<Secret>,
    /// By the app's secret.
    pub(super) signatures: Sha256,
    /// For the words of errors.
    pub(super) template: String,
    /// It is masked in those.
    pub(super) access_token: Secret,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, deserialize_with = "lenient")]
    entry: Vec<Entry>,
}

#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default, deserialize_with = "lenient")]
    changes: Vec<Change>,
}

#[derive(Default, Deserialize)]
struct Change {
    #[serde(default, deserialize_with = "lenient")]
    value: Body,
}

/// Its lists are read piece by piece: one that is not as expected spoils no other.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "lenient")]
    metadata: Metadata,
    #[serde(default, deserialize_with = "lenient")]
    statuses: Vec<Value>,
    #[serde(default, deserialize_with = "lenient")]
    messages: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "lenient")]
    phone_number_id: String,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    timestamp: String,
    #[serde(default, deserialize_with = "lenient")]
    biz_opaque_callback_data: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    from: String,
    r#type: String,
    #[serde(default, deserialize_with = "lenient")]
    timestamp: String,
}

impl Callback for Webhook {
    fn challenge(&self, query: &[Pair]) -> Option<String> {
        let value = |name: &str| query.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| value);
        let token = value("hub.verify_token").map(Vec::as_slice).unwrap_or_default();
        let known = self.verify_tokens.is_empty() || self.verify_tokens.iter().any(|secret| secret.matches(token));
        let asks = value("hub.mode").is_some_and(|mode| mode == b"subscribe");
        let challenge = value("hub.challenge").filter(|_| asks && known)?;
        Some(String::from_utf8_lossy(challenge).into_owned())
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Proof, Unproven> {
        if !self.signatures.is_used() {
            return Ok(Proof::Path);
        }
        let presented = headers.get("x-hub-signature-256").ok_or(Unproven::Missing)?.as_bytes();
        self.signatures.check(presented.strip_prefix(b"sha256=").ok_or(Unproven::Wrong)?, body)
    }

    fn parse(&self, body: &[u8]) -> Result<Vec<News>, String> {
        let envelope: Envelope = serde_json::from_slice(body)
            .map_err(|why| format!("it is no JSON object (line {}, column {})", why.line(), why.column()))?;
        let mut news = Vec::new();
        for Change { value } in envelope.entry.into_iter().flat_map(|entry| entry.changes) {
            let number = value.metadata.phone_number_id;
            if !number.is_empty() && number != self.phone_number_id {
                continue;
            }
            news.extend(pieces(value.statuses).filter_map(|status| self.told(status)).map(News::Told));
            news.extend(value.messages.into_iter().filter_map(inbound).map(News::Inbound));
        }
        Ok(news)
    }
}

fn pieces<T: DeserializeOwned>(list: Vec<Value>) -> impl Iterator<Item = T> {
    list.into_iter().filter_map(|piece| serde_json::from_value(piece).ok())
}

impl Webhook {
    fn told(&self, status: Status) -> Option<Told> {
        let Status { id, status, timestamp, biz_opaque_callback_data: key, errors } = status;
        let report = match status.as_str() {
            "sent" => Report::Sent,
            "delivered" => Report::Delivered,
            // A voice message is played.
            "read" | "played" => Report::Read,
            "failed" => Report::Failed(self.failure(errors)),
            // `deleted`, `warning`, and what comes later.
            _ => return None,
        };
        let at = moment(&timestamp)?;
        (id.len() <= ID_BYTES).then_some(Told { receipt: id, key, report, at })
    }

    fn failure(&self, errors: Vec<Fault>) -> SendError {
        let fault = errors.into_iter().find(|fault| fault.code.is_some());
        let code = fault.as_ref().and_then(|fault| fault.code);
        match (code, fault) {
            (Some(code), Some(fault)) => {
                let class = classify(code, fault.error_subcode, None);
                refusal(class, code, &fault.words(&self.template), &self.access_token)
            }
            _ => refusal(Class::Fault, "", "Meta does not say why it failed", &self.access_token),
        }
    }
}

fn inbound(piece: Value) -> Option<Inbound> {
    let text = cut_characters(text_of(&piece), TEXT_CHARACTERS);
    let Message { id, from, r#type: kind, timestamp } = serde_json::from_value(piece).ok()?;
    let at = moment(&timestamp)?;
    let is_phone = from.bytes().all(|byte| byte.is_ascii_digit());
    let window = Some(WINDOW).filter(|_| is_phone && !NOT_WRITTEN.contains(&kind.as_str()));
    // Who hides the number has an id of Meta's own.
    let address = if is_phone { format!("+{from}") } else { from };
    let sound = [&id, &address, &kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
    sound.then_some(Inbound { id, address, contact: None, kind, text, at, window })
}

/// Where each type of message has its words.
fn text_of(message: &Value) -> &str {
    let places = [
        "/text/body",
        "/button/text",
        "/interactive/button_reply/title",
        "/interactive/list_reply/title",
        "/image/caption",
        "/video/caption",
        "/document/caption",
        "/document/filename",
        "/reaction/emoji",
    ];
    places.iter().find_map(|place| message.pointer(place)?.as_str()).unwrap_or_default()
}

/// Meta's times are texts of seconds since 1970.
fn moment(seconds: &str) -> Option<Timestamp> {
    seconds.parse::<i64>().ok()?.checked_mul(1000).map(Timestamp::from_millis)
}
