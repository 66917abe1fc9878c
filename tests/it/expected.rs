//! Hooks that are expected to be called are missed when they are not, and remembered over restarts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hookbell::clock::Timestamp;
use hookbell::message::delivery::Class;
use hookbell::message::expected::{Expectations, Record};
use tokio::time::Instant;

use crate::daemon::{Home, eventually};
use crate::outbox::{START, World};
use crate::world::house::House;

const HOUR: Duration = Duration::from_secs(3600);

fn well(_: &str, _: usize) -> Result<(), Class> {
    Ok(())
}

/// A house where `backup` is expected each hour, and failures are told by `sms`.
fn house() -> House {
    let mut house = House::new();
    house.says("sms", well).on_failure(&["sms"]).expects("backup", Some(HOUR)).configure();
    house
}

async fn record(house: &House) -> Record {
    house.outbox.look(|reader| reader.expected_calls()).await.unwrap().remove(0).record
}

fn at(minutes: u64) -> Timestamp {
    START.plus(Duration::from_secs(60 * minutes))
}

const NEVER: &str = "the hook backup was never called since it is expected every 1h.";

#[tokio::test(start_paused = true)]
async fn a_silent_hook_is_told_once_and_again_when_it_is_heard() {
    let house = house();
    house.pass_minutes(30).await;
    house.outbox.note_call("backup");
    house.pass_minutes(59).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.pass_minutes(2).await;
    let last = "the hook backup was last called 2026-11-20T23:45Z, and is expected every 1h.";
    assert_eq!(house.told("sms"), [last]);
    house.pass_minutes(300).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.outbox.note_call("backup");
    house.pass(1).await;
    assert_eq!(house.told("sms"), ["the hook backup is heard again, 5h1m after the alarm."], "at once");
    house.pass_minutes(59).await;
    house.outbox.note_call("backup");
    house.pass_minutes(55).await;
    assert_eq!(house.told("sms"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn hooks_that_fall_silent_together_are_one_message() {
    let mut house = House::new();
    house.says("sms", well).on_failure(&["sms"]);
    for n in 0..30 {
        house.expects(&format!("hook{n:02}"), Some(HOUR));
    }
    house.configure();
    house.pass_minutes(62).await;
    let told = house.told("sms");
    assert_eq!(told.len(), 1, "{told:#?}");
    let lines: Vec<&str> = told[0].lines().collect();
    assert_eq!((lines.len(), lines[19]), (21, "the hook hook19 was never called since it is expected every 1h."));
    assert_eq!(lines[20], "And 10 more: see hookbell messages expected.");
    for n in [3, 7] {
        house.outbox.note_call(&format!("hook{n:02}"));
    }
    house.pass(1).await;
    assert_eq!(house.told("sms").len(), 1);
    assert_eq!(house.asked("SELECT count(*) FROM expected_calls WHERE silent_since IS NULL"), "2");
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_and_goes_is_told_at_most_every_ten_minutes() {
    let mut house = House::new();
    let minute = Duration::from_secs(60);
    house.says("sms", well).on_failure(&["sms"]).expects("beat", Some(minute)).configure();
    for _ in 0..30 {
        house.pass_minutes(2).await;
        house.outbox.note_call("beat");
    }
    let told = house.told("sms");
    assert!((10..=14).contains(&told.len()), "{told:#?}");
    assert!(told.iter().any(|text| text.contains("more times")), "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn calls_are_written_once_a_minute_and_at_the_stop() {
    let house = house();
    house.pass(1).await;
    for _ in 0..1000 {
        house.outbox.note_call("backup");
    }
    house.pass(30).await;
    assert_eq!(record(&house).await.called_at, None);
    house.pass(31).await;
    let written = record(&house).await.called_at.unwrap();
    assert_eq!(written.since(START).as_secs(), 1, "the time of the call, not of the writing");
    house.pass_minutes(5).await;
    house.outbox.note_call("backup");
    let house = house.restarted().await;
    house.pass(1).await;
    assert_eq!(record(&house).await.called_at.unwrap().since(START).as_secs(), 362);
}

#[tokio::test(start_paused = true)]
async fn a_restart_moves_no_deadline_that_is_ahead_and_the_alarm_says_that_there_was_one() {
    let mut house = house();
    house.outbox.note_call("backup");
    for _ in 0..5 {
        house.pass_minutes(10).await;
        house = house.restarted().await;
    }
    house.pass_minutes(9).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.pass_minutes(2).await;
    let last = "the hook backup was last called 2026-11-20T23:15Z, and is expected every 1h; hookbell itself was started 2026-11-21T00:05Z in between.";
    assert_eq!(house.told("sms"), [last]);
    let house = house.restarted().await;
    house.pass_minutes(100).await;
    assert_eq!(house.told("sms"), [""; 0], "not told again");
    house.outbox.note_call("backup");
    house.pass(1).await;
    assert_eq!(house.told("sms").len(), 1, "but that it is back");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passed_while_no_process_ran_is_put_off_once() {
    let house = house();
    house.pass_minutes(30).await;
    let house = house.restarted_after(2 * HOUR, 0).await;
    house.pass_minutes(59).await;
    assert_eq!(house.told("sms"), [""; 0]);
    let house = house.restarted().await;
    house.pass_minutes(2).await;
    assert_eq!(house.told("sms"), [NEVER]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_loses_a_minute_of_calls_and_fakes_no_silence() {
    let world = World::new();
    let hourly =
        |every| Expectations { calls: BTreeMap::from([("beat".to_owned(), Some(every))]), ..Default::default() };
    let expected = Arc::new(hourly(Duration::from_secs(60)));
    world.outbox.expect(expected.clone(), true).await.unwrap();
    world.outbox.note_call("beat");
    world.outbox.judge_calls(Instant::now()).await.unwrap();
    tokio::time::advance(Duration::from_secs(50)).await;
    // In memory only.
    world.outbox.note_call("beat");
    tokio::time::advance(Duration::from_secs(5)).await;
    let world = world.restarted();
    world.outbox.expect(expected, true).await.unwrap();
    let next = world.outbox.judge_calls(Instant::now()).await.unwrap();
    assert_eq!(next.map(|at| at.since(world.clock.now()).as_secs()), Some(60));
    assert_eq!(world.counted("SELECT (called_at - 1795216500000) / 1000 FROM expected_calls"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_reload_adds_changes_and_removes_it() {
    let mut house = house();
    house.outbox.note_call("backup");
    house.pass_minutes(30).await;
    house.expects("backup", Some(2 * HOUR)).configure();
    house.pass_minutes(1).await;
    assert_eq!(record(&house).await.due_at, Some(at(120)), "from the last call");
    house.expects("backup", Some(HOUR / 4)).configure();
    house.pass_minutes(1).await;
    assert_eq!(record(&house).await.due_at, Some(at(31 + 15)), "nobody could have kept the new one before");
    house.expects("backup", None).configure();
    house.pass_minutes(200).await;
    assert_eq!(house.told("sms"), [""; 0], "nobody can call it");
    assert_eq!(record(&house).await.called_at, Some(START), "and it is remembered");
    house.expects("backup", Some(HOUR)).configure();
    house.pass_minutes(59).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.pass_minutes(2).await;
    assert_eq!(house.told("sms").len(), 1);
    house.expects_nothing().configure();
    house.outbox.note_call("backup");
    house.pass_minutes(200).await;
    assert_eq!(house.told("sms"), [""; 0]);
    assert_eq!(house.asked("SELECT count(*) FROM expected_calls"), "0");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_moves_its_times_along() {
    for hours in [30, -30] {
        let house = house();
        house.pass_minutes(10).await;
        house.outbox.note_call("backup");
        house.set_clock_by(hours);
        house.pass_minutes(58).await;
        assert_eq!(house.told("sms"), [""; 0], "{hours}");
        house.pass_minutes(3).await;
        assert_eq!(house.told("sms").len(), 1, "{hours}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_while_no_process_ran_makes_nobody_wait_for_it() {
    let house = house();
    house.outbox.note_call("backup");
    house.pass_minutes(2).await;
    let house = house.restarted_after(Duration::ZERO, -48).await;
    house.pass_minutes(59).await;
    assert_eq!(house.told("sms"), [""; 0]);
    house.pass_minutes(3).await;
    assert_eq!(house.told("sms").len(), 1);
}

const HOUSE: &str = r#"{
  "accounts": { "desk": { "provider": "console", "canary": { "to": "ivan", "every": "24h" } } },
  "contacts": { "ivan": { "phone": "+79001234567" } },
  "defaults": { "on-failure": { "to": "ivan", "via": "desk" } },
  "hooks": [
    { "id": "sends", "expect-every": "26h", "token": "t", "send": { "to": "ivan", "dedupe": "1h" } },
    { "id": "runs", "expect-every": "26h", "execute-command": "/bin/true" },
    { "id": "fails", "expect-every": "26h", "execute-command": "/bin/false" },
    { "id": "guarded", "expect-every": "26h", "execute-command": "/bin/true",
      "trigger-rule": { "match": { "type": "value", "value": "yes", "parameter": { "source": "url", "name": "go" } } } },
    { "id": "other", "run": "true" }
  ]
}"#;

/// The hooks that were called, after these calls, as the file tells of a daemon that is down.
fn called(calls: &[(&str, u16)]) -> Vec<String> {
    let home = Home::with(HOUSE);
    let daemon = home.serve();
    for (target, status) in calls {
        assert_eq!(daemon.get(&format!("/hooks/{target}")).status, *status, "{target}");
    }
    daemon.logged(&["canary from"]);
    daemon.stop();
    let output = home.hookbell(&["messages", "expected", "-json"]).output().unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(expected["canaries"][0]["account"], "desk");
    let hooks = expected["hooks"].as_array().unwrap();
    let names = |hook: &&serde_json::Value| !hook["called"].is_null();
    assert_eq!(hooks.len(), 4, "those that are expected");
    hooks.iter().filter(names).map(|hook| hook["hook"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_call_counts_when_it_is_accepted() {
    let refused = [
        ("sends?msg=x", 401),
        ("sends?msg=x&token=wrong", 403),
        ("sends?token=t", 400),
        ("sends?token=t&msg=x&dry-run=1", 200),
        ("guarded?go=no", 200),
        ("other", 200),
        ("missing", 404),
    ];
    assert_eq!(called(&refused), [""; 0]);
    let accepted = [
        ("sends?token=t&msg=x", 202),
        ("sends?token=t&msg=x", 200),
        ("runs", 200),
        ("fails", 200),
        ("guarded?go=yes", 200),
    ];
    assert_eq!(called(&accepted), ["fails", "guarded", "runs", "sends"]);
}

#[test]
fn the_operator_sees_both() {
    let home = Home::with(HOUSE);
    let daemon = home.serve();
    let shown = eventually("the canary is back", || {
        let output = home.hookbell(&["messages", "expected"]).output().unwrap();
        String::from_utf8(output.stdout).ok().filter(|shown| shown.contains("  well\n\nHOOK"))
    });
    let heads: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(heads[0], ["CANARY", "OF", "LAST", "SENT", "LAST", "BACK", "NEXT", "STATE"], "{shown}");
    assert_eq!((heads[1][0], *heads[1].last().unwrap()), ("desk", "well"), "{shown}");
    assert_eq!(heads[3], ["HOOK", "EVERY", "LAST", "CALL", "DUE", "STATE"], "{shown}");
    assert_eq!((heads[4][0], heads[4][1], heads[4][2], heads[4].len()), ("fails", "1d2h", "-", 5), "{shown}");
    daemon.stop();
}

#[test]
fn a_reload_is_enough_and_a_list_of_commands_too() {
    let home = Home::with(r#"[{ "id": "job", "execute-command": "/bin/true" }]"#);
    let daemon = home.serve();
    assert_eq!(daemon.get("/hooks/job").status, 200);
    assert!(!home.path("hookbell-state").exists(), "a drop-in leaves no file behind");
    home.write("hooks.json", r#"[{ "id": "job", "execute-command": "/bin/true", "expect-every": "26h" }]"#);
    let expected = || {
        let output = home.hookbell(&["messages", "expected", "-json"]).output().unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).ok()?["hooks"].get(0).cloned()
    };
    let before = eventually("it is expected", expected);
    assert_eq!((&before["hook"], &before["called"]), (&"job".into(), &serde_json::Value::Null));
    assert_eq!(daemon.get("/hooks/job").status, 200);
    assert!(expected().unwrap()["called"].is_string(), "whoever looks sees the call at once");
    daemon.stop();
}
