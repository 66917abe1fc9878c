//! A second connection, which only reads: long lists keep nobody from writing, and a dead daemon's file is left as it is.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OpenFlags};

use super::error::OutboxError;
use super::sqlite::FORMAT;
use super::writer::prepare;

/// How long to wait for somebody who is just recovering the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages it keeps in memory, in KiB: a list is asked for now and then.
const CACHE: &str = "PRAGMA cache_size = -512";

/// The store, for looking at. Clones share the connection, one look at a time.
#[derive(Clone, Debug)]
pub struct Reader(Arc<Mutex<Sight>>);

/// A connection costs memory, and most daemons are never asked.
#[derive(Debug)]
enum Sight {
    /// Not opened yet: the file.
    Shut(PathBuf),
    Open(Connection),
    Ended,
}

impl Reader {
    /// Beside the daemon's own connection, in its process. It is opened by the first look.
    pub(super) fn beside(dir: &Path) -> Reader {
        Reader(Arc::new(Mutex::new(Sight::Shut(dir.join("outbox.db")))))
    }

    /// From another process, most likely because no daemon runs. It makes no file and changes none, also where it may
    /// not write, or is root.
    pub fn open(dir: &Path) -> Result<Reader, OutboxError> {
        let path = dir.join("outbox.db");
        // After an orderly end there is no log, and the file alone is all there is: `immutable` keeps SQLite from
        // making the files that it would share with a writer. After a kill both are there, and are only read.
        let log = std::fs::metadata(dir.join("outbox.db-wal")).map_or(0, |log| log.len());
        let how = if log == 0 { "immutable=1" } else { "readonly_shm=1" };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let looked = Connection::open_with_flags(uri(&path, how), flags).and_then(|db| {
            db.busy_timeout(BUSY_TIMEOUT)?;
            let format: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            Ok((db, format))
        });
        let (db, format) =
            looked.map_err(|e| OutboxError::Unavailable(format!("{} can't be read: {e}", path.display())))?;
        if format != FORMAT {
            let who = if format > FORMAT { "a newer hookbell" } else { "an older hookbell: start the daemon once" };
            return Err(OutboxError::Unavailable(format!(
                "{} was written by {who} (format {format}, this one knows {FORMAT})",
                path.display()
            )));
        }
        Ok(Reader(Arc::new(Mutex::new(Sight::Open(db)))))
    }

    /// Ends it, so that the writer is the last to leave the file, and tidies up.
    pub(super) fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Sight::Ended;
    }

    /// Looks at one state of the store.
    pub(super) fn look<T>(&self, look: impl FnOnce(&View<'_>) -> Result<T, OutboxError>) -> Result<T, OutboxError> {
        let mut sight = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Sight::Shut(path) = &*sight {
            let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            db.busy_timeout(BUSY_TIMEOUT)?;
            db.execute_batch(CACHE)?;
            // As the writer does: else some statements are planned anew for each value.
            db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
            *sight = Sight::Open(db);
        }
        let Sight::Open(db) = &*sight else { return Err(OutboxError::closed()) };
        // Dropped, it ends: there is nothing to commit.
        let _all_of_one_moment = db.unchecked_transaction()?;
        look(&View { db })
    }
}

/// One state of the store.
pub(super) struct View<'a> {
    pub(super) db: &'a Connection,
}

impl View<'_> {
    /// A statement, kept ready for the next time.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, OutboxError> {
        prepare(self.db, sql)
    }
}

/// A file's name as SQLite's URIs have it.
fn uri(path: &Path, how: &str) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02X}").unwrap_or_default(),
        }
    }
    format!("{uri}?{how}")
}
