//! Reports that are about nothing known yet: most of them outran the answer with the receipt.

use std::time::Duration;

use rusqlite::{Row, params};

use super::error::OutboxError;
use super::writer::Pen;
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, Scope, SendError};
use crate::message::news::Told;

/// How long a report waits for the answer that it outran. An answer takes seconds; what waits longer is not about ours, but
/// about what another program sent by the same number.
const PARKED_FOR: Duration = Duration::from_secs(600);

/// Reports that wait at a time; beyond that the oldest go.
const PARKED: i64 = 10_000;

/// The columns that `told` reads.
macro_rules! parked {
    () => {
        "SELECT receipt, key, state, class, scope, after, code, detail, reported_at FROM parked_reports"
    };
}

/// Keeps a report until the answer it outran is here.
pub(super) fn keep(pen: &Pen<'_>, account: &str, told: &Told) -> Result<(), OutboxError> {
    let failed = match &told.report {
        Report::Failed(error) => Some(error),
        _ => None,
    };
    let (scope, after) = match failed.map(|error| error.class) {
        Some(Class::Wait { scope, after }) => (Some(scope_word(scope)), after),
        _ => (None, None),
    };
    let after = after.map(|after| Timestamp::default().plus(after).millis());
    pen.prepare(
        "INSERT INTO parked_reports (account, receipt, key, state, class, scope, after, code, detail, reported_at,
                 parked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        account,
        told.receipt,
        told.key,
        told.report.as_str(),
        failed.map(|error| error.class.as_str()),
        scope,
        after,
        failed.map(|error| &error.code),
        failed.map(|error| &error.detail),
        told.at.millis(),
        pen.now.millis(),
    ])?;
    let last = pen.db.last_insert_rowid();
    pen.prepare("DELETE FROM parked_reports WHERE id <= ?1")?.execute([last.saturating_sub(PARKED)])?;
    Ok(())
}

/// The reports that wait for this receipt, in the order in which they came. They stay: several deliveries may share it.
pub(super) fn by_receipt(pen: &Pen<'_>, account: &str, receipt: &str) -> Result<Vec<Told>, OutboxError> {
    const SQL: &str = concat!(parked!(), " WHERE account = ?1 AND receipt = ?2 ORDER BY id");
    parked(pen, SQL, account, receipt)
}

/// Those that name a try by its key.
pub(super) fn by_key(pen: &Pen<'_>, account: &str, key: &str) -> Result<Vec<Told>, OutboxError> {
    const SQL: &str = concat!(parked!(), " WHERE account = ?1 AND key = ?2 ORDER BY id");
    parked(pen, SQL, account, key)
}

fn parked(pen: &Pen<'_>, sql: &str, account: &str, of: &str) -> Result<Vec<Told>, OutboxError> {
    let mut statement = pen.prepare(sql)?;
    let found: Vec<_> = statement.query_map([account, of], told)?.collect::<Result<_, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// A parked report; none where a later version wrote a word that this one does not know.
fn told(row: &Row<'_>) -> rusqlite::Result<Option<Told>> {
    let text = |column| row.get::<_, Option<String>>(column).map(Option::unwrap_or_default);
    let report = match row.get_ref(2)?.as_str()? {
        "sent" => Some(Report::Sent),
        "delivered" => Some(Report::Delivered),
        "read" => Some(Report::Read),
        "failed" => {
            let after = row.get::<_, Option<i64>>(5)?.and_then(|after| u64::try_from(after).ok());
            let class = class(&text(3)?, &text(4)?, after.map(Duration::from_millis));
            let (code, detail) = (text(6)?, text(7)?);
            class.map(|class| Report::Failed(SendError { class, code, detail }))
        }
        _ => None,
    };
    let (receipt, key, at) = (row.get(0)?, row.get(1)?, Timestamp::from_millis(row.get(8)?));
    Ok(report.map(|report| Told { receipt, key, report, at }))
}

fn class(word: &str, scope: &str, after: Option<Duration>) -> Option<Class> {
    let scope = [Scope::Recipient, Scope::Sender, Scope::Account].into_iter().find(|it| scope_word(*it) == scope);
    let plain =
        [Class::Network, Class::Unknown, Class::Fault, Class::Recipient, Class::Content, Class::Form, Class::Account];
    let wait = scope.map(|scope| Class::Wait { scope, after });
    plain.into_iter().chain(wait).find(|class| class.as_str() == word)
}

fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Recipient => "recipient",
        Scope::Sender => "sender",
        Scope::Account => "account",
    }
}

/// Forgets what waited for long enough.
pub(super) fn forget(pen: &Pen<'_>) -> Result<(), OutboxError> {
    let long_ago = pen.now.millis().saturating_sub(Timestamp::default().plus(PARKED_FOR).millis());
    // A device may hold a lease for longer; what is told meanwhile waits for its end.
    let sql = "DELETE FROM parked_reports WHERE parked_at <= ?1 AND NOT EXISTS (
                   SELECT 1 FROM deliveries WHERE id = CAST(substr(key, instr(key, '-') + 1) AS INTEGER) AND state = 'sending')";
    pen.prepare(sql)?.execute([long_ago])?;
    Ok(())
}
