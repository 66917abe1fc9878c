//! Meta's errors: in replies and in callbacks the same.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use http::header::HeaderMap;
use serde::Deserialize;

use crate::message::delivery::{Class, Scope};
use crate::provider::reply::{lenient, retry_after};

/// An error as it stands in a reply; a status callback has the same fields but `error_subcode`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fault {
    #[serde(default, deserialize_with = "lenient")]
    pub(super) code: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(super) error_subcode: Option<i64>,
    #[serde(default, deserialize_with = "lenient")]
    message: String,
    /// In a callback; often the same words.
    #[serde(default, deserialize_with = "lenient")]
    title: String,
    #[serde(default, deserialize_with = "lenient")]
    error_data: FaultData,
}

#[derive(Debug, Default, Deserialize)]
struct FaultData {
    #[serde(default, deserialize_with = "lenient")]
    details: String,
}

impl Fault {
    /// What Meta says, with the template's name where it is about that.
    pub(super) fn words(&self, template: &str) -> String {
        let mut words = if self.message.is_empty() { self.title.clone() } else { self.message.clone() };
        let details = &self.error_data.details;
        if !details.is_empty() && !words.contains(details) {
            words.push_str(&format!(": {details}"));
        }
        if self.code.is_some_and(|code| (132_000..133_000).contains(&code)) {
            words.push_str(&format!(" (template {template})"));
        }
        words
    }
}

const fn wait(scope: Scope, seconds: u64) -> Class {
    Class::Wait { scope, after: Some(Duration::from_secs(seconds)) }
}

/// The class of one of Meta's errors, in a reply (with its HTTP status) as in a callback (which has none).
/// Source: <https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes>; who must act is our reading.
pub(super) fn classify(code: i64, subcode: Option<i64>, status: Option<StatusCode>) -> Class {
    match (code, subcode) {
        // The phone number ID is none, or the token may not use it: Meta says "invalid parameter" with this subcode.
        (100, Some(33)) => Class::Account,
        // Token, permissions, payment, registration, a locked or blocked account, a number that is gone.
        (0 | 3 | 10 | 33 | 190 | 200..=299 | 368, _) => Class::Account,
        (131_005 | 131_031 | 131_037 | 131_042 | 131_045 | 133_016, _) => Class::Account,
        // "Invalid request or possible server error": the status tells which.
        (1, _) if status.is_some_and(|status| status.is_client_error()) => Class::Content,
        (1 | 2 | 131_000 | 131_016 | 131_057 | 133_004, _) => Class::Fault,
        // Calls of the app, and of the business account: minutes, which a header may tell.
        (4 | 80_007, _) => wait(Scope::Account, 60),
        (130_429, _) => wait(Scope::Sender, 1),
        // Too many people blocked or reported this number.
        (131_048, _) => wait(Scope::Sender, 3600),
        (131_064 | 132_069, _) => Class::Wait { scope: Scope::Account, after: None },
        // A template that is being copied is there within ten minutes.
        (134_101, _) => wait(Scope::Account, 600),
        // One sender, one user: Meta wants 4^n seconds after the n-th refusal in a row. The outbox counts those of an
        // address, but takes its own steps (1, 2, 4, 8 s…), which are shorter at first: a refusal more, and no harm.
        (131_056, _) => Class::Wait { scope: Scope::Recipient, after: None },
        // Not on WhatsApp, in an experiment, in a country that is closed to us, the sender itself, not on the list of
        // a test number, opted out, another identity. 131049 is "not to this user now": Meta asks to wait for a day and
        // more, which is longer than an alarm lives.
        (130_472 | 130_497 | 131_021 | 131_026 | 131_030 | 131_049 | 131_050 | 137_000, _) => Class::Recipient,
        // The window of 24 hours is closed, or free text outside of it is not for us.
        (131_047 | 139_200, _) => Class::Form,
        (100 | 131_008 | 131_009 | 131_051..=131_053 | 131_055 | 131_062 | 131_063 | 135_000, _) => Class::Content,
        // The template: its parameters, its text, paused, disabled, not there.
        (132_000..=132_068 | 134_102, _) => Class::Content,
        // A code that is not in Meta's list, or a later one.
        _ => match status.map(|status| status.as_u16()) {
            Some(401) => Class::Account,
            Some(429) => Class::Wait { scope: Scope::Account, after: None },
            Some(500..=599) => Class::Fault,
            _ => Class::Content,
        },
    }
}

/// The same class with the time that the headers ask for, where they do.
pub(super) fn patient(class: Class, headers: &HeaderMap) -> Class {
    let Class::Wait { scope, after } = class else { return class };
    let regained = if scope == Scope::Recipient { None } else { time_to_regain_access(headers) };
    Class::Wait { scope, after: retry_after(headers).or(regained).or(after) }
}

/// Meta's `X-Business-Use-Case-Usage`: by business, a list of limits, with the minutes until calls are let in again.
fn time_to_regain_access(headers: &HeaderMap) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Usage {
        #[serde(default)]
        estimated_time_to_regain_access: u64,
    }
    let usage = headers.get("x-business-use-case-usage")?.to_str().ok()?;
    let usage: BTreeMap<String, Vec<Usage>> = serde_json::from_str(usage).ok()?;
    let minutes = usage.values().flatten().map(|usage| usage.estimated_time_to_regain_access).max()?;
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}
