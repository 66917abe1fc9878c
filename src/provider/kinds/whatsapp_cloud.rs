//! `whatsapp-cloud`: Meta's WhatsApp Cloud API, <https://developers.facebook.com/docs/whatsapp/cloud-api>.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::delivery::{Class, Form, Receipt, Scope, SendError};
use crate::node::{Node, Property, Reader};
use crate::provider::reply::{bare_refusal, lenient, refusal, retry_after};
use crate::provider::text::{cut_characters, one_line, with_title};
use crate::provider::{Answer, HttpRequest, Kind, Next, Open, Opened, Outgoing, Provider, Request, account};
use crate::secret::Secret;

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
    open: Open::Http { base_url: "https://graph.facebook.com", open },
};

/// `text.body` takes so many characters.
const TEXT_CHARACTERS: usize = 4096;
/// A template's body takes so many, its parameters included.
const PARAMETER_CHARACTERS: usize = 1024;

#[derive(Default)]
struct Properties {
    phone_number_id: Option<String>,
    access_token: Option<(Secret, HeaderValue)>,
    api_version: Option<String>,
    template: Option<Template>,
}

const PROPERTIES: &[Property<Properties>] = &[
    Property { name: "phone-number-id", read: |p, node, reader| p.phone_number_id = phone_number_id(node, reader) },
    Property { name: "access-token", read: |p, node, reader| p.access_token = access_token(node, reader) },
    Property { name: "api-version", read: |p, node, reader| p.api_version = api_version(node, reader) },
    Property { name: "approved-template", read: |p, node, reader| p.template = template(node, reader) },
];

#[derive(Default)]
struct TemplateProperties {
    name: Option<String>,
    language: Option<String>,
}

const TEMPLATE_PROPERTIES: &[Property<TemplateProperties>] = &[
    Property { name: "name", read: |template, node, reader| template.name = reader.text(node) },
    Property { name: "language", read: |template, node, reader| template.language = reader.text(node) },
];

fn open(node: &Node, base_url: &str, reader: &mut Reader<'_>) -> Option<Opened> {
    let earlier = reader.findings.len();
    let Properties { phone_number_id, access_token, api_version, template } = account::own(node, PROPERTIES, reader)?;
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
    let version = api_version.as_deref().unwrap_or("v23.0");
    let url = format!("{base_url}/{version}/{id}/messages");
    let takes = Takes::Kinds(vec![AddressKind::new("whatsapp"), AddressKind::new("phone")]);
    Some(Opened { takes, provider: Box::new(WhatsApp { url, token, authorization, template }) })
}

fn phone_number_id(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let id = reader.text(node)?;
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) {
        return Some(id);
    }
    reader.wrong(&node.place, "expected digits only: the ID that Meta gave the phone number, not the number itself")
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

fn template(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let TemplateProperties { name, language } = reader.record(node, TEMPLATE_PROPERTIES)?;
    match (name, language) {
        (Some(name), Some(language)) => Some(Template { name, language }),
        _ => reader.wrong(&node.place, "a template has a \"name\" and a \"language\", as in Meta's WhatsApp Manager"),
    }
}

struct WhatsApp {
    url: String,
    token: Secret,
    authorization: HeaderValue,
    template: Option<Template>,
}

