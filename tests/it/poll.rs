//! Providers that are asked for their news: in which order, how often, and what of it concerns sending. On paused time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookbell::account::{AccountName, Address, AddressKind};
use hookbell::clock::{Clock, Timestamp};
use hookbell::contact::{Contact, Directory};
use hookbell::dispatch::Dispatcher;
use hookbell::dispatch::carry::{BoxFuture, Carry};
use hookbell::message::Priority;
use hookbell::message::delivery::{Class, DeliveryState, Receipt, SendError};
use hookbell::message::news::{Inbound, News};
use hookbell::outbox::Outbox;
use hookbell::provider::poll::{Poll, Polled, Round};
use hookbell::provider::{Account, Answer, Command, Next, Outgoing, Provider, Request, Transport};
use hookbell::tasks::Tasks;

use crate::outbox::{START, account, error, message, opened_with, plain, recipient, standstill};

/// Asks `ask SINCE`, is told the ids of messages, and then says `receipt IDS`. Sends a text as `send TEXT`.
struct Oracle;

fn run(words: String) -> Request {
    Request::Exec(Command { argv: vec![words], stdin: Vec::new() })
}

impl Provider for Oracle {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        if answers.is_empty() {
            return Ok(Next::Ask(run(format!("send {}", out.text))));
        }
        Ok(Next::Done(Receipt { id: Some("r1".to_owned()), advice: None }))
    }

    fn poll(&self) -> Option<&dyn Poll> {
        Some(self)
    }
}

impl Poll for Oracle {
    fn poll(&self, since: Option<&str>, now: Timestamp, answers: &[Answer]) -> Result<Polled, SendError> {
        let Some(Answer::Exec { output, .. }) = answers.last() else {
            return Ok(Polled::Ask(run(format!("ask {}", since.unwrap_or("-")))));
        };
        assert_ne!(output, "panic", "as the test wants it");
        let news = output.split_whitespace().map(|id| {
            let (id, address, kind) = (id.to_owned(), "42".to_owned(), "text".to_owned());
            News::Inbound(Inbound { id, address, contact: None, kind, text: "ok".to_owned(), at: now, window: None })
        });
        let receipt = (!output.is_empty()).then(|| run(format!("receipt {output}")));
        let since = output.split_whitespace().last().or(since).map(str::to_owned);
        Ok(Polled::Heard(Round { news: news.collect(), receipt, since, rest: Duration::ZERO }))
    }
}

/// What the world answers, and after how long: by how often the same was said before.
type Script = Arc<dyn Fn(&str, usize) -> (Duration, Result<String, Class>) + Send + Sync>;

#[derive(Clone)]
struct Wire {
    script: Script,
    clock: Clock,
    carried: Arc<Mutex<Vec<(u64, String)>>>,
    asking: Arc<AtomicUsize>,
}

/// Counts down when the question ends, or is dropped.
struct Asking(Arc<AtomicUsize>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Carry for Wire {
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(async move {
            let Request::Exec(Command { argv, .. }) = request else { panic!("only commands here") };
            let (words, now) = (argv[0].clone(), self.clock.now().since(START).as_millis() as u64);
            let before = {
                let mut carried = self.carried.lock().unwrap();
                carried.push((now, words.clone()));
                carried.iter().filter(|(_, other)| *other == words).count() - 1
            };
            let _asking = words.starts_with("ask").then(|| {
                assert_eq!(self.asking.fetch_add(1, Ordering::SeqCst), 0, "two ask at a time");
                Asking(Arc::clone(&self.asking))
            });
            let (takes, answer) = (self.script)(&words, before);
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            Ok(Answer::Exec { code: Some(0), output: answer.map_err(error)? })
        })
    }
}

struct World {
    outbox: Outbox,
    clock: Clock,
    dispatcher: Dispatcher,
    wire: Wire,
    dir: tempfile::TempDir,
    _standstill: std::sync::mpsc::Sender<()>,
}

fn asked(fingerprint: u64) -> BTreeMap<AccountName, Arc<Account>> {
    let made = Account { fingerprint, ..plain("a", "oracle", Box::new(Oracle)) };
    BTreeMap::from([(account("a"), Arc::new(made))])
}

impl World {
    fn new(script: impl Fn(&str, usize) -> (Duration, Result<String, Class>) + Send + Sync + 'static) -> World {
        World::within(tempfile::tempdir().unwrap(), script)
    }

