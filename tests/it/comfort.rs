//! What makes a caller's life easy: repeating a call safely, waiting for its end, trying without ringing.

use std::fs;

use serde_json::{Value, json};

use crate::daemon::{Daemon, Home, Reply, eventually, request};

/// `desk` always works, `broken` never does.
const HOUSE: &str = r#"{
  "accounts": {
    "desk": { "provider": "console" },
    "tg": { "provider": "telegram", "bot-token": "12345:bot-secret-bot-secret-bot-secret-bot" },
    "broken": { "provider": "command", "command": "false {{ msg }}" }
  },
  "contacts": { "ivan": { "phone": "+79001234567", "telegram": "123456789" }, "petr": { "phone": "+79007654321" } },
  "hooks": [
    { "id": "open", "send": { "to": "ivan", "via": "desk" } },
    { "id": "bell", "token": "t", "send": { "to": ["ivan", "petr"], "via": "desk", "title": { "source": "url", "name": "title" } } },
    { "id": "named", "tokens": { "icinga": "i", "zabbix": "z" }, "send": { "to": "ivan", "via": "desk" } },
    { "id": "window", "token": "t", "send": { "to": "ivan", "via": "desk", "dedupe": "1h" } },
    { "id": "timed", "token": "t", "send": { "to": "ivan", "via": "desk", "text": "{{ now }} {{ msg }}" } },
    { "id": "fails", "token": "t", "send": { "to": "ivan", "via": "broken", "ttl": "100ms" } },
    { "id": "stuck", "token": "t", "send": { "to": "ivan", "via": "broken" } },
    { "id": "chat", "token": "t", "send": { "to": "ivan", "via": ["tg", "desk"] },
      "trigger-rule": { "match": { "type": "value", "value": "yes", "parameter": { "source": "url", "name": "ring" } } } },
    { "id": "both", "token": "t", "send": { "to": "ivan", "via": "desk" }, "run": "sh -c 'echo ran >> ran'" },
    { "id": "own", "token": "t", "send": { "to": "ivan", "via": "broken", "title": { "source": "url", "name": "wait" } } }
  ]
}"#;

const KEY: &str = "Idempotency-Key: \"8e03978e-40d5\"\r\n";

fn house() -> (Home, Daemon) {
    let home = Home::with(HOUSE);
    let daemon = home.serve();
    (home, daemon)
}

fn id(reply: &Reply) -> String {
    let line = reply.head.lines().find_map(|line| line.strip_prefix("hookbell-message: "));
    line.unwrap_or_else(|| panic!("no id: {reply:?}")).to_owned()
}

fn called(daemon: &Daemon, target: &str, head: &str) -> Reply {
    daemon.request("GET", target, head, "")
}

fn json(daemon: &Daemon, target: &str) -> (u16, Value) {
    let reply = called(daemon, target, "Accept: application/json\r\n");
    (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|e| panic!("{e}: {reply:?}")))
}

fn rung(daemon: &Daemon, text: &str) -> usize {
    daemon.log().lines().filter(|line| line.contains('🔔') && line.contains(text)).count()
}

#[test]
fn a_call_with_the_same_key_rings_once_also_after_a_restart() {
    let (home, daemon) = house();
    let first = called(&daemon, "/hooks/open?msg=full", KEY);
    assert!(first.status == 202 && first.body.starts_with("queued "), "{first:?}");
    let again = called(&daemon, "/hooks/open?msg=full", "Idempotency-Key: 8e03978e-40d5\r\n");
    assert_eq!((again.status, id(&again)), (200, id(&first)));
    assert_eq!(again.body, format!("duplicate {} for 1 recipient\n", id(&first)));
    let other = called(&daemon, "/hooks/open?msg=empty", KEY);
    assert!(other.status == 422 && other.body.contains("was used for another message"), "{other:?}");
    let title = called(&daemon, "/hooks/bell?token=t&msg=full", KEY);
    assert_eq!(title.status, 202, "another hook's key is another one: {title:?}");
    daemon.logged(&["message ended", &id(&first), "state=sent"]);
    daemon.stop();
    let daemon = home.serve();
    let again = called(&daemon, "/hooks/open?msg=full", KEY);
    assert_eq!((again.status, id(&again)), (200, id(&first)));
    assert_eq!(rung(&daemon, "full"), 0);
}

