//! Forgetting what ended long ago: a little at a time, between what others want.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::params;

use super::error::OutboxError;
use super::writer::Pen;
use crate::clock::Timestamp;

/// Deliveries that one operation looks at or deletes: whoever wants to store a message waits a few milliseconds for it.
const AT_ONCE: i64 = 32;

/// Pages that one operation gives back to the file system.
const PAGES: i64 = 64;

/// Part of the file that may be empty: it will be needed again.
const SPARE: i64 = 4;

/// Pages below which nothing is given back, for the same reason.
const FEW: i64 = 1024;

/// The pause between two of them: nine tenths of the disk are left to others.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// How often to look for what is old enough.
pub(super) const EVERY: Duration = Duration::from_secs(300);

/// How far a purge has come: a delivery that stays, as others of its message have not ended, is not looked at again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    ended_at: i64,
    id: i64,
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor { ended_at: i64::MIN, id: i64::MIN }
    }
}

/// What one step of a purge did.
pub(super) struct Purged {
    /// Messages that are gone.
    pub(super) messages: u64,
    /// Where to go on, if there may be more.
    pub(super) next: Option<Cursor>,
}

/// One step of deleting messages whose deliveries all ended before `before`.
pub(super) fn purge(pen: &Pen<'_>, before: Timestamp, from: Cursor) -> Result<Purged, OutboxError> {
    let old = "SELECT ended_at, id, message FROM deliveries
               WHERE ended_at IS NOT NULL AND ended_at < ?1 AND ended_at >= ?2 AND (ended_at > ?2 OR id > ?3)
               ORDER BY ended_at, id LIMIT ?4";
    let mut statement = pen.prepare(old)?;
    let given = params![before.millis(), from.ended_at, from.id, AT_ONCE];
    let found = statement
        .query_map(given, |row| Ok((Cursor { ended_at: row.get(0)?, id: row.get(1)? }, row.get::<_, i64>(2)?)))?;
    let found: Vec<(Cursor, i64)> = found.collect::<Result<_, _>>()?;
    let Some((last, _)) = found.last() else { return Ok(Purged { messages: 0, next: None }) };
    let (mut messages, mut room) = (0, AT_ONCE);
    let mut next = *last;
    for message in found.iter().map(|(_, message)| *message).collect::<BTreeSet<_>>() {
        if still_needed(pen, message, before)? {
            continue;
        }
        room -= delete_some(pen, message, room)?;
        messages += u64::try_from(delete_if_empty(pen, message)?).unwrap_or(0);
        if room <= 0 {
            // What is left of it, and of those after it, is found again from here.
            next = from;
            break;
        }
    }
    Ok(Purged { messages, next: Some(next) })
}

fn still_needed(pen: &Pen<'_>, message: i64, before: Timestamp) -> Result<bool, OutboxError> {
    let sql = "SELECT 1 FROM deliveries WHERE message = ?1 AND (ended_at IS NULL OR ended_at >= ?2 OR patience_until IS NOT NULL) LIMIT 1";
    Ok(pen.prepare(sql)?.exists(params![message, before.millis()])?)
}

/// Deletes deliveries of a message, with their attempts. A message to thousands takes several goes.
fn delete_some(pen: &Pen<'_>, message: i64, room: i64) -> Result<i64, OutboxError> {
    let sql = "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE message = ?1 LIMIT ?2)";
    let gone = pen.prepare(sql)?.execute(params![message, room])?;
    Ok(i64::try_from(gone).unwrap_or(room))
}

fn delete_if_empty(pen: &Pen<'_>, message: i64) -> Result<usize, OutboxError> {
    let sql = "DELETE FROM messages WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE message = ?1)";
    Ok(pen.prepare(sql)?.execute([message])?)
}

/// One step of deleting what people wrote before `before`. Says whether there may be more.
pub(super) fn purge_inbound(pen: &Pen<'_>, before: Timestamp) -> Result<bool, OutboxError> {
    let sql = "DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE received_at < ?1 LIMIT ?2)";
    let gone = pen.prepare(sql)?.execute(params![before.millis(), AT_ONCE])?;
    Ok(i64::try_from(gone).is_ok_and(|gone| gone == AT_ONCE))
}

/// Gives pages that are no longer needed back to the file system. Says whether there may be more.
pub(super) fn shrink(pen: &Pen<'_>) -> Result<bool, OutboxError> {
    let count =
        |pragma: &str| -> Result<i64, OutboxError> { Ok(pen.db.pragma_query_value(None, pragma, |row| row.get(0))?) };
    let (free, all) = (count("freelist_count")?, count("page_count")?);
    if free < FEW || free < all / SPARE {
        return Ok(false);
    }
    let mut statement = pen.db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut steps = statement.query([])?;
    while steps.next()?.is_some() {}
    Ok(true)
}
