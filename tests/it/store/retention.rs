//! What ended long ago is forgotten, a little at a time.

use std::time::Duration;

use hookbell::account::Limits;
use hookbell::clock::Clock;
use hookbell::message::Priority;
use hookbell::message::delivery::{Class, OnUnknown, Receipt};
use hookbell::message::news::{Inbound, News};
use hookbell::outbox::{Outbox, Settlement, Terms};
use rusqlite::Connection;

use crate::outbox::{START, account, error, message, recipient, standstill};

const DAY: Duration = Duration::from_secs(86_400);

async fn settle_all(outbox: &Outbox, outcome: Result<(), Class>) -> usize {
    let terms = Terms { free: 1000, limits: Limits::NONE, lease: DAY, on_unknown: OnUnknown::Retry };
    let claims = outbox.claim(&account("a"), terms).await.unwrap().claims;
    let count = claims.len();
    for claim in claims {
        let outcome = outcome.map(|()| Receipt::default()).map_err(error);
        outbox.settle(claim, Settlement { outcome, on_unknown: OnUnknown::Retry }).await.unwrap();
    }
    count
}

#[tokio::test(start_paused = true)]
async fn a_message_is_kept_until_its_last_delivery_ended_long_enough_ago() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
    let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
    let people = |count: usize| (0..count).map(|n| recipient(&format!("+1555{n:04}"), &["a"])).collect::<Vec<_>>();
    let many = message("to many", Priority::Normal, START, DAY * 60);
    let half = message("half", Priority::Normal, START, DAY * 60);
    outbox.enqueue(many.clone(), people(150)).await.unwrap();
    let to = vec![recipient("ana", &["a"]), recipient("bo", &["elsewhere"])];
    outbox.enqueue(half.clone(), to).await.unwrap();
    assert_eq!(settle_all(&outbox, Ok(())).await, 151);
    let before = |days: u32| START.plus(DAY * days);
    assert_eq!(outbox.purge(before(0)).await.unwrap(), 0, "nothing ended before it began");
    let alive = standstill();
    tokio::time::advance(DAY * 10).await;
    drop(alive);
    let young = message("young", Priority::Normal, clock.now(), DAY);
    outbox.enqueue(young.clone(), people(1)).await.unwrap();
    assert_eq!(settle_all(&outbox, Err(Class::Content)).await, 1);
    assert_eq!(outbox.purge(before(5)).await.unwrap(), 1);
    assert!(outbox.find(many.id).await.unwrap().is_none());
    assert!(outbox.find(half.id).await.unwrap().is_some_and(|status| status.deliveries.len() == 2));
    assert!(outbox.find(young.id).await.unwrap().is_some());
    let db = Connection::open(dir.path().join("outbox.db")).unwrap();
    let attempts: i64 = db.query_row("SELECT count(*) FROM attempts", [], |row| row.get(0)).unwrap();
    assert_eq!(attempts, 2, "its attempts went with it");
}

#[tokio::test(start_paused = true)]
async fn the_room_is_given_back() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
    let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
    for n in 0..400 {
        let message = message(&"long ".repeat(4000), Priority::Normal, START, DAY);
        outbox.enqueue(message, vec![recipient(&format!("+1555{n:04}"), &["a"])]).await.unwrap();
    }
    settle_all(&outbox, Ok(())).await;
    let size = || std::fs::metadata(dir.path().join("outbox.db")).unwrap().len();
    assert_eq!(outbox.purge(START.plus(DAY)).await.unwrap(), 400);
    let db = Connection::open(dir.path().join("outbox.db")).unwrap();
    let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    assert!(pages < 1500, "{pages}");
    drop(db);
    outbox.close().await;
    assert!(size() < 6 << 20, "{}", size());
}

#[tokio::test(start_paused = true)]
async fn what_people_wrote_goes_with_the_rest() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
    let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
    let wrote = |n: u32| {
        let (address, kind, text) = ("+15550001".to_owned(), "text".to_owned(), "ok".to_owned());
        News::Inbound(Inbound { id: n.to_string(), address, contact: None, kind, text, at: START, window: None })
    };
    outbox.report(&account("a"), (0..350).map(wrote).collect()).await.unwrap();
    let alive = standstill();
    tokio::time::advance(DAY * 10).await;
    drop(alive);
    outbox.report(&account("a"), vec![wrote(350)]).await.unwrap();
    assert_eq!(outbox.purge(START.plus(DAY * 5)).await.unwrap(), 0, "no message of ours");
    let db = Connection::open(dir.path().join("outbox.db")).unwrap();
    let left: Vec<String> = db
        .prepare("SELECT provider_id FROM inbound")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(left, ["350"]);
}
