//! `whatsapp-cloud`: Meta's WhatsApp Cloud API, <https://developers.facebook.com/docs/whatsapp/cloud-api>.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use self::callback::Webhook;
use self::errors::{Fault, classify, patient};
use self::probe::{Asker, Wanted};
use self::template::{Filled, Template};
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::node::{Node, Property, Reader, Shape, needed, property, rows, usual};
use crate::provider::callback::{Callback, Sha256};
use crate::provider::probe::Inquiry;
use crate::provider::reply::{bare_refusal, lenient, refusal};
use crate::provider::text::{cut_with_link, with_title};
use crate::provider::{Answer, HttpRequest, Kind, Next, Open, Opened, Outgoing, Probe, Provider, Request, account};
use crate::secret::Secret;

mod callback;
mod errors;
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
    reports: true,
    help: "Meta's WhatsApp Cloud API.",
    properties: || rows(PROPERTIES),
    open: Open::Http { base_url: "https://graph.facebook.com", open },
};

/// `text.body` takes so many characters.
const TEXT_CHARACTERS: usize = 4096;

/// A template's own words and its parameters together are too long.
const TEMPLATE_TOO_LONG: &str = "132005";

#[derive(Default)]
struct Properties {
    phone_number_id: Option<String>,
    access_token: Option<(Secret, HeaderValue)>,
    api_version: Option<String>,
    template: Option<Template>,
    verify_tokens: Vec<Secret>,
    app_secrets: Vec<Secret>,
    business: Option<String>,
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
    let Properties { phone_number_id, access_token, api_version, template, verify_tokens, app_secrets, business } =
        account::own(node, PROPERTIES, reader)?;
    let (Some(id), Some((token, authorization))) = (&phone_number_id, access_token) else {
        if reader.findings.len() == earlier {
            let missing = if phone_number_id.is_none() { "phone-number-id" } else { "access-token" };
            reader.error(&node.place, format!("no \"{missing}\": Meta's App Dashboard shows it under API Setup"));
        }
        return None;
    };
    if template.is_none() {
        reader.warn(
            &node.place,
            "no \"approved-template\": plain text reaches only who wrote to this number within 24 hours",
        );
    }
    if app_secrets.is_empty() && !verify_tokens.is_empty() {
        reader.warn(
            &node.place,
            "no \"app-secret\": callbacks are believed by the secret in their path alone, not by Meta's signature",
        );
    }
    let version = api_version.as_deref().unwrap_or("v23.0");
    let api = format!("{base_url}/{version}");
    let url = format!("{api}/{id}/messages");
    let takes = Takes::Kinds(vec![AddressKind::new("whatsapp"), AddressKind::new("phone")]);
    let webhook = Webhook {
        phone_number_id: id.clone(),
        verify_tokens,
        signatures: Sha256::new(&app_secrets),
        template: template.as_ref().map(|template| template.name.clone()).unwrap_or_default(),
        access_token: token.clone(),
    };
    let asker = Asker {
        api,
        phone_number_id: id.clone(),
        business,
        token: token.clone(),
        authorization: authorization.clone(),
        template: template.as_ref().map(Template::wanted).map(|(name, language, params)| Wanted {
            name,
            language,
            params,
        }),
    };
    Some(Opened { takes, provider: Box::new(WhatsApp { url, token, authorization, template, webhook, asker }) })
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
    url: String,
    token: Secret,
    authorization: HeaderValue,
    template: Option<Template>,
    webhook: Webhook,
    asker: Asker,
}

#[derive(Serialize)]
struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    to: String,
    #[serde(flatten)]
    content: Content<'a>,
    /// Comes back with every status of the message.
    biz_opaque_callback_data: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Content<'a> {
    Text { text: Text },
    Template { template: Filled<'a> },
}

#[derive(Serialize)]
struct Text {
    body: String,
    preview_url: bool,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default, deserialize_with = "lenient")]
    messages: Vec<Taken>,
    #[serde(default, deserialize_with = "lenient")]
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Taken {
    id: String,
    message_status: Option<String>,
}

impl Provider for WhatsApp {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let ask = |again| self.ask(out, again).map(|request| Next::Ask(Request::Http(request)));
        let [.., Answer::Http { status, headers, body }] = answers else { return ask(false) };
        match self.read(*status, headers, body) {
            Err(error) if error.code == TEMPLATE_TOO_LONG && answers.len() == 1 => ask(true),
            read => read.map_err(|error| self.final_for(out, error)),
        }
    }

    fn probe(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        self.asker.next(about, answers)
    }

    fn callback(&self) -> Option<&dyn Callback> {
        Some(&self.webhook)
    }
}

impl WhatsApp {
    /// The request; `again`: shorter, for the template was found too long.
    fn ask(&self, out: &Outgoing, again: bool) -> Result<HttpRequest, SendError> {
        let content = match self.template_for(out) {
            Some(template) => Content::Template { template: template.filled(out, again)? },
            None if out.form == Form::Template => {
                return Err(refusal(Class::Content, "", "no approved template is configured", &self.token));
            }
            _ => {
                let whole = with_title(out.title.as_deref(), &out.text);
                let body = cut_with_link(&whole, TEXT_CHARACTERS, out.link.as_deref());
                Content::Text { text: Text { body, preview_url: false } }
            }
        };
        let message = Message {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: out.address.text.chars().filter(char::is_ascii_digit).collect(),
            content,
            biz_opaque_callback_data: &out.key,
        };
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(HttpRequest {
            method: Method::POST,
            url: Secret::new(&*self.url),
            shown_url: self.url.clone(),
            headers: HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone()), json]),
            // Texts can't fail to be written as JSON.
            body: serde_json::to_vec(&message).unwrap_or_default(),
        })
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        self.template.as_ref().filter(|_| out.form == Form::Template || !out.window_open)
    }

    /// A closed window asks for the template; where it was the template already, nothing else is left to try.
    fn final_for(&self, out: &Outgoing, error: SendError) -> SendError {
        match error.class {
            Class::Form if self.template_for(out).is_some() => SendError { class: Class::Content, ..error },
            _ => error,
        }
    }

    fn read(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Next, SendError> {
        match serde_json::from_slice::<Reply>(body) {
            Ok(Reply { error: Some(fault), .. }) => match fault.code {
                Some(code) => {
                    let class = patient(classify(code, fault.error_subcode, Some(status)), headers);
                    Err(refusal(class, code, &fault.words(self.template_name()), &self.token))
                }
                None => Err(bare_refusal(status, headers, body, &self.token)),
            },
            Ok(Reply { messages, error: None }) if status.is_success() && !messages.is_empty() => {
                self.taken(messages.into_iter().next())
            }
            _ => Err(bare_refusal(status, headers, body, &self.token)),
        }
    }

    fn taken(&self, taken: Option<Taken>) -> Result<Next, SendError> {
        match taken {
            // `held_for_quality_assessment` is sent once Meta has looked at the template.
            Some(Taken { message_status: Some(word), .. }) if word == "paused" => {
                let words = format!("the template {} is paused: Meta did not send the message", self.template_name());
                Err(refusal(Class::Content, "paused", &words, &self.token))
            }
            taken => Ok(Next::Done(Receipt { id: taken.map(|taken| taken.id), advice: None })),
        }
    }

    fn template_name(&self) -> &str {
        self.template.as_ref().map_or("", |template| &template.name)
    }
}
