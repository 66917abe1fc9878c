//! Wazzup's webhooks: the test at their registration, their key, and what they tell.
//! <https://wazzup24.com/help/webhooks/>

use std::time::Duration;

use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::channel::standing;
use super::errors::Fault;
use super::message::key_of;
use super::transport::Transport;
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, Scope, SendError};
use crate::message::news::{Inbound, News, Standing, Told};
use crate::provider::callback::{Call, Callback, Proof, Unproven};
use crate::provider::reply::{lenient, refusal};
use crate::provider::text::cut_characters;
use crate::secret::Secret;

/// Free text goes for 24 hours after a person wrote; less what it may take to get it there.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// Wazzup knows a `crmMessageId` again for a minute: what failed meanwhile and is sent once more would be taken for a
/// repetition, and nobody would get it.
const REPETITION: Duration = Duration::from_secs(61);

/// What is kept of an inbound text.
const TEXT_CHARACTERS: usize = 10_000;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// What comes without anybody writing: it opens no window.
const NOT_WRITTEN: [&str; 2] = ["missing_call", "unsupported"];

/// What a template may be, if messages are to go out by it.
const TEMPLATE_WORKS: [&str; 2] = ["approved", "active"];

/// What a template is while Meta still looks at it, or that nobody says.
const TEMPLATE_UNDECIDED: [&str; 4] = ["", "pending", "created", "moderation"];

/// The account's side of Wazzup's webhooks.
pub(super) struct Webhook {
    /// Wazzup calls one address for all channels of an account: what is not of this one is somebody else's.
    pub(super) channel: String,
    pub(super) transport: Transport,
    /// The template that messages go out by.
    pub(super) template: Option<String>,
    /// What Wazzup shows when it calls; it shows nothing where none is set there.
    pub(super) crm_keys: Vec<Secret>,
}

/// Its lists are read piece by piece: one that is not as expected spoils no other. Whatever else Wazzup sends
/// (`createContact`, `createDeal`) is a CRM's business.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default, deserialize_with = "lenient")]
    test: bool,
    #[serde(default, deserialize_with = "lenient")]
    messages: Vec<Value>,
    #[serde(default, deserialize_with = "lenient")]
    statuses: Vec<Value>,
    #[serde(default, deserialize_with = "lenient")]
    channels_updates: Vec<Value>,
    /// Its shape is documented nowhere that we could find: a list, as the others are, or one alone.
    #[serde(default, deserialize_with = "lenient")]
    template_status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    #[serde(default, deserialize_with = "lenient")]
    channel_id: String,
    #[serde(default, deserialize_with = "lenient")]
    chat_type: String,
    chat_id: String,
    date_time: String,
    r#type: String,
    #[serde(default, deserialize_with = "lenient")]
    is_echo: bool,
    #[serde(default, deserialize_with = "lenient")]
    is_deleted: bool,
    #[serde(default, deserialize_with = "lenient")]
    text: String,
    #[serde(default, deserialize_with = "lenient")]
    contact: Contact,
    #[serde(default, deserialize_with = "lenient")]
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    crm_message_id: String,
    #[serde(default, deserialize_with = "lenient")]
    error: Fault,
}

