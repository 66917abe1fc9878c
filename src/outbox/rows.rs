//! Rows to nouns and back.

use std::time::Duration;

use rusqlite::types::{Type, Value as Stored};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::error::OutboxError;
use super::standing;
use super::writer::{Pen, prepare};
use crate::account::{AccountName, Address, AddressKind};
use crate::clock::Timestamp;
use crate::contact::{Recipient, Way};
use crate::message::delivery::{Delivery, DeliveryId, DeliveryState, Form};
use crate::message::{Message, MessageId, Priority, TextFormat};

/// The columns that `delivery` reads, after `FROM deliveries d JOIN messages m ON m.seq = d.message`.
macro_rules! delivery_columns {
    () => {
        "d.id, m.id, d.hook, d.contact, d.ways, d.way, d.priority, d.state, d.template, d.due_at, d.accepted_at, \
         d.expires_at, d.tries, d.late_tries, d.first_failed_at, d.moved_at, d.late, d.possible_duplicate, d.receipt, \
         d.reason, d.fence, d.leased_at, d.patience_until"
    };
}
pub(super) use delivery_columns;

/// A delivery with its lease.
pub(super) struct Leased {
    pub(super) delivery: Delivery,
    /// The number of its last lease, and so of its tries.
    pub(super) fence: i64,
    /// When that began, if it is under way.
    pub(super) since: Option<Timestamp>,
}

/// Reads `delivery_columns!()`.
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Leased> {
    let moment = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
    let delivery = Delivery {
        id: DeliveryId(row.get(0)?),
        message: parsed(row, 1)?,
        hook: row.get(2)?,
        recipient: Recipient { contact: row.get(3)?, ways: ways(row, 4)? },
        way: way(row, 5)?,
        priority: priority(row.get(6)?),
        state: DeliveryState::named(row.get_ref(7)?.as_str()?).ok_or_else(|| broken(7, "unknown state"))?,
        form: if row.get(8)? { Form::Template } else { Form::Best },
        due_at: Timestamp::from_millis(row.get(9)?),
        accepted_at: Timestamp::from_millis(row.get(10)?),
        expires_at: Timestamp::from_millis(row.get(11)?),
        tries: row.get(12)?,
        late_tries: row.get(13)?,
        first_failed_at: moment(14)?,
        moved_at: moment(15)?,
        patience_until: moment(22)?,
        late: row.get(16)?,
        possible_duplicate: row.get(17)?,
        receipt: row.get(18)?,
        reason: row.get(19)?,
    };
    Ok(Leased { delivery, fence: row.get(20)?, since: moment(21)? })
}

/// One delivery by its id.
pub(super) fn read(pen: &Pen<'_>, id: DeliveryId) -> Result<Option<Leased>, OutboxError> {
    const SQL: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM deliveries d JOIN messages m ON m.seq = d.message WHERE d.id = ?1"
    );
    Ok(pen.prepare(SQL)?.query_row([id.0], delivery).optional()?)
}

/// Makes the row of an account, where there is none: a trigger counts each new delivery there.
pub(super) const KNOW_ACCOUNT: &str = "INSERT INTO accounts (account) VALUES (?1) ON CONFLICT DO NOTHING";

