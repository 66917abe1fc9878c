//! `telegram`: the Telegram Bot API, <https://core.telegram.org/bots/api>.

use std::borrow::Cow;
use std::time::Duration;

use self::api::Api;
use self::poll::Poller;
use self::probe::Asker;
use self::send::Talk;
use self::updates::Updates;
use self::webhook::Webhook;
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::SendError;
use crate::node::{Node, Property, Reader, Shape, needed, property, rows};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears};
use crate::provider::poll::Poll;
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, account};
use crate::secret::Secret;

mod api;
mod errors;
mod media;
mod poll;
mod probe;
mod send;
mod updates;
mod webhook;

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
    can: Capabilities {
        text: Some(send::TEXT_UNITS),
        media: Cow::Borrowed(media::CARRIED),
        inbound: Hears::Both,
        ..Capabilities::TEXT
    },
    help: "The Telegram Bot API: a bot writes to people, groups, their topics, and channels.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.telegram.org", open },
};

/// The words of `updates`.
const UPDATES: [(&str, Updates); 2] = [("poll", Updates::Poll), ("callback", Updates::Callback)];

#[derive(Default)]
struct Properties {
    bot_token: Option<Secret>,
    updates: Option<Updates>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("bot-token", Shape::Secret, "The bot's token, from @BotFather.", |properties, node, reader| {
        properties.bot_token = bot_token(node, reader)
    }),
    property(
        "updates",
        Shape::Words(|| UPDATES.iter().map(|(word, _)| *word).collect()),
        "How it hears what people write to the bot, and the numbers of their chats: \"poll\" asks Telegram again and \
         again, \"callback\" has Telegram call. Default: not at all.",
        |properties, node, reader| properties.updates = updates(node, reader),
    ),
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { bot_token, updates } = account::own(node, PROPERTIES, reader)?;
    let Some(token) = bot_token else {
        if reader.findings.len() == earlier {
            reader.error(&node.place, "no \"bot-token\": @BotFather gives one");
        }
        return None;
    };
    let api = Api { base_url: base_url.to_owned(), token };
    let provider = Telegram {
        poller: (updates == Some(Updates::Poll)).then(|| Poller::new(api.clone())),
        webhook: (updates == Some(Updates::Callback)).then(|| Webhook::new(api.clone())),
        asker: Asker { api: api.clone(), updates },
        api,
    };
    Some(Opened { takes: Takes::Kinds(vec![AddressKind::new("telegram")]), provider: Box::new(provider) })
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

fn updates(node: &Node, reader: &mut Reader<'_>) -> Option<Updates> {
    let text = reader.text(node)?;
    match UPDATES.iter().find(|(word, _)| *word == text) {
        Some((_, meant)) => Some(*meant),
        None => reader.wrong(&node.place, "expected \"poll\" or \"callback\""),
    }
}

struct Telegram {
    api: Api,
    asker: Asker,
    poller: Option<Poller>,
    webhook: Option<Webhook>,
}

impl Provider for Telegram {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        Talk::about(&self.api, out).next(answers)
    }

    fn probe(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        self.asker.next(about, answers)
    }

    fn within(&mut self, timeout: Duration) {
        if let Some(poller) = &mut self.poller {
            poller.within(timeout);
        }
    }

    fn setup(&self, url: &Secret, answers: &[Answer]) -> Result<Probe, SendError> {
        if let Some(webhook) = &self.webhook {
            return webhook.set(url, answers);
        }
        if self.poller.is_some() {
            return webhook::unset(&self.api, answers);
        }
        let mut learned = Learned::well("it hears nothing");
        learned.error("the account has no \"updates\"", "set it to \"callback\", or to \"poll\"".to_owned());
        Ok(Probe::Done(learned))
    }

    fn callback(&self) -> Option<&dyn Callback> {
        self.webhook.as_ref().map(|webhook| webhook as &dyn Callback)
    }

    fn poll(&self) -> Option<&dyn Poll> {
        self.poller.as_ref().map(|poller| poller as &dyn Poll)
    }
}
