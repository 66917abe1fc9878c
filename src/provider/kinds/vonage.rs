//! `vonage`: Vonage's Messages API, <https://developer.vonage.com/en/api/messages>.

use std::borrow::Cow;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use self::channel::{Carries, Channel, TEXT_CHARACTERS};
use self::errors::{Fault, refused};
use self::login::Login;
use self::properties::{PROPERTIES, Settings};
use crate::account::{Limits, Takes};
use crate::message::delivery::{Form, Receipt, SendError};
use crate::message::media::{Media, MediaKind, MediaSource};
use crate::node::{Node, Reader, rows};
use crate::provider::callback::Callback;
use crate::provider::capabilities::{Capabilities, Hears, WHATSAPP_LINKS};
use crate::provider::markup::render_within;
use crate::provider::named_template::{self, Template};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::reply::{final_as_template, lenient, no_template};
use crate::provider::text::{with_title, with_words};
use crate::provider::{Answer, HttpRequest, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request};
use crate::secret::Secret;

mod callback;
mod channel;
mod errors;
mod login;
mod properties;

/// The row of the table. Its sandbox, `base-url` `https://messages-sandbox.nexmo.com`, takes one message a second.
pub(super) const KIND: Kind = Kind {
    name: "vonage",
    limits: Limits::NONE,
    can: Capabilities {
        text: Some(TEXT_CHARACTERS),
        template: true,
        media: Cow::Borrowed(WHATSAPP_LINKS),
        reports: Hears::Callback,
        inbound: Hears::Callback,
    },
    help: "Vonage's Messages API: WhatsApp, SMS, Viber and Messenger.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://api.nexmo.com", open },
};

/// `client_ref` takes so many characters.
const REF_CHARACTERS: usize = 100;

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let settings = properties::read(node, base_url, reader)?;
    Some(Opened { takes: Takes::Kinds(settings.channel.kinds()), provider: Box::new(Vonage(settings)) })
}

struct Vonage(Settings);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    #[serde(deserialize_with = "lenient")]
    message_uuid: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Balance {
    #[serde(deserialize_with = "lenient")]
    value: Option<f64>,
    #[serde(rename = "autoReload", deserialize_with = "lenient")]
    auto_reload: bool,
}

impl Provider for Vonage {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let contents = self.contents(out)?;
        let mut receipt = Receipt::default();
        for (at, answer) in answers.iter().enumerate() {
            match self.taken(answer) {
                Ok(id) if at == 0 => receipt.id = id,
                Ok(_) => {}
                Err(error) if at == 0 => return Err(final_as_template(error, self.template_for(out).is_some())),
                // The text has gone out: to try all of it again for the file's sake would only repeat it.
                Err(error) => receipt.advice = Some(format!("the text was sent, but not the file: {error}")),
            }
        }
        match contents.into_iter().nth(answers.len()) {
            Some(content) => self.ask(out, content, answers.len()),
            None => Ok(Next::Done(receipt)),
        }
    }

    /// The balance, which only key and secret may ask for.
    fn probe(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        let authorization = self.0.login.authorization("probe", about.now)?;
        let Login::Basic(_) = &self.0.login else {
            return Ok(Probe::Done(Learned::well("its private key signs; an application can't ask for more")));
        };
        let Some(answer) = answers.first() else {
            let url = format!("{}/account/get-balance", rest_of(&self.0.base_url));
            let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
            return Ok(Probe::Ask(request(Method::GET, url, headers, Vec::new())));
        };
        let Balance { value, auto_reload } = self.read(answer)?;
        let Some(value) = value else { return Ok(Probe::Done(Learned::well("it knows the key"))) };
        let mut learned = Learned::well(format!("{value:.2} EUR"));
        if value <= 0.0 && !auto_reload {
            learned.error("nothing is left to pay with", None);
        }
        Ok(Probe::Done(learned))
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.0.webhook)
    }
}

/// Where the account's own API is: Vonage has it at another host.
fn rest_of(base_url: &str) -> &str {
    let host = base_url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next()).unwrap_or_default();
    if host.ends_with(".nexmo.com") || host.ends_with(".vonage.com") { "https://rest.nexmo.com" } else { base_url }
}

fn request(method: Method, url: String, headers: HeaderMap, body: Vec<u8>) -> Request {
    Request::Http(HttpRequest { method, url: Secret::new(&*url), shown_url: url, headers, body })
}

