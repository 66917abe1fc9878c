//! Alarms about alarms: what the contacts of `on-failure` are told, in words for whoever is woken by it.

use std::time::Duration;

use super::delivery::{Class, Event, Report};
use crate::account::AccountName;
use crate::clock::Timestamp;

/// Of one account and cause they hear once in this time, and at its end how many more there were.
pub const QUIET: Duration = Duration::from_secs(600);

/// What waits for so long is told, though it is tried on.
pub const LONG: Duration = Duration::from_secs(600);

/// And told again after this, should it last.
const STILL: Duration = Duration::from_secs(3600);

/// Of those that are told together, so many with their own words.
const TOGETHER: usize = 20;

/// Why there is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A delivery's last way failed, by this class of trouble.
    Refused(&'static str),
    /// A provider took a message and never reported its arrival.
    Silence,
    /// A delivery's time ran out.
    Expired,
    /// A delivery has no other way left, and could not be sent by this one for long.
    Waits,
    /// An account's breaker opened.
    Broken,
    /// An account works again.
    Well,
    /// A reload was refused.
    Reload,
    /// The outbox was damaged.
    Store,
    /// An account's canary did not come back.
    CanaryLost,
    /// It came back after all, or the next one did.
    CanaryBack,
    /// A hook was not called in time.
    NoCall,
    /// It is called again.
    CalledAgain,
}

impl Cause {
    /// Every cause with its word.
    pub const ALL: [(&'static str, Cause); 19] = [
        ("wait", Cause::Refused("wait")),
        ("network", Cause::Refused("network")),
        ("unknown", Cause::Refused("unknown")),
        ("fault", Cause::Refused("fault")),
        ("recipient", Cause::Refused("recipient")),
        ("content", Cause::Refused("content")),
        ("form", Cause::Refused("form")),
        ("account", Cause::Refused("account")),
        ("silence", Cause::Silence),
        ("expired", Cause::Expired),
        ("waits", Cause::Waits),
        ("broken", Cause::Broken),
        ("well", Cause::Well),
        ("reload", Cause::Reload),
        ("store", Cause::Store),
        ("canary-lost", Cause::CanaryLost),
        ("canary-back", Cause::CanaryBack),
        ("no-call", Cause::NoCall),
        ("called-again", Cause::CalledAgain),
    ];

    /// The cause that `word` means.
    pub fn named(word: &str) -> Option<Cause> {
        Cause::ALL.iter().find(|(name, _)| *name == word).map(|(_, cause)| *cause)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Cause::ALL.iter().find(|(_, cause)| *cause == self).map_or("", |(name, _)| name)
    }

    /// The cause of a delivery's end, by the event that ended it.
    pub fn of(event: &Event) -> Cause {
        match event {
            Event::Refused(error, _) | Event::Reported(Report::Failed(error)) => Cause::Refused(error.class.as_str()),
            Event::LeaseVoid(_) => Cause::Refused(Class::Unknown.as_str()),
            Event::PatienceOver => Cause::Silence,
            _ => Cause::Expired,
        }
    }

    /// Whether it shows that its account works: it refused this one delivery for a reason.
    pub fn shows_life(self) -> bool {
        [Class::Recipient, Class::Content, Class::Form].iter().any(|class| self == Cause::Refused(class.as_str()))
    }

    /// For how long no more is told of it. What happens seldom, and ends with a word of its own, is told each time.
    pub fn quiet(self) -> Duration {
        match self {
            Cause::Refused(_) | Cause::Silence | Cause::Expired => QUIET,
            Cause::Waits => STILL,
            // As seldom as somebody configured.
            Cause::CanaryLost | Cause::CanaryBack | Cause::NoCall | Cause::CalledAgain => QUIET,
            Cause::Broken | Cause::Well | Cause::Reload | Cause::Store => Duration::ZERO,
        }
    }
}

/// The delivery that an alarm tells of. Its text is nobody's business here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The message's id.
    pub message: String,
    /// The contact that it did not reach.
    pub contact: String,
    /// The hook that was called, or empty.
    pub hook: String,
}

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The account it is about; empty for none.
    pub account: AccountName,
    /// Why.
    pub cause: Cause,
    /// The hook that is not called, or is again; else empty.
    pub about: String,
    /// How often it happened since it was told.
    pub count: u32,
    /// When, the last time.
    pub at: Timestamp,
    /// In words, the last time.
    pub why: String,
    /// To which delivery, the last time.
    pub failed: Option<Failed>,
    /// How many wait for the account now.
    pub waiting: u32,
}

impl Alarm {
    /// What it has in common with the alarm that ends it: the account or the hook, or the cause where it is about neither.
    pub fn thread_key(&self) -> &str {
        let about = [self.account.as_str(), &self.about].into_iter().find(|about| !about.is_empty());
        about.unwrap_or(self.cause.as_str())
    }

