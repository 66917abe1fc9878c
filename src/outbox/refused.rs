//! Calls that were refused, so that an operator can see who knocked in vain.

use rusqlite::params;

use super::error::OutboxError;
use super::writer::Pen;
use crate::clock::Timestamp;

/// Rows that are kept.
const KEPT: i64 = 10_000;

/// The longest name of a hook, or reason, in characters: a stranger chooses what it is.
const LONGEST: usize = 200;

/// A call that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When.
    pub at: Timestamp,
    /// The hook that was called, whether there is one of that name or not.
    pub hook: String,
    /// Who called: address and port.
    pub address: String,
    /// The status of the answer.
    pub status: u16,
    /// Why. Never a message's text, never a token.
    pub reason: String,
    /// How many more were refused since the one before this that was written down.
    pub untold: u64,
}

/// Writes one down, and forgets the oldest beyond what is kept.
pub(super) fn note(pen: &Pen<'_>, refused: &Refused) -> Result<(), OutboxError> {
    let Refused { at, hook, address, status, reason, untold } = refused;
    let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let untold = i64::try_from(*untold).unwrap_or(i64::MAX);
    pen.prepare("INSERT INTO refused (at, hook, address, status, reason, untold) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![at.millis(), cut(hook), address, status, cut(reason), untold])?;
    let newest = pen.db.last_insert_rowid();
    pen.prepare("DELETE FROM refused WHERE id <= ?1")?.execute([newest.saturating_sub(KEPT)])?;
    Ok(())
}
