//! Breakers: an account that can't send at all keeps its queue and is probed slowly, until one try works.

use rusqlite::{OptionalExtension as _, Row, params};

use super::alarms;
use super::error::OutboxError;
use super::writer::Pen;
use crate::clock::Timestamp;
use crate::message::alarm::Cause;
use crate::message::retry;

/// Opens the breaker of an account, or puts its next probe further off. A try that `began` before the last change failed
/// together with that one.
pub(super) fn open(pen: &Pen<'_>, account: &str, began: Timestamp, why: &str) -> Result<(), OutboxError> {
    let sql = "SELECT broken_since IS NOT NULL, hold_step, held_at FROM accounts WHERE account = ?1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?));
    let (is_open, step, held_at) = pen.prepare(sql)?.query_row([account], read).optional()?.unwrap_or_default();
    if is_open && began.millis() <= held_at {
        return Ok(());
    }
    let step: u32 = if is_open { step } else { 0 };
    let sql = "UPDATE accounts SET broken_since = coalesce(broken_since, ?2), broken_why = ?3,
                   hold_until = max(?4, asked_until), hold_step = ?5, held_at = ?2 WHERE account = ?1";
    let until = pen.now.plus(retry::probe(step)).millis();
    pen.prepare(sql)?.execute(params![account, pen.now.millis(), why, until, step.saturating_add(1)])?;
    pen.ring(account);
    if is_open {
        return Ok(());
    }
    tracing::error!(account, "the account is out of order, its breaker opens: {why}");
    alarms::raise(pen, account, Cause::Broken, why)
}

/// Closes it, where it is open: the account works.
pub(super) fn close(pen: &Pen<'_>, account: &str) -> Result<(), OutboxError> {
    let sql =
        "UPDATE accounts SET broken_since = NULL, broken_why = NULL WHERE account = ?1 AND broken_since IS NOT NULL";
    if pen.prepare(sql)?.execute([account])? == 0 {
        return Ok(());
    }
    opened(pen)?;
    tracing::info!(account, "the account works again, its breaker closes");
    alarms::raise(pen, account, Cause::Well, "")
}

/// Opens it because the provider says by itself that the account can't send. Where it is open, nothing is new.
pub(super) fn told_down(pen: &Pen<'_>, account: &str, why: &str) -> Result<(), OutboxError> {
    open(pen, account, Timestamp::from_millis(0), why)
}

/// Closes it because the provider says that the account can send: what waits goes at once.
pub(super) fn told_well(pen: &Pen<'_>, account: &str) -> Result<(), OutboxError> {
    let sql = "SELECT 1 FROM accounts WHERE account = ?1 AND broken_since IS NOT NULL";
    if !pen.prepare(sql)?.exists([account])? {
        return Ok(());
    }
    close(pen, account)?;
    try_now(pen, account)
}

/// Some account can be sent by again: what is overdue anywhere may go there.
pub(super) fn opened(pen: &Pen<'_>) -> Result<(), OutboxError> {
    pen.prepare("UPDATE accounts SET look_from = 0")?.execute([])?;
    Ok(())
}

/// Puts a probe off that nobody wants now.
pub(super) fn put_off(pen: &Pen<'_>, account: &str) -> Result<(), OutboxError> {
    let until = pen.now.plus(retry::probe(0)).millis();
    pen.prepare("UPDATE accounts SET hold_until = ?2 WHERE account = ?1")?.execute(params![account, until])?;
    Ok(())
}

/// Has an account tried at once, but not before the time that its provider asked for: it may have been mended.
pub(super) fn try_now(pen: &Pen<'_>, account: &str) -> Result<(), OutboxError> {
    let sql = "UPDATE accounts SET hold_until = asked_until WHERE account = ?1 AND hold_until > asked_until";
    if pen.prepare(sql)?.execute([account])? > 0 {
        pen.ring(account);
    }
    Ok(())
}
