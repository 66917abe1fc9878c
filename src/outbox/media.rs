//! What goes along with messages: kept within a bound, and gone with them.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::OutboxError;
use super::rows;
use super::writer::{Pen, prepare};
use crate::message::MessageId;
use crate::message::media::{Label, Media, MediaKind, MediaSource, Place};

/// Bytes that are kept of all messages together: an outbox that nobody empties must not fill the disk.
pub(super) const ROOM: u64 = 512 * 1024 * 1024;

/// So many of the oldest are looked at whether they may give way: small as they may be, together they are one large picture.
const LOOKED_AT: i64 = 4096;

/// Takes what goes along with a message that was just written. Of bytes for which there is no room only the label is kept;
/// then this says no.
pub(super) fn keep(pen: &Pen<'_>, id: MessageId, media: &Media, room: u64) -> Result<bool, OutboxError> {
    let seq: i64 =
        pen.prepare("SELECT seq FROM messages WHERE id = ?1")?.query_row([id.to_string()], |row| row.get(0))?;
    let Label { kind, mime, name, place } = media.label();
    let (link, size) = match &place {
        Place::Link(link) => (Some(link), None),
        Place::Here(bytes) => (None, Some(i64::try_from(*bytes).unwrap_or(i64::MAX))),
    };
    let sql = "INSERT INTO media (message, kind, mime, name, link, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    pen.prepare(sql)?.execute(params![seq, kind.as_str(), mime, name, link, size])?;
    let MediaSource::Bytes(bytes) = &media.source else { return Ok(true) };
    if !make_room(pen, size.unwrap_or_default(), room)? {
        return Ok(false);
    }
    let sql = "INSERT INTO media_bytes (message, bytes) VALUES (?1, ?2)";
    pen.prepare(sql)?.execute(params![seq, &bytes[..]])?;
    Ok(true)
}

