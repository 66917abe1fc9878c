//! What there is to say about a message: in lines for people, in JSON for programs.

use serde_json::{Value, json};

use crate::action::send::{Composed, Stored};
use crate::http::operator::json;
use crate::http::wait::Fares;
use crate::message::Message;
use crate::outbox::{DeliveryStatus, MessageStatus};
use crate::provider::preview::Preview;

/// A body in both languages.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) json: Value,
}

/// A message that was stored, or was before. `names`: whether the caller may read the contacts' names; `status`: where it
/// stands, if somebody waited for that; `base`: what stands before the paths of our links.
pub(super) fn stored(stored: &Stored, names: bool, status: Option<&MessageStatus>, base: &str) -> Said {
    let (id, count) = (stored.id, stored.contacts.len());
    let mut json = json!({ "id": id.to_string(), "status-url": format!("{base}/messages/{id}"), "recipients": count });
    if names {
        json["contacts"] = json!(stored.contacts);
    }
    if stored.duplicate {
        json["duplicate"] = json!(true);
    }
    json_warning(&mut json, stored.left_out.as_deref());
    let what = match status.map(Fares::of) {
        _ if stored.duplicate => "duplicate",
        Some(Fares::Well) => "sent",
        Some(Fares::Badly) => "failed",
        Some(Fares::Unknown) | None => "queued",
    };
    let plural = if count == 1 { "recipient" } else { "recipients" };
    let listed = if names { format!(": {}", stored.contacts.join(", ")) } else { String::new() };
    let mut text = format!("{what} {id} for {count} {plural}{listed}\n{}", warning(stored.left_out.as_deref()));
    if let Some(status) = status {
        json["deliveries"] = status.deliveries.iter().map(|row| delivery(row, names)).collect();
        text += &lines(status, names);
    }
    Said { text, json }
}

/// It went out, and nothing of it is kept: there is no id to ask for.
pub(super) fn sent(sent: usize, recipients: usize, left_out: Option<&str>) -> Said {
    let of = if sent == recipients { String::new() } else { format!(" to {sent} of {recipients}") };
    let mut json = json!({ "stored": false, "sent": sent, "recipients": recipients });
    json_warning(&mut json, left_out);
    Said { text: format!("sent{of}, not stored\n{}", warning(left_out)), json }
}

/// Where a message stands: states only, no names and no text, for whoever has its id may ask.
pub(super) fn status(status: &MessageStatus) -> Said {
    let (id, accepted) = (status.message.id, status.message.accepted_at);
    let deliveries: Vec<_> = status.deliveries.iter().map(|row| delivery(row, false)).collect();
    let json = json!({ "id": id.to_string(), "accepted": accepted.to_string(), "deliveries": deliveries });
    Said { text: format!("{id} accepted {accepted}\n{}", lines(status, false)), json }
}

/// What would be sent, had it not been a try.
pub(super) fn preview(composed: &Composed, previews: &[Preview], runs: bool) -> Said {
    let Composed { message: Message { title, text, .. }, media, left_out, .. } = composed;
    let each = |preview: &Preview| {
        let ways = preview.ways.iter();
        let ways: Vec<_> =
            ways.map(|(account, address)| json!({ "account": account.as_str(), "address": address })).collect();
        let (request, refused) = match &preview.request {
            Ok(lines) => (json!(lines.join("\n")), Value::Null),
            Err(why) => (Value::Null, json!(why)),
        };
        json!({ "contact": preview.contact, "ways": ways, "request": request, "refused": refused })
    };
    let recipients: Vec<_> = previews.iter().map(each).collect();
    let mut json = json!({ "dry-run": true, "title": title, "text": text, "recipients": recipients });
    let media = media.as_ref().map(|media| media.label());
    if let Some(label) = &media {
        json["media"] = json::media(label);
    }
    json_warning(&mut json, left_out.as_deref());
    let title = title.as_ref().map(|title| format!("title: {title}\n")).unwrap_or_default();
    let media = media.map(|label| format!("media: {label}\n")).unwrap_or_default();
    let warning = warning(left_out.as_deref());
    let previews: String = previews.iter().map(ToString::to_string).collect();
    let nothing = if runs { "nothing was sent, nothing was run" } else { "nothing was sent" };
    Said { text: format!("{title}text: {text}\n{media}{warning}{previews}{nothing}\n"), json }
}

/// The text goes without what it was to bring.
fn warning(left_out: Option<&str>) -> String {
    left_out.map(|why| format!("warning: only the text goes: {why}\n")).unwrap_or_default()
}

fn json_warning(json: &mut Value, left_out: Option<&str>) {
    if let Some(why) = left_out {
        json["warning"] = json!(format!("only the text goes: {why}"));
    }
}

fn delivery(row: &DeliveryStatus, names: bool) -> Value {
    let delivery = &row.delivery;
    let mut json = json!({
        "state": delivery.state.as_str(),
        "attempts": row.attempts,
        "late": delivery.late,
        "possible-duplicate": delivery.possible_duplicate,
    });
    if names {
        json["contact"] = json!(delivery.recipient.contact);
        json["account"] = json!(delivery.current_way().map(|way| way.account.as_str()));
        json["reason"] = json!(delivery.reason);
    }
    json
}

/// A line a delivery: by its number, or by the contact's name.
fn lines(status: &MessageStatus, names: bool) -> String {
    let mut text = String::new();
    for (number, row) in status.deliveries.iter().enumerate() {
        let delivery = &row.delivery;
        let who = if names { delivery.recipient.contact.clone() } else { (number + 1).to_string() };
        let late = if delivery.late { ", late" } else { "" };
        let twice = if delivery.possible_duplicate { ", possible duplicate" } else { "" };
        let tries = if row.attempts == 1 { "attempt" } else { "attempts" };
        let why = delivery.reason.as_deref().filter(|_| names).map(|why| format!(": {why}")).unwrap_or_default();
        text += &format!("{who}: {}, {} {tries}{late}{twice}{why}\n", delivery.state.as_str(), row.attempts);
    }
    text
}
