//! Meta's webhook: the question at its registration, its signature, and what it tells.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks>

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::{Fault, classify};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, SendError};
use crate::message::news::{Inbound, News, Standing, Told};
use crate::provider::callback::{Call, Callback, Proof, Sha256, Unproven, WHATSAPP_WINDOW};
use crate::provider::reply::{lenient, refusal};
use crate::provider::text::cut_characters;
use crate::secret::Secret;
use crate::url::values_of;

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
    #[serde(default, deserialize_with = "lenient")]
    errors: Vec<Fault>,
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
    fn challenge(&self, call: &Call<'_>) -> Option<String> {
        let value = |name| values_of(call.query, name).next();
        let token = value("hub.verify_token").unwrap_or_default();
        let known = self.verify_tokens.is_empty() || self.verify_tokens.iter().any(|secret| secret.matches(token));
        let asks = value("hub.mode").is_some_and(|mode| mode == b"subscribe");
        let challenge = value("hub.challenge").filter(|_| asks && known && call.method == Method::GET)?;
        Some(String::from_utf8_lossy(challenge).into_owned())
    }

    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        if !self.signatures.is_used() {
            return Ok(Proof::Path);
        }
        let presented = call.headers.get("x-hub-signature-256").ok_or(Unproven::Missing)?.as_bytes();
        self.signatures.check(presented.strip_prefix(b"sha256=").ok_or(Unproven::Wrong)?, call.body)
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let envelope: Envelope = serde_json::from_slice(call.body)
            .map_err(|why| format!("it is no JSON object (line {}, column {})", why.line(), why.column()))?;
        let mut news = Vec::new();
        for Change { value } in envelope.entry.into_iter().flat_map(|entry| entry.changes) {
            let number = value.metadata.phone_number_id;
            if !number.is_empty() && number != self.phone_number_id {
                continue;
            }
            news.extend(pieces(value.statuses).filter_map(|status| self.told(status)).map(News::Told));
            news.extend(value.messages.into_iter().filter_map(inbound).map(News::Inbound));
            news.extend(value.errors.into_iter().filter_map(|fault| self.down(fault)).map(News::Standing));
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

    /// What is wrong with the account itself. Any other error here is of a call that heard of it, too.
    fn down(&self, fault: Fault) -> Option<Standing> {
        let class = classify(fault.code?, fault.error_subcode, None);
        let why = refusal(class, "", &fault.words(&self.template)).detail;
        (class == Class::Account).then_some(Standing::Down { why })
    }

    fn failure(&self, errors: Vec<Fault>) -> SendError {
        let fault = errors.into_iter().find(|fault| fault.code.is_some());
        let code = fault.as_ref().and_then(|fault| fault.code);
        match (code, fault) {
            (Some(code), Some(fault)) => {
                let class = classify(code, fault.error_subcode, None);
                refusal(class, code, &fault.words(&self.template))
            }
            _ => refusal(Class::Fault, "", "Meta does not say why it failed"),
        }
    }
}

fn inbound(piece: Value) -> Option<Inbound> {
    let text = cut_characters(&text_of(&piece), TEXT_CHARACTERS);
    let Message { id, from, r#type: kind, timestamp } = serde_json::from_value(piece).ok()?;
    let at = moment(&timestamp)?;
    let is_phone = from.bytes().all(|byte| byte.is_ascii_digit());
    let window = Some(WHATSAPP_WINDOW).filter(|_| is_phone && !NOT_WRITTEN.contains(&kind.as_str()));
    // Who hides the number has an id of Meta's own.
    let address = if is_phone { format!("+{from}") } else { from };
    let sound = [&id, &address, &kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
    sound.then_some(Inbound { id, address, contact: None, kind, text, at, window })
}

/// Where each type of message has its words, the first that it has.
const WORDS: [&str; 15] = [
    "/text/body",
    "/button/text",
    "/interactive/button_reply/title",
    "/interactive/list_reply/title",
    "/interactive/nfm_reply/body",
    "/image/caption",
    "/video/caption",
    "/document/caption",
    "/document/filename",
    "/reaction/emoji",
    "/order/text",
    "/system/body",
    "/errors/0/error_data/details",
    "/errors/0/message",
    "/errors/0/title",
];

fn text_of(message: &Value) -> String {
    let words = WORDS.iter().find_map(|place| message.pointer(place)?.as_str());
    match (words, message.get("location"), message.get("contacts").and_then(Value::as_array)) {
        (Some(words), _, _) => words.to_owned(),
        (None, Some(location), _) => place(location),
        (None, None, Some(cards)) => cards.iter().map(card).collect::<Vec<_>>().join("\n"),
        (None, None, None) => String::new(),
    }
}

/// A place on the map, as one would write it.
fn place(location: &Value) -> String {
    let degrees = [&location["latitude"], &location["longitude"]].map(Value::as_f64);
    let degrees = if let [Some(north), Some(east)] = degrees { Some(format!("{north}, {east}")) } else { None };
    let words = ["name", "address"].into_iter().filter_map(|key| location[key].as_str()).map(str::to_owned);
    words.chain(degrees).collect::<Vec<_>>().join(", ")
}

/// A name and its numbers.
fn card(contact: &Value) -> String {
    let phones = contact["phones"].as_array().into_iter().flatten().filter_map(|phone| phone["phone"].as_str());
    contact
        .pointer("/name/formatted_name")
        .and_then(Value::as_str)
        .into_iter()
        .chain(phones)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Meta's times are texts of seconds since 1970.
fn moment(seconds: &str) -> Option<Timestamp> {
    seconds.parse::<i64>().ok()?.checked_mul(1000).map(Timestamp::from_millis)
}
