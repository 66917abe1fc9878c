//! From the outbox to the provider: lanes with a fake provider and a fake carrier, on paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookbell::account::{AccountName, Limits, Rate};
use hookbell::clock::Clock;
use hookbell::contact::Recipient;
use hookbell::dispatch::Dispatcher;
use hookbell::dispatch::carry::{BoxFuture, Carry};
use hookbell::message::delivery::{Class, Delivery, DeliveryState, Form, Receipt, Scope, SendError};
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::Outbox;
use hookbell::provider::{Account, Answer, Command, Next, Outgoing, Provider, Request, Transport};
use hookbell::tasks::Tasks;

use crate::outbox::{START, account, error, message, plain, recipient, standstill};

const HOUR: Duration = Duration::from_secs(3600);

/// Says its text once; panics where the text tells it to.
struct Parrot;

impl Provider for Parrot {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        assert_ne!(out.text, "panic", "as the test wants it");
        if let [.., Answer::Exec { output, .. }] = answers {
            return Ok(Next::Done(Receipt { id: Some(output.clone()), advice: None }));
        }
        let form = if out.form == Form::Template { "template: " } else { "" };
        Ok(Next::Ask(Request::Exec(Command { argv: vec![format!("{form}{}", out.text)], stdin: Vec::new() })))
    }
}

/// What the world answers to a text: by how often it was asked before.
type Script = Arc<dyn Fn(&str, usize) -> Result<(), Class> + Send + Sync>;

#[derive(Clone)]
struct Wire {
    script: Script,
    clock: Clock,
    /// Milliseconds since the start, and the text.
    carried: Arc<Mutex<Vec<(u64, String)>>>,
    takes: Duration,
}

impl Carry for Wire {
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(async move {
            let Request::Exec(Command { argv, .. }) = request else { panic!("only commands here") };
            let (text, now) = (argv[0].clone(), self.clock.now().since(START).as_millis() as u64);
            let before = {
                let mut carried = self.carried.lock().unwrap();
                carried.push((now, text.clone()));
                carried.iter().filter(|(_, other)| *other == text).count() - 1
            };
            if !self.takes.is_zero() {
                tokio::time::sleep(self.takes).await;
            }
            (self.script)(&text, before).map_err(error)?;
            Ok(Answer::Exec { code: Some(0), output: "r1".to_owned() })
        })
    }
}

pub(crate) struct World {
    outbox: Outbox,
    clock: Clock,
    dispatcher: Option<Dispatcher>,
    wire: Wire,
    _standstill: std::sync::mpsc::Sender<()>,
    dir: tempfile::TempDir,
}

fn configured(name: &str, limits: Limits, fingerprint: u64) -> (AccountName, Arc<Account>) {
    let transport = Transport { timeout: Duration::from_secs(20), proxy: None, extra_ca: None };
    let made = Account { limits, transport, fingerprint, ..plain(name, "parrot", Box::new(Parrot)) };
    (account(name), Arc::new(made))
}

impl World {
    pub(crate) fn new(
        takes: Duration,
        script: impl Fn(&str, usize) -> Result<(), Class> + Send + Sync + 'static,
    ) -> World {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
        let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
        let wire = Wire { script: Arc::new(script), clock: clock.clone(), carried: Arc::default(), takes };
        let carrier = wire.clone();
        let carriers = Arc::new(move |_: &Transport| Arc::new(carrier.clone()) as Arc<dyn Carry>);
        let dispatcher = Dispatcher::start(outbox.clone(), clock.clone(), &Tasks::new(), carriers);
        World { outbox, clock, dispatcher: Some(dispatcher), wire, _standstill: standstill(), dir }
    }

    pub(crate) fn configure(&mut self, names: &[&str], limits: Limits, fingerprint: u64) {
        let accounts: BTreeMap<_, _> = names.iter().map(|name| configured(name, limits, fingerprint)).collect();
        self.dispatcher.as_mut().unwrap().reconcile(&accounts);
    }

