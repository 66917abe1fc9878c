//! `wazzup`: Wazzup's public API v3, <https://wazzup24.com/help/api-en/>.

use std::borrow::Cow;
use std::time::Duration;

use http::header::HeaderValue;
use http::{Method, StatusCode};
use serde::Deserialize;

use self::api::Api;
use self::callback::Webhook;
use self::errors::{Fault, refused};
use self::message::{Content, Message};
use self::template::{Template, uuid};
use self::transport::{TEXT_CHARACTERS, Transport};
use crate::account::{Limits, Rate, Takes};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::message::delivery::{Form, Receipt, SendError};
use crate::message::media::{MediaKind, MediaSource};
use crate::node::{Node, Property, Reader, Shape, needed, property, rows, usual};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears, MediaLimit};
use crate::provider::markup::render_within;
use crate::provider::probe::Inquiry;
use crate::provider::reply::{final_as_template, lenient, no_template};
use crate::provider::text::with_title;
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, account};
use crate::secret::Secret;

mod api;
mod callback;
mod channel;
mod errors;
mod message;
mod template;
mod transport;

/// The row of the table. The limit is Wazzup's: 500 requests in five seconds, of all sorts; a share of it is left to what
/// else the key is for.
pub(super) const KIND: Kind = Kind {
    name: "wazzup",
    limits: Limits { rate: Some(Rate::per(50, Duration::from_secs(1))), ..Limits::NONE },
    can: Capabilities {
        text: Some(TEXT_CHARACTERS),
        template: true,
        media: Cow::Borrowed(&MEDIA),
        reports: Hears::Callback,
        inbound: Hears::Callback,
    },
    help: "Wazzup: WhatsApp, Telegram and Viber by the channels of an account there.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.wazzup24.com", open },
};

/// `contentUri` is fetched at once, and may lead to so many bytes.
const MEDIA: [MediaLimit; 4] = [
    MediaLimit::linked(MediaKind::Image, &[], FILE),
    MediaLimit::linked(MediaKind::Video, &[], FILE),
    MediaLimit::linked(MediaKind::Audio, &[], FILE),
    MediaLimit::linked(MediaKind::Document, &[], FILE),
];

const FILE: u64 = 10 * 1024 * 1024;

#[derive(Default)]
struct Properties {
    api_key: Option<HeaderValue>,
    channel_id: Option<String>,
    transport: Option<Transport>,
    template: Option<Template>,
    crm_user: Option<String>,
    crm_keys: Vec<Secret>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("api-key", Shape::Secret, "The key of the API, from Wazzup's cabinet.", |p, node, reader| {
        p.api_key = api_key(node, reader)
    }),
    needed(
        "channel-id",
        Shape::Pattern("^[0-9A-Fa-f-]{36}$"),
        "The channel to send by, a UUID; `hookbell check -online` lists those of the key.",
        |p, node, reader| p.channel_id = uuid(node, "a channel's id", reader),
    ),
    usual(
        "transport",
        Shape::Words(transports),
        "whatsapp",
        "What the channel is: whatsapp, wapi (WhatsApp Business API), tgapi (Telegram), telegram (a bot of it), viber.",
        |p, node, reader| p.transport = transport(node, reader),
    ),
    property(
        "approved-template",
        Shape::Object(template::TABLE),
        "The template that Meta approved: what a message goes out as by a wapi channel while the recipient has not \
         written within 24 hours.",
        |p, node, reader| p.template = template::read(node, reader),
    ),
    property(
        "crm-user-id",
        Shape::Text,
        "The user whose name Wazzup shows as the writer, by the id that the user has in the CRM.",
        |p, node, reader| p.crm_user = reader.text(node),
    ),
    property(
        "crm-key",
        Shape::OneOrMore(&Shape::Secret),
        "The crmKey that Wazzup shows when it calls, where one is set there.",
        |p, node, reader| p.crm_keys = reader.one_or_more(node, Reader::secret),
    ),
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { api_key, channel_id, transport, template, crm_user, crm_keys } =
        account::own(node, PROPERTIES, reader)?;
    let (Some(channel), Some(authorization)) = (&channel_id, api_key) else {
        if reader.findings.len() == earlier {
            let missing = if channel_id.is_none() { "channel-id" } else { "api-key" };
            reader.error(&node.place, format!("no \"{missing}\": Wazzup's cabinet shows it under API"));
        }
        return None;
    };
    let transport = transport.unwrap_or(Transport::WhatsApp);
    match (&template, transport) {
        (None, Transport::Waba) => reader.warn(
            &node.place,
            "no \"approved-template\": plain text reaches only who wrote to this channel within 24 hours",
        ),
        (Some(_), other) if other != Transport::Waba => {
            reader.error(&node.place, "only channels of the transport \"wapi\" have an \"approved-template\"");
        }
        _ => {}
    }
    let webhook = Webhook {
        channel: channel.clone(),
        transport,
        template: template.as_ref().map(|template| template.id.clone()),
        crm_keys,
    };
    let api = Api { base_url: base_url.to_owned(), authorization };
    let takes = Takes::Kinds(transport.kinds());
    let channel = channel.clone();
    Some(Opened { takes, provider: Box::new(Wazzup { api, channel, transport, template, crm_user, webhook }) })
}

