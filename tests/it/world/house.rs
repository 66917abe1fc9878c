//! Lanes with accounts that say what a test wants, on paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookbell::account::{AccountName, Limits};
use hookbell::clock::Clock;
use hookbell::contact::{Recipient, Way};
use hookbell::dispatch::Dispatcher;
use hookbell::dispatch::carry::{BoxFuture, Carriers, Carry};
use hookbell::dispatch::direct::Direct;
use hookbell::dispatch::pull::{Desks, Seat, Wants};
use hookbell::message::canary::{Canary, Until, WITHIN};
use hookbell::message::delivery::{Class, Delivery, OnUnknown, Receipt, SendError};
use hookbell::message::expected::Expectations;
use hookbell::message::link::Links;
use hookbell::message::{MessageId, Priority, TextFormat};
use hookbell::outbox::Outbox;
use hookbell::provider::capabilities::Capabilities;
use hookbell::provider::pull::Item;
use hookbell::provider::{Account, Answer, Command, Next, Outgoing, Provider, Request, Transport};
use hookbell::secret::Secret;
use hookbell::tasks::Tasks;
use serde_json::{Map, Value};

use crate::outbox::{START, account, error, message, opened_with, plain, recipient, standstill};
use crate::providers;

/// What an account answers: by the text, and by how often the account was asked before.
type Says = Arc<dyn Fn(&str, usize) -> Result<(), Class> + Send + Sync>;

/// What left the house: seconds since the start, the account, the text.
pub(crate) type Carried = (u64, String, String);

/// Hands its account's name and the text to the wire.
struct Speaker(String);

impl Provider for Speaker {
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        if answers.is_empty() {
            let media = out.media.as_ref().map(|media| format!(" <{}>", media.label())).unwrap_or_default();
            let marked = if out.format == TextFormat::Markup { "marked: " } else { "" };
            let answers = out.reply_to.as_ref().map(|receipt| format!(" <answers {receipt}>")).unwrap_or_default();
            let argv = vec![self.0.clone(), format!("{marked}{}{answers}{media}", out.text)];
            return Ok(Next::Ask(Request::Exec(Command { argv, stdin: Vec::new() })));
        }
        let id = if out.thread.is_some() { format!("id of {}", out.text) } else { "r1".to_owned() };
        Ok(Next::Done(Receipt { id: Some(id), advice: None }))
    }
}

/// How an account plays.
#[derive(Clone)]
struct Part {
    says: Says,
    takes: Duration,
    asked: usize,
}

#[derive(Clone)]
struct Wire {
    clock: Clock,
    parts: Arc<Mutex<BTreeMap<String, Part>>>,
    carried: Arc<Mutex<Vec<Carried>>>,
}

impl Carry for Wire {
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(async move {
            let Request::Exec(Command { argv, .. }) = request else { panic!("only commands here") };
            let [name, text] = argv.as_slice() else { panic!("a name and a text") };
            let now = self.clock.now().since(START).as_secs();
            let Part { says, takes, asked } = {
                let mut parts = self.parts.lock().unwrap();
                let part = parts.get_mut(name).unwrap();
                part.asked += 1;
                part.clone()
            };
            self.carried.lock().unwrap().push((now, name.clone(), text.clone()));
            if !takes.is_zero() {
                tokio::time::sleep(takes).await;
            }
            says(text, asked - 1).map_err(error)?;
            Ok(Answer::Exec { code: Some(0), output: String::new() })
        })
    }
}

/// An outbox, its lanes, and accounts that play their parts.
pub(crate) struct House {
    pub(crate) outbox: Outbox,
    clock: Clock,
    dispatcher: Option<Dispatcher>,
    wire: Wire,
    limits: BTreeMap<String, Limits>,
    can: BTreeMap<String, Capabilities>,
    phones: BTreeMap<AccountName, Arc<Account>>,
    desks: Desks,
    hearers: Vec<Recipient>,
    expected: Expectations,
    dir: Arc<tempfile::TempDir>,
    _standstill: std::sync::mpsc::Sender<()>,
}

impl House {
    pub(crate) fn new() -> House {
        let (dir, clock) = (Arc::new(tempfile::tempdir().unwrap()), Clock::following_runtime(START));
        let wire = Wire { clock: clock.clone(), parts: Arc::default(), carried: Arc::default() };
        House::opened(dir, clock, wire)
    }

    fn opened(dir: Arc<tempfile::TempDir>, clock: Clock, wire: Wire) -> House {
        let outbox = opened_with(dir.path(), &clock);
        let carrier = wire.clone();
        let carriers = Arc::new(move |_: &Transport| Arc::new(carrier.clone()) as Arc<dyn Carry>);
        let desks = Desks::default();
        let dispatcher = Dispatcher::start(outbox.clone(), clock.clone(), &Tasks::new(), carriers);
        let dispatcher = Some(dispatcher.with_desks(desks.clone()));
        let (limits, can, phones, hearers, expected) = Default::default();
        let _standstill = standstill();
        House { outbox, clock, dispatcher, wire, limits, can, phones, desks, hearers, expected, dir, _standstill }
    }

