//! JSON for people's programs: where a message stands, and a message from the command line.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::Body;
use super::site::{Answer, Site};
use crate::account::AccountName;
use crate::action::send::{random_bits, store};
use crate::config::Config;
use crate::contact::{Contact, Recipient};
use crate::hook::ways_of;
use crate::message::{Message, MessageId, Priority};
use crate::outbox::MessageStatus;
use crate::request::text::is_blank;

/// Deliveries of a message from the command line are given up after a day.
const TTL: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

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
pub(super) async fn control(site: &Site, method: &Method, path: &str, body: Body) -> Answer {
    if path != "/api/v1/messages" {
        return answer(StatusCode::NOT_FOUND, &json!({ "error": format!("there is nothing at {path}") }));
    }
    if method != Method::POST {
        return answer(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "POST a message here" }));
    }
    match new_message(site, body).await {
        Ok(stored) => answer(StatusCode::ACCEPTED, &stored),
        Err((status, why)) => {
            tracing::warn!(why, "a message from the control socket was refused");
            answer(status, &json!({ "error": why }))
        }
    }
}

async fn new_message(site: &Site, body: Body) -> Result<serde_json::Value, (StatusCode, String)> {
    let wrong = |why: String| (StatusCode::BAD_REQUEST, why);
    let body = body.read(MAX_BODY, BODY_TIME).await.map_err(|why| wrong(why.to_string()))?;
    let NewMessage { to, via, title, text } =
        serde_json::from_slice(&body).map_err(|e| wrong(format!("no message can be read from the body: {e}")))?;
    if is_blank(&text) {
        return Err(wrong("the message is empty".to_owned()));
    }
    let via = via.map(OneOrMore::into_list).unwrap_or_default();
    let recipients = recipients(&site.live.current(), &to.into_list(), &via).map_err(wrong)?;
    let unavailable = |why: String| (StatusCode::SERVICE_UNAVAILABLE, why);
    let outbox =
        site.means.outbox.get().ok_or_else(|| unavailable("there is no outbox: no account is set up".to_owned()))?;
    let now = site.means.clock.now();
    let message = Message {
        id: MessageId::new(now, random_bits().map_err(unavailable)?),
        hook: String::new(),
        caller: None,
        title: title.filter(|title| !is_blank(title)),
        text,
        priority: Priority::default(),
        accepted_at: now,
        expires_at: now.plus(TTL),
    };
    let stored = store(message, recipients, outbox).await.map_err(|e| unavailable(e.to_string()))?;
    Ok(json!({ "id": stored.id.to_string(), "recipients": stored.contacts }))
}

/// Whom a message from the command line goes to.
///
/// # Errors
/// In words for the one who typed it: nobody of that name, no such account, no way.
pub fn recipients(config: &Config, to: &[String], via: &[String]) -> Result<Vec<Recipient>, String> {
    let via: Vec<AccountName> = via.iter().map(|name| AccountName::new(name)).collect();
    if let Some(unknown) = via.iter().find(|account| !config.account_directory.contains_key(*account)) {
        return Err(format!("no account is called \"{unknown}\""));
    }
    let mut contacts: Vec<Contact> = Vec::new();
    for name in to {
        contacts.extend(config.directory.called(name)?);
    }
    if contacts.is_empty() {
        return Err("to whom?".to_owned());
    }
    ways_of(&contacts, &via, &[], &config.account_directory)
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// Where a message stands: states only, no names and no text, for whoever has its id may ask.
pub(super) fn status_answer(status: &MessageStatus, json: bool, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
    let id = status.message.id;
    let accepted = status.message.accepted_at;
    if json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        let deliveries: Vec<_> = status
            .deliveries
            .iter()
            .map(|row| {
                json!({
                    "state": row.delivery.state.as_str(),
                    "attempts": row.attempts,
                    "late": row.delivery.late,
                    "possible-duplicate": row.delivery.possible_duplicate,
                })
            })
            .collect();
        let body = json!({ "id": id.to_string(), "accepted": accepted.to_string(), "deliveries": deliveries });
        return (StatusCode::OK, body.to_string().into());
    }
    let mut text = format!("{id} accepted {accepted}\n");
    for (number, row) in status.deliveries.iter().enumerate() {
        let late = if row.delivery.late { ", late" } else { "" };
        let twice = if row.delivery.possible_duplicate { ", possible duplicate" } else { "" };
        let tries = if row.attempts == 1 { "attempt" } else { "attempts" };
        text.push_str(&format!(
            "{}: {}, {} {tries}{late}{twice}\n",
            number + 1,
            row.delivery.state.as_str(),
            row.attempts
        ));
    }
    (StatusCode::OK, text.into())
}
