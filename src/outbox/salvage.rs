//! What can be read of a damaged file, into a new one: whatever has an end before it, as it stood. Leases come along as leases,
//! and end as those of any dead process do.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params_from_iter};

use super::error::OutboxError;
use super::first_page::Mended;
use super::place::trouble;
use super::writer::with_pen;
use super::{alarms, media, queue, rows, sqlite};
use crate::clock::Timestamp;
use crate::message::alarm::Cause;

/// What was saved.
pub(super) struct Salvaged {
    pub(super) recovered: u64,
    pub(super) lost: Option<u64>,
}

/// Tables that are filled by their own rules: what ended stays in the damaged file.
const NOT_COPIED: [&str; 7] =
    ["messages", "deliveries", "attempts", "address_queue", "media", "media_bytes", "media_total"];

/// What has an end still before it: what waits, and what a provider took and must tell of before its patience ends.
const ALIVE: &str = "(state IN ('queued', 'sending') OR state = 'sent' AND patience_until IS NOT NULL)";
/// The same in a file from before there was patience.
const ALIVE_ONCE: &str = "state IN ('queued', 'sending')";

/// What came of it, in words.
impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of what waited {} were saved", self.recovered)?;
        match self.lost {
            Some(lost) => write!(f, ", {lost} are lost"),
            None => write!(f, ", and nobody can tell how many are lost"),
        }
    }
}

/// Makes the new file, whole and on disk. Only trouble with that one is an error. That somebody is to be told stands in it
/// from the beginning: whoever made it may die before he can tell.
pub(super) fn salvage(damaged: &Path, new: &Path, why: &str, now: Timestamp) -> Result<Salvaged, OutboxError> {
    let db = sqlite::make_aside(new)?;
    let salvaged = fill(damaged, new, &db, now)?;
    let told = format!("the outbox was damaged ({why}); {salvaged}. The damaged file is kept beside the new one");
    with_pen(&db, now, |pen| alarms::raise(pen, "", Cause::Store, &told))?;
    db.close().map_err(|(_, e)| e)?;
    Ok(salvaged)
}

fn fill(damaged: &Path, new: &Path, db: &Connection, now: Timestamp) -> Result<Salvaged, OutboxError> {
    if let Some(damaged) = readable_file(damaged) {
        return copy(&damaged, db, now);
    }
    let mended = Mended::make(damaged, new).map_err(|e| trouble(damaged, &e))?;
    match readable_file(mended.path()) {
        Some(damaged) => copy(&damaged, db, now),
        None => Ok(Salvaged { recovered: 0, lost: None }),
    }
}

/// The file, if at least its list of tables can be read.
fn readable_file(file: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(file, flags).ok()?;
    let known = db.prepare("SELECT id, message, state FROM deliveries").is_ok();
    known.then_some(db)
}

fn copy(damaged: &Connection, db: &Connection, now: Timestamp) -> Result<Salvaged, OutboxError> {
    let all = db.unchecked_transaction()?;
    let expected = "SELECT sum(queued + sending) FROM accounts";
    let expected: Option<i64> = damaged.query_row(expected, [], |row| row.get(0)).ok().flatten();
    let mut copy = Copy { damaged, new: db, gone: 0 };
    for table in copy.tables()? {
        copy.whole(&table)?;
    }
    copy.alive()?;
    // Reports are known by them.
    copy.whole("attempts")?;
    media::salvage(damaged, db)?;
    let unreadable = unreadable(db)?;
    let gone = copy.gone.saturating_add(u64::try_from(unreadable.len()).unwrap_or(u64::MAX));
    for id in unreadable {
        db.execute("DELETE FROM deliveries WHERE id = ?1", [id])?;
    }
    let recovered: i64 =
        db.query_row("SELECT coalesce(sum(queued + sending), 0) FROM accounts", [], |row| row.get(0))?;
    let recovered = u64::try_from(recovered).unwrap_or_default();
    refill_queue(db, now)?;
    all.commit()?;
    let lost = match expected.and_then(|expected| u64::try_from(expected).ok()) {
        _ if gone == 0 => Some(0),
        Some(expected) => Some(expected.saturating_sub(recovered)),
        None => None,
    };
    Ok(Salvaged { recovered, lost })
}

