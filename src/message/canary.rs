//! Canaries: a small message that goes by an account again and again, on the road of every other, and must come back.

use std::time::Duration;

use super::MessageId;
use super::delivery::{Delivery, DeliveryState};
use crate::clock::Timestamp;
use crate::contact::Recipient;
use crate::node::units;

/// What stands as the hook of a canary.
pub const HOOK: &str = "canary";

/// The shortest time from one canary to the next.
pub const MOST_OFTEN: Duration = Duration::from_secs(60);

/// Time for a canary to come back, where an account sets none: longer than a provider's short trouble, and than the
/// limits of an address.
pub const WITHIN: Duration = Duration::from_secs(15 * 60);

/// When a canary is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Once the provider took it: nothing more is told.
    Sent,
    /// Once the provider says that it arrived.
    Delivered,
}

impl Until {
    /// Each with its word.
    pub const ALL: [(&'static str, Until); 2] = [("sent", Until::Sent), ("delivered", Until::Delivered)];

    /// The one that `word` means.
    pub fn named(word: &str) -> Option<Until> {
        Until::ALL.iter().find(|(name, _)| *name == word).map(|(_, until)| *until)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Until::Sent => "sent",
            Until::Delivered => "delivered",
        }
    }

    /// Whether a delivery has come so far.
    fn is_reached(self, state: DeliveryState) -> bool {
        matches!(state, DeliveryState::Delivered | DeliveryState::Read)
            || (self == Until::Sent && state == DeliveryState::Sent)
    }
}

/// What an account's canary is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// To whom, by this account alone; there is at least one.
    pub recipients: Vec<Recipient>,
    /// The time from one to the next.
    pub every: Duration,
    /// It must be back in this time, which is not longer than `every`.
    pub within: Duration,
    /// When it is back.
    pub until: Until,
}

impl Canary {
    /// What it says to whoever finds it on a phone.
    pub fn text(&self, account: &str, host: &str) -> String {
        let every = units::shown(self.every);
        format!(
            "hookbell canary from {host} by {account}: nothing happened, this only shows that alarms arrive. Every {every}."
        )
    }
}

/// Where an account's canary stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When the next is sent.
    pub next_at: Timestamp,
    /// The last one.
    pub last: Option<Last>,
    /// Until when that must be back; none: it is back, lost, or not judged.
    pub back_by: Option<Timestamp>,
    /// When one came back, the last time.
    pub back_at: Option<Timestamp>,
    /// Since when they are known to get lost; none: it is well.
    pub lost_since: Option<Timestamp>,
}

/// The last canary that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its message.
    pub message: MessageId,
    /// When it was put into the queue.
    pub sent_at: Timestamp,
    /// When it is back.
    pub until: Until,
}

impl Record {
    /// Of an account that had none: the first goes at once, so that whoever configured it sees it.
    pub fn new(now: Timestamp) -> Record {
        Record { next_at: now, last: None, back_by: None, back_at: None, lost_since: None }
    }

    /// In a configuration that may be another one now.
    pub fn configured(self, canary: &Canary, now: Timestamp) -> Record {
        Record { next_at: self.next_at.min(now.plus(canary.every)), ..self }
    }

    /// In a new process. One that had to come back while nobody was there to hear it proves nothing: another goes at once.
    pub fn after_start(self, canary: &Canary, now: Timestamp) -> Record {
        let record = self.configured(canary, now);
        match record.back_by {
            Some(by) if by <= now => Record { next_at: now, back_by: None, ..record },
            // The clock may have been set back meanwhile.
            by => Record { back_by: by.map(|by| by.min(now.plus(canary.within))), ..record },
        }
    }

    /// Another one was put into the queue. What was missed while no process ran is not made up for.
    pub fn sent(self, canary: &Canary, message: MessageId, now: Timestamp) -> Record {
        let next = self.next_at.plus(canary.every);
        let next_at = if next > now { next } else { now.plus(canary.every) };
        let last = Some(Last { message, sent_at: now, until: canary.until });
        Record { next_at, last, back_by: Some(now.plus(canary.within)), ..self }
    }

