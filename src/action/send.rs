//! The bridge between a call and the outbox: one message, one delivery per contact, one transaction.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use super::media::Brought;
use super::once::onces;
use super::ways::Ways;
use crate::clock::{Clock, Timestamp};
use crate::contact::{self, Contact, Recipient};
use crate::dispatch::direct::Tried;
use crate::hook::{Hook, PriorityRule, Send, To};
use crate::message::media::Media;
use crate::message::{self, Message, MessageId, Priority};
use crate::metrics::MessageEnd;
use crate::outbox::{Accepted, Content, Once, OutboxError};
use crate::request::HookRequest;
use crate::request::body::{BodyError, BodyFormat};
use crate::request::map::Map;
use crate::request::parameter::Parameter;
use crate::request::text::{is_blank, readable};
use crate::request::value::Value;

/// The longest message with its heading, in bytes: more than any channel takes, and less than a caller needs to fill
/// the disk.
const MAX_TEXT: usize = 1024 * 1024;

/// Why something is left out that would be too much.
const NO_ROOM: &str = "the outbox keeps no more media: what waits with some fills its room";

/// The query parameter that asks to try without ringing.
pub const DRY_RUN: &str = "dry-run";

/// The query parameter that asks to answer once it is known how the message fared.
pub const WAIT: &str = "wait";

/// A message that was stored, and what its caller may hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its public name.
    pub id: MessageId,
    /// Names of the contacts it goes to.
    pub contacts: Vec<String>,
    /// Whether it was accepted before, so that this call stored nothing.
    pub duplicate: bool,
    /// Why what it was to bring is left out, if it is.
    pub left_out: Option<String>,
}

/// A message that can be stored, and what makes another call the same.
#[derive(Debug)]
pub struct Composed {
    /// The message.
    pub message: Message,
    /// What goes along with it.
    pub media: Option<Arc<Media>>,
    /// Why what it was to bring is left out, if it is.
    pub left_out: Option<String>,
    /// To whom.
    pub recipients: Vec<Recipient>,
    onces: Vec<Once>,
}

impl Composed {
    /// A message that is another one each time.
    pub fn new(message: Message, brought: Brought, recipients: Vec<Recipient>) -> Composed {
        let text = brought.noted(message.text);
        let Brought { media, left_out } = brought;
        let left_out = left_out.map(|left_out| left_out.why);
        Composed { message: Message { text, ..message }, media, left_out, recipients, onces: Vec::new() }
    }
}

/// What became of a message that its caller need not bring again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk.
    Stored(Stored),
    /// It could not be stored, and was sent straight from memory.
    Sent {
        /// To so many; at least one.
        sent: usize,
        /// Of so many.
        recipients: usize,
        /// Why what it was to bring is left out, if it is.
        left_out: Option<String>,
    },
}

impl Kept {
    /// The message on disk, where there is one.
    pub fn stored(&self) -> Option<&Stored> {
        match self {
            Kept::Stored(stored) => Some(stored),
            Kept::Sent { .. } => None,
        }
    }
}

/// Why a call makes no message.
#[derive(Debug, thiserror::Error)]
pub enum SendRefusal {
    /// The caller must say it otherwise. The text is for the caller.
    #[error("{0}")]
    Caller(String),
    /// The hook's template does not render for this call. The text is for the log.
    #[error("{0}")]
    Template(String),
    /// The call's key stands for another message.
    #[error("its Idempotency-Key was used for another message within the last day")]
    KeyReused,
    /// The outbox did not take it, and nothing else was tried.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// It could neither be stored nor sent.
    #[error("{why}; sent straight from memory it reached nobody: {}", tried.failures())]
    Neither {
        /// Why it could not be stored.
        why: OutboxError,
        /// What came of sending it.
        tried: Tried,
    },
}

/// What a message template may speak of.
#[derive(Serialize)]
struct Names<'a> {
    msg: &'a str,
    title: Option<&'a str>,
    query: Cow<'a, Value>,
    payload: Cow<'a, Value>,
    headers: Cow<'a, Value>,
    hook: &'a str,
    now: String,
}

