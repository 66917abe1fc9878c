//! What waits for accounts that are no longer configured.

use std::collections::BTreeSet;

use rusqlite::params;

use super::error::OutboxError;
use super::writer::Pen;
use super::{queue, rows};
use crate::account::AccountName;
use crate::message::delivery::Event;

/// Deliveries that one operation moves away from an account that is gone.
const ORPHANS: i64 = 256;

/// Moves what can be moved. Says whether there may be more.
pub(super) fn move_orphans(pen: &Pen<'_>, known: &BTreeSet<AccountName>) -> Result<bool, OutboxError> {
    let mut more = false;
    let mut statement = pen.prepare("SELECT account FROM accounts")?;
    let accounts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for account in accounts {
        let missing = !known.contains(&AccountName::new(&account));
        let mark = "UPDATE accounts SET missing = ?2 WHERE account = ?1 AND missing <> ?2";
        pen.prepare(mark)?.execute(params![account, missing])?;
        if !missing {
            continue;
        }
        let movable = "SELECT id FROM deliveries WHERE account = ?1 AND state = 'queued' AND ways_left > 0 LIMIT ?2";
        for id in queue::ids(pen, movable, params![account, ORPHANS])? {
            if let Some(orphan) = rows::read(pen, id)? {
                queue::change(pen, &orphan, Event::NoAccount, 0.0)?;
                more = true;
            }
        }
    }
    Ok(more)
}
