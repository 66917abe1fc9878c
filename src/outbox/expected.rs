//! Hooks that are expected to be called: when each was, the last time, and whose silence is to be told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};

use super::alarms;
use super::error::OutboxError;
use super::reader::Reader;
use super::writer::{Pen, prepare};
use crate::clock::Timestamp;
use crate::message::alarm::Cause;
use crate::message::expected::Record;

/// What there is to know of a hook that is expected to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedCall {
    /// The hook.
    pub hook: String,
    /// When it was called, to the minute, and when it is expected.
    pub record: Record,
}

impl Reader {
    /// All hooks that are expected to be called. A few pages, whatever waits.
    pub fn expected_calls(&self) -> Result<Vec<ExpectedCall>, OutboxError> {
        self.look(|view| all(view.db))
    }
}

/// What `read` reads, of all of them.
macro_rules! select {
    () => {
        "SELECT hook, every, called_at, due_at, silent_since FROM expected_calls"
    };
}

fn all(db: &rusqlite::Connection) -> Result<Vec<ExpectedCall>, OutboxError> {
    let mut statement = prepare(db, select!())?;
    let found = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ExpectedCall> {
    let moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
    let record = Record {
        every: Duration::from_millis(u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default()),
        called_at: moment(2)?,
        due_at: moment(3)?,
        silent_since: moment(4)?,
    };
    Ok(ExpectedCall { hook: row.get(0)?, record })
}

fn write(pen: &Pen<'_>, hook: &str, record: &Record) -> Result<(), OutboxError> {
    let Record { every, called_at, due_at, silent_since } = record;
    pen.prepare(
        "INSERT INTO expected_calls (hook, every, called_at, due_at, silent_since) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET every = ?2, called_at = ?3, due_at = ?4, silent_since = ?5",
    )?
    .execute(params![
        hook,
        i64::try_from(every.as_millis()).unwrap_or(i64::MAX),
        called_at.map(Timestamp::millis),
        due_at.map(Timestamp::millis),
        silent_since.map(Timestamp::millis)
    ])?;
    Ok(())
}

/// From now on these are expected: see `Record::configured`, and `at_start` in a new process `Record::after_start`.
pub(super) fn configure(
    pen: &Pen<'_>,
    expected: &BTreeMap<String, Option<Duration>>,
    at_start: bool,
) -> Result<(), OutboxError> {
    let known: HashMap<String, Record> = all(pen.db)?.into_iter().map(|call| (call.hook, call.record)).collect();
    for hook in known.keys().filter(|hook| !expected.contains_key(*hook)) {
        pen.prepare("DELETE FROM expected_calls WHERE hook = ?1")?.execute([hook])?;
    }
    for (hook, every) in expected {
        let before = known.get(hook);
        let after = match (before.cloned(), every) {
            (Some(record), every) => {
                let record = record.configured(*every, pen.now);
                if at_start { record.after_start(pen.now) } else { record }
            }
            (None, Some(every)) => Record::new(*every, pen.now),
            (None, None) => continue,
        };
        if before != Some(&after) {
            write(pen, hook, &after)?;
        }
    }
    Ok(())
}

/// Writes down calls, by how long ago they were. A silent hook that was called is told of.
pub(super) fn hear(pen: &Pen<'_>, calls: &[(String, Duration)]) -> Result<(), OutboxError> {
    let sql = concat!(select!(), " WHERE hook = ?1");
    for (hook, ago) in calls {
        // It may have gone from the configuration since.
        let Some(known) = pen.prepare(sql)?.query_row([hook], read).optional()? else { continue };
        if known.record.silent_since.is_some() {
            tell(pen, hook, Cause::CalledAgain, &known.record.heard_again(hook, pen.now))?;
        }
        write(pen, hook, &known.record.called(pen.now.minus(*ago)))?;
    }
    Ok(())
}

/// Tells of hooks that have become silent, and yields when the next one would.
pub(super) fn judge(pen: &Pen<'_>, started_at: Timestamp) -> Result<Option<Timestamp>, OutboxError> {
    let sql = concat!(select!(), " WHERE silent_since IS NULL AND due_at IS NOT NULL AND due_at <= ?1");
    let mut statement = pen.prepare(sql)?;
    let overdue: Vec<ExpectedCall> = statement.query_map([pen.now.millis()], read)?.collect::<Result<_, _>>()?;
    for ExpectedCall { hook, record } in overdue {
        tell(pen, &hook, Cause::NoCall, &record.silence(&hook, started_at))?;
        write(pen, &hook, &record.silent(pen.now))?;
    }
    let next = "SELECT min(due_at) FROM expected_calls WHERE silent_since IS NULL AND due_at IS NOT NULL";
    let next: Option<i64> = pen.prepare(next)?.query_row([], |row| row.get(0))?;
    Ok(next.map(Timestamp::from_millis))
}

/// The hooks whose silence was told.
pub(super) fn silent(pen: &Pen<'_>) -> Result<HashSet<String>, OutboxError> {
    let mut statement = pen.prepare("SELECT hook FROM expected_calls WHERE silent_since IS NOT NULL")?;
    let found = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn tell(pen: &Pen<'_>, hook: &str, cause: Cause, why: &str) -> Result<(), OutboxError> {
    match cause {
        Cause::NoCall => tracing::error!(hook, "{why}"),
        _ => tracing::info!(hook, "{why}"),
    }
    alarms::raise_about(pen, ("", hook), cause, why)
}
