//! What Telegram tells of itself, by a call or when asked: <https://core.telegram.org/bots/api#update>.
//!
//! Not asked for: edits, which say again what is known, and presses of buttons, for no message of ours has any.

use serde::Deserialize;
use serde_json::Value;

use crate::clock::Timestamp;
use crate::message::news::{Inbound, News, Noted};
use crate::provider::reply::lenient;
use crate::provider::text::{cut_characters, harmless, one_line};

/// How an account hears what people write to its bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Updates {
    /// We ask.
    Poll,
    /// Telegram calls.
    Callback,
}

/// The kinds that are wanted.
pub(super) const WANTED: [&str; 3] = ["message", "channel_post", "my_chat_member"];

/// What is kept of an inbound text. Telegram sends no longer one.
const TEXT_CHARACTERS: usize = 4096;

/// What is shown of a name, which its owner chose.
const NAME_CHARACTERS: usize = 64;

/// What a message can be, by the name of what it has. A moving picture is a document, too, for older programs.
const CONTENTS: [&str; 17] = [
    "text",
    "photo",
    "video",
    "animation",
    "document",
    "audio",
    "voice",
    "video_note",
    "sticker",
    "story",
    "contact",
    "location",
    "venue",
    "poll",
    "dice",
    "game",
    "checklist",
];

#[derive(Deserialize)]
struct Message {
    message_id: i64,
    date: i64,
    chat: ChatSeen,
    #[serde(default, deserialize_with = "lenient")]
    from: Name,
    #[serde(default, deserialize_with = "lenient")]
    message_thread_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    is_topic_message: bool,
    #[serde(default, deserialize_with = "lenient")]
    migrate_to_chat_id: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    forum_topic_created: Name,
}

/// A chat, as messages name it.
#[derive(Deserialize)]
struct ChatSeen {
    id: i64,
    r#type: String,
    #[serde(flatten)]
    name: Name,
}

/// What a person, a chat or a topic is called.
#[derive(Default, Deserialize)]
struct Name {
    #[serde(default, deserialize_with = "lenient")]
    first_name: String,
    #[serde(default, deserialize_with = "lenient")]
    last_name: String,
    #[serde(default, deserialize_with = "lenient")]
    username: String,
    #[serde(default, deserialize_with = "lenient")]
    title: String,
    #[serde(default, deserialize_with = "lenient")]
    name: String,
}

#[derive(Deserialize)]
struct Membership {
    chat: ChatSeen,
    #[serde(default, deserialize_with = "lenient")]
    from: Name,
    new_chat_member: Standing,
}

/// What the bot is in a chat, and what it may do there; what is not said is allowed.
#[derive(Deserialize)]
struct Standing {
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    can_send_messages: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    can_post_messages: Option<bool>,
}

/// The number of an update, and what is told by it.
pub(super) fn read(update: &Value) -> Option<(i64, Vec<News>)> {
    let id = update.get("update_id")?.as_i64()?;
    let message = ["message", "channel_post"].iter().find_map(|kind| update.get(kind));
    let news = match (message, update.get("my_chat_member")) {
        (Some(message), _) => of_message(message),
        (None, Some(member)) => Membership::deserialize(member).ok().map(of_membership).into_iter().collect(),
        (None, None) => Vec::new(),
    };
    Some((id, news))
}

