//! What GREEN-API tells, by a call or when it is asked.
//! <https://green-api.com/en/docs/api/receiving/notifications-format/>

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::errors::{Quota, reported};
use super::instance::standing;
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, SendError};
use crate::message::news::{Inbound, News, Standing, Told};
use crate::provider::reply::{lenient, refusal};
use crate::provider::text::cut_characters;

/// Free text goes for 24 hours after a person wrote; less what it may take to get it there.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// What is kept of an inbound text.
const TEXT_CHARACTERS: usize = 20_000;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// What comes without anybody writing: it opens no window.
const NOT_WRITTEN: [&str; 2] = ["reactionMessage", "pollUpdateMessage"];

/// How notifications are read.
pub(super) struct Ear {
    /// One address may be told for several instances: what is not of this one is somebody else's.
    pub(super) instance: String,
    /// Whether it is one of the WhatsApp Business API, with its window of 24 hours.
    pub(super) has_window: bool,
}

/// A notification. Each type has its own of these; a type that is not known is of no interest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(default, deserialize_with = "lenient")]
    type_webhook: String,
    #[serde(default, deserialize_with = "lenient")]
    instance_data: InstanceData,
    #[serde(default, deserialize_with = "lenient")]
    timestamp: i64,
    #[serde(default, deserialize_with = "lenient")]
    id_message: String,
    #[serde(default, deserialize_with = "lenient")]
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    description: String,
    #[serde(default, deserialize_with = "lenient")]
    state_instance: String,
    #[serde(default, deserialize_with = "lenient")]
    quota_data: Quota,
    #[serde(default, deserialize_with = "lenient")]
    sender_data: SenderData,
    #[serde(default, deserialize_with = "lenient")]
    message_data: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InstanceData {
    #[serde(default, deserialize_with = "lenient")]
    id_instance: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SenderData {
    #[serde(deserialize_with = "lenient")]
    chat_id: String,
    #[serde(deserialize_with = "lenient")]
    sender: String,
}

impl Ear {
    /// What a notification tells.
    pub(super) fn hear(&self, notification: &[u8]) -> Result<Vec<News>, String> {
        let notification: Notification = serde_json::from_slice(notification)
            .map_err(|why| format!("it is no JSON object (line {}, column {})", why.line(), why.column()))?;
        let instance = notification.instance_data.id_instance;
        if instance != 0 && instance.to_string() != self.instance {
            return Ok(Vec::new());
        }
        let news = match notification.type_webhook.as_str() {
            "outgoingMessageStatus" => self.told(notification),
            "incomingMessageReceived" => self.inbound(notification).into_iter().map(News::Inbound).collect(),
            "stateInstanceChanged" => standing(&notification.state_instance).into_iter().map(News::Standing).collect(),
            "quotaExceeded" => self.quota(&notification.quota_data).into_iter().map(News::Standing).collect(),
            // What we or the phone's owner sent, calls, and what comes later.
            _ => Vec::new(),
        };
        Ok(news)
    }

    fn told(&self, notification: Notification) -> Vec<News> {
        let Notification { id_message: receipt, status, description, timestamp, .. } = notification;
        let report = match status.as_str() {
            "sent" => Some(Report::Sent),
            "delivered" => Some(Report::Delivered),
            "read" => Some(Report::Read),
            _ => reported(&status, &description).map(Report::Failed),
        };
        let (Some(report), Some(at)) = (report, moment(timestamp)) else { return Vec::new() };
        // Such an instance lets no other message through, either.
        let down = match &report {
            Report::Failed(SendError { class: Class::Account, detail, .. }) => {
                Some(News::Standing(Standing::Down { why: detail.clone() }))
            }
            _ => None,
        };
        let is_sound = (1..=ID_BYTES).contains(&receipt.len());
        let told = is_sound.then_some(News::Told(Told { receipt, key: None, report, at }));
        told.into_iter().chain(down).collect()
    }

    fn inbound(&self, notification: Notification) -> Option<Inbound> {
        let Notification { id_message: id, timestamp, sender_data, message_data, .. } = notification;
        let kind = message_data.get("typeMessage")?.as_str()?.to_owned();
        if kind == "deletedMessage" {
            return None;
        }
        let SenderData { chat_id, sender } = sender_data;
        let is_group = chat_id.ends_with("@g.us");
        let address = address_of(if sender.is_empty() { chat_id } else { sender });
        let text = cut_characters(text_of(&message_data), TEXT_CHARACTERS);
        let at = moment(timestamp)?;
        let is_written = !is_group && !NOT_WRITTEN.contains(&kind.as_str());
        let window = Some(WINDOW).filter(|_| self.has_window && is_written);
        let sound = [&id, &address, &kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
        sound.then_some(Inbound { id, address, contact: None, kind, text, at, window })
    }

    /// The messages of the month are used up. Where it is only the chats, those in the tariff's list are still written to.
    fn quota(&self, quota: &Quota) -> Option<Standing> {
        if quota.method == "correspondents" {
            return None;
        }
        let words = format!("the month's quota is used up: {}", quota.description);
        Some(Standing::Down { why: refusal(Class::Account, "", &words).detail })
    }
}

/// Who that is, as contacts have it. Who hides the number has an id of another kind (`@lid`).
fn address_of(wid: String) -> String {
    let phone = wid.strip_suffix("@c.us").filter(|phone| phone.bytes().all(|byte| byte.is_ascii_digit()));
    phone.map(|phone| format!("+{phone}")).unwrap_or(wid)
}

/// Where each type of message has its words.
fn text_of(message: &Value) -> &str {
    let places = [
        "/textMessageData/textMessage",
        // A link's text, a quotation's, a reaction's.
        "/extendedTextMessageData/text",
        "/editedMessageData/textMessage",
        "/fileMessageData/caption",
        "/fileMessageData/fileName",
        "/buttonsResponseMessage/selectedButtonText",
        "/templateButtonReplyMessage/selectedDisplayText",
        "/listResponseMessage/title",
        "/interactiveButtonsReply/body",
        "/interactiveButtonsReply/contentText",
        "/interactiveButtons/contentText",
        "/buttonsMessage/contentText",
        "/templateMessage/contentText",
        "/listMessage/contentText",
        "/locationMessageData/nameLocation",
        "/locationMessageData/address",
        "/contactMessageData/displayName",
        "/pollMessageData/name",
        "/groupInviteMessageData/caption",
    ];
    let texts = places.iter().filter_map(|place| message.pointer(place)?.as_str());
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// Seconds since 1970; a notification without any is not believed.
fn moment(seconds: i64) -> Option<Timestamp> {
    seconds.checked_mul(1000).filter(|millis| *millis > 0).map(Timestamp::from_millis)
}