    /// It came back.
    pub fn back(self, now: Timestamp) -> Record {
        Record { back_by: None, back_at: Some(now), lost_since: None, ..self }
    }

    /// It is lost.
    pub fn lost(self, now: Timestamp) -> Record {
        Record { back_by: None, lost_since: self.lost_since.or(Some(now)), ..self }
    }

    /// Nothing follows from what becomes of it.
    pub fn not_judged(self) -> Record {
        Record { back_by: None, ..self }
    }
}

/// How a canary stands, by its deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flight {
    /// All have it.
    Back,
    /// It may still come; why it has not, in words.
    Away(String),
    /// It will not come; why, in words.
    Lost(String),
    /// An operator took it back.
    Canceled,
}

/// How a canary stands that is back in the state of `until`.
pub fn flight(until: Until, deliveries: &[Delivery]) -> Flight {
    let missing = || deliveries.iter().filter(|delivery| !until.is_reached(delivery.state));
    if missing().any(|delivery| delivery.state == DeliveryState::Canceled) {
        return Flight::Canceled;
    }
    let Some(first) = missing().find(|one| one.state == DeliveryState::Failed).or_else(|| missing().next()) else {
        // Its message may have been purged.
        let gone = || Flight::Away("nothing is known of it any more".to_owned());
        return if deliveries.is_empty() { gone() } else { Flight::Back };
    };
    let others = match missing().count() {
        1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    let why = format!("{}{others}: {}", first.recipient.contact, missing_why(first));
    if first.state == DeliveryState::Failed { Flight::Lost(why) } else { Flight::Away(why) }
}

/// What follows a canary that came back so long after its loss was told.
pub fn after_alarm(time: Duration) -> String {
    format!(", {} after the alarm", units::shown(units::coarse(time)))
}

fn missing_why(delivery: &Delivery) -> String {
    let reason = delivery.reason.as_deref().map(|reason| reason.trim_end_matches('.').to_owned());
    match delivery.state {
        DeliveryState::Sent => {
            "the provider took it and reports no arrival (do its callbacks reach this host?)".to_owned()
        }
        DeliveryState::Sending => "a try is still under way".to_owned(),
        _ => reason.unwrap_or_else(|| "it still waits for its turn".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const START: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn canary() -> Canary {
        Canary { recipients: Vec::new(), every: HOUR, within: WITHIN, until: Until::Delivered }
    }

    fn sent() -> Record {
        Record::new(START).sent(&canary(), MessageId::new(START, [0; 10]), START)
    }

    #[test]
    fn the_beat_is_kept_and_what_was_missed_is_not_made_up_for() {
        let later = START.plus(HOUR + WITHIN);
        let message = MessageId::new(later, [1; 10]);
        assert_eq!(sent().sent(&canary(), message, later).next_at, START.plus(2 * HOUR));
        let much_later = START.plus(5 * HOUR + WITHIN);
        assert_eq!(sent().sent(&canary(), message, much_later).next_at, much_later.plus(HOUR));
    }

    #[test]
    fn a_start_judges_nothing_that_ended_while_nobody_was_there() {
        let soon = START.plus(WITHIN / 2);
        assert_eq!(sent().after_start(&canary(), soon), sent());
        let late = START.plus(WITHIN);
        let record = sent().after_start(&canary(), late);
        assert_eq!((record.next_at, record.back_by, record.lost_since), (late, None, None));
        let told = sent().lost(START);
        assert_eq!(told.clone().after_start(&canary(), late).lost_since, told.lost_since, "not told again");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_wait() {
        let earlier = START.minus(100 * HOUR);
        let record = sent().after_start(&canary(), earlier);
        assert_eq!((record.next_at, record.back_by), (earlier.plus(HOUR), Some(earlier.plus(WITHIN))));
    }

    #[test]
    fn it_is_lost_once_until_it_is_back() {
        let record = sent().lost(START).lost(START.plus(HOUR));
        assert_eq!(record.lost_since, Some(START));
        assert_eq!(record.back(START.plus(HOUR)).lost_since, None);
    }
}
