//! What a device tells besides: what became of an item later, what people write to it, and how it is itself.

use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::fields::Fields;
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::contact::Directory;
use crate::http::callback;
use crate::http::outcome::{DeviceReply, Outcome};
use crate::http::site::Site;
use crate::message::delivery::Report;
use crate::message::news::{Inbound, News, Standing, Told};
use crate::provider::pull::Said;

/// More of what a device says of itself than anybody reads, in characters.
const MOST_WORDS: usize = 100;

/// News of an item, or of a person.
pub(super) enum Tells {
    /// What became of an item.
    Status(String, Report, Fields),
    /// What somebody wrote.
    Inbound(Fields),
}

impl Tells {
    /// `delivered`, `read`, or `failed` with a reason.
    pub(super) fn status(item: String, fields: Fields) -> Result<Tells, String> {
        let report = match fields.required("state")?.as_str() {
            "sent" => Report::Sent,
            "delivered" => Report::Delivered,
            "read" => Report::Read,
            "failed" => {
                let reason = fields.text("reason").unwrap_or_else(|| "ui_error".to_owned());
                let said = Said::refused(&reason, &fields.text("detail").unwrap_or_default(), None)?;
                said.outcome(&item).map_or_else(Report::Failed, |_| Report::Sent)
            }
            _ => return Err("\"state\" is one of delivered, read, failed".to_owned()),
        };
        fields.at(Timestamp::default())?;
        Ok(Tells::Status(item, report, fields))
    }

    /// A message from a person: by number, or by the name that the phone shows.
    pub(super) fn inbound(fields: Fields) -> Result<Tells, String> {
        if fields.text("from").is_none() && fields.text("name").is_none() {
            return Err("\"from\" or \"name\" is missing: who wrote it?".to_owned());
        }
        fields.at(Timestamp::default())?;
        Ok(Tells::Inbound(fields))
    }

    /// For the outbox.
    pub(super) fn news(self, directory: &Directory, now: Timestamp) -> Vec<News> {
        match self {
            Tells::Status(item, report, fields) => {
                let at = fields.at(now).unwrap_or(now);
                vec![News::Told(Told { receipt: item.clone(), key: Some(item), report, at })]
            }
            Tells::Inbound(fields) => vec![News::Inbound(inbound(&fields, directory, now))],
        }
    }
}

fn inbound(fields: &Fields, directory: &Directory, now: Timestamp) -> Inbound {
    let text = fields.text("text").unwrap_or_default();
    let at = fields.at(now).unwrap_or(now);
    let name = fields.text("name");
    let from = fields.text("from").map(|from| number(&from));
    let address = from.or_else(|| name.clone()).unwrap_or_default();
    // A notification may show what the phone's own book calls somebody, and no number.
    let named = name.filter(|name| directory.contacts.values().any(|contact| contact.name == *name));
    Inbound {
        id: fields.text("dedupe").unwrap_or_else(|| dedupe(&address, &text, at)),
        contact: named,
        address,
        kind: "text".to_owned(),
        text,
        at,
        window: None,
    }
}

/// A number in E.164 with the plus, should it be one; else what it is.
fn number(from: &str) -> String {
    let digits: String = from.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '\u{a0}')).collect();
    let bare = digits.strip_prefix('+').unwrap_or(&digits);
    match (7..=15).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("+{bare}"),
        false => from.to_owned(),
    }
}

/// For a tool that gives no name to a message: who wrote what, and when.
fn dedupe(address: &str, text: &str, at: Timestamp) -> String {
    let whole = [address, text, &at.millis().to_string()].join("\0");
    HEXLOWER.encode(digest(&SHA256, whole.as_bytes()).as_ref())
}

/// Writes news of the account down.
pub(super) async fn tell(site: &Site, name: AccountName, news: Vec<News>) -> Outcome {
    let contacts = &site.live.current().directory;
    match callback::take(site, contacts, vec![(name, news)]).await {
        Outcome::Heard => Outcome::Device(DeviceReply::Done(json!({}))),
        other => other,
    }
}

/// How the reason begins why nothing goes by the account of a device that says so.
const BLOCKED: &str = "the phone says that it can't send: ";

/// The device says how it is; it hears how long nothing will be due in any case.
pub(super) async fn heartbeat(site: &Site, name: AccountName, fields: &Fields) -> Outcome {
    let word =
        |field| words(&fields.text(field).or_else(|| fields.get(field).map(Value::to_string)).unwrap_or_default());
    let (battery, screen, app) = (word("battery"), word("screen"), word("app_version"));
    tracing::debug!(account = %name, battery, screen, app, "a phone's heartbeat");
    let Some(outbox) = site.means.outbox.get() else { return Outcome::Unavailable };
    let state = match outbox.accounts().await {
        Ok(all) => all.into_iter().find(|state| state.account == name),
        Err(why) => {
            tracing::error!(account = %name, "the outbox could not be asked: {why}");
            return Outcome::Unavailable;
        }
    };
    let (held, broken) = state.map(|state| (state.held_until, state.broken)).unwrap_or_default();
    let was_blocked = broken.is_some_and(|(_, why)| why.starts_with(BLOCKED));
    let blocked = match fields.get("queue_blocked") {
        Some(Value::Bool(true)) => Some("it does not say why".to_owned()),
        // A form has only texts.
        _ => fields.text("queue_blocked").filter(|why| why != "false"),
    };
    let standing = match blocked {
        Some(why) => Some(Standing::Down { why: format!("{BLOCKED}{}", words(&why)) }),
        None if was_blocked && fields.get("queue_blocked").is_some() => Some(Standing::Well),
        None => None,
    };
    let is_well = standing == Some(Standing::Well);
    if let Some(standing) = standing
        && let Outcome::NotStored = tell(site, name, vec![News::Standing(standing)]).await
    {
        return Outcome::NotStored;
    }
    let held = held.filter(|_| !is_well).map_or(0, |until| until.since(site.means.clock.now()).as_secs());
    Outcome::Device(DeviceReply::Done(json!({ "pause_s": held })))
}

/// A few harmless words on one line.
fn words(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MOST_WORDS).map(plain).collect()
}
