//! JSON for people's programs on the control socket: a message from the command line, and what an operator asks for.

use http::{Method, Uri};
use serde::Deserialize;

use super::outcome::Outcome;
use super::site::Site;
use super::{Body, operator};
use crate::account::AccountName;
use crate::action::send::{Composed, Kept, SendRefusal, keep};
use crate::config::Config;
use crate::contact::{self, Contact, Recipient, Via};
use crate::message::{DEFAULT_TTL, Message, MessageId, Priority};
use crate::outbox::OutboxError;
use crate::request::text::{is_blank, readable};

/// A message from the command line: longer than any channel takes.
const MAX_BODY: usize = 1024 * 1024;

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
    match new_message(site, body).await {
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

async fn new_message(site: &Site, body: Body) -> Result<Kept, SendRefusal> {
    let wrong = SendRefusal::Caller;
    let body = body.read(MAX_BODY, BODY_TIME).await.map_err(|why| wrong(why.to_string()))?;
    let NewMessage { to, via, title, text } =
        serde_json::from_slice(&body).map_err(|e| wrong(format!("no message can be read from the body: {e}")))?;
    let text = readable(text.as_bytes(), None).text;
    if is_blank(&text) {
        return Err(wrong("the message is empty".to_owned()));
    }
    let title = title.map(|title| readable(title.as_bytes(), None).text);
    let via = via.map(OneOrMore::into_list).unwrap_or_default();
    let recipients = recipients(&site.live.current(), &to.into_list(), &via).map_err(wrong)?;
    let now = site.means.clock.now();
    let message = Message {
        id: MessageId::generate(now).map_err(OutboxError::Unavailable)?,
        hook: String::new(),
        caller: None,
        title: title.filter(|title| !is_blank(title)),
        text,
        thread: None,
        priority: Priority::default(),
        accepted_at: now,
        expires_at: now.plus(DEFAULT_TTL),
    };
    keep(Composed::new(message, recipients), site.means.ways()).await
}

/// Whom a message from the command line goes to.
///
/// # Errors
/// In words for the one who typed it: nobody of that name, no such account, no way.
pub fn recipients(config: &Config, to: &[String], via: &[String]) -> Result<Vec<Recipient>, String> {
    let via: Vec<Via> = via.iter().map(|name| Via::account(AccountName::new(name))).collect();
    if let Some(unknown) = via.iter().find(|via| !config.account_directory.contains_key(&via.account)) {
        return Err(format!("no account is called \"{}\"", unknown.account));
    }
    let mut contacts: Vec<Contact> = Vec::new();
    for name in to {
        contacts.extend(config.directory.called(name)?);
    }
    let accounts = &config.account_directory;
    let undecided = contacts.iter().find(|contact| via.is_empty() && contact.via.is_empty());
    if let Some(contact) = undecided.filter(|_| accounts.len() > 1) {
        let flags: Vec<_> = accounts.keys().map(|account| format!("-via {account}")).collect();
        return Err(format!("no way to {}: name an account: {}", contact.name, flags.join(" or ")));
    }
    contact::recipients(&contacts, &via, &[], accounts)
}