    pub(crate) async fn accept(&self, text: &str, to: Recipient) -> MessageId {
        let message = message(text, Priority::Normal, self.clock.now(), HOUR);
        let id = message.id;
        self.outbox.enqueue(message, vec![to]).await.unwrap();
        id
    }

    /// Lets everybody do what they can without time passing.
    pub(crate) async fn settled(&self) {
        for _ in 0..12 {
            self.outbox.next_sweep().await.unwrap();
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

    /// When which text went, in milliseconds.
    pub(crate) fn carried_at(&self) -> Vec<(u64, String)> {
        self.wire.carried.lock().unwrap().clone()
    }

    /// When which text went, in seconds.
    fn carried(&self) -> Vec<(u64, String)> {
        self.carried_at().into_iter().map(|(at, text)| (at / 1000, text)).collect()
    }

    fn times(&self) -> Vec<u64> {
        self.carried().into_iter().map(|(at, _)| at).collect()
    }

    pub(crate) async fn find(&self, id: MessageId) -> Delivery {
        self.outbox.find(id).await.unwrap().unwrap().deliveries.remove(0).delivery
    }
}

fn carried(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_class_of_failure_has_its_own_way_on() {
    let asked = Some(Duration::from_secs(5));
    for (class, times, state) in [
        (Class::Fault, vec![0, 1, 3], DeliveryState::Sent),
        (Class::Unknown, vec![0, 1, 3], DeliveryState::Sent),
        (Class::Network, vec![0, 1, 3], DeliveryState::Sent),
        (Class::Account, vec![0, 60, 180], DeliveryState::Sent),
        (Class::Wait { scope: Scope::Recipient, after: None }, vec![0, 1, 3], DeliveryState::Sent),
        (Class::Wait { scope: Scope::Account, after: asked }, vec![0, 5, 10], DeliveryState::Sent),
        (Class::Recipient, vec![0], DeliveryState::Failed),
        (Class::Content, vec![0], DeliveryState::Failed),
    ] {
        let mut world = World::new(Duration::ZERO, move |_, before| if before < 2 { Err(class) } else { Ok(()) });
        world.configure(&["a"], Limits::default(), 1);
        let id = world.accept("full", recipient("ana", &["a"])).await;
        world.pass(if class == Class::Account { 181 } else { 12 }).await;
        let delivery = world.find(id).await;
        assert_eq!((world.times(), delivery.state), (times, state), "{class:?}");
        assert_eq!(delivery.receipt.is_some(), state == DeliveryState::Sent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_window_gets_the_template_once() {
    let mut world = World::new(Duration::ZERO, |_, _| Err(Class::Form));
    world.configure(&["a"], Limits::default(), 1);
    let id = world.accept("full", recipient("ana", &["a"])).await;
    world.pass(3).await;
    assert_eq!(world.carried(), carried(&[(0, "full"), (0, "template: full")]));
    assert_eq!(world.find(id).await.state, DeliveryState::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_refused_way_is_left_for_the_next_and_a_missing_one_passed_over() {
    let mut world = World::new(Duration::ZERO, |_, before| if before == 0 { Err(Class::Account) } else { Ok(()) });
    world.configure(&["a", "b"], Limits::default(), 1);
    let id = world.accept("full", recipient("ana", &["a", "gone", "b"])).await;
    world.pass(2).await;
    let delivery = world.find(id).await;
    assert_eq!((delivery.way, delivery.state), (2, DeliveryState::Sent));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_one_holds_the_younger_for_a_minute_and_then_comes_late() {
    let stuck = |text: &str, before| {
        if text == "1" || (text.ends_with("] 1") && before < 1) { Err(Class::Fault) } else { Ok(()) }
    };
    let mut world = World::new(Duration::ZERO, stuck);
    world.configure(&["a"], Limits::default(), 1);
    world.accept("1", recipient("ana", &["a"])).await;
    world.accept("2", recipient("ana", &["a"])).await;
    world.pass(59).await;
    assert_eq!(world.times(), [0, 1, 3, 7, 15, 30], "only the first was tried");
    world.pass(300).await;
    let seen = world.carried();
    assert_eq!(seen[7], (60, "2".to_owned()));
    assert!(seen.len() == 10 && seen[9].1 == "[2026-11-20T23:15Z] 1", "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn an_address_gets_its_texts_one_after_the_other_and_an_account_many_at_once() {
    let mut world = World::new(Duration::from_secs(2), |_, _| Ok(()));
    world.configure(&["a"], Limits::default(), 1);
    for text in ["1", "2"] {
        world.accept(text, recipient("ana", &["a"])).await;
    }
    world.accept("3", recipient("bo", &["a"])).await;
    world.pass(6).await;
    assert_eq!(world.carried(), carried(&[(0, "1"), (0, "3"), (2, "2")]));
}

#[tokio::test(start_paused = true)]
async fn an_account_keeps_its_rate() {
    let mut world = World::new(Duration::ZERO, |_, _| Ok(()));
    let rate = Some(Rate::per(1, Duration::from_secs(2)).burst(3));
    world.configure(&["a"], Limits { rate, ..Limits::NONE }, 1);
    for n in 0..6 {
        world.accept(&n.to_string(), recipient(&n.to_string(), &["a"])).await;
    }
    world.pass(8).await;
    assert_eq!(world.times(), [0, 0, 0, 2, 4, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_loses_nothing() {
    let mut world = World::new(Duration::ZERO, |_, _| Ok(()));
    world.configure(&["a"], Limits::default(), 1);
    let id = world.accept("panic", recipient("ana", &["a"])).await;
    world.pass(2).await;
    let delivery = world.find(id).await;
    assert_eq!((delivery.state, delivery.possible_duplicate), (DeliveryState::Queued, true));
}

#[tokio::test(start_paused = true)]
async fn a_changed_account_begins_when_the_old_one_has_ended() {
    let mut world = World::new(Duration::from_secs(5), |_, _| Ok(()));
    world.configure(&["a"], Limits::default(), 1);
    world.accept("1", recipient("ana", &["a"])).await;
    world.pass(1).await;
    world.configure(&["a"], Limits::default(), 2);
    world.configure(&["a"], Limits::default(), 3);
    world.accept("2", recipient("bo", &["a"])).await;
    world.pass(7).await;
    assert_eq!(world.carried(), carried(&[(0, "1"), (5, "2")]));
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_to_an_account_that_is_gone_moves_on() {
    let mut world =
        World::new(Duration::from_secs(5), |_, before| if before == 0 { Err(Class::Fault) } else { Ok(()) });
    world.configure(&["a", "b"], Limits::default(), 1);
    world.accept("tried", recipient("ana", &["a", "b"])).await;
    world.pass(1).await;
    world.configure(&["b"], Limits::default(), 1);
    world.pass(6).await;
    assert_eq!(world.carried(), carried(&[(0, "tried"), (5, "tried")]));
    // A call that was compiled against the configuration of before.
    world.accept("new", recipient("ana", &["a", "b"])).await;
    world.pass(61).await;
    assert_eq!(world.carried().last().unwrap().1, "new");
}

#[tokio::test(start_paused = true)]
async fn stopping_settles_what_is_in_flight_and_begins_nothing() {
    let mut world = World::new(Duration::from_secs(3), |_, _| Ok(()));
    world.configure(&["a"], Limits::default(), 1);
    let first = world.accept("1", recipient("ana", &["a"])).await;
    let second = world.accept("2", recipient("ana", &["a"])).await;
    world.pass(1).await;
    let ending = world.dispatcher.take().unwrap().stop();
    tokio::join!(ending, world.pass(5));
    assert_eq!(world.find(first).await.state, DeliveryState::Sent);
    assert_eq!(world.find(second).await.state, DeliveryState::Queued);
    assert!(world.dir.path().join("outbox.db").exists());
}
