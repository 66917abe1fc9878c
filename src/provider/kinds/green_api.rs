//! `green-api`: GREEN-API's WhatsApp gateway, <https://green-api.com/en/docs/api/>.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;

use self::api::Api;
use self::instance::Notifications;
use self::message::{Caption, Part, TEXT_CHARACTERS};
use self::news::Ear;
use self::receiving::{Polling, Webhook};
use self::template::Template;
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::message::media::{MediaKind, MediaSource};
use crate::node::{Node, Property, Reader, Shape, needed, property, rows, usual};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears, MediaLimit};
use crate::provider::poll::Poll;
use crate::provider::probe::Inquiry;
use crate::provider::reply::{final_as_template, lenient, no_template};
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, account};
use crate::secret::Secret;

mod api;
mod errors;
mod instance;
mod message;
mod news;
mod receiving;
mod template;

/// The row of the table. An instance takes 50 requests a second, and sends two messages of them at most, for it waits half
/// a second or more after each (`delaySendMessagesMilliseconds`). What would stand in its queue stands in ours: there the
/// urgent go first.
pub(super) const KIND: Kind = Kind {
    name: "green-api",
    limits: Limits { rate: Some(Rate::per(2, Duration::from_secs(1))), ..Limits::NONE },
    can: Capabilities {
        text: Some(TEXT_CHARACTERS),
        template: true,
        media: Cow::Borrowed(&MEDIA),
        reports: Hears::Both,
        inbound: Hears::Both,
    },
    help: "GREEN-API: WhatsApp by a phone's own account, or by the WhatsApp Business API.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: BASE_URL, open },
};

/// Where instances are that have no host of their own.
const BASE_URL: &str = "https://api.green-api.com";

/// Where those upload files.
const MEDIA_URL: &str = "https://media.green-api.com";

const MEDIA: [MediaLimit; 4] = [
    MediaLimit::new(MediaKind::Image, &[], FILE),
    MediaLimit::new(MediaKind::Video, &[], FILE),
    MediaLimit::new(MediaKind::Audio, &[], FILE),
    MediaLimit::new(MediaKind::Document, &[], FILE),
];

const FILE: u64 = 100 * 1024 * 1024;

/// The words of `notifications`.
const NOTIFICATIONS: [(&str, Notifications); 2] =
    [("callback", Notifications::Callback), ("poll", Notifications::Poll)];

#[derive(Default)]
struct Properties {
    instance: Option<String>,
    token: Option<Secret>,
    media_url: Option<String>,
    notifications: Option<Notifications>,
    webhook_tokens: Vec<Secret>,
    template: Option<Template>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("instance-id", Shape::Pattern("^[0-9]+$"), "The idInstance that the console shows.", |p, node, reader| {
        p.instance = instance_id(node, reader)
    }),
    needed("api-token", Shape::Secret, "The apiTokenInstance that the console shows.", |p, node, reader| {
        p.token = api_token(node, reader)
    }),
    property(
        "media-url",
        Shape::Pattern("^https?://[^/@?#]+(/[^?#]*)?$"),
        "Where files are uploaded: the console's mediaUrl. Default: the base-url with \"media\" for \"api\" in its name.",
        |p, node, reader| p.media_url = account::base_url(node, reader),
    ),
    usual(
        "notifications",
        Shape::Words(|| NOTIFICATIONS.iter().map(|(word, _)| *word).collect()),
        "callback",
        "How news comes: the instance calls us, or we ask it, as a host must that nobody can call.",
        |p, node, reader| p.notifications = notifications(node, reader),
    ),
    property(
        "webhook-token",
        Shape::OneOrMore(&Shape::Secret),
        "The webhookUrlToken that the instance shows when it calls; `hookbell accounts setup` tells it the first.",
        |p, node, reader| p.webhook_tokens = reader.one_or_more(node, Reader::secret),
    ),
    property(
        "approved-template",
        Shape::Object(template::TABLE),
        "For instances of the WhatsApp Business API: the template that Meta approved, as which a message goes out while \
         the recipient has not written within 24 hours.",
        |p, node, reader| p.template = template::read(node, reader),
    ),
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { instance, token, media_url, notifications, webhook_tokens, template } =
        account::own(node, PROPERTIES, reader)?;
    let (Some(instance), Some(token)) = (instance.clone(), token) else {
        if reader.findings.len() == earlier {
            let missing = if instance.is_none() { "instance-id" } else { "api-token" };
            reader.error(&node.place, format!("no \"{missing}\": the console shows it, https://console.green-api.com"));
        }
        return None;
    };
    let notifications = notifications.unwrap_or(Notifications::Callback);
    if notifications == Notifications::Poll && !webhook_tokens.is_empty() {
        reader.warn(&node.place, "the instance is asked and never calls: \"webhook-token\" is of no use");
    }
    let ear = Ear { instance: instance.clone(), has_window: template.is_some() };
    let media_url = media_url.unwrap_or_else(|| media_host(base_url));
    let api = Api { base_url: base_url.to_owned(), media_url, instance, token };
    let setup_token = webhook_tokens.first().cloned();
    let receiving = match notifications {
        Notifications::Callback => Receiving::Callback(Webhook { ear, tokens: webhook_tokens }),
        Notifications::Poll => Receiving::Poll(Polling { ear, api: api.clone() }),
    };
    let takes = ["whatsapp", "phone", "whatsapp-group"].map(AddressKind::new).to_vec();
    let provider = GreenApi { api, template, notifications, setup_token, receiving };
    Some(Opened { takes: Takes::Kinds(takes), provider: Box::new(provider) })
}

