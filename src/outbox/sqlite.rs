//! Opening the database: the file, the settings, the schema.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::damage::{self, Check};
use super::error::OutboxError;
use super::place::{self, FILE};

/// The steps from each schema to the next, the first from 1 to 2. A step is written once and then stays as it is.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/2.sql")];

/// The number of the schema, in the file's `user_version`.
pub(super) const FORMAT: i64 = MIGRATIONS.len() as i64 + 1;

/// How long to wait for somebody else's lock (a backup, an operator's `sqlite3`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept ready; there are fewer than this.
const STATEMENTS: usize = 192;

/// The open store: its connection, and the lock that keeps a second daemon out.
pub(super) struct Store {
    pub(super) db: Connection,
    check: Option<Check>,
    _lock: Arc<File>,
}

impl Store {
    /// Opens the store in `dir`, of which `lock` makes sure that it is this process's, and makes what is missing.
    pub(super) fn open(dir: &Path, lock: Arc<File>) -> Result<Store, OutboxError> {
        let db = open(dir)?;
        // Should it be damaged, closing it must change nothing.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let check = damage::check(dir, &db)?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok(Store { db, check, _lock: lock })
    }

    /// Moves the log into the file, and closes.
    pub(super) fn close(mut self) {
        // It would keep the log from being moved.
        self.check.take();
        if let Err(e) = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!("the outbox's log stays beside it until the next start: {e}");
        }
    }
}

fn open(dir: &Path) -> Result<Connection, OutboxError> {
    let created = place::make_file(dir)?;
    let db = Connection::open(dir.join(FILE))?;
    settle_in(&db)?;
    if created {
        // Else a power cut could take the new file's name, and all that is in it.
        place::sync(dir)?;
    }
    Ok(db)
}

/// A new store that nobody uses yet, under another name: without a log of its own.
pub(super) fn make_aside(file: &Path) -> Result<Connection, OutboxError> {
    let db = Connection::open(file)?;
    db.execute_batch(&format!(
        "PRAGMA auto_vacuum = INCREMENTAL;
         PRAGMA journal_mode = MEMORY;
         PRAGMA synchronous = FULL;
         BEGIN;\n{}\nPRAGMA user_version = {FORMAT};\nCOMMIT;",
        include_str!("schema.sql")
    ))?;
    Ok(db)
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
        let foreign: bool = db.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
        if foreign {
            let why = "outbox.db is some other program's database: move it away, or name another -state-dir";
            return Err(OutboxError::Unavailable(why.to_owned()));
        }
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
         PRAGMA cache_size = -8192;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(dir: &Path) -> Result<Store, OutboxError> {
        Store::open(dir, Arc::new(place::take(dir)?))
    }

    /// Files of older formats.
    const OLDER: [(i64, &str); 1] = [(1, include_str!("../../tests/fixtures/outbox/1.sql"))];

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
        let new = shape(&opened(dir.path()).unwrap().db);
        for (format, schema) in OLDER {
            let dir = tempfile::tempdir().unwrap();
            let old = Connection::open(dir.path().join("outbox.db")).unwrap();
            old.execute_batch(&format!("{schema}; PRAGMA user_version = {format};")).unwrap();
            drop(old);
            let store = opened(dir.path()).unwrap();
            assert_eq!(shape(&store.db), new, "from format {format}");
            drop(store);
            assert!(opened(dir.path()).is_ok(), "once is enough");
        }
    }

    #[test]
    fn a_step_that_finds_no_room_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let [(format, schema)] = OLDER;
        let old = Connection::open(dir.path().join(FILE)).unwrap();
        old.execute_batch(&format!("{schema}; PRAGMA user_version = {format};")).unwrap();
        let before = shape(&old);
        let pages: i64 = old.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        old.execute_batch(&format!("PRAGMA max_page_count = {pages}")).unwrap();
        assert_eq!(settle_in(&old), Err(OutboxError::Full));
        drop(old);
        let old = Connection::open(dir.path().join(FILE)).unwrap();
        let known: i64 = old.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!((shape(&old), known), (before, format));
        drop(old);
        assert!(opened(dir.path()).is_ok(), "there is room now");
    }
}
