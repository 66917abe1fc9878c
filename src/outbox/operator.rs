//! What an operator does to messages: try again, take back.

use rusqlite::params;

use super::attempts::Entry;
use super::error::OutboxError;
use super::writer::Pen;
use super::{queue, rows};
use crate::message::MessageId;
use crate::message::delivery::{Delivery, DeliveryId, DeliveryState, Event, NoRetry};

/// What became of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The delivery afterwards.
    pub delivery: Delivery,
    /// Whether that is the operator's doing; else why not.
    pub done: Result<(), &'static str>,
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
                Entry { detail: &reason, ..Entry::of(pen, &before, "canceled") }.write(pen)?;
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

fn of_message(pen: &Pen<'_>, seq: i64) -> Result<Vec<DeliveryId>, OutboxError> {
    queue::ids(pen, "SELECT id FROM deliveries WHERE message = ?1 ORDER BY id", params![seq])
}
