//! Values to text, as Go's package fmt does it.
//!
//! upstream: Go's fmt/print.go and fmt/format.go, for the types that a template without data has.

use std::fmt::Write as _;

use super::{MAX_TEXT, Value};
use crate::go::print::{quoted, quoted_in};

/// The largest width and precision. Go's is 1,000,000; Rust's own formatting panics near 65,536.
const MAX_WIDTH: usize = 10_000;

/// What an action writes for a value.
pub(super) fn shown(value: &Value) -> String {
    if *value == Value::Nil { "<no value>".to_owned() } else { plain(value) }
}

/// `%v`
fn plain(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => shortest(*number),
        Value::Text(text) => text.clone(),
    }
}

/// `%g`: the fewest digits that mean the same, with an exponent below -4 and from 6 on.
fn shortest(number: f64) -> String {
    let exact = format!("{number:e}");
    let Some((mantissa, exponent)) = exact.split_once('e') else { return exact };
    match exponent.parse::<i32>() {
        Ok(power) if (-4..6).contains(&power) => number.to_string(),
        Ok(power) => format!("{mantissa}e{}", signed(power)),
        Err(_) => exact,
    }
}

fn signed(power: i32) -> String {
    format!("{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// `print`: a blank between two that are no texts.
pub(super) fn print(values: &[Value]) -> String {
    let mut text = String::new();
    let mut before_was_text = true;
    for (at, value) in values.iter().enumerate() {
        let is_text = matches!(value, Value::Text(_));
        if at > 0 && !is_text && !before_was_text {
            text.push(' ');
        }
        text.push_str(&plain(value));
        before_was_text = is_text;
    }
    text
}

/// `println`
pub(super) fn println(values: &[Value]) -> String {
    values.iter().map(plain).collect::<Vec<_>>().join(" ") + "\n"
}

/// What `js`, `html` and `urlquery` make one text of.
pub(super) fn joined(values: &[Value]) -> String {
    // upstream: evalArgs writes nil as an action does.
    let nil = Value::Text("<no value>".to_owned());
    let values: Vec<Value> = values.iter().map(|v| if *v == Value::Nil { nil.clone() } else { v.clone() }).collect();
    print(&values)
}

/// One verb of a format.
#[derive(Default)]
struct Verb {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// `printf`
pub(super) fn printf(format: &str, values: &[Value]) -> Result<String, String> {
    let mut text = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        text.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        let verb = Verb::parse(&mut rest)?;
        let Some(letter) = rest.chars().next() else {
            text.push_str("%!(NOVERB)");
            break;
        };
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        match (letter, values.as_slice().first()) {
            ('%', _) => text.push('%'),
            ('*' | '[', _) => return Err(format!("`%{letter}` is not known here: write the number itself")),
            (_, Some(value)) if verb.is_strange(letter, value) => {
                return Err(format!("this `%{letter}` is not known here: it would print what nobody wants"));
            }
            (_, None) => drop(write!(text, "%!{letter}(MISSING)")),
            (_, Some(value)) => {
                values.next();
                text.push_str(&verb.format(letter, value));
            }
        }
        if text.len() > MAX_TEXT {
            return Err("it prints too much".to_owned());
        }
    }
    text.push_str(rest);
    if !values.as_slice().is_empty() {
        let extra: Vec<_> = values.map(described).collect();
        write!(text, "%!(EXTRA {})", extra.join(", ")).ok();
    }
    Ok(text)
}

/// `int=5`
fn described(value: &Value) -> String {
    if *value == Value::Nil { "<nil>".to_owned() } else { format!("{}={}", value.kind(), plain(value)) }
}

fn number(rest: &mut &str) -> Result<Option<usize>, String> {
    let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let digits = rest.get(..length).unwrap_or_default();
    *rest = rest.get(length..).unwrap_or_default();
    if digits.is_empty() {
        return Ok(None);
    }
    match digits.parse() {
        Ok(number) if number <= MAX_WIDTH => Ok(Some(number)),
        _ => Err(format!("the width {digits} is too large")),
    }
}

impl Verb {
    fn parse(rest: &mut &str) -> Result<Verb, String> {
        let mut verb = Verb::default();
        while let Some(flag) = rest.chars().next() {
            match flag {
                '+' => verb.plus = true,
                '-' => verb.minus = true,
                '#' => verb.sharp = true,
                ' ' => verb.space = true,
                '0' => verb.zero = true,
                _ => break,
            }
            *rest = rest.get(1..).unwrap_or_default();
        }
        verb.width = number(rest)?;
        if let Some(after) = rest.strip_prefix('.') {
            *rest = after;
            verb.precision = Some(number(rest)?.unwrap_or(0));
        }
        Ok(verb)
    }

    /// What Go knows and nobody asks for in a hooks file.
    fn is_strange(&self, letter: char, value: &Value) -> bool {
        match (letter, value) {
            ('b' | 'x' | 'X', Value::Float(_)) => true,
            (_, Value::Float(_)) if self.sharp => true,
            ('q', _) => self.plus,
            ('U', _) => self.sharp,
            _ => false,
        }
    }

    fn format(&self, letter: char, value: &Value) -> String {
        let known = match (letter, value) {
            ('T', value) => self.text('s', value.kind()),
            ('v', Value::Nil) => Some(self.padded("<nil>".to_owned())),
            ('v' | 't', Value::Bool(value)) => Some(self.padded(value.to_string())),
            ('v', Value::Text(text)) if self.sharp => Some(self.padded(quoted(text.as_bytes()))),
            (_, Value::Text(text)) => self.text(letter, text),
            (_, Value::Int(number)) => self.integer(letter, *number),
            (_, Value::Float(number)) => self.float(letter, *number),
            _ => None,
        };
        // upstream: a value that does not fit its verb is told in the text.
        match (known, value) {
            (Some(text), _) => text,
            (None, Value::Nil) => format!("%!{letter}(<nil>)"),
            (None, value) => {
                let plain = Verb { sharp: false, ..*self };
                format!("%!{letter}({}={})", value.kind(), plain.format('v', value))
            }
        }
    }

    fn text(&self, letter: char, text: &str) -> Option<String> {
        let cut: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        let hex = |upper: bool| {
            let bytes = text.as_bytes();
            let bytes = bytes.get(..self.precision.unwrap_or(bytes.len()).min(bytes.len())).unwrap_or_default();
            let mut digits = String::with_capacity(2 * bytes.len());
            for (at, byte) in bytes.iter().enumerate() {
                digits.push_str(if self.space && at > 0 { " " } else { "" });
                digits.push_str(if self.sharp && (self.space || at == 0) { "0x" } else { "" });
                write!(digits, "{byte:02x}").ok();
            }
            if upper { digits.to_uppercase() } else { digits }
        };
        match letter {
            'v' | 's' => Some(self.padded(cut)),
            'q' if self.sharp && can_be_raw(&cut) => Some(self.padded(format!("`{cut}`"))),
            'q' => Some(self.padded(quoted(cut.as_bytes()))),
            'x' | 'X' => Some(self.padded(hex(letter == 'X'))),
            _ => None,
        }
    }

    fn integer(&self, letter: char, number: i64) -> Option<String> {
        let magnitude = number.unsigned_abs();
        let character = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
        let (digits, prefix) = match letter {
            'd' | 'v' => (magnitude.to_string(), ""),
            'x' => (format!("{magnitude:x}"), "0x"),
            'X' => (format!("{magnitude:X}"), "0X"),
            'o' => (format!("{magnitude:o}"), "0"),
            'O' => return Some(self.signed(number < 0, format!("0o{magnitude:o}"))),
            'b' => (format!("{magnitude:b}"), "0b"),
            'c' => return Some(self.padded(character.to_string())),
            'q' => return Some(self.padded(quoted_in('\'', character.to_string().as_bytes()))),
            'U' => return Some(self.padded(format!("U+{number:04X}"))),
            _ => return None,
        };
        let digits = match self.precision {
            // upstream: nothing at all for a zero with no digits.
            Some(0) if number == 0 => return Some(self.padded(String::new())),
            Some(least) => format!("{digits:0>least$}"),
            None => digits,
        };
        Some(self.signed(number < 0, if self.sharp { format!("{prefix}{digits}") } else { digits }))
    }

    fn float(&self, letter: char, number: f64) -> Option<String> {
        let (magnitude, precision) = (number.abs(), self.precision.unwrap_or(6));
        let exponential = |precision: usize| {
            let text = format!("{magnitude:.precision$e}");
            let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
            (mantissa.to_owned(), power.parse().unwrap_or(0))
        };
        let digits = match letter {
            'f' | 'F' => format!("{magnitude:.precision$}"),
            'e' | 'E' => {
                let (mantissa, power) = exponential(precision);
                format!("{mantissa}e{}", signed(power))
            }
            'v' | 'g' | 'G' if self.precision.is_none() => shortest(magnitude),
            'v' | 'g' | 'G' => {
                let digits = precision.max(1);
                let (mantissa, power) = exponential(digits - 1);
                let bare = |text: &str| {
                    if text.contains('.') {
                        text.trim_end_matches('0').trim_end_matches('.').to_owned()
                    } else {
                        text.to_owned()
                    }
                };
                match usize::try_from(i64::from(power) + 4) {
                    Ok(above) if above < digits + 4 => {
                        let places = (digits + 3).saturating_sub(above);
                        bare(&format!("{magnitude:.places$}"))
                    }
                    _ => format!("{}e{}", bare(&mantissa), signed(power)),
                }
            }
            _ => return None,
        };
        let digits = if letter.is_ascii_uppercase() { digits.to_uppercase() } else { digits };
        Some(self.signed(number.is_sign_negative(), digits))
    }

    /// Digits with their sign, filled up to the width.
    fn signed(&self, negative: bool, digits: String) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        };
        let is_integer_with_precision = self.precision.is_some() && !digits.contains('.');
        if !self.zero || self.minus || is_integer_with_precision {
            return self.padded(format!("{sign}{digits}"));
        }
        let width = self.width.unwrap_or(0).saturating_sub(sign.len());
        format!("{sign}{digits:0>width$}")
    }

    fn padded(&self, text: String) -> String {
        let width = self.width.unwrap_or(0);
        match (self.minus, self.zero) {
            (true, _) => format!("{text:<width$}"),
            // upstream: Go fills texts up with zeros, too.
            (false, true) => format!("{text:0>width$}"),
            (false, false) => format!("{text:>width$}"),
        }
    }
}

