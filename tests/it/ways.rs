//! Ways, patience, breakers and on-failure, case by case, as DESIGN tells them.

use std::time::Duration;

use hookbell::account::{Limits, Rate};
use hookbell::message::delivery::{Class, DeliveryState, Scope};

use crate::outbox::START;
use crate::world::house::{House, lines, to};

const HOUR: Duration = Duration::from_secs(3600);

fn well(_: &str, _: usize) -> Result<(), Class> {
    Ok(())
}

/// A house with `wa`, that answers so, and `sms`, that takes everything.
fn house(wa: impl Fn(&str, usize) -> Result<(), Class> + Send + Sync + 'static) -> House {
    let mut house = House::new();
    house.says("wa", wa).says("sms", well).configure();
    house
}

fn asked_to_wait(scope: Scope, seconds: u64) -> Class {
    Class::Wait { scope, after: Some(Duration::from_secs(seconds)) }
}

// Ways and patience.

#[tokio::test(start_paused = true)]
async fn unwritten_patience_is_two_minutes_and_sent_is_enough() {
    let house = house(|_, before| if before < 30 { Err(Class::Fault) } else { Ok(()) });
    let id = house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(59).await;
    assert_eq!(house.find(id).await.way, 0);
    // From now on it would be tried every few minutes.
    house.pass(62).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.way, delivery.state), (1, DeliveryState::Sent));
    assert_eq!(house.carried().pop().unwrap().1, "sms");
    house.pass(600).await;
    assert_eq!(house.find(id).await.way, 1, "sent is enough where nothing is written");
}

#[tokio::test(start_paused = true)]
async fn the_only_way_is_tried_until_its_time_runs_out() {
    let house = house(|_, _| Err(Class::Fault));
    let id = house.accept("disk", &[("wa", None)]).await;
    house.pass(3599).await;
    assert_eq!(house.find(id).await.state, DeliveryState::Queued);
    house.pass(2).await;
    assert_eq!(house.find(id).await.state, DeliveryState::Expired);
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_goes_to_the_next_way_at_once() {
    for class in [Class::Recipient, Class::Content] {
        let house = house(move |_, _| Err(class));
        let id = house.accept("disk", &[("wa", Some(600)), ("sms", None)]).await;
        house.pass(1).await;
        assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), (0, "sms", "disk")]), "{class:?}");
        assert_eq!(house.find(id).await.state, DeliveryState::Sent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_with_a_second_way_loses_no_time() {
    let house = house(|_, _| Err(Class::Account));
    let id = house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(1).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), (0, "sms", "disk")]));
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.possible_duplicate), (DeliveryState::Sent, false));
    assert!(delivery.moved_at.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_silent_first_way_with_written_patience_is_left_though_it_took_the_message() {
    let house = house(well);
    let id = house.accept("disk", &[("wa", Some(120)), ("sms", None)]).await;
    house.pass(119).await;
    assert_eq!(house.find(id).await.state, DeliveryState::Sent);
    house.pass(2).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), (120, "sms", "disk")]));
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.way, delivery.possible_duplicate), (DeliveryState::Sent, 1, true));
    assert_eq!(house.asked("SELECT group_concat(class) FROM attempts"), "accepted,silence,accepted");
}

#[tokio::test(start_paused = true)]
async fn what_is_still_waited_for_outlives_a_set_clock_and_the_clean_up() {
    let house = house(well);
    let id = house.accept("disk", &[("wa", Some(120)), ("sms", None)]).await;
    house.pass(10).await;
    house.set_clock_by(24 * 30);
    house.pass(1).await;
    let (purged, ()) = tokio::join!(house.outbox.purge(START.plus(Duration::from_secs(3600 * 24 * 29))), house.pass(2));
    assert_eq!(purged, Ok(0));
    house.pass(120).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.way), (DeliveryState::Sent, 1), "{:?}", delivery.reason);
}

#[tokio::test(start_paused = true)]
async fn a_silent_last_way_with_written_patience_has_failed_with_a_reason() {
    let house = house(well);
    let id = house.accept("disk", &[("wa", Some(120))]).await;
    house.pass(121).await;
    let delivery = house.find(id).await;
    let why = "wa took it, but reported no arrival in time";
    assert_eq!((delivery.state, delivery.reason.as_deref()), (DeliveryState::Failed, Some(why)));
    assert_eq!(house.asked(&format!("SELECT count(*) FROM attempts WHERE detail = '{why}'")), "1");
}

#[tokio::test(start_paused = true)]
async fn a_try_under_way_at_the_end_of_patience_finishes_first() {
    let mut house = house(well);
    house.takes("wa", Duration::from_secs(150));
    let id = house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(140).await;
    assert_eq!(house.find(id).await.state, DeliveryState::Sending);
    house.pass(11).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.way), (DeliveryState::Sent, 0));
}

