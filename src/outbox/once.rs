//! Calls that are accepted once, however often they are made: by an `Idempotency-Key`, or within a window.

use std::time::Duration;

use ring::digest;
use rusqlite::{OptionalExtension as _, params};

use super::error::OutboxError;
use super::writer::Pen;
use crate::clock::Timestamp;
use crate::contact::Recipient;
use crate::message::media::{Media, MediaSource};
use crate::message::{Message, MessageId};

/// For how long a key is known.
const KEY_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// The kind of those that callers give.
const KEY: &str = "key";

/// Rows whose time is over that one accepted call sweeps away: more than it adds.
const SWEEP: i64 = 8;

/// What a store made of a message that may be a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk.
    New,
    /// It is on disk, but for what it brings: there is no room for that.
    NewAlone,
    /// Nothing was stored: this message is the same, and was accepted before.
    Duplicate(MessageId),
    /// Nothing was stored: its key stands for a message that says something else.
    KeyReused,
}

/// What a message says to whom, as a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content([u8; 32]);

impl Content {
    /// Of heading, text and the names of the recipients: where they are reached may change between two calls.
    pub fn of(title: Option<&str>, text: &str, recipients: &[Recipient]) -> Content {
        let names = recipients.iter().map(|recipient| recipient.contact.as_str());
        // No heading is another one than an empty one.
        let parts = [if title.is_some() { "title" } else { "" }, title.unwrap_or_default(), text];
        Content(fingerprint(parts.into_iter().chain(names)))
    }

    /// The same, of a message that brings this.
    pub fn with(self, media: &Media) -> Content {
        let content = data_encoding::BASE64.encode(&self.0);
        let source = match &media.source {
            MediaSource::Link(link) => link.clone(),
            MediaSource::Bytes(bytes) => data_encoding::BASE64.encode(digest::digest(&digest::SHA256, bytes).as_ref()),
        };
        Content(fingerprint(["media", &content, media.kind.as_str(), &source].into_iter()))
    }

    /// The same, of a call that has these bytes.
    pub fn with_bytes(self, bytes: &[u8]) -> Content {
        let [content, bytes] = [&self.0[..], digest::digest(&digest::SHA256, bytes).as_ref()]
            .map(|bytes| data_encoding::BASE64.encode(bytes));
        Content(fingerprint(["bytes", &content, &bytes].into_iter()))
    }
}

/// What makes two calls the same one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    kind: &'static str,
    key: [u8; 32],
    content: Content,
    lasts: Duration,
}

impl Once {
    /// The caller's own key: it stands for one message for a day, per hook and caller.
    pub fn by_key(hook: &str, caller: Option<&str>, key: &str, content: Content) -> Once {
        let named = if caller.is_some() { "caller" } else { "" };
        let key = fingerprint(["key", hook, named, caller.unwrap_or_default(), key].into_iter());
        Once { kind: KEY, key, content, lasts: KEY_LASTS }
    }

    /// The same content of the same hook, within a window that begins with the first.
    pub fn within(window: Duration, hook: &str, content: Content) -> Once {
        let text = data_encoding::BASE64.encode(&content.0);
        Once { kind: "window", key: fingerprint(["window", hook, &text].into_iter()), content, lasts: window }
    }
}

/// SHA-256 over the parts, each with its length, so that none runs into the next.
fn fingerprint<'a>(parts: impl Iterator<Item = &'a str>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_le_bytes());
        context.update(part.as_bytes());
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Looks whether the message was accepted before by any of `onces`, and notes all of them for the message that it is.
/// `New` means that it is for the caller to store it, in this transaction.
pub(super) fn look(pen: &Pen<'_>, message: &Message, onces: &[Once]) -> Result<Accepted, OutboxError> {
    if onces.is_empty() {
        return Ok(Accepted::New);
    }
    sweep(pen)?;
    let mut first = None;
    for once in onces {
        match known(pen, once)? {
            Some((_, content)) if content != once.content.0 => return Ok(Accepted::KeyReused),
            Some((id, _)) => first = first.or(Some(id)),
            None => {}
        }
    }
    let id = first.unwrap_or(message.id);
    // A window begins with a message; one that only repeats another begins none.
    for once in onces.iter().filter(|once| first.is_none() || once.kind == KEY) {
        note(pen, once, id)?;
    }
    Ok(first.map_or(Accepted::New, Accepted::Duplicate))
}

fn known(pen: &Pen<'_>, once: &Once) -> Result<Option<(MessageId, [u8; 32])>, OutboxError> {
    let sql = "SELECT message, content FROM once WHERE key = ?1 AND expires_at > ?2";
    let read = |row: &rusqlite::Row<'_>| Ok((super::rows::parsed(row, 0)?, row.get(1)?));
    Ok(pen.prepare(sql)?.query_row(params![once.key, pen.now.millis()], read).optional()?)
}

/// A row whose time is over gives way; one that still counts stays as it is: its time began with the first call.
fn note(pen: &Pen<'_>, once: &Once, id: MessageId) -> Result<(), OutboxError> {
    let sql = "INSERT INTO once (key, kind, content, message, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET content = excluded.content, message = excluded.message,
                   expires_at = excluded.expires_at WHERE expires_at <= ?6";
    let (now, until): (Timestamp, Timestamp) = (pen.now, pen.now.plus(once.lasts));
    let given = params![once.key, once.kind, once.content.0, id.to_string(), until.millis(), now.millis()];
    pen.prepare(sql)?.execute(given)?;
    Ok(())
}

fn sweep(pen: &Pen<'_>) -> Result<(), OutboxError> {
    let sql = "DELETE FROM once WHERE key IN (SELECT key FROM once WHERE expires_at <= ?1 LIMIT ?2)";
    pen.prepare(sql)?.execute(params![pen.now.millis(), SWEEP])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_runs_into_the_next() {
        let content = |title, text| Content::of(title, text, &[]);
        assert_ne!(content(Some("ab"), "c"), content(Some("a"), "bc"));
        assert_ne!(content(None, "c"), content(Some(""), "c"));
        let key = |hook, caller, key| Once::by_key(hook, caller, key, content(None, "")).key;
        let keys = [key("a", None, "k"), key("a", Some(""), "k"), key("a", Some("k"), ""), key("b", None, "k")];
        assert!(keys.iter().enumerate().all(|(at, one)| keys[..at].iter().all(|other| one != other)));
        assert_eq!(key("a", None, "k"), key("a", None, "k"));
    }
}
