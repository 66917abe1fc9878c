//! Opening the database: the lock, the file, the settings, the schema.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rustix::fs::FlockOperation;

use super::error::OutboxError;

/// The steps from each schema to the next, the first from 1 to 2. A step is written once and then stays as it is.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/2.sql")];

/// The number of the schema, in the file's `user_version`.
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64 + 1;

/// How long to wait for somebody else's lock (a backup, an operator's `sqlite3`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept ready; there are fewer than this.
const STATEMENTS: usize = 64;

/// The open store: its connection, and the lock that keeps a second daemon out.
pub(super) struct Store {
    pub(super) db: Connection,
    _lock: File,
}

impl Store {
    /// Opens the store in `dir`, and makes what is missing.
    pub(super) fn open(dir: &Path) -> Result<Store, OutboxError> {
        let trouble = |e: std::io::Error| OutboxError::Unavailable(format!("can't use {}: {e}", dir.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(trouble)?;
        let lock = lock(dir)?;
        let path = dir.join("outbox.db");
        let created = !path.exists();
        OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(trouble)?;
        let db = Connection::open(&path)?;
        settle_in(&db)?;
        if created {
            // Else a power cut could take the new file's name, and all that is in it.
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(trouble)?;
        }
        Ok(Store { db, _lock: lock })
    }

    /// Moves the log into the file, and closes.
    pub(super) fn close(self) {
        if let Err(e) = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!("the outbox's log stays beside it until the next start: {e}");
        }
    }
}

fn settle_in(db: &Connection) -> Result<(), OutboxError> {
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else SQLite plans every statement that could use a partial index anew for each value: most of an accept's time.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let format: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if format > FORMAT {
        return Err(OutboxError::Unavailable(format!(
            "outbox.db was written by a newer hookbell (format {format}, this one knows {FORMAT}): install that one again"
        )));
    }
    if format == 0 {
        // Can only be chosen while the file is empty.
        db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    }
    let journal: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if journal != "wal" {
        return Err(OutboxError::Unavailable(format!(
            "the state directory's file system allows no write-ahead log (SQLite says {journal}): use a local disk"
        )));
    }
    db.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -2048;
         PRAGMA journal_size_limit = 16777216;",
    )?;
    let steps = match usize::try_from(format) {
        Ok(0) | Err(_) => &[include_str!("schema.sql")],
        Ok(known) => MIGRATIONS.get(known - 1..).unwrap_or_default(),
    };
    if steps.is_empty() {
        return Ok(());
    }
    if format > 0 {
        tracing::info!("outbox.db is brought from format {format} to {FORMAT}");
    }
    // All or nothing: should this process die halfway, the file is as it was.
    db.execute_batch(&format!("BEGIN IMMEDIATE;\n{}\nPRAGMA user_version = {FORMAT};\nCOMMIT;", steps.join("\n")))?;
    Ok(())
}

/// Takes the state directory for this process; the file says for people which one that is.
fn lock(dir: &Path) -> Result<File, OutboxError> {
    let path = dir.join("outbox.lock");
    let trouble = |e: std::io::Error| OutboxError::Unavailable(format!("can't lock {}: {e}", path.display()));
    let mut options = OpenOptions::new();
    let mut file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(trouble)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            drop(file.read_to_string(&mut holder));
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(OutboxError::Unavailable(format!(
                "{} is in use by {holder}: stop it, or give this one another -state-dir",
                dir.display()
            )));
        }
        Err(e) => return Err(trouble(e.into())),
    }
    let pid = format!("{}\n", std::process::id());
    // Only a help for people: a full disk must not keep the daemon from starting, and from sending what it has.
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(pid.as_bytes())).ok();
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in a database: each column and each index, in an order of its own.
    fn shape(db: &Connection) -> Vec<String> {
        let columns =
            "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || ifnull(c.dflt_value, '')
                       FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
        let others = "SELECT type || ' ' || sql FROM sqlite_schema WHERE type <> 'table' AND sql IS NOT NULL";
        let mut statement = db.prepare(&format!("{columns} UNION ALL {others} ORDER BY 1")).unwrap();
        let words = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        statement.query_map([], |row| row.get(0).map(words)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn every_older_file_becomes_what_a_new_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let new = shape(&Store::open(dir.path()).unwrap().db);
        for (format, schema) in [(1, include_str!("../../tests/fixtures/outbox/1.sql"))] {
            let dir = tempfile::tempdir().unwrap();
            let old = Connection::open(dir.path().join("outbox.db")).unwrap();
            old.execute_batch(&format!("{schema}; PRAGMA user_version = {format};")).unwrap();
            drop(old);
            let store = Store::open(dir.path()).unwrap();
            assert_eq!(shape(&store.db), new, "from format {format}");
            drop(store);
            assert!(Store::open(dir.path()).is_ok(), "once is enough");
        }
    }
}
