//! What patience brings about: deliveries leave ways that hold them too long, or can't send soon enough.

use rusqlite::{Row, params};

use super::attempts::Entry;
use super::error::OutboxError;
use super::queue::{self, SWEEP, Swept, ids};
use super::writer::Pen;
use super::{breaker, rows, void};
use crate::clock::Timestamp;
use crate::message::delivery::{DeliveryId, DeliveryState, Event};

/// Later than everything.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// An account by which nothing goes for now, or that others may have waited for.
struct Troubled {
    account: String,
    missing: bool,
    is_broken: bool,
    hold_until: i64,
    look_from: Option<i64>,
    is_idle: bool,
}

impl Swept {
    /// Lets `event` happen to these; yields how many changed their way.
    fn let_happen(&mut self, pen: &Pen<'_>, found: &[DeliveryId], event: &Event) -> Result<usize, OutboxError> {
        self.more |= i64::try_from(found.len()).is_ok_and(|count| count >= SWEEP);
        let mut moved = 0;
        for id in found {
            let Some(before) = rows::read(pen, *id)? else { continue };
            let after = queue::change(pen, &before, event.clone(), 0.0)?.delivery;
            let was_sent = before.delivery.state == DeliveryState::Sent && after.state != DeliveryState::Sent;
            moved += usize::from(after.way != before.delivery.way);
            if was_sent || after.has_failed() {
                let class = if was_sent { "silence" } else { after.state.as_str() };
                Entry { detail: after.reason.as_deref().unwrap_or_default(), ..Entry::of(pen, &before, class) }
                    .write(pen)?;
            }
            if after.has_failed() {
                self.ended.push(after);
            }
        }
        Ok(moved)
    }
}

/// Does what only time brings about, for all accounts: what `queue::sweep` does, takes back what devices leased and never
/// answered, and moves on whatever its way holds for too long, or can't send soon enough, as far as another is open.
pub(super) fn sweep(pen: &Pen<'_>) -> Result<Swept, OutboxError> {
    let mut moves = queue::sweep(pen)?;
    let run_out = void::run_out(pen)?;
    moves.more |= run_out.more;
    moves.ended.extend(run_out.ended);
    for state in [DeliveryState::Queued, DeliveryState::Sent] {
        let over = "SELECT d.id FROM accounts CROSS JOIN deliveries d
                    WHERE d.account = accounts.account AND d.state = ?1 AND d.patience_until <= ?2 LIMIT ?3";
        let over = ids(pen, over, params![state.as_str(), pen.now.millis(), SWEEP])?;
        moves.let_happen(pen, &over, &Event::PatienceOver)?;
    }
    for troubled in troubled(pen)? {
        leave(pen, &troubled, &mut moves)?;
        look(pen, &troubled, &mut moves)?;
        probe_if_idle(pen, &troubled, &mut moves)?;
    }
    leave_addresses(pen, &mut moves)?;
    Ok(moves)
}

fn troubled(pen: &Pen<'_>) -> Result<Vec<Troubled>, OutboxError> {
    let sql = "SELECT account, missing, broken_since IS NOT NULL, hold_until, look_from, queued = 0 AND sending = 0
               FROM accounts WHERE missing OR broken_since IS NOT NULL OR hold_until > ?1 OR look_from IS NOT NULL";
    let read = |row: &Row<'_>| {
        Ok(Troubled {
            account: row.get(0)?,
            missing: row.get(1)?,
            is_broken: row.get(2)?,
            hold_until: row.get(3)?,
            look_from: row.get(4)?,
            is_idle: row.get(5)?,
        })
    };
    let mut statement = pen.prepare(sql)?;
    let found = statement.query_map([pen.now.millis()], read)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Whoever is less patient than the account is in trouble.
fn leave(pen: &Pen<'_>, troubled: &Troubled, moves: &mut Swept) -> Result<(), OutboxError> {
    let is_held = troubled.hold_until > pen.now.millis();
    let (event, until) = match troubled {
        Troubled { missing: true, .. } => (Event::NoAccount, NEVER),
        // While its probe is due, whoever is next is the probe.
        _ if !is_held => return Ok(()),
        Troubled { is_broken: true, .. } => (Event::MustWait(NEVER), NEVER),
        _ => {
            let until = Timestamp::from_millis(troubled.hold_until);
            (Event::MustWait(until), until)
        }
    };
    let sql = "SELECT id FROM deliveries WHERE account = ?1 AND state = 'queued' AND patience_until < ?2
               ORDER BY patience_until LIMIT ?3";
    let found = ids(pen, sql, params![troubled.account, until.millis(), SWEEP])?;
    moves.let_happen(pen, &found, &event)?;
    Ok(())
}

