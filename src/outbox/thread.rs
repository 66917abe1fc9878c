//! Conversations: what was sent last of the one that a message belongs to.

use std::time::Duration;

use rusqlite::{OptionalExtension as _, params};

use super::error::OutboxError;
use super::rows;
use super::writer::Pen;
use crate::message::delivery::Delivery;

/// So many messages of a conversation are looked at; what is older than they are is nothing to come back to.
const LOOKED_AT: i64 = 16;

/// WhatsApp knows for thirty days what may be answered:
/// <https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/contextual-replies>.
const KNOWN_FOR: Duration = Duration::from_secs(29 * 24 * 60 * 60);

/// The receipt of the newest message before this one in its conversation that the same account sent to the same address:
/// what this one may be shown to answer.
pub(super) fn answered(pen: &Pen<'_>, delivery: &Delivery, thread: &str) -> Result<Option<String>, OutboxError> {
    let sql = "SELECT seq FROM messages
               WHERE thread = ?1 AND seq < (SELECT seq FROM messages WHERE id = ?2) AND accepted_at > ?3
               ORDER BY seq DESC LIMIT ?4";
    let mut statement = pen.prepare(sql)?;
    let given = params![thread, delivery.message.to_string(), pen.now.minus(KNOWN_FOR).millis(), LOOKED_AT];
    let before: Vec<i64> = statement.query_map(given, |row| row.get(0))?.collect::<Result<_, _>>()?;
    let (account, address) = rows::place(delivery);
    let sql = "SELECT receipt FROM deliveries WHERE message = ?1 AND account = ?2 AND address = ?3
                   AND state IN ('sent', 'delivered', 'read') AND receipt IS NOT NULL LIMIT 1";
    let mut statement = pen.prepare(sql)?;
    for message in before {
        let receipt = statement.query_row(params![message, account, address], |row| row.get(0)).optional()?;
        if receipt.is_some() {
            return Ok(receipt);
        }
    }
    Ok(None)
}