#[tokio::test(start_paused = true)]
async fn a_try_that_fails_after_the_end_of_patience_is_the_last_one_there() {
    let mut house = house(|_, _| Err(Class::Fault));
    house.takes("wa", Duration::from_secs(150));
    house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(151).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), (150, "sms", "disk")]));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_longer_than_the_patience_left_moves_at_once_and_a_shorter_one_does_not() {
    for scope in [Scope::Recipient, Scope::Sender, Scope::Account] {
        for (asked, left) in [(121, true), (60, false)] {
            let house = house(move |_, before| if before == 0 { Err(asked_to_wait(scope, asked)) } else { Ok(()) });
            house.accept("disk", &[("wa", None), ("sms", None)]).await;
            house.pass(61).await;
            let second = if left { (0, "sms", "disk") } else { (60, "wa", "disk") };
            assert_eq!(house.carried(), lines(&[(0, "wa", "disk"), second]), "{scope:?} {asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_the_account_moves_whoever_else_is_less_patient() {
    let house = house(|text, _| if text == "first" { Err(asked_to_wait(Scope::Account, 300)) } else { Ok(()) });
    house.accept("first", &[("wa", None)]).await;
    house.pass(1).await;
    let ways = [("wa", None), ("sms", None)];
    let hasty = house.accept_for("hasty", HOUR, vec![to("bo", &ways)]).await;
    let calm = house.accept_for("calm", HOUR, vec![to("cy", &[("wa", Some(900)), ("sms", None)])]).await;
    house.pass(1).await;
    assert_eq!((house.find(hasty).await.way, house.find(calm).await.way), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limiter_wait_longer_than_the_patience_moves_the_next_in_line() {
    let mut house = House::new();
    let per_recipient = Some(Rate::per(1, Duration::from_secs(300)));
    house.says("wa", well).says("sms", well).limits("wa", Limits { per_recipient, ..Limits::NONE }).configure();
    for text in ["one", "two"] {
        house.accept(text, &[("wa", None), ("sms", None)]).await;
    }
    house.pass(2).await;
    assert_eq!(house.carried(), lines(&[(0, "wa", "one"), (0, "sms", "two")]));
}

#[tokio::test(start_paused = true)]
async fn a_wait_leaves_it_where_it_is_while_no_other_way_is_open_and_lets_it_go_when_one_is() {
    let mut house = House::new();
    house
        .says("wa", |_, _| Err(asked_to_wait(Scope::Account, 3000)))
        .says("sms", |text, before| if text == "probe" && before < 2 { Err(Class::Account) } else { Ok(()) });
    house.configure();
    house.accept_for("probe", HOUR, vec![to("bo", &[("sms", None)])]).await;
    house.pass(1).await;
    let id = house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(150).await;
    assert_eq!(house.find(id).await.way, 0, "sms is broken");
    // The breaker's second probe, after 1 and 2 minutes, works.
    house.pass(60).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.way, delivery.state), (1, DeliveryState::Sent));
    assert_eq!(house.carried().pop().unwrap(), (180, "sms".to_owned(), "disk".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_final_refusal_goes_to_a_broken_way_where_no_other_is_open_and_waits_there() {
    let mut house = House::new();
    house.says("wa", |_, _| Err(Class::Recipient));
    house.says("sms", |_, before| if before < 1 { Err(Class::Account) } else { Ok(()) }).configure();
    house.accept_for("probe", HOUR, vec![to("bo", &[("sms", None)])]).await;
    house.pass(1).await;
    let id = house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(2).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.way, delivery.state), (1, DeliveryState::Queued));
    house.pass(60).await;
    assert_eq!(house.find(id).await.state, DeliveryState::Sent);
}

#[tokio::test(start_paused = true)]
async fn time_to_live_counts_over_all_ways_and_moves_nothing() {
    let house = house(|_, _| Err(asked_to_wait(Scope::Account, 60)));
    let ways = [("wa", None), ("sms", None)];
    let id = house.accept_for("disk", Duration::from_secs(30), vec![to("ana", &ways)]).await;
    house.pass(31).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.way, delivery.state), (0, DeliveryState::Expired));
    assert_eq!(delivery.reason.as_deref(), Some("its time ran out; the last trouble: no such luck"));
    assert_eq!(house.asked("SELECT group_concat(class) FROM attempts"), "wait,expired");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_is_a_delivery_of_its_own() {
    let mut house = house(|_, _| Err(Class::Recipient));
    house.on_failure(&["sms"]).configure();
    let id = house.accept_for("disk", HOUR, vec![to("ana", &[("sms", None)]), to("ana", &[("wa", None)])]).await;
    house.pass(2).await;
    let states: Vec<_> = house.deliveries(id).await.into_iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Sent, DeliveryState::Failed]);
    assert_eq!(told(&house).len(), 1);
}

// Breakers.

#[tokio::test(start_paused = true)]
async fn a_message_accepted_while_the_breaker_is_open_starts_on_the_next_open_way() {
    let house = house(|_, _| Err(Class::Account));
    house.accept("first", &[("wa", None), ("sms", None)]).await;
    house.pass(2).await;
    house.carried();
    let id = house.accept("second", &[("wa", None), ("sms", None)]).await;
    assert_eq!(house.find(id).await.way, 1);
    house.pass(1).await;
    assert_eq!(house.carried(), lines(&[(2, "sms", "second")]));
}

#[tokio::test(start_paused = true)]
async fn a_long_queue_leaves_a_broken_account_at_once() {
    let mut house = house(|_, _| Err(Class::Account));
    house.takes("wa", Duration::from_secs(1));
    for n in 0..300u32 {
        house.accept_for("disk", HOUR, vec![to(&n.to_string(), &[("wa", None), ("sms", None)])]).await;
    }
    house.pass(3).await;
    assert_eq!(house.asked("SELECT count(*) FROM deliveries WHERE way = 1"), "300");
    let by_wa = house.carried().iter().filter(|(_, by, _)| by == "wa").count();
    assert!(by_wa <= 16, "those under way were enough to know: {by_wa}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_account_keeps_its_queue_and_is_probed_slowly_one_at_a_time() {
    let house = house(|_, before| if before < 6 { Err(Class::Account) } else { Ok(()) });
    for n in 0..20u32 {
        house.accept_for(&n.to_string(), HOUR * 2, vec![to(&n.to_string(), &[("wa", None)])]).await;
        if n == 0 {
            house.pass(1).await;
        }
    }
    house.pass(60 * 31).await;
    let times: Vec<_> = house.carried().into_iter().map(|(at, ..)| at / 60).collect();
    assert_eq!(times[..6], [0, 1, 3, 7, 15, 30]);
    house.pass(60 * 15).await;
    assert_eq!(house.carried().len(), 20, "the first success lets all go");
    assert_eq!(broken(&house).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_survives_a_restart_and_is_tried_at_once() {
    let mut house = house(|_, before| if before < 1 { Err(Class::Account) } else { Ok(()) });
    house.on_failure(&["sms"]).configure();
    house.accept("disk", &[("wa", None)]).await;
    house.pass(2).await;
    assert_eq!(broken(&house).await, [("wa".to_owned(), "no such luck".to_owned())]);
    let house = house.restarted().await;
    house.pass(2).await;
    assert_eq!(broken(&house).await, []);
    let told = told(&house);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("wa is out of order: no such luck") && told[1].contains("wa works again"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_account_that_all_have_left_is_tried_by_the_next_that_comes() {
    let house = house(|_, before| if before < 2 { Err(Class::Account) } else { Ok(()) });
    let ways = [("wa", None), ("sms", None)];
    for text in ["first", "second", "third"] {
        house.accept(text, &ways).await;
        house.pass(70).await;
    }
    house.pass(60).await;
    house.accept("fourth", &ways).await;
    house.pass(1).await;
    let tried: Vec<_> = house.carried().into_iter().map(|(_, by, text)| format!("{text} {by}")).collect();
    let expected = ["first wa", "first sms", "second wa", "second sms", "third sms", "fourth wa"];
    assert_eq!(tried, expected, "a second probe two minutes after the first");
}

#[tokio::test(start_paused = true)]
async fn while_all_ways_are_broken_it_waits_and_takes_the_first_that_works() {
    let mut house = House::new();
    house.says("wa", |_, _| Err(Class::Account));
    house.says("sms", |_, before| if before < 2 { Err(Class::Account) } else { Ok(()) }).configure();
    let id = house.accept("disk", &[("wa", None), ("sms", None)]).await;
    house.pass(30).await;
    assert_eq!(house.find(id).await.state, DeliveryState::Queued);
    house.pass(600).await;
    let delivery = house.find(id).await;
    assert_eq!((delivery.state, delivery.way), (DeliveryState::Sent, 1));
}

// On-failure.

/// The accounts that are out of order, and why.
async fn broken(house: &House) -> Vec<(String, String)> {
    let accounts = house.outbox.look(|reader| reader.accounts(START)).await.unwrap();
    let broken = accounts.into_iter().filter_map(|account| Some((account.account, account.broken?.1)));
    broken.map(|(name, why)| (name.as_str().to_owned(), why)).collect()
}

/// What the boss was told, in order.
fn told(house: &House) -> Vec<String> {
    let told = house.carried().into_iter().filter(|(_, _, text)| text.starts_with("hookbell: "));
    told.map(|(_, _, text)| text).collect()
}

#[tokio::test(start_paused = true)]
async fn when_the_last_way_fails_somebody_is_told_by_another_account() {
    let mut house = house(|_, _| Err(Class::Content));
    house.on_failure(&["wa", "sms"]).configure();
    let id = house.accept("the secret text", &[("wa", None)]).await;
    house.pass(2).await;
    let carried = house.carried();
    let (_, by, text) = carried.last().unwrap();
    assert_eq!(by, "sms");
    let expected = format!(
        "hookbell: a message of the hook disk to ana could not be delivered, by the account wa: no such luck. Message {id}, 2026-11-20T23:15:00Z."
    );
    assert_eq!(*text, expected);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_only_refused_a_number_tells_of_it_where_no_other_works() {
    let mut house = House::new();
    house.says("wa", |text, _| if text == "disk" { Err(Class::Recipient) } else { Ok(()) });
    house.says("sms", |_, _| Err(Class::Account)).on_failure(&["wa", "sms"]).configure();
    house.accept("disk", &[("wa", None)]).await;
    house.pass(2).await;
    assert!(house.told("wa")[0].starts_with("a message of the hook disk to ana could not be delivered"));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_failures_within_ten_minutes_give_two_messages() {
    let mut house = house(|_, _| Err(Class::Content));
    house.on_failure(&["sms"]).configure();
    for n in 0..100u32 {
        house.accept_for("disk", HOUR, vec![to(&n.to_string(), &[("wa", None)])]).await;
        house.pass(5).await;
    }
    assert_eq!(told(&house).len(), 1);
    house.pass(101).await;
    let told = told(&house);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains(" 98 more failed by this account for the same cause."), "{}", told[0]);
    house.pass(1300).await;
    assert_eq!(house.asked("SELECT count(*) FROM messages WHERE kind = 1"), "2");
}

#[tokio::test(start_paused = true)]
async fn a_restart_neither_repeats_nor_loses_a_failure() {
    let mut house = house(|_, _| Err(Class::Content));
    house.on_failure(&["sms"]).configure();
    for _ in 0..3 {
        house.accept("disk", &[("wa", None)]).await;
        house.pass(1).await;
    }
    assert_eq!(told(&house).len(), 1);
    let house = house.restarted().await;
    house.pass(500).await;
    assert!(told(&house).is_empty());
    house.pass(110).await;
    let told = told(&house);
    assert!(told.len() == 1 && told[0].contains(" 1 more failed"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_message_that_fails_causes_none() {
    let mut house = House::new();
    house.says("wa", |_, _| Err(Class::Content)).on_failure(&["wa"]).configure();
    house.accept("disk", &[("wa", None)]).await;
    house.pass(1300).await;
    assert_eq!(house.carried().len(), 2, "the message, and the one that tells of it");
}

#[tokio::test(start_paused = true)]
async fn on_failure_with_its_own_account_broken_waits_for_it() {
    let mut house = house(|_, before| if before < 1 { Err(Class::Account) } else { Ok(()) });
    house.on_failure(&["wa"]).configure();
    house.accept("disk", &[("wa", None)]).await;
    house.pass(50).await;
    assert!(told(&house).is_empty());
    house.pass(20).await;
    let told = told(&house);
    assert_eq!(told.len(), 2, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_is_told_and_other_trouble_too() {
    let mut house = house(|_, _| Err(Class::Network));
    house.on_failure(&["sms"]).configure();
    house.accept_for("disk", Duration::from_secs(5), vec![to("ana", &[("wa", None)])]).await;
    house.pass(6).await;
    for n in 0..2 {
        let text = format!("hooks.json:{n}: broken");
        house.dispatcher().alarms().refused_reload(text).await;
        house.pass(1).await;
    }
    let told = told(&house);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("is given up") && told[0].contains("no such luck"), "{}", told[0]);
    assert!(told[2].contains("the configuration in force stays: hooks.json:1: broken. <answers "), "{}", told[2]);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_other_way_and_waits_for_long_is_told_though_it_is_tried_on() {
    let mut house = house(|_, _| Err(Class::Network));
    house.on_failure(&["sms"]).configure();
    let id = house.accept("disk", &[("wa", None)]).await;
    house.pass(599).await;
    assert!(told(&house).is_empty());
    house.pass(120).await;
    assert_eq!(
        told(&house),
        [format!(
            "hookbell: a message of the hook disk to ana still waits, and is tried on, by the account wa: no such luck. Message {id}, 2026-11-20T23:25:00Z."
        )]
    );
    house.pass(600).await;
    assert!(told(&house).is_empty(), "not at each try");
}

#[tokio::test(start_paused = true)]
async fn without_on_failure_nothing_is_kept_to_tell() {
    let house = house(|_, _| Err(Class::Content));
    house.accept("disk", &[("wa", None)]).await;
    house.pass(700).await;
    assert_eq!(house.asked("SELECT (SELECT count(*) FROM messages) || ' ' || (SELECT count(*) FROM alarms)"), "1 0");
}
