//! GREEN-API's errors: statuses and sentences, in replies and in reports.
//! <https://green-api.com/en/docs/api/common-errors/>

use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

use crate::message::delivery::{Class, SendError};
use crate::provider::reply::{class_of_bare_status, lenient, refusal};

/// How an error is told: a sentence, and for 466 what is used up. Some are told as bare text instead.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fault {
    #[serde(deserialize_with = "lenient")]
    message: String,
    #[serde(deserialize_with = "lenient")]
    error: String,
    /// The messages of the month.
    #[serde(deserialize_with = "lenient")]
    invoke_status: Quota,
    /// The chats of the month.
    #[serde(deserialize_with = "lenient")]
    correspondents_status: Quota,
}

/// What a tariff lets through in a month.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Quota {
    #[serde(deserialize_with = "lenient")]
    pub(super) method: String,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    pub(super) description: String,
}

impl Quota {
    fn is_exceeded(&self) -> bool {
        self.status.contains("EXCEEDED")
    }
}

/// The refusal in an answer that is no success.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SendError {
    let fault = serde_json::from_slice::<Fault>(body).unwrap_or_default();
    let class = classify(status, headers, &fault, &String::from_utf8_lossy(body));
    let quotas = [&fault.invoke_status, &fault.correspondents_status];
    let quota = quotas.into_iter().find(|quota| quota.is_exceeded()).map(|quota| &quota.description);
    let told = [Some(&fault.message), quota, Some(&fault.error)].into_iter().flatten().find(|words| !words.is_empty());
    let words = match told {
        Some(words) => words.clone(),
        None => format!("HTTP {status}: {}", String::from_utf8_lossy(body)),
    };
    refusal(class, status.as_u16(), &words)
}

fn classify(status: StatusCode, headers: &HeaderMap, fault: &Fault, body: &str) -> Class {
    match status.as_u16() {
        // A reboot takes up to five minutes; else the request is wrong, or its chat is none.
        400 => of_words(body)
            .unwrap_or_else(|| if body.to_lowercase().contains("chatid") { Class::Recipient } else { Class::Content }),
        // The month's messages, or the chats of the tariff: those that are in its list are still written to.
        466 if fault.correspondents_status.is_exceeded() && !fault.invoke_status.is_exceeded() => Class::Recipient,
        466 => Class::Account,
        // The server saw us hang up: it may have the message.
        499 => Class::Unknown,
        _ => class_of_bare_status(status, headers),
    }
}

/// What the sentences have in common that are about the instance: in a reply with 400, and in the description of a
/// status.
fn of_words(words: &str) -> Option<Class> {
    let words = words.to_lowercase();
    let has = |part: &str| words.contains(part);
    if has("starting process") {
        return Some(Class::Fault);
    }
    let is_account = ["not authorized", "not authenticated", "expired", "instance is deleted"].into_iter().any(has);
    is_account.then_some(Class::Account)
}

/// Why a message that was taken will not arrive, by its status; none where it says nothing of the sort. What went wrong on
/// the way is worth another try.
pub(super) fn reported(status: &str, description: &str) -> Option<SendError> {
    let (class, known) = match status {
        "failed" => (of_words(description).unwrap_or(Class::Fault), "WhatsApp did not take it"),
        "noAccount" => (Class::Recipient, "the number has no WhatsApp"),
        "notInGroup" => (Class::Recipient, "the instance is not in the group"),
        "yellowCard" => (Class::Account, "WhatsApp suspects the instance of spam, and lets nothing through"),
        "noActiveSession" => (Class::Form, "nobody wrote within 24 hours"),
        _ => return None,
    };
    let words = if description.is_empty() { known.to_owned() } else { format!("{known}: {description}") };
    Some(refusal(class, status, &words))
}