#[derive(Default, Deserialize)]
struct Contact {
    #[serde(default, deserialize_with = "lenient")]
    phone: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    message_id: String,
    #[serde(default, deserialize_with = "lenient")]
    timestamp: String,
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    crm_message_id: String,
    #[serde(default, deserialize_with = "lenient")]
    error: Fault,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelUpdate {
    channel_id: String,
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TemplateUpdate {
    #[serde(alias = "templateId", alias = "templateGuid", alias = "guid")]
    id: String,
    #[serde(alias = "state")]
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    reason: String,
}

impl Callback for Webhook {
    fn verify(&self, call: &Call<'_>) -> Result<Proof, Unproven> {
        if self.crm_keys.is_empty() {
            return Ok(Proof::Path);
        }
        let Some(presented) = call.headers.get(AUTHORIZATION) else {
            // It tells nothing, and nobody says that it brings the key.
            let is_test = serde_json::from_slice::<Envelope>(call.body).is_ok_and(|envelope| envelope.test);
            return if is_test { Ok(Proof::Path) } else { Err(Unproven::Missing) };
        };
        let key = presented.as_bytes().strip_prefix(b"Bearer ").unwrap_or_default();
        if self.crm_keys.iter().any(|secret| secret.matches(key)) { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }

    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let envelope: Envelope = serde_json::from_slice(call.body)
            .map_err(|why| format!("it is no JSON object (line {}, column {})", why.line(), why.column()))?;
        if envelope.test {
            return Ok(Vec::new());
        }
        let templates = match envelope.template_status {
            Value::Array(list) => list,
            one => vec![one],
        };
        let statuses = pieces(envelope.statuses).filter_map(|status| self.told(status));
        let messages = pieces(envelope.messages).filter_map(|message| self.message(message));
        let channels = pieces(envelope.channels_updates).filter_map(|update| self.channel_update(update));
        let templates = pieces(templates).filter_map(|update| self.template_update(update));
        Ok(statuses.chain(messages).chain(channels).chain(templates).collect())
    }
}

fn pieces<T: DeserializeOwned>(list: Vec<Value>) -> impl Iterator<Item = T> {
    list.into_iter().filter_map(|piece| serde_json::from_value(piece).ok())
}

impl Webhook {
    fn told(&self, status: Status) -> Option<News> {
        let Status { message_id: receipt, timestamp, status, crm_message_id, error } = status;
        let report = match status.as_str() {
            "sent" => Report::Sent,
            "delivered" => Report::Delivered,
            "read" => Report::Read,
            "error" => Report::Failed(self.failure(&error)),
            // `edited`, `inbound`, and what comes later.
            _ => return None,
        };
        let at = timestamp.parse().ok()?;
        let key = key_of(&crm_message_id);
        (receipt.len() <= ID_BYTES).then_some(News::Told(Told { receipt, key, report, at }))
    }

    fn failure(&self, fault: &Fault) -> SendError {
        let error = fault.reported();
        let later = |scope| SendError { class: Class::Wait { scope, after: Some(REPETITION) }, ..error.clone() };
        match error.class {
            Class::Fault => later(Scope::Recipient),
            Class::Wait { scope, after: None } => later(scope),
            // The template itself is not for that window.
            Class::Form if self.transport != Transport::Waba => SendError { class: Class::Content, ..error },
            _ => error,
        }
    }

    fn message(&self, message: Message) -> Option<News> {
        if !message.channel_id.is_empty() && message.channel_id != self.channel {
            return None;
        }
        if message.is_echo {
            // What we sent comes back, too: it is news where it says what became of it.
            let Message { message_id, date_time: timestamp, status, crm_message_id, error, .. } = message;
            return self.told(Status { message_id, timestamp, status, crm_message_id, error });
        }
        (!message.is_deleted).then_some(())?;
        let is_written = !NOT_WRITTEN.contains(&message.r#type.as_str());
        let has_window = self.transport == Transport::Waba && message.chat_type == "whatsapp";
        let address = address_of(&message)?;
        let Message { message_id: id, date_time, r#type: kind, text, .. } = message;
        let at: Timestamp = date_time.parse().ok()?;
        let sound = [&id, &address, &kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
        let text = cut_characters(&text, TEXT_CHARACTERS);
        let window = Some(WINDOW).filter(|_| has_window && is_written);
        sound.then_some(News::Inbound(Inbound { id, address, contact: None, kind, text, at, window }))
    }

    fn channel_update(&self, update: ChannelUpdate) -> Option<News> {
        (update.channel_id == self.channel).then(|| standing(&update.state))?.map(News::Standing)
    }

    fn template_update(&self, update: TemplateUpdate) -> Option<News> {
        let TemplateUpdate { id, status, reason } = update;
        let status = status.to_lowercase();
        if self.template.as_ref() != Some(&id) || TEMPLATE_UNDECIDED.contains(&status.as_str()) {
            return None;
        }
        if TEMPLATE_WORKS.contains(&status.as_str()) {
            return Some(News::Standing(Standing::Well));
        }
        let words = format!("the template {id} can't be used: it is {status} {reason}");
        let why = refusal(Class::Account, "", words.trim()).detail;
        Some(News::Standing(Standing::Down { why }))
    }
}

/// Who wrote, as contacts have it.
fn address_of(message: &Message) -> Option<String> {
    let phone =
        |text: &str| (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("+{text}"));
    match message.chat_type.as_str() {
        "whatsapp" | "viber" => phone(&message.chat_id),
        // In a group it is the chat's id that an answer goes to, and the writer's phone that names a person.
        "whatsgroup" => phone(&message.contact.phone).or_else(|| Some(message.chat_id.clone())),
        _ => Some(message.chat_id.clone()),
    }
}
