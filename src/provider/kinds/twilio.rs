//! `twilio`: SMS and WhatsApp by Twilio, <https://www.twilio.com/docs/messaging/api/message-resource>.

use std::borrow::Cow;
use std::time::Duration;

use http::Method;
use serde::Deserialize;

use self::channel::{Channel, Sender};
use self::errors::{failed, refused};
use self::properties::{PROPERTIES, Settings};
use self::template::Template;
use crate::account::{Limits, Rate, Takes};
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::message::media::{Media, MediaKind, MediaSource};
use crate::node::{Node, Reader, rows};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears, MediaLimit};
use crate::provider::markup::render_within;
use crate::provider::probe::Inquiry;
use crate::provider::reply::{final_as_template, lenient, no_template, refusal};
use crate::provider::text::{with_title, with_words};
use crate::provider::{Answer, Kind, Next, Open, Opened, Outgoing, Probe, Provider};

mod api;
mod callback;
mod channel;
mod errors;
mod probe;
mod properties;
mod template;

/// The row of the table. Without more agreed upon, a sender of WhatsApp has ten texts a second; one of SMS has one, and
/// Twilio keeps what is more for hours, so that nothing is refused.
pub(super) const KIND: Kind = Kind {
    name: "twilio",
    limits: Limits { rate: Some(Rate::per(10, Duration::from_secs(1))), ..Limits::NONE },
    can: Capabilities {
        text: Some(TEXT_CHARACTERS),
        template: true,
        media: Cow::Borrowed(&MEDIA),
        reports: Hears::Callback,
        inbound: Hears::Callback,
    },
    help: "Twilio: SMS and WhatsApp by a number or a Messaging Service there.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.twilio.com", open },
};

/// `Body` takes so many characters.
const TEXT_CHARACTERS: usize = 1600;

/// What WhatsApp takes of what `MediaUrl` leads to:
/// <https://www.twilio.com/docs/whatsapp/guidance-whatsapp-media-messages>.
const MEDIA: [MediaLimit; 4] = [
    MediaLimit::linked(
        MediaKind::Image,
        &[Cow::Borrowed("image/jpeg"), Cow::Borrowed("image/png"), Cow::Borrowed("image/webp")],
        5_000_000,
    ),
    MediaLimit::linked(MediaKind::Video, &[Cow::Borrowed("video/mp4")], 16_000_000),
    MediaLimit::linked(
        MediaKind::Audio,
        &[
            Cow::Borrowed("audio/ogg"),
            Cow::Borrowed("audio/amr"),
            Cow::Borrowed("audio/3gpp"),
            Cow::Borrowed("audio/aac"),
            Cow::Borrowed("audio/mpeg"),
        ],
        16_000_000,
    ),
    MediaLimit::linked(
        MediaKind::Document,
        &[
            Cow::Borrowed("application/pdf"),
            Cow::Borrowed("application/msword"),
            Cow::Borrowed("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            Cow::Borrowed("application/vnd.openxmlformats-officedocument.presentationml.presentation"),
            Cow::Borrowed("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ],
        16_000_000,
    ),
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let settings = properties::read(node, base_url, reader)?;
    Some(Opened { takes: Takes::Kinds(settings.channel.kinds()), provider: Box::new(Twilio(settings)) })
}

struct Twilio(Settings);

/// A message as Twilio gives it back.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    sid: Option<String>,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    error_code: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    error_message: String,
}

/// What one message brings: fields of the form.
type Content = Vec<(&'static str, String)>;

impl Provider for Twilio {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let contents = self.contents(out)?;
        let mut receipt = Receipt::default();
        for (at, answer) in answers.iter().enumerate() {
            match self.taken(answer) {
                Ok(id) if at == 0 => receipt.id = Some(id),
                Ok(_) => {}
                Err(error) if at == 0 => return Err(final_as_template(error, self.template_for(out).is_some())),
                // The text has gone out: to try all of it again for the file's sake would only repeat it.
                Err(error) => receipt.advice = Some(format!("the text was sent, but not the file: {error}")),
            }
        }
        match contents.into_iter().nth(answers.len()) {
            Some(content) => Ok(self.ask(out, content)),
            None => Ok(Next::Done(receipt)),
        }
    }

    fn probe(&self, _: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        probe::next(&self.0.api, answers)
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.0.webhook)
    }
}

impl Twilio {
    /// What goes out, a message each: a file that can have no caption follows the text.
    fn contents(&self, out: &Outgoing) -> Result<Vec<Content>, SendError> {
        if let Some(template) = self.template_for(out) {
            let variables = template.variables(out)?;
            return Ok(vec![vec![("ContentSid", template.content_sid.clone()), ("ContentVariables", variables)]]);
        }
        if out.form == Form::Template {
            return Err(no_template());
        }
        let text = with_title(out.title.as_deref(), &out.text);
        let body = |text: &str| {
            let body = render_within(text, out.format, self.0.channel.style(), TEXT_CHARACTERS, out.link.as_deref());
            ("Body", body)
        };
        Ok(match linked(out.media.as_deref()) {
            Some(_) if self.0.channel == Channel::Sms => {
                vec![vec![body(&with_words(&text, out.in_words.as_deref()))]]
            }
            Some((_, link)) if text.trim().is_empty() => vec![vec![("MediaUrl", link)]],
            Some((media, link)) if self.0.channel.captions(media.kind) => vec![vec![body(&text), ("MediaUrl", link)]],
            Some((_, link)) => vec![vec![body(&text)], vec![("MediaUrl", link)]],
            None => vec![vec![body(&text)]],
        })
    }

    fn ask(&self, out: &Outgoing, content: Content) -> Next {
        let mut form = vec![("To", self.0.channel.shown(&out.address.text))];
        form.push(match &self.0.sender {
            Sender::From(own) => ("From", self.0.channel.shown(own)),
            Sender::Service(sid) => ("MessagingServiceSid", sid.clone()),
        });
        form.extend(content);
        form.extend(out.callback.as_ref().map(|url| ("StatusCallback", url.expose().to_owned())));
        form.extend(self.0.validity.map(|seconds| ("ValidityPeriod", seconds.to_string())));
        Next::Ask(self.0.api.request(Method::POST, "/Messages.json", Some(&form)))
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.0.template.as_ref().filter(|_| out.wants_template())
    }

    /// The id of a message that was taken.
    fn taken(&self, answer: &Answer) -> Result<String, SendError> {
        let Message { sid, status, error_code, error_message } = self.0.api.read(answer)?;
        if matches!(status.as_str(), "failed" | "undelivered" | "canceled") {
            return Err(failed(error_code, &error_message));
        }
        match (sid, answer) {
            (Some(sid), _) => Ok(sid),
            (None, Answer::Http { status, headers, body }) => Err(refused(*status, headers, body)),
            (None, _) => Err(refusal(Class::Unknown, "", "the answer has no sid")),
        }
    }
}

/// The media, and where they are.
fn linked(media: Option<&Media>) -> Option<(&Media, String)> {
    match &media?.source {
        MediaSource::Link(link) => Some((media?, link.clone())),
        MediaSource::Bytes(_) => None,
    }
}
