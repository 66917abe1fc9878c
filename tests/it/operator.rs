//! What callers and operators may ask of the outbox: the same answer to the same call, lists, retries, an end.

use std::fs;
use std::time::Duration;

use hookbell::account::Limits;
use hookbell::clock::{Clock, Timestamp};
use hookbell::contact::Recipient;
use hookbell::message::delivery::{
    Class, Delivery, DeliveryId, DeliveryState, Event, NoRetry, OnUnknown, Receipt, Report, SendError,
};
use hookbell::message::ways::Circumstances;
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Accepted, Content, Filter, Listed, Named, Once, Outbox, Reader, Refused, Settlement, Terms};

use crate::outbox::{START, account, error, message, opened_again, recipient, standstill};

const HOUR: Duration = Duration::from_secs(3600);

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

    async fn call(&self, text: &str, onces: &[Once]) -> (MessageId, Accepted) {
        let message = message(text, Priority::Normal, self.clock.now(), HOUR);
        (message.id, self.outbox.enqueue_once(message, ana(), onces.to_vec()).await.unwrap())
    }

    async fn accept(&self, contact: &str) -> MessageId {
        let message = message("full", Priority::Normal, self.clock.now(), HOUR);
        let id = message.id;
        self.outbox.enqueue(message, vec![recipient(contact, &["a", "b"])]).await.unwrap();
        id
    }

    /// One try by an account.
    async fn tried(&self, name: &str, outcome: Result<(), Class>) -> Delivery {
        let terms = Terms { free: 1, limits: Limits::NONE, lease: HOUR, on_unknown: OnUnknown::GiveUp };
        let claim = self.outbox.claim(&account(name), terms).await.unwrap().claims.remove(0);
        let outcome: Result<Receipt, SendError> =
            outcome.map(|()| Receipt { id: Some("r1".to_owned()), advice: None }).map_err(error);
        self.outbox.settle(claim, Settlement { outcome, on_unknown: OnUnknown::GiveUp }).await.unwrap().remove(0)
    }

    async fn failed(&self, contact: &str) -> MessageId {
        let id = self.accept(contact).await;
        self.tried("a", Err(Class::Recipient)).await;
        assert_eq!(self.tried("b", Err(Class::Content)).await.state, DeliveryState::Failed);
        id
    }

    async fn listed(&self, filter: Filter) -> Listed {
        self.outbox.look(move |reader| reader.list(&filter)).await.unwrap()
    }

    async fn ids(&self, filter: Filter) -> Vec<MessageId> {
        let filter = Filter { limit: 10, ..filter };
        self.listed(filter).await.deliveries.iter().map(|(delivery, _)| delivery.message).collect()
    }

    fn entries(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.dir.path()).unwrap().map(Result::unwrap);
        let mut entries: Vec<_> =
            entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect();
        entries.sort();
        entries
    }
}

fn ana() -> Vec<Recipient> {
    vec![recipient("ana", &["a"])]
}

fn by_key(key: &str, text: &str) -> Once {
    Once::by_key("disk", None, key, Content::of(None, text, &ana()))
}

