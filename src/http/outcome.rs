//! How a call ended → the response. The only status codes in the program.

mod admin;
mod device;
mod end;
mod message;
mod page;
mod ran;
mod refusal;

use std::sync::Arc;

use http::header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};

pub(super) use self::device::DeviceReply;
use self::message::Said;
use self::ran::message_of;
use super::BodyFault;
use super::admin::gate::Denial;
use super::admin::health::Readiness;
use super::wait::Fares;
use crate::action::command::Ran;
use crate::action::send::{Composed, Kept, Stored};
use crate::go::sniff::content_type;
use crate::hook::Reply;
use crate::hook::admit::Refusal;
use crate::message::media::Label;
use crate::metrics::Format;
use crate::outbox::MessageStatus;
use crate::provider::preview::Preview;
use crate::request::body::multipart::MultipartError;

/// The header that names the message a call became.
const MESSAGE_HEADER: HeaderName = HeaderName::from_static("hookbell-message");

/// Whoever is told to come back shall do so after this many seconds.
const COME_BACK: HeaderValue = HeaderValue::from_static("5");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// How a request ended, before it becomes a response.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The sign of life.
    Alive,
    /// What the server itself can do: nothing is said about it.
    Server,
    /// The clean path is elsewhere.
    Moved(String),
    /// No route.
    Nowhere,
    /// A broken escape in the path.
    Malformed,
    /// Under the prefix, but no hook of that id.
    UnknownHook,
    /// The hook's definition is broken.
    Quarantined,
    /// The body could not be read.
    Body(BodyFault),
    /// The body should be a form in parts and is none.
    NoForm(MultipartError),
    /// Refused before anything was done.
    Refused(Refusal),
    /// The hook's rule is not satisfied; the status, if the hook sets one.
    Unsatisfied(Option<StatusCode>),
    /// The hook's rule can't be judged.
    RuleFault,
    /// A dry run is asked for where it would tell strangers too much.
    NoDryRun,
    /// What would be sent.
    Preview {
        /// The message, and what it brings.
        composed: Box<Composed>,
        /// What each recipient would get.
        previews: Vec<Preview>,
        /// Whether a command would run, too.
        runs: bool,
    },
    /// The call's `Idempotency-Key` stands for another message.
    KeyReused,
    /// What an operator asked for.
    Told(Value),
    /// The caller must say it otherwise; how.
    Wrong(String),
    /// Too much waits already.
    Overloaded,
    /// The message could not be stored.
    NotStored,
    /// It could neither be stored nor sent straight from memory.
    NeitherStoredNorSent {
        /// Why it could not be stored, in short.
        why: &'static str,
        /// Whether it may have arrived all the same.
        maybe: bool,
    },
    /// The hook's own template failed on this call.
    TemplateFault,
    /// A command: answered as adnanh/webhook does, with the message of before, if any.
    Ran(Ran, Option<Kept>),
    /// A message was stored, or sent straight from memory.
    Kept {
        /// What became of it.
        kept: Kept,
        /// Whether the caller may read the contacts' names.
        names: bool,
        /// Where it stands, if somebody waited for that.
        status: Option<Box<MessageStatus>>,
    },
    /// Where a message stands.
    Status(Box<MessageStatus>),
    /// The whole text of a message, for whoever was sent its link.
    Whole(String),
    /// What a message brought, for the same.
    Media(Box<(Label, Arc<[u8]>)>),
    /// The answer to a provider that asks whether it reaches us.
    Challenge(String),
    /// A provider's news is on disk, or there was none.
    Heard,
    /// A call that is not its provider's.
    Unproven,
    /// What a device is told.
    Device(DeviceReply),
    /// There is no such message.
    UnknownMessage,
    /// The outbox can't be asked.
    Unavailable,
    /// Not everybody may ask the admin listener.
    Denied(Denial),
    /// Whether calls can be answered now.
    Readiness(Readiness),
    /// What was counted, and in which format.
    Metrics(String, Format),
}

/// What a response is dressed with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dress<'a> {
    /// `-header`: on everything that a hook answers.
    pub global: &'a [(HeaderName, HeaderValue)],
    /// The hook's own answer, once its action began.
    pub reply: Option<&'a Reply>,
    /// Whether the hook sends messages; then its refusals are for people and never cached.
    pub sends: bool,
    /// What stands before the paths of our own links.
    pub base: &'a str,
    /// `Accept: application/json`
    pub json: bool,
}

impl Dress<'_> {
    /// A bare one, for what is no hook's.
    pub(super) const NONE: Dress<'static> = Dress { global: &[], reply: None, sends: false, base: "", json: false };
}

/// Whether a caller would rather have JSON.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|value| value.contains("application/json")))
}

