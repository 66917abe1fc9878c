//! A start with files that are broken: whatever can serve does, loudly.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use super::{changes, list};
use crate::daemon::{Daemon, Home, says};

/// A configuration that has a state directory: it sends.
fn sending(word: &str) -> String {
    format!(
        r#"{{
  "accounts": {{ "desk": {{ "provider": "console" }} }},
  "contacts": {{ "ivan": {{ "phone": "+79001234567" }} }},
  "hooks": [
    {{ "id": "bell", "send": {{ "to": "ivan" }} }},
    {}
  ]
}}
"#,
        says("word", word)
    )
}

#[test]
fn a_file_broken_while_down_is_served_from_its_last_good_copy() {
    let broken: &[(&str, &[&str])] = &[
        ("sed -i 's/\"id\": \"word\",/\"id\": \"word\"/' hooks.json", &["hooks.json:6:"]),
        (": > hooks.json", &["hooks.json:1:1", "nothing in this file"]),
        ("rm hooks.json", &["hooks.json: can't be read"]),
    ];
    for (script, words) in broken {
        let home = Home::with(&sending("one"));
        home.serve().stop();
        home.shell(script);
        let daemon = home.serve();
        daemon.logged(&["ERROR", "hooks.json can't be used: its last good copy is served in its place"]);
        daemon.logged(&[&["ERROR"], *words].concat());
        let serves = |daemon: &Daemon| {
            assert!(daemon.get("/hooks/word").is(200, "one"), "{script}\n{}", daemon.log());
            assert_eq!(daemon.get("/hooks/bell?msg=x").status, 202, "{script}\n{}", daemon.log());
        };
        serves(&daemon);
        // Still broken, and looked at again: the copy stays.
        daemon.signal(Signal::HUP);
        daemon.logged(&["reload refused"]);
        serves(&daemon);
        assert!(!daemon.log().contains("reloaded"), "{}", daemon.log());
        home.write("hooks.json", &sending("two"));
        changes(&daemon, "word", "one", "two", script);
    }
}

#[test]
fn a_copy_is_its_owner_s_only() {
    let home = Home::with(&sending("one"));
    home.serve().stop();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = home.path("hooks.json");
    let copy = home.path("hookbell-state/last-good").join(file.strip_prefix("/").unwrap());
    assert_eq!(fs::read_to_string(&copy).unwrap(), sending("one"));
    assert_eq!((mode(&copy), mode(&home.path("hookbell-state"))), (0o600, 0o700));
}

#[test]
fn a_broken_hook_is_in_quarantine_and_mended_by_an_edit() {
    let home = Home::with(&sending("one").replace("\"to\": \"ivan\"", "\"to\": \"iwan\""));
    let daemon = home.serve();
    daemon.logged(&["ERROR", "hooks.json:5:37", "nobody is called \"iwan\"", "mean \"ivan\"?"]);
    daemon.logged(&["ERROR", "in quarantine", "bell"]);
    let reply = daemon.get("/hooks/bell?msg=x");
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(!reply.body.contains("iwan"), "the stranger learns nothing: {reply:?}");
    daemon.logged(&["ERROR", "refused: the hook's definition is broken", "hook=bell", "iwan"]);
    assert!(daemon.get("/hooks/word").is(200, "one"));
    // Another hook may be edited while this one is broken.
    home.write("hooks.json", &sending("two").replace("\"to\": \"ivan\"", "\"to\": \"iwan\""));
    changes(&daemon, "word", "one", "two", "beside the broken one");
    assert_eq!(daemon.get("/hooks/bell?msg=x").status, 503);
    home.write("hooks.json", &sending("three"));
    changes(&daemon, "word", "two", "three", "mended");
    assert_eq!(daemon.get("/hooks/bell?msg=x").status, 202);
    // Once mended it can't be broken again.
    home.write("hooks.json", &sending("four").replace("\"to\": \"ivan\"", "\"to\": \"iwan\""));
    daemon.logged(&["reload refused"]);
    assert_eq!(daemon.get("/hooks/bell?msg=x").status, 202);
}

