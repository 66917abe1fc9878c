//! Vonage's errors: in replies and in status callbacks the same, as RFC 7807 has them.

use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

use crate::message::delivery::{Class, Scope, SendError};
use crate::provider::reply::{bare_refusal, lenient, refusal, retry_after};

/// An error: the code is what its type ends with, a number or a word; callbacks have it as the title, too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fault {
    #[serde(deserialize_with = "lenient")]
    r#type: String,
    #[serde(deserialize_with = "lenient")]
    title: String,
    #[serde(deserialize_with = "lenient")]
    detail: String,
    #[serde(deserialize_with = "lenient")]
    invalid_parameters: Vec<Parameter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameter {
    #[serde(deserialize_with = "lenient")]
    name: String,
    #[serde(deserialize_with = "lenient")]
    reason: String,
}

/// A message with these words has been sent before: it is there.
const ALREADY_SENT: &str = "1320";

impl Fault {
    /// Its code: the end of its type, or a title that is a number.
    fn code(&self) -> &str {
        let end = self.r#type.rsplit(['#', '/']).next().unwrap_or_default();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(end) && is_number(&self.title) { &self.title } else { end }
    }

    /// Whether it says that Vonage has the message.
    pub(super) fn is_repetition(&self) -> bool {
        self.code() == ALREADY_SENT
    }

    fn words(&self) -> String {
        let invalid = self.invalid_parameters.iter().map(|Parameter { name, reason }| format!("{name}: {reason}"));
        let title = Some(self.title.clone()).filter(|title| title != self.code());
        let all = title.into_iter().chain([self.detail.clone()]).chain(invalid);
        all.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(": ")
    }

    /// Why a message that was taken did not arrive.
    pub(super) fn failure(&self) -> SendError {
        let words = match self.words() {
            words if words.is_empty() => "Vonage does not say why it failed".to_owned(),
            words => words,
        };
        refusal(classify(self.code()).unwrap_or(Class::Fault), self.code(), &words)
    }
}

/// Why a request was not done.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> SendError {
    let fault: Fault = serde_json::from_slice(body).unwrap_or_default();
    let bare = bare_refusal(status, headers, body);
    if status.is_success() || (fault.title.is_empty() && fault.r#type.is_empty()) {
        return bare;
    }
    let class = match classify(fault.code()) {
        Some(Class::Wait { scope, after }) => Class::Wait { scope, after: retry_after(headers).or(after) },
        Some(class) => class,
        None => bare.class,
    };
    refusal(class, fault.code(), &fault.words())
}

/// The class of one of Vonage's errors, in a reply as in a callback; none for one that is not in its lists. Sources:
/// <https://developer.vonage.com/en/api-errors/messages>, <https://developer.vonage.com/en/api-errors>; who must act is our
/// reading.
fn classify(code: &str) -> Option<Class> {
    Some(match code {
        // Too much at once, from this account or to many numbers.
        "1000" | "1241" | "throttled" | "rate-limit" => Class::Wait { scope: Scope::Account, after: None },
        // Parameters, a tag, the template, the length, the time to live, spam, the media.
        "1010" | "1020" | "1021" | "1022" | "1090" | "1130" | "1210" | "1380" | "1381" | "1382" => Class::Content,
        "invalid-params" | "invalid-json" => Class::Content,
        // Barred, not on a list of allowed ones, no number, gone, opted out, not on the network, no fit device; no route.
        "1040" | "1050" | "1160" | "1170" | "1190" | "1240" | "1250" | "1260" | "1300" | "1310" => Class::Recipient,
        // Nothing but time was wrong: another way may still reach whom this one did not.
        "1360" => Class::Recipient,
        // The account is barred, without credit, not provisioned; the sender is not allowed; the token is over.
        "1060" | "1070" | "1080" | "1120" | "1140" | "1370" => Class::Account,
        "low-balance" | "unauthorized" | "forbidden" | "not-found" | "unprovisioned" | "account-suspended" => {
            Class::Account
        }
        "jwt-expired" | "jwt-revoked" | "invalid-api-key" | "invalid-signature" | "invalid-ip" => Class::Account,
        "multiple-authorization" => Class::Account,
        // What it answers is nothing that Vonage remembers: the next try answers nothing.
        "1451" => Class::Fault,
        // The platform, the network, the messenger; a phone that is off or busy; nobody knows.
        "1030" | "1100" | "1180" | "1220" | "1230" | "1330" | "1331" | "internal-error" => Class::Fault,
        "1340" => Class::Form,
        _ => return None,
    })
}
