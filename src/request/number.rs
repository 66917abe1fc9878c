//! A number as it was written.

use std::fmt;

use super::small::Text;

/// What is kept in place, in bytes: as many as a `Value` has room for beside what tells a short text from a long one.
const SHORT: usize = 14;

/// A number of JSON, by its text: `1.50` stays `1.50`, and no digit is lost.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(Digits);

#[derive(Clone, PartialEq, Eq)]
enum Digits {
    Short { length: u8, text: [u8; SHORT] },
    Long(Box<Text>),
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
            _ => Number(Digits::Long(Box::new(written.as_bytes().into()))),
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        let text = match &self.0 {
            Digits::Short { length, text } => text.get(..usize::from(*length)).unwrap_or_default(),
            Digits::Long(text) => text,
        };
        // It was a text, and is one.
        std::str::from_utf8(text).unwrap_or_default()
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
        for text in ["0", "-1.50E+3", "12345678901234", "123456789012345", &"9".repeat(1000)] {
            assert_eq!(Number::new(text).as_str(), text);
        }
    }
}
