//! A message: what people will read, made once per call.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use data_encoding::HEXLOWER;
use ring::digest;

use crate::clock::Timestamp;

mod advance;
pub mod alarm;
pub mod canary;
pub mod delivery;
pub mod expected;
pub mod fold;
pub mod link;
pub mod media;
pub mod news;
pub mod retry;
pub mod ways;

/// Deliveries of a message that says nothing else are given up after a day.
pub const DEFAULT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of the hash that names a conversation: more than ever meet by chance.
const THREAD_BYTES: usize = 16;

/// A message's public name: a ULID, 48 bits of time and 80 fresh random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(ulid::Ulid);

impl MessageId {
    /// A new id for a message accepted at `now`. The error says that the system gives no randomness.
    pub fn generate(now: Timestamp) -> Result<MessageId, String> {
        let mut bits = [0; 10];
        getrandom::fill(&mut bits).map_err(|e| format!("the system gives no random bytes: {e}"))?;
        Ok(MessageId::new(now, bits))
    }

    /// A new id for a message accepted at `now`. `random` is 80 bits of the system's randomness.
    pub fn new(now: Timestamp, random: [u8; 10]) -> MessageId {
        let random = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        MessageId(ulid::Ulid::from_parts(u64::try_from(now.millis()).unwrap_or(0), random))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = ulid::DecodeError;

    fn from_str(text: &str) -> Result<MessageId, ulid::DecodeError> {
        ulid::Ulid::from_str(text).map(MessageId)
    }
}

/// The name of a conversation: of all messages of a hook that are about the same. A hash, for a caller's own word for it
/// may be long, and is nobody else's to read.
pub fn thread(hook: &str, about: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    // With its length, so that no hook's name runs into the rest.
    hash.update(&hook.len().to_le_bytes());
    hash.update(hook.as_bytes());
    hash.update(about.as_bytes());
    let hash = hash.finish();
    HEXLOWER.encode(hash.as_ref().get(..THREAD_BYTES).unwrap_or_default())
}

/// How the characters of a text are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// As they stand.
    #[default]
    Plain,
    /// `*bold*`, `_italic_`, `~strike~` and code in backquotes mean what they mean to people.
    Markup,
}

impl TextFormat {
    /// Every format with its word.
    pub const ALL: [(&'static str, TextFormat); 2] = [("plain", TextFormat::Plain), ("markup", TextFormat::Markup)];

    /// The format that `word` means.
    pub fn named(word: &str) -> Option<TextFormat> {
        TextFormat::ALL.iter().find(|(name, _)| *name == word).map(|(_, format)| *format)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            TextFormat::Plain => "plain",
            TextFormat::Markup => "markup",
        }
    }
}

/// What goes first when several wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// After everything else.
    Low,
    /// As it comes.
    #[default]
    Normal,
    /// Overtakes the others, also for the same contact.
    High,
}

impl Priority {
    /// Every priority with its word.
    pub const ALL: [(&'static str, Priority); 3] =
        [("low", Priority::Low), ("normal", Priority::Normal), ("high", Priority::High)];

    /// The priority that `word` means.
    pub fn named(word: &str) -> Option<Priority> {
        Priority::ALL.iter().find(|(name, _)| *name == word).map(|(_, priority)| *priority)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }
}

/// A message as accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its public name.
    pub id: MessageId,
    /// The hook that was called, or empty for one from the control socket.
    pub hook: String,
    /// Who called, where the hook's tokens tell callers apart.
    pub caller: Option<String>,
    /// A heading, where the hook has one.
    pub title: Option<String>,
    /// The text, as accepted.
    pub text: String,
    /// How its characters are meant.
    pub format: TextFormat,
    /// What makes messages one conversation, where this belongs to one (`thread`).
    pub thread: Option<String>,
    /// What goes first.
    pub priority: Priority,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When its deliveries are given up.
    pub expires_at: Timestamp,
}
