//! The life of a delivery: one message on its way to one contact.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::contact::{Recipient, Way};
use crate::message::{MessageId, Priority};

/// Names a delivery inside one outbox; also its place in the order of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub i64);

/// Where a delivery stands. The same words in code, database and API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeliveryState {
    /// Waits for its turn.
    Queued,
    /// Leased to a lane; a try is under way.
    Sending,
    /// The provider took it.
    Sent,
    /// The provider says it arrived.
    Delivered,
    /// The provider says it was read.
    Read,
    /// No way is left.
    Failed,
    /// Its time ran out.
    Expired,
    /// An operator took it back.
    Canceled,
}

impl DeliveryState {
    /// Every state with its word.
    pub const ALL: [(&'static str, DeliveryState); 8] = [
        ("queued", DeliveryState::Queued),
        ("sending", DeliveryState::Sending),
        ("sent", DeliveryState::Sent),
        ("delivered", DeliveryState::Delivered),
        ("read", DeliveryState::Read),
        ("failed", DeliveryState::Failed),
        ("expired", DeliveryState::Expired),
        ("canceled", DeliveryState::Canceled),
    ];

    /// The state that `word` means.
    pub fn named(word: &str) -> Option<DeliveryState> {
        DeliveryState::ALL.iter().find(|(name, _)| *name == word).map(|(_, state)| *state)
    }

    /// Whether nothing more will be tried; news from the provider may still come.
    pub fn is_end(self) -> bool {
        !matches!(self, DeliveryState::Queued | DeliveryState::Sending)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        DeliveryState::ALL.iter().find(|(_, state)| *state == self).map_or("", |(name, _)| name)
    }
}

/// In what form a provider is to send a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As the provider thinks best: WhatsApp sends its approved template while the window isn't known open.
    #[default]
    Best,
    /// As the approved template, because the plain text was refused for the window's sake.
    Template,
}

/// A delivery, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name and place.
    pub id: DeliveryId,
    /// The message it carries.
    pub message: MessageId,
    /// The hook that was called; deliveries of one contact, hook and priority keep their order also over ways.
    pub hook: String,
    /// The contact and its ways, as accepted.
    pub recipient: Recipient,
    /// Which of the ways it is on.
    pub way: usize,
    /// What goes first.
    pub priority: Priority,
    /// Where it stands.
    pub state: DeliveryState,
    /// In what form it is sent.
    pub form: Form,
    /// Not to be tried before this.
    pub due_at: Timestamp,
    /// When the call was answered.
    pub accepted_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
    /// Counted failed tries on this way.
    pub tries: u32,
    /// Counted failed tries since it stepped aside.
    pub late_tries: u32,
    /// The first counted failure on this way.
    pub first_failed_at: Option<Timestamp>,
    /// When it came to this way from another.
    pub moved_at: Option<Timestamp>,
    /// Until when its way may hold it; none: until it expires, or until another way is open (`is_overdue`).
    pub patience_until: Option<Timestamp>,
    /// It stepped aside: younger ones may pass it.
    pub late: bool,
    /// A try of it ended unknown, so that it may arrive twice.
    pub possible_duplicate: bool,
    /// The provider's id, once it took it.
    pub receipt: Option<String>,
    /// Why it stands where it stands, where that is not plain.
    pub reason: Option<String>,
}

impl Delivery {
    /// The way it is on.
    pub fn current_way(&self) -> Option<&Way> {
        self.recipient.ways.get(self.way)
    }

    /// Whether it ended and reached nobody.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, DeliveryState::Failed | DeliveryState::Expired)
    }

    /// Whether an operator may have it tried again without a second thought.
    pub fn may_be_retried(&self) -> Result<(), NoRetry> {
        match self.state {
            DeliveryState::Queued | DeliveryState::Sending => Err(NoRetry::NotEnded("it is under way")),
            DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::Read => {
                Err(NoRetry::NotEnded("it has been sent, and -force does not change that: send a new one"))
            }
            _ if self.receipt.is_some() => Err(NoRetry::MayHaveArrived(
                "the provider took it, so that it may arrive; -force tries it all the same",
            )),
            _ if self.possible_duplicate => Err(NoRetry::MayHaveArrived(
                "a try ended unknown, so that it may have arrived; -force tries it all the same",
            )),
            DeliveryState::Failed | DeliveryState::Expired | DeliveryState::Canceled => Ok(()),
        }
    }

    /// Whether younger ones of its contact, hook and priority wait for it, wherever they queue.
    pub fn holds_younger(&self) -> bool {
        let under_way = matches!(self.state, DeliveryState::Queued | DeliveryState::Sending);
        under_way && !self.late && self.moved_at.is_some()
    }
}