fn of_message(value: &Value) -> Vec<News> {
    let Ok(message) = Message::deserialize(value) else { return Vec::new() };
    let Some(at) = message.date.checked_mul(1000).map(Timestamp::from_millis) else { return Vec::new() };
    let Message { message_id, chat, from, .. } = &message;
    let topic = message.message_thread_id.filter(|_| message.is_topic_message);
    let address = topic.map_or_else(|| chat.id.to_string(), |topic| format!("{}/{topic}", chat.id));
    if let Some(moved_to) = message.migrate_to_chat_id {
        let what = format!("{chat} is a supergroup now: write {moved_to} into the contact");
        return vec![News::Noted(Noted { address, what, lost: true })];
    }
    if !message.forum_topic_created.name.is_empty() {
        let what = format!("{} made the topic {} in {chat}", from.shown(), message.forum_topic_created.shown());
        return vec![News::Noted(Noted { address, what, lost: false })];
    }
    // Somebody came, left, or pinned something.
    let Some(kind) = CONTENTS.iter().find(|kind| value.get(kind).is_some()) else { return Vec::new() };
    let text = cut_characters(&text_of(value), TEXT_CHARACTERS);
    let mut news = Vec::new();
    if text.split(['@', ' ']).next() == Some("/start") {
        let what = match chat.r#type.as_str() {
            "private" => format!("{} pressed Start", from.shown()),
            _ => format!("{} wrote /start in {chat}", from.shown()),
        };
        news.push(News::Noted(Noted { address: address.clone(), what, lost: false }));
    }
    // Telegram has no window, and in a chat no two messages have one number.
    let (id, kind) = (format!("{}:{message_id}", chat.id), (*kind).to_owned());
    news.push(News::Inbound(Inbound { id, address, contact: None, kind, text, at, window: None }));
    news
}

/// A text, a caption, or what stands for one.
fn text_of(message: &Value) -> String {
    let text = |place: &str| message.pointer(place).and_then(Value::as_str);
    if let Some(words) = text("/text").or_else(|| text("/caption")) {
        return words.to_owned();
    }
    if let Some(phone) = text("/contact/phone_number") {
        return format!("{} {phone}", text("/contact/first_name").unwrap_or_default()).trim().to_owned();
    }
    let number = |place: &str| message.pointer(place).and_then(Value::as_f64);
    if let (Some(latitude), Some(longitude)) = (number("/location/latitude"), number("/location/longitude")) {
        return format!("{latitude},{longitude}");
    }
    let names = ["/document/file_name", "/audio/file_name", "/video/file_name", "/sticker/emoji", "/poll/question"];
    names.iter().find_map(|place| text(place)).unwrap_or_default().to_owned()
}

/// The bot was let in, put out, or blocked.
fn of_membership(membership: Membership) -> News {
    let Membership { chat, from, new_chat_member: Standing { status, can_send_messages, can_post_messages } } =
        membership;
    let who = from.shown();
    let is_muted = can_send_messages == Some(false)
        || chat.r#type == "channel" && (status != "administrator" || can_post_messages == Some(false));
    let (what, lost) = match (chat.r#type.as_str(), status.as_str()) {
        ("private", "kicked") => (format!("{who} has blocked the bot"), true),
        ("private", _) => (format!("{who} has let the bot write"), false),
        (_, "left" | "kicked") => (format!("{who} has put the bot out of {chat}"), true),
        _ if is_muted => (format!("the bot may not write in {chat}: {who} has changed its rights"), true),
        _ => (format!("the bot is in {chat}, by {who}"), false),
    };
    News::Noted(Noted { address: chat.id.to_string(), what, lost })
}

impl std::fmt::Display for ChatSeen {
    /// `the supergroup "Ops"`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {} {}", plain(&self.r#type), self.name.shown())
    }
}

impl Name {
    /// `Ivan Petrov (@ivan)`, `"Ops" (@ops)`.
    fn shown(&self) -> String {
        let Name { first_name, last_name, username, title, name } = self;
        let called = match (title.as_str(), name.as_str()) {
            ("", "") => plain(format!("{first_name} {last_name}").trim()),
            ("", name) => format!("\"{}\"", plain(name)),
            (title, _) => format!("\"{}\"", plain(title)),
        };
        match (called.as_str(), username.as_str()) {
            ("", "") => "somebody".to_owned(),
            (_, "") => called,
            ("", username) => format!("@{}", plain(username)),
            (_, username) => format!("{called} (@{})", plain(username)),
        }
    }
}

/// A name that may stand in a log.
fn plain(name: &str) -> String {
    cut_characters(&harmless(&one_line(name)), NAME_CHARACTERS)
}