#[test]
fn callers_have_keys_of_their_own_and_who_may_not_call_learns_no_id() {
    let (_home, daemon) = house();
    let mine = called(&daemon, "/hooks/named?token=i&msg=full", KEY);
    let theirs = called(&daemon, "/hooks/named?token=z&msg=full", KEY);
    assert_eq!((mine.status, theirs.status), (202, 202));
    let stranger = called(&daemon, "/hooks/named?msg=full", KEY);
    assert!(stranger.status == 401 && !stranger.body.contains(&id(&mine)), "{stranger:?}");
    let first = called(&daemon, "/hooks/chat?token=t&msg=full&ring=yes", KEY);
    assert_eq!(first.status, 202);
    let unruled = called(&daemon, "/hooks/chat?token=t&msg=full&ring=no", KEY);
    assert!(unruled.status == 200 && unruled.body == "Hook rules were not satisfied.", "{unruled:?}");
}

#[test]
fn a_key_that_is_none_is_refused_in_words() {
    let (_home, daemon) = house();
    for key in ["", "\"\"", "\"open", &"k".repeat(256)] {
        let reply = called(&daemon, "/hooks/open?msg=full", &format!("Idempotency-Key: {key}\r\n"));
        assert!(reply.status == 400 && reply.body.contains("1 to 255 bytes"), "{key}: {reply:?}");
    }
}

#[test]
fn a_text_that_tells_the_time_is_the_same_text_when_it_is_repeated() {
    let (_home, daemon) = house();
    let first = called(&daemon, "/hooks/timed?token=t&msg=full", KEY);
    let again = called(&daemon, "/hooks/timed?token=t&msg=full", KEY);
    assert_eq!((again.status, id(&again)), (200, id(&first)));
}

#[test]
fn texts_that_nobody_can_read_are_not_the_same_for_that() {
    let (_home, daemon) = house();
    for (text, status) in [("%d1%e2%e5%f2", 202), ("%c4%e8%f1%ea", 202), ("%d1%e2%e5%f2", 200)] {
        let reply = called(&daemon, &format!("/hooks/window?token=t&msg={text}"), "");
        assert_eq!(reply.status, status, "{text}: {reply:?}");
    }
    daemon.logged(&["the message is not UTF-8"]);
}

#[test]
fn within_a_window_the_same_text_rings_once() {
    let (_home, daemon) = house();
    let first = called(&daemon, "/hooks/window?token=t&msg=full", "");
    let (status, again) = json(&daemon, "/hooks/window?token=t&msg=full&wait=10s");
    assert_eq!((status, &again["duplicate"], &again["id"]), (200, &json!(true), &json!(id(&first))));
    assert_eq!(again["deliveries"][0]["state"], "sent", "it waits for the first: {again}");
    assert_eq!(called(&daemon, "/hooks/window?token=t&msg=empty&wait=10s", "").status, 200);
    daemon.logged(&["🔔", "empty"]);
    assert_eq!(rung(&daemon, "full"), 1);
}

#[test]
fn a_repetition_runs_no_command() {
    let (home, daemon) = house();
    let first = called(&daemon, "/hooks/both?token=t&msg=full", KEY);
    assert_eq!(first.status, 200, "{first:?}");
    eventually("the command ran", || home.path("ran").exists().then_some(()));
    let again = called(&daemon, "/hooks/both?token=t&msg=full", KEY);
    assert_eq!((again.status, id(&again)), (200, id(&first)));
    daemon.stop();
    assert_eq!(fs::read_to_string(home.path("ran")).unwrap(), "ran\n");
}

