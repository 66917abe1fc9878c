//! What the outbox promises, written so that a second store can be put under it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use hookbell::account::{AccountName, Address, AddressKind, Limits, Rate, Takes};
use hookbell::clock::{Clock, Timestamp};
use hookbell::contact::{Recipient, Way};
use hookbell::message::delivery::{Class, Delivery, DeliveryState, OnUnknown, Receipt, Scope, SendError};
use hookbell::message::{Message, MessageId, Priority, TextFormat};
use hookbell::outbox::{Accepted, Claim, Claims, Content, Once, Outbox, OutboxError, Settlement, Terms};
use hookbell::provider::capabilities::Capabilities;
use hookbell::provider::{Account, Provider, Transport};

pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_216_500_000);
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn account(name: &str) -> AccountName {
    AccountName::new(name)
}

/// An account with nothing special about it.
pub(crate) fn plain(name: &str, kind: &'static str, provider: Box<dyn Provider>) -> Account {
    Account {
        name: account(name),
        kind,
        takes: Takes::Any,
        can: Capabilities::TEXT,
        provider,
        limits: Limits::NONE,
        on_unknown: OnUnknown::Retry,
        transport: Transport { timeout: Duration::from_secs(600), proxy: None, extra_ca: None },
        callback_secrets: Vec::new(),
        callback_token: None,
        secrets: Vec::new(),
        fingerprint: 1,
    }
}

pub(crate) fn recipient(contact: &str, accounts: &[&str]) -> Recipient {
    let address = Address { kind: AddressKind::new("phone"), text: contact.to_owned() };
    let way = |name: &&str| Way { account: account(name), address: address.clone(), patience: None };
    Recipient { contact: contact.to_owned(), ways: accounts.iter().map(way).collect() }
}

pub(crate) fn message(text: &str, priority: Priority, now: Timestamp, ttl: Duration) -> Message {
    let mut random = [0; 10];
    getrandom::fill(&mut random).unwrap();
    Message {
        id: MessageId::new(now, random),
        hook: "disk".to_owned(),
        caller: None,
        title: None,
        text: text.to_owned(),
        format: TextFormat::Plain,
        thread: None,
        priority,
        accepted_at: now,
        expires_at: now.plus(ttl),
    }
}

pub(crate) fn error(class: Class) -> SendError {
    SendError { class, code: "7".to_owned(), detail: "no such luck".to_owned() }
}

/// A store whose time stands still unless it is moved.
pub(crate) struct World {
    pub(crate) outbox: Outbox,
    pub(crate) clock: Clock,
    dir: tempfile::TempDir,
    /// Keeps the paused time from running ahead while the writer's thread works.
    _standstill: std::sync::mpsc::Sender<()>,
}

/// While this lives, paused time moves only when told to.
pub(crate) fn standstill() -> std::sync::mpsc::Sender<()> {
    let (alive, gone) = std::sync::mpsc::channel();
    drop(tokio::task::spawn_blocking(move || gone.recv()));
    alive
}

impl World {
    pub(crate) fn new() -> World {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
        let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
        World { outbox, clock, dir, _standstill: standstill() }
    }

    pub(crate) async fn accept(&self, text: &str, priority: Priority, to: Recipient) -> MessageId {
        let message = message(text, priority, self.clock.now(), MINUTE * 60);
        let id = message.id;
        self.outbox.enqueue(message, vec![to]).await.unwrap();
        id
    }

    async fn ask(&self, name: &str, free: usize, per_recipient: Option<Rate>) -> Claims {
        self.ask_within(name, free, Limits { per_recipient, ..Limits::NONE }).await
    }

    pub(crate) async fn ask_within(&self, name: &str, free: usize, limits: Limits) -> Claims {
        let terms = Terms { free, limits, lease: MINUTE, on_unknown: OnUnknown::Retry };
        self.outbox.claim(&account(name), terms).await.unwrap()
    }

    /// The only one that an account may send which rather never sends than twice.
    async fn one_never_twice(&self, name: &str) -> Claim {
        let terms = Terms { free: 16, limits: Limits::NONE, lease: MINUTE, on_unknown: OnUnknown::GiveUp };
        let mut claims = self.outbox.claim(&account(name), terms).await.unwrap().claims;
        assert_eq!(claims.len(), 1);
        claims.remove(0)
    }