/// Lets the oldest give way whose messages have ended, until there is room for so many bytes; none, if that would not be
/// enough.
fn make_room(pen: &Pen<'_>, size: i64, room: u64) -> Result<bool, OutboxError> {
    let room = i64::try_from(room).unwrap_or(i64::MAX);
    let total = pen.prepare("SELECT bytes FROM media_total WHERE one = 1")?.query_row([], |row| row.get(0));
    let mut missing = total.optional()?.unwrap_or(0_i64).saturating_add(size).saturating_sub(room);
    if missing <= 0 {
        return Ok(true);
    }
    // The condition is for SQLite, which would call it a walk through the table.
    let oldest = "SELECT message, length(bytes) FROM media_bytes WHERE message > 0 ORDER BY message LIMIT ?1";
    let mut statement = pen.prepare(oldest)?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let oldest: Vec<(i64, i64)> = statement.query_map([LOOKED_AT], read)?.collect::<Result<_, _>>()?;
    let mut ended = Vec::new();
    for (message, bytes) in oldest {
        let waits = "SELECT 1 FROM deliveries WHERE message = ?1
                     AND (state IN ('queued', 'sending') OR patience_until IS NOT NULL) LIMIT 1";
        if pen.prepare(waits)?.exists([message])? {
            continue;
        }
        ended.push(message);
        missing = missing.saturating_sub(bytes);
        if missing <= 0 {
            for message in ended {
                pen.prepare("DELETE FROM media_bytes WHERE message = ?1")?.execute([message])?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// What stands on what a message brings, if it brings something.
pub(super) fn label(db: &Connection, id: MessageId) -> Result<Option<Label>, OutboxError> {
    let sql = "SELECT a.kind, a.mime, a.name, a.link, a.size FROM messages m CROSS JOIN media a ON a.message = m.seq
               WHERE m.id = ?1";
    let read = |row: &Row<'_>| {
        let size = row.get::<_, Option<i64>>(4)?.and_then(|size| u64::try_from(size).ok());
        Ok(Label {
            kind: MediaKind::named(row.get_ref(0)?.as_str()?).unwrap_or(MediaKind::Document),
            mime: row.get(1)?,
            name: row.get(2)?,
            place: row.get::<_, Option<String>>(3)?.map_or(Place::Here(size.unwrap_or_default()), Place::Link),
        })
    };
    Ok(prepare(db, sql)?.query_row([id.to_string()], read).optional()?)
}

/// The bytes of what a message brings, as long as they are kept.
pub(super) fn bytes(db: &Connection, id: MessageId) -> Result<Option<Arc<[u8]>>, OutboxError> {
    let sql = "SELECT b.bytes FROM messages m CROSS JOIN media_bytes b ON b.message = m.seq WHERE m.id = ?1";
    let read = |row: &Row<'_>| Ok(Arc::from(row.get_ref(0)?.as_blob()?));
    Ok(prepare(db, sql)?.query_row([id.to_string()], read).optional()?)
}

/// Brings what goes along with the messages of a new file over from a damaged one, as far as it can be read.
pub(super) fn salvage(damaged: &Connection, new: &Connection) -> Result<(), OutboxError> {
    let messages: Vec<i64> =
        new.prepare("SELECT seq FROM messages")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for table in ["media", "media_bytes"] {
        let Ok(mut read) = damaged.prepare(&format!("SELECT * FROM {table} WHERE message = ?1")) else { return Ok(()) };
        let columns = read.column_count();
        let mut write = new.prepare(&format!("INSERT INTO {table} VALUES ({})", vec!["?"; columns].join(", ")))?;
        for message in &messages {
            // One that can't be read is no reason to leave the others.
            if let Ok(Some(row)) = read.query_row([message], |row| Ok(rows::values(row, columns))).optional() {
                write.execute(rusqlite::params_from_iter(row))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{AccountName, Address, AddressKind};
    use crate::clock::Timestamp;
    use crate::contact::{Recipient, Way};
    use crate::message::{Message, Priority, TextFormat};
    use crate::outbox::sqlite;
    use crate::outbox::writer::with_pen;

    const NOW: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn message(n: u8) -> Message {
        Message {
            id: MessageId::new(NOW, [n; 10]),
            hook: "disk".to_owned(),
            caller: None,
            title: None,
            text: "full".to_owned(),
            format: TextFormat::Plain,
            thread: None,
            priority: Priority::Normal,
            accepted_at: NOW,
            expires_at: NOW,
        }
    }

    /// A store whose statements are planned once, as those of the daemon's are.
    fn made(file: &std::path::Path) -> Connection {
        let db = sqlite::make_aside(file).unwrap();
        db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
        db
    }

    fn to() -> Vec<Recipient> {
        let address = Address { kind: AddressKind::new("phone"), text: "+1555".to_owned() };
        let way = Way { account: AccountName::new("a"), address, patience: None };
        vec![Recipient { contact: "ana".to_owned(), ways: vec![way] }]
    }

    #[test]
    fn what_ended_gives_way_and_what_waits_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let db = made(&folder.path().join("outbox.db"));
        with_pen(&db, NOW, |pen| {
            let take = |n: u8, size: usize| {
                rows::insert(pen, &message(n), to())?;
                keep(pen, message(n).id, &Media::file("g.png", None, vec![n; size].into(), None), 100)
            };
            let kept = |n: u8| bytes(pen.db, message(n).id).map(|bytes| bytes.map(|bytes| bytes.len()));
            assert!(take(1, 40)? && take(2, 40)?);
            assert!(!take(3, 40)?, "both wait");
            assert_eq!((kept(1)?, kept(2)?, kept(3)?), (Some(40), Some(40), None));
            assert_eq!(label(pen.db, message(3).id)?.map(|label| label.place), Some(Place::Here(40)));
            pen.db.execute("UPDATE deliveries SET state = 'sent' WHERE message = 2", [])?;
            assert!(take(4, 60)?);
            assert_eq!((kept(1)?, kept(2)?, kept(4)?), (Some(40), None, Some(60)));
            pen.db.execute("UPDATE deliveries SET state = 'sent' WHERE message = 4", [])?;
            assert!(!take(5, 101)?, "more than there is");
            assert_eq!(kept(4)?, Some(60), "it would have given way in vain");
            pen.db.execute_batch("DELETE FROM deliveries; DELETE FROM messages")?;
            let left = "SELECT (SELECT count(*) FROM media) + (SELECT bytes FROM media_total)";
            assert_eq!(pen.db.query_row(left, [], |row| row.get::<_, i64>(0))?, 0);
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn what_waits_is_saved_with_what_it_brings() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| made(&folder.path().join(name)));
        let write = |db: &Connection, n: u8, media: bool| {
            with_pen(db, NOW, |pen| {
                rows::insert(pen, &message(n), to())?;
                let graph = Media::file("g.png", None, vec![n; 9].into(), None);
                if media { keep(pen, message(n).id, &graph, 100).map(drop) } else { Ok(()) }
            })
        };
        for n in [1, 2, 3] {
            write(&old, n, n != 2).unwrap();
        }
        for n in [1, 2] {
            write(&new, n, false).unwrap();
        }
        salvage(&old, &new).unwrap();
        let kept = |n: u8| (label(&new, message(n).id).unwrap().is_some(), bytes(&new, message(n).id).unwrap());
        assert_eq!([kept(1), kept(2), kept(3)], [(true, Some(vec![1; 9].into())), (false, None), (false, None)]);
        assert_eq!(new.query_row("SELECT bytes FROM media_total", [], |row| row.get::<_, i64>(0)), Ok(9));
    }
}