/// Writes a new message and its deliveries, and yields these.
pub(super) fn insert(
    pen: &Pen<'_>,
    message: &Message,
    recipients: Vec<Recipient>,
) -> Result<Vec<Delivery>, OutboxError> {
    if recipients.is_empty() || recipients.iter().any(|recipient| recipient.ways.is_empty()) {
        // Accepted means that somebody gets it; whoever calls this has made sure.
        return Err(OutboxError::Nobody);
    }
    let Message { id, hook, caller, title, text, format, thread, priority, accepted_at, expires_at } = message;
    pen.prepare(
        "INSERT INTO messages (id, hook, caller, title, text, priority, accepted_at, expires_at, thread, format)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        id.to_string(),
        hook,
        caller,
        title,
        text,
        rank(*priority),
        accepted_at.millis(),
        expires_at.millis(),
        thread,
        *format == TextFormat::Markup
    ])?;
    let seq = pen.db.last_insert_rowid();
    let mut deliveries = Vec::with_capacity(recipients.len());
    for recipient in recipients {
        // The store gives it its number.
        let new = Delivery::new(DeliveryId(0), message, recipient);
        let (account, address) = place(&new);
        let new = standing::beginning(pen, new, (&account, &address, rank(*priority)))?;
        let (account, address) = place(&new);
        pen.prepare(KNOW_ACCOUNT)?.execute([&account])?;
        pen.prepare(
            // OR FAIL: whatever fails here takes back all of its operation or of its transaction, so that SQLite need not
            // keep a copy of each page for this statement alone.
            "INSERT OR FAIL INTO deliveries (message, contact, ways, way, ways_left, account, address, hook, priority, state,
                     template, due_at, accepted_at, expires_at, tries, late_tries, first_failed_at, moved_at, late,
                     possible_duplicate, receipt, reason, patience_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                     ?21, ?22, ?23)",
        )?
        .execute(params![
            seq,
            new.recipient.contact,
            written(&new.recipient.ways),
            number(new.way),
            number(new.ways_left()),
            account,
            address,
            new.hook,
            rank(new.priority),
            new.state.as_str(),
            new.form == Form::Template,
            new.due_at.millis(),
            new.accepted_at.millis(),
            new.expires_at.millis(),
            new.tries,
            new.late_tries,
            new.first_failed_at.map(Timestamp::millis),
            new.moved_at.map(Timestamp::millis),
            new.late,
            new.possible_duplicate,
            new.receipt,
            new.reason,
            new.patience_until.map(Timestamp::millis),
        ])?;
        deliveries.push(Delivery { id: DeliveryId(pen.db.last_insert_rowid()), ..new });
    }
    Ok(deliveries)
}

/// Writes what an event changed. A lease, where there was one, ends with it.
pub(super) fn update(pen: &Pen<'_>, after: &Delivery) -> Result<(), OutboxError> {
    let (account, address) = place(after);
    pen.prepare(
            "UPDATE OR FAIL deliveries SET way = ?2, ways_left = ?3, account = ?4, address = ?5, state = ?6, template = ?7,
                 due_at = ?8, tries = ?9, late_tries = ?10, first_failed_at = ?11, moved_at = ?12, late = ?13,
                 possible_duplicate = ?14, receipt = ?15, reason = ?16, expires_at = ?17, patience_until = ?18,
                 leased_at = iif(?6 = 'sending', leased_at, NULL), leased_until = iif(?6 = 'sending', leased_until, NULL),
                 ended_at = iif(?19, coalesce(ended_at, ?20), NULL)
             WHERE id = ?1",
        )?
        .execute(params![
            after.id.0,
            number(after.way),
            number(after.ways_left()),
            account,
            address,
            after.state.as_str(),
            after.form == Form::Template,
            after.due_at.millis(),
            after.tries,
            after.late_tries,
            after.first_failed_at.map(Timestamp::millis),
            after.moved_at.map(Timestamp::millis),
            after.late,
            after.possible_duplicate,
            after.receipt,
            after.reason,
            after.expires_at.millis(),
            after.patience_until.map(Timestamp::millis),
            after.state.is_end(),
            pen.now.millis(),
        ])?;
    Ok(())
}

/// A message by its id, and its number here.
pub(super) fn message(db: &Connection, id: MessageId) -> Result<Option<(i64, Message)>, OutboxError> {
    let read = |row: &Row<'_>| {
        let message = Message {
            id,
            hook: row.get(1)?,
            caller: row.get(2)?,
            title: row.get(3)?,
            text: row.get(4)?,
            priority: priority(row.get(5)?),
            accepted_at: Timestamp::from_millis(row.get(6)?),
            expires_at: Timestamp::from_millis(row.get(7)?),
            thread: row.get(8)?,
            format: format(row, 9)?,
        };
        Ok((row.get(0)?, message))
    };
    let sql = "SELECT seq, hook, caller, title, text, priority, accepted_at, expires_at, thread, format FROM messages WHERE id = ?1";
    Ok(prepare(db, sql)?.query_row([id.to_string()], read).optional()?)
}

