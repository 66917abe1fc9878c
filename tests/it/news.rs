//! What providers tell by themselves, and what the outbox makes of it: any order, too early, too late, twice.

use std::time::Duration;

use hookbell::account::{Limits, Rate};
use hookbell::clock::{Clock, Timestamp};
use hookbell::message::delivery::{Class, Delivery, DeliveryState, Form, OnUnknown, Receipt, Report, Scope};
use hookbell::message::news::{Inbound, News, Told};
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Claim, Outbox, Settlement, Terms};

use crate::outbox::{START, account, error, message, recipient, standstill};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct World {
    outbox: Outbox,
    clock: Clock,
    dir: tempfile::TempDir,
    _standstill: std::sync::mpsc::Sender<()>,
}

impl World {
    fn new() -> World {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
        let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
        World { outbox, clock, dir, _standstill: standstill() }
    }

    async fn accept(&self, contact: &str, accounts: &[&str]) -> MessageId {
        let message = message("full", Priority::Normal, self.clock.now(), DAY * 3);
        let id = message.id;
        self.outbox.enqueue(message, vec![recipient(contact, accounts)]).await.unwrap();
        id
    }

    async fn claim(&self, name: &str) -> Claim {
        let terms = Terms { free: 1, limits: Limits::NONE, lease: MINUTE, on_unknown: OnUnknown::Retry };
        let mut claims = self.outbox.claim(&account(name), terms).await.unwrap().claims;
        assert_eq!(claims.len(), 1);
        claims.remove(0)
    }

    async fn settle(&self, claim: Claim, outcome: Result<&str, Class>) -> Delivery {
        let outcome = outcome.map(|id| Receipt { id: Some(id.to_owned()), advice: None }).map_err(error);
        self.outbox.settle(claim, Settlement { outcome, on_unknown: OnUnknown::Retry }).await.unwrap().remove(0)
    }

    /// Accepted by the first account with this receipt.
    async fn sent(&self, accounts: &[&str], receipt: &str) -> MessageId {
        let id = self.accept("ana", accounts).await;
        let claim = self.claim(accounts[0]).await;
        self.settle(claim, Ok(receipt)).await;
        id
    }

    /// How many deliveries stand elsewhere by this report.
    async fn told(&self, name: &str, receipt: &str, report: Report) -> usize {
        self.told_with(name, receipt, None, report).await
    }

    async fn told_with(&self, name: &str, receipt: &str, key: Option<String>, report: Report) -> usize {
        let told = Told { receipt: receipt.to_owned(), key, report, at: self.clock.now() };
        self.outbox.report(&account(name), vec![News::Told(told)]).await.unwrap().changed.len()
    }

    /// Whether it is a message that was not known yet.
    async fn writes(&self, from: &str, id: &str, at: Timestamp) -> bool {
        let window = Some(DAY - 5 * MINUTE);
        let (id, address) = (id.to_owned(), from.to_owned());
        let (kind, text) = ("text".to_owned(), "ok".to_owned());
        let inbound = Inbound { id, address, contact: None, kind, text, at, window };
        !self.outbox.report(&account("a"), vec![News::Inbound(inbound)]).await.unwrap().inbound.is_empty()
    }

    /// Whether the window of a contact is open for the next message to it.
    async fn is_open(&self, contact: &str) -> bool {
        self.accept(contact, &["a"]).await;
        let claim = self.claim("a").await;
        let open = claim.window_open();
        self.settle(claim, Ok("r")).await;
        open
    }

    async fn find(&self, id: MessageId) -> Delivery {
        self.outbox.find(id).await.unwrap().unwrap().deliveries.remove(0).delivery
    }

