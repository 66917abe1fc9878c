//! What of a delivery's life is counted.

use std::time::Duration;

use super::counted::{Counted, What};
use super::writer::Pen;
use crate::message::delivery::{Class, Delivery, DeliveryState};
use crate::metrics::{Limit, Stage, TryEnd};

/// A new delivery waits.
pub(super) fn accepted(pen: &Pen<'_>, new: &Delivery) {
    note(pen, new, What::CameTo(Stage::Queued, Duration::ZERO));
}

/// A delivery stands elsewhere than before.
pub(super) fn changed(pen: &Pen<'_>, old: &Delivery, new: &Delivery) {
    let after = pen.now.since(new.accepted_at);
    let came_to = |stage| note(pen, new, What::CameTo(stage, after));
    let arrived = |state| matches!(state, DeliveryState::Delivered | DeliveryState::Read);
    match new.state {
        // The same way again is a try that failed, which is counted as such.
        DeliveryState::Queued if old.way != new.way || old.state.is_end() => came_to(Stage::Queued),
        state if state == old.state => {}
        DeliveryState::Queued | DeliveryState::Sending => {}
        DeliveryState::Sent => came_to(Stage::Sent),
        DeliveryState::Delivered | DeliveryState::Read => {
            // A report may outrun the answer, and that of the reading may be the only one.
            if old.state != DeliveryState::Sent && !arrived(old.state) {
                came_to(Stage::Sent);
            }
            if !arrived(old.state) {
                came_to(Stage::Delivered);
            }
            if new.state == DeliveryState::Read {
                came_to(Stage::Read);
            }
        }
        DeliveryState::Failed => came_to(Stage::Failed),
        DeliveryState::Expired => came_to(Stage::Expired),
        DeliveryState::Canceled => came_to(Stage::Canceled),
    }
}

/// A try of a delivery ended: well, or by a failure of this class.
pub(super) fn tried(pen: &Pen<'_>, tried: &Delivery, failure: Option<Class>) {
    let end = match failure {
        None => TryEnd::Accepted,
        Some(Class::Wait { .. }) => TryEnd::Wait,
        Some(Class::Network) => TryEnd::Network,
        Some(Class::Unknown) => TryEnd::Unknown,
        Some(Class::Fault) => TryEnd::Fault,
        Some(Class::Recipient) => TryEnd::Recipient,
        Some(Class::Content) => TryEnd::Content,
        Some(Class::Form) => TryEnd::Form,
        Some(Class::Account) => TryEnd::Account,
    };
    note(pen, tried, What::Tried(end));
}

/// A rate kept a delivery waiting.
pub(super) fn waited(pen: &Pen<'_>, delivery: &Delivery, limit: Limit) {
    note(pen, delivery, What::Waited(limit));
}

fn note(pen: &Pen<'_>, delivery: &Delivery, what: What) {
    let name = delivery.current_way().map_or("", |way| way.account.as_str());
    pen.count(Counted { account: pen.metrics.account(name), what });
}