#[test]
fn a_broken_account_breaks_only_its_ways() {
    let home = Home::with(
        r#"{
  "accounts": { "wa": { "provider": "whatsapp-cloud" }, "desk": { "provider": "console" } },
  "contacts": { "ivan": { "phone": "+79001234567" } },
  "hooks": [
    { "id": "both", "send": { "to": "ivan", "via": ["wa", "desk"] } },
    { "id": "desk", "send": { "to": "ivan", "via": "desk" } },
    { "id": "wa", "send": { "to": "ivan", "via": "wa" } }
  ]
}"#,
    );
    let daemon = home.serve();
    daemon.logged(&["ERROR", "hooks.json:2:", "accounts.wa"]);
    assert_eq!(daemon.get("/hooks/both?msg=first").status, 202, "{}", daemon.log());
    daemon.logged(&["🔔", "first"]);
    assert_eq!(daemon.get("/hooks/desk?msg=second").status, 202);
    daemon.logged(&["🔔", "second"]);
    assert_eq!(daemon.get("/hooks/wa?msg=third").status, 503, "{}", daemon.log());
}

#[test]
fn strict_does_not_start_with_any_finding() {
    let unknown_key = list(&[says("bell", "one").replace("{ ", "{ \"colour\": \"red\", ")]);
    for (text, word) in [(unknown_key.as_str(), "colour"), ("[ {", "hooks.json:1:"), (&sending("one"), "")] {
        let home = Home::with(text);
        let loose = home.serve_with(&["-nopanic"]);
        loose.logged(&[word]);
        loose.stop();
        if word.is_empty() {
            home.serve_with(&["-strict"]).stop();
            continue;
        }
        let (code, said) = home.output(&["-port", "0", "-nopanic", "-strict"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(word) && said.contains("-strict: 1 findings"), "{said}");
    }
}

#[test]
fn a_generated_secret_is_made_once_and_kept_for_its_owner() {
    let home = Home::with(
        r#"[ { "id": "bell", "execute-command": "true", "response-message": "in", "token": { "generated": "bell" } } ]"#,
    );
    let daemon = home.serve();
    let file = home.path("hookbell-state/secrets/bell");
    let token = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_eq!((token.len(), fs::metadata(&file).unwrap().permissions().mode() & 0o777), (26, 0o600));
    let call = |daemon: &Daemon| daemon.request("POST", "/hooks/bell", &format!("X-Hook-Token: {token}\r\n"), "");
    assert!(call(&daemon).is(200, "in"));
    assert_eq!(daemon.get("/hooks/bell").status, 401);
    daemon.signal(Signal::HUP);
    daemon.logged(&["reloaded"]);
    assert!(call(&daemon).is(200, "in"));
    daemon.stop();
    assert!(call(&home.serve()).is(200, "in"));
    assert_eq!(home.hookbell(&["token", "bell"]).output().unwrap().stdout, format!("{token}\n").as_bytes());
}

#[test]
fn a_pure_drop_in_leaves_nothing_behind() {
    let home = Home::with(&list(&[says("bell", "one")]));
    let daemon = home.serve();
    assert!(daemon.get("/hooks/bell").is(200, "one"));
    home.write("hooks.json", &list(&[says("bell", "two")]));
    changes(&daemon, "bell", "one", "two", "an edit");
    daemon.stop();
    let left: Vec<_> = fs::read_dir(home.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["hooks.json"]);
}

#[test]
fn the_first_account_by_an_edit_brings_the_state_directory() {
    let home = Home::with(&list(&[says("word", "one")]));
    let daemon = home.serve();
    home.write("hooks.json", &sending("two"));
    changes(&daemon, "word", "one", "two", "an account");
    assert_eq!(daemon.get("/hooks/bell?msg=hello").status, 202);
    daemon.logged(&["🔔", "hello"]);
    let (code, said) = home.output(&["send", "-to", "ivan", "by hand"]);
    assert_eq!(code, Some(0), "{said}");
    daemon.logged(&["🔔", "by hand"]);
}

#[test]
fn without_a_state_directory_messages_are_sent_straight_from_memory_until_there_is_one() {
    let home = Home::with(&list(&[says("word", "one")]));
    home.write("file", "");
    let daemon = home.serve_with(&["-state-dir", "file/state"]);
    home.write("hooks.json", &sending("two"));
    changes(&daemon, "word", "one", "two", "an account");
    daemon.logged(&["ERROR", "the state directory file/state can't be made", "-state-dir", "straight from memory"]);
    let answer = daemon.get("/hooks/bell?msg=hello");
    assert!(answer.is(200, "sent, not stored\n"), "{answer:?}");
    daemon.logged(&["🔔", "hello"]);
    daemon.logged(&["ERROR", "not stored", "the outbox is not open"]);
    home.shell("rm file");
    daemon.logged(&["the outbox is open"]);
    assert_eq!(daemon.get("/hooks/bell?msg=x").status, 202);
    daemon.logged(&["🔔", "x"]);
}
