//! A number as it was written.

use std::fmt;

/// What is kept without memory of its own, in bytes: as many as a `Value` has room for anyway.
const SHORT: usize = 22;

/// A number of JSON, by its text: `1.50` stays `1.50`, and no digit is lost.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Digits);

#[derive(Clone, PartialEq, Eq)]
enum Digits {
    Short { length: u8, text: [u8; SHORT] },
    Long(Box<str>),
}

impl Number {
    /// The number that is written so. Whoever calls has seen that it is one.
    pub fn new(written: &str) -> Number {
        let mut text = [0; SHORT];
        match (text.get_mut(..written.len()), u8::try_from(written.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(written.as_bytes());
                Number(Digits::Short { length, text })
            }
            _ => Number(Digits::Long(written.into())),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was cut from a text, and is one.
            Digits::Short { length, text } => {
                text.get(..usize::from(*length)).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
            }
            Digits::Long(text) => text,
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_text_it_was() {
        for text in ["0", "-1.50E+3", "1234567890123456789012", "12345678901234567890123", &"9".repeat(1000)] {
            assert_eq!(Number::new(text).as_str(), text);
        }
    }
}
