//! Values with units: durations, rates, sizes.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::account::Rate;

/// Units of time, the longest first, in milliseconds.
const TIME_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The texts that `duration` takes, as a regular expression of JSON Schema.
pub const DURATION_PATTERN: &str =
    r"^(?=\s*[0-9])\s*([0-9]+\s*d\s*)?([0-9]+\s*h\s*)?([0-9]+\s*m\s*)?([0-9]+\s*s\s*)?([0-9]+\s*ms\s*)?$";

/// The same for a duration that is not zero.
pub const SOME_TIME_PATTERN: &str =
    r"^(?=.*[1-9])\s*([0-9]+\s*d\s*)?([0-9]+\s*h\s*)?([0-9]+\s*m\s*)?([0-9]+\s*s\s*)?([0-9]+\s*ms\s*)?$";

/// The texts that `rate` takes, but for those that are too often or too seldom.
pub const RATE_PATTERN: &str =
    r"^\s*0*[1-9][0-9]*/[0-9]*(d|h|m|s|ms)([0-9]+(h|m|s|ms))*(\s+burst\s+0*[1-9][0-9]*)?\s*$";

/// Units of size in bytes.
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// A length of time: `90s`, `1h30m`, `7d`, `500ms`, to the millisecond. The error says what to write.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if is_number(text) {
        return Err(format!("`{text}` has no unit: write `{text}s` for seconds, or `{text}m`, `{text}h`, `{text}d`"));
    }
    let wrong = || format!("`{text}` is no duration: write one like `90s`, `1h30m`, `7d` or `500ms`");
    let too_long = || format!("`{text}` is too long a time");
    let mut rest = text;
    let mut milliseconds: u64 = 0;
    // Each unit once and the longer before the shorter: `1m1h` is a slip of the pen.
    let mut allowed = &TIME_UNITS[..];
    while !rest.is_empty() {
        let (count, unit, after) = count_and_unit(rest).ok_or_else(wrong)?;
        let at = allowed.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let part = count.parse::<u64>().ok().and_then(|count| count.checked_mul(allowed[at].1)).ok_or_else(too_long)?;
        milliseconds = milliseconds.checked_add(part).ok_or_else(too_long)?;
        allowed = &allowed[at + 1..];
        rest = after;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(Duration::from_millis(milliseconds)) }
}

/// A length of time as `duration` reads it: `1d2h`.
pub fn shown(time: Duration) -> String {
    let mut rest = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, milliseconds) in TIME_UNITS {
        let count = rest / milliseconds;
        rest %= milliseconds;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// To the minute, unless that says nothing.
pub fn coarse(time: Duration) -> Duration {
    match time.as_secs() {
        seconds @ 0..60 => Duration::from_secs(seconds),
        seconds => Duration::from_secs(seconds / 60 * 60),
    }
}

/// The slowest and the quickest rate that anybody can mean: a message lives for a day, and no clock tells more than a
/// million times a second apart.
const INTERVALS: RangeInclusive<Duration> = Duration::from_micros(1)..=Duration::from_secs(24 * 60 * 60);

/// How often something may happen: `15/s`, `20/m`, `1/6s burst 45`; the burst is 1 if it is not said. The error says
/// what to write.
pub fn rate(text: &str) -> Result<Rate, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is no rate: write one like `15/s`, `20/m` or `1/6s burst 45`");
    let mut words = text.split_whitespace();
    let (count, per) = words.next().and_then(|word| word.split_once('/')).ok_or_else(wrong)?;
    let burst = match (words.next(), words.next(), words.next()) {
        (None, ..) => 1,
        (Some("burst"), Some(burst), None) => positive(burst).ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    if is_number(count) && count.bytes().all(|digit| digit == b'0') {
        return Err(format!("`{text}` lets nothing through: write one like `15/s`, `20/m` or `1/6s burst 45`"));
    }
    let count = positive(count).ok_or_else(wrong)?;
    if is_number(per) {
        return Err(format!("`{text}` has no unit: write `{count}/{per}s` for seconds"));
    }
    // `15/s` means `15/1s`.
    let per = if per.starts_with(|c: char| c.is_ascii_digit()) { per.to_owned() } else { format!("1{per}") };
    let per = duration(&per).map_err(|_| wrong())?;
    if per.is_zero() {
        return Err(wrong());
    }
    let interval = per / count;
    if interval < *INTERVALS.start() {
        return Err(format!("`{text}` is too often: more than a million a second"));
    }
    if interval > *INTERVALS.end() {
        return Err(format!("`{text}` is too seldom: less than one a day"));
    }
    Ok(Rate { interval, burst })
}

/// A rate as `rate` reads it: `15/s`, `1/6s burst 45`.
pub fn shown_rate(Rate { interval, burst }: Rate) -> String {
    // Of a count in a time only the interval is kept, rounded: in the shortest time that makes it a whole one again.
    let whole = |(unit, seconds): &(&str, u32)| {
        let per = Duration::from_secs(u64::from(*seconds));
        let count = per.as_nanos().checked_div(interval.as_nanos()).and_then(|count| u32::try_from(count).ok())?;
        (count > 0 && per / count == interval).then(|| format!("{count}/{unit}"))
    };
    let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let often = units.iter().find_map(whole).unwrap_or_else(|| format!("1/{}", shown(interval)));
    if burst > 1 { format!("{often} burst {burst}") } else { often }
}

/// A size in bytes: `64KiB`, `1MiB`, `512B`. The error says what to write.
pub fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    if is_number(text) {
        return Err(format!("`{text}` has no unit: write `{text}B` for bytes, or `{text}KiB`, `{text}MiB`"));
    }
    let wrong = || format!("`{text}` is no size: write one like `512B`, `64KiB` or `1MiB`");
    let (count, unit, rest) = count_and_unit(text).ok_or_else(wrong)?;
    let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit && rest.is_empty()).ok_or_else(wrong)?;
    let count = count.parse::<u64>().ok();
    count.and_then(|count| count.checked_mul(*bytes)).ok_or_else(|| format!("`{text}` is too big a size"))
}

