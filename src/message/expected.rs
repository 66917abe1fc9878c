//! What must be heard of again and again: canaries of accounts, and calls of hooks with `expect-every`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::canary::Canary;
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::node::units;

/// The shortest time that can be expected between two calls.
pub const MOST_OFTEN: Duration = Duration::from_secs(60);

/// Calls of the last so long may be known to the memory only, and are lost with it when a process is killed.
pub const UNWRITTEN: Duration = Duration::from_secs(60);

/// All that a configuration expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Canaries by their accounts.
    pub canaries: BTreeMap<AccountName, Canary>,
    /// Hooks, each with the longest time between two calls; none: its definition is broken, so that it can't be called.
    pub calls: BTreeMap<String, Option<Duration>>,
}

impl Expectations {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.canaries.is_empty() && self.calls.values().all(Option::is_none)
    }
}

/// What is known of the calls of one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The longest time between two.
    pub every: Duration,
    /// The last one that was accepted.
    pub called_at: Option<Timestamp>,
    /// The next must come before; none: it can't be called now.
    pub due_at: Option<Timestamp>,
    /// Since when it is known to be silent; none: it is well.
    pub silent_since: Option<Timestamp>,
}

impl Record {
    /// Of a hook that was not expected to be called before: it has its whole time.
    pub fn new(every: Duration, now: Timestamp) -> Record {
        Record { every, called_at: None, due_at: Some(now.plus(every)), silent_since: None }
    }

    /// In a configuration that may be another one now; `every` is none where the hook can't be called. A deadline that has
    /// passed by the new time alone is one that nobody could keep: a whole time is given from now.
    pub fn configured(self, every: Option<Duration>, now: Timestamp) -> Record {
        let Some(every) = every else { return Record { due_at: None, ..self } };
        if every == self.every && self.due_at.is_some() {
            return self;
        }
        let since = self.called_at.or_else(|| self.due_at.map(|due| due.minus(self.every)));
        let due = since.map(|since| since.plus(every)).filter(|due| *due > now);
        Record { every, due_at: Some(due.unwrap_or_else(|| now.plus(every))), ..self }
    }

    /// In a new process. A deadline that passed while nobody could be called is put off by one whole time; any other stays,
    /// so that many restarts hide no silence.
    pub fn after_start(self, now: Timestamp) -> Record {
        let full = now.plus(self.every);
        let due_at = self.due_at.map(|due| match due {
            passed if passed <= now => full,
            // The last calls before a kill are not on disk. And the clock may have been set back.
            due => due.max(now.plus(self.every.min(UNWRITTEN))).min(full),
        });
        Record { due_at, called_at: self.called_at.map(|at| at.min(now)), ..self }
    }

    /// It was called.
    pub fn called(self, at: Timestamp) -> Record {
        let at = self.called_at.map_or(at, |before| before.max(at));
        let due_at = self.due_at.map(|_| at.plus(self.every));
        Record { called_at: Some(at), due_at, silent_since: None, ..self }
    }

    /// It is silent.
    pub fn silent(self, now: Timestamp) -> Record {
        Record { silent_since: Some(now), ..self }
    }

    /// What to tell of its silence. `started_at` is when this process began to listen.
    pub fn silence(&self, hook: &str, started_at: Timestamp) -> String {
        let every = units::shown(self.every);
        let told = match self.called_at {
            Some(at) => format!("the hook {hook} was last called {}, and is expected every {every}", to_minute(at)),
            None => format!("the hook {hook} was never called since it is expected every {every}"),
        };
        match self.called_at {
            Some(at) if at < started_at => {
                format!("{told}; hookbell itself was started {} in between", to_minute(started_at))
            }
            _ => told,
        }
    }

    /// What to tell when it is called again.
    pub fn heard_again(&self, hook: &str, now: Timestamp) -> String {
        let silence = self
            .silent_since
            .map(|since| format!(", {} after the alarm", units::shown(units::coarse(now.since(since)))));
        format!("the hook {hook} is heard again{}", silence.unwrap_or_default())
    }
}

fn to_minute(at: Timestamp) -> String {
    format!("{:.16}Z", at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const START: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn called() -> Record {
        Record::new(DAY, START).called(START)
    }

    fn due(record: Record) -> Option<Timestamp> {
        record.due_at
    }

    #[test]
    fn a_restart_keeps_a_deadline_that_is_ahead_and_puts_off_one_that_passed() {
        let soon = START.plus(DAY - HOUR);
        assert_eq!(due(called().after_start(soon)), Some(START.plus(DAY)));
        let late = START.plus(DAY + HOUR);
        assert_eq!(due(called().after_start(late)), Some(late.plus(DAY)));
        // What was called within the last minute may not be written.
        let now = START.plus(DAY - Duration::from_secs(1));
        assert_eq!(due(called().after_start(now)), Some(now.plus(UNWRITTEN)));
    }

    #[test]
    fn a_clock_set_back_makes_nobody_wait_for_the_old_time() {
        let earlier = START.minus(DAY * 9);
        let record = called().after_start(earlier);
        assert_eq!((record.due_at, record.called_at), (Some(earlier.plus(DAY)), Some(earlier)));
    }

    #[test]
    fn another_time_counts_from_the_last_call_unless_nobody_could_keep_it() {
        let now = START.plus(HOUR * 3);
        assert_eq!(due(called().configured(Some(DAY * 2), now)), Some(START.plus(DAY * 2)));
        assert_eq!(due(called().configured(Some(HOUR * 4), now)), Some(START.plus(HOUR * 4)));
        assert_eq!(due(called().configured(Some(HOUR), now)), Some(now.plus(HOUR)));
        assert_eq!(due(Record::new(DAY, START).configured(Some(HOUR * 4), now)), Some(START.plus(HOUR * 4)));
    }

    #[test]
    fn a_broken_hook_is_not_expected_and_remembered() {
        let broken = called().configured(None, START);
        assert_eq!(broken.due_at, None);
        let now = START.plus(HOUR);
        assert_eq!(broken.clone().configured(Some(DAY), now), called());
        let later = START.plus(DAY * 3);
        assert_eq!(due(broken.configured(Some(DAY), later)), Some(later.plus(DAY)));
    }

    #[test]
    fn it_is_told_in_words() {
        let record = called();
        let told = "the hook backup was last called 2026-11-20T23:15Z, and is expected every 1d";
        assert_eq!(record.silence("backup", START), told);
        let restarted = format!("{told}; hookbell itself was started 2026-11-21T00:15Z in between");
        assert_eq!(record.silence("backup", START.plus(HOUR)), restarted);
        let never = "the hook backup was never called since it is expected every 1d";
        assert_eq!(Record::new(DAY, START).silence("backup", START), never);
        let silent = record.silent(START.plus(DAY));
        assert_eq!(
            silent.heard_again("backup", START.plus(DAY + HOUR)),
            "the hook backup is heard again, 1h after the alarm"
        );
    }
}