    /// What to tell.
    pub fn text(&self) -> String {
        format!("hookbell: {}", self.body())
    }

    fn body(&self) -> String {
        let Alarm { account, cause, count, why, waiting, .. } = self;
        let why = why.trim().trim_end_matches('.');
        let waiting = match waiting {
            0 => String::new(),
            1 => " 1 message waits for it.".to_owned(),
            more => format!(" {more} messages wait for it."),
        };
        let said = match cause {
            Cause::Refused(_) | Cause::Silence | Cause::Expired | Cause::Waits => self.failure(why),
            Cause::Broken => format!(
                "the account {account} is out of order: {why}. Messages with another way take that; the account is tried again every few minutes.{waiting}"
            ),
            Cause::Well => format!("the account {account} works again.{waiting}"),
            Cause::Reload => format!("a reload was refused, the configuration in force stays: {why}."),
            Cause::CanaryLost => {
                format!(
                    "the canary of the account {account} did not come back: {why}. Alarms by it may be lost.{waiting}"
                )
            }
            Cause::CanaryBack => {
                format!("the canary of the account {account} came back{why}: it works again.{waiting}")
            }
            Cause::Store | Cause::NoCall | Cause::CalledAgain => format!("{why}."),
        };
        let more = match (count.saturating_sub(1), cause) {
            // Each of its tries is one.
            (0, _) | (_, Cause::Waits) => String::new(),
            (more, Cause::Refused(_) | Cause::Silence | Cause::Expired) => {
                format!(" {more} more failed by this account for the same cause.")
            }
            (more, _) => format!(" This happened {more} more times."),
        };
        format!("{said}{more}")
    }

    /// What to tell of several at once.
    pub fn text_of(alarms: &[Alarm]) -> String {
        let mut lines: Vec<String> = alarms.iter().take(TOGETHER).map(Alarm::body).collect();
        if let Some(more) = alarms.len().checked_sub(TOGETHER).filter(|more| *more > 0) {
            lines.push(format!("And {more} more: see hookbell messages expected."));
        }
        format!("hookbell: {}", lines.join("\n"))
    }

    /// Whether it may be told in one message with that one.
    pub fn goes_with(&self, other: &Alarm) -> bool {
        self.cause == other.cause && matches!(self.cause, Cause::NoCall | Cause::CalledAgain)
    }

    fn failure(&self, why: &str) -> String {
        let Some(Failed { message, contact, hook }) = &self.failed else { return format!("a message failed: {why}.") };
        let of = if hook.is_empty() { String::new() } else { format!(" of the hook {hook}") };
        let how = match self.cause {
            Cause::Expired => "is given up",
            Cause::Waits => "still waits, and is tried on",
            _ => "could not be delivered",
        };
        // To the second: it will be looked for in the log.
        let (account, at) = (&self.account, self.at.to_string());
        format!("a message{of} to {contact} {how}, by the account {account}: {why}. Message {message}, {at:.19}Z.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarm(cause: Cause, count: u32) -> Alarm {
        let failed = Failed { message: "01J".to_owned(), contact: "ana".to_owned(), hook: "disk".to_owned() };
        let at = Timestamp::from_millis(1_795_216_500_000);
        let (account, why) = (AccountName::new("wa"), "no such number.".to_owned());
        let about = String::new();
        Alarm { account, cause, about, count, at, why, failed: Some(failed), waiting: 2 }
    }

    #[test]
    fn it_is_told_in_words() {
        for (cause, count, text) in [
            (
                Cause::Refused("recipient"),
                1,
                "hookbell: a message of the hook disk to ana could not be delivered, by the account wa: no such number. Message 01J, 2026-11-20T23:15:00Z.",
            ),
            (
                Cause::Expired,
                5,
                "hookbell: a message of the hook disk to ana is given up, by the account wa: no such number. Message 01J, 2026-11-20T23:15:00Z. 4 more failed by this account for the same cause.",
            ),
            (
                Cause::Broken,
                1,
                "hookbell: the account wa is out of order: no such number. Messages with another way take that; the account is tried again every few minutes. 2 messages wait for it.",
            ),
            (Cause::Well, 1, "hookbell: the account wa works again. 2 messages wait for it."),
        ] {
            assert_eq!(alarm(cause, count).text(), text);
        }
    }

    #[test]
    fn every_class_has_a_cause() {
        for (word, cause) in Cause::ALL {
            assert_eq!((Cause::named(word), cause.as_str()), (Some(cause), word));
        }
        let unknown = Event::LeaseVoid(Default::default());
        assert_eq!(Cause::of(&unknown).as_str(), "unknown");
    }
}