impl Outcome {
    /// The response. The stranger gets a fixed sentence; the truth is in the log.
    pub(super) fn into_response(self, dress: Dress<'_>) -> Response<Full<Bytes>> {
        let mut headers = HeaderMap::new();
        if !matches!(self, Outcome::UnknownHook | Outcome::Refused(Refusal::Method)) {
            for (name, value) in dress.global {
                headers.insert(name, value.clone());
            }
        }
        let answered = match &self {
            Outcome::Ran(Ran::Started(answered), _) => answered.clone(),
            _ => None,
        };
        let is_message = dress.sends && !matches!(self, Outcome::Ran(..));
        let (status, body) = self.status_and_body(dress, &mut headers);
        let body = if is_message && dress.json { in_json(status, body, &mut headers) } else { body };
        if let Some(reply) = dress.reply {
            for (name, value) in &reply.headers {
                headers.insert(name, value.clone());
            }
        }
        if is_message {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let body =
            if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) { Bytes::new() } else { body };
        if !body.is_empty() {
            // upstream: a hook's own words and a command's output have the type that they look like.
            let guessed = || HeaderValue::from_static(content_type(&body));
            headers.entry(CONTENT_TYPE).or_insert_with(|| if dress.reply.is_some() { guessed() } else { TEXT });
        }
        if status == StatusCode::NOT_MODIFIED {
            // upstream: net/http suppresses it, whoever set it.
            headers.remove(CONTENT_TYPE);
        }
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        if let Some(answered) = answered {
            response.extensions_mut().insert(answered);
        }
        response
    }

    fn status_and_body(self, dress: Dress<'_>, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
        use StatusCode as Code;
        let fixed = |code: StatusCode, text: &'static str| (code, Bytes::from_static(text.as_bytes()));
        match self {
            Outcome::Alive => fixed(Code::OK, "OK"),
            Outcome::Server => fixed(Code::OK, ""),
            Outcome::Moved(to) => {
                headers.extend(HeaderValue::from_str(&to).ok().map(|to| (LOCATION, to)));
                fixed(Code::MOVED_PERMANENTLY, "")
            }
            Outcome::Nowhere => {
                headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
                fixed(Code::NOT_FOUND, "404 page not found\n")
            }
            Outcome::Malformed => fixed(Code::BAD_REQUEST, "400 Bad Request"),
            Outcome::UnknownHook => fixed(Code::NOT_FOUND, "Hook not found."),
            Outcome::Quarantined => {
                fixed(Code::SERVICE_UNAVAILABLE, "This hook has a mistake in its definition; its log says which.")
            }
            Outcome::Body(BodyFault::TooLarge { limit }) => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
                (Code::PAYLOAD_TOO_LARGE, format!("The body is larger than {} MiB.", limit >> 20).into())
            }
            Outcome::Body(BodyFault::TooSlow) => fixed(Code::REQUEST_TIMEOUT, "The body did not arrive in time."),
            Outcome::Body(BodyFault::Crowded) => {
                come_back(headers, "Too many large bodies are being received; try again.")
            }
            Outcome::Body(BodyFault::Cut) => fixed(Code::BAD_REQUEST, "The body is cut short."),
            // Of a message its caller should hear why; a command's callers know the peer's answer.
            Outcome::NoForm(why) if dress.sends => {
                (Code::BAD_REQUEST, format!("The form can't be read: {why}.\n").into())
            }
            Outcome::NoForm(_) => fixed(Code::INTERNAL_SERVER_ERROR, "Error occurred while parsing multipart form."),
            Outcome::Refused(refusal) => refusal::answer(refusal, headers),
            Outcome::Unsatisfied(status) => fixed(status.unwrap_or(Code::OK), "Hook rules were not satisfied."),
            Outcome::RuleFault => fixed(Code::INTERNAL_SERVER_ERROR, "Error occurred while evaluating hook rules."),
            Outcome::NoDryRun => fixed(
                Code::FORBIDDEN,
                "Nothing was sent: a dry run tells names and addresses, so that the hook needs a token for it.\n",
            ),
            Outcome::Preview { composed, previews, runs } => {
                let preview = message::preview(&composed, &previews, runs);
                (Code::OK, said(preview, dress, headers))
            }
            Outcome::KeyReused => fixed(
                Code::UNPROCESSABLE_ENTITY,
                "The Idempotency-Key was used for another message within the last day: use a new one for each message.\n",
            ),
            Outcome::Told(value) => {
                headers.insert(CONTENT_TYPE, JSON);
                (Code::OK, format!("{value}\n").into())
            }
            Outcome::Wrong(how) => (Code::BAD_REQUEST, format!("{how}\n").into()),
            Outcome::Overloaded => come_back(headers, "Too much is waiting already; try again."),
            Outcome::NotStored => come_back(headers, "Message could not be stored."),
            Outcome::NeitherStoredNorSent { why, maybe } => {
                headers.insert(RETRY_AFTER, COME_BACK);
                let maybe = if maybe { "; it may have arrived" } else { "" };
                (Code::SERVICE_UNAVAILABLE, format!("Message could not be stored ({why}), nor sent{maybe}.").into())
            }
            Outcome::TemplateFault => {
                fixed(Code::INTERNAL_SERVER_ERROR, "Error occurred while rendering the hook's template.")
            }
            Outcome::Ran(ran, kept) => {
                headers.extend(kept.as_ref().and_then(Kept::stored).and_then(message_header));
                ran::answer(ran, dress.reply)
            }
            Outcome::Kept { kept: Kept::Stored(stored), names, status } => {
                stored_answer(&stored, names, status.as_deref(), dress, headers)
            }
            Outcome::Kept { kept: Kept::Sent { sent, recipients, left_out }, .. } => {
                let status = dress.reply.and_then(|reply| reply.status.set()).unwrap_or(Code::OK);
                let body = |headers: &mut HeaderMap| {
                    said(message::sent(sent, recipients, left_out.as_deref()), dress, headers)
                };
                (status, message_of(dress.reply).unwrap_or_else(|| body(headers)))
            }
            Outcome::Status(status) => {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                (Code::OK, said(message::status(&status), dress, headers))
            }
            Outcome::Whole(text) => {
                page::dress(headers);
                (Code::OK, text.into())
            }
            Outcome::Media(media) => (Code::OK, page::media(*media, headers)),
            Outcome::Challenge(answer) => {
                headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
                (Code::OK, answer.into())
            }
            Outcome::Heard => fixed(Code::OK, ""),
            Outcome::Unproven => fixed(Code::FORBIDDEN, "Forbidden.\n"),
            Outcome::Device(reply) => device::answer(reply, headers),
            Outcome::UnknownMessage => fixed(Code::NOT_FOUND, "Message not found."),
            Outcome::Unavailable => come_back(headers, "The outbox can't be asked now."),
            Outcome::Denied(denial) => admin::denied(denial, headers),
            Outcome::Readiness(readiness) => {
                (admin::status(&readiness), said(admin::readiness(&readiness), dress, headers))
            }
            Outcome::Metrics(text, format) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
                (Code::OK, text.into())
            }
        }
    }
}

