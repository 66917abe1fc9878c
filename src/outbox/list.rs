//! What an operator asks for: lists with filters, one message with its tries, the state of the accounts.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::error::OutboxError;
use super::reader::{Reader, View};
use super::refused::Refused;
use super::rows;
use super::status::{self, MessageStatus};
use super::writer::prepare;
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::message::MessageId;
use crate::message::delivery::{Delivery, DeliveryId, DeliveryState};

/// Places in the order of acceptance that one list looks at: a filter that fits hardly any must not take for ever. Whoever
/// wants more goes on where it ended.
const LOOKED_AT: i64 = 100_000;

/// Which deliveries a list has; the newest come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this hook.
    pub hook: Option<String>,
    /// To this contact.
    pub contact: Option<String>,
    /// On a way by this account.
    pub account: Option<String>,
    /// Accepted then or later.
    pub since: Option<Timestamp>,
    /// Accepted before.
    pub until: Option<Timestamp>,
    /// Older in the order of acceptance than this one.
    pub before: Option<DeliveryId>,
    /// How many at most.
    pub limit: u32,
}

/// A piece of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The deliveries, the newest first, each with how often it was tried.
    pub deliveries: Vec<(Delivery, u32)>,
    /// Where the next piece begins; none: this was the last.
    pub next: Option<DeliveryId>,
}

/// One try of a delivery, or its end without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Of which.
    pub delivery: DeliveryId,
    /// By which account.
    pub account: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// `accepted`, a class of failure, `expired` or `canceled`.
    pub class: String,
    /// The provider's own code; may be empty.
    pub code: String,
    /// What happened, in words.
    pub detail: String,
}

/// What a beginning of an id stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// This message.
    One(MessageId),
    /// None.
    Nothing,
    /// Several.
    Several,
}

/// How an account stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Its name.
    pub account: AccountName,
    /// Deliveries that wait.
    pub queued: i64,
    /// Tries under way.
    pub sending: i64,
    /// Whether it is no longer in the configuration.
    pub missing: bool,
    /// Until when nothing goes by it, if it is held.
    pub held_until: Option<Timestamp>,
    /// Since when it is out of order and why, if its breaker is open; `held_until` is then the time of the next probe.
    pub broken: Option<(Timestamp, String)>,
    /// When its provider last took a message.
    pub sent_at: Option<Timestamp>,
}

impl Reader {
    /// A piece of the list of deliveries.
    pub fn list(&self, filter: &Filter) -> Result<Listed, OutboxError> {
        self.look(|view| list(view, filter))
    }

    /// The message whose id begins so.
    pub fn named(&self, beginning: &str) -> Result<Named, OutboxError> {
        self.look(|view| named(view, beginning))
    }

    /// A message, where it stands at `now`, and all its tries in their order.
    pub fn show(&self, id: MessageId, now: Timestamp) -> Result<Option<(MessageStatus, Vec<Attempt>)>, OutboxError> {
        self.look(|view| {
            let Some(status) = status::find(view.db, now, id)? else { return Ok(None) };
            let mut attempts = Vec::new();
            for row in &status.deliveries {
                attempts.extend(of_delivery(view, row.delivery.id)?);
            }
            Ok(Some((status, attempts)))
        })
    }

    /// The last calls that were refused, the newest first.
    pub fn refused(&self, limit: u32) -> Result<Vec<Refused>, OutboxError> {
        self.look(|view| refused(view, limit))
    }

    /// How every account stands that ever was configured.
    pub fn accounts(&self, now: Timestamp) -> Result<Vec<AccountState>, OutboxError> {
        self.look(|view| accounts(view.db, now))
    }
}

fn list(view: &View<'_>, filter: &Filter) -> Result<Listed, OutboxError> {
    const SQL: &str = concat!(
        "SELECT ",
        rows::delivery_columns!(),
        ", a.broken_why FROM deliveries d JOIN messages m ON m.seq = d.message
             LEFT JOIN accounts a ON a.account = d.account WHERE d.id >= :lowest AND d.id < :before
             AND (:state IS NULL OR d.state = :state) AND (:hook IS NULL OR d.hook = :hook)
             AND (:contact IS NULL OR d.contact = :contact) AND (:account IS NULL OR d.account = :account)
             AND d.accepted_at >= :since AND d.accepted_at < :until ORDER BY d.id DESC LIMIT :limit"
    );
    let nothing = Listed { deliveries: Vec::new(), next: None };
    let Some((first, last)) = ends(view)? else { return Ok(nothing) };
    let first = filter.since.map_or(Ok(Some(first)), |since| first_since(view, since))?;
    let Some(first) = first else { return Ok(nothing) };
    let after = filter.until.map_or(Ok(None), |until| first_since(view, until))?.unwrap_or(last.saturating_add(1));
    let before = filter.before.map_or(after, |id| id.0.min(after));
    let lowest = first.max(before.saturating_sub(LOOKED_AT));
    let mut statement = view.prepare(SQL)?;
    let given = named_params! {
        ":lowest": lowest, ":before": before, ":state": filter.state.map(DeliveryState::as_str), ":hook": filter.hook,
        ":contact": filter.contact, ":account": filter.account, ":limit": filter.limit,
        ":since": filter.since.map_or(i64::MIN, Timestamp::millis),
        ":until": filter.until.map_or(i64::MAX, Timestamp::millis),
    };
    let tries = |fence| u32::try_from(fence).unwrap_or(u32::MAX);
    let read = |row: &Row<'_>| {
        let leased = rows::delivery(row)?;
        Ok((status::with_reason(leased.delivery, row.get("broken_why")?), tries(leased.fence)))
    };
    let deliveries: Vec<(Delivery, u32)> = statement.query_map(given, read)?.collect::<Result<_, _>>()?;
    let is_full = u32::try_from(deliveries.len()).is_ok_and(|count| count == filter.limit);
    let ended_at = deliveries.last().filter(|_| is_full).map_or(lowest, |(delivery, _)| delivery.id.0);
    Ok(Listed { deliveries, next: Some(DeliveryId(ended_at)).filter(|_| ended_at > first) })
}