/// A template that Meta approved, whose body has one parameter.
struct Template {
    name: String,
    language: String,
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

#[derive(Serialize)]
struct Filled<'a> {
    name: &'a str,
    language: Language<'a>,
    components: [Component; 1],
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component {
    r#type: &'static str,
    parameters: [Parameter; 1],
}

#[derive(Serialize)]
struct Parameter {
    r#type: &'static str,
    text: String,
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

/// An error as it stands in a reply; a status callback has the same fields but `error_subcode`.
#[derive(Deserialize)]
struct Fault {
    #[serde(default, deserialize_with = "lenient")]
    code: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    error_subcode: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
    #[serde(default, deserialize_with = "lenient")]
    error_data: FaultData,
}

#[derive(Default, Deserialize)]
struct FaultData {
    #[serde(default, deserialize_with = "lenient")]
    details: String,
}

impl Provider for WhatsApp {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        match answers {
            [.., Answer::Http { status, headers, body }] => {
                self.read(*status, headers, body).map_err(|error| self.final_for(out, error))
            }
            _ => self.ask(out).map(|request| Next::Ask(Request::Http(request))),
        }
    }
}

impl WhatsApp {
    fn ask(&self, out: &Outgoing) -> Result<HttpRequest, SendError> {
        let whole = with_title(out.title.as_deref(), &out.text);
        let content = match self.template_for(out) {
            Some(template) => template.filled(&whole),
            None if out.form == Form::Template => {
                return Err(refusal(Class::Content, "", "no approved template is configured", &self.token));
            }
            _ => Content::Text { text: Text { body: cut_characters(&whole, TEXT_CHARACTERS), preview_url: false } },
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
                    Err(refusal(class, code, &self.words(code, &fault), &self.token))
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

    /// What Meta says, with the template's name where it is about that.
    fn words(&self, code: i64, fault: &Fault) -> String {
        let mut words = fault.message.clone();
        let details = &fault.error_data.details;
        if !details.is_empty() && !words.contains(details) {
            words.push_str(&format!(": {details}"));
        }
        if (132_000..133_000).contains(&code) {
            words.push_str(&format!(" (template {})", self.template_name()));
        }
        words
    }

    fn template_name(&self) -> &str {
        self.template.as_ref().map_or("", |template| &template.name)
    }
}

impl Template {
    fn filled(&self, text: &str) -> Content<'_> {
        let text = cut_characters(&one_line(text), PARAMETER_CHARACTERS);
        let body = Component { r#type: "body", parameters: [Parameter { r#type: "text", text }] };
        let language = Language { code: &self.language };
        Content::Template { template: Filled { name: &self.name, language, components: [body] } }
    }
}

const fn wait(scope: Scope, seconds: u64) -> Class {
    Class::Wait { scope, after: Some(Duration::from_secs(seconds)) }
}

/// The class of one of Meta's errors, in a reply (with its HTTP status) as in a callback (which has none).
/// Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>; who must act is our reading.
fn classify(code: i64, subcode: Option<i64>, status: Option<StatusCode>) -> Class {
    match (code, subcode) {
        // The phone number ID is none, or the token may not use it: Meta says "invalid parameter" with this subcode.
        (100, Some(33)) => Class::Account,
        // Token, permissions, payment, registration, a locked or blocked account, a number that is gone.
        (0 | 3 | 10 | 33 | 190 | 200..=299 | 368, _) => Class::Account,
        (131_005 | 131_031 | 131_037 | 131_042 | 131_045 | 133_016, _) => Class::Account,
        // "Invalid request or possible server error": the status tells which.
        (1, _) if status.is_some_and(|status| status.is_client_error()) => Class::Content,
        (1 | 2 | 131_000 | 131_016 | 131_057 | 133_004, _) => Class::Fault,
        // Calls of the app, and of the business account: minutes, which a header may tell.
        (4 | 80_007, _) => wait(Scope::Account, 60),
        (130_429, _) => wait(Scope::Sender, 1),
        // Too many people blocked or reported this number.
        (131_048, _) => wait(Scope::Sender, 3600),
        (131_064 | 132_069, _) => Class::Wait { scope: Scope::Account, after: None },
        // A template that is being copied is there within ten minutes.
        (134_101, _) => wait(Scope::Account, 600),
        // One sender, one user: Meta wants 4^n seconds after the n-th refusal in a row. The outbox counts those of an
        // address, but takes its own steps (1, 2, 4, 8 s…), which are shorter at first: a refusal more, and no harm.
        (131_056, _) => Class::Wait { scope: Scope::Recipient, after: None },
        // Not on WhatsApp, in an experiment, in a country that is closed to us, the sender itself, not on the list of
        // a test number, opted out, another identity. 131049 is "not to this user now": Meta asks to wait for a day and
        // more, which is longer than an alarm lives.
        (130_472 | 130_497 | 131_021 | 131_026 | 131_030 | 131_049 | 131_050 | 137_000, _) => Class::Recipient,
        // The window of 24 hours is closed, or free text outside of it is not for us.
        (131_047 | 139_200, _) => Class::Form,
        (100 | 131_008 | 131_009 | 131_051..=131_053 | 131_055 | 131_062 | 131_063 | 135_000, _) => Class::Content,
        // The template: its parameters, its text, paused, disabled, not there.
        (132_000..=132_068 | 134_102, _) => Class::Content,
        // A code that is not in Meta's list, or a later one.
        _ => match status.map(|status| status.as_u16()) {
            Some(401) => Class::Account,
            Some(429) => Class::Wait { scope: Scope::Account, after: None },
            Some(500..=599) => Class::Fault,
            _ => Class::Content,
        },
    }
}

/// The same class with the time that the headers ask for, where they do.
fn patient(class: Class, headers: &HeaderMap) -> Class {
    let Class::Wait { scope, after } = class else { return class };
    let regained = if scope == Scope::Recipient { None } else { time_to_regain_access(headers) };
    Class::Wait { scope, after: retry_after(headers).or(regained).or(after) }
}

/// Meta's `X-Business-Use-Case-Usage`: by business, a list of limits, with the minutes until calls are let in again.
fn time_to_regain_access(headers: &HeaderMap) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Usage {
        #[serde(default)]
        estimated_time_to_regain_access: u64,
    }
    let usage = headers.get("x-business-use-case-usage")?.to_str().ok()?;
    let usage: BTreeMap<String, Vec<Usage>> = serde_json::from_str(usage).ok()?;
    let minutes = usage.values().flatten().map(|usage| usage.estimated_time_to_regain_access).max()?;
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}
