//! Holds: an address or an account that wants nothing for a while.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, Row, params};

use super::error::OutboxError;
use super::writer::Pen;
use super::{breaker, rows};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Delivery, DeliveryState};
use crate::message::retry;

/// Holds an address, once for all that were under way as one.
pub(super) fn address(
    pen: &Pen<'_>,
    (account, address): &(String, String),
    held: &Delivery,
    asked: Option<Duration>,
) -> Result<(), OutboxError> {
    let sql = "SELECT hold_step FROM address_queue WHERE account = ?1 AND address = ?2";
    let step: Option<u32> = pen.prepare(sql)?.query_row([account, address], |row| row.get(0)).optional()?;
    let until = pen.now.plus(retry::hold(asked, step.unwrap_or(0))).millis();
    let sql = match held.state {
        // Those that went with it in one text don't count.
        DeliveryState::Sending => {
            "UPDATE address_queue SET hold_until = max(hold_until, ?3), hold_step = hold_step + 1
             WHERE account = ?1 AND address = ?2 AND under_way = ?4"
        }
        // Of what is told late nothing may be queued or under way there any more.
        _ => {
            "INSERT INTO address_queue (account, address, hold_until, hold_step) SELECT ?1, ?2, ?3, 1 WHERE ?4
             ON CONFLICT DO UPDATE SET hold_until = max(hold_until, excluded.hold_until), hold_step = hold_step + 1"
        }
    };
    pen.prepare(sql)?.execute(params![account, address, until, held.id.0])?;
    Ok(())
}

/// Holds an account. Tries that began before the last hold was set failed together with the first: they are no new step.
pub(super) fn account(pen: &Pen<'_>, name: &str, began: Timestamp, asked: Option<Duration>) -> Result<(), OutboxError> {
    let sql = "SELECT hold_step, held_at, broken_since IS NOT NULL FROM accounts WHERE account = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get(2)?));
    let (step, held_at, is_broken) = pen.prepare(sql)?.query_row([name], read).optional()?.unwrap_or_default();
    let new_burst = step == 0 || began.millis() > held_at;
    let wait = if new_burst && is_broken {
        retry::probe(step).max(retry::hold(asked, step))
    } else if new_burst {
        retry::hold(asked, step)
    } else {
        asked.map_or_else(Default::default, |_| retry::hold(asked, step))
    };
    let sql = "UPDATE accounts SET hold_until = max(hold_until, ?2), hold_step = hold_step + ?3,
                   held_at = iif(?3, ?4, held_at), asked_until = iif(?5, max(asked_until, ?2), asked_until)
               WHERE account = ?1";
    let (until, now) = (pen.now.plus(wait).millis(), pen.now.millis());
    pen.prepare(sql)?.execute(params![name, until, new_burst, now, asked.is_some()])?;
    pen.ring(name);
    Ok(())
}

/// Ends the row of holds of an address, and of its account, after an answer that shows that they work.
pub(super) fn works(pen: &Pen<'_>, delivery: &Delivery, began: Timestamp) -> Result<(), OutboxError> {
    let (account, address) = rows::place(delivery);
    let sql = "UPDATE address_queue SET hold_step = 0 WHERE account = ?1 AND address = ?2 AND hold_step > 0";
    pen.prepare(sql)?.execute([&account, &address])?;
    let sql = "UPDATE accounts SET hold_step = 0, hold_until = 0, asked_until = 0 WHERE account = ?1 AND hold_step > 0 AND held_at < ?2";
    if pen.prepare(sql)?.execute(params![account, began.millis()])? > 0 {
        breaker::close(pen, &account)?;
        pen.ring(&account);
    }
    Ok(())
}

/// Whether an answer of this class shows that the account works.
pub(super) fn shows_life(class: Class) -> bool {
    matches!(class, Class::Recipient | Class::Content | Class::Form)
}