fn api_key(node: &Node, reader: &mut Reader<'_>) -> Option<HeaderValue> {
    let key = reader.secret(node)?;
    match HeaderValue::from_str(&format!("Bearer {}", key.expose())) {
        Ok(mut authorization) => {
            authorization.set_sensitive(true);
            Some(authorization)
        }
        Err(_) => reader.wrong(&node.place, "the secret has a line break or another character that no key has"),
    }
}

fn transports() -> Vec<&'static str> {
    Transport::ALL.iter().map(|(word, _)| *word).collect()
}

fn transport(node: &Node, reader: &mut Reader<'_>) -> Option<Transport> {
    let text = reader.text(node)?;
    match Transport::ALL.iter().find(|(word, _)| *word == text) {
        Some((_, transport)) => Some(*transport),
        None => {
            let finding = Diagnostic::error(&node.place, format!("expected one of {}", transports().join(", ")));
            reader.note(Diagnostic { help: did_you_mean(&text, transports()), ..finding })
        }
    }
}

struct Wazzup {
    api: Api,
    channel: String,
    transport: Transport,
    template: Option<Template>,
    crm_user: Option<String>,
    webhook: Webhook,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    #[serde(default, deserialize_with = "lenient")]
    message_id: Option<String>,
}

impl Provider for Wazzup {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let contents = self.contents(out)?;
        let Some(first) = answers.first() else { return Ok(self.ask(out, contents.into_iter().next())) };
        let mut receipt =
            self.taken(first).map_err(|error| final_as_template(error, self.template_for(out).is_some()))?;
        if answers.len() < contents.len() {
            return Ok(self.ask(out, contents.into_iter().nth(answers.len())));
        }
        // The text has gone out: to try all of it again for the file's sake would only repeat it.
        if let Some(Err(error)) = answers.get(1).map(|answer| self.taken(answer)) {
            receipt.advice = Some(format!("the text was sent, but not the file: {error}"));
        }
        Ok(Next::Done(receipt))
    }

    fn probe(&self, _: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        channel::probe(&self.api, &self.channel, self.transport, answers)
    }

    fn setup(&self, url: &Secret, answers: &[Answer]) -> Result<Probe, SendError> {
        channel::setup(&self.api, url, answers)
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.webhook)
    }
}

impl Wazzup {
    /// What goes out, a message each: Wazzup takes a text or a file, never both. The text comes first, for it must not
    /// wait for a file that can't be fetched.
    fn contents<'a>(&'a self, out: &'a Outgoing) -> Result<Vec<Content<'a>>, SendError> {
        let link = out.media.as_ref().and_then(|media| match &media.source {
            MediaSource::Link(link) => Some(link.as_str()),
            MediaSource::Bytes(_) => None,
        });
        if let Some(template) = self.template_for(out) {
            let template_values = template.params.filled(out, template::CHARACTERS)?;
            return Ok(vec![Content::Template { template_id: &template.id, template_values }]);
        }
        if out.form == Form::Template {
            return Err(no_template());
        }
        let whole = with_title(out.title.as_deref(), &out.text);
        let (style, most) = (self.transport.style(), self.transport.most());
        let text = render_within(&whole, out.format, style, most, out.link.as_deref());
        let text = Some(Content::Text { text }).filter(|_| link.is_none() || !whole.trim().is_empty());
        Ok(text.into_iter().chain(link.map(|content_uri| Content::File { content_uri })).collect())
    }

    fn ask(&self, out: &Outgoing, content: Option<Content<'_>>) -> Next {
        let Some(content) = content else { return Next::Done(Receipt::default()) };
        let message = Message {
            channel_id: &self.channel,
            chat: self.transport.chat(&out.address),
            crm_message_id: content.key(&out.key),
            ref_message_id: out.reply_to.as_deref().filter(|_| matches!(content, Content::Text { .. })),
            content,
            crm_user_id: self.crm_user.as_deref(),
            clear_unanswered: false,
        };
        Next::Ask(self.api.send(Method::POST, "message", &message))
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.template.as_ref().filter(|_| out.wants_template())
    }

    /// The receipt of one message. Within a minute Wazzup knows a repetition, and that it has the message; its id is told
    /// by the first status.
    fn taken(&self, answer: &Answer) -> Result<Receipt, SendError> {
        if let Answer::Http { status: StatusCode::BAD_REQUEST, body, .. } = answer
            && serde_json::from_slice(body).is_ok_and(|fault: Fault| fault.is_repetition())
        {
            return Ok(Receipt::default());
        }
        let Reply { message_id: id } = self.api.read(answer)?;
        match (id, answer) {
            (None, Answer::Http { status, headers, body }) => Err(refused(*status, headers, body)),
            (id, _) => Ok(Receipt { id, advice: None }),
        }
    }
}
