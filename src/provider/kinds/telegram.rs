//! `telegram`: the Telegram Bot API, <https://core.telegram.org/bots/api>.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use self::probe::Asker;
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::{Class, Receipt, Scope, SendError};
use crate::node::{Node, Property, Reader, Shape, needed, rows};
use crate::provider::probe::Inquiry;
use crate::provider::reply::{bare_refusal, lenient, refusal, retry_after};
use crate::provider::text::{cut_utf16, with_title};
use crate::provider::{Answer, HttpRequest, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request, account};
use crate::secret::Secret;

mod probe;

/// The row of the table. The limits are those of <https://core.telegram.org/bots/faq>: about one message a second in
/// one chat, where short bursts are let pass, about thirty a second over all chats, and no more than twenty a minute in
/// one group: a burst of three, and seventeen after it.
pub(super) const KIND: Kind = Kind {
    name: "telegram",
    limits: Limits {
        rate: Some(Rate::per(30, Duration::from_secs(1))),
        per_recipient: Some(Rate::per(1, Duration::from_secs(1)).burst(3)),
        per_group: Some(Rate::per(18, Duration::from_secs(60)).burst(3)),
        ..Limits::NONE
    },
    reports: false,
    help: "The Telegram Bot API: a bot writes to people, groups and channels.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.telegram.org", open },
};

/// `sendMessage` takes so many characters, which Telegram counts as UTF-16 units.
const TEXT_UNITS: usize = 4096;

#[derive(Default)]
struct Properties {
    bot_token: Option<Secret>,
}

const PROPERTIES: &[Property<Properties>] =
    &[needed("bot-token", Shape::Secret, "The bot's token, from @BotFather.", |properties, node, reader| {
        properties.bot_token = bot_token(node, reader)
    })];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { bot_token } = account::own(node, PROPERTIES, reader)?;
    let Some(token) = bot_token else {
        if reader.findings.len() == earlier {
            reader.error(&node.place, "no \"bot-token\": @BotFather gives one");
        }
        return None;
    };
    let takes = Takes::Kinds(vec![AddressKind::new("telegram")]);
    let base_url = base_url.to_owned();
    let asker = Asker { base_url: base_url.clone(), token: token.clone() };
    Some(Opened { takes, provider: Box::new(Telegram { base_url, token, asker }) })
}

fn bot_token(node: &Node, reader: &mut Reader<'_>) -> Option<Secret> {
    let token = reader.secret(node)?;
    // It stands in the path of the URL: nothing but these characters may be in it.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let sound = token.expose().split_once(':').is_some_and(|(bot, rest)| {
        !bot.is_empty() && bot.chars().all(|c| c.is_ascii_digit()) && !rest.is_empty() && rest.chars().all(plain)
    });
    if sound {
        return Some(token);
    }
    reader.wrong(&node.place, "not a bot's token: that looks like 123456789:AAbb… with letters, digits, _ and -")
}

struct Telegram {
    base_url: String,
    token: Secret,
    asker: Asker,
}

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: ChatId<'a>,
    text: String,
    link_preview_options: LinkPreviewOptions,
}

/// A chat's number, or the name of a public channel or group: `@name`.
#[derive(Serialize)]
#[serde(untagged)]
enum ChatId<'a> {
    Number(i64),
    Name(&'a str),
}

#[derive(Serialize)]
struct LinkPreviewOptions {
    is_disabled: bool,
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default, deserialize_with = "lenient")]
    error_code: Option<u16>,
    #[serde(default, deserialize_with = "lenient")]
    description: String,
    #[serde(default, deserialize_with = "lenient")]
    parameters: Parameters,
    #[serde(default, deserialize_with = "lenient")]
    result: Option<SentMessage>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default, deserialize_with = "lenient")]
    retry_after: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    migrate_to_chat_id: Option<i64>,
}