    fn within(
        dir: tempfile::TempDir,
        script: impl Fn(&str, usize) -> (Duration, Result<String, Class>) + Send + Sync + 'static,
    ) -> World {
        let clock = Clock::following_runtime(START);
        let outbox = opened_with(dir.path(), &clock);
        let (carried, asking) = Default::default();
        let wire = Wire { script: Arc::new(script), clock: clock.clone(), carried, asking };
        let carrier = wire.clone();
        let carriers = Arc::new(move |_: &Transport| Arc::new(carrier.clone()) as Arc<dyn Carry>);
        let mut dispatcher = Dispatcher::start(outbox.clone(), clock.clone(), &Tasks::new(), carriers);
        let ivan = Contact {
            name: "ivan".to_owned(),
            addresses: vec![Address { kind: AddressKind::new("telegram"), text: "42".to_owned() }],
            via: Vec::new(),
        };
        let contacts = BTreeMap::from([("ivan".to_owned(), ivan)]);
        dispatcher.knows(Arc::new(Directory { contacts, ..Directory::default() }));
        dispatcher.reconcile(&asked(1));
        World { outbox, clock, dispatcher, wire, dir, _standstill: standstill() }
    }

    /// Lets everybody do what they can without time passing.
    async fn settled(&self) {
        for _ in 0..12 {
            self.outbox.next_sweep().await.ok();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.settled().await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        self.settled().await;
    }

    fn carried(&self) -> Vec<String> {
        self.wire.carried.lock().unwrap().iter().map(|(_, words)| words.clone()).collect()
    }

    /// When something was asked, in milliseconds.
    fn asked_at(&self) -> Vec<u64> {
        let carried = self.wire.carried.lock().unwrap();
        carried.iter().filter(|(_, words)| words.starts_with("ask")).map(|(at, _)| *at).collect()
    }

    async fn sends(&self, text: &str) -> DeliveryState {
        let message = message(text, Priority::Normal, self.clock.now(), Duration::from_secs(3600));
        let id = message.id;
        self.outbox.enqueue(message, vec![recipient("ana", &["a"])]).await.unwrap();
        self.settled().await;
        self.outbox.find(id).await.unwrap().unwrap().deliveries.remove(0).delivery.state
    }

    fn value(&self, sql: &str) -> String {
        value(self.dir.path(), sql)
    }
}

/// One value out of the file.
fn value(dir: &Path, sql: &str) -> String {
    let db = rusqlite::Connection::open(dir.join("outbox.db")).unwrap();
    db.query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |row| row.get(0)).unwrap()
}

fn now(answer: &str) -> (Duration, Result<String, Class>) {
    (Duration::ZERO, Ok(answer.to_owned()))
}

/// Held until there is news, which never comes.
fn held() -> (Duration, Result<String, Class>) {
    (Duration::from_secs(500), Ok(String::new()))
}

const INBOUND: &str = "SELECT count(*) || ' ' || coalesce(max(contact), '') FROM inbound";
const IS_BROKEN: &str = "SELECT count(*) FROM accounts WHERE broken_since IS NOT NULL";