async fn pass(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_key_has_the_same_answer_also_after_a_restart() {
    let world = World::new();
    let (first, accepted) = world.call("full", &[by_key("k", "full")]).await;
    assert_eq!(accepted, Accepted::New);
    assert_eq!(world.call("full", &[by_key("k", "full")]).await.1, Accepted::Duplicate(first));
    assert_eq!(world.call("fuller", &[by_key("k", "fuller")]).await.1, Accepted::KeyReused);
    let theirs = Once::by_key("disk", Some("icinga"), "k", Content::of(None, "full", &ana()));
    assert_eq!(world.call("full", &[theirs]).await.1, Accepted::New, "another caller's key is another one");
    pass(HOUR).await;
    let World { outbox, clock, dir, _standstill } = world;
    outbox.close().await;
    let again = World { outbox: opened_again(dir.path()), clock, dir, _standstill };
    assert_eq!(again.call("full", &[by_key("k", "full")]).await.1, Accepted::Duplicate(first));
    assert_eq!(again.ids(Filter::default()).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_a_day_and_old_ones_are_swept() {
    let world = World::new();
    for n in 0..20 {
        world.call("full", &[by_key(&n.to_string(), "full")]).await;
    }
    pass(HOUR * 24 - Duration::from_millis(1)).await;
    assert!(matches!(world.call("full", &[by_key("0", "full")]).await.1, Accepted::Duplicate(_)));
    pass(Duration::from_millis(1)).await;
    assert_eq!(world.call("other", &[by_key("0", "other")]).await.1, Accepted::New);
    for n in 0..2 {
        world.call("full", &[by_key(&format!("new {n}"), "full")]).await;
    }
    let db = rusqlite::Connection::open(world.dir.path().join("outbox.db")).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM once", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 3);
}

#[tokio::test(start_paused = true)]
async fn of_many_calls_at_once_one_decides() {
    let world = World::new();
    let calls: Vec<_> = (0..50).map(|_| by_key("k", "full")).collect();
    let calls = calls.iter().map(|once| world.call("full", std::slice::from_ref(once)));
    let answers = all(calls.collect()).await;
    let new: Vec<_> = answers.iter().filter(|(_, accepted)| *accepted == Accepted::New).map(|(id, _)| *id).collect();
    assert_eq!(new.len(), 1);
    assert!(answers.iter().all(|(id, accepted)| *id == new[0] || *accepted == Accepted::Duplicate(new[0])));
}

#[tokio::test(start_paused = true)]
async fn within_a_window_the_same_content_is_accepted_once() {
    let world = World::new();
    let within = |text| Once::within(HOUR, "disk", Content::of(None, text, &ana()));
    let (first, _) = world.call("full", &[within("full")]).await;
    assert_eq!(world.call("empty", &[within("empty")]).await.1, Accepted::New);
    pass(HOUR - Duration::from_millis(1)).await;
    assert_eq!(world.call("full", &[within("full")]).await.1, Accepted::Duplicate(first));
    // It began with the first: repetitions don't make it longer.
    pass(Duration::from_millis(1)).await;
    assert_eq!(world.call("full", &[within("full")]).await.1, Accepted::New);
    // A key that came with a repetition stands for the first, too.
    let (first, _) = world.call("hot", &[within("hot")]).await;
    world.call("hot", &[by_key("k", "hot"), within("hot")]).await;
    pass(HOUR * 2).await;
    assert_eq!(world.call("hot", &[by_key("k", "hot"), within("hot")]).await.1, Accepted::Duplicate(first));
}

#[tokio::test(start_paused = true)]
async fn a_list_has_the_newest_first_and_what_its_filter_wants() {
    let world = World::new();
    let old = world.failed("ana").await;
    pass(HOUR).await;
    let new = world.accept("bo").await;
    assert_eq!(world.ids(Filter::default()).await, [new, old]);
    let since = world.clock.now();
    let filters = [
        Filter { state: Some(DeliveryState::Queued), ..Filter::default() },
        Filter { contact: Some("bo".to_owned()), ..Filter::default() },
        Filter { account: Some("a".to_owned()), ..Filter::default() },
        Filter { since: Some(since), ..Filter::default() },
    ];
    for filter in filters {
        assert_eq!(world.ids(filter.clone()).await, [new], "{filter:?}");
    }
    for filter in [
        Filter { state: Some(DeliveryState::Failed), ..Filter::default() },
        Filter { until: Some(since), ..Filter::default() },
    ] {
        assert_eq!(world.ids(filter.clone()).await, [old], "{filter:?}");
    }
    let none = Filter { hook: Some("x".to_owned()), since: Some(since.plus(HOUR)), ..Filter::default() };
    assert!(world.ids(none).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_long_list_comes_in_pieces_that_fit_together() {
    let world = World::new();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(world.accept("ana").await);
    }
    let (mut found, mut before, mut pieces) = (Vec::new(), None, 0);
    loop {
        let piece = world.listed(Filter { limit: 3, before, ..Filter::default() }).await;
        found.extend(piece.deliveries.iter().map(|(delivery, _)| delivery.message));
        pieces += 1;
        match piece.next {
            Some(next) => before = Some(next),
            None => break,
        }
    }
    ids.reverse();
    assert_eq!((found, pieces), (ids, 3));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_found_by_the_beginning_of_its_id_and_shown_with_its_tries() {
    let world = World::new();
    let (id, other) = (world.failed("ana").await, world.accept("bo").await);
    let named = |beginning: String| world.outbox.look(move |reader| reader.named(&beginning));
    assert_eq!(named(id.to_string().to_lowercase()).await, Ok(Named::One(id)));
    assert_eq!(named(id.to_string()[..20].to_owned()).await, Ok(Named::One(id)));
    assert_eq!(named(other.to_string()[..4].to_owned()).await, Ok(Named::Several));
    assert_eq!(named("7ZZZ".to_owned()).await, Ok(Named::Nothing));
    let (status, tries) = world.outbox.look(move |reader| reader.show(id, START)).await.unwrap().unwrap();
    let classes: Vec<_> = tries.iter().map(|one| (one.account.as_str(), one.class.as_str())).collect();
    assert_eq!(classes, [("a", "recipient"), ("b", "content")]);
    assert_eq!((status.message.text.as_str(), tries[1].detail.as_str()), ("full", "no such luck"));
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_out_once_more_with_a_fresh_time_to_live() {
    let world = World::new();
    let id = world.failed("ana").await;
    pass(HOUR * 5).await;
    let touched = world.outbox.retry(id, false).await.unwrap().unwrap();
    assert_eq!((touched.len(), touched[0].done, touched[0].delivery.state), (1, Ok(()), DeliveryState::Queued));
    assert_eq!(touched[0].delivery.expires_at, world.clock.now().plus(HOUR));
    let kept = world.outbox.find(id).await.unwrap().unwrap().deliveries.remove(0).delivery;
    assert_eq!(kept, touched[0].delivery, "what is on disk");
    assert_eq!(world.outbox.retry(id, true).await.unwrap().unwrap()[0].done, Err("it is under way"));
    let sent = world.tried("a", Ok(())).await;
    assert_eq!((sent.message, sent.state), (id, DeliveryState::Sent));
    assert_eq!(
        world.outbox.retry(id, true).await.unwrap().unwrap()[0].done,
        Err("it has been sent, and -force does not change that: send a new one")
    );
    assert_eq!(world.outbox.retry(MessageId::new(START, [0; 10]), true).await, Ok(None));
    let accounts = world.outbox.look(|reader| reader.accounts(START)).await.unwrap();
    assert!(accounts.iter().all(|account| account.queued == 0), "{accounts:?}");
}

#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_is_retried_by_force_only() {
    let world = World::new();
    let id = world.accept("ana").await;
    world.tried("a", Err(Class::Unknown)).await;
    world.tried("b", Err(Class::Recipient)).await;
    let refused = world.outbox.retry(id, false).await.unwrap().unwrap();
    assert!(refused[0].done.unwrap_err().contains("may have arrived"));
    let forced = world.outbox.retry(id, true).await.unwrap().unwrap();
    assert_eq!((forced[0].done, forced[0].delivery.possible_duplicate), (Ok(()), true));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_takes_back_what_is_queued_and_its_row_says_so() {
    let world = World::new();
    let id = world.accept("ana").await;
    let terms = Terms { free: 1, limits: Limits::NONE, lease: HOUR, on_unknown: OnUnknown::Retry };
    let claim = world.outbox.claim(&account("a"), terms).await.unwrap().claims.remove(0);
    let touched = world.outbox.cancel(id).await.unwrap().unwrap();
    assert_eq!((touched[0].done, touched[0].delivery.state), (Err("a try is under way"), DeliveryState::Sending));
    let outcome = Err(error(Class::Fault));
    world.outbox.settle(claim, Settlement { outcome, on_unknown: OnUnknown::Retry }).await.unwrap();
    let touched = world.outbox.cancel(id).await.unwrap().unwrap();
    assert_eq!((touched[0].done, touched[0].delivery.state), (Ok(()), DeliveryState::Canceled));
    assert_eq!(world.outbox.cancel(id).await.unwrap().unwrap()[0].done, Err("it has ended"));
    let (_, tries) = world.outbox.look(move |reader| reader.show(id, START)).await.unwrap().unwrap();
    let classes: Vec<_> = tries.iter().map(|one| one.class.as_str()).collect();
    assert_eq!(classes, ["fault", "canceled"]);
    pass(HOUR).await;
    assert!(world.outbox.claim(&account("a"), terms).await.unwrap().claims.is_empty());
    assert_eq!(world.outbox.retry(id, false).await.unwrap().unwrap()[0].done, Ok(()), "it can be taken up again");
}

#[tokio::test(start_paused = true)]
async fn of_refused_calls_the_last_ten_thousand_are_kept() {
    let world = World::new();
    let refused = |n: i64| Refused {
        at: Timestamp::from_millis(n),
        hook: "x".repeat(5000),
        address: "192.0.2.1:7".to_owned(),
        status: 403,
        reason: "a wrong token".to_owned(),
        untold: 3,
    };
    all((0..300).map(|n| world.outbox.note_refused(refused(n))).collect()).await;
    let db = rusqlite::Connection::open(world.dir.path().join("outbox.db")).unwrap();
    db.execute("UPDATE refused SET id = 10150 WHERE id = 300", []).unwrap();
    world.outbox.note_refused(refused(300)).await.unwrap();
    let kept = world.outbox.look(|reader| reader.refused(20_000)).await.unwrap();
    assert_eq!((kept.len(), kept[0].at.millis(), kept[0].hook.len()), (150, 300, 200));
}

#[tokio::test(start_paused = true)]
async fn a_dead_daemon_s_file_is_read_and_nothing_is_made_or_changed() {
    let world = World::new();
    let id = world.failed("ana").await;
    // As after a kill: the log beside the file has everything.
    let left = world.entries();
    assert!(left.iter().any(|(name, length)| name == "outbox.db-wal" && *length > 0), "{left:?}");
    let killed = tempfile::tempdir().unwrap();
    for (name, _) in &left {
        fs::copy(world.dir.path().join(name), killed.path().join(name)).unwrap();
    }
    let killed = World { dir: killed, ..World::new() };
    let list = |dir: &std::path::Path| Reader::open(dir).unwrap().list(&Filter { limit: 9, ..Filter::default() });
    for _ in 0..2 {
        assert_eq!(list(killed.dir.path()).unwrap().deliveries[0].0.message, id);
        assert_eq!(killed.entries(), left);
    }
    // After an orderly end there is no log, also where somebody looked.
    assert_eq!(world.ids(Filter::default()).await, [id]);
    world.outbox.close().await;
    let left = world.entries();
    assert_eq!(left.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["outbox.db", "outbox.lock"]);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(world.dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(list(world.dir.path()).unwrap().deliveries[0].0.message, id);
    fs::set_permissions(world.dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(world.entries(), left);
    let nowhere = Reader::open(&world.dir.path().join("nowhere"));
    assert!(nowhere.unwrap_err().to_string().contains("can't be read"));
    assert_eq!(world.entries(), left);
}

#[test]
fn a_retry_begins_anew_and_late_where_it_may() {
    let until = START.plus(HOUR * 9);
    let to = recipient("ana", &["a", "b"]);
    let new = Delivery::new(DeliveryId(1), &message("full", Priority::Normal, START, HOUR), to);
    let failed = |class| {
        let try_it = |delivery: Delivery| {
            let sending = delivery.advance(Event::Claimed, &Circumstances::at(START)).delivery;
            sending.advance(Event::Refused(error(class), OnUnknown::GiveUp), &Circumstances::at(START)).delivery
        };
        try_it(try_it(new.clone()))
    };
    let ended = failed(Class::Content);
    assert_eq!((ended.state, ended.way, ended.may_be_retried()), (DeliveryState::Failed, 1, Ok(())));
    let again = ended.clone().advance(Event::Retried { until }, &Circumstances::at(START)).delivery;
    assert_eq!((again.state, again.way, again.late, again.expires_at), (DeliveryState::Queued, 0, true, until));
    assert_eq!((again.tries, again.moved_at, &again.reason), (0, None, &None));
    assert!(matches!(failed(Class::Unknown).may_be_retried(), Err(NoRetry::MayHaveArrived(_))));
    let taken = Delivery { receipt: Some("r1".to_owned()), ..ended };
    assert!(matches!(taken.may_be_retried(), Err(NoRetry::MayHaveArrived(_))));
    assert!(taken.advance(Event::Retried { until }, &Circumstances::at(START)).delivery.possible_duplicate);
    for (word, state) in DeliveryState::ALL {
        let other = Delivery { state, ..new.clone() };
        let ended = ["failed", "expired", "canceled"].contains(&word);
        assert_eq!(other.may_be_retried().is_ok(), ended, "{word}");
        let after = other.clone().advance(Event::Retried { until }, &Circumstances::at(START)).delivery;
        assert_eq!(after.state != other.state, ended, "{word}");
    }
    let arrived = again.advance(Event::Reported(Report::Delivered), &Circumstances::at(START)).delivery;
    assert_eq!(arrived.state, DeliveryState::Delivered, "a late report still wins");
}

/// All of them at once.
async fn all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        let ended = futures.iter().all(|(_, done)| done.is_some());
        if ended { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}