    /// Has an account answer so from now on.
    pub(crate) fn says(
        &mut self,
        name: &str,
        says: impl Fn(&str, usize) -> Result<(), Class> + Send + Sync + 'static,
    ) -> &mut House {
        let part = Part { says: Arc::new(says), takes: Duration::ZERO, asked: 0 };
        self.wire.parts.lock().unwrap().insert(name.to_owned(), part);
        self.limits.entry(name.to_owned()).or_default();
        self
    }

    /// Has an account take this long over everything.
    pub(crate) fn takes(&mut self, name: &str, takes: Duration) -> &mut House {
        self.wire.parts.lock().unwrap().get_mut(name).unwrap().takes = takes;
        self
    }

    pub(crate) fn limits(&mut self, name: &str, limits: Limits) -> &mut House {
        self.limits.insert(name.to_owned(), limits);
        self
    }

    /// Has an account be able to do this.
    pub(crate) fn can(&mut self, name: &str, can: Capabilities) -> &mut House {
        self.can.insert(name.to_owned(), can);
        self
    }

    /// Has the world reach us, before anything else is said.
    pub(crate) fn reached_at(mut self, url: &str) -> House {
        let links = Links::new(url, &Secret::new("s3cret"));
        self.dispatcher = self.dispatcher.take().map(|dispatcher| dispatcher.with_links(Some(Arc::new(links))));
        self
    }

    /// An account of `phone` with these properties besides its token.
    pub(crate) fn phone(&mut self, name: &str, properties: Value) -> &mut House {
        let mut written = serde_json::json!({ "provider": "phone", "token": format!("{name}-0123456789abcdef") });
        written.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
        self.phones.insert(account(name), Arc::new(providers::named(name, &written).0.unwrap()));
        self
    }

    /// What the phone of an account is given.
    pub(crate) async fn fetch(&self, name: &str, wants: Wants) -> Vec<Map<String, Value>> {
        let items = self.seat(name).fetch(wants).await;
        items.into_iter().map(|Item(fields)| fields).collect()
    }

    /// The phone's side of its desk.
    pub(crate) fn seat(&self, name: &str) -> Seat {
        self.desks.of(&account(name)).unwrap()
    }

    /// Has `boss` hear of failures by these accounts.
    pub(crate) fn on_failure(&mut self, accounts: &[&str]) -> &mut House {
        self.hearers = vec![recipient("boss", accounts)];
        self
    }

    /// Has an account send a canary to `ivan`.
    pub(crate) fn canary(&mut self, name: &str, every: Duration, until: Until) -> &mut House {
        let canary = Canary { recipients: vec![recipient("ivan", &[name])], every, within: WITHIN.min(every), until };
        self.expected.canaries.insert(account(name), canary);
        self
    }

    /// Has the canary of an account go to all of these.
    pub(crate) fn list_of_canary(&mut self, name: &str, recipients: Vec<Recipient>) -> &mut House {
        self.expected.canaries.get_mut(&account(name)).unwrap().recipients = recipients;
        self
    }

    /// Has a hook be expected to be called so often; with nothing said it is broken.
    pub(crate) fn expects(&mut self, hook: &str, every: Option<Duration>) -> &mut House {
        self.expected.calls.insert(hook.to_owned(), every);
        self
    }

    /// Has nothing be expected any more.
    pub(crate) fn expects_nothing(&mut self) -> &mut House {
        self.expected = Expectations::default();
        self
    }

    /// Brings the lanes in step with what was said.
    pub(crate) fn configure(&mut self) {
        let made = |(name, limits): (&String, &Limits)| configured(name, *limits, OnUnknown::Retry, self.can.get(name));
        let accounts = self.limits.iter().map(made).chain(self.phones.clone()).collect();
        let dispatcher = self.dispatcher.as_mut().unwrap();
        dispatcher.alarms().heard_by(self.hearers.clone());
        dispatcher.expect(Arc::new(self.expected.clone()));
        dispatcher.reconcile(&accounts);
    }

    /// The way without the outbox, by the same accounts, of which these rather send nothing than something twice.
    pub(crate) fn direct(&self, rather_never: &[&str]) -> Direct {
        let direct = Direct::new(self.clock.clone(), Tasks::new());
        let made = |(name, limits): (&String, &Limits)| {
            let policy = if rather_never.contains(&name.as_str()) { OnUnknown::GiveUp } else { OnUnknown::Retry };
            configured(name, *limits, policy, self.can.get(name))
        };
        let carrier = self.wire.clone();
        let carriers: Carriers = Arc::new(move |_: &Transport| Arc::new(carrier.clone()) as Arc<dyn Carry>);
        direct.follow(&self.limits.iter().map(made).collect(), &carriers);
        direct
    }

