//! An account at Twilio as it is written.

use std::time::Duration;

use super::api::{Api, basic, sid};
use super::callback::{Webhook, key};
use super::channel::{Channel, Sender};
use super::template::{self, Template};
use crate::node::Shape::{self, Object, OneOrMore, Pattern, SomeTime, Words};
use crate::node::{Node, Property, Reader, needed, property, usual};
use crate::provider::{account, named_template};
use crate::secret::Secret;

/// `ValidityPeriod` takes so many seconds at most.
const LONGEST: Duration = Duration::from_secs(36_000);

#[derive(Default)]
pub(super) struct Properties {
    account_sid: Option<String>,
    auth_tokens: Vec<Secret>,
    api_key: Option<String>,
    api_secret: Option<Secret>,
    channel: Option<Channel>,
    from: Option<String>,
    service: Option<String>,
    template: Option<Template>,
    validity: Option<u64>,
}

pub(super) const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "account-sid",
        Pattern("^AC[0-9A-Fa-f]{32}$"),
        "The account's SID, from the Console: AC and 32 hexadecimal digits.",
        |p, node, reader| p.account_sid = sid(node, "AC", reader),
    ),
    property(
        "auth-token",
        OneOrMore(&Shape::Secret),
        "The account's auth token: it logs in, where there is no API key, and Twilio signs its calls with it. Two while it \
         is changed, the one that logs in first.",
        |p, node, reader| p.auth_tokens = reader.one_or_more(node, Reader::secret),
    ),
    property(
        "api-key",
        Pattern("^SK[0-9A-Fa-f]{32}$"),
        "The SID of an API key that logs in instead of the auth token.",
        |p, node, reader| p.api_key = sid(node, "SK", reader),
    ),
    property("api-secret", Shape::Secret, "The secret of that API key.", |p, node, reader| {
        p.api_secret = reader.secret(node)
    }),
    usual(
        "channel",
        Words(channels),
        "sms",
        "What the messages go by: sms; mms, which has pictures (United States and Canada only); or whatsapp.",
        |p, node, reader| p.channel = channel(node, reader),
    ),
    property(
        "from",
        Shape::Text,
        "The number to send from, such as +15005550006; for sms a short code or a name, too.",
        |p, node, reader| p.from = from(node, reader),
    ),
    property(
        "messaging-service-sid",
        Pattern("^MG[0-9A-Fa-f]{32}$"),
        "The Messaging Service to send by, instead of one number: MG and 32 hexadecimal digits.",
        |p, node, reader| p.service = sid(node, "MG", reader),
    ),
    property(
        "approved-template",
        Object(template::TABLE),
        "The template that Meta approved: what a message goes out as by whatsapp while the recipient has not written \
         within 24 hours.",
        |p, node, reader| p.template = template::read(node, reader),
    ),
    property(
        "validity",
        SomeTime,
        "How long Twilio may keep a message that it can't send yet, 10h at most. Default: as long as it may.",
        |p, node, reader| p.validity = validity(node, reader),
    ),
];

fn channels() -> Vec<&'static str> {
    Channel::ALL.iter().map(|(word, _)| *word).collect()
}

fn channel(node: &Node, reader: &mut Reader<'_>) -> Option<Channel> {
    let text = reader.text(node)?;
    match Channel::ALL.iter().find(|(word, _)| *word == text) {
        Some((_, channel)) => Some(*channel),
        None => reader.wrong(&node.place, format!("expected one of {}", channels().join(", "))),
    }
}

/// A number without what people write for the eye, or a name of up to eleven letters, digits and blanks.
fn from(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text(node)?;
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
    let digits = number.strip_prefix('+').unwrap_or(&number);
    if (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(number);
    }
    let is_name = (1..=11).contains(&text.len()) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_name && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_' | b'&')) {
        return Some(text);
    }
    reader.wrong(&node.place, "expected a number such as +15005550006, or a name of up to 11 letters and digits")
}

fn validity(node: &Node, reader: &mut Reader<'_>) -> Option<u64> {
    let time = reader.duration(node)?;
    match time.as_secs() {
        1.. if time <= LONGEST => Some(time.as_secs()),
        _ => reader.wrong(&node.place, "Twilio takes from 1s to 10h"),
    }
}

/// What an account is made of.
pub(super) struct Settings {
    pub(super) api: Api,
    pub(super) channel: Channel,
    pub(super) sender: Sender,
    pub(super) template: Option<Template>,
    /// `ValidityPeriod`, in seconds.
    pub(super) validity: Option<u64>,
    pub(super) webhook: Webhook,
}

/// Reads an account and says what of it can't be.
pub(super) fn read(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Settings> {
    let earlier = reader.findings.len();
    let Properties { account_sid, auth_tokens, api_key, api_secret, channel, from, service, template, validity } =
        account::own(node, PROPERTIES, reader)?;
    if reader.findings.len() > earlier {
        return None;
    }
    let Some(account_sid) = account_sid else {
        return reader.wrong(&node.place, "no \"account-sid\": Twilio's Console shows it under Account Info");
    };
    let channel = channel.unwrap_or(Channel::Sms);
    let sender = sender(node, channel, from, service, reader)?;
    let (user, secret) = login(node, &account_sid, &auth_tokens, api_key, api_secret, reader)?;
    let Some(authorization) = basic(&user, &secret) else {
        return reader.wrong(&node.place, "the secret has a character that none of Twilio's has");
    };
    match (&template, channel) {
        (None, Channel::WhatsApp) => named_template::warn_of_none(node, reader),
        (Some(_), Channel::Sms | Channel::Mms) => {
            return reader.wrong(&node.place, "only the channel \"whatsapp\" has an \"approved-template\"");
        }
        _ => {}
    }
    if auth_tokens.is_empty() {
        let unsigned =
            "no \"auth-token\": callbacks are believed by the secret in their path alone, not by Twilio's signature";
        reader.warn(&node.place, unsigned);
    }
    let account = format!("{base_url}/2010-04-01/Accounts/{account_sid}");
    let api = Api { account, authorization };
    let signatures = auth_tokens.iter().map(key).collect();
    let webhook = Webhook { account_sid, channel, sender: sender.clone(), signatures };
    Some(Settings { api, channel, sender, template, validity, webhook })
}

fn sender(
    node: &Node,
    channel: Channel,
    from: Option<String>,
    service: Option<String>,
    reader: &mut Reader<'_>,
) -> Option<Sender> {
    match (from, service) {
        (Some(from), None) if channel == Channel::WhatsApp && !from.starts_with('+') => {
            reader.wrong(&node.place, "\"from\" is a number with a plus and its country's code, for whatsapp")
        }
        (Some(from), None) => Some(Sender::From(from)),
        (None, Some(service)) => Some(Sender::Service(service)),
        _ => reader.wrong(&node.place, "expected either \"from\" or \"messaging-service-sid\": who writes"),
    }
}

/// Who logs in, and with what.
fn login(
    node: &Node,
    account_sid: &str,
    auth_tokens: &[Secret],
    api_key: Option<String>,
    api_secret: Option<Secret>,
    reader: &mut Reader<'_>,
) -> Option<(String, Secret)> {
    match (api_key, api_secret, auth_tokens.first()) {
        (Some(key), Some(secret), _) => Some((key, secret)),
        (None, None, Some(token)) => Some((account_sid.to_owned(), token.clone())),
        (None, None, None) => reader
            .wrong(&node.place, "nothing to log in with: an \"auth-token\", or an \"api-key\" and its \"api-secret\""),
        _ => reader.wrong(&node.place, "an \"api-key\" goes with its \"api-secret\""),
    }
}