/// Whether it can stand between backquotes.
fn can_be_raw(text: &str) -> bool {
    text.chars().all(|c| c != '`' && c != '\u{7f}' && c != '\u{feff}' && (c >= ' ' || c == '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Debian's webhook prints the same.
    #[test]
    fn verbs_are_go_s() {
        let text = |text: &str| Value::Text(text.to_owned());
        let int = Value::Int;
        for (format, values, printed) in [
            (
                "%d|%5d|%-5d|%05d|%+d|% d",
                vec![int(1), int(2), int(3), int(4), int(5), int(7)],
                "1|    2|3    |00004|+5| 7",
            ),
            (
                "%x|%X|%o|%b|%c|%q|%U",
                vec![int(255), int(255), int(8), int(5), int(65), int(65), int(65)],
                "ff|FF|10|101|A|'A'|U+0041",
            ),
            ("%#x|%x|%.3d|%8.3d", vec![int(255), int(-255), int(5), int(6)], "0xff|-ff|005|     006"),
            (
                "%s|%10s|%-10s|%.2s",
                vec![text("abc"), text("abc"), text("abc"), text("abc")],
                "abc|       abc|abc       |ab",
            ),
            (
                "%q|%x|% x|%X|%v",
                vec![text("a\"b\n"), text("hi"), text("hi"), text("Ж"), text("z")],
                "\"a\\\"b\\n\"|6869|68 69|D096|z",
            ),
            ("%#q|%#v|%8q|%-8q", vec![text("x"), text("x"), text("b"), text("a")], "`x`|\"x\"|     \"b\"|\"a\"     "),
            (
                "%t|%v|%5t|%-7t|",
                vec![Value::Bool(true), Value::Bool(false), Value::Bool(true), Value::Bool(false)],
                "true|false| true|false  |",
            ),
            ("%v|%v|%T|%T", vec![Value::Nil, Value::Float(3.0), int(5), text("x")], "<nil>|3|int|string"),
            (
                "%f|%.2f|%8.3f|%e|%g",
                vec![
                    Value::Float(1.5),
                    Value::Float(1.555),
                    Value::Float(1.5),
                    Value::Float(1500.0),
                    Value::Float(1e6),
                ],
                "1.500000|1.55|   1.500|1.500000e+03|1e+06",
            ),
            (
                "%6.1f|%08.3f|%.3g|%.2g|%.3g",
                vec![
                    Value::Float(2.25),
                    Value::Float(3.14259),
                    Value::Float(1234.5),
                    Value::Float(0.00001),
                    Value::Float(100.0),
                ],
                "   2.2|0003.143|1.23e+03|1e-05|100",
            ),
            ("%d|%s|%z|%", vec![text("x"), int(5), int(5)], "%!d(string=x)|%!s(int=5)|%!z(int=5)|%!(NOVERB)"),
            ("%d %d", vec![int(1)], "1 %!d(MISSING)"),
            ("%-6s|%#d|%.2T", vec![int(31), text("a"), int(5)], "%!s(int=31    )|%!d(string=a)|in"),
            ("%d%%", vec![int(1), int(2)], "1%%!(EXTRA int=2)"),
            ("%s|%d|%s", vec![Value::Nil, Value::Nil, Value::Bool(true)], "%!s(<nil>)|%!d(<nil>)|%!s(bool=true)"),
        ] {
            assert_eq!(printf(format, &values).as_deref(), Ok(printed), "{format}");
        }
        assert!(printf("%*d", &[int(1), int(2)]).is_err() && printf("%10001d", &[int(1)]).is_err());
        for format in
            ["%10000d", "%.10000d", "%-10000.10000s", "%010000.10000f", "%.10000g", "%10000.10000e", "%+#10000q"]
        {
            for value in [int(-1), Value::Float(1e300), text("Ж"), Value::Nil] {
                drop(printf(format, &[value]));
            }
        }
    }
}
