//! When an account's limits are changed by a reload: they count at once.

use rusqlite::params;

use super::error::OutboxError;
use super::rate::Bucket;
use super::writer::Pen;
use super::{queue, rows};
use crate::account::Limits;

/// Makes an account and its queue follow other limits than those that they were made with. Yields what it owes by them.
pub(super) fn relimit(
    pen: &Pen<'_>,
    account: &str,
    limits: Limits,
    before: &str,
    tat: i64,
) -> Result<i64, OutboxError> {
    let Limits { rate, per_recipient, per_group, fold_after: _ } = limits;
    let written = format!("{rate:?} {per_recipient:?} {per_group:?}");
    if written == before {
        return Ok(tat);
    }
    let sql = "SELECT address, tat FROM address_queue WHERE account = ?1 AND tat > ?2";
    let mut statement = pen.prepare(sql)?;
    let owing = statement.query_map(params![account, pen.now.millis().saturating_mul(1000)], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    for (address, tat) in owing.collect::<Result<Vec<_>, _>>()? {
        let rate = rows::named_address(&address).and_then(|address| limits.of(&address));
        let bucket = rate.map(|rate| Bucket::of_address(rate, tat, pen.now));
        let (tat, limited_until) = bucket.map_or((0, 0), |bucket| (bucket.tat(), bucket.opens_at().millis()));
        let sql = "UPDATE address_queue SET tat = ?3, limited_until = ?4 WHERE account = ?1 AND address = ?2";
        pen.prepare(sql)?.execute(params![account, address, tat, limited_until])?;
        queue::refresh(pen, account, &address)?;
    }
    let tat = rate.map_or(0, |rate| Bucket::of_account(rate, tat, pen.now).tat());
    pen.prepare("UPDATE accounts SET limits = ?2, tat = ?3 WHERE account = ?1")?
        .execute(params![account, written, tat])?;
    Ok(tat)
}
