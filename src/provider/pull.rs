//! Messages that a device fetches, for providers that nobody can call: what an item is, and what a device says of it.
//!
//! The device asks again and again. What it is given is leased to it; it says what became of each item, and what it never
//! says is unknown when the lease ends.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::message::delivery::{Class, Receipt, Scope, SendError};
use crate::secret::Secret;

/// A provider's side of being asked by a device.
pub trait Pull: Send + Sync {
    /// What the device shows, any of them.
    fn tokens(&self) -> &[Secret];

    /// How long it may ask for nothing before the account counts as out of order.
    fn silent_after(&self) -> Duration;
}

/// What a device is given of one message. Its lease comes to that.
#[derive(Clone, Debug, PartialEq)]
pub struct Item(pub Map<String, Value>);

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Item(fields) = self;
        f.write_str(&serde_json::to_string(fields).map_err(|_| fmt::Error)?)
    }
}

/// What a device says of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It went out.
    Sent,
    /// It did not.
    Refused {
        /// Why, as a word of `REASONS`.
        reason: &'static str,
        /// The same in the device's own words; may be empty.
        detail: String,
        /// When to come back, where it says so.
        after: Option<Duration>,
    },
}

/// Why a device could not send something, by who must act.
struct Reason {
    word: &'static str,
    class: Class,
    means: &'static str,
}

const REASONS: &[Reason] = &[
    Reason { word: "not_registered", class: Class::Recipient, means: "the number has no account there" },
    Reason { word: "ui_error", class: Class::Fault, means: "the phone could not work the app" },
    Reason { word: "screen_locked", class: Class::Account, means: "the phone's screen is locked" },
    Reason { word: "app_missing", class: Class::Account, means: "the app is not on the phone" },
    Reason { word: "rate_limited", class: WAIT, means: "the phone has sent too many" },
    Reason { word: "too_long", class: Class::Content, means: "the text is too long for the phone's app" },
    Reason { word: "logged_out", class: Class::Account, means: "the phone's app is logged out" },
];

/// Its time comes from the device.
const WAIT: Class = Class::Wait { scope: Scope::Account, after: None };

/// More of a device's own words than anybody reads, in characters.
const MOST_DETAIL: usize = 200;

impl Said {
    /// A refusal for this reason; the error lists the reasons that there are.
    ///
    /// # Errors
    /// There is no such reason.
    pub fn refused(reason: &str, detail: &str, after: Option<Duration>) -> Result<Said, String> {
        let Some(Reason { word, .. }) = REASONS.iter().find(|known| known.word == reason) else {
            let words: Vec<_> = REASONS.iter().map(|reason| reason.word).collect();
            return Err(format!("\"reason\" is one of {}", words.join(", ")));
        };
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let detail = detail.chars().take(MOST_DETAIL).map(plain).collect();
        Ok(Said::Refused { reason: word, detail, after })
    }

    /// What came of the try. The receipt is the item's own id: what the device tells later names that.
    ///
    /// # Errors
    /// Why it did not go out.
    pub fn outcome(self, item: &str) -> Result<Receipt, SendError> {
        match self {
            Said::Sent => Ok(Receipt { id: Some(item.to_owned()), advice: None }),
            Said::Refused { reason, detail, after } => Err(refusal(reason, &detail, after)),
        }
    }
}

fn refusal(reason: &'static str, detail: &str, after: Option<Duration>) -> SendError {
    let known = REASONS.iter().find(|known| known.word == reason);
    let (class, means) = known.map_or((Class::Fault, reason), |known| (known.class, known.means));
    let class = match class {
        Class::Wait { scope, .. } => Class::Wait { scope, after },
        class => class,
    };
    let detail = if detail.is_empty() { means.to_owned() } else { format!("{means}: {detail}") };
    SendError { class, code: reason.to_owned(), detail }
}
