//! What a phone fetches: leases, what it says of them, and its silence, on paused time.

use std::time::Duration;

use hookbell::account::AccountName;
use hookbell::dispatch::pull::Wants;
use hookbell::message::MessageId;
use hookbell::message::delivery::{Class, DeliveryState, Report};
use hookbell::message::news::{News, Told};
use hookbell::outbox::{Answered, Ticket};
use hookbell::provider::pull::Said;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::outbox::{START, error};
use crate::world::house::{House, to};

const SECOND: Duration = Duration::from_secs(1);

/// What comes at once or not at all, for a minute and a half.
const NOW: Wants = Wants { most: 1, lease: Duration::from_secs(90), wait: Duration::ZERO };

type Item = Map<String, Value>;

/// A house with `phone`, whose pace does not matter, and `mail`, that takes everything and tells of failures.
fn house(properties: Value) -> House {
    let mut house = House::new();
    let mut phone = json!({ "rate": "1000/s burst 1000", "silent-after": "5m" });
    phone.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    house.says("mail", |_, _| Ok::<(), Class>(())).phone("phone", phone).on_failure(&["mail"]).configure();
    house
}

async fn accept(house: &House, text: &str) -> MessageId {
    house.accept(text, &[("phone", None)]).await
}

/// The one item that is due.
async fn fetch(house: &House) -> Item {
    house.fetch("phone", NOW).await.pop().expect("an item")
}

async fn is_idle(house: &House) -> bool {
    house.fetch("phone", NOW).await.is_empty()
}

fn names(item: &Item) -> (String, Ticket) {
    (item["id"].as_str().unwrap().to_owned(), item["lease"].as_str().unwrap().parse().unwrap())
}

async fn say(house: &House, item: &Item, said: Said) -> Answered {
    let (id, ticket) = names(item);
    house.seat("phone").answer(id, ticket, said).await.unwrap()
}

fn refused(reason: &str) -> Said {
    Said::refused(reason, "", None).unwrap()
}

async fn state(house: &House, id: MessageId) -> DeliveryState {
    house.find(id).await.state
}

fn is_settled(answered: &Answered) -> bool {
    matches!(answered, Answered::Settled(_))
}

