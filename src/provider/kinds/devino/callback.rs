//! What Devino calls: a list of statuses, or one message from a person.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::{Meaning, classify_code};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report};
use crate::message::media::MediaKind;
use crate::message::news::{Inbound, News, Told};
use crate::provider::callback::{Call, Callback, WHATSAPP_WINDOW};
use crate::provider::reply::{id, lenient, refusal};
use crate::provider::text::cut_characters;

/// What is kept of an inbound text. WhatsApp sends no longer one.
const TEXT_CHARACTERS: usize = 4096;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// The account's side of Devino's calls. They are not signed: the secret in the path is all there is.
pub(super) struct Statuses;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    message_id: Value,
    ts: i64,
    #[serde(default, deserialize_with = "lenient")]
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    error_code: i64,
    /// What was sent as `callbackData`.
    #[serde(default)]
    options: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    incoming_message_id: Value,
    from: String,
    ts: i64,
    #[serde(default, deserialize_with = "lenient")]
    text: String,
    #[serde(default, deserialize_with = "lenient")]
    content_url: String,
    #[serde(default, deserialize_with = "lenient")]
    content_type: String,
    #[serde(default, deserialize_with = "lenient")]
    content_name: String,
    #[serde(default, deserialize_with = "lenient", rename = "whatsAppGeoLocation")]
    location: Option<Location>,
    #[serde(default, deserialize_with = "lenient", rename = "whatsAppContacts")]
    contacts: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Location {
    #[serde(deserialize_with = "lenient")]
    latitude: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    longitude: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    address: String,
    #[serde(deserialize_with = "lenient")]
    address_name: String,
    /// Devino writes it both ways.
    #[serde(deserialize_with = "lenient", rename = "addressurl", alias = "addressUrl")]
    address_url: String,
}

impl Callback for Statuses {
    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let value: Value = serde_json::from_slice(call.body)
            .map_err(|why| format!("it is no JSON (line {}, column {})", why.line(), why.column()))?;
        let pieces = match value {
            Value::Array(pieces) => pieces,
            Value::Object(_) => vec![value],
            _ => return Err("it is neither a list nor an object".to_owned()),
        };
        Ok(pieces.into_iter().filter_map(|piece| self.news(piece)).collect())
    }
}

impl Statuses {
    fn news(&self, piece: Value) -> Option<News> {
        if piece.get("incomingMessageId").is_some() {
            return read(piece).and_then(inbound).map(News::Inbound);
        }
        read(piece).and_then(|status| self.told(status)).map(News::Told)
    }

    fn told(&self, status: Status) -> Option<Told> {
        let receipt = id(&status.message_id).filter(|id| id.len() <= ID_BYTES)?;
        let key = status.options.as_str().or_else(|| status.options.get("key")?.as_str()).map(str::to_owned);
        let failed = |class, words: &str| {
            let code = if status.error_code == 0 { status.status.clone() } else { status.error_code.to_string() };
            Report::Failed(refusal(class, code, words))
        };
        let report = match classify_code(status.error_code) {
            Meaning::Failed(class, words) => failed(class, words),
            // The one it repeats is on its way.
            Meaning::Duplicate => Report::Sent,
            // The manual has only DELIVERED; the rest is what such lists have.
            Meaning::Well => match status.status.to_ascii_uppercase().as_str() {
                "SENT" => Report::Sent,
                "DELIVERED" => Report::Delivered,
                "READ" | "SEEN" | "VIEWED" => Report::Read,
                "UNDELIVERED" | "EXPIRED" => failed(Class::Recipient, "it was not delivered"),
                "FAILED" | "REJECTED" => failed(Class::Fault, "Devino does not say why it failed"),
                _ => return None,
            },
        };
        Some(Told { receipt, key, report, at: Timestamp::from_millis(status.ts) })
    }
}

fn read<T: DeserializeOwned>(piece: Value) -> Option<T> {
    serde_json::from_value(piece).ok()
}

fn inbound(message: Message) -> Option<Inbound> {
    let id = id(&message.incoming_message_id)?;
    let kind = message.kind();
    let from = message.from.trim_start_matches('+');
    let is_phone = !from.is_empty() && from.bytes().all(|byte| byte.is_ascii_digit());
    let sound = is_phone && [id.as_str(), from].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
    sound.then(|| Inbound {
        address: format!("+{from}"),
        contact: None,
        kind: kind.to_owned(),
        text: cut_characters(&message.words(), TEXT_CHARACTERS),
        at: Timestamp::from_millis(message.ts),
        window: Some(WHATSAPP_WINDOW),
        id,
    })
}

impl Message {
    fn kind(&self) -> &'static str {
        if !self.content_url.is_empty() || !self.content_type.is_empty() {
            return MediaKind::of(&self.content_type).as_str();
        }
        match (&self.location, self.contacts.is_empty()) {
            (Some(_), _) => "location",
            (None, false) => "contacts",
            (None, true) => "text",
        }
    }

    fn words(&self) -> String {
        if !self.text.is_empty() {
            return self.text.clone();
        }
        match &self.location {
            Some(location) => location.words(),
            None if !self.contacts.is_empty() => self.contacts.iter().map(card).collect::<Vec<_>>().join("\n"),
            None => self.content_name.clone(),
        }
    }
}

impl Location {
    /// As one would write it.
    fn words(&self) -> String {
        let degrees = self.latitude.zip(self.longitude).map(|(north, east)| format!("{north}, {east}"));
        let words = [&self.address_name, &self.address].into_iter().cloned().chain(degrees);
        let words = words.chain([self.address_url.clone()]).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(", ")
    }
}

/// A name and its numbers. Devino does not document their shape; WhatsApp's is looked for, in either writing.
fn card(contact: &Value) -> String {
    let names = ["/name/formatted_name", "/name/formattedName", "/name"];
    let name = names.iter().find_map(|place| contact.pointer(place)?.as_str());
    let phones = contact["phones"].as_array().into_iter().flatten();
    let phones = phones.filter_map(|phone| phone["phone"].as_str().or_else(|| phone.as_str()));
    name.into_iter().chain(phones).collect::<Vec<_>>().join(" ")
}
