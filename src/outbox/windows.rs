//! Whom free text may be sent to: who wrote to an account lately, and until when that counts.

use rusqlite::{OptionalExtension as _, params};

use super::error::OutboxError;
use super::writer::Pen;
use crate::contact::line;
use crate::message::delivery::Delivery;
use crate::message::news::Inbound;

/// Opens the window of who wrote, or keeps it open for longer; an old message that comes late shortens nothing.
pub(super) fn open(pen: &Pen<'_>, account: &str, inbound: &Inbound) -> Result<(), OutboxError> {
    let Some(window) = inbound.window else { return Ok(()) };
    // A provider's clock that is ahead of ours keeps no window open beyond its time.
    let until = inbound.at.min(pen.now).plus(window);
    if until <= pen.now {
        return Ok(());
    }
    let sql = "INSERT INTO windows (account, address, open_until) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET open_until = max(open_until, excluded.open_until)";
    pen.prepare(sql)?.execute(params![account, line(&inbound.address), until.millis()])?;
    Ok(())
}

/// Whether the way that the delivery is on is known to take free text now.
pub(super) fn is_open(pen: &Pen<'_>, delivery: &Delivery) -> Result<bool, OutboxError> {
    let Some(way) = delivery.current_way() else { return Ok(false) };
    let sql = "SELECT open_until > ?3 FROM windows WHERE account = ?1 AND address = ?2";
    let given = params![way.account.as_str(), line(&way.address.text), pen.now.millis()];
    Ok(pen.prepare(sql)?.query_row(given, |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Closes the window of that way: its provider says that it is.
pub(super) fn close(pen: &Pen<'_>, delivery: &Delivery) -> Result<(), OutboxError> {
    let Some(way) = delivery.current_way() else { return Ok(()) };
    let sql = "DELETE FROM windows WHERE account = ?1 AND address = ?2";
    pen.prepare(sql)?.execute(params![way.account.as_str(), line(&way.address.text)])?;
    Ok(())
}

/// Forgets the windows that have closed.
pub(super) fn forget_closed(pen: &Pen<'_>) -> Result<(), OutboxError> {
    pen.prepare("DELETE FROM windows WHERE open_until <= ?1")?.execute([pen.now.millis()])?;
    Ok(())
}
