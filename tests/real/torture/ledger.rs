//! What stands in `outbox.db`, as an operator with `sqlite3` would see it.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

/// One try, or an end without one.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) account: String,
    pub(crate) class: String,
    pub(crate) ended_at: i64,
}

/// One delivery with its message's words.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Its place in the order of acceptance.
    pub(crate) id: i64,
    pub(crate) message: String,
    pub(crate) text: String,
    pub(crate) hook: String,
    pub(crate) contact: String,
    /// Account and address (digits) of each.
    pub(crate) ways: Vec<(String, String)>,
    pub(crate) priority: i64,
    pub(crate) state: String,
    pub(crate) late: bool,
    pub(crate) possible_duplicate: bool,
    pub(crate) moved_at: Option<i64>,
    pub(crate) expires_at: i64,
    pub(crate) reason: Option<String>,
    pub(crate) attempts: Vec<Attempt>,
}

impl Delivery {
    /// Whether an attempt of one of these classes was written down.
    pub(crate) fn has_attempt(&self, classes: &[&str]) -> bool {
        self.attempts.iter().any(|attempt| classes.contains(&attempt.class.as_str()))
    }

    /// When nobody waited for it any more, after it had come to another way.
    pub(crate) fn settled_at(&self) -> Option<i64> {
        let since = self.moved_at?;
        let ends = |attempt: &&Attempt| {
            attempt.ended_at >= since && !matches!(attempt.class.as_str(), "unknown" | "fault" | "wait" | "network")
        };
        let first = self.attempts.iter().find(ends).or(self.attempts.last());
        first.map(|attempt| attempt.ended_at)
    }

    /// For words.
    pub(crate) fn named(&self) -> String {
        format!("delivery {} (`{}`, {} to {}, {})", self.id, self.text, self.hook, self.contact, self.state)
    }
}

/// The file, for reading.
pub(crate) struct Ledger(Connection);

impl Ledger {
    pub(crate) fn open(state: &Path) -> rusqlite::Result<Ledger> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(state.join("outbox.db"), flags)?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Ledger(db))
    }

    /// How much waits or is under way, and when the last of it is due.
    pub(crate) fn left(&self) -> rusqlite::Result<(i64, i64)> {
        let sql = "SELECT count(*), ifnull(max(due_at), 0) FROM deliveries WHERE state IN ('queued', 'sending')";
        self.0.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Until when the last account or address is held.
    pub(crate) fn held_until(&self) -> rusqlite::Result<i64> {
        let sql = "SELECT max(ifnull((SELECT max(hold_until) FROM accounts), 0),
                              ifnull((SELECT max(hold_until) FROM address_queue), 0))";
        self.0.query_row(sql, [], |row| row.get(0))
    }

    /// What SQLite itself says of the file: "ok".
    pub(crate) fn integrity(&self) -> rusqlite::Result<String> {
        self.0.query_row("PRAGMA integrity_check", [], |row| row.get(0))
    }

    /// Ids and texts of all messages.
    pub(crate) fn messages(&self) -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = self.0.prepare("SELECT id, text FROM messages")?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    /// All deliveries in the order of their acceptance.
    pub(crate) fn deliveries(&self) -> rusqlite::Result<Vec<Delivery>> {
        let mut attempts: HashMap<i64, Vec<Attempt>> = HashMap::new();
        let mut statement = self.0.prepare("SELECT delivery, account, class, ended_at FROM attempts ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let attempt = Attempt { account: row.get(1)?, class: row.get(2)?, ended_at: row.get(3)? };
            attempts.entry(row.get(0)?).or_default().push(attempt);
        }
        let sql = "SELECT d.id, m.id, m.text, d.hook, d.contact, d.ways, d.priority, d.state, d.late, d.possible_duplicate,
                       d.moved_at, d.expires_at, d.reason FROM deliveries d JOIN messages m ON m.seq = d.message ORDER BY d.id";
        let mut statement = self.0.prepare(sql)?;
        let found = statement.query_map([], |row| delivery(row, attempts.remove(&row.get(0)?).unwrap_or_default()))?;
        found.collect()
    }
}

fn delivery(row: &Row<'_>, attempts: Vec<Attempt>) -> rusqlite::Result<Delivery> {
    let ways: Vec<serde_json::Value> = serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default();
    // ["account", "kind", "address"], and whatever more a later format has behind that.
    let part =
        |way: &serde_json::Value, at: usize| way[at].as_str().unwrap_or_default().trim_start_matches('+').to_owned();
    Ok(Delivery {
        id: row.get(0)?,
        message: row.get(1)?,
        text: row.get(2)?,
        hook: row.get(3)?,
        contact: row.get(4)?,
        ways: ways.iter().map(|way| (part(way, 0), part(way, 2))).collect(),
        priority: row.get(6)?,
        state: row.get(7)?,
        late: row.get(8)?,
        possible_duplicate: row.get(9)?,
        moved_at: row.get(10)?,
        expires_at: row.get(11)?,
        reason: row.get(12)?,
        attempts,
    })
}
