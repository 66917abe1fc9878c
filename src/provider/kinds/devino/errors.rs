//! Devino's errors: the reasons of a refusal, and the codes of a status.

use serde::Deserialize;

use crate::message::delivery::{Class, Scope};
use crate::provider::reply::lenient;

/// Why a message was refused at once: what is wrong, and with which of its fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reason {
    #[serde(deserialize_with = "lenient")]
    pub(super) key: String,
    #[serde(rename = "ref", deserialize_with = "lenient")]
    pub(super) about: String,
}

impl Reason {
    /// The field's bare name: `to` of `messages[0].to`.
    pub(super) fn field(&self) -> &str {
        self.about.rsplit('.').next().unwrap_or_default()
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        if self.about.is_empty() { self.key.clone() } else { format!("{} {}", self.key, self.about) }
    }
}

/// The class of a refusal: of the reason that concerns most people. Who must act is our reading.
pub(super) fn classify_reasons(reasons: &[Reason]) -> Class {
    let gravity = |class: &Class| match class {
        Class::Account => 0,
        Class::Recipient => 1,
        Class::Content => 2,
        _ => 3,
    };
    // A refusal that gives no reason may be none the next time.
    reasons.iter().map(classify_reason).min_by_key(gravity).unwrap_or(Class::Fault)
}

fn classify_reason(reason: &Reason) -> Class {
    match (reason.key.as_str(), reason.field()) {
        ("billing.error" | "forbidden", _) => Class::Account,
        ("unknown", _) => Class::Fault,
        // The sender is not ours.
        (_, "from") => Class::Account,
        ("invalid" | "length.too.long", "to") => Class::Recipient,
        _ => Class::Content,
    }
}

/// What an `errorCode` says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing is wrong.
    Well,
    /// Devino has it already.
    Duplicate,
    /// It will not arrive.
    Failed(Class, &'static str),
}

/// The meaning of a status's `errorCode`. Source: <https://docs.devino.online/en/http/whatsapp/>; who must act is our reading.
pub(super) fn classify_code(code: i64) -> Meaning {
    let (class, words) = match code {
        ..2000 => return Meaning::Well,
        2009 => return Meaning::Duplicate,
        2000 => (Class::Recipient, "the recipient's operator is unknown"),
        2001 | 2017 | 2302 => (Class::Content, "refused as spam"),
        2002..=2004 | 2006..=2008 | 2012 => (Class::Account, "there is no tariff for it"),
        2005 => (Class::Account, "there is no money on the account"),
        // Nothing but time was wrong: another way may still reach whom this one did not.
        2010 | 2011 => (Class::Recipient, "its time was over before it arrived"),
        2300 | 2304 => (Class::Content, "the text is too long"),
        2301 => (Class::Wait { scope: Scope::Sender, after: None }, "too many in a short time"),
        2303 => (Class::Content, "this type of media is not taken, or the picture has 5 MB or more"),
        2305 => (Class::Recipient, "the recipient is not on WhatsApp"),
        2307 => (Class::Recipient, "this is the sender's own number"),
        2308 => (Class::Content, "the template has another number of parameters"),
        2309 | 2310 => (Class::Content, "there is no such template in that language"),
        2311 => (Class::Content, "a parameter of the template is too long"),
        2312 => (Class::Form, "outside of a dialog, and no template"),
        2313 => (Class::Fault, "an unknown error"),
        // A later one.
        _ => (Class::Fault, "an error that the manual does not have"),
    };
    Meaning::Failed(class, words)
}
