//! What a refusal means. Telegram has four codes and no list of what it says with them: the words are those of its own
//! server, <https://github.com/tdlib/telegram-bot-api> (`Client.cpp`: `fail_query_with_error`, `check_chat_access`) and
//! <https://github.com/tdlib/td> (`MessagesManager.cpp`: `process_send_message_fail_error`; `MessageContent.cpp`:
//! `can_send_message_content`); names in capitals are the errors of Telegram behind it, which come as they are.

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;

use crate::message::delivery::{Class, Scope};
use crate::provider::reply::{lenient, retry_after};

/// What a refusal says to programs.
#[derive(Default, Deserialize)]
pub(super) struct Parameters {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) retry_after: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) migrate_to_chat_id: Option<i64>,
}

/// What there is in the description of a 400 that is about the bot: moved to another server by `logOut`, or frozen.
const ABOUT_THE_BOT: [&str; 3] = ["logged out", "frozen_method_invalid", "unauthorized"];

/// The same for one that is about the chat.
const ABOUT_THE_CHAT: [&str; 27] = [
    "chat not found",
    "user not found",
    "chat_id",
    "chat identifier",
    "peer_id_invalid",
    "channel_invalid",
    "channel_private",
    "chat_restricted",
    "chat_write_forbidden",
    "chat_admin_required",
    "chat_guest_send_forbidden",
    "chat_send_",
    "user_is_blocked",
    "user_is_bot",
    "user_bot_invalid",
    "user_deleted",
    "user_deactivated",
    "privacy_premium_required",
    "allow_payment_required",
    "group chat was",
    "chat is deactivated",
    "can't access the chat",
    "have no write access",
    "have no rights",
    "not enough rights",
    "need administrator rights",
    "can't initiate conversation",
];

/// The same for one that is about the topic: it is deleted, or closed for who is no administrator.
const ABOUT_THE_TOPIC: [&str; 5] =
    ["message thread not found", "topic_closed", "topic_deleted", "can't access the topic", "topic_id_invalid"];

/// The same for one that is about the marks in a text.
const ABOUT_THE_MARKS: [&str; 2] = ["can't parse entities", "entity_bounds_invalid"];

fn has(description: &str, words: &[&str]) -> bool {
    words.iter().any(|words| description.contains(words))
}

/// Whether a topic is not there, or not for the bot. `description` in small letters, as below.
pub(super) fn is_about_topic(description: &str) -> bool {
    has(description, &ABOUT_THE_TOPIC)
}

/// Whether the marks in a text can't be read.
pub(super) fn is_about_marks(description: &str) -> bool {
    has(description, &ABOUT_THE_MARKS)
}

/// Whether it is about what goes along with a text: a text without it may be let pass.
pub(super) fn is_about_media(class: Class, description: &str) -> bool {
    class == Class::Content || has(description, &["not enough rights to send", "_forbidden"])
}

/// Who must act on a refusal.
pub(super) fn classify(code: u16, description: &str, parameters: &Parameters, headers: &HeaderMap) -> Class {
    match code {
        // 404 is the answer to a token that names no bot; 421 is that of a server that is for other bots.
        401 | 404 | 421 => Class::Account,
        // Blocked by the user, kicked out of the group, or the user's account is gone.
        403 => Class::Recipient,
        // Nothing says whether a chat is full or the bot has sent too much to all. Mostly it is a group; and where it is all
        // of them, each is told so at its next message.
        420 | 429 => {
            let after = parameters.retry_after.map(Duration::from_secs).or_else(|| retry_after(headers));
            Class::Wait { scope: Scope::Recipient, after }
        }
        400 if has(description, &ABOUT_THE_BOT) => Class::Account,
        400 if parameters.migrate_to_chat_id.is_some() => Class::Recipient,
        400 if has(description, &ABOUT_THE_CHAT) || is_about_topic(description) => Class::Recipient,
        // 409: somebody else asks for the bot's news, too. It hinders no sending.
        409 | 500..=599 => Class::Fault,
        _ => Class::Content,
    }
}
