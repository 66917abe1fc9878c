//! A Telegram chat, as contacts have it: `123456789`, `-1001234567890`, `@name`, each perhaps with a topic: `@name/15`.

use serde::Serialize;

/// A chat, or a topic in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chat<'a> {
    /// The chat.
    pub id: ChatId<'a>,
    /// The number of a topic, where the group has topics. None for the one called General: Telegram knows no messages to
    /// its number, which is 1 (telegram-bot-api, Client.cpp, `check_message_topic`).
    pub topic: Option<i64>,
}

/// What a chat is called by the Bot API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ChatId<'a> {
    /// A person has a number above zero, a group or channel one below.
    Number(i64),
    /// The name of a public group or channel, with its `@`.
    Name(&'a str),
}

/// The topic that every group with topics has.
const GENERAL: i64 = 1;

impl<'a> Chat<'a> {
    /// Reads an address. The error says how to write it right.
    pub fn read(text: &'a str) -> Result<Chat<'a>, String> {
        if let Some((_, path)) = text.split_once("t.me/") {
            return Err(link(path));
        }
        let (chat, topic) = text.split_once('/').map_or((text, None), |(chat, topic)| (chat, Some(topic)));
        let topic = match topic.map(str::parse) {
            None => None,
            Some(Ok(GENERAL)) => None,
            Some(Ok(number)) if number > GENERAL => Some(number),
            Some(_) => {
                return Err(format!("\"{text}\": what stands after the slash is a topic's number, as in {chat}/15"));
            }
        };
        let is_name = |name: &str| {
            (4..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match (chat.parse(), chat.strip_prefix('@')) {
            _ if chat.starts_with('+') => {
                Err(format!("\"{text}\" is a phone number: a bot writes to a chat's number, which it tells in its log"))
            }
            (Ok(0), _) => Err("no chat has the number 0".to_owned()),
            (Ok(number), _) => Ok(Chat { id: ChatId::Number(number), topic }),
            (_, Some(name)) if is_name(name) => Ok(Chat { id: ChatId::Name(chat), topic }),
            (Err(_), None) if is_name(chat) => Err(format!(
                "\"{text}\" is no chat: write @{text} for a public group or channel, or a chat's number (a person has no \
                 other)"
            )),
            _ => Err(format!("\"{text}\" is no chat: write its number, as in -1001234567890, or a public @name")),
        }
    }
}

/// What to write instead of a link to a message or a group.
fn link(path: &str) -> String {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let address = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        // Of a private one: `t.me/c/1234567890/15/77`, where the last is a message.
        (Some("c"), Some(id), Some(topic), Some(_)) => format!("-100{id}/{topic}"),
        (Some("c"), Some(id), ..) => format!("-100{id}"),
        (Some(name), Some(topic), Some(_), _) => format!("@{name}/{topic}"),
        (Some(name), ..) if !name.starts_with('+') => format!("@{name}"),
        _ => return "an invitation is no address: write the chat's number, as in -1001234567890".to_owned(),
    };
    format!("a link is no address: write {address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_are_read_as_people_write_them() {
        let number = |number| ChatId::Number(number);
        for (text, id, topic) in [
            ("123456789", number(123_456_789), None),
            ("-1001234567890", number(-1_001_234_567_890), None),
            ("-1001234567890/15", number(-1_001_234_567_890), Some(15)),
            ("-1001234567890/1", number(-1_001_234_567_890), None),
            ("@ops_alarms", ChatId::Name("@ops_alarms"), None),
            ("@ops_alarms/7", ChatId::Name("@ops_alarms"), Some(7)),
        ] {
            assert_eq!(Chat::read(text), Ok(Chat { id, topic }), "{text}");
        }
    }

    #[test]
    fn what_is_no_chat_is_told_how_to_write_it() {
        for (text, words) in [
            ("+79001234567", "is a phone number"),
            ("ivan", "write @ivan for a public group"),
            ("0", "the number 0"),
            ("", "is no chat"),
            ("Ops team", "is no chat"),
            ("@иван", "is no chat"),
            ("-100123/x", "as in -100123/15"),
            ("@ops/-5", "a topic's number"),
            ("https://t.me/c/1234567890/15", "write -1001234567890"),
            ("https://t.me/c/1234567890/15/77", "write -1001234567890/15"),
            ("https://t.me/ops_alarms/15/77", "write @ops_alarms/15"),
            ("t.me/ops_alarms", "write @ops_alarms"),
            ("https://t.me/+AbCd", "an invitation"),
        ] {
            let why = Chat::read(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
