//! JSON for people's programs on the control socket: a message from the command line, and what an operator asks for.

use data_encoding::BASE64;
use http::{Method, Uri};
use serde::Deserialize;

use super::outcome::Outcome;
use super::recipients::recipients;
use super::site::Site;
use super::{Body, operator};
use crate::action::media::Brought;
use crate::action::send::{Composed, Kept, SendRefusal, keep};
use crate::clock::Timestamp;
use crate::message::media::Media;
use crate::message::{DEFAULT_TTL, Message, MessageId, Priority, TextFormat};
use crate::outbox::OutboxError;
use crate::request::text::{is_blank, readable};

/// A message from the command line: the largest that it may bring, in base64, and a text longer than any channel takes.
const MAX_BODY: usize = 24 * 1024 * 1024;

/// How long its body may take to arrive.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// `POST /api/v1/messages`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    to: OneOrMore,
    #[serde(default)]
    via: Option<OneOrMore>,
    #[serde(default)]
    title: Option<String>,
    text: String,
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    media: Option<NewMedia>,
}

/// What a message brings: a link, or a file by its name and its content in base64.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum NewMedia {
    Link { url: String },
    File { name: String, base64: String },
}

impl NewMedia {
    fn read(self) -> Result<Media, String> {
        match self {
            NewMedia::Link { url } => Media::linked(&url, None).map_err(|why| format!("media: {why}")),
            NewMedia::File { name, base64 } => match BASE64.decode(base64.as_bytes()) {
                Ok(bytes) => Ok(Media::file(&name, None, bytes.into(), None)),
                Err(e) => Err(format!("media: the content is no base64: {e}")),
            },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn into_list(self) -> Vec<String> {
        match self {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        }
    }
}

/// Answers on the control socket: `/api/v1`.
pub(super) async fn control(site: &Site, method: &Method, uri: &Uri, body: Body) -> Outcome {
    let Some(path) = uri.path().strip_prefix("/api/v1/") else { return Outcome::Nowhere };
    if (method, path) != (&Method::POST, "messages") {
        return operator::answer(site, method, path, uri.query().unwrap_or_default()).await;
    }
    match take(site, body).await {
        Ok(kept) => Outcome::Kept { kept, names: true, status: None },
        Err(refusal) => {
            tracing::warn!("a message from the control socket was refused: {refusal}");
            match refusal {
                SendRefusal::Caller(why) => Outcome::Wrong(why),
                SendRefusal::KeyReused => Outcome::KeyReused,
                SendRefusal::Template(_) | SendRefusal::Outbox(_) => Outcome::NotStored,
                SendRefusal::Neither { why, tried } => Outcome::NeitherStoredNorSent {
                    why: why.in_short(),
                    maybe: tried.missed.iter().any(|missed| missed.maybe),
                },
            }
        }
    }
}

async fn take(site: &Site, body: Body) -> Result<Kept, SendRefusal> {
    let wrong = SendRefusal::Caller;
    let body = body.known_if(true).read(MAX_BODY, BODY_TIME).await.map_err(|why| wrong(why.to_string()))?;
    let NewMessage { to, via, title, text, format, media } =
        serde_json::from_slice(&body).map_err(|e| wrong(format!("no message can be read from the body: {e}")))?;
    let text = readable(text.as_bytes(), None).text;
    if is_blank(&text) {
        return Err(wrong("the message is empty".to_owned()));
    }
    let title = title.map(|title| readable(title.as_bytes(), None).text);
    let via = via.map(OneOrMore::into_list).unwrap_or_default();
    let recipients = recipients(&site.live.current(), &to.into_list(), &via).map_err(wrong)?;
    let format = format.map_or(Some(TextFormat::Plain), |word| TextFormat::named(&word));
    let format = format.ok_or_else(|| wrong("the format of a text is plain or markup".to_owned()))?;
    let ways = site.means.ways();
    let judged = |media| Brought::judged(media, &recipients, |name| ways.direct.account(name), ways.has_pages);
    let brought = media.map(|media| media.read().map(judged)).transpose().map_err(wrong)?.unwrap_or_default();
    let now = site.means.clock.now();
    let message = new_message(title, text, format, now).map_err(OutboxError::Unavailable)?;
    keep(Composed::new(message, brought, recipients), ways).await
}

/// A message of no hook. The error says that the system gives no randomness.
pub fn new_message(title: Option<String>, text: String, format: TextFormat, now: Timestamp) -> Result<Message, String> {
    Ok(Message {
        id: MessageId::generate(now)?,
        hook: String::new(),
        caller: None,
        title: title.filter(|title| !is_blank(title)),
        text,
        format,
        thread: None,
        priority: Priority::default(),
        accepted_at: now,
        expires_at: now.plus(DEFAULT_TTL),
    })
}