struct Copy<'a> {
    damaged: &'a Connection,
    new: &'a Connection,
    /// Stretches of rows that could not be read, and rows that could not be written.
    gone: u64,
}

impl Copy<'_> {
    /// The tables of the new file that are copied row by row.
    fn tables(&self) -> Result<Vec<String>, OutboxError> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let mut statement = self.new.prepare(sql)?;
        let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names.into_iter().filter(|name| !NOT_COPIED.contains(&name.as_str())).collect())
    }

    /// Columns that both files know. Triggers count what an account has to do, as the deliveries come.
    fn columns(&self, table: &str) -> Result<Vec<String>, OutboxError> {
        let of = |db: &Connection| -> rusqlite::Result<Vec<String>> {
            let mut statement = db.prepare("SELECT name FROM pragma_table_info(?1)")?;
            statement.query_map([table], |row| row.get(0))?.collect()
        };
        let counted = |name: &str| table == "accounts" && ["queued", "sending"].contains(&name);
        let known = of(self.damaged).unwrap_or_default();
        Ok(of(self.new)?.into_iter().filter(|name| known.contains(name) && !counted(name)).collect())
    }

    /// Copies a small table as far as it can be read.
    fn whole(&mut self, table: &str) -> Result<(), OutboxError> {
        let columns = self.columns(table)?;
        let Ok(mut statement) = self.damaged.prepare(&format!("SELECT {} FROM {table}", columns.join(", "))) else {
            return Ok(());
        };
        let mut insert = self.new.prepare(&insert(table, &columns))?;
        let mut found = statement.query([])?;
        while let Ok(Some(row)) = found.next() {
            // What belongs to a delivery that ended is refused by its key.
            insert.execute(params_from_iter(rows::values(row, columns.len()))).ok();
        }
        Ok(())
    }

    /// Copies the deliveries that have an end before them, each with its message.
    fn alive(&mut self) -> Result<(), OutboxError> {
        let (columns, of_message) = (self.columns("deliveries")?, self.columns("messages")?);
        let place = |wanted| columns.iter().position(|name| name == wanted);
        let Some((message, account)) = place("message").zip(place("account")) else { return Ok(()) };
        // The accounts may be what is damaged.
        let mut know_account = self.new.prepare(rows::KNOW_ACCOUNT)?;
        let mut insert_delivery = self.new.prepare(&insert("deliveries", &columns))?;
        let mut insert_message = self.new.prepare(&insert("messages", &of_message))?;
        let messages = format!("SELECT {} FROM messages WHERE seq = ?1", of_message.join(", "));
        let (mut gone, mut broken) = (0, None);
        let damaged = self.damaged;
        let take = &mut |row: &Row<'_>| {
            let delivery = rows::values(row, columns.len());
            let read = |row: &Row<'_>| Ok(rows::values(row, of_message.len()));
            let found = damaged
                .prepare_cached(&messages)
                .and_then(|mut of| of.query_row(params_from_iter(delivery.get(message)), read).optional());
            let written = match found {
                Ok(Some(found)) => insert_message
                    .execute(params_from_iter(found))
                    .and_then(|_| know_account.execute(params_from_iter(delivery.get(account))))
                    .and_then(|_| insert_delivery.execute(params_from_iter(delivery))),
                Ok(None) | Err(_) => Ok(0),
            };
            match written {
                Ok(1) => {}
                Ok(_) | Err(rusqlite::Error::FromSqlConversionFailure(..)) => gone += 1,
                Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => gone += 1,
                // The new file's own trouble, such as a full disk.
                Err(e) => broken = broken.take().or(Some(e)),
            }
        };
        gone += walk(damaged, &columns, take);
        self.gone += gone;
        broken.map_or(Ok(()), |e| Err(e.into()))
    }
}

