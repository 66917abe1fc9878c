//! Values as Go prints them, for the log that adnanh/webhook's users search.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// Text in double quotes, so that it can be read back: Go's `%q`.
///
/// upstream: strconv.Quote
pub fn quoted(text: &[u8]) -> String {
    quoted_in('"', text)
}

/// The same in quotes of another kind.
pub fn quoted_in(quote: char, text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for chunk in text.utf8_chunks() {
        chunk.valid().chars().for_each(|character| push_quoted(&mut out, quote, character));
        chunk.invalid().iter().for_each(|byte| push(&mut out, format_args!("\\x{byte:02x}")));
    }
    out.push(quote);
    out
}

fn push_quoted(out: &mut String, quote: char, character: char) {
    let code = u32::from(character);
    match character {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\x0b' => out.push_str("\\v"),
        '\x0c' => out.push_str("\\f"),
        '\r' => out.push_str("\\r"),
        _ if character == quote || character == '\\' => out.extend(['\\', character]),
        _ if is_printable(character) => out.push(character),
        _ if character.is_ascii() => push(out, format_args!("\\x{code:02x}")),
        _ if code < 0x1_0000 => push(out, format_args!("\\u{code:04x}")),
        _ => push(out, format_args!("\\U{code:08x}")),
    }
}

/// Whether a character is seen: a letter, mark, number, punctuation or symbol, and of blanks only the space.
///
/// upstream: strconv.IsPrint; both languages mean the same Unicode classes by it.
pub fn is_printable(character: char) -> bool {
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    // Behind a letter, for at the beginning an accent is escaped although it is printable.
    String::from_iter(['a', character]).escape_debug().count() == 2
}

/// A text cannot fail to be written to.
fn push(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).ok();
}

/// Go's `%v` of a `time.Duration`: `46.049µs`, `2.64522ms`, `1m0.5s`.
pub fn duration(time: Duration) -> String {
    let nanos = time.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {
            let seconds = time.as_secs();
            let rest = u128::from(seconds % 60) * 1_000_000_000 + u128::from(time.subsec_nanos());
            let rest = decimal(rest, 1_000_000_000);
            match (seconds / 3600, seconds / 60 % 60) {
                (0, 0) => format!("{rest}s"),
                (0, minutes) => format!("{minutes}m{rest}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// `value / unit` with as many decimals as it has.
fn decimal(value: u128, unit: u128) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number of bytes in IEC units: `2 B`, `4.8 KiB`, `12 MiB`.
///
/// upstream: github.com/dustin/go-humanize IBytes.
pub fn size(bytes: usize) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let (mut value, mut unit) = (bytes as f64 / 1024.0, UNITS[0]);
    for larger in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    let rounded = (value * 10.0 + 0.5).floor() / 10.0;
    if rounded < 10.0 { format!("{rounded:.1} {unit}") } else { format!("{rounded:.0} {unit}") }
}

/// A signal by its number (Go: syscall's table for Linux on x86 and ARM).
pub fn signal(number: i32) -> String {
    const NAMES: [&str; 31] = [
        "hangup",
        "interrupt",
        "quit",
        "illegal instruction",
        "trace/breakpoint trap",
        "aborted",
        "bus error",
        "floating point exception",
        "killed",
        "user defined signal 1",
        "segmentation fault",
        "user defined signal 2",
        "broken pipe",
        "alarm clock",
        "terminated",
        "stack fault",
        "child exited",
        "continued",
        "stopped (signal)",
        "stopped",
        "stopped (tty input)",
        "stopped (tty output)",
        "urgent I/O condition",
        "CPU time limit exceeded",
        "file size limit exceeded",
        "virtual timer expired",
        "profiling timer expired",
        "window changed",
        "I/O possible",
        "power failure",
        "bad system call",
    ];
    let name = usize::try_from(number).ok().and_then(|number| NAMES.get(number.checked_sub(1)?));
    name.map_or_else(|| format!("signal {number}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        for (text, written) in [
            (&b"a b"[..], r#""a b""#),
            (b"f\"o\\", r#""f\"o\\""#),
            ("a\nb\té\u{1}\u{7f}\u{200b}\"".as_bytes(), r#""a\nb\té\x01\x7f\u200b\"""#),
            ("\u{7}\u{8}\u{b}\u{c}\r\0".as_bytes(), r#""\a\b\v\f\r\x00""#),
            (b"a\xffb\xd0", r#""a\xffb\xd0""#),
            ("привет \u{a0}\u{301}🔔\u{e0001}\u{2028}".as_bytes(), "\"привет \\u00a0\u{301}🔔\\U000e0001\\u2028\""),
            (b"", "\"\""),
        ] {
            assert_eq!(quoted(text), written);
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, written) in [
            (0, "0s"),
            (999, "999ns"),
            (46_049, "46.049µs"),
            (55_500, "55.5µs"),
            (2_645_220, "2.64522ms"),
            (3_000_000, "3ms"),
            (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"),
            (60_000_000_001, "1m0.000000001s"),
            (3_723_000_000_000, "1h2m3s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), written);
        }
    }

    #[test]
    fn sizes_are_in_iec_units() {
        for (bytes, written) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (4893, "4.8 KiB"),
            (10_240, "10 KiB"),
            (12_582_912, "12 MiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(size(bytes), written);
        }
    }

    #[test]
    fn signals_have_go_s_names() {
        let names = [9, 15, 11, 10, 2].map(signal);
        assert_eq!(names, ["killed", "terminated", "segmentation fault", "user defined signal 1", "interrupt"]);
        assert_eq!([signal(0), signal(31), signal(64)], ["signal 0", "bad system call", "signal 64"]);
    }
}