    fn list(&self, sql: &str) -> Vec<String> {
        let db = rusqlite::Connection::open(self.dir.path().join("outbox.db")).unwrap();
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

fn failed(class: Class) -> Report {
    Report::Failed(error(class))
}

#[tokio::test(start_paused = true)]
async fn reports_come_in_any_order() {
    use DeliveryState::{Delivered, Failed, Queued, Read, Sent};
    use Report::{Delivered as D, Read as R, Sent as S};
    let (no, again) = (failed(Class::Recipient), failed(Class::Fault));
    for (reports, state) in [
        (vec![S], Sent),
        (vec![S, D, R], Read),
        (vec![S, R, D], Read),
        (vec![D, S, R], Read),
        (vec![D, R, S], Read),
        (vec![R, S, D], Read),
        (vec![R, D, S], Read),
        (vec![D, D, S, D], Delivered),
        (vec![R], Read),
        (vec![no.clone()], Failed),
        (vec![no.clone(), S], Failed),
        (vec![no.clone(), D], Delivered),
        (vec![no.clone(), S, R, D], Read),
        (vec![D, no.clone()], Delivered),
        (vec![R, no.clone(), no.clone()], Read),
        (vec![no.clone(), no.clone(), D, no], Delivered),
        (vec![again.clone()], Queued),
        (vec![again.clone(), S, again.clone()], Queued),
        (vec![again, D], Delivered),
    ] {
        let world = World::new();
        let id = world.sent(&["a"], "r1").await;
        for report in reports.clone() {
            world.told("a", "r1", report).await;
        }
        assert_eq!(world.find(id).await.state, state, "{reports:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_report_is_a_row_once() {
    let world = World::new();
    world.sent(&["a"], "r1").await;
    for report in [Report::Delivered, Report::Delivered, Report::Sent, failed(Class::Content)] {
        world.told("a", "r1", report).await;
    }
    let rows = world.list("SELECT class || ' ' || code || ' ' || receipt FROM attempts ORDER BY id");
    assert_eq!(rows, ["accepted  r1", "delivered  r1", "sent  r1", "failed 7 r1"]);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_outruns_its_answer_waits_for_it() {
    for (later, state) in [(MINUTE * 9, DeliveryState::Delivered), (MINUTE * 11, DeliveryState::Sent)] {
        let world = World::new();
        let id = world.accept("ana", &["a"]).await;
        let claim = world.claim("a").await;
        assert_eq!(world.told("a", "r1", Report::Delivered).await, 0);
        assert_eq!(world.told("a", "r1", Report::Sent).await, 0);
        assert_eq!(world.told("b", "r1", Report::Read).await, 0, "another account's");
        tokio::time::advance(later).await;
        world.outbox.sweep().await.unwrap();
        assert_eq!(world.settle(claim, Ok("r1")).await.state, state, "{later:?}");
        assert_eq!(world.find(id).await.state, state);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_outruns_its_answer_keeps_its_class() {
    let wait = Class::Wait { scope: Scope::Recipient, after: Some(MINUTE * 2) };
    for (class, state, form) in [
        (Class::Recipient, DeliveryState::Failed, Form::Best),
        (Class::Form, DeliveryState::Queued, Form::Template),
        (wait, DeliveryState::Queued, Form::Best),
    ] {
        let world = World::new();
        world.accept("ana", &["a"]).await;
        let claim = world.claim("a").await;
        world.told("a", "r1", failed(class)).await;
        let delivery = world.settle(claim, Ok("r1")).await;
        assert_eq!((delivery.state, delivery.form), (state, form), "{class:?}");
        let terms = Terms { free: 1, limits: Limits::NONE, lease: MINUTE, on_unknown: OnUnknown::Retry };
        let next = world.outbox.claim(&account("a"), terms).await.unwrap();
        let wanted = (class == wait).then_some(120);
        let waits = next.next_at.filter(|_| class == wait).map(|at| at.since(world.clock.now()).as_secs());
        assert_eq!((next.claims.len(), waits), (usize::from(class == Class::Form), wanted), "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_so_many_reports_wait() {
    let world = World::new();
    let told = |n: u32| Told { receipt: n.to_string(), key: None, report: Report::Sent, at: START };
    let news = (0..10_050).map(|n| News::Told(told(n))).collect();
    world.outbox.report(&account("a"), news).await.unwrap();
    let parked = world.list("SELECT count(*) || ' ' || min(id) FROM parked_reports");
    assert_eq!(parked, ["10000 51"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_a_way_that_was_left_is_about_that_way() {
    let world = World::new();
    let id = world.sent(&["a", "b"], "r1").await;
    assert_eq!(world.told("a", "r1", failed(Class::Recipient)).await, 1);
    let moved = world.find(id).await;
    assert_eq!((moved.state, moved.way), (DeliveryState::Queued, 1));
    // News of the old way that say nothing about the new one.
    assert_eq!(world.told("a", "r1", Report::Sent).await, 0);
    assert_eq!(world.find(id).await.state, DeliveryState::Queued);
    let claim = world.claim("b").await;
    world.settle(claim, Ok("r1")).await;
    // The same words: but the receipt is of another account.
    world.told("a", "r1", failed(Class::Content)).await;
    assert_eq!(world.find(id).await.state, DeliveryState::Sent);
    assert_eq!(world.told("a", "r1", Report::Delivered).await, 1);
    assert_eq!(world.find(id).await.state, DeliveryState::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_report_is_the_answer_that_was_never_heard() {
    let key = |delivery: &Delivery| Some(delivery.key());
    for (early, report, state) in [
        (true, Report::Sent, DeliveryState::Sent),
        (false, Report::Sent, DeliveryState::Sent),
        (true, Report::Delivered, DeliveryState::Delivered),
        (false, Report::Delivered, DeliveryState::Delivered),
        (false, failed(Class::Recipient), DeliveryState::Failed),
    ] {
        let world = World::new();
        let id = world.accept("ana", &["a"]).await;
        let claim = world.claim("a").await;
        let named = key(claim.delivery());
        if early {
            assert_eq!(world.told_with("a", "r1", named.clone(), report.clone()).await, 0, "its answer may still come");
        }
        world.settle(claim, Err(Class::Unknown)).await;
        if !early {
            assert!(world.told_with("a", "r1", named, report.clone()).await > 0);
        }
        let delivery = world.find(id).await;
        assert_eq!((delivery.state, delivery.possible_duplicate), (state, true), "{report:?}");
        // From now on its receipt is known.
        world.told("a", "r1", Report::Read).await;
        assert_eq!(world.find(id).await.state, DeliveryState::Read);
    }
    let world = World::new();
    let id = world.accept("ana", &["a"]).await;
    let other = Some(format!("{id}-99"));
    assert_eq!(world.told_with("a", "r9", other, Report::Delivered).await, 0, "no such delivery");
    assert_eq!(world.told_with("b", "r9", Some(format!("{id}-1")), Report::Delivered).await, 0, "no way of it");
    assert_eq!(world.find(id).await.state, DeliveryState::Queued);
}

/// What arrived, arrived: it does not go out once more, nor stay at less than that.
#[tokio::test(start_paused = true)]
async fn what_is_told_of_a_try_while_the_next_one_is_under_way_counts_when_that_ends() {
    for second in [Err(Class::Fault), Err(Class::Unknown), Err(Class::Recipient), Ok("r2")] {
        let world = World::new();
        let id = world.accept("ana", &["a"]).await;
        let first = world.claim("a").await;
        let key = Some(first.delivery().key());
        world.settle(first, Err(Class::Unknown)).await;
        tokio::time::advance(MINUTE).await;
        let claim = world.claim("a").await;
        assert_eq!(world.told_with("a", "r1", key.clone(), Report::Delivered).await, 0, "its answer is on its way");
        world.settle(claim, second).await;
        assert_eq!(world.find(id).await.state, DeliveryState::Delivered, "{second:?}");
        world.told_with("a", "r1", key, Report::Sent).await;
        assert_eq!(world.find(id).await.state, DeliveryState::Delivered, "{second:?}");
    }
    // The next one is on the next way.
    let world = World::new();
    let id = world.accept("ana", &["a", "b"]).await;
    let first = world.claim("a").await;
    let key = Some(first.delivery().key());
    world.settle(first, Err(Class::Unknown)).await;
    tokio::time::advance(MINUTE).await;
    let refused = world.claim("a").await;
    world.settle(refused, Err(Class::Recipient)).await;
    let last = world.claim("b").await;
    assert_eq!(world.told_with("a", "r1", key, Report::Delivered).await, 0);
    assert_eq!(world.settle(last, Err(Class::Recipient)).await.state, DeliveryState::Delivered);
    assert_eq!(world.find(id).await.state, DeliveryState::Delivered);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_a_way_that_was_left_waits_for_the_try_under_way() {
    let world = World::new();
    let id = world.sent(&["a", "b"], "r1").await;
    world.accept("ana", &["b"]).await;
    assert_eq!(world.told("a", "r1", failed(Class::Recipient)).await, 1);
    let claim = world.claim("b").await;
    assert_eq!(world.told("a", "r1", Report::Delivered).await, 0);
    // The address is in use until the answer is here.
    assert_eq!(world.find(id).await.state, DeliveryState::Sending);
    let terms = Terms { free: 1, limits: Limits::NONE, lease: MINUTE, on_unknown: OnUnknown::Retry };
    assert_eq!(world.outbox.claim(&account("b"), terms).await.unwrap().claims.len(), 0);
    assert_eq!(world.settle(claim, Err(Class::Fault)).await.state, DeliveryState::Delivered);
    drop(world.claim("b").await);
}

#[tokio::test(start_paused = true)]
async fn what_arrived_by_a_way_before_has_not_failed_by_the_last_one() {
    let world = World::new();
    let id = world.sent(&["a", "b"], "r1").await;
    world.told("a", "r1", failed(Class::Recipient)).await;
    let claim = world.claim("b").await;
    world.told("a", "r1", Report::Delivered).await;
    world.settle(claim, Err(Class::Recipient)).await;
    assert_eq!(world.find(id).await.state, DeliveryState::Delivered);
    assert_eq!(world.list("SELECT cause FROM alarms"), [""; 0], "nobody hears of a failure");
    assert_eq!(world.list("SELECT class FROM attempts ORDER BY id").last().unwrap(), "delivered");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_fails_again_after_the_next_try_is_heard_again() {
    let world = World::new();
    let id = world.sent(&["a"], "item").await;
    for _ in 0..3 {
        tokio::time::advance(MINUTE).await;
        assert_eq!(world.told("a", "item", failed(Class::Fault)).await, 1);
        assert_eq!(world.told("a", "item", failed(Class::Fault)).await, 0, "it repeats itself");
        assert_eq!(world.find(id).await.state, DeliveryState::Queued);
        tokio::time::advance(30 * MINUTE).await;
        let claim = world.claim("a").await;
        world.settle(claim, Ok("item")).await;
    }
    assert_eq!(world.find(id).await.state, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_another_way_lets_all_of_a_text_under_way_go_first() {
    let world = World::new();
    let slow = Rate::per(1, Duration::from_secs(5));
    let limits = Limits { per_recipient: Some(slow), fold_after: 1, ..Limits::NONE };
    let claims = async |name: &str| {
        let terms = Terms { free: 9, limits, lease: MINUTE, on_unknown: OnUnknown::Retry };
        world.outbox.claim(&account(name), terms).await.unwrap().claims
    };
    let accept = async |contact: &str, hook: &str| {
        let mut message = message("full", Priority::Normal, world.clock.now(), DAY);
        message.hook = hook.to_owned();
        world.outbox.enqueue(message, vec![recipient(contact, &["a", "b"])]).await.unwrap();
    };
    accept("ana", "first").await;
    world.settle(claims("a").await.remove(0), Ok("r1")).await;
    for hook in ["disk", "load", "swap"] {
        accept("ana", hook).await;
    }
    accept("bo", "disk").await;
    tokio::time::advance(Duration::from_secs(6)).await;
    let mut under_way = claims("a").await;
    assert_eq!(under_way.iter().map(|claim| claim.folded().count()).collect::<Vec<_>>(), [2, 0]);
    world.settle(under_way.remove(1), Err(Class::Account)).await;
    let of_bo = claims("b").await.remove(0);
    world.settle(of_bo, Ok("r2")).await;
    // Its own account is out of order, so that it begins on the other way; and its sort is the last of those in the text.
    accept("ana", "swap").await;
    assert_eq!(claims("b").await.len(), 0);
    world.settle(under_way.remove(0), Ok("r3")).await;
    assert_eq!(claims("b").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_longer_hold_of_an_address_counts() {
    let world = World::new();
    world.sent(&["a"], "r1").await;
    world.accept("ana", &["a"]).await;
    let claim = world.claim("a").await;
    let hold = |after: Option<Duration>| Class::Wait { scope: Scope::Recipient, after };
    assert_eq!(world.told("a", "r1", failed(hold(Some(60 * MINUTE)))).await, 1);
    world.settle(claim, Err(hold(None))).await;
    tokio::time::advance(30 * MINUTE).await;
    let terms = || Terms { free: 1, limits: Limits::NONE, lease: MINUTE, on_unknown: OnUnknown::Retry };
    assert_eq!(world.outbox.claim(&account("a"), terms()).await.unwrap().claims.len(), 0);
    tokio::time::advance(30 * MINUTE).await;
    drop(world.claim("a").await);
}

#[tokio::test(start_paused = true)]
async fn a_closed_window_told_late_turns_the_text_into_the_template_once() {
    let world = World::new();
    world.writes("ana", "m1", START).await;
    let id = world.sent(&["a"], "r1").await;
    assert_eq!(world.told("a", "r1", failed(Class::Form)).await, 1);
    assert_eq!(world.told("a", "r1", failed(Class::Form)).await, 0, "Meta repeats itself");
    let claim = world.claim("a").await;
    assert_eq!((claim.delivery().form, claim.delivery().tries), (Form::Template, 0));
    assert!(!claim.window_open(), "and it is known now");
    // Nothing that is told of the text is about the template, whose answer is not here yet.
    assert_eq!(world.told("a", "r1", failed(Class::Form)).await, 0);
    world.settle(claim, Ok("r2")).await;
    assert_eq!(world.told("a", "r1", failed(Class::Form)).await, 0);
    assert_eq!(world.find(id).await.state, DeliveryState::Sent);
    assert_eq!(world.told("a", "r2", failed(Class::Form)).await, 1);
    assert_eq!(world.find(id).await.state, DeliveryState::Failed, "once");
}

#[tokio::test(start_paused = true)]
async fn one_receipt_may_be_of_several_deliveries() {
    let world = World::new();
    let ids = [world.sent(&["a"], "r1").await, world.sent(&["a"], "r1").await];
    assert_eq!(world.told("a", "r1", Report::Delivered).await, 2);
    for id in ids {
        assert_eq!(world.find(id).await.state, DeliveryState::Delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_opens_the_window_for_a_day_less_five_minutes() {
    let world = World::new();
    assert!(!world.is_open("+5215512345678").await);
    assert!(world.writes("+525512345678", "m1", START).await);
    assert!(world.is_open("+5215512345678").await, "one line, two spellings");
    assert!(!world.is_open("+5215512345679").await, "somebody else");
    // What comes twice is known, and what comes late shortens nothing.
    assert!(!world.writes("+525512345678", "m1", START).await);
    assert!(world.writes("+525512345678", "m0", Timestamp::from_millis(START.millis() - 3_600_000)).await);
    tokio::time::advance(DAY - 6 * MINUTE).await;
    assert!(world.is_open("+5215512345678").await);
    tokio::time::advance(MINUTE).await;
    assert!(!world.is_open("+5215512345678").await);
    world.outbox.sweep().await.unwrap();
    assert_eq!(world.list("SELECT address FROM windows"), [""; 0]);
    // A message that took a day to come opens nothing; one from the future no more than one of now.
    world.writes("+525512345678", "m2", START).await;
    assert!(!world.is_open("+5215512345678").await);
    world.writes("+525512345678", "m3", world.clock.now().plus(DAY)).await;
    tokio::time::advance(DAY - 5 * MINUTE).await;
    assert!(!world.is_open("+5215512345678").await);
    assert_eq!(world.list("SELECT provider_id FROM inbound ORDER BY id"), ["m1", "m0", "m2", "m3"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_closes_the_window_and_a_set_clock_does_not() {
    let world = World::new();
    world.writes("ana", "m1", START).await;
    world.clock.set_by(2 * 24 * 60 * 60 * 1000);
    assert!(world.is_open("ana").await, "no time has passed");
    world.accept("ana", &["a"]).await;
    let claim = world.claim("a").await;
    world.settle(claim, Err(Class::Form)).await;
    let claim = world.claim("a").await;
    assert!(!claim.window_open());
}
