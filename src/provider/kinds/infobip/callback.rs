//! What Infobip calls: reports, and what people write.
//! <https://www.infobip.com/docs/api/channels/whatsapp/receive-whatsapp-delivery-reports>

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::channel::Channel;
use super::errors::{Fault, Status, failed};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, SendError};
use crate::message::news::{Inbound, News, Told};
use crate::provider::callback::{Call, Callback};
use crate::provider::reply::lenient;
use crate::provider::text::cut_characters;

/// Free text goes for 24 hours after a person wrote; less what it may take to get it there.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// What is kept of an inbound text.
const TEXT_CHARACTERS: usize = 4096;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// What comes without anybody writing: it opens no window.
const NOT_WRITTEN: [&str; 2] = ["REACTION", "UNSUPPORTED"];

/// The account's side of Infobip's webhooks, which nothing signs.
pub(super) struct Webhook {
    pub(super) channel: Channel,
    pub(super) from: String,
}

/// Its results are read piece by piece: one that is not as expected spoils no other.
#[derive(Deserialize)]
struct Envelope {
    results: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reported {
    message_id: String,
    #[serde(default, deserialize_with = "lenient")]
    callback_data: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    done_at: String,
    #[serde(default, deserialize_with = "lenient")]
    seen_at: String,
    #[serde(default, deserialize_with = "lenient")]
    status: Status,
    #[serde(default, deserialize_with = "lenient")]
    error: Fault,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    from: String,
    #[serde(default, deserialize_with = "lenient")]
    to: String,
    received_at: String,
}

impl Callback for Webhook {
    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String> {
        let Envelope { results } = serde_json::from_slice(call.body)
            .map_err(|why| format!("it is no object with results (line {}, column {})", why.line(), why.column()))?;
        let news = results.into_iter().filter_map(|piece| match piece.get("receivedAt") {
            Some(_) => self.inbound(&piece).map(News::Inbound),
            None => self.told(read(piece)?, call.now).map(News::Told),
        });
        Ok(news.collect())
    }
}

fn read<T: DeserializeOwned>(piece: Value) -> Option<T> {
    serde_json::from_value(piece).ok()
}

impl Webhook {
    fn told(&self, reported: Reported, now: Timestamp) -> Option<Told> {
        let Reported { message_id: receipt, callback_data: key, done_at, seen_at, status, error } = reported;
        let (report, at) = match (seen_at.as_str(), status.group_id, status.id) {
            ("", Some(3), Some(2)) => (Report::Sent, done_at.as_str()),
            ("", Some(3), _) => (Report::Delivered, done_at.as_str()),
            ("", _, _) if status.is_repetition() || error.is_repetition() => return None,
            ("", _, _) if status.is_failure() => (Report::Failed(given_up(failed(&status, &error))), done_at.as_str()),
            ("", _, _) => return None,
            (seen_at, _, _) => (Report::Read, seen_at),
        };
        let at = moment(at).unwrap_or(now);
        (1..=ID_BYTES).contains(&receipt.len()).then_some(Told { receipt, key, report, at })
    }

    fn inbound(&self, piece: &Value) -> Option<Inbound> {
        let Message { message_id: id, from, to, received_at } = read(piece.clone())?;
        let kind = piece.pointer("/message/type").and_then(Value::as_str);
        // An SMS has no message but a text.
        if kind.is_some() != (self.channel == Channel::WhatsApp) || !to.is_empty() && !self.channel.is(&self.from, &to)
        {
            return None;
        }
        let is_phone = !from.is_empty() && from.bytes().all(|byte| byte.is_ascii_digit());
        let is_written = kind.is_some_and(|kind| !NOT_WRITTEN.contains(&kind));
        let window = Some(WINDOW).filter(|_| is_phone && is_written);
        let text = cut_characters(text_of(piece), TEXT_CHARACTERS);
        let kind = kind.unwrap_or("text").to_lowercase();
        let address = if is_phone { format!("+{from}") } else { from };
        let sound = [&id, &address, &kind].iter().all(|text| (1..=ID_BYTES).contains(&text.len()));
        let at = moment(&received_at)?;
        sound.then_some(Inbound { id, address, contact: None, kind, text, at, window })
    }
}

/// A report is Infobip's last word: it has tried for as long as it may, and what is sent again has the same id, by which
/// it would be taken for a repetition and go nowhere. So the next way is due. A closed window asks for the template, which
/// has an id of its own.
fn given_up(error: SendError) -> SendError {
    match error.class {
        Class::Fault | Class::Wait { .. } => SendError { class: Class::Recipient, ..error },
        _ => error,
    }
}

/// Where each type of message has its words.
fn text_of(piece: &Value) -> &str {
    let places = ["/message/text", "/message/title", "/message/caption", "/message/name", "/message/emoji", "/text"];
    places.iter().find_map(|place| piece.pointer(place)?.as_str()).unwrap_or_default()
}

/// Infobip's times have an offset: `2026-11-20T23:15:00.123+0000`.
fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let (local, offset) = text.split_at_checked(text.rfind(['+', '-'])?)?;
    let at: Timestamp = local.parse().ok()?;
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    let number = |at: std::ops::Range<usize>| digits.get(at)?.parse::<u64>().ok();
    let ahead = Duration::from_secs((number(0..2)? * 60 + number(2..4)?) * 60);
    Some(if offset.starts_with('-') { at.plus(ahead) } else { at.minus(ahead) })
}