    async fn claim(&self, name: &str) -> Vec<Claim> {
        self.ask(name, 16, None).await.claims
    }

    async fn one(&self, name: &str) -> Claim {
        let mut claims = self.claim(name).await;
        assert_eq!(claims.len(), 1);
        claims.remove(0)
    }

    pub(crate) async fn settle(&self, claim: Claim, outcome: Result<(), Class>) -> Delivery {
        let outcome = outcome.map(|()| Receipt { id: Some("r1".to_owned()), advice: None }).map_err(error);
        self.outbox.settle(claim, Settlement { outcome, on_unknown: OnUnknown::Retry }).await.unwrap().remove(0)
    }

    /// The same store after a restart, at the time that its clock shows.
    pub(crate) fn restarted(self) -> World {
        let World { outbox, clock, dir, _standstill } = self;
        drop(outbox);
        World { outbox: opened_with(dir.path(), &clock), clock, dir, _standstill }
    }

    /// What one query counts in the file.
    pub(crate) fn counted(&self, sql: &str) -> i64 {
        let db = rusqlite::Connection::open(self.dir.path().join("outbox.db")).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub(crate) async fn state(&self, id: MessageId) -> DeliveryState {
        self.outbox.find(id).await.unwrap().unwrap().deliveries[0].delivery.state
    }
}

pub(crate) fn texts(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(Claim::text).collect()
}

/// Moves the time; the outbox sees it at its next operation.
pub(crate) async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

pub(crate) fn opened_again(dir: &Path) -> Outbox {
    opened_with(dir, &Clock::following_runtime(START))
}

pub(crate) fn opened_with(dir: &Path, clock: &Clock) -> Outbox {
    // The dropped store's thread gives the lock back in its own time.
    for _ in 0..1000 {
        match Outbox::open(dir, clock.clone()) {
            Ok(outbox) => return outbox,
            Err(_) => std::thread::yield_now(),
        }
        #[allow(clippy::disallowed_methods, reason = "real time, for a real thread")]
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the lock is never given back");
}

#[tokio::test(start_paused = true)]
async fn accepted_means_on_disk() {
    let World { outbox, clock, dir, _standstill } = World::new();
    let message = message("full", Priority::Normal, clock.now(), MINUTE);
    let (id, to) = (message.id, vec![recipient("ana", &["a", "b"]), recipient("bo", &["b"])]);
    outbox.enqueue(message.clone(), to.clone()).await.unwrap();
    let again = outbox.enqueue(message.clone(), to.clone()).await;
    assert!(again.is_err(), "an id stands for one message");
    drop(outbox);
    let found = opened_again(dir.path()).find(id).await.unwrap().unwrap();
    assert_eq!(found.message, message);
    let recipients: Vec<_> = found.deliveries.into_iter().map(|status| status.delivery.recipient).collect();
    assert_eq!(recipients, to);
}

#[tokio::test(start_paused = true)]
async fn a_second_daemon_is_refused_and_told_who_is_there() {
    let world = World::new();
    let Err(refused) = Outbox::open(world.dir.path(), world.clock.clone()) else { panic!("two owners") };
    assert!(refused.to_string().contains(&format!("in use by process {}", std::process::id())), "{refused}");
    world.outbox.close().await;
    assert!(matches!(world.outbox.next_sweep().await, Err(OutboxError::Unavailable(_))));
    opened_again(world.dir.path()).next_sweep().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_newer_format_is_refused_in_words() {
    let world = World::new();
    world.outbox.close().await;
    let file = world.dir.path().join("outbox.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let Err(refused) = Outbox::open(world.dir.path(), world.clock.clone()) else { panic!("opened") };
    assert!(refused.to_string().contains("newer hookbell"), "{refused}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_held_is_unknown() {
    let world = World::new();
    let retried = world.accept("one", Priority::Normal, recipient("ana", &["a"])).await;
    let given_up = world.accept("two", Priority::Normal, recipient("bo", &["b"])).await;
    let _held = (world.one("a").await, world.one_never_twice("b").await);
    let World { outbox, dir, _standstill, .. } = world;
    drop(outbox);
    let outbox = opened_again(dir.path());
    let ended = outbox.void_leases().await.unwrap();
    assert_eq!(ended.iter().map(|delivery| delivery.message).collect::<Vec<_>>(), [given_up]);
    assert_eq!(ended[0].state, DeliveryState::Failed);
    let waits = outbox.find(retried).await.unwrap().unwrap().deliveries.remove(0);
    assert_eq!(
        (waits.delivery.state, waits.delivery.possible_duplicate, waits.attempts),
        (DeliveryState::Queued, true, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_runs_out_once_nobody_holds_it() {
    let world = World::new();
    let id = world.accept("one", Priority::Normal, recipient("ana", &["a"])).await;
    let first = world.one("a").await;
    pass(MINUTE * 2).await;
    assert!(world.claim("a").await.is_empty());
    assert_eq!(world.state(id).await, DeliveryState::Sending, "the try goes on, whatever the clock says");
    drop(first);
    assert!(world.claim("a").await.is_empty(), "unknown, and due in a second");
    pass(MINUTE).await;
    assert_eq!(world.settle(world.one("a").await, Ok(())).await.state, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn only_the_last_lease_counts() {
    let world = World::new();
    let id = world.accept("one", Priority::Normal, recipient("ana", &["a"])).await;
    let first = world.one("a").await;
    world.outbox.void_leases().await.unwrap();
    pass(MINUTE).await;
    let second = world.one("a").await;
    world.settle(first, Err(Class::Content)).await;
    assert_eq!(world.state(id).await, DeliveryState::Sending, "the first is no longer believed");
    assert_eq!(world.settle(second, Ok(())).await.state, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_booked_where_the_try_was() {
    let world = World::new();
    world.accept("one", Priority::Normal, recipient("ana", &["a", "b"])).await;
    let first = world.one_never_twice("a").await;
    world.outbox.void_leases().await.unwrap();
    assert_eq!(world.settle(first, Ok(())).await.state, DeliveryState::Sent);
    let attempts = world.counted("SELECT count(*) FROM attempts WHERE account = 'a' AND way = 0");
    assert_eq!(attempts, 2, "given up, and accepted");
    assert!(world.claim("b").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn high_overtakes_and_an_address_gets_one_at_a_time() {
    let world = World::new();
    for (text, priority) in
        [("1", Priority::Normal), ("2", Priority::Low), ("3", Priority::Normal), ("4", Priority::High)]
    {
        world.accept(text, priority, recipient("ana", &["a"])).await;
    }
    world.accept("other", Priority::Normal, recipient("bo", &["a"])).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let claims = world.claim("a").await;
        seen.extend(texts(&claims).into_iter().map(str::to_owned));
        assert!(world.claim("a").await.is_empty());
        for claim in claims {
            world.settle(claim, Ok(())).await;
        }
    }
    assert_eq!(seen, ["4", "other", "1", "3", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_way_that_moves_takes_its_place_and_younger_ones_wait_a_minute() {
    let world = World::new();
    world.accept("old", Priority::Normal, recipient("ana", &["a", "b"])).await;
    world.accept("young", Priority::Normal, recipient("ana", &["a", "b"])).await;
    let moved = world.settle(world.one("a").await, Err(Class::Recipient)).await;
    assert_eq!((moved.way, moved.state), (1, DeliveryState::Queued));
    assert!(world.claim("a").await.is_empty(), "the young one waits for the old one");
    let old = world.one("b").await;
    world.settle(old, Ok(())).await;
    assert_eq!(texts(&world.claim("a").await), ["young"], "answered");

    world.accept("old", Priority::Normal, recipient("bo", &["a", "b"])).await;
    world.accept("young", Priority::Normal, recipient("bo", &["a"])).await;
    world.settle(world.one("a").await, Err(Class::Content)).await;
    let waits = world.ask("a", 16, None).await;
    assert!(waits.claims.is_empty());
    pass(MINUTE).await;
    assert_eq!(texts(&world.claim("a").await), ["young"]);
    assert!(world.one("b").await.delivery().late, "it was passed");
}

#[tokio::test(start_paused = true)]
async fn time_runs_out_in_the_queue() {
    let world = World::new();
    let brief = message("brief", Priority::Normal, world.clock.now(), MINUTE);
    let id = brief.id;
    world.outbox.enqueue(brief, vec![recipient("ana", &["a"])]).await.unwrap();
    world.settle(world.one("a").await, Err(Class::Wait { scope: Scope::Recipient, after: Some(MINUTE * 3) })).await;
    assert_eq!(world.ask("a", 1, None).await.next_at, Some(START.plus(MINUTE)));
    pass(MINUTE).await;
    assert_eq!(world.state(id).await, DeliveryState::Expired, "also before anybody wrote it down");
    let ended = world.ask("elsewhere", 1, None).await.ended;
    assert_eq!(ended[0].reason.as_deref(), Some("its time ran out; the last trouble: no such luck"));
    world.accept("next", Priority::Normal, recipient("ana", &["a"])).await;
    assert!(world.claim("a").await.is_empty(), "the hold of the address stays");
    pass(MINUTE * 2).await;
    assert_eq!(texts(&world.claim("a").await), ["next"]);
}

#[tokio::test(start_paused = true)]
async fn a_storm_for_one_address_delays_no_other_and_its_debt_survives() {
    let world = World::new();
    let rate = Some(Rate::per(1, Duration::from_secs(6)).burst(2));
    for n in 0..5 {
        world.accept(&n.to_string(), Priority::Normal, recipient("ana", &["a"])).await;
    }
    world.accept("other", Priority::Normal, recipient("bo", &["a"])).await;
    for expected in [vec!["0", "other"], vec!["1"]] {
        let claims = world.ask("a", 16, rate).await.claims;
        assert_eq!(texts(&claims), expected);
        for claim in claims {
            world.settle(claim, Ok(())).await;
        }
    }
    let World { outbox, dir, _standstill, .. } = world;
    drop(outbox);
    let world = World { outbox: opened_again(dir.path()), clock: Clock::following_runtime(START), dir, _standstill };
    let limited = world.ask("a", 16, rate).await;
    assert!(limited.claims.is_empty());
    assert_eq!(limited.next_at, Some(START.plus(Duration::from_secs(6))));
    pass(Duration::from_secs(6)).await;
    assert_eq!(texts(&world.ask("a", 16, rate).await.claims), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_fails_holds_all_and_comes_back_with_one() {
    let world = World::new();
    for n in 0..20 {
        world.accept(&n.to_string(), Priority::Normal, recipient(&n.to_string(), &["a"])).await;
    }
    let mut hold = Vec::new();
    for _ in 0..3 {
        for claim in world.claim("a").await {
            world.settle(claim, Err(Class::Network)).await;
        }
        let next = world.ask("a", 16, None).await;
        assert!(next.claims.is_empty());
        hold.push(next.next_at.unwrap().since(world.clock.now()).as_secs());
        pass(Duration::from_secs(*hold.last().unwrap())).await;
    }
    assert_eq!(hold, [1, 2, 4], "sixteen that failed together are one step");
    let probe = world.one("a").await;
    assert!(world.claim("a").await.is_empty());
    world.settle(probe, Ok(())).await;
    assert_eq!(world.claim("a").await.len(), 16);
}

#[tokio::test(start_paused = true)]
async fn without_an_account_the_next_way_is_taken() {
    let world = World::new();
    let moves = world.accept("one", Priority::Normal, recipient("ana", &["gone", "a"])).await;
    let waits = world.accept("two", Priority::Normal, recipient("bo", &["gone"])).await;
    world.outbox.keep_accounts(BTreeSet::from([account("a")])).await.unwrap();
    assert_eq!(reason(&world.outbox, waits).await.as_deref(), Some("no account"));
    assert_eq!(reason(&world.outbox, moves).await.as_deref(), Some("the account gone is no longer configured"));
    assert_eq!(texts(&world.claim("a").await), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_leaves_for_an_account_that_is_gone_though_it_never_had_anything_to_send() {
    let world = World::new();
    world.outbox.keep_accounts(["a", "unused"].map(account).into()).await.unwrap();
    let stays = world.accept("one", Priority::Normal, recipient("ana", &["a", "unused"])).await;
    world.outbox.keep_accounts([account("a")].into()).await.unwrap();
    world.settle(world.one("a").await, Err(Class::Network)).await;
    pass(MINUTE * 3).await;
    world.outbox.sweep().await.unwrap();
    assert_eq!(world.outbox.find(stays).await.unwrap().unwrap().deliveries[0].delivery.way, 0);
    assert_eq!(texts(&world.claim("a").await), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn a_late_one_lets_new_ones_pass() {
    let world = World::new();
    world.accept("old", Priority::Normal, recipient("ana", &["a", "b"])).await;
    world.settle(world.one("a").await, Err(Class::Content)).await;
    pass(MINUTE).await;
    world.outbox.sweep().await.unwrap();
    world.accept("new", Priority::Normal, recipient("ana", &["b"])).await;
    let new = world.one("b").await;
    assert_eq!((new.text(), new.delivery().late), ("new", false));
    world.settle(new, Ok(())).await;
    assert_eq!(texts(&world.claim("b").await), ["old"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_an_older_one_that_is_not_marked_late_yet() {
    let world = World::new();
    let contacts: Vec<String> = (0..70).map(|n| format!("+15550{n:03}")).collect();
    for contact in &contacts {
        world.accept("old", Priority::Normal, recipient(contact, &["a", "b"])).await;
    }
    for claim in world.ask("a", 100, None).await.claims {
        world.settle(claim, Err(Class::Content)).await;
    }
    for contact in &contacts {
        world.accept("young", Priority::Normal, recipient(contact, &["a"])).await;
    }
    pass(MINUTE).await;
    let late = "SELECT count(*) FROM deliveries WHERE late = 1";
    let mut began = 0;
    while began < 70 {
        let found = world.ask("a", 100, None).await;
        began += i64::try_from(found.claims.len()).unwrap();
        assert_eq!(world.counted(late), began);
        assert!(began == 70 || found.next_at <= Some(world.clock.now()), "the rest has not to wait");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_lane_all_that_time_brings_is_done_at_once() {
    let world = World::new();
    for n in 0..150 {
        let brief = message("brief", Priority::Normal, world.clock.now(), MINUTE);
        world.outbox.enqueue(brief, vec![recipient(&n.to_string(), &["gone"])]).await.unwrap();
    }
    world.outbox.keep_accounts(BTreeSet::new()).await.unwrap();
    pass(MINUTE).await;
    let ended = world.outbox.sweep().await.unwrap();
    assert_eq!(ended.len(), 150);
    let why = "its time ran out; the last trouble: no account";
    assert!(ended.iter().all(|delivery| delivery.reason.as_deref() == Some(why)), "{:?}", ended[0]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_owes_nothing_leaves_no_row() {
    let world = World::new();
    let rate = Some(Rate::per(1, Duration::from_secs(6)).burst(45));
    world.accept("one", Priority::Normal, recipient("ana", &["a"])).await;
    for claim in world.ask("a", 1, rate).await.claims {
        world.settle(claim, Ok(())).await;
    }
    let rows = "SELECT count(*) FROM address_queue";
    assert_eq!(world.counted(rows), 1, "its rate is remembered");
    assert_eq!(world.ask("a", 1, rate).await.next_at, Some(START.plus(Duration::from_secs(6))));
    pass(Duration::from_secs(6)).await;
    world.claim("a").await;
    assert_eq!(world.counted(rows), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_changes_no_wait() {
    const DAY: i64 = 24 * 3600 * 1000;
    let world = World::new();
    world.accept("one", Priority::Normal, recipient("ana", &["a"])).await;
    world.clock.set_by(3 * DAY);
    let claim = world.one("a").await;
    assert!(claim.delivery().expires_at > world.clock.now(), "it has its hour");
    world.settle(claim, Err(Class::Network)).await;
    world.clock.set_by(-2 * DAY);
    assert!(world.claim("a").await.is_empty(), "still held");
    pass(Duration::from_secs(1)).await;
    let wait = Class::Wait { scope: Scope::Recipient, after: Some(MINUTE * 9) };
    world.settle(world.one("a").await, Err(wait)).await;

    let World { outbox, dir, _standstill, .. } = world;
    drop(outbox);
    // The clock of this one stands a day before that.
    let world = World { outbox: opened_again(dir.path()), clock: Clock::following_runtime(START), dir, _standstill };
    assert!(world.claim("a").await.is_empty());
    pass(MINUTE).await;
    assert_eq!(texts(&world.claim("a").await), ["one"], "nobody knows how old the hold is: a minute will do");
}

/// What is made of the same text, which rings once in ten minutes.
async fn repeated(world: &World, key: Option<&str>) -> Accepted {
    let (message, to) = (message("full", Priority::Normal, world.clock.now(), MINUTE), vec![recipient("ana", &["a"])]);
    let content = Content::of(None, "full", &to);
    let by_key = key.map(|key| Once::by_key("disk", None, key, content));
    let onces = by_key.into_iter().chain([Once::within(MINUTE * 10, "disk", content)]).collect();
    world.outbox.enqueue_once(message, to, onces).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_ahead_keeps_no_window_open_after_a_restart() {
    let world = World::new();
    world.clock.set_by(1000 * 24 * 3600 * 1000);
    assert_eq!(repeated(&world, None).await, Accepted::New);
    let World { outbox, dir, _standstill, .. } = world;
    drop(outbox);
    let world = World { outbox: opened_again(dir.path()), clock: Clock::following_runtime(START), dir, _standstill };
    assert!(matches!(repeated(&world, None).await, Accepted::Duplicate(_)));
    pass(MINUTE * 10).await;
    assert_eq!(repeated(&world, None).await, Accepted::New);
}

#[tokio::test(start_paused = true)]
async fn a_window_begins_with_a_message_and_not_with_its_repetition() {
    let world = World::new();
    assert_eq!(repeated(&world, Some("k")).await, Accepted::New);
    pass(MINUTE * 60).await;
    assert!(matches!(repeated(&world, Some("k")).await, Accepted::Duplicate(_)));
    assert_eq!(repeated(&world, None).await, Accepted::New, "the first was an hour ago");
}

#[tokio::test(start_paused = true)]
async fn a_message_for_nobody_is_refused() {
    let world = World::new();
    for to in [vec![], vec![recipient("ana", &["a"]), recipient("bo", &[])]] {
        let refused = world.outbox.enqueue(message("one", Priority::Normal, START, MINUTE), to).await.unwrap_err();
        assert!(refused.to_string().contains("for nobody"), "{refused}");
    }
    assert_eq!(world.counted("SELECT count(*) FROM messages"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_until_it_can_be_written() {
    let world = World::new();
    world.accept("one", Priority::Normal, recipient("ana", &["a"])).await;
    let claim = world.one("a").await;
    let other = rusqlite::Connection::open(world.dir.path().join("outbox.db")).unwrap();
    let trouble = "CREATE TRIGGER trouble BEFORE INSERT ON attempts BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(trouble).unwrap();
    let settled = world.settle(claim, Ok(()));
    tokio::pin!(settled);
    tokio::select! {
        biased;
        _ = &mut settled => panic!("nothing could be written"),
        // Comes after the result, so that this has been refused.
        _ = world.outbox.next_sweep() => other.execute_batch("DROP TRIGGER trouble").unwrap(),
    }
    let settled = loop {
        tokio::select! {
            biased;
            settled = &mut settled => break settled,
            () = pass(Duration::from_secs(1)) => {}
        }
    };
    assert_eq!(settled.state, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_restart_tries_at_once_unless_the_provider_asked_to_wait() {
    let asked = Class::Wait { scope: Scope::Account, after: Some(MINUTE / 2) };
    for (class, waiting) in [(Class::Network, 0), (asked, 1)] {
        let world = World::new();
        for text in ["first", "second", "third"] {
            world.accept(text, Priority::Normal, recipient("ana", &["a"])).await;
        }
        // Three steps: the third holds for four seconds.
        for _ in 0..3 {
            let claim = world.one("a").await;
            world.settle(claim, Err(class)).await;
            if waiting == 1 {
                break;
            }
            assert!(world.claim("a").await.is_empty(), "{class:?}");
            pass(Duration::from_secs(2)).await;
        }
        let World { outbox, dir, clock, _standstill } = world;
        drop(outbox);
        let outbox = opened_with(dir.path(), &clock);
        outbox.void_leases().await.unwrap();
        let terms = Terms { free: 1, limits: Limits::NONE, lease: MINUTE, on_unknown: OnUnknown::Retry };
        let claims = outbox.claim(&account("a"), terms).await.unwrap().claims;
        assert_eq!(claims.len(), 1 - waiting, "{class:?}");
    }
}

async fn reason(outbox: &Outbox, id: MessageId) -> Option<String> {
    outbox.find(id).await.unwrap().unwrap().deliveries.remove(0).delivery.reason
}
