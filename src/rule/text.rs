//! Conditions on the text of a value.

use std::fmt;

use regex::Regex;

use super::error::{Fault, RuleError};
use crate::go::regex::{PatternError, compile, subject};
use crate::secret::Secret;

/// What a value's text must be.
pub enum TextTest {
    /// Exactly this. It may well be a secret: many a hook has its token here.
    Value(Secret),
    /// Something that this pattern finds.
    Pattern(Result<Regex, PatternError>),
    /// The kind of the match is none: nothing fits.
    Unknown,
}

impl TextTest {
    /// The test by a pattern; a broken one is an error at each call.
    pub fn pattern(pattern: &str) -> TextTest {
        TextTest::Pattern(compile(pattern))
    }

    /// Whether the text is so.
    pub fn fits(&self, text: &[u8]) -> Result<bool, RuleError<'_>> {
        match self {
            TextTest::Value(value) => Ok(value.matches(text)),
            TextTest::Pattern(Ok(pattern)) => Ok(pattern.is_match(&subject(text))),
            TextTest::Pattern(Err(why)) => Err(RuleError::Broken(Fault::Pattern(why))),
            TextTest::Unknown => Ok(false),
        }
    }
}

impl fmt::Debug for TextTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TextTest::Value(_) => "value",
            TextTest::Pattern(_) => "regex",
            TextTest::Unknown => "unknown",
        })
    }
}
