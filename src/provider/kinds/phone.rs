//! `phone`: an Android phone that fetches what it is to send, and sends it by WhatsApp or SMS.

use std::time::Duration;

use serde_json::json;

use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::Priority;
use crate::message::delivery::{Class, SendError};
use crate::node::{Node, Property, Reader, Shape, needed, rows, usual};
use crate::provider::capabilities::{Capabilities, Hears};
use crate::provider::markup::{self, PLAIN, WHATSAPP};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::pull::{Item, Pull};
use crate::provider::text::with_title;
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request, account};
use crate::secret::Secret;
use crate::url::encode_value;

/// The row of the table. A phone needs some five seconds for a text, and WhatsApp looks askance at a person who writes
/// faster than one.
pub(super) const KIND: Kind = Kind {
    name: "phone",
    limits: Limits { rate: Some(Rate::per(1, Duration::from_secs(6))), ..Limits::NONE },
    can: Capabilities { reports: Hears::Callback, inbound: Hears::Callback, ..Capabilities::TEXT },
    help: "An Android phone that fetches what it is to send, and sends it by WhatsApp or SMS.",
    properties: || rows(PROPERTIES),
    open: Open::Local(open),
};

/// A phone that asks seldom asks every minute.
const SILENT_AFTER: Duration = Duration::from_secs(5 * 60);

/// What the phone sends by.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Channel {
    #[default]
    WhatsApp,
    Sms,
}

const CHANNELS: [(&str, Channel); 2] = [("whatsapp", Channel::WhatsApp), ("sms", Channel::Sms)];

fn channels() -> Vec<&'static str> {
    CHANNELS.iter().map(|(word, _)| *word).collect()
}

#[derive(Default)]
struct Properties {
    tokens: Vec<Secret>,
    channel: Option<Channel>,
    silent_after: Option<Duration>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "token",
        Shape::OneOrMore(&Shape::Secret),
        "What the phone shows when it asks; several while one is changed. A phone each: two accounts never have the same.",
        |properties, node, reader| properties.tokens = reader.one_or_more(node, token),
    ),
    usual(
        "channel",
        Shape::Words(channels),
        "whatsapp",
        "What the phone sends by. It stands in each item.",
        |properties, node, reader| properties.channel = channel(node, reader),
    ),
    usual(
        "silent-after",
        Shape::SomeTime,
        "5m",
        "How long the phone may not ask before it counts as out of order: on-failure hears of it, and other ways are taken.",
        |properties, node, reader| properties.silent_after = silent_after(node, reader),
    ),
];

fn open(node: &Node, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { tokens, channel, silent_after } = account::own(node, PROPERTIES, reader)?;
    if tokens.is_empty() {
        if reader.findings.len() == earlier {
            reader.error(&node.place, "no \"token\": the phone shows it when it asks");
        }
        return None;
    }
    let channel = channel.unwrap_or_default();
    let kinds: &[&str] = match channel {
        Channel::WhatsApp => &["whatsapp", "phone"],
        Channel::Sms => &["phone"],
    };
    let takes = Takes::Kinds(kinds.iter().map(|kind| AddressKind::new(kind)).collect());
    let phone = Phone { tokens, channel, silent_after: silent_after.unwrap_or(SILENT_AFTER) };
    Some(Opened { takes, provider: Box::new(phone) })
}

fn token(reader: &mut Reader<'_>, node: &Node) -> Option<Secret> {
    let token = reader.secret(node)?;
    // It may stand in a URL, typed on a phone.
    if token.expose().len() >= 16 && token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(token);
    }
    reader.wrong(&node.place, "expected 16 characters or more, without blanks: {\"generated\": NAME} makes a good one")
}

fn channel(node: &Node, reader: &mut Reader<'_>) -> Option<Channel> {
    let text = reader.text(node)?;
    match CHANNELS.iter().find(|(word, _)| *word == text) {
        Some((_, channel)) => Some(*channel),
        None => reader.wrong(&node.place, "expected \"whatsapp\" or \"sms\""),
    }
}

/// The shortest silence that means something: a long poll lasts 25 s.
const SHORTEST_SILENCE: Duration = Duration::from_secs(30);

fn silent_after(node: &Node, reader: &mut Reader<'_>) -> Option<Duration> {
    let time = reader.duration(node)?;
    if time >= SHORTEST_SILENCE {
        return Some(time);
    }
    reader.wrong(&node.place, "expected 30s or more: a phone may wait 25 s for an answer")
}

struct Phone {
    tokens: Vec<Secret>,
    channel: Channel,
    silent_after: Duration,
}

impl Provider for Phone {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        match answers {
            [] => Ok(Next::Ask(Request::Offer(self.item(out)))),
            [Answer::Device(said)] => said.clone().outcome(&out.key).map(Next::Done),
            _ => {
                let detail = "only a phone can answer this".to_owned();
                Err(SendError { class: Class::Unknown, code: String::new(), detail })
            }
        }
    }

    fn probe(&self, _: &Inquiry, _: &[Answer]) -> Result<Probe, SendError> {
        Ok(Probe::Done(Learned::well("a phone asks for what it is to send: the daemon knows whether it does")))
    }

    fn pull(&self) -> Option<&dyn Pull> {
        Some(self)
    }
}

impl Pull for Phone {
    fn tokens(&self) -> &[Secret] {
        &self.tokens
    }

    fn silent_after(&self) -> Duration {
        self.silent_after
    }
}

impl Phone {
    /// What the phone is given. Its number is as wa.me wants it: digits, the country's code first.
    fn item(&self, out: &Outgoing) -> Item {
        let style = if self.channel == Channel::WhatsApp { &WHATSAPP } else { &PLAIN };
        let text = markup::render(&with_title(out.title.as_deref(), &out.text), out.format, style);
        let to = out.address.text.trim_start_matches('+');
        let link = format!("https://wa.me/{to}?text={}", encode_value(text.as_bytes()));
        let item = json!({
            "to": to,
            "channel": CHANNELS.iter().find(|(_, channel)| *channel == self.channel).map(|(word, _)| *word),
            "wa_link": (self.channel == Channel::WhatsApp).then_some(link),
            "text": text,
            "priority": priority(out.priority),
            "media": null,
        });
        Item(item.as_object().cloned().unwrap_or_default())
    }
}

/// From 1 to 9, as Android's message gateways count.
fn priority(priority: Priority) -> u8 {
    match priority {
        Priority::High => 9,
        Priority::Normal => 5,
        Priority::Low => 1,
    }
}