/// Splits `30m5s` into `30`, `m` and `5s`.
fn count_and_unit(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
    let (count, rest) = text.split_at(digits);
    let (unit, rest) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
    Some((count, unit.trim(), rest))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn positive(text: &str) -> Option<u32> {
    // `parse` alone would take a plus.
    text.parse().ok().filter(|number| *number > 0 && is_number(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_add_up_their_parts() {
        for (text, milliseconds) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("500ms", 500),
            ("1s500ms", 1_500),
            (" 0s ", 0),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "s", "1x", "1m1h", "1s1s", "-1s", "1.5h", "1м", "99999999999999999999d", "1h30"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("90").is_err_and(|why| why.contains("`90s` for seconds")));
        for (text, milliseconds) in [("1d2h", 93_600_000), ("15m", 900_000), ("1s500ms", 1_500), ("0s", 0)] {
            assert_eq!(shown(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn rates_have_a_unit_and_perhaps_a_burst() {
        for (text, milliseconds, burst) in [
            ("20/s", 50, 1),
            ("20/m", 3_000, 1),
            ("1/6s burst 45", 6_000, 45),
            ("24/1d", 3_600_000, 1),
            ("2/h burst 3", 1_800_000, 3),
        ] {
            let expected = Rate { interval: Duration::from_millis(milliseconds), burst };
            assert_eq!(rate(text), Ok(expected), "{text}");
            assert_eq!(rate(&shown_rate(expected)), Ok(expected), "{text}");
        }
        for text in ["30/s", "18/m burst 3", "1/7s", "7/h"] {
            assert_eq!(rate(text).map(shown_rate).as_deref(), Ok(text));
        }
        for text in ["", "15", "0/s", "15/", "15/x", "15/0s", "1/6s burst 0", "1/s burst", "1/s 5", "1/s burst 5 6"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert!(rate("1/6").is_err_and(|why| why.contains("`1/6s`")));
        for (text, why) in [
            ("0/s", "lets nothing through"),
            ("000/6s burst 5", "lets nothing through"),
            ("1/0s", "no rate"),
            ("2000000/s", "too often"),
            ("4000000000/s", "too often"),
            ("1/2d", "too seldom"),
            ("1/99999999d", "too seldom"),
            ("5/s burst 99999999999", "no rate"),
        ] {
            assert!(rate(text).is_err_and(|told| told.contains(why)), "{text}");
        }
    }

    #[test]
    fn sizes_are_in_powers_of_two() {
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("1MiB", 1_048_576), ("2 GiB", 2_147_483_648)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1KB", "1k", "1MiB1KiB", "1.5MiB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
        assert!(size("512").is_err_and(|why| why.contains("`512B` for bytes")));
    }

    proptest! {
        #[test]
        fn nothing_makes_them_panic(text in "[0-9a-zA-Z/ µд.+-]{0,24}") {
            drop((duration(&text), rate(&text), size(&text)));
        }
    }
}