/// Account and address of the way that a delivery is on, as the queue names them.
pub(super) fn place(delivery: &Delivery) -> (String, String) {
    delivery.current_way().map_or_else(Default::default, |way| (way.account.as_str().to_owned(), address(&way.address)))
}

/// The address that the queue names so.
pub(super) fn named_address(name: &str) -> Option<Address> {
    name.split_once(':').map(|(kind, text)| Address { kind: AddressKind::new(kind), text: text.to_owned() })
}

fn address(address: &Address) -> String {
    format!("{}:{}", address.kind.as_str(), address.text)
}

/// `[account, kind, address, patience]`, the patience in milliseconds or null. Rows of format 1 have none.
fn written(ways: &[Way]) -> String {
    let list = ways.iter().map(|Way { account, address, patience }| {
        let patience = patience.map(|patience| u64::try_from(patience.as_millis()).unwrap_or(u64::MAX));
        (account.as_str(), address.kind.as_str(), address.text.as_str(), patience)
    });
    let list: Vec<_> = list.collect();
    // Texts and numbers can always be written.
    serde_json::to_string(&list).unwrap_or_default()
}

fn ways(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<Way>> {
    let list: Vec<Vec<Value>> = serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|e| broken(column, e))?;
    let way = |parts: Vec<Value>| {
        let [account, kind, text, patience @ ..] = parts.as_slice() else { return None };
        Some(Way {
            account: AccountName::new(account.as_str()?),
            address: Address { kind: AddressKind::new(kind.as_str()?), text: text.as_str()?.to_owned() },
            patience: patience.first().and_then(Value::as_u64).map(Duration::from_millis),
        })
    };
    list.into_iter().map(|parts| way(parts).ok_or_else(|| broken(column, "no way"))).collect()
}

/// The first so many columns of a row, as they are.
pub(super) fn values(row: &Row<'_>, count: usize) -> Vec<Stored> {
    (0..count).map(|column| row.get(column).unwrap_or(Stored::Null)).collect()
}

/// The number of a way.
pub(super) fn way(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    usize::try_from(row.get::<_, i64>(column)?).map_err(|e| broken(column, e))
}

pub(super) fn parsed(row: &Row<'_>, column: usize) -> rusqlite::Result<MessageId> {
    row.get_ref(column)?.as_str()?.parse().map_err(|e: ulid::DecodeError| broken(column, e.to_string()))
}

/// What a column can't hold, if this program wrote it.
fn broken(column: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

/// How the characters of a text are meant.
pub(super) fn format(row: &Row<'_>, column: usize) -> rusqlite::Result<TextFormat> {
    Ok(if row.get(column)? { TextFormat::Markup } else { TextFormat::Plain })
}

/// A priority as it is stored.
pub(super) fn rank(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Normal => 1,
        Priority::High => 2,
    }
}

fn priority(rank: i64) -> Priority {
    match rank {
        ..=0 => Priority::Low,
        1 => Priority::Normal,
        2.. => Priority::High,
    }
}

pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_every_format_are_read() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let read = |text: &str| db.query_row("SELECT ?1", [text], |row| ways(row, 0));
        let first = read(r#"[["wa", "phone", "+7900"], ["mail", "email", "a@b"]]"#).unwrap();
        assert_eq!(first.iter().map(|way| way.patience).collect::<Vec<_>>(), [None, None]);
        let patience = Some(Duration::from_millis(90_500));
        let second = vec![Way { patience, ..first[0].clone() }, first[1].clone()];
        assert_eq!(read(&written(&second)).unwrap(), second);
        assert!(read(r#"[["wa", "phone"]]"#).is_err());
    }
}
