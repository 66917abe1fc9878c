//! The outbox's nouns in JSON, as an operator reads them: names, addresses and texts included.

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::message::delivery::Delivery;
use crate::message::media::{Label, Place};
use crate::message::{canary, expected};
use crate::node::units;
use crate::outbox::{AccountState, Attempt, CanaryState, ExpectedCall, Listed, MessageStatus, Refused, Touched};

/// A piece of a list, and where the next one begins (`before=`).
pub(super) fn listed(listed: &Listed) -> Value {
    let deliveries: Vec<_> = listed.deliveries.iter().map(|(row, tries)| delivery(row, *tries)).collect();
    json!({ "deliveries": deliveries, "next": listed.next.map(|id| id.0) })
}

/// A message with its deliveries, each with its tries.
pub(super) fn message(status: &MessageStatus, attempts: &[Attempt]) -> Value {
    let message = &status.message;
    let deliveries = status.deliveries.iter().map(|row| {
        let mut shown = delivery(&row.delivery, row.attempts);
        let tries = attempts.iter().filter(|attempt| attempt.delivery == row.delivery.id);
        shown["tries"] = tries.map(attempt).collect();
        shown
    });
    json!({
        "id": message.id.to_string(),
        "hook": message.hook,
        "caller": message.caller,
        "title": message.title,
        "text": message.text,
        "format": message.format.as_str(),
        "media": status.media.as_ref().map(media),
        "priority": message.priority.as_str(),
        "accepted": message.accepted_at.to_string(),
        "expires": message.expires_at.to_string(),
        "deliveries": deliveries.collect::<Vec<_>>(),
    })
}

/// What goes along with a message, without it.
pub(in crate::http) fn media(label: &Label) -> Value {
    let (link, bytes) = match &label.place {
        Place::Link(link) => (Some(link), None),
        Place::Here(bytes) => (None, Some(bytes)),
    };
    json!({ "kind": label.kind.as_str(), "name": label.name, "type": label.mime, "bytes": bytes, "link": link })
}

/// What became of a delivery.
pub(super) fn touched(touched: &Touched) -> Value {
    let Touched { delivery, done } = touched;
    json!({
        "contact": delivery.recipient.contact,
        "state": delivery.state.as_str(),
        "done": done.is_ok(),
        "why": done.err(),
    })
}

/// A refused call.
pub(super) fn refused(refused: &Refused) -> Value {
    let Refused { at, hook, address, status, reason, untold } = refused;
    json!({ "at": at.to_string(), "hook": hook, "address": address, "status": status, "reason": reason, "untold": untold })
}

/// How an account stands.
pub(super) fn account(state: &AccountState) -> Value {
    let AccountState { account, queued, sending, missing, held_until, broken, sent_at } = state;
    json!({
        "account": account.as_str(),
        "queued": queued,
        "sending": sending,
        "missing": missing,
        "held-until": held_until.as_ref().map(Timestamp::to_string),
        "broken": broken.as_ref().map(|(since, why)| json!({ "since": since.to_string(), "why": why })),
        "sent": moment(*sent_at),
    })
}

/// How the canary of an account stands.
pub(super) fn canary(state: &CanaryState) -> Value {
    let CanaryState { account, record: canary::Record { next_at, last, back_by, back_at, lost_since } } = state;
    json!({
        "account": account.as_str(),
        "message": last.as_ref().map(|last| last.message.to_string()),
        "sent": last.as_ref().map(|last| last.sent_at.to_string()),
        "back-by": moment(*back_by),
        "back": moment(*back_at),
        "next": next_at.to_string(),
        "lost-since": moment(*lost_since),
    })
}

/// When a hook was called that is expected to be.
pub(super) fn expected_call(call: &ExpectedCall) -> Value {
    let ExpectedCall { hook, record: expected::Record { every, called_at, due_at, silent_since } } = call;
    json!({
        "hook": hook,
        "every": units::shown(*every),
        "called": moment(*called_at),
        "due": moment(*due_at),
        "silent-since": moment(*silent_since),
    })
}

fn moment(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn delivery(row: &Delivery, tries: u32) -> Value {
    let way = row.current_way();
    json!({
        "delivery": row.id.0,
        "id": row.message.to_string(),
        "hook": row.hook,
        "contact": row.recipient.contact,
        "account": way.map(|way| way.account.as_str()),
        "address": way.map(|way| way.address.text.as_str()),
        "priority": row.priority.as_str(),
        "state": row.state.as_str(),
        "accepted": row.accepted_at.to_string(),
        "due": row.due_at.to_string(),
        "expires": row.expires_at.to_string(),
        "attempts": tries,
        "late": row.late,
        "possible-duplicate": row.possible_duplicate,
        "receipt": row.receipt,
        "reason": row.reason,
    })
}

fn attempt(attempt: &Attempt) -> Value {
    let Attempt { delivery: _, account, started_at, ended_at, class, code, detail } = attempt;
    json!({
        "account": account,
        "began": started_at.to_string(),
        "ended": ended_at.to_string(),
        "class": class,
        "code": code,
        "detail": detail,
    })
}
