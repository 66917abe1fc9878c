//! How often something may go, to an address and by an account: the generic cell rate algorithm.
//!
//! All that is kept is the theoretical arrival time: when the rate would owe nothing more. It is in microseconds: in
//! whole milliseconds 900/s would be 500/s.

use std::time::Duration;

use crate::account::Rate;
use crate::clock::Timestamp;

/// So much time an account makes up for when its lane comes late, as it does by each write to the disk: a twentieth of a
/// second, so that no second sees more than a twentieth too many.
const CATCH_UP: Duration = Duration::from_millis(50);

/// A rate, and what it has been used for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Time per message, in microseconds.
    interval: i64,
    /// How far ahead of the time the theoretical arrival time may be for one more to go.
    tolerance: i64,
    tat: i64,
}

impl Bucket {
    /// The bucket of an address. A provider may count more strictly than we do: nothing is made up for.
    pub(super) fn of_address(rate: Rate, tat: i64, now: Timestamp) -> Bucket {
        Bucket::new(rate, Duration::ZERO, tat, now)
    }

    /// The bucket of an account.
    pub(super) fn of_account(rate: Rate, tat: i64, now: Timestamp) -> Bucket {
        Bucket::new(rate, CATCH_UP, tat, now)
    }

    fn new(rate: Rate, catch_up: Duration, tat: i64, now: Timestamp) -> Bucket {
        let interval = micros(rate.interval);
        let tolerance =
            micros(catch_up).saturating_add(interval.saturating_mul(i64::from(rate.burst.saturating_sub(1))));
        // More than this rate can owe was owed by another, before a reload: the new one counts at once.
        let most = of(now).saturating_add(tolerance).saturating_add(interval);
        Bucket { interval, tolerance, tat: tat.min(most) }
    }

    /// How many may go now.
    pub(super) fn allows(&self, now: Timestamp) -> usize {
        let room = self.tolerance.saturating_sub(self.tat.max(of(now)).saturating_sub(of(now)));
        let more = room.checked_div(self.interval).filter(|_| room >= 0);
        more.map_or(0, |more| usize::try_from(more).unwrap_or(usize::MAX).saturating_add(1))
    }

    /// So many went.
    pub(super) fn take(&mut self, count: usize, now: Timestamp) {
        let cost = self.interval.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        if count > 0 {
            self.tat = self.tat.max(of(now)).saturating_add(cost);
        }
    }

    /// When the next may go.
    pub(super) fn opens_at(&self) -> Timestamp {
        moment(self.tat.saturating_sub(self.tolerance))
    }

    /// Whether it is this limit that kept something waiting until now, which for its own part might have gone at `free_at`.
    pub(super) fn kept_waiting(&self, free_at: Timestamp, now: Timestamp) -> bool {
        let opened = self.opens_at();
        // Had it waited longer than that for something else, there would be one more to go by now.
        let open_for = of(now).saturating_sub(of(opened));
        opened > free_at && (0..self.interval).contains(&open_for)
    }

    /// What to keep.
    pub(super) fn tat(&self) -> i64 {
        self.tat
    }
}

fn of(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1000)
}

/// Rounded up: a provider counts more strictly than we do.
fn moment(micros: i64) -> Timestamp {
    Timestamp::from_millis(micros.saturating_add(999).div_euclid(1000))
}

/// Rounded up, and at least one.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn later(millis: u64) -> Timestamp {
        START.plus(Duration::from_millis(millis))
    }

    /// When so many go, by somebody who comes as often as he may, and a little late.
    fn times(rate: Rate, count: usize, late: u64) -> Vec<u64> {
        let (mut times, mut tat, mut now) = (Vec::new(), 0, START);
        while times.len() < count {
            let mut bucket = Bucket::of_account(rate, tat, now);
            let taken = bucket.allows(now).min(count - times.len());
            times.extend(std::iter::repeat_n(u64::try_from(now.since(START).as_millis()).unwrap(), taken));
            bucket.take(taken, now);
            (tat, now) = (bucket.tat(), bucket.opens_at().max(now).plus(Duration::from_millis(late)));
        }
        times
    }

    #[test]
    fn who_comes_a_little_late_loses_nothing() {
        for (count, late) in [(15, 0), (15, 40), (80, 30), (900, 20), (1000, 45)] {
            let rate = Rate::per(count, Duration::from_secs(1));
            let all = usize::try_from(count).unwrap() * 10;
            let took = *times(rate, all, late).last().unwrap();
            assert!((9_500..=10_500).contains(&took), "{count}/s, {late} ms late: {took} ms");
        }
    }

    #[test]
    fn a_debt_is_never_more_than_the_rate_can_make() {
        let hour = Rate::per(1, Duration::from_secs(3600)).burst(10);
        let mut bucket = Bucket::of_address(hour, 0, START);
        bucket.take(10, START);
        assert_eq!(bucket.opens_at(), later(3_600_000));
        let second = Rate::per(1, Duration::from_secs(1));
        assert_eq!(Bucket::of_address(second, bucket.tat(), START).opens_at(), later(1000));
        assert_eq!(Bucket::of_address(hour, i64::MAX, START).allows(START), 0);
    }

    #[test]
    fn only_this_limit_is_taken_for_the_cause() {
        let mut bucket = Bucket::of_address(Rate::per(1, Duration::from_secs(6)), 0, START);
        bucket.take(1, START);
        assert!(bucket.kept_waiting(START, later(6000)));
        assert!(!bucket.kept_waiting(later(6000), later(6000)), "it came when the limit was over");
        assert!(!bucket.kept_waiting(START, later(12_000)), "the account was slow, too");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_window_sees_more_than_its_rate(interval in 1u64..400, burst in 1u32..20, late in 0u64..80, window in 1u64..3000) {
            let rate = Rate { interval: Duration::from_millis(interval), burst };
            let times = times(rate, 200, late);
            let most = (window + CATCH_UP.as_millis() as u64) / interval + u64::from(burst);
            for (n, from) in times.iter().enumerate() {
                let inside = times.iter().skip(n).take_while(|at| **at <= from + window).count() as u64;
                prop_assert!(inside <= most, "{inside} within {window} ms, at most {most}");
            }
        }
    }
}
