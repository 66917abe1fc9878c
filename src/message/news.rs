//! What a provider tells by itself, after it took a message or without any.

use std::time::Duration;

use super::delivery::{Delivery, Report};
use crate::clock::Timestamp;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Of something that we sent.
    Told(Told),
    /// From somebody who wrote to us.
    Inbound(Inbound),
    /// Of the account itself.
    Standing(Standing),
    /// Of an address, for who writes the contacts.
    Noted(Noted),
}

/// Something to know about an address: it can be written to, or no longer can. It is told in the log, and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The address, as contacts have it.
    pub address: String,
    /// Who or what is there, and what happened, in a few words.
    pub what: String,
    /// Whether nothing can be sent there any more.
    pub lost: bool,
}

/// How an account stands, as its provider tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It can't send until somebody has done something about it.
    Down {
        /// What, for people, without secrets.
        why: String,
    },
    /// It can send.
    Well,
}

/// A report, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The provider's id of the message, as in its receipt.
    pub receipt: String,
    /// The key of the try, where the provider gives it back (`Outgoing::key`): it also names a delivery whose receipt
    /// was never heard.
    pub key: Option<String>,
    /// What became of it.
    pub report: Report,
    /// When, by the provider's clock; the beginning of time where it tells none, and then it is when it was heard.
    pub at: Timestamp,
}

/// A message from a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The provider's id: what comes twice has the same.
    pub id: String,
    /// Who wrote, as contacts have it: a phone in E.164 with the plus.
    pub address: String,
    /// Who that is among our contacts; whoever has those fills it in.
    pub contact: Option<String>,
    /// What it is, in the provider's word: `text`, `image`, `reaction`.
    pub kind: String,
    /// Its text, a caption or a button's label; empty where it has none.
    pub text: String,
    /// When it was written, by the provider's clock; the beginning of time where it tells none.
    pub at: Timestamp,
    /// For how long from then on free text may be sent to its writer, where the provider has such a window.
    pub window: Option<Duration>,
}

impl Delivery {
    /// What providers are told to call it: the same for every try of it.
    pub fn key(&self) -> String {
        format!("{}-{}", self.message, self.id.0)
    }
}

impl Report {
    /// Its word, as the outbox keeps it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Report::Sent => "sent",
            Report::Delivered => "delivered",
            Report::Read => "read",
            Report::Failed(_) => "failed",
        }
    }

    /// Whether this is news of the delivery as it stands, when it is about the try that got `receipt`.
    ///
    /// What arrived, arrived, by whichever way. But *sent* and *failed* are about one try, and say nothing about a later
    /// one, by another way or in another form.
    pub fn concerns(&self, delivery: &Delivery, receipt: &str) -> bool {
        match self {
            Report::Delivered | Report::Read => true,
            Report::Sent | Report::Failed(_) => delivery.receipt.as_deref() == Some(receipt),
        }
    }
}
