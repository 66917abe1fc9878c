//! The time of day, as a value that can be handed in: nothing but this file asks the system.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment: whole milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The moment `wait` later; the far end of time where that can't be said.
    pub fn plus(self, wait: Duration) -> Timestamp {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(wait))
    }

    /// The moment `time` earlier; the far end of time where that can't be said.
    pub fn minus(self, time: Duration) -> Timestamp {
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(time))
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-20T23:15:00.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let seconds = millis / 1000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
            millis % 1000
        )
    }
}

/// What can't be read as a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time like 2026-11-20T23:15:00Z, nor the beginning of one")]
pub struct NoTime;

impl FromStr for Timestamp {
    type Err = NoTime;

    /// RFC 3339 in UTC, or its beginning from the day on: `2026-11-20`, `2026-11-20T23:15Z`.
    fn from_str(text: &str) -> Result<Timestamp, NoTime> {
        // What is left out is the first there can be.
        const FIRST: &str = "0000-00-00T00:00:00.000";
        let text = text.strip_suffix('Z').unwrap_or(text);
        if !matches!(text.len(), 10 | 16 | 19 | 23) || !text.is_ascii() {
            return Err(NoTime);
        }
        let whole = format!("{text}{}", FIRST.get(text.len()..).unwrap_or_default());
        let number = |at: std::ops::Range<usize>| {
            let digits = whole.get(at).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            digits.and_then(|digits| digits.parse::<i64>().ok()).ok_or(NoTime)
        };
        let days = days_from_civil(number(0..4)?, number(5..7)?, number(8..10)?);
        let seconds = (number(11..13)? * 60 + number(14..16)?) * 60 + number(17..19)?;
        let moment = Timestamp(days * 86_400_000 + seconds * 1000 + number(20..23)?);
        // A day or an hour that there is not would be read as another one.
        if moment.to_string().strip_suffix('Z') == Some(&whole) { Ok(moment) } else { Err(NoTime) }
    }
}

/// The inverse of `civil_from_days`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of the proleptic Gregorian calendar, counted from days since the epoch.
/// The year is taken to begin in March, so that the leap day is its last.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Whoever needs the time is given one of these.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Runtime { at: Arc<AtomicI64>, since: tokio::time::Instant },
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Clock {
        Clock(Source::System)
    }

    /// A clock that stands at `at` now and then follows the runtime's: paused where a test pauses that.
    pub fn following_runtime(at: Timestamp) -> Clock {
        Clock(Source::Runtime { at: Arc::new(AtomicI64::new(at.0)), since: tokio::time::Instant::now() })
    }

    /// Sets a clock that follows a runtime, and its clones, by so many milliseconds, as an operator sets the system's.
    /// Does nothing to the system's.
    pub fn set_by(&self, millis: i64) {
        if let Source::Runtime { at, .. } = &self.0 {
            at.fetch_add(millis, Ordering::Relaxed);
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                #[allow(clippy::disallowed_methods, reason = "the one place that asks")]
                let now = SystemTime::now();
                let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Runtime { at, since } => Timestamp(at.load(Ordering::Relaxed)).plus(since.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_rfc_3339() {
        for (millis, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_216_500_123, "2026-11-20T23:15:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), written);
            assert_eq!(written.parse(), Ok(Timestamp::from_millis(millis)));
        }
    }

    #[test]
    fn the_beginning_of_a_moment_is_read_and_no_other() {
        for (text, millis) in [
            ("2000-02-29", Some(951_782_400_000)),
            ("2000-02-29T00:01", Some(951_782_460_000)),
            ("2000-02-29T00:01:01Z", Some(951_782_461_000)),
            ("2001-02-29", None),
            ("2000-02-28T24:00", None),
            ("2000-2-28", None),
            ("2000-02-28 00:00", None),
            ("-000-02-28", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), millis.map(Timestamp::from_millis), "{text}");
        }
    }

    #[test]
    fn time_does_not_run_backwards_or_over() {
        let early = Timestamp::from_millis(5);
        assert_eq!(early.since(early.plus(Duration::from_secs(1))), Duration::ZERO);
        assert_eq!(early.plus(Duration::MAX), Timestamp::from_millis(i64::MAX));
    }
}