#[tokio::test(start_paused = true)]
async fn what_is_fetched_is_leased_and_settled_once() {
    let house = house(json!({}));
    assert!(is_idle(&house).await);
    let id = accept(&house, "disk full").await;
    let item = fetch(&house).await;
    let delivery = house.find(id).await;
    assert_eq!(item["id"], json!(format!("{id}-{}", delivery.id.0)));
    assert_eq!((&item["attempt"], &item["possible_duplicate"]), (&json!(1), &json!(false)));
    assert_eq!((&item["to"], &item["text"], &item["contact"]), (&json!("ana"), &json!("disk full"), &json!("ana")));
    assert_eq!(state(&house, id).await, DeliveryState::Sending);
    assert!(is_idle(&house).await, "it is leased");
    let (name, ticket) = names(&item);
    let strange = house.seat("phone").answer("another".to_owned(), ticket, Said::Sent).await.unwrap();
    assert_eq!(strange, Answered::Gone, "an item and its lease belong together");
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.receipt), (DeliveryState::Sent, Some(name)));
    assert_eq!(say(&house, &item, Said::Sent).await, Answered::Already);
    assert_eq!(say(&house, &item, refused("ui_error")).await, Answered::Gone);
    assert!(is_idle(&house).await);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_runs_out_is_unknown_and_the_item_goes_again() {
    let house = house(json!({}));
    let id = accept(&house, "disk full").await;
    let first = fetch(&house).await;
    house.pass(89).await;
    assert_eq!(state(&house, id).await, DeliveryState::Sending);
    house.pass(3).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.possible_duplicate), (DeliveryState::Queued, true), "nobody asked meanwhile");
    let second = fetch(&house).await;
    assert_eq!((&second["attempt"], &second["possible_duplicate"]), (&json!(2), &json!(true)));
    for said in [Said::Sent, refused("not_registered")] {
        assert_eq!(say(&house, &first, said).await, Answered::Stale, "it is leased again");
    }
    assert!(is_settled(&say(&house, &second, Said::Sent).await));
    assert_eq!(say(&house, &first, Said::Sent).await, Answered::Already);
    assert_eq!(state(&house, id).await, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn what_went_out_counts_though_its_lease_ran_out() {
    let house = house(json!({}));
    let id = accept(&house, "disk full").await;
    let item = fetch(&house).await;
    house.pass(92).await;
    assert_eq!(say(&house, &item, refused("ui_error")).await, Answered::Stale);
    assert_eq!(state(&house, id).await, DeliveryState::Queued);
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
    assert_eq!(state(&house, id).await, DeliveryState::Sent);
    assert_eq!(say(&house, &item, Said::Sent).await, Answered::Already);
    assert!(is_idle(&house).await, "it does not go twice");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_again_of_a_text_that_failed_since_is_nothing_new() {
    let house = house(json!({}));
    let id = accept(&house, "disk full").await;
    let item = fetch(&house).await;
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
    let report = Report::Failed(error(Class::Fault));
    let told = Told { receipt: names(&item).0, key: None, report, at: START };
    house.outbox.report(&AccountName::new("phone"), vec![News::Told(told)]).await.unwrap();
    assert_eq!(state(&house, id).await, DeliveryState::Queued);
    assert_eq!(say(&house, &item, Said::Sent).await, Answered::Already);
    assert_eq!(state(&house, id).await, DeliveryState::Queued, "it goes again");
}

#[tokio::test(start_paused = true)]
async fn rather_never_than_twice() {
    let house = house(json!({ "on-unknown": "give-up" }));
    let id = accept(&house, "disk full").await;
    let item = fetch(&house).await;
    house.pass(92).await;
    assert_eq!(state(&house, id).await, DeliveryState::Failed);
    assert_eq!(say(&house, &item, Said::Sent).await, Answered::Gone);
    assert!(is_idle(&house).await);
}

#[tokio::test(start_paused = true)]
async fn each_reason_says_who_must_act() {
    for (reason, after, gone_to, state, due) in [
        ("not_registered", None, 1, DeliveryState::Sent, None),
        ("too_long", None, 1, DeliveryState::Sent, None),
        ("screen_locked", None, 1, DeliveryState::Sent, None),
        ("app_missing", None, 1, DeliveryState::Sent, None),
        ("logged_out", None, 1, DeliveryState::Sent, None),
        ("ui_error", None, 0, DeliveryState::Queued, Some(1)),
        ("rate_limited", Some(30 * SECOND), 0, DeliveryState::Queued, Some(30)),
    ] {
        let house = house(json!({}));
        let id = house.accept("disk", &[("phone", None), ("mail", None)]).await;
        let item = fetch(&house).await;
        assert!(is_settled(&say(&house, &item, Said::refused(reason, "", after).unwrap()).await), "{reason}");
        house.pass(0).await;
        let delivery = house.find(id).await;
        assert_eq!((delivery.way, delivery.state), (gone_to, state), "{reason}");
        assert_eq!(
            say(&house, &item, refused("ui_error")).await,
            if due.is_some() { Answered::Stale } else { Answered::Gone }
        );
        if let Some(due) = due {
            house.pass(due - 1).await;
            assert!(is_idle(&house).await, "{reason}");
            house.pass(1).await;
            assert_eq!(fetch(&house).await["attempt"], json!(2), "{reason}");
        }
        let broken = house.asked("SELECT count(broken_since) FROM accounts WHERE account = 'phone'");
        let is_account = ["screen_locked", "app_missing", "logged_out"].contains(&reason);
        assert_eq!(broken, if is_account { "1" } else { "0" }, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_can_be_made_longer_while_it_holds() {
    let house = house(json!({}));
    let id = accept(&house, "disk").await;
    let item = fetch(&house).await;
    let extend = || {
        let (id, ticket) = names(&item);
        let seat = house.seat("phone");
        async move { seat.extend(id, ticket, 60 * SECOND).await.unwrap() }
    };
    house.pass(80).await;
    let until = extend().await.unwrap().millis();
    assert_eq!(until - item["expires_at"].as_i64().unwrap(), 50_000);
    house.pass(59).await;
    assert_eq!(state(&house, id).await, DeliveryState::Sending);
    house.pass(3).await;
    assert_eq!((state(&house, id).await, extend().await), (DeliveryState::Queued, None));
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_waits_hears_at_once() {
    let house = house(json!({}));
    let (waits, begun) = (Wants { wait: 25 * SECOND, ..NOW }, Instant::now());
    let (items, _) = tokio::join!(house.fetch("phone", waits), async {
        house.pass(7).await;
        accept(&house, "disk").await
    });
    assert_eq!((items.len(), begun.elapsed().as_secs()), (1, 7));
    say(&house, &items[0], Said::Sent).await;
    let (items, ()) = tokio::join!(house.fetch("phone", waits), house.pass(26));
    assert!(items.is_empty(), "and it hears so, when its time is over");
}

#[tokio::test(start_paused = true)]
async fn of_two_calls_of_a_phone_the_newer_one_is_alive() {
    let house = house(json!({}));
    let waits = Wants { wait: 25 * SECOND, ..NOW };
    let older = house.fetch("phone", waits);
    let newer = async {
        house.pass(1).await;
        house.fetch("phone", waits).await
    };
    let (older, newer, _) = tokio::join!(older, newer, async {
        house.pass(3).await;
        accept(&house, "one").await;
        accept(&house, "two").await
    });
    assert_eq!((older.len(), newer.len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_took_is_not_lent() {
    let house = house(json!({}));
    let waits = Wants { wait: 25 * SECOND, ..NOW };
    tokio::select! {
        items = house.fetch("phone", waits) => panic!("{items:?}"),
        // It hangs up.
        () = house.pass(1) => {}
    }
    let id = accept(&house, "disk").await;
    house.pass(1).await;
    assert_eq!(state(&house, id).await, DeliveryState::Queued);
    assert_eq!(fetch(&house).await["attempt"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn two_phones_have_each_their_own() {
    let mut house = house(json!({}));
    house.phone("other", json!({ "channel": "sms" })).configure();
    accept(&house, "mine").await;
    house.accept("its own", &[("other", None)]).await;
    let item = fetch(&house).await;
    let other = house.fetch("other", NOW).await.remove(0);
    assert_eq!((&item["text"], &other["text"]), (&json!("mine"), &json!("its own")));
    assert_eq!((&other["channel"], &other["wa_link"]), (&json!("sms"), &Value::Null));
    let (id, ticket) = names(&item);
    assert_eq!(house.seat("other").answer(id, ticket, Said::Sent).await.unwrap(), Answered::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_phone_has_its_pace() {
    let mut house = House::new();
    house.phone("phone", json!({})).configure();
    accept(&house, "one").await;
    house.accept_for("two", 3600 * SECOND, vec![to("bo", &[("phone", None)])]).await;
    let wants = Wants { most: 10, ..NOW };
    let first = house.fetch("phone", wants).await;
    assert_eq!(first.len(), 1);
    say(&house, &first[0], Said::Sent).await;
    house.pass(5).await;
    assert!(is_idle(&house).await);
    house.pass(1).await;
    assert_eq!(fetch(&house).await["text"], json!("two"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_phone_is_told_once_and_other_ways_are_taken() {
    let house = house(json!({}));
    assert!(is_idle(&house).await);
    house.pass(299).await;
    let early = house.accept("early", &[("phone", None), ("mail", None)]).await;
    let alone = accept(&house, "alone").await;
    assert_eq!((state(&house, early).await, house.told("mail").len()), (DeliveryState::Queued, 0));
    house.pass(2).await;
    assert_eq!((house.find(early).await.way, state(&house, early).await), (1, DeliveryState::Sent));
    assert_eq!(state(&house, alone).await, DeliveryState::Queued, "what has no other way is kept");
    let why = house.asked("SELECT broken_why FROM accounts WHERE account = 'phone'");
    assert_eq!(why, "the phone phone has not asked since 2026-11-20T23:15:00Z");
    house.pass_minutes(40).await;
    let later = house.accept("later", &[("phone", None), ("mail", None)]).await;
    house.pass(1).await;
    assert_eq!((house.find(later).await.way, state(&house, later).await), (1, DeliveryState::Sent), "at once");
    let told = house.asked("SELECT count(*) FROM messages WHERE kind = 1");
    assert_eq!(told, "1", "one alarm");

    let item = fetch(&house).await;
    assert_eq!(item["text"].as_str().unwrap().split("] ").last(), Some("alone"));
    house.pass(1).await;
    let well = house.asked("SELECT text FROM messages WHERE kind = 1 ORDER BY seq DESC LIMIT 1");
    assert!(well.contains("phone") && well.contains("works again"), "{well}");
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
}

#[tokio::test(start_paused = true)]
async fn a_lease_outlasts_the_daemon() {
    let house = house(json!({}));
    let (acked, lost) = (accept(&house, "acked").await, accept_for_bo(&house).await);
    let items = house.fetch("phone", Wants { most: 2, ..NOW }).await;
    let house = house.restarted().await;
    assert_eq!(state(&house, acked).await, DeliveryState::Sending, "it is the phone's");
    assert!(is_idle(&house).await);
    assert!(is_settled(&say(&house, &items[0], Said::Sent).await));
    assert_eq!(state(&house, acked).await, DeliveryState::Sent);
    let house = house.restarted_after(100 * SECOND, 0).await;
    let delivery = house.find(lost).await;
    assert_eq!((delivery.state, delivery.possible_duplicate), (DeliveryState::Queued, true));
    assert!(is_settled(&say(&house, &items[1], Said::Sent).await), "it really left");
    assert_eq!(state(&house, lost).await, DeliveryState::Sent);
}

async fn accept_for_bo(house: &House) -> MessageId {
    house.accept_for("lost", 3600 * SECOND, vec![to("bo", &[("phone", None)])]).await
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_known_after_a_restart_and_over_with_the_first_call() {
    let house = house(json!({}));
    house.pass(301).await;
    let house = house.restarted().await;
    house.pass(1).await;
    assert_eq!(house.asked("SELECT count(broken_since) FROM accounts WHERE account = 'phone'"), "1");
    assert!(is_idle(&house).await);
    assert_eq!(house.asked("SELECT count(broken_since) FROM accounts WHERE account = 'phone'"), "0");
}

#[tokio::test(start_paused = true)]
async fn a_changed_account_ends_the_wait_and_keeps_the_leases() {
    let mut house = house(json!({}));
    let id = accept(&house, "disk").await;
    let item = fetch(&house).await;
    let waits = house.seat("phone");
    let begun = Instant::now();
    house.phone("phone", json!({ "silent-after": "10m" }));
    let (items, ()) = tokio::join!(waits.fetch(Wants { wait: 25 * SECOND, ..NOW }), async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        house.configure();
    });
    assert_eq!((items.len(), begun.elapsed()), (0, Duration::ZERO));
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
    assert_eq!(state(&house, id).await, DeliveryState::Sent);
}

/// A first message, three more that go as one after it, and that one as it is fetched.
async fn fetched_as_one(house: &House) -> (MessageId, Vec<MessageId>, Item) {
    let first = accept(house, "first").await;
    say(house, &fetch(house).await, Said::Sent).await;
    let mut folded = Vec::new();
    for text in ["one", "two", "three"] {
        folded.push(accept(house, text).await);
    }
    house.pass(61).await;
    (first, folded, fetch(house).await)
}

#[tokio::test(start_paused = true)]
async fn several_texts_in_one_are_settled_together() {
    let house = house(json!({ "per-recipient": "1/60s", "fold-after": 1 }));
    let (first, folded, item) = fetched_as_one(&house).await;
    assert_eq!(item["lease"].as_str().unwrap().split('_').count(), 3, "{item:?}");
    let house = house.restarted().await;
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
    for id in folded.into_iter().chain([first]) {
        assert_eq!(state(&house, id).await, DeliveryState::Sent);
    }
}

#[tokio::test(start_paused = true)]
async fn several_texts_in_one_went_out_though_their_lease_ran_out() {
    let house = house(json!({ "per-recipient": "1/60s", "fold-after": 1 }));
    let (_, folded, item) = fetched_as_one(&house).await;
    house.pass(92).await;
    assert!(is_settled(&say(&house, &item, Said::Sent).await));
    for id in folded {
        assert_eq!(state(&house, id).await, DeliveryState::Sent);
    }
    assert!(is_idle(&house).await, "none goes twice");
}