/// Makes the message of a call and keeps it.
pub async fn send(
    hook: &Hook,
    send: &Send,
    request: &HookRequest,
    caller: Option<String>,
    ways: Ways<'_>,
    clock: &Clock,
) -> Result<Kept, SendRefusal> {
    let composed = compose(hook, send, request, caller, &ways, clock.now())?;
    log_unused(hook, request);
    keep(composed, ways).await
}

/// Makes the message of a call, and stores nothing.
pub fn compose(
    hook: &Hook,
    send: &Send,
    request: &HookRequest,
    caller: Option<String>,
    ways: &Ways<'_>,
    now: Timestamp,
) -> Result<Composed, SendRefusal> {
    let title = title(send, request, hook);
    let said = message(Some(send), request).unwrap_or_default();
    let msg = readable(&said, hook.reading.charset);
    // Of JSON the reader has put the signs for what can't be read.
    if msg.lossy || msg.text.contains(char::REPLACEMENT_CHARACTER) && std::str::from_utf8(&request.body).is_err() {
        tracing::warn!(hook = %hook.id, "the message is not UTF-8: set \"charset\", for instance \"windows-1251\"");
    }
    let rendered = |now| rendered(hook, send, request, &msg.text, title.as_deref(), now);
    let text = rendered(now)?;
    if is_blank(&text) && !send.allow_empty {
        return Err(SendRefusal::Caller(nothing_to_say(send, request)));
    }
    let length = text.len() + title.as_ref().map_or(0, String::len);
    if length > MAX_TEXT {
        return Err(SendRefusal::Caller(format!("the message has {length} bytes: send at most {MAX_TEXT}")));
    }
    let recipients = recipients(hook, send, request)?;
    let brought = send.brings.as_ref().map(|brings| {
        let names = names(&msg.text, title.as_deref(), hook, request, now);
        Brought::of_call(hook, brings, request, &names, &recipients, ways)
    });
    let brought = brought.unwrap_or_default();
    // A repeated call says the same, though its template may tell the time.
    let timeless = || rendered(Timestamp::default()).unwrap_or_else(|_| text.clone());
    let content = || {
        let content = Content::of(title.as_deref(), &brought.noted(timeless()), &recipients);
        let content = brought.media.as_ref().map_or(content, |media| content.with(media));
        // Where not all can be read, texts that differ may look the same.
        let is_lossy = text.contains(char::REPLACEMENT_CHARACTER);
        if is_lossy { content.with_bytes(&said).with_bytes(&request.body) } else { content }
    };
    let onces = onces(hook, send, request, caller.as_deref(), content).map_err(SendRefusal::Caller)?;
    let message = Message {
        id: MessageId::generate(now).map_err(OutboxError::Unavailable)?,
        hook: hook.id.as_str().to_owned(),
        caller,
        title,
        text,
        format: send.format,
        thread: thread(send, request, hook),
        priority: priority(&send.priority, request, hook),
        accepted_at: now,
        expires_at: now.plus(send.ttl),
    };
    Ok(Composed { onces, ..Composed::new(message, brought, recipients) })
}

/// Stores a message; when this returns it is on disk. Where that can't be it is sent at once, by one try for each
/// recipient.
pub async fn keep(composed: Composed, ways: Ways<'_>) -> Result<Kept, SendRefusal> {
    if let Some(why) = &composed.left_out {
        tracing::warn!(hook = composed.message.hook, "the text goes without what it was to bring: {why}");
    }
    let kept = store_or_send(composed, ways).await;
    match &kept {
        Ok(Kept::Stored(stored)) if stored.duplicate => ways.metrics.message(MessageEnd::Duplicate),
        Ok(Kept::Stored(_)) => ways.metrics.message(MessageEnd::Stored),
        Ok(Kept::Sent { .. }) => ways.metrics.message(MessageEnd::Direct),
        Err(SendRefusal::Neither { .. } | SendRefusal::Outbox(_)) => ways.metrics.message(MessageEnd::Lost),
        Err(SendRefusal::Caller(_) | SendRefusal::Template(_) | SendRefusal::KeyReused) => {}
    }
    kept
}

