//! `whatsapp-cloud`: Meta's WhatsApp Cloud API, <https://developers.facebook.com/docs/whatsapp/cloud-api>.

use std::borrow::Cow;
use std::time::Duration;

use http::header::HeaderValue;

use self::approved::Wanted;
use self::callback::Webhook;
use self::probe::Asker;
use self::template::Template;
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::SendError;
use crate::message::media::MediaKind;
use crate::node::{Node, Property, Reader, Shape, needed, property, rows, usual};
use crate::provider::callback::{Callback, Sha256};
use crate::provider::capabilities::{Capabilities, Hears, MediaLimit};
use crate::provider::probe::Inquiry;
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, account, named_template};
use crate::secret::Secret;

mod approved;
mod callback;
mod conversation;
mod errors;
mod filled;
mod message;
mod piece;
mod probe;
mod template;

/// The row of the table. The limits are Meta's: 80 messages a second for a number; to one user one in six seconds, of
/// which up to 45 may be borrowed from the future.
pub(super) const KIND: Kind = Kind {
    name: "whatsapp-cloud",
    limits: Limits {
        rate: Some(Rate::per(80, Duration::from_secs(1))),
        per_recipient: Some(Rate::per(1, Duration::from_secs(6)).burst(45)),
        ..Limits::NONE
    },
    can: Capabilities {
        text: Some(TEXT_CHARACTERS),
        template: true,
        media: Cow::Borrowed(&MEDIA),
        reports: Hears::Callback,
        inbound: Hears::Callback,
    },
    help: "Meta's WhatsApp Cloud API.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://graph.facebook.com", open },
};

/// `text.body` takes so many characters.
const TEXT_CHARACTERS: usize = 4096;

