//! Whether an account would work, asked without a message to anybody.
//!
//! It is a conversation of its own, as pure as the one that sends: given all answers so far, the next request or what
//! was learned. So a provider's way of asking is tested by a list, and `hookbell check -online` carries it.

use crate::clock::Timestamp;

/// What is asked about.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The contacts that the account writes to: names and addresses.
    pub contacts: Vec<(String, String)>,
    /// The time of asking.
    pub now: Timestamp,
}

/// What was learned of an account that answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// What is well, in a few words for one line.
    pub well: String,
    /// What is not.
    pub faults: Vec<Fault>,
}

/// Something that keeps an account from working, wholly or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whether messages will fail for it; else they may.
    pub is_error: bool,
    /// What is wrong, without secrets.
    pub message: String,
    /// What to do, where that is known.
    pub help: Option<String>,
}

impl Learned {
    /// All is well, in these words.
    pub fn well(words: impl Into<String>) -> Learned {
        Learned { well: words.into(), faults: Vec::new() }
    }

    /// Notes what will make messages fail.
    pub fn error(&mut self, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.faults.push(Fault { is_error: true, message: message.into(), help: help.into() });
    }

    /// Notes what may.
    pub fn warning(&mut self, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.faults.push(Fault { is_error: false, message: message.into(), help: help.into() });
    }
}