impl Vonage {
    /// What goes out, a message each, as the fields that differ.
    fn contents(&self, out: &Outgoing) -> Result<Vec<Value>, SendError> {
        if let Some(template) = self.template_for(out) {
            return Ok(vec![filled(template, out)?]);
        }
        if out.form == Form::Template {
            return Err(no_template());
        }
        let channel = self.0.channel;
        let whole = with_title(out.title.as_deref(), &out.text);
        let rendered = |text: &str, most| render_within(text, out.format, channel.style(), most, out.link.as_deref());
        let text = |text: &str| json!({ "message_type": "text", "text": rendered(text, channel.most()) });
        let Some((media, link)) = linked(out.media.as_deref()) else { return Ok(vec![text(&whole)]) };
        Ok(match channel.carries(media.kind) {
            Carries::Link => vec![text(&with_words(&whole, out.in_words.as_deref()))],
            Carries::Caption(most) => vec![file(media, link, Some(rendered(&whole, most)))],
            Carries::Apart if whole.trim().is_empty() => vec![file(media, link, None)],
            Carries::Apart => vec![text(&whole), file(media, link, None)],
        })
    }

    fn ask(&self, out: &Outgoing, content: Value, at: usize) -> Result<Next, SendError> {
        let mut message = json!({
            "channel": self.0.channel.as_str(),
            "from": self.0.from,
            "to": self.0.channel.shown(&out.address),
        });
        // The mark of what was sent first: the file that follows is no delivery.
        let mark = out.key.get(..REF_CHARACTERS).unwrap_or(&out.key);
        let told = out.callback.as_ref().filter(|_| at == 0).map(Secret::expose);
        if let (Some(fields), Value::Object(content)) = (message.as_object_mut(), content) {
            fields.extend(content);
            if at == 0 {
                fields.insert("client_ref".to_owned(), json!(mark));
                if let Some(answered) = out.reply_to.as_ref().filter(|_| self.0.channel == Channel::WhatsApp) {
                    fields.insert("context".to_owned(), json!({ "message_uuid": answered }));
                }
            }
            if let Some(url) = told {
                fields.insert("webhook_url".to_owned(), json!(url));
                fields.insert("webhook_version".to_owned(), json!("v1"));
            }
        }
        let jti = format!("{}-{}-{at}", out.key, out.now.millis());
        let authorization = self.0.login.authorization(&jti, out.now)?;
        let json = HeaderValue::from_static("application/json");
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, authorization), (CONTENT_TYPE, json.clone()), (ACCEPT, json)]);
        Ok(Next::Ask(request(Method::POST, self.0.url.clone(), headers, message.to_string().into_bytes())))
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.0.template.as_ref().filter(|_| out.wants_template())
    }

    /// The id of a message that was taken; none where Vonage says that it has it from before.
    fn taken(&self, answer: &Answer) -> Result<Option<String>, SendError> {
        if let Answer::Http { status, body, .. } = answer
            && !status.is_success()
            && serde_json::from_slice(body).is_ok_and(|fault: Fault| fault.is_repetition())
        {
            return Ok(None);
        }
        let Reply { message_uuid } = self.read(answer)?;
        match (message_uuid, answer) {
            (None, Answer::Http { status, headers, body }) => Err(refused(*status, headers, body)),
            (id, _) => Ok(id),
        }
    }

    fn read<T: serde::de::DeserializeOwned>(&self, answer: &Answer) -> Result<T, SendError> {
        match answer {
            Answer::Http { status, headers, body } => match serde_json::from_slice(body) {
                Ok(read) if status.is_success() => Ok(read),
                _ => Err(refused(*status, headers, body)),
            },
            _ => Err(refused(StatusCode::OK, &HeaderMap::new(), &[])),
        }
    }
}

/// The template with the message in it.
fn filled(template: &Template, out: &Outgoing) -> Result<Value, SendError> {
    let parameters = template.params.filled(out, named_template::CHARACTERS)?;
    Ok(json!({
        "message_type": "template",
        "template": { "name": template.name, "parameters": parameters },
        "whatsapp": { "policy": "deterministic", "locale": template.language },
    }))
}

/// A message that is a file: Vonage has it below the word of its type.
fn file(media: &Media, link: &str, caption: Option<String>) -> Value {
    let word = match media.kind {
        MediaKind::Document => "file",
        other => other.as_str(),
    };
    let mut content = json!({ "url": link });
    if let Some(fields) = content.as_object_mut() {
        fields.extend(
            caption.filter(|caption| !caption.is_empty()).map(|caption| ("caption".to_owned(), json!(caption))),
        );
        if media.kind == MediaKind::Document && !media.name.is_empty() {
            fields.insert("name".to_owned(), json!(media.name));
        }
    }
    json!({ "message_type": word, word: content })
}

/// The media, and where they are.
fn linked(media: Option<&Media>) -> Option<(&Media, &str)> {
    match &media?.source {
        MediaSource::Link(link) => Some((media?, link)),
        MediaSource::Bytes(_) => None,
    }
}