/// Hands over each delivery that can be read and has an end before it, in order. Yields how many stretches it had to leave out.
fn walk(damaged: &Connection, columns: &[String], take: &mut dyn FnMut(&Row<'_>)) -> u64 {
    // By the table alone: an index may be what is damaged.
    let alive = if columns.iter().any(|name| name == "patience_until") { ALIVE } else { ALIVE_ONCE };
    let all = columns.join(", ");
    let sql = format!("SELECT {all}, id FROM deliveries NOT INDEXED WHERE id >= ?1 AND {alive} ORDER BY id");
    let (mut from, mut left_out) = (i64::MIN, 0);
    loop {
        let read = |from: &mut i64, take: &mut dyn FnMut(&Row<'_>)| -> rusqlite::Result<()> {
            let mut statement = damaged.prepare(&sql)?;
            let mut found = statement.query([*from])?;
            while let Some(row) = found.next()? {
                take(row);
                *from = row.get::<_, i64>(columns.len())?.saturating_add(1);
            }
            Ok(())
        };
        if read(&mut from, take).is_ok() {
            return left_out;
        }
        left_out += 1;
        match next_readable(damaged, from) {
            Some(next) => from = next,
            None => return left_out,
        }
    }
}

/// The first place after `from` where the table can be entered again: by leaps to beyond the damage, and halving back.
fn next_readable(damaged: &Connection, from: i64) -> Option<i64> {
    // The damaged row may stand behind readable ones that had ended.
    let enters = |at: i64| {
        let sql = "SELECT id FROM deliveries NOT INDEXED WHERE id >= ?1 ORDER BY id LIMIT 1";
        damaged.prepare_cached(sql).and_then(|mut first| first.query_row([at], |row| row.get::<_, i64>(0)).optional())
    };
    let mut low = from.max(0);
    // Rows that can be entered but not read whole are passed one by one.
    while let Ok(Some(id)) = enters(low) {
        low = id.checked_add(1)?;
        if readable(damaged, id) {
            continue;
        }
        return Some(low);
    }
    let (mut step, mut high) = (1i64, None);
    while high.is_none() {
        let at = low.checked_add(step)?;
        match enters(at) {
            Ok(Some(_)) => high = Some(at),
            Ok(None) => high = Some(at),
            Err(_) => step = step.checked_mul(2)?,
        }
    }
    let mut high = high?;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enters(middle).is_ok() { high = middle } else { low = middle }
    }
    Some(high)
}

fn readable(damaged: &Connection, id: i64) -> bool {
    let whole = damaged.prepare_cached("SELECT * FROM deliveries NOT INDEXED WHERE id = ?1");
    whole.and_then(|mut row| row.query_row([id], |_| Ok(())).optional()).is_ok()
}

/// Whether this program understands all that is alive: one row that it does not would keep all others waiting.
pub(super) fn understand_all(db: &Connection) -> Result<(), OutboxError> {
    match unreadable(db)?.first() {
        Some(id) => Err(OutboxError::Corrupt(format!("delivery {id} can't be understood"))),
        None => Ok(()),
    }
}

/// What is alive, and SQLite could read, and this program can't.
fn unreadable(db: &Connection) -> Result<Vec<i64>, OutboxError> {
    let columns = rows::delivery_columns!();
    let sql =
        format!("SELECT {columns} FROM deliveries d JOIN messages m ON m.seq = d.message WHERE {ALIVE} ORDER BY d.id");
    let mut unreadable = Vec::new();
    let mut statement = db.prepare(&sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        match rows::delivery(row) {
            Ok(leased) if leased.delivery.current_way().is_some() => {}
            _ => unreadable.push(row.get::<_, i64>(0)?),
        }
    }
    Ok(unreadable)
}

/// Works out who goes next, everywhere.
fn refill_queue(db: &Connection, now: Timestamp) -> Result<(), OutboxError> {
    let mut statement = db.prepare("SELECT DISTINCT account, address FROM deliveries WHERE state = 'queued'")?;
    let places = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let places: BTreeMap<String, Vec<String>> =
        places.filter_map(Result::ok).fold(BTreeMap::new(), |mut all, (account, address): (String, String)| {
            all.entry(account).or_insert_with(Vec::new).push(address);
            all
        });
    with_pen(db, now, |pen| {
        for (account, addresses) in &places {
            for address in addresses {
                queue::refresh(pen, account, address)?;
            }
        }
        Ok(())
    })
}

fn insert(table: &str, columns: &[String]) -> String {
    let places = vec!["?"; columns.len()].join(", ");
    format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({places})", columns.join(", "))
}
