//! What an operator does to messages: try again, take back, forget.

use rusqlite::params;

use super::error::OutboxError;
use super::writer::{Pen, prepare};
use super::{queue, rows};
use crate::clock::Timestamp;
use crate::message::MessageId;
use crate::message::delivery::{Delivery, DeliveryId, DeliveryState, Event, NoRetry};

/// Messages that one operation looks at to forget them, so that the others behind it don't wait long.
const PURGED: i64 = 128;

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The delivery afterwards.
    pub delivery: Delivery,
    /// Whether that is the operator's doing; else why not.
    pub done: Result<(), &'static str>,
}

/// What one step of a purge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Purged {
    /// Messages that are gone.
    pub(super) count: u64,
    /// Where the next step begins; none: there is nothing older left.
    pub(super) next: Option<i64>,
}

/// Puts the ended deliveries of a message back to the queue, with the time to live that the message was accepted with.
pub(super) fn retry(pen: &Pen<'_>, id: MessageId, force: bool) -> Result<Option<Vec<Touched>>, OutboxError> {
    let Some((seq, message)) = rows::message(pen.db, id)? else { return Ok(None) };
    let until = pen.now.plus(message.expires_at.since(message.accepted_at));
    let mut touched = Vec::new();
    for delivery in of_message(pen, seq)? {
        let Some(before) = rows::read(pen, delivery)? else { continue };
        touched.push(match before.delivery.may_be_retried() {
            Err(NoRetry::MayHaveArrived(why)) if !force => Touched { delivery: before.delivery, done: Err(why) },
            Err(NoRetry::NotEnded(why)) => Touched { delivery: before.delivery, done: Err(why) },
            Ok(()) | Err(NoRetry::MayHaveArrived(_)) => {
                let delivery = queue::change(pen, &before, Event::Retried { until }, 0.0)?.delivery;
                Touched { delivery, done: Ok(()) }
            }
        });
    }
    Ok(Some(touched))
}

/// Takes the queued deliveries of a message back. One whose try is under way stays: ask again once that has ended.
pub(super) fn cancel(pen: &Pen<'_>, id: MessageId) -> Result<Option<Vec<Touched>>, OutboxError> {
    let Some((seq, _)) = rows::message(pen.db, id)? else { return Ok(None) };
    let mut touched = Vec::new();
    for delivery in of_message(pen, seq)? {
        let Some(before) = rows::read(pen, delivery)? else { continue };
        let why = match before.delivery.state {
            DeliveryState::Queued => {
                let delivery = queue::change(pen, &before, Event::Canceled, 0.0)?.delivery;
                let reason = delivery.reason.clone().unwrap_or_default();
                queue::note_attempt(pen, &before, "canceled", "", &reason)?;
                touched.push(Touched { delivery, done: Ok(()) });
                continue;
            }
            DeliveryState::Sending => "a try is under way",
            DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => "it has been sent",
            DeliveryState::Failed | DeliveryState::Expired | DeliveryState::Canceled => "it has ended",
        };
        touched.push(Touched { delivery: before.delivery, done: Err(why) });
    }
    Ok(Some(touched))
}

/// One step of forgetting the messages that were accepted before `older` and have ended, in the order of acceptance.
pub(super) fn purge(pen: &Pen<'_>, older: Timestamp, after: i64) -> Result<Purged, OutboxError> {
    let sql = "SELECT seq, accepted_at, EXISTS (SELECT 1 FROM deliveries d WHERE d.message = m.seq
                   AND d.state IN ('queued', 'sending')) FROM messages m WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, bool>(2)?));
    let found: Vec<_> = prepare(pen.db, sql)?.query_map(params![after, PURGED], read)?.collect::<Result<_, _>>()?;
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == PURGED);
    let mut purged = Purged { count: 0, next: found.last().map(|(seq, ..)| *seq).filter(|_| is_full) };
    for (seq, accepted_at, goes_on) in found {
        if accepted_at >= older.millis() {
            return Ok(Purged { next: None, ..purged });
        }
        if !goes_on {
            pen.prepare("DELETE FROM messages WHERE seq = ?1")?.execute([seq])?;
            purged.count += 1;
        }
    }
    Ok(purged)
}

fn of_message(pen: &Pen<'_>, seq: i64) -> Result<Vec<DeliveryId>, OutboxError> {
    queue::ids(pen, "SELECT id FROM deliveries WHERE message = ?1 ORDER BY id", params![seq])
}
