//! Whether the disk takes what is written.

use super::error::OutboxError;
use super::sqlite::FORMAT;
use super::writer::Pen;

/// Writes the format's number again: a page goes to the disk, and nothing is different afterwards.
pub(super) fn write_nothing_new(pen: &Pen<'_>) -> Result<(), OutboxError> {
    Ok(pen.db.execute_batch(&format!("PRAGMA user_version = {FORMAT}"))?)
}
