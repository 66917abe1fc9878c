//! One shape of date as Go's time.Parse reads it.

use std::time::Duration;

const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A date like `Thu 07 Sep 2017 06:30:04 UTC` as the time since 1970-01-01 UTC; what lies before that is its beginning.
///
/// upstream: time.Parse with the layout `Mon 02 Jan 2006 15:04:05 MST`. The day of the week need not fit the date, blanks
/// may be several, and of the zone only its form counts: Go knows no offset for the abbreviations of other places than
/// its own, and takes them for UTC.
pub fn parse(text: &str) -> Option<Duration> {
    let (_, rest) = one_of(&DAYS, text)?;
    let (day, rest) = number(blank(rest)?, 2, 2)?;
    let (month, rest) = one_of(&MONTHS, blank(rest)?)?;
    let (year, rest) = number(blank(rest)?, 4, 4)?;
    let (hour, rest) = number(blank(rest)?, 1, 2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 2, 2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 2, 2)?;
    let zone = blank(without_fraction(rest))?;
    let is_there =
        is_zone(zone) && day >= 1 && day <= length_of(month, year) && hour < 24 && minute < 60 && second < 60;
    let seconds = ((days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    is_there.then(|| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// A name of three letters in any case, and its place in the list.
fn one_of<'t>(names: &[&str], text: &'t str) -> Option<(i64, &'t str)> {
    let (name, rest) = text.split_at_checked(3)?;
    let at = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    Some((i64::try_from(at).ok()?, rest))
}

fn blank(text: &str) -> Option<&str> {
    text.starts_with(' ').then(|| text.trim_start_matches(' '))
}

fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    if digits.len() < least { None } else { Some((digits.parse().ok()?, rest)) }
}

/// Seconds may have a fraction though the layout has none.
fn without_fraction(text: &str) -> &str {
    match text.strip_prefix(['.', ',']) {
        Some(rest) if rest.starts_with(|digit: char| digit.is_ascii_digit()) => {
            rest.trim_start_matches(|digit: char| digit.is_ascii_digit())
        }
        _ => text,
    }
}

/// Whether this has the form of a zone: `UTC`, `MSK`, `CEST`, `GMT+3`, `+03`.
///
/// upstream: time parseTimeZone.
fn is_zone(zone: &str) -> bool {
    let is_offset = |offset: &str| {
        let hours = offset.strip_prefix(['+', '-']).filter(|hours| hours.bytes().all(|digit| digit.is_ascii_digit()));
        hours.and_then(|hours| hours.parse::<u32>().ok()).is_some_and(|hours| hours < 24)
    };
    if let Some(offset) = zone.strip_prefix("GMT") {
        return offset.is_empty() || is_offset(offset);
    }
    let is_name = zone.bytes().all(|letter| letter.is_ascii_uppercase());
    match zone.len() {
        3 if is_name => true,
        4 | 5 if is_name && zone.ends_with('T') => true,
        _ => matches!(zone, "WITA" | "ChST" | "MeST") || is_offset(zone),
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days in a month, counted from 0.
fn length_of(month: i64, year: i64) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    let leap_days = |year: i64| (year - 1).div_euclid(4) - (year - 1).div_euclid(100) + (year - 1).div_euclid(400);
    let years = (year - 1970) * 365 + leap_days(year) - leap_days(1970);
    years + (0..month).map(|month| length_of(month, year)).sum::<i64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_go_reads_them() {
        for (text, seconds) in [
            ("Thu 07 Sep 2017 06:30:04 UTC", Some(1_504_765_804)),
            ("Mon 02 Jan 2023 03:04:05 UTC", Some(1_672_628_645)),
            ("SUN 29 feb 2032  6:30:04.25 MSK", Some(1_961_649_004)),
            ("Fri 01 Jan 1960 00:00:00 UTC", Some(0)),
            ("Fri 29 Dec 9999 00:00:00 GMT+3", Some(253_402_041_600)),
            ("Thu 07 Sep 2017 06:30:04 +03", Some(1_504_765_804)),
            ("Thu 07 Sep 2017 06:30:04 CEST", Some(1_504_765_804)),
            ("Thu 07 Sep 2017 06:30:04 ABCDE", None),
            ("Thu 07 Sep 2017 06:30:04 utc", None),
            ("Thu 07 Sep 2017 06:30:04 +0300", None),
            ("Thu 07 Sep 2017 06:30:04 UTC x", None),
            ("Thu 07 Sep 2017 06:30 UTC", None),
            ("Thu, 07 Sep 2017 06:30:04 GMT", None),
            ("Thursday 07 Sep 2017 06:30:04 UTC", None),
            ("Thu 7 Sep 2017 06:30:04 UTC", None),
            ("Thu 29 Feb 2023 06:30:04 UTC", None),
            ("Thu 07 Sep 2017 24:30:04 UTC", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|since| since.as_secs()), seconds, "{text}");
        }
    }
}