    pub(crate) fn dispatcher(&self) -> &Dispatcher {
        self.dispatcher.as_ref().unwrap()
    }

    /// Ends the process, and starts another in the same folder with the same accounts.
    pub(crate) async fn restarted(self) -> House {
        self.restarted_after(Duration::ZERO, 0).await
    }

    /// The same, with so much time in between, in which somebody sets the clock by so many hours.
    pub(crate) async fn restarted_after(mut self, pause: Duration, hours: i64) -> House {
        let stop = self.dispatcher.take().unwrap().stop();
        tokio::join!(stop, self.pass(1));
        self.outbox.close().await;
        let House { outbox, clock, wire, limits, can, phones, hearers, expected, dir, .. } = self;
        drop(outbox);
        tokio::time::advance(pause).await;
        clock.set_by(hours * 3_600_000);
        let mut house = House { limits, can, phones, hearers, expected, ..House::opened(dir, clock, wire) };
        house.outbox.void_leases().await.unwrap();
        house.configure();
        house
    }

    /// Accepts a message for `ana`, by accounts with the patience, in seconds, that is written for them.
    pub(crate) async fn accept(&self, text: &str, ways: &[(&str, Option<u64>)]) -> MessageId {
        self.accept_for(text, Duration::from_secs(3600), vec![to("ana", ways)]).await
    }

    pub(crate) async fn accept_for(&self, text: &str, ttl: Duration, to: Vec<Recipient>) -> MessageId {
        let message = message(text, Priority::Normal, self.clock.now(), ttl);
        let id = message.id;
        self.outbox.enqueue(message, to).await.unwrap();
        id
    }

    /// Lets everybody do what they can without time passing.
    async fn settled(&self) {
        for _ in 0..12 {
            // An answer means that the writer has done all before it, if it is still there.
            self.outbox.next_sweep().await.ok();
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
    }

    pub(crate) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.settled().await;
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        self.settled().await;
    }

    /// Lets so much time pass, in steps of a minute.
    pub(crate) async fn pass_minutes(&self, minutes: u64) {
        for _ in 0..minutes {
            self.settled().await;
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        self.settled().await;
    }

    /// Sets the clock, as an operator sets the system's.
    pub(crate) fn set_clock_by(&self, hours: i64) {
        self.clock.set_by(hours * 3_600_000);
    }

    /// What the contacts of `on-failure` are told by this account, without what is before the colon, and what it answers.
    pub(crate) fn told(&self, name: &str) -> Vec<String> {
        let carried = self.carried().into_iter().filter(|(_, by, _)| by == name);
        let told = |text: &str| Some(text.strip_prefix("hookbell: ")?.split(" <answers ").next()?.to_owned());
        carried.filter_map(|(_, _, text)| told(&text)).collect()
    }

    /// What was carried since the last time it was asked.
    pub(crate) fn carried(&self) -> Vec<Carried> {
        std::mem::take(&mut *self.wire.carried.lock().unwrap())
    }

    pub(crate) async fn deliveries(&self, id: MessageId) -> Vec<Delivery> {
        let found = self.outbox.find(id).await.unwrap().unwrap();
        found.deliveries.into_iter().map(|status| status.delivery).collect()
    }

    pub(crate) async fn find(&self, id: MessageId) -> Delivery {
        self.deliveries(id).await.remove(0)
    }

    /// Changes the file behind the store's back.
    pub(crate) fn write(&self, sql: &str) {
        rusqlite::Connection::open(self.dir.path().join("outbox.db")).unwrap().execute_batch(sql).unwrap();
    }

    /// One value out of the file.
    pub(crate) fn asked(&self, sql: &str) -> String {
        let db = rusqlite::Connection::open(self.dir.path().join("outbox.db")).unwrap();
        db.query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |row| row.get(0)).unwrap()
    }
}

/// Somebody, and the ways there.
pub(crate) fn to(contact: &str, ways: &[(&str, Option<u64>)]) -> Recipient {
    let names: Vec<&str> = ways.iter().map(|(name, _)| *name).collect();
    let plain = recipient(contact, &names);
    let patience =
        |(way, (_, written)): (Way, &(&str, Option<u64>))| Way { patience: written.map(Duration::from_secs), ..way };
    Recipient { ways: plain.ways.into_iter().zip(ways).map(patience).collect(), ..plain }
}

/// The same as `carried` tells it.
pub(crate) fn lines(expected: &[(u64, &str, &str)]) -> Vec<Carried> {
    expected.iter().map(|(at, name, text)| (*at, (*name).to_owned(), (*text).to_owned())).collect()
}

fn configured(
    name: &str,
    limits: Limits,
    on_unknown: OnUnknown,
    can: Option<&Capabilities>,
) -> (AccountName, Arc<Account>) {
    let can = can.cloned().unwrap_or(Capabilities::TEXT);
    let made = Account { can, limits, on_unknown, ..plain(name, "speaker", Box::new(Speaker(name.to_owned()))) };
    (account(name), Arc::new(made))
}