/// What Meta takes, <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types>.
const MEDIA: [MediaLimit; 4] = [
    MediaLimit::new(MediaKind::Image, &[Cow::Borrowed("image/jpeg"), Cow::Borrowed("image/png")], 5 * MEGABYTE),
    MediaLimit::new(MediaKind::Video, &[Cow::Borrowed("video/mp4"), Cow::Borrowed("video/3gpp")], 16 * MEGABYTE),
    MediaLimit::new(
        MediaKind::Audio,
        &[
            Cow::Borrowed("audio/aac"),
            Cow::Borrowed("audio/amr"),
            Cow::Borrowed("audio/mpeg"),
            Cow::Borrowed("audio/mp4"),
            Cow::Borrowed("audio/ogg"),
        ],
        16 * MEGABYTE,
    ),
    MediaLimit::new(
        MediaKind::Document,
        &[
            Cow::Borrowed("text/plain"),
            Cow::Borrowed("application/pdf"),
            Cow::Borrowed("application/msword"),
            Cow::Borrowed("application/vnd.ms-excel"),
            Cow::Borrowed("application/vnd.ms-powerpoint"),
            Cow::Borrowed("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            Cow::Borrowed("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            Cow::Borrowed("application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ],
        100 * MEGABYTE,
    ),
];

const MEGABYTE: u64 = 1024 * 1024;

#[derive(Default)]
struct Properties {
    phone_number_id: Option<String>,
    access_token: Option<(Secret, HeaderValue)>,
    api_version: Option<String>,
    template: Option<Template>,
    verify_tokens: Vec<Secret>,
    app_secrets: Vec<Secret>,
    business: Option<String>,
    direct_send: bool,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "phone-number-id",
        Shape::Pattern("^[0-9]+$"),
        "The ID that Meta gave the phone number, not the number itself.",
        |p, node, reader| {
            p.phone_number_id = meta_id(node, "the ID that Meta gave the phone number, not the number itself", reader)
        },
    ),
    needed(
        "access-token",
        Shape::Secret,
        "The access token of a system user; it needs whatsapp_business_messaging.",
        |p, node, reader| p.access_token = access_token(node, reader),
    ),
    usual(
        "api-version",
        Shape::Pattern("^v[0-9]+[.][0-9]+$"),
        "v23.0",
        "The version of the Graph API.",
        |p, node, reader| p.api_version = api_version(node, reader),
    ),
    property(
        "business-account-id",
        Shape::Pattern("^[0-9]+$"),
        "The ID of the WhatsApp Business Account that has the template; only `hookbell check -online` asks it.",
        |p, node, reader| p.business = meta_id(node, "the ID of the WhatsApp Business Account", reader),
    ),
    property(
        "approved-template",
        Shape::Object(template::TABLE),
        "The template that Meta approved: what a message goes out as while the recipient has not written within \
         24 hours.",
        |p, node, reader| p.template = template::read(node, reader),
    ),
    usual(
        "direct-send",
        Shape::Boolean,
        "false",
        "Whether free text goes out as Direct Send while the recipient has not written within 24 hours. Only businesses \
         that Meta let into its beta may; what is refused goes as the approved template.",
        |p, node, reader| p.direct_send = reader.boolean(node).unwrap_or_default(),
    ),
    property(
        "verify-token",
        Shape::OneOrMore(&Shape::Secret),
        "The Verify Token that Meta's App Dashboard asks for when callbacks are set up.",
        |p, node, r| p.verify_tokens = r.one_or_more(node, Reader::secret),
    ),
    property(
        "app-secret",
        Shape::OneOrMore(&Shape::Secret),
        "The app's secret, with which Meta signs its calls.",
        |p, node, r| p.app_secrets = r.one_or_more(node, Reader::secret),
    ),
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties {
        phone_number_id,
        access_token,
        api_version,
        template,
        verify_tokens,
        app_secrets,
        business,
        direct_send,
    } = account::own(node, PROPERTIES, reader)?;
    let (Some(id), Some((token, authorization))) = (&phone_number_id, access_token) else {
        if reader.findings.len() == earlier {
            let missing = if phone_number_id.is_none() { "phone-number-id" } else { "access-token" };
            reader.error(&node.place, format!("no \"{missing}\": Meta's App Dashboard shows it under API Setup"));
        }
        return None;
    };
    if template.is_none() {
        named_template::warn_of_none(node, reader);
    }
    if app_secrets.is_empty() && !verify_tokens.is_empty() {
        reader.warn(
            &node.place,
            "no \"app-secret\": callbacks are believed by the secret in their path alone, not by Meta's signature",
        );
    }
    let version = api_version.as_deref().unwrap_or("v23.0");
    let api = format!("{base_url}/{version}");
    let number = format!("{api}/{id}");
    let takes = Takes::Kinds(vec![AddressKind::new("whatsapp"), AddressKind::new("phone")]);
    let webhook = Webhook {
        phone_number_id: id.clone(),
        verify_tokens,
        signatures: Sha256::new(&app_secrets),
        template: template.as_ref().map(|template| template.name.clone()).unwrap_or_default(),
    };
    let asker = Asker {
        api,
        phone_number_id: id.clone(),
        business,
        token,
        authorization: authorization.clone(),
        template: template.as_ref().map(Wanted::of),
    };
    Some(Opened {
        takes,
        provider: Box::new(WhatsApp { number, authorization, template, direct_send, webhook, asker }),
    })
}

fn meta_id(node: &Node, what: &str, reader: &mut Reader<'_>) -> Option<String> {
    let id = reader.text(node)?;
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) {
        return Some(id);
    }
    reader.wrong(&node.place, format!("expected digits only: {what}"))
}

fn access_token(node: &Node, reader: &mut Reader<'_>) -> Option<(Secret, HeaderValue)> {
    let token = reader.secret(node)?;
    match HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
        Ok(mut authorization) => {
            authorization.set_sensitive(true);
            Some((token, authorization))
        }
        Err(_) => reader.wrong(&node.place, "the secret has a line break or another character that no token has"),
    }
}

fn api_version(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let version = reader.text(node)?;
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    match version.strip_prefix('v').and_then(|numbers| numbers.split_once('.')) {
        Some((major, minor)) if digits(major) && digits(minor) => Some(version),
        _ => reader.wrong(&node.place, "expected a version of the Graph API, such as v23.0"),
    }
}

struct WhatsApp {
    /// The number's node in the API.
    number: String,
    authorization: HeaderValue,
    template: Option<Template>,
    /// Whether free text may go outside of the window.
    direct_send: bool,
    webhook: Webhook,
    asker: Asker,
}

impl Provider for WhatsApp {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        self.next(out, answers)
    }

    fn probe(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        self.asker.next(about, answers)
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.webhook)
    }
}
