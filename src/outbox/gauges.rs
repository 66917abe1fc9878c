//! What stands in the store at this moment, for whoever watches over it: some seeks for each account, and no walk.

use std::path::Path;

use rusqlite::{OptionalExtension as _, Row, params};

use super::error::OutboxError;
use super::list::{AccountState, accounts};
use super::reader::{Reader, View};
use crate::clock::Timestamp;

/// How an account stands, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountGauges {
    /// Its queue and its breaker.
    pub state: AccountState,
    /// When the oldest of its waiting deliveries was accepted.
    pub oldest: Option<Timestamp>,
    /// Why that one waits, where a try of it failed.
    pub waits: Option<String>,
    /// Contacts that wrote to it lately enough for free text.
    pub windows: u64,
}

impl Reader {
    /// How every account stands that ever was configured.
    pub fn gauges(&self, now: Timestamp) -> Result<Vec<AccountGauges>, OutboxError> {
        self.look(|view| accounts(view.db, now)?.into_iter().map(|state| gauges(view, state, now)).collect())
    }

    /// What its files take on the disk, in bytes.
    pub fn bytes(&self) -> Result<u64, OutboxError> {
        self.look(|view| {
            let size = |path: &str| std::fs::metadata(Path::new(path)).map_or(0, |file| file.len());
            Ok(view.db.path().map_or(0, |path| size(path) + size(&format!("{path}-wal"))))
        })
    }
}

fn gauges(view: &View<'_>, state: AccountState, now: Timestamp) -> Result<AccountGauges, OutboxError> {
    let account = state.account.as_str();
    // Places are given in the order of acceptance.
    let sql = "SELECT accepted_at, reason FROM deliveries
                   WHERE id = (SELECT min(id) FROM deliveries WHERE account = ?1 AND state = 'queued')";
    let read = |row: &Row<'_>| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<String>>(1)?));
    let (oldest, waits) = view.prepare(sql)?.query_row([account], read).optional()?.unwrap_or_default();
    let sql = "SELECT count(*) FROM windows WHERE account = ?1 AND open_until > ?2";
    let windows: i64 = view.prepare(sql)?.query_row(params![account, now.millis()], |row| row.get(0))?;
    let windows = u64::try_from(windows).unwrap_or(0);
    Ok(AccountGauges { state, oldest: oldest.map(Timestamp::from_millis), waits, windows })
}
