//! What the contacts of `on-failure` are to hear: written with the trouble itself, so that no restart loses or repeats it.

use rusqlite::{OptionalExtension as _, Row, params};

use super::error::OutboxError;
use super::rows;
use super::writer::Pen;
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::message::MessageId;
use crate::message::alarm::{Alarm, Cause, Failed};
use crate::message::delivery::{Delivery, DeliveryState};

/// The bell that rings when there may be something to tell. No account has this name.
pub(super) const BELL: &str = "";

/// What there is to tell.
#[derive(Debug, Default)]
pub struct Due {
    /// To be told now.
    pub alarms: Vec<Alarm>,
    /// When there is more, should no bell ring before.
    pub next_at: Option<Timestamp>,
}

/// Notes trouble that is no delivery's own.
pub(super) fn raise(pen: &Pen<'_>, account: &str, cause: Cause, why: &str) -> Result<(), OutboxError> {
    raise_about(pen, (account, ""), cause, why)
}

/// The same about something else than an account, of which there may be several at once.
pub(super) fn raise_about(
    pen: &Pen<'_>,
    (account, about): (&str, &str),
    cause: Cause,
    why: &str,
) -> Result<(), OutboxError> {
    pen.prepare(
        "INSERT INTO alarms (account, cause, about, untold, quiet_until, happened_at, why)
             VALUES (?1, ?2, ?5, 1, 0, ?3, ?4)
             ON CONFLICT DO UPDATE SET untold = untold + 1, happened_at = ?3, why = ?4",
    )?
    .execute(params![account, cause.as_str(), pen.now.millis(), why, about])?;
    pen.ring(BELL);
    Ok(())
}

/// Notes that a delivery reached nobody, or has not for long; but not one of an alarm, nor of a canary, which is told as such.
pub(super) fn raise_of(pen: &Pen<'_>, failed: &Delivery, cause: Cause) -> Result<(), OutboxError> {
    let cause = if failed.state == DeliveryState::Expired { Cause::Expired } else { cause };
    let noted = pen
        .prepare(
            "INSERT INTO alarms (account, cause, untold, quiet_until, happened_at, why, message, contact, hook)
                 SELECT ?1, ?2, 1, 0, ?3, ?4, ?5, ?6, ?7 FROM messages WHERE id = ?5 AND kind = 0
                 ON CONFLICT DO UPDATE SET untold = untold + 1, happened_at = excluded.happened_at, why = excluded.why,
                     message = excluded.message, contact = excluded.contact, hook = excluded.hook",
        )?
        .execute(params![
            rows::place(failed).0,
            cause.as_str(),
            pen.now.millis(),
            failed.reason.as_deref().unwrap_or_default(),
            failed.message.to_string(),
            failed.recipient.contact,
            failed.hook,
        ])?;
    if noted > 0 {
        pen.ring(BELL);
    }
    Ok(())
}

/// What is to be told now, and when to ask again.
pub(super) fn due(pen: &Pen<'_>) -> Result<Due, OutboxError> {
    let now = pen.now.millis();
    pen.prepare("DELETE FROM alarms WHERE untold = 0 AND quiet_until <= ?1")?.execute([now])?;
    let sql = "SELECT account, cause, untold, happened_at, why, message, contact, hook,
                   (SELECT queued FROM accounts WHERE accounts.account = alarms.account), about
               FROM alarms WHERE untold > 0 AND quiet_until <= ?1 ORDER BY account, cause, about";
    let mut statement = pen.prepare(sql)?;
    let alarms = statement.query_map([now], alarm)?.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let sql = "SELECT min(quiet_until) FROM alarms WHERE untold > 0 AND quiet_until > ?1";
    let next: Option<i64> = pen.prepare(sql)?.query_row([now], |row| row.get(0)).optional()?.flatten();
    Ok(Due { alarms, next_at: next.map(Timestamp::from_millis) })
}

/// A row whose cause only another version knows is told by that one.
fn alarm(row: &Row<'_>) -> rusqlite::Result<Option<Alarm>> {
    let Some(cause) = Cause::named(row.get_ref(1)?.as_str()?) else { return Ok(None) };
    let failed = match row.get::<_, Option<String>>(5)? {
        Some(message) => Some(Failed { message, contact: row.get(6)?, hook: row.get(7)? }),
        None => None,
    };
    Ok(Some(Alarm {
        account: AccountName::new(row.get_ref(0)?.as_str()?),
        cause,
        about: row.get(9)?,
        count: row.get(2)?,
        at: Timestamp::from_millis(row.get(3)?),
        why: row.get(4)?,
        failed,
        waiting: row.get::<_, Option<u32>>(8)?.unwrap_or(0),
    }))
}

/// Notes that alarms were told: by this message, if it was one that somebody gets.
pub(super) fn told(pen: &Pen<'_>, alarms: &[Alarm], by: Option<MessageId>) -> Result<(), OutboxError> {
    if let Some(id) = by {
        pen.prepare("UPDATE messages SET kind = 1 WHERE id = ?1")?.execute([id.to_string()])?;
    }
    let sql = "UPDATE alarms SET untold = max(0, untold - ?3), quiet_until = ?4
               WHERE account = ?1 AND cause = ?2 AND about = ?5";
    for Alarm { account, cause, about, count, .. } in alarms {
        let quiet_until = pen.now.plus(cause.quiet()).millis();
        pen.prepare(sql)?.execute(params![account.as_str(), cause.as_str(), count, quiet_until, about])?;
    }
    Ok(())
}
