//! How long to wait before the next try.

use std::time::Duration;

/// The waits after the first failures, in seconds: together the minute for which a delivery may hold its address.
const STEPS: [u64; 6] = [1, 2, 4, 8, 15, 30];

/// The wait after `STEPS`, for a hold that goes on.
const LONG_STEP: Duration = Duration::from_secs(60);

/// For how long others wait for a delivery that failed, or that came from another way. Then it steps aside.
pub const HOLDS_OTHERS_FOR: Duration = Duration::from_secs(60);

/// The waits of a delivery that stepped aside, in minutes; the last one again and again.
const LATE_STEPS: [u64; 5] = [1, 2, 4, 8, 15];

/// The longest wait that a provider may ask for. A figure beyond a day is a mistake or an attack.
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest one.
const SHORTEST_ASKED: Duration = Duration::from_secs(1);

/// The wait after so many `earlier` failures: 1, 2, 4, 8, 15, 30 s, then 60 s each.
pub fn step(earlier: u32) -> Duration {
    index(earlier, &STEPS).map_or(LONG_STEP, Duration::from_secs)
}

/// The wait for a hold: what the provider asked for, else the step. One that asks for no time at all has not thought of
/// any: it would be asked again at once, for ever.
pub fn hold(asked: Option<Duration>, earlier: u32) -> Duration {
    asked.filter(|asked| *asked >= SHORTEST_ASKED).map_or_else(|| step(earlier), |asked| asked.min(LONGEST_ASKED))
}

/// The wait of a delivery that stepped aside: up to 1, 2, 4, 8, 15 min, drawn whole by `jitter` (0 to 1), so that many of
/// them don't come back at once.
pub fn late(earlier: u32, jitter: f64) -> Duration {
    let minutes = index(earlier, &LATE_STEPS).or(LATE_STEPS.last().copied()).unwrap_or_default();
    Duration::from_secs(minutes * 60).mul_f64(jitter.clamp(0.0, 1.0))
}

/// The wait before a broken account is probed again: 1, 2, 4, 8, 15 min.
pub fn probe(earlier: u32) -> Duration {
    late(earlier, 1.0)
}

/// A number from 0 to 1 that nobody can guess; in the middle, should the system give none.
pub fn jitter() -> f64 {
    let mut bits = [0u8; 4];
    getrandom::fill(&mut bits).map_or(0.5, |()| f64::from(u32::from_be_bytes(bits)) / f64::from(u32::MAX))
}

fn index(at: u32, steps: &[u64]) -> Option<u64> {
    usize::try_from(at).ok().and_then(|at| steps.get(at)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_fill_the_minute_for_which_others_wait() {
        let waits: Duration = (0..6).map(step).sum();
        assert_eq!(waits, HOLDS_OTHERS_FOR);
        assert_eq!(step(6), LONG_STEP);
        assert_eq!(step(u32::MAX), LONG_STEP);
    }

    #[test]
    fn the_provider_is_believed_up_to_a_day() {
        assert_eq!(hold(Some(Duration::from_secs(3)), 5), Duration::from_secs(3));
        assert_eq!(hold(Some(Duration::MAX), 0), LONGEST_ASKED);
        assert_eq!(hold(None, 2), Duration::from_secs(4));
        assert_eq!(hold(Some(Duration::ZERO), 2), Duration::from_secs(4), "no hot loop");
    }

    #[test]
    fn late_waits_double_to_a_quarter_of_an_hour() {
        let whole: Vec<u64> = (0..7).map(|n| late(n, 1.0).as_secs() / 60).collect();
        assert_eq!(whole, [1, 2, 4, 8, 15, 15, 15]);
        assert_eq!(late(3, 0.0), Duration::ZERO);
    }
}
