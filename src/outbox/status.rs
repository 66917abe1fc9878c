//! Where messages stand.

use rusqlite::Connection;

use super::error::OutboxError;
use super::writer::prepare;
use super::{media, rows};
use crate::clock::Timestamp;
use crate::message::delivery::{Delivery, DeliveryState, Event};
use crate::message::media::Label;
use crate::message::ways::Circumstances;
use crate::message::{Message, MessageId};

/// A message and where its deliveries stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageStatus {
    /// The message.
    pub message: Message,
    /// What stands on what goes along with it.
    pub media: Option<Label>,
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
        ", a.missing, a.broken_why FROM deliveries d JOIN messages m ON m.seq = d.message LEFT JOIN accounts a ON a.account = d.account
         WHERE d.message = ?1 ORDER BY d.id"
    );
    let Some((seq, message)) = rows::message(db, id)? else { return Ok(None) };
    let mut statement = prepare(db, SQL)?;
    let read = |row: &rusqlite::Row<'_>| {
        let leased = rows::delivery(row)?;
        let delivery = with_reason(leased.delivery, row.get("broken_why")?);
        Ok((rows::Leased { delivery, ..leased }, row.get::<_, Option<bool>>("missing")?.unwrap_or(false)))
    };
    let found: Vec<_> = statement.query_map([seq], read)?.collect::<Result<_, _>>()?;
    let deliveries = found
        .into_iter()
        .map(|(leased, missing)| DeliveryStatus {
            attempts: u32::try_from(leased.fence).unwrap_or(u32::MAX),
            delivery: as_of(leased.delivery, missing, now),
        })
        .collect();
    Ok(Some(MessageStatus { message, media: media::label(db, id)?, deliveries }))
}

/// The delivery with what it waits for where nothing has happened to it yet: its account, which is out of order.
pub(super) fn with_reason(delivery: Delivery, broken_why: Option<String>) -> Delivery {
    match (broken_why, delivery.current_way()) {
        (Some(why), Some(way)) if delivery.state == DeliveryState::Queued && delivery.reason.is_none() => {
            let reason = Some(format!("{} is out of order: {why}", way.account));
            Delivery { reason, ..delivery }
        }
        _ => delivery,
    }
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