fn instance_id(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let id = reader.text(node)?;
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) {
        return Some(id);
    }
    reader.wrong(&node.place, "expected digits only: the console's idInstance")
}

fn api_token(node: &Node, reader: &mut Reader<'_>) -> Option<Secret> {
    let token = reader.secret(node)?;
    // It stands in the path of the URL: nothing but these characters may be in it.
    if token.expose().chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Some(token);
    }
    reader.wrong(&node.place, "not an instance's token: that has letters and digits only")
}

/// An instance's own host is called `7103.api.greenapi.com`, and has another for files beside it.
fn media_host(base_url: &str) -> String {
    match base_url.split_once("api.") {
        _ if base_url == BASE_URL => MEDIA_URL.to_owned(),
        Some((before, after)) if before.ends_with(['.', '/']) => format!("{before}media.{after}"),
        _ => base_url.to_owned(),
    }
}

fn notifications(node: &Node, reader: &mut Reader<'_>) -> Option<Notifications> {
    let text = reader.text(node)?;
    match NOTIFICATIONS.iter().find(|(word, _)| *word == text) {
        Some((_, meant)) => Some(*meant),
        None => reader.wrong(&node.place, "expected \"callback\" or \"poll\""),
    }
}

struct GreenApi {
    api: Api,
    template: Option<Template>,
    notifications: Notifications,
    setup_token: Option<Secret>,
    receiving: Receiving,
}

enum Receiving {
    Callback(Webhook),
    Poll(Polling),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default, deserialize_with = "lenient")]
    id_message: Option<String>,
}

impl Provider for GreenApi {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let parts = self.parts(out)?;
        let is_captioned = matches!(parts.as_slice(), [Part::File(_, Caption::TheText)]);
        match answers {
            [] => self.ask_for(out, parts.first()),
            [first] => match self.taken(first) {
                // The text must not be lost with a file that nobody can take.
                Err(error) if is_captioned && error.class == Class::Content => self.ask_for(out, Some(&Part::Text)),
                Err(error) => Err(final_as_template(error, self.template_for(out).is_some())),
                Ok(_) if parts.len() > 1 => self.ask_for(out, parts.get(1)),
                Ok(receipt) => Ok(Next::Done(Receipt { advice: self.left_out(out), ..receipt })),
            },
            [first, second, ..] => match (self.taken(first), self.taken(second)) {
                (Ok(receipt), Ok(_)) => Ok(Next::Done(receipt)),
                // To try all of it again for the file's sake would repeat the text.
                (Ok(receipt), Err(error)) | (Err(error), Ok(receipt)) => {
                    let advice = Some(format!("the text was sent, but not the file: {error}"));
                    Ok(Next::Done(Receipt { advice, ..receipt }))
                }
                (Err(_), Err(error)) => Err(error),
            },
        }
    }

    fn probe(&self, _: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        instance::probe(&self.api, self.notifications, answers)
    }

    fn setup(&self, url: &Secret, answers: &[Answer]) -> Result<Probe, SendError> {
        instance::setup(&self.api, self.notifications, url, self.setup_token.as_ref(), answers)
    }

    fn callback(&self) -> Option<&dyn Callback> {
        match &self.receiving {
            Receiving::Callback(webhook) => Some(webhook),
            Receiving::Poll(_) => None,
        }
    }

    fn poll(&self) -> Option<&dyn Poll> {
        match &self.receiving {
            Receiving::Poll(polling) => Some(polling),
            Receiving::Callback(_) => None,
        }
    }
}

impl GreenApi {
    /// What goes out, a message each.
    fn parts<'a>(&'a self, out: &'a Outgoing) -> Result<Vec<Part<'a>>, SendError> {
        if let Some(template) = self.template_for(out) {
            return Ok(vec![Part::Template(template)]);
        }
        if out.form == Form::Template {
            return Err(no_template());
        }
        let has_text = out.title.is_some() || !out.text.trim().is_empty();
        Ok(match out.media.as_deref() {
            None => vec![Part::Text],
            // A caption is shown below pictures only; beside any other file the text is a message of its own, and the first.
            Some(media) if matches!(media.kind, MediaKind::Image | MediaKind::Video) && has_text => {
                vec![Part::File(media, Caption::TheText)]
            }
            Some(media) if has_text => vec![Part::Text, Part::File(media, Caption::Nothing)],
            Some(media) => vec![Part::File(media, Caption::Nothing)],
        })
    }

    fn ask_for(&self, out: &Outgoing, part: Option<&Part<'_>>) -> Result<Next, SendError> {
        match part {
            Some(part) => part.request(&self.api, out).map(Next::Ask),
            None => Ok(Next::Done(Receipt::default())),
        }
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.template.as_ref().filter(|_| out.wants_template())
    }

    /// A template brings no file: its link goes within the text, but its bytes can't.
    fn left_out(&self, out: &Outgoing) -> Option<String> {
        let is_bytes = out.media.as_ref().is_some_and(|media| matches!(media.source, MediaSource::Bytes(_)));
        let is_left_out = is_bytes && self.template_for(out).is_some();
        is_left_out.then(|| "the file was left out: the recipient has not written within 24 hours".to_owned())
    }

    /// The receipt of one message: it stands in the instance's queue.
    fn taken(&self, answer: &Answer) -> Result<Receipt, SendError> {
        match (self.api.read::<Reply>(answer)?, answer) {
            (Reply { id_message: None }, Answer::Http { status, headers, body }) => {
                Err(errors::refused(*status, headers, body))
            }
            (Reply { id_message: id }, _) => Ok(Receipt { id, advice: None }),
        }
    }
}
