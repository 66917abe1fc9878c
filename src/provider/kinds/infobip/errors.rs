//! Infobip's statuses and errors: in replies and in reports the same.

use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

use super::codes::{of_error, of_status};
use crate::message::delivery::{Class, SendError};
use crate::provider::reply::{bare_refusal, lenient, refusal};

/// Where a message stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    #[serde(deserialize_with = "lenient")]
    pub(super) group_id: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    description: String,
}

/// Why it stands there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fault {
    #[serde(deserialize_with = "lenient")]
    id: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    description: String,
    #[serde(deserialize_with = "lenient")]
    permanent: bool,
}

/// What a request that was not done is answered by: today's form, and the older one.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Refusal {
    #[serde(deserialize_with = "lenient")]
    error_code: String,
    #[serde(deserialize_with = "lenient")]
    description: String,
    #[serde(deserialize_with = "lenient")]
    violations: Vec<Violation>,
    #[serde(deserialize_with = "lenient")]
    request_error: RequestError,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Violation {
    #[serde(deserialize_with = "lenient")]
    property: String,
    #[serde(deserialize_with = "lenient")]
    violation: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RequestError {
    #[serde(deserialize_with = "lenient")]
    service_exception: ServiceException,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceException {
    #[serde(deserialize_with = "lenient")]
    message_id: String,
    #[serde(deserialize_with = "lenient")]
    text: String,
}

impl Status {
    /// Whether it is only that Infobip has a message with this id.
    pub(super) fn is_repetition(&self) -> bool {
        self.id == Some(23)
    }

    /// Whether it says that the message will not arrive: undeliverable, expired, rejected.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.group_id, Some(2 | 4 | 5))
    }
}

impl Fault {
    /// Whether it is only that Infobip has this message: `EC_DUPLICATE_REQUEST`, `EC_DUPLICATE_MESSAGE`.
    pub(super) fn is_repetition(&self) -> bool {
        matches!(self.id, Some(7280 | 5492))
    }
}

/// Why a message failed: its error tells more than its status.
pub(super) fn failed(status: &Status, fault: &Fault) -> SendError {
    let error = fault.id.filter(|id| *id != 0);
    let class = error.and_then(|id| of_error(id, fault.permanent)).or_else(|| of_status(status.id?));
    let said = |name: &str, description: &str| match (name, description) {
        (name, "") => name.to_owned(),
        (name, description) => format!("{name}: {description}"),
    };
    match error {
        Some(id) => refusal(class.unwrap_or(Class::Fault), id, &said(&fault.name, &fault.description)),
        None => {
            let id = status.id.map(|id| id.to_string()).unwrap_or_default();
            refusal(class.unwrap_or(Class::Fault), id, &said(&status.name, &status.description))
        }
    }
}

/// Why a request was not done.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SendError {
    let Refusal { error_code, description, violations, request_error } =
        serde_json::from_slice(body).unwrap_or_default();
    let ServiceException { message_id, text } = request_error.service_exception;
    let bare = bare_refusal(status, headers, body);
    let code = if error_code.is_empty() { message_id } else { error_code };
    if status.is_success() || code.is_empty() {
        return bare;
    }
    let words = if description.is_empty() { text } else { description };
    let invalid = violations.into_iter().map(|Violation { property, violation }| format!("{property}: {violation}"));
    let words = std::iter::once(words).chain(invalid).filter(|words| !words.is_empty()).collect::<Vec<_>>().join(": ");
    // Its words are those of the status.
    refusal(bare.class, code, &words)
}
