//! Why the store did not do what it was asked.

use rusqlite::ErrorCode;

/// Why the store did not do what it was asked, by what can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// Too many wait for the disk: come back later.
    #[error("the outbox has more to write than the disk takes: try again later")]
    Busy,
    /// Somebody else is writing to its file.
    #[error("another program keeps the outbox's file locked (a backup, or `sqlite3`?): try again when it has ended")]
    Locked,
    /// The disk is full: the operator must make room.
    #[error("the disk of the state directory is full: make room")]
    Full,
    /// It can't be used; the text says why.
    #[error("{0}")]
    Unavailable(String),
    /// Its file is damaged; the text says how.
    #[error("the outbox's file is damaged ({0}): stop the daemon and move the file aside, or restore it")]
    Corrupt(String),
}

impl OutboxError {
    /// Nobody writes any more.
    pub(super) fn closed() -> OutboxError {
        OutboxError::Unavailable("the outbox is closed".to_owned())
    }

    /// Whether the same may be done later: nothing is damaged, and somebody still writes.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(self, OutboxError::Corrupt(_)) && *self != OutboxError::closed()
    }
}

impl From<rusqlite::Error> for OutboxError {
    fn from(error: rusqlite::Error) -> OutboxError {
        match (error.sqlite_error_code(), &error) {
            (Some(ErrorCode::DiskFull), _) => OutboxError::Full,
            (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => OutboxError::Locked,
            (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _)
            | (_, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..)) => {
                OutboxError::Corrupt(error.to_string())
            }
            (Some(ErrorCode::SystemIoFailure), _) => {
                OutboxError::Unavailable(format!("the disk does not take it ({error}): is it full, or broken?"))
            }
            _ => OutboxError::Unavailable(format!("the outbox can't be used: {error}")),
        }
    }
}
