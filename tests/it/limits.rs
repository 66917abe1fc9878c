//! Limits: the rates of accounts and addresses, what a provider asks for, and folding. On paused time.

use std::time::Duration;

use hookbell::account::{Limits, Rate};
use hookbell::message::delivery::{Class, Delivery, DeliveryState, OnUnknown, Receipt, Scope};
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Claim, Settlement};

use crate::delivery;
use crate::outbox::{START, World, message, pass, recipient, texts};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Meta's, to one user.
const PAIR: Rate = Rate::per(1, Duration::from_secs(6)).burst(45);

fn to_each(rate: Rate, fold_after: u32) -> Limits {
    Limits { per_recipient: Some(rate), fold_after, ..Limits::NONE }
}

/// The most of these moments that lie in any window of this length, its ends included.
fn most_within(moments: &[u64], window: u64) -> usize {
    let inside = |(n, from): (usize, &u64)| moments[n..].iter().take_while(|at| **at <= from + window).count();
    moments.iter().enumerate().map(inside).max().unwrap_or(0)
}

/// Claims and sends as often as it may for so long; yields when which text went, in milliseconds.
async fn sent_in(world: &World, limits: Limits, time: Duration) -> Vec<(u64, String)> {
    let until = world.clock.now().plus(time);
    let mut sent = Vec::new();
    loop {
        let found = world.ask_within("a", 16, limits).await;
        let idle = found.claims.is_empty();
        for claim in found.claims {
            let at = world.clock.now().since(START).as_millis() as u64;
            sent.push((at, claim.text().to_owned()));
            world.settle(claim, Ok(())).await;
        }
        if idle {
            match found.next_at.filter(|at| *at <= until) {
                Some(at) => pass(at.since(world.clock.now())).await,
                None => return sent,
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_of_15_a_second_sends_150_in_ten_seconds_and_never_above_16_in_one() {
    let mut world = delivery::World::new(Duration::from_millis(30), |_, _| Ok(()));
    world.configure(&["a"], Limits { rate: Some(Rate::per(15, SECOND)), ..Limits::NONE }, 1);
    for n in 0..160 {
        world.accept(&n.to_string(), recipient(&format!("c{n}"), &["a"])).await;
    }
    while world.carried_at().len() < 150 {
        world.settled().await;
        // A lane comes late, now by more and now by less.
        tokio::time::advance(Duration::from_millis(19)).await;
    }
    let moments: Vec<u64> = world.carried_at().into_iter().map(|(at, _)| at).collect();
    assert!((9_500..=10_500).contains(&moments[149]), "150 took {} ms", moments[149]);
    assert!(most_within(&moments, 1000) <= 16, "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn one_address_of_metas_gets_45_at_once_and_then_one_in_six_seconds() {
    let world = World::new();
    for n in 0..60 {
        world.accept(&n.to_string(), Priority::Normal, recipient("ana", &["a"])).await;
    }
    let limits = Limits { rate: Some(Rate::per(80, SECOND)), ..to_each(PAIR, 0) };
    let sent = sent_in(&world, limits, MINUTE * 2).await;
    let order: Vec<usize> = sent.iter().map(|(_, text)| text.parse().unwrap()).collect();
    assert_eq!(order, (0..60).collect::<Vec<_>>());
    let moments: Vec<u64> = sent.into_iter().map(|(at, _)| at).collect();
    assert!(moments[44] < 600, "80 a second let 45 through: {moments:?}");
    let slow: Vec<u64> = moments[45..].iter().map(|at| at / 1000).collect();
    assert_eq!(slow, (1..=15).map(|n| 6 * n).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_an_account_owes_survives_a_restart_and_a_step_of_the_clock() {
    let limits = Limits { rate: Some(Rate::per(1, MINUTE).burst(2)), ..Limits::NONE };
    let world = World::new();
    for n in 0..4 {
        world.accept(&n.to_string(), Priority::Normal, recipient(&n.to_string(), &["a"])).await;
    }
    let claims = world.ask_within("a", 16, limits).await;
    assert_eq!(texts(&claims.claims), ["0", "1"]);
    let opens = claims.next_at.unwrap().since(world.clock.now());
    assert!(opens <= MINUTE && opens >= MINUTE - SECOND, "{opens:?}");
    for claim in claims.claims {
        world.settle(claim, Ok(())).await;
    }
    let world = world.restarted();
    assert!(world.ask_within("a", 16, limits).await.claims.is_empty());
    world.clock.set_by(24 * 3_600_000);
    assert!(world.ask_within("a", 16, limits).await.claims.is_empty(), "no minute has passed");
    world.clock.set_by(-48 * 3_600_000);
    assert!(world.ask_within("a", 16, limits).await.claims.is_empty());
    pass(opens).await;
    assert_eq!(texts(&world.ask_within("a", 16, limits).await.claims), ["2"]);
}

#[tokio::test(start_paused = true)]
async fn another_rate_counts_at_once() {
    let world = World::new();
    for n in 0..8 {
        world.accept(&n.to_string(), Priority::Normal, recipient("ana", &["a"])).await;
    }
    let hour = Rate::per(1, MINUTE * 60);
    let slow = Limits { rate: Some(hour), ..to_each(hour, 0) };
    assert_eq!(sent_in(&world, slow, MINUTE).await.len(), 1);
    let quick = Limits { rate: Some(Rate::per(1, SECOND)), ..to_each(Rate::per(1, SECOND * 2), 0) };
    let now = world.clock.now().since(START).as_millis() as u64;
    let sent = sent_in(&world, quick, SECOND * 4).await;
    let after: Vec<u64> = sent.iter().map(|(at, _)| at - now).collect();
    assert_eq!(after, [2000, 4000], "no hour is waited for any more");
    assert_eq!(sent_in(&world, slow, MINUTE).await.len(), 1, "and the other way round");
    assert_eq!(sent_in(&world, Limits::NONE, SECOND).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_ten_thousand_for_one_address_delays_no_other() {
    let world = World::new();
    let storm = message("storm", Priority::Normal, START, MINUTE);
    world.outbox.enqueue(storm, vec![recipient("ana", &["a"]); 10_000]).await.unwrap();
    let limits = to_each(PAIR, 0);
    assert_eq!(sent_in(&world, limits, SECOND).await.len(), 45);
    world.accept("other", Priority::Low, recipient("bo", &["a"])).await;
    assert_eq!(texts(&world.ask_within("a", 16, limits).await.claims), ["other"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_asks_for_is_waited_for_by_whom_it_asks_it_also_after_a_restart() {
    let asked = Some(MINUTE * 5);
    for (scope, others) in [(Scope::Recipient, 1), (Scope::Sender, 0), (Scope::Account, 0)] {
        let world = World::new();
        for contact in ["ana", "ana", "bo"] {
            world.accept(contact, Priority::Normal, recipient(contact, &["a"])).await;
        }
        let mut first = world.ask_within("a", 1, Limits::NONE).await.claims;
        world.settle(first.remove(0), Err(Class::Wait { scope, after: asked })).await;
        world.accept("high", Priority::High, recipient("ana", &["a"])).await;
        let world = world.restarted();
        world.outbox.void_leases().await.unwrap();
        let found = world.ask_within("a", 16, Limits::NONE).await;
        assert_eq!(texts(&found.claims), vec!["bo"; others], "{scope:?}");
        assert_eq!(found.next_at, Some(START.plus(MINUTE * 5)), "{scope:?}");
        for claim in found.claims {
            world.settle(claim, Ok(())).await;
        }
        pass(MINUTE * 5).await;
        assert_eq!(world.ask_within("a", 1, Limits::NONE).await.claims[0].text(), "high", "{scope:?}");
    }
}

/// A world with so many texts for one address, of which the first has used up a limit of one in six seconds.
async fn queued(texts: usize) -> (World, Vec<MessageId>) {
    queued_by(texts, &["a", "b"]).await
}

async fn queued_by(texts: usize, ways: &[&str]) -> (World, Vec<MessageId>) {
    let world = World::new();
    let mut ids = Vec::new();
    for n in 0..texts {
        ids.push(world.accept(&format!("text {n}"), Priority::Normal, recipient("ana", ways)).await);
    }
    (world, ids)
}

async fn found(world: &World, ids: &[MessageId]) -> Vec<Delivery> {
    let mut all = Vec::new();
    for id in ids {
        all.push(world.outbox.find(*id).await.unwrap().unwrap().deliveries.remove(0).delivery);
    }
    all
}

const SLOW: Rate = Rate::per(1, Duration::from_secs(6));

async fn one(world: &World, limits: Limits) -> Claim {
    let mut claims = world.ask_within("a", 16, limits).await.claims;
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// The first goes alone; then the limit's time passes, and what then goes is yielded.
async fn after_the_first(world: &World, limits: Limits) -> Claim {
    let first = one(world, limits).await;
    assert_eq!((first.text(), first.folded().count()), ("text 0", 0));
    world.settle(first, Ok(())).await;
    pass(SLOW.interval).await;
    one(world, limits).await
}

#[tokio::test(start_paused = true)]
async fn more_than_fold_after_that_wait_for_their_address_go_as_one() {
    let (world, ids) = queued(12).await;
    let claim = after_the_first(&world, to_each(SLOW, 10)).await;
    let shown = "text 1\ntext 2\ntext 3\ntext 4\ntext 5\n…\ntext 11";
    assert_eq!(claim.text(), format!("[11 × 2026-11-20T23:15Z · disk 11]\n{shown}"));
    assert_eq!(claim.folded().count(), 10);
    assert!(found(&world, &ids[1..]).await.iter().all(|delivery| delivery.state == DeliveryState::Sending));
    world.settle(claim, Ok(())).await;
    for delivery in found(&world, &ids[1..]).await {
        assert_eq!((delivery.state, delivery.receipt.as_deref()), (DeliveryState::Sent, Some("r1")));
    }
    let noted = "SELECT count(*) FROM attempts WHERE class = 'accepted' AND detail = '11 as one text, with delivery 2'";
    assert_eq!(world.counted(noted), 11);
    assert_eq!(world.counted("SELECT queued + sending FROM accounts"), 0);
}

#[tokio::test(start_paused = true)]
async fn ten_are_not_more_than_ten_and_with_0_none_ever_are() {
    for (count, fold_after) in [(11, 10), (40, 0)] {
        let (world, _) = queued(count).await;
        let second = after_the_first(&world, to_each(SLOW, fold_after)).await;
        assert_eq!((second.text(), second.folded().count()), ("text 1", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_fold_goes_back_whole_and_holds_once() {
    let (world, ids) = queued(12).await;
    let limits = to_each(SLOW, 10);
    let mut claim = after_the_first(&world, limits).await;
    let first_key = claim.key();
    let wait = Class::Wait { scope: Scope::Recipient, after: None };
    for expected in [1, 2, 4] {
        world.settle(claim, Err(wait)).await;
        assert!(found(&world, &ids[1..]).await.iter().all(|delivery| delivery.state == DeliveryState::Queued));
        assert_eq!(world.counted("SELECT hold_until FROM address_queue") - world.clock.now().millis(), expected * 1000);
        pass(SLOW.interval).await;
        claim = one(&world, limits).await;
        assert_eq!((claim.folded().count(), claim.key()), (10, first_key.clone()));
    }
    world.settle(claim, Err(Class::Recipient)).await;
    assert!(found(&world, &ids[1..]).await.iter().all(|delivery| delivery.way == 1));
    let moved = world.ask_within("b", 16, limits).await.claims;
    assert_eq!(texts(&moved), ["text 1"], "no limit of that address has kept them waiting");
}

#[tokio::test(start_paused = true)]
async fn of_a_fold_that_is_refused_for_what_it_says_each_goes_alone() {
    let (world, ids) = queued_by(12, &["a"]).await;
    let limits = to_each(SLOW, 10);
    let claim = after_the_first(&world, limits).await;
    assert_eq!(claim.folded().count(), 10);
    world.settle(claim, Err(Class::Content)).await;
    for n in 1..12 {
        pass(SLOW.interval).await;
        let alone = one(&world, limits).await;
        assert_eq!((alone.text().to_owned(), alone.folded().count()), (format!("text {n}"), 0));
        world.settle(alone, if n == 5 { Err(Class::Content) } else { Ok(()) }).await;
    }
    let ends = found(&world, &ids).await;
    let failed = ends.iter().filter(|delivery| delivery.state == DeliveryState::Failed).count();
    assert_eq!((failed, ends.len()), (1, 12), "only the one that is refused alone");
}

#[tokio::test(start_paused = true)]
async fn a_fold_of_a_dead_process_is_unknown_in_all_its_parts() {
    let (world, ids) = queued(12).await;
    drop(after_the_first(&world, to_each(SLOW, 10)).await);
    let world = world.restarted();
    world.outbox.void_leases().await.unwrap();
    for delivery in found(&world, &ids[1..]).await {
        assert_eq!((delivery.state, delivery.possible_duplicate), (DeliveryState::Queued, true));
    }
    pass(SLOW.interval).await;
    let again = one(&world, to_each(SLOW, 10)).await;
    assert_eq!(again.folded().count(), 10);
    let late = again.key();
    world.outbox.void_leases().await.unwrap();
    assert_eq!(world.settle(again, Ok(())).await.state, DeliveryState::Sent, "{late}: no other try has begun");
    assert_eq!(world.counted("SELECT count(*) FROM deliveries WHERE state = 'sent'"), 12);
}

#[tokio::test(start_paused = true)]
async fn high_late_and_held_ones_are_not_folded() {
    // One way: with another, patience would end.
    let (world, _) = queued_by(14, &["a"]).await;
    let limits = to_each(SLOW, 10);
    let second = after_the_first(&world, Limits { fold_after: 0, ..limits }).await;
    world.accept("high", Priority::High, recipient("ana", &["a"])).await;
    world.settle(second, Err(Class::Wait { scope: Scope::Recipient, after: Some(MINUTE) })).await;
    pass(SLOW.interval).await;
    assert!(world.ask_within("a", 16, limits).await.claims.is_empty(), "held");
    pass(MINUTE).await;
    let high = one(&world, limits).await;
    assert_eq!((high.text(), high.folded().count()), ("high", 0));
    world.settle(high, Ok(())).await;
    pass(MINUTE).await;
    let alone = one(&world, limits).await;
    assert_eq!((alone.text(), alone.folded().count()), ("text 1", 0), "a minute is more than the limit wanted");
    world.settle(alone, Ok(())).await;
    pass(SLOW.interval).await;
    assert_eq!(one(&world, limits).await.folded().count(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_fold_is_bounded_and_stops_before_what_may_not_go_yet() {
    let (world, _) = queued(300).await;
    let claim = after_the_first(&world, to_each(SLOW, 10)).await;
    assert_eq!(claim.folded().count(), 199);
    assert!(claim.text().ends_with("\n…\ntext 200"), "{}", claim.text());

    let (world, _) = queued(1).await;
    let first = one(&world, to_each(SLOW, 10)).await;
    world.settle(first, Ok(())).await;
    // An old one of the same contact and hook is on its way elsewhere.
    for n in 0..6 {
        let mut other = message(&format!("load {n}"), Priority::Normal, world.clock.now(), MINUTE);
        other.hook = "load".to_owned();
        world.outbox.enqueue(other, vec![recipient("ana", &["a"])]).await.unwrap();
    }
    world.accept("moved", Priority::Normal, recipient("ana", &["c", "b"])).await;
    for n in 0..6 {
        world.accept(&format!("younger {n}"), Priority::Normal, recipient("ana", &["a"])).await;
    }
    let moved = world.ask_within("c", 1, Limits::NONE).await.claims.remove(0);
    world.settle(moved, Err(Class::Content)).await;
    pass(SLOW.interval).await;
    let claim = one(&world, to_each(SLOW, 10)).await;
    assert_eq!(claim.folded().map(|delivery| delivery.hook.as_str()).collect::<Vec<_>>(), ["load"; 5]);
}

#[tokio::test(start_paused = true)]
async fn low_and_normal_ones_go_in_one_text_in_the_order_of_their_acceptance() {
    let world = World::new();
    world.accept("text 0", Priority::High, recipient("ana", &["a"])).await;
    for (text, priority) in [("low", Priority::Low), ("normal", Priority::Normal), ("newest", Priority::Low)] {
        world.accept(text, priority, recipient("ana", &["a"])).await;
    }
    let claim = after_the_first(&world, to_each(SLOW, 2)).await;
    assert_eq!(claim.text(), "[3 × 2026-11-20T23:15Z · disk 3]\nlow\nnormal\nnewest");
    assert_eq!(claim.delivery().priority, Priority::Normal);
    let settlement = Settlement { outcome: Ok(Receipt::default()), on_unknown: OnUnknown::Retry };
    let settled = world.outbox.settle(claim, settlement);
    let states: Vec<_> = settled.await.unwrap().into_iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Sent; 3]);
}
