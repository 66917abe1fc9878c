//! Canaries of accounts go the road of every message, and are missed when they don't come back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hookbell::account::{Limits, Rate};
use hookbell::config::compile::compile;
use hookbell::contact::Way;
use hookbell::diagnostic::Source;
use hookbell::hook::Known;
use hookbell::message::canary::Until;
use hookbell::message::delivery::{Class, Report};
use hookbell::message::expected::Expectations;
use hookbell::message::news::{News, Told};
use hookbell::outbox::CanaryState;
use hookbell::secret::Surroundings;

use crate::outbox::{START, account, recipient};
use crate::world::house::{House, to};

const HOUR: Duration = Duration::from_secs(3600);

/// What is told of a canary that the provider took and never reported.
const LOST: &str = "the canary of the account wa did not come back: ivan: the provider took it and reports no arrival (do its callbacks reach this host?). Alarms by it may be lost.";

/// A house with `wa`, that answers so and has a canary each hour, and `sms`, by which failures are told.
fn house(until: Until, wa: impl Fn(&str, usize) -> Result<(), Class> + Send + Sync + 'static) -> House {
    let mut house = House::new();
    house.says("wa", wa).says("sms", well).on_failure(&["wa", "sms"]).canary("wa", HOUR, until).configure();
    house
}

fn well(_: &str, _: usize) -> Result<(), Class> {
    Ok(())
}

/// The provider of `wa` says that all it took has arrived.
async fn arrives(house: &House) {
    let told = Told { receipt: "r1".to_owned(), key: None, report: Report::Delivered, at: START };
    house.outbox.report(&account("wa"), vec![News::Told(told)]).await.unwrap();
}

async fn canary(house: &House) -> CanaryState {
    house.outbox.look(|reader| reader.canaries()).await.unwrap().remove(0)
}

fn sent_by(house: &House, name: &str) -> Vec<(u64, String)> {
    let canaries = house.carried().into_iter().filter(|(_, by, text)| by == name && text.contains("canary from"));
    canaries.map(|(at, _, text)| (at, text)).collect()
}

#[tokio::test(start_paused = true)]
async fn it_goes_at_once_and_then_at_its_beat_and_is_back_when_it_is_sent_where_nothing_reports() {
    let house = house(Until::Sent, well);
    house.pass(1).await;
    let sent = sent_by(&house, "wa");
    assert_eq!((sent.len(), sent[0].0), (1, 0));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let said =
        format!("hookbell canary from {host} by wa: nothing happened, this only shows that alarms arrive. Every 1h.");
    assert_eq!(sent[0].1, said);
    assert_eq!(house.asked("SELECT hook || kind || priority FROM messages"), "canary20");
    assert_eq!(canary(&house).await.record.back_at, Some(START));
    house.pass_minutes(125).await;
    let beat: Vec<u64> = house.carried().iter().map(|(at, _, _)| at / 60).collect();
    assert_eq!(beat, [60, 120], "and nobody is told anything");
    assert_eq!(canary(&house).await.record.next_at, START.plus(3 * HOUR));
}

