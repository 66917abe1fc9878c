//! What waits for accounts that are no longer configured.

use std::collections::BTreeSet;

use rusqlite::params;

use super::error::OutboxError;
use super::writer::Pen;
use super::{breaker, rows};
use crate::account::AccountName;

/// Notes which accounts there are, also those that never had anything to send: one of which nothing is known is taken for
/// open, and nobody must leave for one that is gone. What waits for missing ones moves with the next sweep, as what waits
/// for one that is back does.
pub(super) fn mark(pen: &Pen<'_>, known: &BTreeSet<AccountName>) -> Result<(), OutboxError> {
    for account in known {
        pen.prepare(rows::KNOW_ACCOUNT)?.execute([account.as_str()])?;
    }
    let mut statement = pen.prepare("SELECT account FROM accounts")?;
    let accounts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for account in accounts {
        let missing = !known.contains(&AccountName::new(&account));
        let mark = "UPDATE accounts SET missing = ?2 WHERE account = ?1 AND missing <> ?2";
        if pen.prepare(mark)?.execute(params![account, missing])? > 0 && !missing {
            breaker::opened(pen)?;
        }
    }
    Ok(())
}
