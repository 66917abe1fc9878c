//! Canaries of accounts: which one is under way, whether it came back, and whom to tell if not.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Row, params};

use super::alarms;
use super::error::OutboxError;
use super::reader::Reader;
use super::rows;
use super::writer::{Pen, prepare};
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::message::alarm::Cause;
use crate::message::canary::{self, Canary, Flight, HOOK, Last, Record, Until, flight};
use crate::message::delivery::Delivery;

/// What there is to know of an account's canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryState {
    /// The account.
    pub account: AccountName,
    /// When it was sent, when it came back, and when the next goes.
    pub record: Record,
}

impl Reader {
    /// The canaries of all accounts that have one. A page, whatever waits.
    pub fn canaries(&self) -> Result<Vec<CanaryState>, OutboxError> {
        self.look(|view| all(view.db))
    }
}

/// What `read` reads, of all of them.
macro_rules! select {
    () => {
        "SELECT account, next_at, message, until, sent_at, back_by, back_at, lost_since FROM canaries"
    };
}

fn all(db: &rusqlite::Connection) -> Result<Vec<CanaryState>, OutboxError> {
    let mut statement = prepare(db, select!())?;
    let found = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn read(row: &Row<'_>) -> rusqlite::Result<CanaryState> {
    let moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
    let until: Option<String> = row.get(3)?;
    let last = match (until.as_deref().and_then(Until::named), moment(4)?) {
        (Some(until), Some(sent_at)) => Some(Last { message: rows::parsed(row, 2)?, sent_at, until }),
        _ => None,
    };
    let record = Record {
        next_at: Timestamp::from_millis(row.get(1)?),
        last,
        back_by: moment(5)?,
        back_at: moment(6)?,
        lost_since: moment(7)?,
    };
    Ok(CanaryState { account: AccountName::new(row.get_ref(0)?.as_str()?), record })
}

/// The canary of one account.
pub(super) fn of_account(pen: &Pen<'_>, account: &str) -> Result<Option<Record>, OutboxError> {
    let sql = concat!(select!(), " WHERE account = ?1");
    Ok(pen.prepare(sql)?.query_row([account], read).optional()?.map(|found| found.record))
}

pub(super) fn write(pen: &Pen<'_>, account: &str, record: &Record) -> Result<(), OutboxError> {
    let Record { next_at, last, back_by, back_at, lost_since } = record;
    pen.prepare(
        "INSERT INTO canaries (account, next_at, message, until, sent_at, back_by, back_at, lost_since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET next_at = ?2, message = ?3, until = ?4, sent_at = ?5, back_by = ?6,
                 back_at = ?7, lost_since = ?8",
    )?
    .execute(params![
        account,
        next_at.millis(),
        last.as_ref().map(|last| last.message.to_string()),
        last.as_ref().map(|last| last.until.as_str()),
        last.as_ref().map(|last| last.sent_at.millis()),
        back_by.map(Timestamp::millis),
        back_at.map(Timestamp::millis),
        lost_since.map(Timestamp::millis),
    ])?;
    Ok(())
}

/// From now on these accounts have canaries: see `Record::configured`, and `at_start` in a new process
/// `Record::after_start`.
pub(super) fn configure(
    pen: &Pen<'_>,
    canaries: &BTreeMap<AccountName, Canary>,
    at_start: bool,
) -> Result<(), OutboxError> {
    let known: BTreeMap<_, _> = all(pen.db)?.into_iter().map(|state| (state.account, state.record)).collect();
    for account in known.keys().filter(|account| !canaries.contains_key(*account)) {
        pen.prepare("DELETE FROM canaries WHERE account = ?1")?.execute([account.as_str()])?;
    }
    for (account, canary) in canaries {
        let before = known.get(account);
        let after = match before.cloned() {
            Some(record) if at_start => record.after_start(canary, pen.now),
            Some(record) => record.configured(canary, pen.now),
            None => Record::new(pen.now),
        };
        if before != Some(&after) {
            write(pen, account.as_str(), &after)?;
        }
    }
    Ok(())
}

/// What the canaries want next.
#[derive(Debug, Default)]
pub struct Canaries {
    /// The account whose canary is to be sent now.
    pub due: Option<AccountName>,
    /// When there is more to do.
    pub next_at: Option<Timestamp>,
}

/// Tells of those that did not come back in time, and says which is to be sent.
pub(super) fn judge(pen: &Pen<'_>) -> Result<Canaries, OutboxError> {
    let mut found = Canaries::default();
    let mut first = None;
    for CanaryState { account, record } in all(pen.db)? {
        let late = record.back_by.is_some_and(|by| by <= pen.now);
        let record = if late { judge_late(pen, account.as_str(), record)? } else { record };
        found.next_at = [found.next_at, record.back_by, Some(record.next_at)].into_iter().flatten().min();
        if record.next_at <= pen.now && first.is_none_or(|first| record.next_at < first) {
            first = Some(record.next_at);
            found.due = Some(account);
        }
    }
    Ok(found)
}

fn judge_late(pen: &Pen<'_>, account: &str, record: Record) -> Result<Record, OutboxError> {
    let Some(last) = &record.last else { return Ok(record) };
    let (until, message) = (last.until, last.message.to_string());
    let after = match flight(until, &deliveries(pen, &message)?) {
        Flight::Back => back(pen, account, record)?,
        Flight::Away(why) | Flight::Lost(why) => lose(pen, account, record, &why)?,
        Flight::Canceled => record.not_judged(),
    };
    write(pen, account, &after)?;
    Ok(after)
}

/// A delivery came to stand elsewhere: if it is of a canary, that may be back, or lost for certain.
pub(super) fn follow(pen: &Pen<'_>, changed: &Delivery) -> Result<(), OutboxError> {
    if changed.hook != HOOK {
        return Ok(());
    }
    let (account, _) = rows::place(changed);
    let Some(record) = of_account(pen, &account)? else { return Ok(()) };
    let Some(last) = record.last.as_ref().filter(|last| last.message == changed.message) else { return Ok(()) };
    let awaited = record.back_by.is_some();
    let after = match flight(last.until, &deliveries(pen, &last.message.to_string())?) {
        // Also late: it may be known as lost.
        Flight::Back if awaited || record.lost_since.is_some() => back(pen, &account, record)?,
        Flight::Lost(why) if awaited => lose(pen, &account, record, &why)?,
        Flight::Canceled if awaited => record.not_judged(),
        // What runs out of time does so when it must be back, unless that was while no process ran.
        _ => return Ok(()),
    };
    write(pen, &account, &after)
}

/// Whether a delivery is of a canary.
pub(super) fn is_one(pen: &Pen<'_>, delivery: &Delivery) -> Result<bool, OutboxError> {
    if delivery.hook != HOOK {
        return Ok(false);
    }
    // A hook may be called so, too.
    Ok(pen.prepare("SELECT 1 FROM messages WHERE id = ?1 AND kind = 2")?.exists([delivery.message.to_string()])?)
}

/// Marks a message as a canary.
pub(super) fn mark(pen: &Pen<'_>, message: &str) -> Result<(), OutboxError> {
    pen.prepare("UPDATE messages SET kind = 2 WHERE id = ?1")?.execute([message])?;
    Ok(())
}

fn deliveries(pen: &Pen<'_>, message: &str) -> Result<Vec<Delivery>, OutboxError> {
    const SQL: &str = concat!(
        "SELECT ",
        rows::delivery_columns!(),
        " FROM messages m CROSS JOIN deliveries d ON d.message = m.seq WHERE m.id = ?1"
    );
    let mut statement = pen.prepare(SQL)?;
    let found = statement.query_map([message], rows::delivery)?;
    Ok(found.map(|row| row.map(|leased| leased.delivery)).collect::<Result<_, _>>()?)
}

fn back(pen: &Pen<'_>, account: &str, record: Record) -> Result<Record, OutboxError> {
    if let Some(since) = record.lost_since {
        let why = canary::after_alarm(pen.now.since(since));
        tracing::info!(account, "the account's canary came back{why}");
        alarms::raise(pen, account, Cause::CanaryBack, &why)?;
    }
    Ok(record.back(pen.now))
}

/// One is lost. While the breaker of the account is open that was told already, and it will be told when it closes.
fn lose(pen: &Pen<'_>, account: &str, record: Record, why: &str) -> Result<Record, OutboxError> {
    let broken = "SELECT 1 FROM accounts WHERE account = ?1 AND broken_since IS NOT NULL";
    if pen.prepare(broken)?.exists([account])? {
        tracing::warn!(account, "the account's canary did not come back, for the account is out of order: {why}");
        return Ok(record.not_judged());
    }
    tracing::error!(account, "the account's canary did not come back: {why}");
    if record.lost_since.is_none() {
        alarms::raise(pen, account, Cause::CanaryLost, why)?;
    }
    Ok(record.lost(pen.now))
}
