//! `infobip`: WhatsApp and SMS by Infobip, <https://www.infobip.com/docs/api>.

use std::borrow::Cow;
use std::time::Duration;

use data_encoding::HEXLOWER;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::channel::{Channel, TEXT_CHARACTERS, digits};
use self::errors::{Fault, Status, failed, refused};
use self::properties::{PROPERTIES, Settings};
use crate::account::{Limits, Rate, Takes};
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::message::media::{Media, MediaKind, MediaSource};
use crate::node::{Node, Reader, rows};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears, WHATSAPP_LINKS};
use crate::provider::markup::render_within;
use crate::provider::named_template::{self, Template};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::reply::{final_as_template, lenient, no_template, refusal};
use crate::provider::text::{with_title, with_words};
use crate::provider::{Answer, HttpRequest, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request};
use crate::secret::Secret;

mod callback;
mod channel;
mod codes;
mod errors;
mod properties;

/// The row of the table. By default a number gets no more than twenty different messages in an hour: Infobip's flooding
/// filter refuses what is more.
pub(super) const KIND: Kind = Kind {
    name: "infobip",
    limits: Limits { per_recipient: Some(Rate::per(20, Duration::from_secs(3600)).burst(18)), ..Limits::NONE },
    can: Capabilities {
        text: Some(TEXT_CHARACTERS),
        template: true,
        media: Cow::Borrowed(WHATSAPP_LINKS),
        reports: Hears::Callback,
        inbound: Hears::Callback,
    },
    help: "Infobip: WhatsApp and SMS. Each account has a base-url of its own, which its portal shows.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.infobip.com", open },
};

/// `content.caption` takes 3000, WhatsApp itself shows so many.
const CAPTION_CHARACTERS: usize = 1024;

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let settings = properties::read(node, base_url, reader)?;
    Some(Opened { takes: Takes::Kinds(settings.channel.kinds()), provider: Box::new(Infobip(settings)) })
}

struct Infobip(Settings);

/// A message that was taken, alone or as the first of a list.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reply {
    #[serde(deserialize_with = "lenient")]
    message_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    status: Status,
    #[serde(deserialize_with = "lenient")]
    error: Fault,
    #[serde(deserialize_with = "lenient")]
    messages: Vec<Reply>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Balance {
    #[serde(deserialize_with = "lenient")]
    balance: Option<f64>,
    #[serde(deserialize_with = "lenient")]
    currency: String,
}

/// One message: where it is posted below the API, what marks its id, and what is in it.
struct Content {
    path: &'static str,
    mark: &'static str,
    content: Value,
}

impl Provider for Infobip {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let contents = self.contents(out)?;
        let mut receipt = Receipt::default();
        for (at, (answer, content)) in answers.iter().zip(&contents).enumerate() {
            match self.taken(answer, &id_of(&out.key, content.mark)) {
                Ok(id) if at == 0 => receipt.id = Some(id),
                Ok(_) => {}
                Err(error) if at == 0 => return Err(final_as_template(error, self.template_for(out).is_some())),
                // The text has gone out, and is known again by its id, so that only the file is missing.
                Err(error) => receipt.advice = Some(format!("the text was sent, but not the file: {error}")),
            }
        }
        Ok(match contents.into_iter().nth(answers.len()) {
            Some(content) => self.ask(out, content),
            None => Next::Done(receipt),
        })
    }

    fn probe(&self, _: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        let Some(answer) = answers.first() else {
            return Ok(Probe::Ask(self.request(Method::GET, "/account/1/balance", Vec::new())));
        };
        let Balance { balance, currency } = self.read(answer)?;
        let Some(balance) = balance else { return Ok(Probe::Done(Learned::well("it knows the key"))) };
        let mut learned = Learned::well(format!("{balance:.2} {currency}"));
        if balance <= 0.0 {
            let help = "an account that pays afterwards has none, and sends all the same".to_owned();
            learned.warning("nothing is left to pay with", help);
        }
        Ok(Probe::Done(learned))
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.0.webhook)
    }
}

/// What Infobip calls a message: a UUID made of the delivery's key, the same for every try, so that a repetition is known.
/// RFC 9562, 5.8: version 8, for those who make theirs by rules of their own.
fn id_of(key: &str, mark: &str) -> String {
    let hash = HEXLOWER.encode(digest(&SHA256, format!("{key}{mark}").as_bytes()).as_ref());
    let part = |at: std::ops::Range<usize>| hash.get(at).unwrap_or_default();
    format!("{}-{}-8{}-a{}-{}", part(0..8), part(8..12), part(13..16), part(17..20), part(20..32))
}

impl Infobip {
    /// What goes out, a message each: only a recording has no caption.
    fn contents(&self, out: &Outgoing) -> Result<Vec<Content>, SendError> {
        let Settings { channel, .. } = &self.0;
        if let Some(template) = self.template_for(out) {
            return Ok(vec![filled(template, out)?]);
        }
        if out.form == Form::Template {
            return Err(no_template());
        }
        let whole = with_title(out.title.as_deref(), &out.text);
        let rendered = |text: &str, most| render_within(text, out.format, channel.style(), most, out.link.as_deref());
        if *channel == Channel::Sms {
            let text = rendered(&with_words(&whole, out.in_words.as_deref()), channel.most());
            return Ok(vec![Content { path: "/sms/3/messages", mark: "", content: json!({ "text": text }) }]);
        }
        let text = || Content {
            path: "/whatsapp/1/message/text",
            mark: "",
            content: json!({ "text": rendered(&whole, channel.most()), "previewUrl": false }),
        };
        let Some((media, link)) = linked(out.media.as_deref()) else { return Ok(vec![text()]) };
        let caption = rendered(&whole, CAPTION_CHARACTERS);
        Ok(match media.kind {
            MediaKind::Audio if caption.trim().is_empty() => vec![file(media, link, "")],
            MediaKind::Audio => vec![text(), file(media, link, "")],
            _ => vec![file(media, link, &caption)],
        })
    }

