//! Scalars as YAML 1.1 reads them.
//!
//! upstream: gopkg.in/yaml.v2, resolve.go; the text of a number in a text field is that of ghodss/yaml, which formats
//! floats with 32 bits.

/// What YAML 1.1 takes for line ends besides those that all know: next line, line separator, paragraph separator.
pub(super) const MORE_LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// A scalar whose lines end with these, as one line: blanks around a line end are dropped, and a single next line is a
/// blank.
pub(super) fn in_one_line(text: &str) -> String {
    let blank = [' ', '\t'];
    let (mut line, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(MORE_LINE_ENDS) {
        let (before, behind) = rest.split_at(at);
        line.push_str(before.trim_end_matches(blank));
        let end = behind.find(|c| !blank.contains(&c) && !MORE_LINE_ENDS.contains(&c)).unwrap_or(behind.len());
        let (between, after) = behind.split_at(end);
        let ends = between.replace(blank, "").replace('\u{85}', "\n");
        line.push_str(if ends == "\n" { " " } else { ends.strip_prefix('\n').unwrap_or(&ends) });
        rest = after;
    }
    line + rest
}

/// Whether a plain scalar means nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The boolean that a plain scalar means.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// The whole number that a plain scalar means; `201.0` is one too.
pub(super) fn integer(text: &str) -> Option<i64> {
    /// Beyond this a float has lost digits, and so is no whole number that anybody wrote.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(number) = whole(text) {
        return i64::try_from(number).ok();
    }
    float(text).filter(|number| number.fract() == 0.0 && number.abs() <= EXACT).map(|number| number as i64)
}

/// The text that adnanh/webhook makes of a plain scalar in a text field.
pub(super) fn coerced(text: &str) -> String {
    if let Some(answer) = boolean(text) {
        return answer.to_string();
    }
    if let Some(number) = whole(text) {
        return number.to_string();
    }
    if let Some(name) = unlimited(text) {
        return name.to_owned();
    }
    float(text).map_or_else(|| text.to_owned(), |number| float32_text(number as f32))
}

/// Go's name of a float that is no number, or beyond all numbers.
pub(super) fn unlimited(text: &str) -> Option<&'static str> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some("+Inf"),
        "-.inf" | "-.Inf" | "-.INF" => Some("-Inf"),
        ".nan" | ".NaN" | ".NAN" => Some("NaN"),
        _ => None,
    }
}

/// Whether only the newest version of adnanh/webhook takes a plain scalar for a number: `1e3`, `5.`.
pub fn is_newest_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "+"));
    float(text).is_some() && (mantissa.ends_with('.') || !exponent.starts_with(['+', '-']))
}

/// A number without a fraction, signed or not, of 64 bits.
pub(super) fn whole(text: &str) -> Option<i128> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') {
        return None;
    }
    let digits = text.replace('_', "");
    let (negative, digits) = match digits.strip_prefix(['+', '-']) {
        Some(rest) => (digits.starts_with('-'), rest),
        None => (false, digits.as_str()),
    };
    let radix = |prefix: [&str; 2]| prefix.iter().find_map(|prefix| digits.strip_prefix(prefix));
    let (digits, base) = if let Some(rest) = radix(["0x", "0X"]) {
        (rest, 16)
    } else if let Some(rest) = radix(["0o", "0O"]) {
        (rest, 8)
    } else if let Some(rest) = radix(["0b", "0B"]) {
        (rest, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (digits, 8)
    } else {
        (digits, 10)
    };
    // The standard library would take a second sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let number = i128::from_str_radix(digits, base).ok()?;
    let number = if negative { -number } else { number };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, as Go's reader has it.
pub(super) fn float(text: &str) -> Option<f64> {
    if text.starts_with('_') {
        return None;
    }
    let text = text.replace('_', "");
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let well_formed = digits(before)
        && digits(after)
        && !(before.is_empty() && after.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    // One beyond 64 bits stays a text.
    if well_formed { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

/// Go's `strconv.FormatFloat(number, 'g', -1, 32)`: the shortest digits that mean the same 32-bit float,
/// with an exponent where it would be below -4 or from 6 on.
fn float32_text(number: f32) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let shortest = format!("{number:e}");
    let Some((mantissa, exponent)) = shortest.split_once('e') else { return shortest };
    let Ok(power) = exponent.parse::<i32>() else { return shortest };
    if (-4..6).contains(&power) {
        return number.to_string();
    }
    let sign = if power < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", power.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fields_get_what_the_peer_gives_them() {
        for (written, given) in [
            ("010", "8"),
            ("0o10", "8"),
            ("0x1F", "31"),
            ("-0x1F", "-31"),
            ("0b101", "5"),
            ("1_000", "1000"),
            ("+7", "7"),
            ("123", "123"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744e+19"),
            ("yes", "true"),
            ("Off", "false"),
            ("yEs", "yEs"),
            ("16777217.25", "1.6777218e+07"),
            ("123456789012345678901234", "1.2345679e+23"),
            ("4.50", "4.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.0", "-0"),
            ("1e3", "1000"),
            ("1e6", "1e+06"),
            ("123456.7", "123456.7"),
            ("0.00001", "1e-05"),
            ("1e99", "+Inf"),
            ("1e999", "1e999"),
            (".inf", "+Inf"),
            ("-.Inf", "-Inf"),
            (".nan", "NaN"),
            (".nAn", ".nAn"),
            ("089", "89"),
            ("2020-01-02", "2020-01-02"),
            ("12:30:45", "12:30:45"),
            ("1.2.3", "1.2.3"),
            ("-", "-"),
            ("+-1", "+-1"),
            ("0x", "0x"),
            (".", "."),
            ("1e", "1e"),
            ("_1", "_1"),
            ("текст", "текст"),
        ] {
            assert_eq!(coerced(written), given, "{written}");
        }
    }

    #[test]
    fn lines_that_end_in_other_ways_are_joined() {
        for (written, meant) in [
            ("a \u{2028} b", "a\u{2028}b"),
            ("a\u{85}b\u{85} ", "a b "),
            ("a \u{85} \u{85} b", "a\nb"),
            ("a\u{2028} \u{2029} b", "a\u{2028}\u{2029}b"),
            ("a\u{2028}\u{85}b", "a\u{2028}\nb"),
            ("a\u{85}\u{2028}b", "a\u{2028}b"),
            (" \t\u{2029}\t?", "\u{2029}?"),
        ] {
            assert_eq!(in_one_line(written), meant, "{written:?}");
        }
    }

    #[test]
    fn whole_numbers_may_have_an_empty_fraction() {
        for (written, number) in [
            ("201", Some(201)),
            ("201.0", Some(201)),
            ("1e3", Some(1000)),
            ("201.5", None),
            ("0x10", Some(16)),
            ("-5", Some(-5)),
            ("9223372036854775808", None),
            ("1e300", None),
            ("true", None),
            ("", None),
        ] {
            assert_eq!(integer(written), number, "{written}");
        }
    }
}