/// What happens to a delivery. Nothing else changes its state: see `Delivery::advance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A lane leased it; a try begins.
    Claimed,
    /// The provider took it.
    Accepted(Receipt),
    /// The try failed.
    Refused(SendError, OnUnknown),
    /// The try failed, but what was told of one before while it was under way is an arrival.
    RefusedAfterArrival(SendError, Report),
    /// The text that it was a part of was refused for what it says, which may be another part's fault.
    RefusedTogether(SendError),
    /// The lease ended without an answer: whoever held it died. Its try is unknown.
    LeaseVoid(OnUnknown),
    /// News of it from the provider.
    Reported(Report),
    /// The account of its way is no longer configured.
    NoAccount,
    /// The patience of its way is over.
    PatienceOver,
    /// Nothing goes by its way before this time, which may be the end of time.
    MustWait(Timestamp),
    /// An account that was missing or broken is open again.
    WayOpened,
    /// Others waited for it long enough.
    SteppedAside,
    /// Its time ran out.
    Expired,
    /// An operator took it back.
    Canceled,
    /// An operator wants it tried again from the start, until then at most.
    Retried {
        /// When it is given up then.
        until: Timestamp,
    },
}

/// Why a delivery is not simply tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRetry {
    /// It is under way, or has been sent.
    NotEnded(&'static str),
    /// It would go out once more, though it may have arrived.
    MayHaveArrived(&'static str),
}

impl Event {
    /// What went wrong, in words; empty where nothing did.
    pub fn trouble(&self) -> &str {
        match self {
            Event::Refused(error, _)
            | Event::RefusedAfterArrival(error, _)
            | Event::Reported(Report::Failed(error)) => &error.detail,
            _ => "",
        }
    }
}

/// News from the provider about what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It went on its way.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// It will not arrive.
    Failed(SendError),
}

/// What to do when nobody knows whether a message went out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUnknown {
    /// Try again: rather twice than never.
    #[default]
    Retry,
    /// Take it as a final refusal of this way: rather never than twice.
    GiveUp,
}

/// What an event made of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The delivery afterwards.
    pub delivery: Delivery,
    /// What must not be tried for a while, others included.
    pub hold: Option<Hold>,
}

/// A stop for more than the one delivery; with the provider's own figure where it gave one, else in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nothing goes to its address.
    Address(Option<Duration>),
    /// Nothing goes by its account.
    Account(Option<Duration>),
    /// Its account is out of order: its breaker opens.
    Breaker,
}

/// Who or what a `wait` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This address only.
    Recipient,
    /// The sender (a number, a bot).
    Sender,
    /// The whole account.
    Account,
}

/// Why a try failed, by who must act (DESIGN: the life of a message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// We: come back later, after the provider's own figure where it gave one.
    Wait {
        /// Whom the limit is about.
        scope: Scope,
        /// How long, if the provider said so.
        after: Option<Duration>,
    },
    /// The network: nothing has left this host.
    Network,
    /// Nobody knows: bytes left, no answer came. It may have been delivered.
    Unknown,
    /// The provider: an answer that only says to try again.
    Fault,
    /// The contact: this address can't be reached by this account.
    Recipient,
    /// The writer: this text can't be sent by this account.
    Content,
    /// The window is closed for this form: once more as the approved template.
    Form,
    /// The operator: the account can't send at all.
    Account,
}

impl Class {
    /// Its word, for the log and for statistics.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Wait { .. } => "wait",
            Class::Network => "network",
            Class::Unknown => "unknown",
            Class::Fault => "fault",
            Class::Recipient => "recipient",
            Class::Content => "content",
            Class::Form => "form",
            Class::Account => "account",
        }
    }
}

/// A failed try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct SendError {
    /// Who must act.
    pub class: Class,
    /// The provider's own code, for statistics; may be empty.
    pub code: String,
    /// What happened, in words, with the provider's own words, without secrets.
    pub detail: String,
}

/// What a provider gives back when it takes a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Its id, where it gives one.
    pub id: Option<String>,
    /// What the operator should mend, though it went well this time.
    pub advice: Option<String>,
}