/// The first and the last place there is.
fn ends(view: &View<'_>) -> Result<Option<(i64, i64)>, OutboxError> {
    let first: Option<i64> = view.prepare("SELECT min(id) FROM deliveries")?.query_row([], |row| row.get(0))?;
    let last: Option<i64> = view.prepare("SELECT max(id) FROM deliveries")?.query_row([], |row| row.get(0))?;
    Ok(first.zip(last))
}

/// The place of the first delivery accepted then or later, found by the time in the messages' ids.
fn first_since(view: &View<'_>, since: Timestamp) -> Result<Option<i64>, OutboxError> {
    let id = MessageId::new(since, [0; 10]).to_string();
    let sql = "SELECT seq FROM messages WHERE id >= ?1 ORDER BY id LIMIT 1";
    let seq: Option<i64> = view.prepare(sql)?.query_row([id], |row| row.get(0)).optional()?;
    let Some(seq) = seq else { return Ok(None) };
    Ok(view.prepare("SELECT min(id) FROM deliveries WHERE message = ?1")?.query_row([seq], |row| row.get(0))?)
}

fn named(view: &View<'_>, beginning: &str) -> Result<Named, OutboxError> {
    let beginning = beginning.to_ascii_uppercase();
    // No character of an id comes after this one.
    let end = format!("{beginning}~");
    let mut statement = view.prepare("SELECT id FROM messages WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 2")?;
    let found = statement.query_map([beginning, end], |row| rows::parsed(row, 0))?;
    Ok(match found.collect::<Result<Vec<_>, _>>()?.as_slice() {
        [] => Named::Nothing,
        [id] => Named::One(*id),
        _ => Named::Several,
    })
}

fn of_delivery(view: &View<'_>, id: DeliveryId) -> Result<Vec<Attempt>, OutboxError> {
    let sql = "SELECT account, started_at, ended_at, class, code, detail FROM attempts WHERE delivery = ?1 ORDER BY id";
    let read = |row: &Row<'_>| {
        Ok(Attempt {
            delivery: id,
            account: row.get(0)?,
            started_at: Timestamp::from_millis(row.get(1)?),
            ended_at: Timestamp::from_millis(row.get(2)?),
            class: row.get(3)?,
            code: row.get(4)?,
            detail: row.get(5)?,
        })
    };
    let mut statement = view.prepare(sql)?;
    let found = statement.query_map([id.0], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

fn refused(view: &View<'_>, limit: u32) -> Result<Vec<Refused>, OutboxError> {
    let sql = "SELECT at, hook, address, status, reason, untold FROM refused WHERE id > 0 ORDER BY id DESC LIMIT ?1";
    let read = |row: &Row<'_>| {
        Ok(Refused {
            at: Timestamp::from_millis(row.get(0)?),
            hook: row.get(1)?,
            address: row.get(2)?,
            status: row.get(3)?,
            reason: row.get(4)?,
            untold: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
        })
    };
    let mut statement = view.prepare(sql)?;
    let found = statement.query_map(params![limit], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

pub(super) fn accounts(db: &Connection, now: Timestamp) -> Result<Vec<AccountState>, OutboxError> {
    let sql = "SELECT account, queued, sending, missing, hold_until, broken_since, broken_why, sent_at FROM accounts";
    let read = |row: &Row<'_>| {
        Ok(AccountState {
            account: AccountName::new(row.get_ref(0)?.as_str()?),
            queued: row.get(1)?,
            sending: row.get(2)?,
            missing: row.get(3)?,
            held_until: Some(Timestamp::from_millis(row.get(4)?)).filter(|until| *until > now),
            broken: match row.get::<_, Option<i64>>(5)? {
                Some(since) => {
                    Some((Timestamp::from_millis(since), row.get::<_, Option<String>>(6)?.unwrap_or_default()))
                }
                None => None,
            },
            sent_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_millis),
        })
    };
    let mut statement = prepare(db, sql)?;
    let found = statement.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}
