//! Literals of Go: numbers, and texts with escapes.
//!
//! upstream: Go's strconv, and text/template/parse/node.go newNumber.

use super::Value;
use crate::go::number::{NoInteger, integer};

/// A number as Go reads it: an integer where it looks like one, else a float. `None`: it is none, or too large.
pub(super) fn number(written: &str) -> Option<Value> {
    match integer(written) {
        Ok(number) => return Some(Value::Int(number)),
        Err(NoInteger::OutOfRange) => return None,
        Err(NoInteger::Malformed) => {}
    }
    // The standard library would take names, like that of infinity.
    let is_float = written.contains(['.', 'e', 'E']) && written.contains(|c: char| c.is_ascii_digit());
    let is_name = written.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'));
    // upstream: underscores separate digits; they don't stand at an end, nor two together.
    let misplaced = ["__", "_.", "._", "_e", "_E", "e_", "E_"].iter().any(|pair| written.contains(pair));
    if !is_float || is_name || misplaced || written.ends_with('_') {
        return None;
    }
    let number: f64 = written.replace('_', "").parse().ok()?;
    number.is_finite().then_some(Value::Float(number))
}

/// What stands between double quotes.
pub(super) fn text(inside: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(rest.get(..at)?.as_bytes());
        rest = escape(rest.get(at + 1..)?, '"', &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

/// What stands between single quotes.
pub(super) fn character(inside: &str) -> Option<char> {
    let Some(escaped) = inside.strip_prefix('\\') else {
        let mut characters = inside.chars();
        return characters.next().filter(|_| characters.next().is_none());
    };
    let mut bytes = Vec::new();
    if !escape(escaped, '\'', &mut bytes)?.is_empty() {
        return None;
    }
    match bytes.as_slice() {
        [byte] => Some(char::from(*byte)),
        bytes => std::str::from_utf8(bytes).ok()?.chars().next(),
    }
}

/// Reads what follows a backslash, and yields what is left.
fn escape<'t>(rest: &'t str, quote: char, into: &mut Vec<u8>) -> Option<&'t str> {
    let c = rest.chars().next()?;
    let after = rest.get(c.len_utf8()..)?;
    let digits = |length: usize, base: u32| {
        let text = rest.get(if base == 8 { 0..length } else { 1..1 + length })?;
        let number = u32::from_str_radix(text, base).ok().filter(|_| !text.starts_with('+'))?;
        Some((number, rest.get(if base == 8 { length } else { 1 + length }..)?))
    };
    let mut character = |(number, after): (u32, &'t str)| {
        into.extend_from_slice(char::from_u32(number)?.encode_utf8(&mut [0; 4]).as_bytes());
        Some(after)
    };
    let byte = match c {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        _ if c == quote => c as u8,
        'u' => return character(digits(4, 16)?),
        'U' => return character(digits(8, 16)?),
        'x' | '0'..='7' => {
            let (number, after) = if c == 'x' { digits(2, 16)? } else { digits(3, 8)? };
            into.push(u8::try_from(number).ok()?);
            return Some(after);
        }
        _ => return None,
    };
    into.push(byte);
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (written, value) in [
            ("010", Some(Value::Int(8))),
            ("0x1F", Some(Value::Int(31))),
            ("0b11", Some(Value::Int(3))),
            ("-5", Some(Value::Int(-5))),
            ("1_000", Some(Value::Int(1000))),
            ("-9223372036854775808", Some(Value::Int(i64::MIN))),
            ("9223372036854775808", None),
            ("1e3", Some(Value::Float(1000.0))),
            ("-.5", Some(Value::Float(-0.5))),
            ("1.", Some(Value::Float(1.0))),
            ("1e999", None),
            ("089", None),
            ("+-1", None),
            ("1i", None),
            ("1_", None),
            (".", None),
            ("-", None),
            ("0x", None),
        ] {
            assert_eq!(number(written), value, "{written}");
        }
    }

    #[test]
    fn escapes_are_go_s() {
        for (written, value) in [
            (r#"\a\b\f\n\r\t\v\\\""#, Some("\u{7}\u{8}\u{c}\n\r\t\u{b}\\\"")),
            (r"\x41\101\u0416\U0001F600", Some("AAЖ😀")),
            (r"\xd0\x96", Some("Ж")),
            (r"\xd0", None),
            (r"\'", None),
            (r"\/", None),
            (r"\ud83d\ude00", None),
            (r"\x4", None),
            (r"\8", None),
            (r"\400", None),
        ] {
            assert_eq!(text(written).as_deref(), value, "{written}");
        }
        for (written, value) in [("a", Some('a')), (r"\'", Some('\'')), (r"\xff", Some('ÿ')), ("ab", None), ("", None)]
        {
            assert_eq!(character(written), value, "{written}");
        }
    }
}
