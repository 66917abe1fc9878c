//! An account at Vonage as it is written.

use super::callback::{Webhook, key};
use super::channel::{Channel, digits};
use super::login::Login;
use crate::node::Shape::{self, OneOrMore, Pattern, Text, Words};
use crate::node::{Node, Property, Reader, needed, property, usual};
use crate::provider::account;
use crate::provider::named_template::{self, Template};
use crate::secret::Secret;

#[derive(Default)]
pub(super) struct Properties {
    application: Option<String>,
    private_key: Option<Secret>,
    api_key: Option<String>,
    api_secret: Option<Secret>,
    channel: Option<Channel>,
    from: Option<String>,
    template: Option<Template>,
    signature_secrets: Vec<Secret>,
}

pub(super) const PROPERTIES: &[Property<Properties>] = &[
    property(
        "application-id",
        Pattern("^[0-9A-Fa-f-]{36}$"),
        "The application that sends, a UUID; it logs in by its private key.",
        |p, node, reader| p.application = uuid(node, reader),
    ),
    property(
        "private-key",
        Shape::Secret,
        "The application's private key, in PEM: what stands in its private.key.",
        |p, node, reader| p.private_key = reader.secret(node),
    ),
    property(
        "api-key",
        Text,
        "The account's key: it logs in with its secret where there is no application. Vonage then reports nothing.",
        |p, node, reader| p.api_key = reader.text(node),
    ),
    property("api-secret", Shape::Secret, "The secret of the account's key.", |p, node, reader| {
        p.api_secret = reader.secret(node)
    }),
    usual(
        "channel",
        Words(channels),
        "whatsapp",
        "What the messages go by: whatsapp, sms, viber or messenger.",
        |p, node, reader| p.channel = channel(node, reader),
    ),
    needed(
        "from",
        Text,
        "Who writes: the number; for sms a name, too; for viber and messenger the id that Vonage shows.",
        |p, node, reader| p.from = reader.text(node),
    ),
    Property {
        about: named_template::ABOUT,
        read: |p, node, reader| p.template = named_template::read(node, "Meta's WhatsApp Manager", reader),
    },
    property(
        "signature-secret",
        OneOrMore(&Shape::Secret),
        "The account's signature secret, with which Vonage signs its calls.",
        |p, node, reader| p.signature_secrets = reader.one_or_more(node, Reader::secret),
    ),
];

fn channels() -> Vec<&'static str> {
    Channel::ALL.iter().map(|(word, _, _)| *word).collect()
}

fn channel(node: &Node, reader: &mut Reader<'_>) -> Option<Channel> {
    let text = reader.text(node)?;
    match Channel::ALL.iter().find(|(word, _, _)| *word == text) {
        Some((_, _, channel)) => Some(*channel),
        None => reader.wrong(&node.place, format!("expected one of {}", channels().join(", "))),
    }
}

fn uuid(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let id = reader.text(node)?;
    if id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Some(id);
    }
    reader.wrong(&node.place, "expected an application's id: a UUID such as 6c0f1e2d-0b1a-4c5d-8e9f-0123456789ab")
}

/// What an account is made of.
pub(super) struct Settings {
    pub(super) url: String,
    pub(super) base_url: String,
    pub(super) login: Login,
    pub(super) channel: Channel,
    pub(super) from: String,
    pub(super) template: Option<Template>,
    pub(super) webhook: Webhook,
}

/// Reads an account and says what of it can't be.
pub(super) fn read(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Settings> {
    let earlier = reader.findings.len();
    let Properties { application, private_key, api_key, api_secret, channel, from, template, signature_secrets } =
        account::own(node, PROPERTIES, reader)?;
    if reader.findings.len() > earlier {
        return None;
    }
    let channel = channel.unwrap_or(Channel::WhatsApp);
    let Some(from) = from.map(|from| sender(channel, &from)).filter(|from| !from.is_empty()) else {
        return reader.wrong(&node.place, "no \"from\": the number, name or id that the messages come from");
    };
    let login = match (application, private_key, api_key, api_secret) {
        (Some(id), Some(key), None, None) => match Login::application(id, &key) {
            Ok(login) => login,
            Err(why) => return reader.wrong(&node.place, format!("\"private-key\": {why}")),
        },
        (None, None, Some(key), Some(secret)) => match Login::basic(&key, &secret) {
            Some(login) => login,
            None => return reader.wrong(&node.place, "\"api-secret\" has a character that none of Vonage's has"),
        },
        _ => {
            let either =
                "expected \"application-id\" and \"private-key\", or \"api-key\" and \"api-secret\": who logs in";
            return reader.wrong(&node.place, either);
        }
    };
    match (&template, channel) {
        (None, Channel::WhatsApp) => named_template::warn_of_none(node, reader),
        (Some(_), Channel::Sms | Channel::Viber | Channel::Messenger) => {
            return reader.wrong(&node.place, "only the channel \"whatsapp\" has an \"approved-template\"");
        }
        _ => {}
    }
    let signatures = signature_secrets.iter().map(key).collect();
    let webhook = Webhook { channel, from: from.clone(), signatures };
    let (url, base_url) = (format!("{base_url}/v1/messages"), base_url.to_owned());
    Some(Settings { url, base_url, login, channel, from, template, webhook })
}

/// Numbers are digits for Vonage; names and ids are what they are.
fn sender(channel: Channel, from: &str) -> String {
    let is_number = from.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')'));
    if is_number && matches!(channel, Channel::WhatsApp | Channel::Sms) { digits(from) } else { from.to_owned() }
}