async fn store_or_send(composed: Composed, ways: Ways<'_>) -> Result<Kept, SendRefusal> {
    let Composed { message, media, left_out, recipients, onces } = composed;
    let stored = match ways.outbox {
        Some(outbox) => outbox.enqueue_bringing(message.clone(), media.clone(), recipients.clone(), onces).await,
        None => Err(OutboxError::NotOpen),
    };
    let kept = |id, duplicate, left_out| {
        let contacts = recipients.iter().map(|recipient| recipient.contact.clone()).collect();
        Ok(Kept::Stored(Stored { id, contacts, duplicate, left_out }))
    };
    let why = match stored {
        Ok(Accepted::New) => return kept(message.id, false, left_out),
        Ok(Accepted::NewAlone) => {
            tracing::error!(id = %message.id, hook = message.hook, "{NO_ROOM}");
            return kept(message.id, false, Some(NO_ROOM.to_owned()));
        }
        Ok(Accepted::Duplicate(first)) => return kept(first, true, left_out),
        Ok(Accepted::KeyReused) => return Err(SendRefusal::KeyReused),
        Err(OutboxError::Nobody) => return Err(OutboxError::Nobody.into()),
        Err(why) => why,
    };
    let tried = ways.direct.send(&message, media.as_ref(), &recipients).await;
    ways.direct.tell_of_store(&why.to_string(), &message.hook, &tried);
    let (sent, recipients) = (tried.sent, tried.recipients());
    if sent == 0 {
        return Err(SendRefusal::Neither { why, tried });
    }
    tracing::error!(id = %message.id, hook = message.hook, sent, recipients, failures = tried.failures(), "sent straight from memory, not stored: {why}");
    Ok(Kept::Sent { sent, recipients, left_out })
}

/// A hook's values for templates, with the message and heading of this call.
pub fn render_words(
    words: &crate::template::Words,
    hook: &Hook,
    request: &HookRequest,
    now: Timestamp,
) -> Result<Vec<String>, String> {
    let send = hook.action.send();
    let title = send.and_then(|send| title(send, request, hook));
    let msg = readable(&message(send, request).unwrap_or_default(), hook.reading.charset).text;
    words.render(&names(&msg, title.as_deref(), hook, request, now))
}

/// The heading of a call, where there is one.
fn title(send: &Send, request: &HookRequest, hook: &Hook) -> Option<String> {
    let title = send.title.as_ref().map(|parameter| read(parameter, request, hook));
    title.filter(|title| !is_blank(title)).map(|title| title.trim().to_owned())
}

/// The conversation that a call's message belongs to, where it says so.
fn thread(send: &Send, request: &HookRequest, hook: &Hook) -> Option<String> {
    let about = send.thread.as_ref().map(|parameter| read(parameter, request, hook));
    about.filter(|about| !is_blank(about)).map(|about| message::thread(hook.id.as_str(), about.trim()))
}

/// The bytes of a call's message.
fn message(send: Option<&Send>, request: &HookRequest) -> Option<Vec<u8>> {
    match send.and_then(|send| send.message.as_ref()) {
        Some(parameter) => parameter.present(request),
        None => default_message(request),
    }
}

fn names<'a>(
    msg: &'a str,
    title: Option<&'a str>,
    hook: &'a Hook,
    request: &'a HookRequest,
    now: Timestamp,
) -> Names<'a> {
    let [query, payload, headers] =
        [&request.query, &request.payload, &request.headers].map(|value| value.decoded(hook.reading.charset));
    Names { msg, title, query, payload, headers, hook: hook.id.as_str(), now: now.to_string() }
}

fn rendered(
    hook: &Hook,
    send: &Send,
    request: &HookRequest,
    msg: &str,
    title: Option<&str>,
    now: Timestamp,
) -> Result<String, SendRefusal> {
    match &send.text {
        Some(template) => template.render(&names(msg, title, hook, request, now)).map_err(SendRefusal::Template),
        None => Ok(msg.to_owned()),
    }
}

