//! `devino`: WhatsApp by Devino Telecom, <https://docs.devino.online/en/http/whatsapp/>.

use std::borrow::Cow;
use std::time::Duration;

use http::header::HeaderValue;

use self::callback::Statuses;
use self::probe::Asker;
use self::template::Template;
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::SendError;
use crate::message::media::MediaKind;
use crate::node::{Node, Property, Reader, Shape, needed, property, rows, usual};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears, MediaLimit};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider, account};
use crate::secret::Secret;

mod callback;
mod conversation;
mod errors;
mod probe;
mod template;

/// The row of the table. Devino documents no rate; WhatsApp's own holds for whoever sends through it: to one user one
/// message in six seconds, of which up to 45 may be borrowed from the future.
pub(super) const KIND: Kind = Kind {
    name: "devino",
    limits: Limits { per_recipient: Some(Rate::per(1, Duration::from_secs(6)).burst(45)), ..Limits::NONE },
    can: Capabilities {
        text: Some(OLDER_CHARACTERS),
        template: true,
        media: Cow::Borrowed(&MEDIA),
        reports: Hears::Callback,
        inbound: Hears::Callback,
    },
    help: "WhatsApp by Devino Telecom.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.devino.online", open },
};

/// A text has so many characters by the older manual,
const OLDER_CHARACTERS: usize = 1000;

/// and so many by the one of version 0.2.0.
const NEWER_CHARACTERS: usize = 4096;

/// What Devino carries, all by link. The manual takes pictures up to 16 MB, but its status 2303 refuses those of 5 MB;
/// `audio/acc` is how it writes `audio/aac`.
const MEDIA: [MediaLimit; 4] = [
    MediaLimit::linked(MediaKind::Image, &[Cow::Borrowed("image/jpeg"), Cow::Borrowed("image/png")], 5 * MEGABYTE - 1),
    MediaLimit::linked(MediaKind::Video, &[Cow::Borrowed("video/mp4"), Cow::Borrowed("video/3gpp")], 5 * MEGABYTE),
    MediaLimit::linked(
        MediaKind::Audio,
        &[
            Cow::Borrowed("audio/aac"),
            Cow::Borrowed("audio/acc"),
            Cow::Borrowed("audio/mp4"),
            Cow::Borrowed("audio/amr"),
            Cow::Borrowed("audio/mpeg"),
            Cow::Borrowed("audio/ogg"),
        ],
        16 * MEGABYTE,
    ),
    MediaLimit::linked(MediaKind::Document, &[], 100 * MEGABYTE),
];

const MEGABYTE: u64 = 1024 * 1024;

/// Which of Devino's two manuals holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Manual {
    #[default]
    Older,
    Newer,
}

/// The words of `manual`.
const MANUALS: [(&str, Manual); 2] = [("older", Manual::Older), ("0.2.0", Manual::Newer)];

#[derive(Default)]
struct Properties {
    api_key: Option<HeaderValue>,
    from: Option<String>,
    manual: Manual,
    validity: Option<Duration>,
    template: Option<Template>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("api-key", Shape::Secret, "The API key, from Devino's personal account.", |p, node, reader| {
        p.api_key = api_key(node, reader)
    }),
    needed("from", Shape::Text, "The sender's name or number that Devino gave you.", |p, node, reader| {
        p.from = sender(node, reader)
    }),
    usual(
        "manual",
        Shape::Words(manuals),
        "older",
        "Which manual of Devino's holds for the account: a text has 1000 characters by the older one, 4096 by 0.2.0.",
        |p, node, reader| p.manual = manual(node, reader).unwrap_or_default(),
    ),
    property(
        "validity",
        Shape::SomeTime,
        "For how long WhatsApp tries to deliver a template; the older manual knows one day. Default: as Devino has it.",
        |p, node, reader| p.validity = validity(node, reader),
    ),
    property(
        "approved-template",
        Shape::Object(template::TABLE),
        "The template that WhatsApp approved: what a message goes out as while the recipient has not written within \
         24 hours.",
        |p, node, reader| p.template = template::read(node, reader),
    ),
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { api_key, from, manual, validity, template } = account::own(node, PROPERTIES, reader)?;
    let (Some(authorization), Some(from)) = (&api_key, &from) else {
        if reader.findings.len() == earlier {
            let missing = if api_key.is_none() { "api-key" } else { "from" };
            reader.error(&node.place, format!("no \"{missing}\": Devino's personal account shows it"));
        }
        return None;
    };
    if base_url.contains("im.devinotele.com") {
        reader.warn(
            &node.place,
            "the old host im.devinotele.com takes other requests: leave \"base-url\" out, and use an API key",
        );
    }
    if template.is_none() {
        reader.warn(
            &node.place,
            "no \"approved-template\": plain text reaches only who wrote to this sender within 24 hours",
        );
    }
    if template.is_none() && validity.is_some() {
        reader.warn(&node.place, "\"validity\" is for templates: without \"approved-template\" it is of no use");
    }
    let devino = Devino {
        url: format!("{base_url}/whatsapp/messages"),
        authorization: authorization.clone(),
        from: from.clone(),
        manual,
        validity,
        template,
        statuses: Statuses,
        asker: Asker {
            url: format!("{base_url}/billing-api/companies/current/account"),
            authorization: authorization.clone(),
        },
    };
    let takes = Takes::Kinds(vec![AddressKind::new("whatsapp"), AddressKind::new("phone")]);
    Some(Opened { takes, provider: Box::new(devino) })
}

fn api_key(node: &Node, reader: &mut Reader<'_>) -> Option<HeaderValue> {
    let key = reader.secret(node)?;
    match HeaderValue::from_str(&format!("Key {}", key.expose())) {
        Ok(mut authorization) => {
            authorization.set_sensitive(true);
            Some(authorization)
        }
        Err(_) => reader.wrong(&node.place, "the secret has a line break or another character that no key has"),
    }
}

fn sender(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let from = reader.text(node)?;
    if !from.trim().is_empty() {
        return Some(from);
    }
    reader.wrong(&node.place, "expected the sender's name or number that Devino gave you")
}

fn manuals() -> Vec<&'static str> {
    MANUALS.iter().map(|(word, _)| *word).collect()
}

fn manual(node: &Node, reader: &mut Reader<'_>) -> Option<Manual> {
    let text = reader.text(node)?;
    match MANUALS.iter().find(|(word, _)| *word == text) {
        Some((_, manual)) => Some(*manual),
        None => reader.wrong(&node.place, "expected \"older\" or \"0.2.0\""),
    }
}

fn validity(node: &Node, reader: &mut Reader<'_>) -> Option<Duration> {
    let validity = reader.duration(node)?;
    if validity.as_secs() > 0 { Some(validity) } else { reader.wrong(&node.place, "expected a second at least") }
}

struct Devino {
    url: String,
    authorization: HeaderValue,
    from: String,
    manual: Manual,
    validity: Option<Duration>,
    template: Option<Template>,
    statuses: Statuses,
    asker: Asker,
}

impl Provider for Devino {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        self.next(out, answers)
    }

    fn probe(&self, _about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        self.asker.next(answers)
    }

    fn setup(&self, _url: &Secret, _answers: &[Answer]) -> Result<Probe, SendError> {
        let well = "reports need no setup: every message says where they go; for what people write, have Devino's \
                    support enter the URL";
        Ok(Probe::Done(Learned::well(well)))
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.statuses)
    }
}