#[test]
fn who_waits_hears_how_it_went() {
    let (_home, daemon) = house();
    let well = called(&daemon, "/hooks/bell?token=t&msg=full&wait=20s", "");
    assert_eq!(well.status, 200, "{well:?}");
    let lines: Vec<&str> = well.body.lines().skip(1).collect();
    assert_eq!(lines, ["ivan: sent, 1 attempt", "petr: sent, 1 attempt"]);
    let open = called(&daemon, "/hooks/open?msg=full", "Prefer: respond-async, wait=20\r\n");
    assert!(open.status == 200 && open.body.ends_with("\n1: sent, 1 attempt\n"), "no names to strangers: {open:?}");
    let (status, badly) = json(&daemon, "/hooks/fails?token=t&msg=full&wait=20s");
    let delivery = &badly["deliveries"][0];
    assert_eq!((status, &delivery["state"], &delivery["contact"]), (502, &json!("expired"), &json!("ivan")), "{badly}");
    assert!(delivery["reason"].as_str().unwrap().contains("its time ran out"), "{badly}");
    let going_on = called(&daemon, "/hooks/stuck?token=t&msg=full&wait=100ms", "");
    assert!(going_on.status == 202 && going_on.body.contains("\nivan: "), "{going_on:?}");
    for (target, head) in [
        // Its own, no time, and none.
        ("/hooks/own?token=t&msg=full&wait=20s", ""),
        ("/hooks/stuck?token=t&msg=full&wait=soon", ""),
        ("/hooks/stuck?token=t&msg=full&wait=0", ""),
        ("/hooks/stuck?token=t&msg=full", "Prefer: respond-async\r\n"),
    ] {
        let reply = called(&daemon, target, head);
        assert!(reply.status == 202 && reply.body.lines().count() == 1, "{target}: {reply:?}");
    }
    daemon.logged(&["wait=\"soon\" is no time"]);
    assert!(!daemon.log().contains("query parameters that nothing reads"), "{}", daemon.log());
}

#[test]
fn a_stop_answers_who_waits() {
    let (_home, mut daemon) = house();
    let mut call = daemon.connect();
    call.send(&request("GET", "/hooks/stuck?token=t&msg=full&wait=60s", "", ""));
    daemon.logged(&["a try failed"]);
    daemon.signal(rustix::process::Signal::TERM);
    let reply = call.reply();
    assert!(reply.status == 202 && reply.body.contains("\nivan: "), "{reply:?}");
    assert_eq!(daemon.ends(), Some(0));
}

#[test]
fn who_goes_away_leaves_the_others_their_answers() {
    let (_home, daemon) = house();
    for _ in 0..20 {
        let mut call = daemon.connect();
        call.send(&request("GET", "/hooks/stuck?token=t&msg=full&wait=60s", "", ""));
        drop(call);
    }
    assert_eq!(called(&daemon, "/hooks/open?msg=well&wait=20s", "").status, 200);
    daemon.stop();
}

#[test]
fn a_dry_run_shows_everything_and_does_nothing() {
    let (home, daemon) = house();
    let dry = called(&daemon, "/hooks/chat?token=t&msg=full&ring=yes&dry-run=1", "");
    assert_eq!(dry.status, 200, "{dry:?}");
    for words in
        ["text: full\n", "ivan: tg to 123456789, then desk to ", "api.telegram.org", "[secret]", "nothing was sent\n"]
    {
        assert!(dry.body.contains(words), "{words}: {}", dry.body);
    }
    assert!(!dry.body.contains("bot-secret"), "{}", dry.body);
    let (status, dry) = json(&daemon, "/hooks/bell?token=t&msg=full&title=sda&dry-run=1");
    let first = &dry["recipients"][0];
    assert_eq!((status, &dry["title"], &first["contact"]), (200, &json!("sda"), &json!("ivan")));
    assert!(first["ways"][0]["account"] == "desk" && first["request"].as_str().unwrap().contains("full"), "{dry}");
    let both = called(&daemon, "/hooks/both?token=t&msg=full", "Hookbell-Dry-Run: 1\r\n");
    assert!(both.status == 200 && both.body.ends_with("nothing was sent, nothing was run\n"), "{both:?}");
    let unruled = called(&daemon, "/hooks/chat?token=t&msg=full&dry-run=1", "");
    assert_eq!(unruled.body, "Hook rules were not satisfied.");
    let blank = called(&daemon, "/hooks/bell?token=t&msg=&dry-run=1", "");
    assert!(blank.status == 400 && blank.body.contains("the message is empty"), "{blank:?}");
    let open = called(&daemon, "/hooks/open?msg=full&dry-run=1", "");
    assert!(open.status == 403 && open.body.contains("needs a token"), "{open:?}");
    let (code, listed) = home.output(&["messages"]);
    assert!(code == Some(0) && listed.contains("nothing found"), "{listed}");
    assert!(!home.path("ran").exists());
}
