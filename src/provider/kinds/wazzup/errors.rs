//! Wazzup's errors: in replies and in callbacks the same.

use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

use crate::message::delivery::{Class, Scope, SendError};
use crate::provider::reply::{bare_refusal, class_of_bare_status, lenient, refusal, retry_after};

/// An error as it stands in a reply, and within `error` in a callback.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default, deserialize_with = "lenient")]
    error: String,
    #[serde(default, deserialize_with = "lenient")]
    description: String,
    #[serde(default, deserialize_with = "lenient")]
    data: FaultData,
}

#[derive(Debug, Default, Deserialize)]
struct FaultData {
    /// What is wrong in the request.
    #[serde(default, deserialize_with = "lenient")]
    fields: Vec<String>,
}

impl Fault {
    /// Whether it only says that it has the message already.
    pub(super) fn is_repetition(&self) -> bool {
        is_repetition(&self.error)
    }

    fn words(&self) -> String {
        let words = if self.description.is_empty() { &self.error } else { &self.description };
        match self.data.fields.as_slice() {
            [] => words.clone(),
            fields => format!("{words} ({})", fields.join(", ")),
        }
    }

    /// As it stands in a callback, which has no HTTP status. A code that nobody knows is worth another try.
    pub(super) fn reported(&self) -> SendError {
        refusal(classify(&self.error).unwrap_or(Class::Fault), &self.error, &self.words())
    }
}

/// Seen in both spellings.
fn is_repetition(code: &str) -> bool {
    matches!(code, "REPEATED_CRM_MESSAGE_ID" | "repeatedCrmMessageId")
}

/// The refusal in an answer that is no success.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SendError {
    match serde_json::from_slice::<Fault>(body) {
        Ok(fault) if !fault.error.is_empty() => {
            let class = match classify(&fault.error).unwrap_or_else(|| class_of_bare_status(status, headers)) {
                Class::Wait { scope, after } => Class::Wait { scope, after: retry_after(headers).or(after) },
                class => class,
            };
            refusal(class, &fault.error, &fault.words())
        }
        _ => bare_refusal(status, headers, body),
    }
}

/// The class of one of Wazzup's errors; none for one that is not in their lists. Sources:
/// <https://wazzup24.com/help/api-en/sending-messages/>, <https://wazzup24.com/help/webhooks/>; who must act is our
/// reading.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        // The key, the money, the channel: unpaid, blocked, gone, or refused by Meta.
        "INVALID_API_KEY"
        | "BALANCE_IS_EMPTY"
        | "CHANNEL_NO_MONEY"
        | "CHANNEL_NOT_FOUND"
        | "CHANNEL_BLOCKED"
        | "CHANNEL_WAPI_REJECTED" => Class::Account,
        // Of the webhooks: the address is none, or does not answer.
        "testPostNotPassed" | "uriNotValid" => Class::Account,
        "CHANNEL_LIMIT_EXCEEDED" => Class::Wait { scope: Scope::Account, after: None },
        "MESSAGE_CHANNEL_UNAVAILABLE" | "MESSAGES_CAN_NOT_ADD" | "UNKNOWN_ERROR" => Class::Fault,
        // What it answers is gone: the next try answers nothing.
        "REFERENCE_MESSAGE_NOT_FOUND" => Class::Fault,
        // There is no such account in the messenger, or the chat is closed to us.
        "BAD_CONTACT" | "CHAT_NO_ACCESS" => Class::Recipient,
        "24_HOURS_EXCEEDED" => Class::Form,
        "INVALID_MESSAGE_DATA"
        | "WRONG_TRANSPORT"
        | "VALIDATION_ERROR"
        | "MESSAGE_TEXT_TOO_LONG"
        | "MESSAGES_CONTENT_SIZE_EXCEEDED"
        | "MESSAGE_DOWNLOAD_CONTENT_ERROR"
        | "MESSAGE_WRONG_CONTENT_TYPE"
        | "MESSAGES_NOT_TEXT_FIRST"
        | "MESSAGES_IS_SPAM"
        | "TEMPLATE_REJECTED"
        | "TOO_LONG_TEXT"
        | "TOO_BIG_CONTENT"
        | "BAD_LINK"
        | "SPAM" => Class::Content,
        code if code.starts_with("MESSAGES_TOO_LONG_") => Class::Content,
        _ => return None,
    })
}
