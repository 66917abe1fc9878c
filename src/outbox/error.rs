//! Why the store did not do what it was asked.

use rusqlite::{ErrorCode, ffi};

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
    #[error("the disk of the state directory is full, or its quota is used up: make room")]
    Full,
    /// Nothing may be written there; the text says what is in the way.
    #[error("{0}")]
    ReadOnly(String),
    /// Another hookbell has the state directory; the text says which.
    #[error("{0}")]
    InUse(String),
    /// It could not be opened so far.
    #[error("the outbox is not open: the log says why, and when it is tried again")]
    NotOpen,
    /// Nobody could get it: a mistake of whoever calls.
    #[error("a message for nobody, or for a contact without an address, can't be stored")]
    Nobody,
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

    /// What is the matter, for somebody who may not know where the outbox is.
    pub fn in_short(&self) -> &'static str {
        match self {
            OutboxError::Busy => "too much waits for the disk",
            OutboxError::Locked => "another program locks the file",
            OutboxError::Full => "the disk is full",
            OutboxError::ReadOnly(_) => "nothing may be written",
            OutboxError::NotOpen | OutboxError::InUse(_) => "the outbox is not open",
            OutboxError::Nobody => "it is for nobody",
            OutboxError::Unavailable(_) => "the outbox can't be used",
            OutboxError::Corrupt(_) => "the outbox is damaged",
        }
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
            (Some(ErrorCode::ReadOnly), _) => OutboxError::ReadOnly(read_only(error.sqlite_error())),
            (Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied), _) => {
                OutboxError::ReadOnly(format!(
                    "outbox.db may not be written ({error}): give it to the user that hookbell runs as"
                ))
            }
            (Some(ErrorCode::SystemIoFailure), _) => {
                OutboxError::Unavailable(format!("the disk does not take it ({error}), for it is full or broken"))
            }
            _ => OutboxError::Unavailable(format!("the outbox can't be used: {error}")),
        }
    }
}

fn read_only(error: Option<&ffi::Error>) -> String {
    let moved = error.is_some_and(|error| error.extended_code == ffi::SQLITE_READONLY_DBMOVED);
    if moved {
        return "outbox.db was moved or deleted while the daemon runs: put it back, or restart the daemon".to_owned();
    }
    "outbox.db can't be written: is its file system read-only, or does it belong to another user?".to_owned()
}
