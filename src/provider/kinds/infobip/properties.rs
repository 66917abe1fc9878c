//! An account at Infobip as it is written.

use data_encoding::BASE64;
use http::HeaderValue;

use super::callback::Webhook;
use super::channel::{Channel, digits};
use crate::node::Shape::{self, Text, Words};
use crate::node::{Node, Property, Reader, needed, property, usual};
use crate::provider::account;
use crate::provider::named_template::{self, Template};
use crate::secret::Secret;

#[derive(Default)]
pub(super) struct Properties {
    api_key: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    channel: Option<Channel>,
    from: Option<String>,
    template: Option<Template>,
}

pub(super) const PROPERTIES: &[Property<Properties>] = &[
    property("api-key", Shape::Secret, "The API key, from Infobip's portal.", |p, node, reader| {
        p.api_key = reader.secret(node)
    }),
    property("username", Text, "Who logs in, where there is no API key.", |p, node, reader| {
        p.username = reader.text(node)
    }),
    property("password", Shape::Secret, "Their password.", |p, node, reader| p.password = reader.secret(node)),
    usual("channel", Words(channels), "whatsapp", "What the messages go by: whatsapp or sms.", |p, node, reader| {
        p.channel = channel(node, reader)
    }),
    needed("from", Text, "Who writes: the sender's number; for sms a name, too.", |p, node, reader| {
        p.from = reader.text(node)
    }),
    Property {
        about: named_template::ABOUT,
        read: |p, node, reader| p.template = named_template::read(node, "Infobip's portal", reader),
    },
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

/// What an account is made of.
pub(super) struct Settings {
    pub(super) base_url: String,
    pub(super) authorization: HeaderValue,
    pub(super) channel: Channel,
    pub(super) from: String,
    pub(super) template: Option<Template>,
    pub(super) webhook: Webhook,
}

/// Reads an account and says what of it can't be.
pub(super) fn read(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Settings> {
    let earlier = reader.findings.len();
    let Properties { api_key, username, password, channel, from, template } = account::own(node, PROPERTIES, reader)?;
    if reader.findings.len() > earlier {
        return None;
    }
    let channel = channel.unwrap_or(Channel::WhatsApp);
    let Some(from) = from.map(|from| sender(&from)).filter(|from| !from.is_empty()) else {
        return reader.wrong(&node.place, "no \"from\": the number or the name that the messages come from");
    };
    let login = match (api_key, username, password) {
        (Some(key), None, None) => format!("App {}", key.expose()),
        (None, Some(name), Some(password)) => {
            let login = BASE64.encode(format!("{name}:{}", password.expose()).as_bytes());
            format!("Basic {login}")
        }
        _ => {
            let either = "expected either \"api-key\", or \"username\" and \"password\": who logs in";
            return reader.wrong(&node.place, either);
        }
    };
    let Ok(mut authorization) = HeaderValue::from_str(&login) else {
        return reader.wrong(&node.place, "the secret has a line break or another character that no key has");
    };
    authorization.set_sensitive(true);
    match (&template, channel) {
        (None, Channel::WhatsApp) => named_template::warn_of_none(node, reader),
        (Some(_), Channel::Sms) => {
            return reader.wrong(&node.place, "only the channel \"whatsapp\" has an \"approved-template\"");
        }
        _ => {}
    }
    let webhook = Webhook { channel, from: from.clone() };
    Some(Settings { base_url: base_url.to_owned(), authorization, channel, from, template, webhook })
}

/// Numbers are digits for Infobip; names are what they are.
fn sender(from: &str) -> String {
    let is_number = from.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')'));
    if is_number { digits(from) } else { from.to_owned() }
}