#[tokio::test(start_paused = true)]
async fn what_is_heard_is_on_disk_before_its_receipt_and_the_next_round_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let world = World::within(dir, move |words, _| match words {
        "ask -" => now("m1 m2"),
        "receipt m1 m2" => {
            assert_eq!(value(&path, INBOUND), "2 ivan");
            now("")
        }
        "ask m2" => now("m3"),
        "receipt m3" => now(""),
        _ => held(),
    });
    world.settled().await;
    assert_eq!(world.carried(), ["ask -", "receipt m1 m2", "ask m2", "receipt m3", "ask m3"]);
    assert_eq!(world.value(INBOUND), "3 ivan");
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_is_known_and_nobody_is_asked_in_a_hot_loop() {
    let world = World::new(|words, _| now(if words.starts_with("ask") { "m1" } else { "" }));
    world.pass(10).await;
    assert_eq!(world.value(INBOUND), "1 ivan");
    let times = world.asked_at();
    assert!((10..=12).contains(&times.len()), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_written_down_is_asked_for_again_without_a_receipt() {
    let world =
        World::new(|_, before| if before == 0 { (Duration::from_secs(3), Ok("m1".to_owned())) } else { now("m1") });
    world.settled().await;
    world.outbox.close().await;
    world.pass(20).await;
    let carried = world.carried();
    assert!(carried.len() >= 3 && carried.iter().all(|words| words == "ask -"), "{carried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_fails_is_no_reason_to_ask_faster() {
    let world =
        World::new(|words, _| if words.starts_with("ask") { now("m1") } else { (Duration::ZERO, Err(Class::Fault)) });
    world.pass(60).await;
    let times = world.asked_at();
    assert!((5..=12).contains(&times.len()), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn failures_are_followed_by_longer_waits_up_to_a_minute() {
    let world = World::new(|_, before| if before < 12 { (Duration::ZERO, Err(Class::Network)) } else { held() });
    world.pass(600).await;
    let times = world.asked_at();
    let waits: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits.len(), 12, "{waits:?}");
    // A test's second is the grain of its clock.
    let steps = [1, 2, 4, 8, 15, 30, 60, 60, 60, 60, 60, 60];
    for (wait, step) in waits.iter().zip(steps) {
        assert!(
            (1000.max(step * 500)..=step * 1000 + 1000).contains(wait),
            "{wait} ms after a step of {step} s: {waits:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_provider_asks_for_is_kept() {
    let wait = Class::Wait { scope: hookbell::message::delivery::Scope::Account, after: Some(Duration::from_secs(7)) };
    let world = World::new(move |_, before| if before == 0 { (Duration::ZERO, Err(wait)) } else { held() });
    world.pass(9).await;
    assert_eq!(world.asked_at(), [0, 7000]);
}

#[tokio::test(start_paused = true)]
async fn hearing_may_fail_while_sending_works_but_a_bad_account_is_told_at_once() {
    let world = World::new(|words, before| match (words, before) {
        ("ask -", 0..=2) => (Duration::ZERO, Err(Class::Fault)),
        ("ask -", 3..=4) => (Duration::ZERO, Err(Class::Account)),
        ("ask -", 5) => now("m1"),
        ("ask m1", 0) => (Duration::from_secs(30), Err(Class::Account)),
        ("ask m1", 1) => now("m2"),
        _ if words.starts_with("ask") => held(),
        _ => now(""),
    });
    world.settled().await;
    assert_eq!(world.sends("one").await, DeliveryState::Sent);
    assert_eq!(world.value(IS_BROKEN), "0");
    world.pass(8).await;
    assert_eq!(world.value(IS_BROKEN), "1", "the fourth says that the account is out of order");
    world.pass(26).await;
    assert_eq!((world.value(IS_BROKEN), world.value(INBOUND)), ("0".to_owned(), "1 ivan".to_owned()));
    world.pass(31).await;
    assert_eq!(
        (world.value(IS_BROKEN), world.value(INBOUND)),
        ("0".to_owned(), "2 ivan".to_owned()),
        "down and up again"
    );
    assert_eq!(world.sends("two").await, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_before_this_one_found_broken_is_found_well() {
    let world = World::new(|words, before| match (words, before) {
        ("ask -", 0) => (Duration::ZERO, Err(Class::Account)),
        _ => held(),
    });
    world.settled().await;
    assert_eq!(world.value(IS_BROKEN), "1");
    let World { outbox, dispatcher, dir, .. } = world;
    dispatcher.stop().await;
    outbox.close().await;
    drop(outbox);
    let world = World::within(dir, |words, before| if (words, before) == ("ask -", 0) { now("") } else { held() });
    world.settled().await;
    assert_eq!(world.value(IS_BROKEN), "0", "the token was renewed, and nothing had to be sent to see it");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_providers_code_ends_a_round_and_not_the_asking() {
    let world = World::new(|words, before| match (words, before) {
        ("ask -", 0) => now("panic"),
        ("ask -", 1) => now("m1"),
        _ if words.starts_with("ask") => held(),
        _ => now(""),
    });
    world.pass(3).await;
    assert_eq!(world.value(INBOUND), "1 ivan");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_no_news() {
    let world = World::new(|_, _| held());
    world.settled().await;
    let World { dispatcher, clock, _standstill, .. } = world;
    dispatcher.stop().await;
    assert_eq!(clock.now(), START);
}

#[tokio::test(start_paused = true)]
async fn a_changed_account_is_asked_once_its_predecessor_has_ended() {
    let mut world =
        World::new(
            |words, _| {
                if words.starts_with("ask") { held() } else { (Duration::from_secs(30), Ok(String::new())) }
            },
        );
    world.settled().await;
    assert_eq!(world.sends("one").await, DeliveryState::Sending);
    world.dispatcher.reconcile(&asked(2));
    world.pass(29).await;
    assert_eq!(world.asked_at(), [0], "what is under way ends first");
    world.pass(2).await;
    assert_eq!(world.asked_at(), [0, 30_000]);
    world.dispatcher.reconcile(&BTreeMap::new());
    world.pass(600).await;
    assert_eq!(world.asked_at(), [0, 30_000], "an account that is gone is asked no more");
}
