//! Where messages stand.

use rusqlite::Connection;

use super::error::OutboxError;
use super::rows;
use super::writer::prepare;
use crate::clock::Timestamp;
use crate::message::delivery::{Delivery, DeliveryState, Event};
use crate::message::ways::Circumstances;
use crate::message::{Message, MessageId};

/// A message and where its deliveries stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageStatus {
    /// The message.
    pub message: Message,
    /// One for each contact and copy, in order of acceptance.
    pub deliveries: Vec<DeliveryStatus>,
}

/// Where one delivery stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// The delivery.
    pub delivery: Delivery,
    /// How many tries have begun.
    pub attempts: u32,
}

/// Where a message stands.
pub(super) fn find(db: &Connection, now: Timestamp, id: MessageId) -> Result<Option<MessageStatus>, OutboxError> {
    const SQL: &str = concat!(
        "SELECT ",
        rows::delivery_columns!(),
        ", a.missing FROM deliveries d JOIN messages m ON m.seq = d.message LEFT JOIN accounts a ON a.account = d.account
         WHERE d.message = ?1 ORDER BY d.id"
    );
    let Some((seq, message)) = rows::message(db, id)? else { return Ok(None) };
    let mut statement = prepare(db, SQL)?;
    let read =
        |row: &rusqlite::Row<'_>| Ok((rows::delivery(row)?, row.get::<_, Option<bool>>("missing")?.unwrap_or(false)));
    let found: Vec<_> = statement.query_map([seq], read)?.collect::<Result<_, _>>()?;
    let deliveries = found
        .into_iter()
        .map(|(leased, missing)| DeliveryStatus {
            attempts: u32::try_from(leased.fence).unwrap_or(u32::MAX),
            delivery: as_of(leased.delivery, missing, now),
        })
        .collect();
    Ok(Some(MessageStatus { message, deliveries }))
}

/// The delivery as it stands at `now`, also where nobody has come to write that down yet.
fn as_of(delivery: Delivery, missing: bool, now: Timestamp) -> Delivery {
    if delivery.state != DeliveryState::Queued {
        return delivery;
    }
    let at = Circumstances::at(now);
    let stranded = missing && delivery.ways_left() == 0;
    let delivery = if stranded { delivery.advance(Event::NoAccount, &at).delivery } else { delivery };
    let is_over = delivery.expires_at <= now;
    if is_over { delivery.advance(Event::Expired, &at).delivery } else { delivery }
}