#[tokio::test(start_paused = true)]
async fn those_of_many_accounts_do_not_go_in_the_same_second() {
    let mut house = House::new();
    let names: Vec<String> = (0..10).map(|n| format!("a{n}")).collect();
    for name in &names {
        house.says(name, well).canary(name, HOUR, Until::Sent);
    }
    house.configure();
    for _ in 0..2 {
        house.pass(60).await;
        let seconds: BTreeSet<u64> = house.carried().iter().map(|(at, _, _)| *at).collect();
        assert_eq!(seconds.len(), 10, "{seconds:?}");
        house.pass_minutes(58).await;
        house.carried();
        house.pass(60).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_never_reported_is_told_once_by_another_account_and_so_is_its_return() {
    let house = house(Until::Delivered, well);
    house.pass_minutes(14).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.pass_minutes(2).await;
    assert_eq!(house.told("sms"), [LOST]);
    house.pass_minutes(120).await;
    assert_eq!(house.told("sms"), [""; 0], "told once, though two more are lost");
    assert_eq!(canary(&house).await.record.lost_since.map(|at| at.since(START).as_secs() / 60), Some(15));
    arrives(&house).await;
    house.pass(1).await;
    assert_eq!(house.told("sms"), ["the canary of the account wa came back, 2h1m after the alarm: it works again."]);
    house.pass_minutes(45).await;
    assert_eq!(house.told("sms"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_report_in_time_is_enough_and_one_that_is_late_takes_the_alarm_back() {
    let house = house(Until::Delivered, well);
    house.pass_minutes(10).await;
    arrives(&house).await;
    house.pass_minutes(20).await;
    assert_eq!(house.told("sms"), [""; 0]);
    assert_eq!(canary(&house).await.record.back_at, Some(START.plus(Duration::from_secs(600))));
    // The next one is late.
    house.pass_minutes(50).await;
    assert_eq!(house.told("sms"), [LOST]);
    arrives(&house).await;
    house.pass(1).await;
    assert_eq!(house.told("sms").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_for_good_is_told_at_once_and_as_a_canary_only() {
    let house = house(Until::Delivered, |_, _| Err(Class::Recipient));
    house.pass(2).await;
    let told = house.told("sms");
    assert_eq!(told, ["the canary of the account wa did not come back: ivan: no such luck. Alarms by it may be lost."]);
    house.pass_minutes(30).await;
    assert_eq!(house.told("sms"), [""; 0]);
    assert_eq!(house.asked("SELECT count(*) FROM alarms"), "0", "all is told");
}

#[tokio::test(start_paused = true)]
async fn all_of_a_list_must_get_it() {
    let mut house = House::new();
    let says = |_: &str, before: usize| if before == 1 { Err(Class::Recipient) } else { Ok(()) };
    house.says("wa", says).says("sms", well).on_failure(&["sms"]).canary("wa", HOUR, Until::Sent);
    house.list_of_canary("wa", vec![recipient("ivan", &["wa"]), recipient("petr", &["wa"])]).configure();
    house.pass(2).await;
    let told = house.told("sms");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("did not come back: petr: no such luck"), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_out_its_time_is_given_up_and_told_with_the_reason() {
    let house = house(Until::Sent, |_, _| Err(Class::Network));
    house.pass_minutes(17).await;
    let told = house.told("sms");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("no such luck"), "{told:?}");
    assert_eq!(house.asked("SELECT state FROM deliveries WHERE hook = 'canary'"), "expired");
    assert_eq!(house.asked("SELECT count(*) FROM deliveries WHERE hook = 'canary'"), "1");
}

#[tokio::test(start_paused = true)]
async fn while_the_breaker_is_open_there_is_one_alarm_and_not_two() {
    let house = house(Until::Sent, |_, before| if before < 6 { Err(Class::Account) } else { Ok(()) });
    house.pass_minutes(90).await;
    let told = house.told("sms");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("the account wa is out of order"), "{told:?}");
    house.pass_minutes(300).await;
    let told = house.told("sms");
    assert_eq!(told, ["the account wa works again."], "a canary was its probe");
    let CanaryState { record, .. } = canary(&house).await;
    assert!(record.back_at.is_some() && record.lost_since.is_none(), "{record:?}");
}

#[tokio::test(start_paused = true)]
async fn one_that_was_due_back_while_no_process_ran_is_not_judged_and_another_goes_at_once() {
    let house = house(Until::Delivered, well);
    house.pass_minutes(5).await;
    house.carried();
    let house = house.restarted_after(3 * HOUR, 0).await;
    house.pass(10).await;
    assert_eq!(sent_by(&house, "wa").len(), 1);
    house.pass_minutes(14).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.pass_minutes(2).await;
    assert_eq!(house.told("sms"), [LOST], "this one had its time");
}

#[tokio::test(start_paused = true)]
async fn a_restart_neither_sends_another_nor_forgets_what_was_told() {
    let house = house(Until::Delivered, well);
    house.pass_minutes(5).await;
    let house = house.restarted().await;
    house.carried();
    house.pass_minutes(12).await;
    assert_eq!(house.told("sms"), [LOST], "at its time, and no canary beside it");
    let house = house.restarted().await;
    house.pass_minutes(40).await;
    assert_eq!(house.told("sms"), [""; 0], "not told again");
    arrives(&house).await;
    house.pass(1).await;
    assert_eq!(house.told("sms").len(), 1, "its return is");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_moves_its_times_along() {
    for hours in [5, -5] {
        let house = house(Until::Delivered, well);
        house.pass_minutes(5).await;
        house.carried();
        house.set_clock_by(hours);
        house.pass_minutes(9).await;
        assert_eq!(house.told("sms"), [""; 0], "{hours}");
        house.pass_minutes(2).await;
        assert_eq!(house.told("sms"), [LOST], "{hours}");
        house.pass_minutes(42).await;
        assert_eq!(house.carried().len(), 0, "{hours}");
        house.pass_minutes(3).await;
        assert_eq!(sent_by(&house, "wa").len(), 1, "{hours}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reload_adds_changes_and_removes_it() {
    let mut house = house(Until::Sent, well);
    house.pass_minutes(10).await;
    assert_eq!(sent_by(&house, "wa").len(), 1);
    house.canary("wa", HOUR / 2, Until::Sent).configure();
    house.pass_minutes(29).await;
    assert_eq!(sent_by(&house, "wa").len(), 0, "not because of the reload");
    house.pass_minutes(2).await;
    assert_eq!(sent_by(&house, "wa").len(), 1, "half an hour from the reload at the latest");
    house.expects_nothing().configure();
    house.pass_minutes(120).await;
    assert_eq!(house.carried().len(), 0);
    house.canary("sms", HOUR, Until::Sent).configure();
    house.pass(1).await;
    assert_eq!(sent_by(&house, "sms").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_never_folded_with_other_texts() {
    let mut house = House::new();
    let slow = Some(Rate::per(1, Duration::from_secs(60)));
    house.says("wa", well).limits("wa", Limits { per_recipient: slow, fold_after: 2, ..Limits::NONE }).configure();
    for n in 0..5 {
        house.accept_for(&n.to_string(), HOUR, vec![to("ivan", &[("wa", None)])]).await;
    }
    house.canary("wa", HOUR, Until::Sent).configure();
    house.pass_minutes(5).await;
    let carried = house.carried();
    let texts: Vec<&str> = carried.iter().map(|(_, _, text)| text.as_str()).collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert!(texts[1].starts_with("[4 × ") && !texts[1].contains("canary"), "{texts:#?}");
    assert!(texts[2].starts_with("hookbell canary"), "{texts:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_hook_of_that_name_is_a_hook() {
    let house = house(Until::Sent, well);
    house.pass(1).await;
    house.carried();
    let mut message = crate::outbox::message("x", Default::default(), START, HOUR);
    message.hook = "canary".to_owned();
    house.outbox.enqueue(message, vec![to("ivan", &[("wa", None)])]).await.unwrap();
    house.pass(1).await;
    assert_eq!(house.carried().len(), 1);
    assert_eq!(house.asked("SELECT count(*) FROM messages WHERE kind = 2"), "1");
}

/// What a configuration expects.
fn expected_by(text: &str) -> Arc<Expectations> {
    let source = Arc::new(Source::new("hooks.json", text));
    compile(&[source], Known::default(), &mut Surroundings::default()).config.expected
}

#[test]
fn an_account_that_reports_waits_for_the_arrival_and_no_canary_takes_another_way() {
    let expected = expected_by(
        r#"{
          "accounts": {
            "wa": { "provider": "whatsapp-cloud", "phone-number-id": "1", "access-token": "x",
                    "canary": { "to": "all", "every": "24h" } },
            "deaf": { "provider": "whatsapp-cloud", "phone-number-id": "1", "access-token": "x",
                      "canary": { "to": "ivan", "every": "24h", "within": "2h", "until": "sent" } },
            "desk": { "provider": "console", "canary": { "to": "ivan", "every": "5m" } },
            "typed": { "provider": "console", "canary": { "to": "ivna", "every": "5m" } }
          },
          "contacts": {
            "ivan": { "phone": "+79001234567", "via": [{ "account": "wa", "patience": "3m" }, "desk"] },
            "petr": { "phone": "+79007654321" }
          },
          "lists": { "all": ["ivan", "petr"] },
          "hooks": [
            { "id": "backup", "expect-every": "26h", "run": "true" },
            { "id": "broken", "expect-every": "26h" },
            { "id": "off", "expect-every": "26h", "run": "true", "enabled": false },
            { "id": "other", "run": "true" }
          ]
        }"#,
    );
    let told: Vec<_> = expected.canaries.iter().map(|(name, c)| (name.as_str(), c.until, c.within.as_secs())).collect();
    assert_eq!(told, [("deaf", Until::Sent, 7200), ("desk", Until::Sent, 300), ("wa", Until::Delivered, 900)]);
    let wa = &expected.canaries[&account("wa")];
    let ways: Vec<_> =
        wa.recipients.iter().map(|recipient| (recipient.contact.as_str(), &recipient.ways[..])).collect();
    assert!(matches!(ways[..], [("ivan", [Way { patience: None, .. }]), ("petr", [_])]), "{ways:?}");
    let calls: Vec<_> = expected.calls.iter().map(|(hook, every)| (hook.as_str(), every.is_some())).collect();
    assert_eq!(calls, [("backup", true), ("broken", false)], "nobody knows what a broken one expects");
}

#[test]
fn nothing_is_expected_of_a_configuration_that_says_nothing() {
    assert!(Expectations::default().is_empty());
    let broken = Expectations { calls: [("x".to_owned(), None)].into(), ..Expectations::default() };
    assert!(broken.is_empty());
}
