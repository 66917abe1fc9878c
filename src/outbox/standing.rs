//! How the accounts of a delivery's ways stand, and which way a new one begins on.

use rusqlite::{OptionalExtension as _, Row, params};

use super::error::OutboxError;
use super::writer::Pen;
use crate::contact::Way;
use crate::message::delivery::{Delivery, DeliveryState};
use crate::message::ways::{Circumstances, Standing};

/// What decides about a delivery besides the event.
pub(super) fn circumstances(pen: &Pen<'_>, delivery: &Delivery, jitter: f64) -> Result<Circumstances, OutboxError> {
    let ways = delivery.recipient.ways.as_slice();
    let standings = match delivery.state {
        // Nothing is left to choose.
        DeliveryState::Delivered | DeliveryState::Read | DeliveryState::Failed => Vec::new(),
        _ if delivery.ways_left() == 0 => Vec::new(),
        _ => standings(pen, ways)?,
    };
    Ok(Circumstances { now: pen.now, jitter, standings })
}

/// How the account of each way stands. A broken one whose probe is due, and that has nothing to probe with, is as good as
/// open to the next that comes.
fn standings(pen: &Pen<'_>, ways: &[Way]) -> Result<Vec<Standing>, OutboxError> {
    let sql = "SELECT missing, broken_since IS NOT NULL AND (hold_until > ?2 OR queued > 0 OR sending > 0)
               FROM accounts WHERE account = ?1";
    let read = |row: &Row<'_>| {
        Ok(match (row.get(0)?, row.get(1)?) {
            (true, _) => Standing::Missing,
            (false, true) => Standing::Broken,
            (false, false) => Standing::Open,
        })
    };
    let standing = |way: &Way| {
        let found = pen.prepare(sql)?.query_row(params![way.account.as_str(), pen.now.millis()], read);
        Ok(found.optional()?.unwrap_or_default())
    };
    ways.iter().map(standing).collect()
}

/// A new delivery on the way that is open for it. While older ones are on their way out of its first account, it goes
/// there and follows them.
pub(super) fn beginning(
    pen: &Pen<'_>,
    new: Delivery,
    (account, address, rank): (&str, &str, i64),
) -> Result<Delivery, OutboxError> {
    if new.ways_left() == 0 {
        return Ok(new);
    }
    let circumstances = Circumstances { now: new.accepted_at, ..circumstances(pen, &new, 0.0)? };
    let begun = new.clone().beginning(&circumstances);
    if begun.way == new.way {
        return Ok(begun);
    }
    let leaving = "SELECT look_from IS NOT NULL OR EXISTS (SELECT 1 FROM deliveries WHERE account = ?1
                       AND state = 'queued' AND patience_until IS NOT NULL) FROM accounts WHERE account = ?1";
    if pen.prepare(leaving)?.query_row([account], |row| row.get(0)).optional()?.unwrap_or(false) {
        return Ok(new);
    }
    stays_behind(pen, &begun, (account, address, rank))?;
    Ok(begun)
}

/// A delivery left this place of the queues, or never went there: an older one of its sort that is under way there still goes first.
pub(super) fn stays_behind(
    pen: &Pen<'_>,
    gone: &Delivery,
    (account, address, rank): (&str, &str, i64),
) -> Result<(), OutboxError> {
    let sql = "UPDATE deliveries SET moved_at = ?3
               WHERE account = ?1 AND address = ?2 AND state = 'sending' AND late = 0 AND moved_at IS NULL
                   AND contact = ?4 AND hook = ?5 AND priority = ?6";
    let Delivery { recipient, hook, .. } = gone;
    pen.prepare(sql)?.execute(params![account, address, pen.now.millis(), recipient.contact, hook, rank])?;
    Ok(())
}
