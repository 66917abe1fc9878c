//! Folding: what waits for one address's own limit goes as one text. Each delivery keeps its own lease and record.

use rusqlite::{OptionalExtension as _, params};

use super::error::OutboxError;
use super::rows::{self, Leased};
use super::writer::Pen;
use super::{canaries, media};
use crate::message::delivery::{Delivery, DeliveryId};
pub(super) use crate::message::fold::Piece;
use crate::message::fold::{self, Crowd};
use crate::message::{MessageId, Priority};

/// Deliveries that go as one: more than anybody reads, few enough to settle in one go.
const MOST: i64 = 200;

/// Those that go together with `head`, the next at its address, where more than `fold_after` wait with it: all behind it
/// up to the first that may not go yet.
pub(super) fn others(pen: &Pen<'_>, head: &Delivery, fold_after: u32) -> Result<Vec<Leased>, OutboxError> {
    if fold_after == 0 || !folds(head) || canaries::is_one(pen, head)? {
        return Ok(Vec::new());
    }
    let (account, address) = rows::place(head);
    let mut waiting = in_order(pen, &account, &address)?.into_iter();
    let enough = waiting.len() > usize::try_from(fold_after).unwrap_or(usize::MAX);
    if !enough || waiting.next().is_none_or(|first| first.delivery.id != head.id) {
        return Ok(Vec::new());
    }
    let mut others = Vec::new();
    for other in waiting {
        let Delivery { due_at, expires_at, form, .. } = &other.delivery;
        let may_go = *due_at <= pen.now && *expires_at > pen.now && *form == head.form && folds(&other.delivery);
        if !may_go
            || canaries::is_one(pen, &other.delivery)?
            || waits_elsewhere(pen, &other.delivery, &account, &address)?
        {
            break;
        }
        others.push(other);
    }
    Ok(others)
}

/// What is high is to be heard alone, and what is late tells its own time.
fn folds(delivery: &Delivery) -> bool {
    delivery.priority != Priority::High && !delivery.late
}

fn in_order(pen: &Pen<'_>, account: &str, address: &str) -> Result<Vec<Leased>, OutboxError> {
    const SQL: &str = concat!(
        "SELECT ",
        rows::delivery_columns!(),
        " FROM deliveries d JOIN messages m ON m.seq = d.message
         WHERE d.account = ?1 AND d.address = ?2 AND d.state = 'queued' AND d.late = 0
         ORDER BY d.priority DESC, d.id LIMIT ?3"
    );
    let mut statement = pen.prepare(SQL)?;
    let found = statement.query_map(params![account, address, MOST], rows::delivery)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Whether it lets an older one of its contact and hook go first, which came to another queue. One that came to this
/// queue goes in the same text.
fn waits_elsewhere(pen: &Pen<'_>, delivery: &Delivery, account: &str, address: &str) -> Result<bool, OutboxError> {
    let sql = "SELECT 1 FROM deliveries
               WHERE contact = ?1 AND hook = ?2 AND priority = ?3 AND id < ?4
                   AND state IN ('queued', 'sending') AND late = 0 AND moved_at IS NOT NULL
                   AND NOT (account = ?5 AND address = ?6)
               LIMIT 1";
    let Delivery { id, hook, recipient, priority, .. } = delivery;
    let given = params![recipient.contact, hook, rows::rank(*priority), id.0, account, address];
    Ok(pen.prepare(sql)?.query_row(given, |_| Ok(())).optional()?.is_some())
}

/// What goes as one.
pub(super) fn text<'a>(
    pen: &Pen<'_>,
    head: &'a Delivery,
    others: impl Iterator<Item = &'a Delivery>,
) -> Result<Piece, OutboxError> {
    let mut all: Vec<&Delivery> = std::iter::once(head).chain(others).collect();
    // In the order of acceptance: what is low may be older than what is normal.
    all.sort_unstable_by_key(|delivery| delivery.id);
    let (Some((newest, older)), Some(oldest)) = (all.split_last(), all.first()) else {
        return piece(pen, head.message);
    };
    let mut hooks: Vec<(String, usize)> = Vec::new();
    for delivery in &all {
        match hooks.iter_mut().find(|(hook, _)| *hook == delivery.hook) {
            Some((_, count)) => *count += 1,
            None => hooks.push((delivery.hook.clone(), 1)),
        }
    }
    let shown: Result<Vec<_>, _> = older.iter().take(fold::SHOWN).map(|old| piece(pen, old.message)).collect();
    let crowd = Crowd { hooks, from: oldest.accepted_at, to: newest.accepted_at };
    Ok(fold::one(&crowd, &shown?, piece(pen, newest.message)?))
}

/// What one message says, and what stands on what it brings.
pub(super) fn piece(pen: &Pen<'_>, message: MessageId) -> Result<Piece, OutboxError> {
    let sql = "SELECT title, text, thread, format FROM messages WHERE id = ?1";
    let media = media::label(pen.db, message)?.map(|label| (message, label));
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Piece { title: row.get(0)?, text: row.get(1)?, format: rows::format(row, 3)?, thread: row.get(2)?, media })
    };
    Ok(pen.prepare(sql)?.query_row([message.to_string()], read)?)
}

/// What stands in the attempts of each of so many that went as one, `first` the first of them.
pub(super) fn note(count: usize, first: DeliveryId) -> String {
    format!("{count} as one text, with delivery {}", first.0)
}
