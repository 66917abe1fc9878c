//! When the clock is set: what is queued keeps its waits and its time to live, as if nothing had happened.

use std::time::Duration;

use rusqlite::{Connection, params};
use tokio::time::Instant;

use crate::clock::Timestamp;
use crate::message::retry;
use crate::message::ways::DEFAULT_PATIENCE;

/// A difference of so many milliseconds between the time of day and the time that passed is a step; less is drift, and
/// does no harm.
const STEP: i64 = 10_000;

/// A moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The time of day, which can be set.
    pub(super) now: Timestamp,
    /// The time that passes.
    pub(super) steady: Instant,
}

/// What the writer knows of the clock.
#[derive(Default)]
pub(super) struct Steps {
    last: Option<Moment>,
}

impl Steps {
    /// Follows the clock. Should it have been set since the last call, all times that still count move with it; at the
    /// first call it may have been set back while nobody looked.
    pub(super) fn follow(&mut self, db: &Connection, moment: Moment) -> rusqlite::Result<()> {
        match self.last {
            None => mend(db, moment.now)?,
            Some(last) => match step(last, moment) {
                // Drift adds up, so that `last` stays.
                by if by.abs() < STEP => return Ok(()),
                by => shift(db, by)?,
            },
        }
        self.last = Some(moment);
        Ok(())
    }
}

impl Steps {
    /// Whether the clock was set since it was followed.
    pub(super) fn lie_between(&self, moment: Moment) -> bool {
        self.last.is_some_and(|last| step(last, moment).abs() >= STEP)
    }
}

/// By how many milliseconds the clock was set between two moments.
fn step(last: Moment, moment: Moment) -> i64 {
    let passed = moment.now.millis().saturating_sub(last.now.millis());
    let steady = match moment.steady.checked_duration_since(last.steady) {
        Some(later) => millis(later),
        // Calls overtake each other a little.
        None => -millis(last.steady.duration_since(moment.steady)),
    };
    passed.saturating_sub(steady)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn shift(db: &Connection, by: i64) -> rusqlite::Result<()> {
    tracing::warn!(seconds = by / 1000, "the clock was set: what waits moves with it");
    let all = db.unchecked_transaction()?;
    all.execute(
        "UPDATE deliveries SET due_at = due_at + ?1, expires_at = expires_at + ?1, first_failed_at = first_failed_at + ?1,
             moved_at = moved_at + ?1, leased_at = leased_at + ?1, leased_until = leased_until + ?1
         WHERE state IN ('queued', 'sending')",
        [by],
    )?;
    // One that was sent and is still waited for may go another way.
    all.execute(
        "UPDATE deliveries SET expires_at = expires_at + ?1 WHERE state = 'sent' AND patience_until IS NOT NULL",
        [by],
    )?;
    all.execute("UPDATE deliveries SET patience_until = patience_until + ?1 WHERE patience_until IS NOT NULL", [by])?;
    all.execute("UPDATE alarms SET quiet_until = quiet_until + ?1", [by])?;
    all.execute(
        "UPDATE address_queue SET ready_at = ready_at + ?1, hold_until = hold_until + ?1, tat = tat + ?1 * 1000,
             limited_until = limited_until + ?1",
        [by],
    )?;
    all.execute("UPDATE once SET expires_at = expires_at + ?1", [by])?;
    all.execute(
        "UPDATE accounts SET hold_until = hold_until + ?1, asked_until = asked_until + ?1, held_at = held_at + ?1,
             tat = tat + ?1 * 1000",
        [by],
    )?;
    all.execute(
        "UPDATE canaries SET next_at = next_at + ?1, sent_at = sent_at + ?1, back_by = back_by + ?1,
             back_at = back_at + ?1, lost_since = lost_since + ?1",
        [by],
    )?;
    all.execute(
        "UPDATE expected_calls SET called_at = called_at + ?1, due_at = due_at + ?1, silent_since = silent_since + ?1",
        [by],
    )?;
    all.execute("UPDATE windows SET open_until = open_until + ?1", [by])?;
    all.execute("UPDATE parked_reports SET parked_at = parked_at + ?1", [by])?;
    // By these the next start tells whether the clock was set back meanwhile.
    all.execute(
        "UPDATE messages SET accepted_at = accepted_at + ?1, expires_at = expires_at + ?1 WHERE seq = (SELECT max(seq) FROM messages)",
        [by],
    )?;
    all.execute("UPDATE attempts SET ended_at = ended_at + ?1 WHERE id = (SELECT max(id) FROM attempts)", [by])?;
    all.commit()
}

/// After a start: nothing waits for a time that is only so far off because the clock was ahead when it was written. What
/// expires stays as it is: how long the daemon was away, nobody knows.
fn mend(db: &Connection, now: Timestamp) -> rusqlite::Result<()> {
    let newest = "SELECT max(coalesce((SELECT accepted_at FROM messages ORDER BY seq DESC LIMIT 1), 0),
                             coalesce((SELECT ended_at FROM attempts ORDER BY id DESC LIMIT 1), 0))";
    let ahead = db.query_row(newest, [], |row| row.get::<_, i64>(0))?.saturating_sub(now.millis());
    if ahead < STEP {
        return Ok(());
    }
    tracing::warn!(seconds = ahead / 1000, "the clock was set back since the last run: nothing waits for the old time");
    let soon = now.plus(retry::HOLDS_OTHERS_FOR).millis();
    let all = db.unchecked_transaction()?;
    all.execute(
        "UPDATE deliveries SET due_at = min(due_at, ?1), first_failed_at = min(first_failed_at, ?1),
             moved_at = min(moved_at, ?1) WHERE state IN ('queued', 'sending')",
        [now.millis()],
    )?;
    // A device that holds one may still say what became of it.
    all.execute("UPDATE deliveries SET leased_until = min(leased_until, ?1) WHERE state = 'sending'", [now.millis()])?;
    let patience = now.plus(DEFAULT_PATIENCE).millis();
    all.execute(
        "UPDATE deliveries SET patience_until = min(patience_until, ?1) WHERE patience_until > ?1",
        [patience],
    )?;
    all.execute("UPDATE alarms SET quiet_until = min(quiet_until, ?1)", [patience])?;
    all.execute(
        "UPDATE address_queue SET ready_at = min(ready_at, ?1), hold_until = min(hold_until, ?2),
             tat = min(tat, ?1 * 1000), limited_until = min(limited_until, ?1)",
        params![now.millis(), soon],
    )?;
    all.execute(
        "UPDATE accounts SET hold_until = min(hold_until, ?2), asked_until = min(asked_until, ?2),
             held_at = min(held_at, ?1), tat = min(tat, ?1 * 1000)",
        params![now.millis(), soon],
    )?;
    // Else what was said once would not be said again for as long as that clock was ahead.
    all.execute("UPDATE once SET expires_at = expires_at - ?1", [ahead])?;
    // Opened by a clock that was ahead: by how much, nobody knows. A closed one costs a template, an open one a refusal.
    all.execute("DELETE FROM windows", [])?;
    all.execute("UPDATE parked_reports SET parked_at = min(parked_at, ?1)", [now.millis()])?;
    all.commit()
}