fn come_back(headers: &mut HeaderMap, text: &'static str) -> (StatusCode, Bytes) {
    headers.insert(RETRY_AFTER, COME_BACK);
    (StatusCode::SERVICE_UNAVAILABLE, Bytes::from_static(text.as_bytes()))
}

/// A refusal in words, for a caller who would rather have JSON.
fn in_json(status: StatusCode, body: Bytes, headers: &mut HeaderMap) -> Bytes {
    if status.as_u16() < 400 || body.is_empty() || headers.contains_key(CONTENT_TYPE) {
        return body;
    }
    headers.insert(CONTENT_TYPE, JSON);
    format!("{}\n", json!({ "error": String::from_utf8_lossy(&body).trim_end() })).into()
}

fn message_header(stored: &Stored) -> Option<(HeaderName, HeaderValue)> {
    HeaderValue::from_str(&stored.id.to_string()).ok().map(|id| (MESSAGE_HEADER, id))
}

/// A message that was stored, or was before; the hook's own words for it, unless somebody waited.
fn stored_answer(
    stored: &Stored,
    names: bool,
    status: Option<&MessageStatus>,
    dress: Dress<'_>,
    headers: &mut HeaderMap,
) -> (StatusCode, Bytes) {
    headers.extend(message_header(stored));
    let fares = status.map(Fares::of);
    let code = match (fares, stored.duplicate) {
        (Some(Fares::Well), _) | (None, true) => StatusCode::OK,
        (Some(Fares::Badly), _) => StatusCode::BAD_GATEWAY,
        (Some(Fares::Unknown), _) | (None, false) => StatusCode::ACCEPTED,
    };
    let body = |headers: &mut HeaderMap| said(message::stored(stored, names, status, dress.base), dress, headers);
    match fares {
        Some(_) => (code, body(headers)),
        None => {
            let code = dress.reply.and_then(|reply| reply.status.set()).unwrap_or(code);
            (code, message_of(dress.reply).unwrap_or_else(|| body(headers)))
        }
    }
}

/// In the language that the caller wants.
fn said(said: Said, dress: Dress<'_>, headers: &mut HeaderMap) -> Bytes {
    if dress.json {
        headers.insert(CONTENT_TYPE, JSON);
        return format!("{}\n", said.json).into();
    }
    headers.insert(CONTENT_TYPE, TEXT);
    said.text.into()
}