/// The first present of url `msg`, payload `msg`, `message`, `text`, and a text/plain body. A `null` is not present.
fn default_message(request: &HookRequest) -> Option<Vec<u8>> {
    let named = |map: &Map<Value>, name: &[u8]| map.get(name).filter(|value| !value.is_null()).map(Value::to_text);
    let in_query = match &request.query {
        Value::Map(query) => named(query, b"msg"),
        _ => None,
    };
    let in_payload = || {
        let fields = request.fields()?;
        [&b"msg"[..], b"message", b"text"].into_iter().find_map(|name| named(fields, name))
    };
    let in_body = || (request.format == BodyFormat::Text).then(|| request.body.to_vec());
    in_query.or_else(in_payload).or_else(in_body)
}

fn read(parameter: &Parameter, request: &HookRequest, hook: &Hook) -> String {
    let bytes = parameter.present(request).unwrap_or_default();
    readable(&bytes, hook.reading.charset).text
}

/// What to tell a caller whose message is blank: how to send one.
fn nothing_to_say(send: &Send, request: &HookRequest) -> String {
    if let Some(parameter) = &send.message {
        return format!("the message is empty: it is read from {} \"{}\"", parameter.source.as_str(), parameter.name);
    }
    match request.body_error.as_ref().filter(|_| !request.body.is_empty() && request.format != BodyFormat::Text) {
        Some(BodyError::Unsupported(given)) if given.is_empty() => {
            return "no message can be read without a content type: with curl -H \"Content-Type: text/plain\""
                .to_owned();
        }
        Some(why) => return format!("no message can be read: {why}"),
        None => {}
    }
    match request.format {
        BodyFormat::Form if !request.body.is_empty() && default_message(request).is_none() => {
            "the message is empty: the form has no field msg. With curl write --data-urlencode msg=\"…\" in place of -d"
                .to_owned()
        }
        BodyFormat::Multipart if default_message(request).is_none() => {
            "the message is empty: the form has no field msg. With curl write -F \"msg=…\"".to_owned()
        }
        BodyFormat::Json if send.text.is_none() && !request.body.is_empty() && default_message(request).is_none() => {
            "the message is empty: the JSON has none of msg, message and text".to_owned()
        }
        _ => "the message is empty: give it as msg, for instance curl -G URL --data-urlencode msg=\"…\"".to_owned(),
    }
}

fn recipients(hook: &Hook, send: &Send, request: &HookRequest) -> Result<Vec<Recipient>, SendRefusal> {
    let (parameter, via, directory, accounts) = match &send.to {
        To::Fixed(recipients) => return Ok(recipients.clone()),
        To::Called { parameter, via, directory, accounts } => (parameter, via, directory, accounts),
    };
    let name = read(parameter, request, hook);
    if is_blank(&name) {
        return Err(SendRefusal::Caller(format!("to whom? the parameter {} is missing or empty", parameter.name)));
    }
    let contacts: Vec<Contact> = directory.called(&name).map_err(SendRefusal::Caller)?;
    for why in contacts.iter().filter_map(|contact| contact.ways(via, accounts).err()) {
        tracing::warn!(hook = %hook.id, "{why}");
    }
    contact::recipients(&contacts, via, &send.also, accounts).map_err(SendRefusal::Caller)
}

fn priority(rule: &PriorityRule, request: &HookRequest, hook: &Hook) -> Priority {
    match rule {
        PriorityRule::Fixed(priority) => *priority,
        PriorityRule::ByValue { parameter, map } => {
            let value = read(parameter, request, hook);
            map.iter().find(|(name, _)| *name == value).map_or(Priority::default(), |(_, priority)| *priority)
        }
    }
}

/// A query parameter that nothing reads is most likely the rest of a message with a raw `&` in it.
fn log_unused(hook: &Hook, request: &HookRequest) {
    let Value::Map(query) = &request.query else { return };
    let keys = query.iter().map(|(key, _)| String::from_utf8_lossy(key));
    let ours = ["msg", WAIT, DRY_RUN];
    let unused: Vec<_> = keys.filter(|key| !ours.contains(&key.as_ref()) && !hook.reads_from_url(key)).collect();
    if !unused.is_empty() {
        let unused = unused.join(", ");
        tracing::warn!(hook = %hook.id, unused, "query parameters that nothing reads: is there a raw & in the message?");
    }
}
