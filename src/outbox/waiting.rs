//! What waits, in a word: it costs a look at each account and none at what waits.

use rusqlite::Row;

use super::error::OutboxError;
use super::writer::Pen;
use crate::account::AccountName;

/// What waits, and for what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Deliveries that are queued or being tried.
    pub deliveries: u64,
    /// Accounts that are out of order while something waits for them.
    pub broken: Vec<AccountName>,
}

pub(super) fn look(pen: &Pen<'_>) -> Result<Waiting, OutboxError> {
    let sql = "SELECT account, queued + sending, broken_since IS NOT NULL AND missing = 0 FROM accounts
               WHERE queued + sending > 0";
    let read = |row: &Row<'_>| Ok((AccountName::new(row.get_ref(0)?.as_str()?), row.get(1)?, row.get(2)?));
    let mut statement = pen.prepare(sql)?;
    let mut found = Waiting::default();
    for row in statement.query_map([], read)? {
        let (account, deliveries, is_broken): (_, i64, bool) = row?;
        found.deliveries += u64::try_from(deliveries).unwrap_or(0);
        found.broken.extend(is_broken.then_some(account));
    }
    Ok(found)
}
