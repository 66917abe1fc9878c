//! Whole numbers as Go reads them in flags and in templates.

/// Why a text is no number, in the words of Go's package flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInteger {
    /// It is written otherwise.
    #[error("parse error")]
    Malformed,
    /// It is one beyond 64 bits.
    #[error("value out of range")]
    OutOfRange,
}

/// A whole number of 64 bits, with a sign, prefix and underscores as in Go's source: `10`, `-0x1F`, `0o17`, `017`, `0b1_1`.
///
/// upstream: strconv.ParseInt with base 0
pub fn integer(text: &str) -> Result<i64, NoInteger> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // A prefix counts as a digit: `0x_1` and `0_7` are numbers, `_1`, `1_` and `1__0` are not.
    let leading = if radix == 10 { body } else { body.strip_prefix('_').unwrap_or(body) };
    if leading.split('_').any(|digits| digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix))) {
        return Err(NoInteger::Malformed);
    }
    let digits = leading.replace('_', "");
    let signed = if negative { format!("-{digits}") } else { digits };
    i64::from_str_radix(&signed, radix).map_err(|_| NoInteger::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_go_s() {
        for (text, number) in [
            ("1_0", 10),
            ("0o17", 15),
            ("010", 8),
            ("0_7", 7),
            ("+5", 5),
            ("0b1_1", 3),
            ("0X_f", 15),
            ("0", 0),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text), Ok(number), "{text}");
        }
        for text in ["09", "", "_1", "1_", "1__0", "0x", "0x+1", "--1", " 1", "0é", "1.0"] {
            assert_eq!(integer(text), Err(NoInteger::Malformed), "{text}");
        }
        assert_eq!(integer("9223372036854775808"), Err(NoInteger::OutOfRange));
    }
}