/// Some other account is open again: its overdue ones may go there.
fn look(pen: &Pen<'_>, troubled: &Troubled, moves: &mut Swept) -> Result<(), OutboxError> {
    let Some(from) = troubled.look_from else { return Ok(()) };
    let found = overdue(pen, &troubled.account, from)?;
    moves.let_happen(pen, &found, &Event::WayOpened)?;
    let is_last = i64::try_from(found.len()).is_ok_and(|count| count < SWEEP);
    let next = found.last().filter(|_| !is_last).map(|last| last.0.saturating_add(1));
    pen.prepare("UPDATE accounts SET look_from = ?2 WHERE account = ?1")?.execute(params![troubled.account, next])?;
    Ok(())
}

fn overdue(pen: &Pen<'_>, account: &str, from: i64) -> Result<Vec<DeliveryId>, OutboxError> {
    let sql = "SELECT id FROM deliveries WHERE account = ?1 AND state = 'queued' AND ways_left > 0
                   AND patience_until IS NULL AND id >= ?2 ORDER BY id LIMIT ?3";
    ids(pen, sql, params![account, from, SWEEP])
}

/// A broken account that nothing waits for any more would never be probed: one that is overdue elsewhere tries it.
fn probe_if_idle(pen: &Pen<'_>, troubled: &Troubled, moves: &mut Swept) -> Result<(), OutboxError> {
    let Troubled { account, is_broken: true, is_idle: true, missing: false, hold_until, .. } = troubled else {
        return Ok(());
    };
    if *hold_until > pen.now.millis() {
        return Ok(());
    }
    let mut statement = pen.prepare("SELECT account FROM accounts WHERE queued > 0")?;
    let others: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut asked = false;
    for other in others {
        for id in overdue(pen, &other, 0)? {
            asked = true;
            if moves.let_happen(pen, &[id], &Event::WayOpened)? > 0 {
                return Ok(());
            }
        }
    }
    // None of the first ones has it among its ways: that need not be found out again at once.
    if asked { breaker::put_off(pen, account) } else { Ok(()) }
}

/// Addresses whose next delivery must wait longer than it would.
fn leave_addresses(pen: &Pen<'_>, moves: &mut Swept) -> Result<(), OutboxError> {
    let mut statement =
        pen.prepare("SELECT account, address FROM address_queue WHERE impatient IS NOT NULL LIMIT ?1")?;
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let places: Vec<_> = statement.query_map([SWEEP], read)?.collect::<Result<_, _>>()?;
    moves.more |= !places.is_empty();
    for (account, address) in &places {
        queue::refresh(pen, account, address)?;
        let sql = "SELECT impatient FROM address_queue WHERE account = ?1 AND address = ?2 AND impatient IS NOT NULL";
        let found = ids(pen, sql, params![account, address])?;
        moves.let_happen(pen, &found, &Event::MustWait(NEVER))?;
    }
    Ok(())
}

/// When `sweep` has something to do next.
pub(super) fn next_sweep(pen: &Pen<'_>) -> Result<Option<i64>, OutboxError> {
    let mut next = queue::next_sweep(pen)?.into_iter().chain(void::next_run_out(pen)?).min();
    for state in [DeliveryState::Queued, DeliveryState::Sent] {
        let sql = "SELECT min((SELECT min(patience_until) FROM deliveries d WHERE d.account = accounts.account
                       AND d.state = ?1 AND d.patience_until IS NOT NULL)) FROM accounts";
        let first: Option<i64> = pen.prepare(sql)?.query_row([state.as_str()], |row| row.get(0))?;
        next = next.into_iter().chain(first).min();
    }
    if has_more(pen)? {
        return Ok(Some(pen.now.millis()));
    }
    let sql = "SELECT min(hold_until) FROM accounts WHERE broken_since IS NOT NULL AND hold_until > ?1 AND queued = 0";
    let probe: Option<i64> = pen.prepare(sql)?.query_row([pen.now.millis()], |row| row.get(0))?;
    Ok(next.into_iter().chain(probe).min())
}

/// Whether a sweep would find something now, besides whose patience is over.
fn has_more(pen: &Pen<'_>) -> Result<bool, OutboxError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM address_queue WHERE impatient IS NOT NULL)
               OR EXISTS (SELECT 1 FROM accounts WHERE look_from IS NOT NULL)
               OR EXISTS (SELECT 1 FROM accounts WHERE (missing OR hold_until > ?1)
                   AND (SELECT min(patience_until) FROM deliveries d WHERE d.account = accounts.account
                       AND d.state = 'queued' AND d.patience_until IS NOT NULL)
                       < iif(missing OR broken_since IS NOT NULL, ?2, hold_until))";
    Ok(pen.prepare(sql)?.query_row([pen.now.millis(), NEVER.millis()], |row| row.get(0))?)
}