    fn ask(&self, out: &Outgoing, Content { path, mark, content }: Content) -> Next {
        let Settings { channel, from, .. } = &self.0;
        let (to, id) = (digits(&out.address.text), id_of(&out.key, mark));
        let url = out.callback.as_ref().map(Secret::expose);
        // What follows the text is no delivery of its own: nobody waits for its reports.
        let url = url.filter(|_| mark != FILE_MARK);
        let body = if *channel == Channel::Sms {
            let mut webhooks = json!({ "callbackData": out.key });
            if let (Some(fields), Some(url)) = (webhooks.as_object_mut(), url) {
                fields.insert("delivery".to_owned(), json!({ "url": url, "intermediateReport": true }));
                fields.insert("contentType".to_owned(), json!("application/json"));
            }
            let destination = json!({ "to": to, "messageId": id });
            let message =
                json!({ "sender": from, "destinations": [destination], "content": content, "webhooks": webhooks });
            json!({ "messages": [message] })
        } else {
            let mut message = json!({ "from": from, "to": to, "messageId": id, "content": content });
            if let Some(fields) = message.as_object_mut() {
                fields.extend((mark != FILE_MARK).then(|| ("callbackData".to_owned(), json!(out.key))));
                fields.extend(url.map(|url| ("notifyUrl".to_owned(), json!(url))));
            }
            if mark == TEMPLATE_MARK { json!({ "messages": [message] }) } else { message }
        };
        Next::Ask(self.request(Method::POST, path, body.to_string().into_bytes()))
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Request {
        let url = format!("{}{path}", self.0.base_url);
        let json = HeaderValue::from_static("application/json");
        let login = (AUTHORIZATION, self.0.authorization.clone());
        let mut headers = HeaderMap::from_iter([login, (ACCEPT, json.clone())]);
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, json);
        }
        Request::Http(HttpRequest { method, url: Secret::new(&*url), shown_url: url, headers, body })
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.0.template.as_ref().filter(|_| out.wants_template())
    }

    /// The id of a message that was taken, now or by an earlier try, which had the same.
    fn taken(&self, answer: &Answer, id: &str) -> Result<String, SendError> {
        let mut reply: Reply = self.read(answer)?;
        if !reply.messages.is_empty() {
            reply = reply.messages.swap_remove(0);
        }
        let Reply { message_id, status, error, .. } = reply;
        match (message_id, answer) {
            _ if status.is_repetition() || error.is_repetition() => Ok(id.to_owned()),
            _ if status.is_failure() => Err(failed(&status, &error)),
            (Some(id), _) => Ok(id),
            (None, Answer::Http { status, headers, body }) => Err(refused(*status, headers, body)),
            (None, _) => Err(refusal(Class::Unknown, "", "the answer has no messageId")),
        }
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, SendError> {
        let Answer::Http { status, headers, body } = answer else {
            return Err(refusal(Class::Unknown, "", "the answer is not one to an HTTP request"));
        };
        match serde_json::from_slice(body) {
            Ok(read) if status.is_success() => Ok(read),
            _ => Err(refused(*status, headers, body)),
        }
    }
}

/// What marks the id of the template: the text that it stands for was refused under the key's own.
const TEMPLATE_MARK: &str = "-template";

/// The same for the file, a message of its own.
const FILE_MARK: &str = "-file";

/// The template with the message in it.
fn filled(template: &Template, out: &Outgoing) -> Result<Content, SendError> {
    let placeholders = template.params.filled(out, named_template::CHARACTERS)?;
    let content = json!({
        "templateName": template.name,
        "language": template.language,
        "templateData": { "body": { "placeholders": placeholders } },
    });
    Ok(Content { path: "/whatsapp/1/message/template", mark: TEMPLATE_MARK, content })
}

fn file(media: &Media, link: &str, caption: &str) -> Content {
    let mut content = json!({ "mediaUrl": link });
    if let Some(fields) = content.as_object_mut() {
        fields.extend((!caption.is_empty()).then(|| ("caption".to_owned(), json!(caption))));
        let named = media.kind == MediaKind::Document && !media.name.is_empty();
        fields.extend(named.then(|| ("filename".to_owned(), json!(media.name))));
    }
    let path = match media.kind {
        MediaKind::Image => "/whatsapp/1/message/image",
        MediaKind::Video => "/whatsapp/1/message/video",
        MediaKind::Audio => "/whatsapp/1/message/audio",
        MediaKind::Document => "/whatsapp/1/message/document",
    };
    let mark = if media.kind == MediaKind::Audio { FILE_MARK } else { "" };
    Content { path, mark, content }
}

/// The media, and where they are.
fn linked(media: Option<&Media>) -> Option<(&Media, &str)> {
    match &media?.source {
        MediaSource::Link(link) => Some((media?, link)),
        MediaSource::Bytes(_) => None,
    }
}