#[derive(Deserialize)]
struct SentMessage {
    #[serde(default, deserialize_with = "lenient")]
    message_id: Option<i64>,
}

impl Provider for Telegram {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let ask = |chat| Ok(Next::Ask(Request::Http(self.ask(out, chat))));
        match answers {
            [first @ Answer::Http { status, headers, body }] => match moved_to(first) {
                Some(chat) => ask(ChatId::Number(chat)),
                None => self.read(*status, headers, body, None),
            },
            [first, .., Answer::Http { status, headers, body }] => self.read(*status, headers, body, moved_to(first)),
            _ => {
                let address = out.address.text.as_str();
                ask(address.parse().map_or(ChatId::Name(address), ChatId::Number))
            }
        }
    }

    fn probe(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        self.asker.next(about, answers)
    }
}

/// The new number of a group that has become a supergroup, out of the refusal that tells it.
fn moved_to(answer: &Answer) -> Option<i64> {
    let Answer::Http { body, .. } = answer else { return None };
    let reply = serde_json::from_slice::<Reply>(body).ok()?;
    reply.parameters.migrate_to_chat_id.filter(|_| !reply.ok)
}

impl Telegram {
    fn ask(&self, out: &Outgoing, chat_id: ChatId<'_>) -> HttpRequest {
        let message = SendMessage {
            chat_id,
            text: cut_utf16(&with_title(out.title.as_deref(), &out.text), TEXT_UNITS),
            link_preview_options: LinkPreviewOptions { is_disabled: true },
        };
        let url = |token: &str| format!("{}/bot{token}/sendMessage", self.base_url);
        HttpRequest {
            method: Method::POST,
            url: Secret::new(url(self.token.expose())),
            shown_url: url("[secret]"),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
            // Texts and numbers can't fail to be written as JSON.
            body: serde_json::to_vec(&message).unwrap_or_default(),
        }
    }

    /// The answer that counts; `moved_to` is the chat that was asked for instead.
    fn read(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        moved_to: Option<i64>,
    ) -> Result<Next, SendError> {
        let advice = moved_to.map(|chat| format!("the group is a supergroup now: write {chat} into the contact"));
        let Ok(reply) = serde_json::from_slice::<Reply>(body) else {
            return Err(bare_refusal(status, headers, body, &self.token));
        };
        if reply.ok {
            let id = reply.result.and_then(|sent| sent.message_id).map(|id| id.to_string());
            return Ok(Next::Done(Receipt { id, advice }));
        }
        let code = reply.error_code.unwrap_or(status.as_u16());
        let mut words = reply.description.clone();
        if let Some(advice) = advice {
            words.push_str(&format!(" ({advice})"));
        }
        Err(refusal(classify(code, &reply, headers), code, &words, &self.token))
    }
}

/// What there is in the descriptions of a 400 that is about the chat. Telegram has no finer codes, and documents no list
/// (source: telegram-bot-api, Client.cpp, `fail_query_with_error`).
const ABOUT_THE_CHAT: [&str; 9] = [
    "chat not found",
    "user not found",
    "chat_id",
    "peer_id_invalid",
    "group chat was",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
];

fn classify(code: u16, reply: &Reply, headers: &HeaderMap) -> Class {
    let description = reply.description.to_lowercase();
    match code {
        // 404 is the answer to a token that names no bot.
        401 | 404 => Class::Account,
        // Blocked by the user, kicked out of the group, or the user's account is gone.
        403 => Class::Recipient,
        // The limit that is met first is the one of a chat.
        429 => {
            let after = reply.parameters.retry_after.map(Duration::from_secs).or_else(|| retry_after(headers));
            Class::Wait { scope: Scope::Recipient, after }
        }
        400 if reply.parameters.migrate_to_chat_id.is_some() => Class::Recipient,
        400 if ABOUT_THE_CHAT.iter().any(|words| description.contains(words)) => Class::Recipient,
        500..=599 => Class::Fault,
        _ => Class::Content,
    }
}
