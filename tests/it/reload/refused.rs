//! What can't be taken is refused, and what was in force stays in force.

use rustix::process::Signal;

use super::{changes, list};
use crate::daemon::{Daemon, Home, eventually, says};

const FULL: &str = r#"{
  "accounts": { "desk": { "provider": "command", "command": "true {{ to }}" } },
  "contacts": {
    "ivan": { "phone": "+79001234567" }
  },
  "hooks": [
    { "id": "bell", "send": { "to": "ivan", "via": "desk" } },
    { "id": "word", "execute-command": "true", "response-message": "old" }
  ]
}
"#;

fn serves_as_before(daemon: &Daemon, how: &str) {
    let bell = daemon.get("/hooks/bell?msg=ding");
    assert_eq!(bell.status, 202, "{how}: {bell:?}");
    let word = daemon.get("/hooks/word");
    assert!(word.is(200, "old"), "{how}: {word:?}");
}

#[test]
fn a_bad_text_is_refused_with_its_place() {
    let edited = |old: &str, new: &str| {
        assert!(FULL.contains(old), "{old}");
        // Whoever edits here also wanted another answer, which must not be given.
        FULL.replace("\"old\"", "\"new\"").replace(old, new)
    };
    // No two neighbours with the same finding: that would be no news.
    let cases: &[(&str, String, &[&str])] = &[
        ("a missing comma", edited("\"bell\", ", "\"bell\" "), &["hooks.json:7:"]),
        ("a contact's phone is gone", edited("\"phone\": \"+79001234567\"", ""), &["hooks.json:7:", "ivan"]),
        ("blanks only", "\n \n".to_owned(), &["hooks.json:1:1", "nothing in this file"]),
        ("a contact is gone", edited("\"ivan\": { \"phone\": \"+79001234567\" }", ""), &["hooks.json:7:", "\"ivan\""]),
        ("a bad phone", edited("+79001234567", "12"), &["hooks.json:4:24: contacts.ivan.phone"]),
        ("comments only", "# later\n\n  # today\n".to_owned(), &["hooks.json:1:1", "nothing in this file"]),
        ("an unknown account", edited("\"via\": \"desk\"", "\"via\": \"desl\""), &["hooks.json:7:", "mean \"desk\"?"]),
        ("an unknown key", edited("\"send\":", "\"sned\":"), &["hooks.json:7:", "hooks[0]", "mean \"send\"?"]),
        ("an unknown provider", edited("\"command\",", "\"comand\","), &["hooks.json:2:", "mean \"command\"?"]),
        ("an id twice", edited("\"id\": \"word\"", "\"id\": \"bell\""), &["hooks.json:8:", "taken already"]),
        ("an empty file", String::new(), &["hooks.json:1:1", "nothing in this file", "[]"]),
        ("half a file", FULL[..150].to_owned(), &["hooks.json:"]),
    ];
    let home = Home::with(FULL);
    let daemon = home.serve();
    for (number, (how, text, words)) in cases.iter().enumerate() {
        let before = daemon.log().len();
        home.write("hooks.json", text);
        daemon.logged_times(number + 1, &["reload refused"]);
        let log = daemon.log().split_off(before);
        let told = |line: &str| line.contains("ERROR") && words.iter().all(|word| line.contains(word));
        assert!(log.lines().any(told), "{how}: no {words:?} in\n{log}");
        serves_as_before(&daemon, how);
    }
    home.write("hooks.json", &FULL.replace("\"old\"", "\"new\""));
    changes(&daemon, "word", "old", "new", "a good text after bad ones");
}

#[test]
fn a_refused_reload_is_told_to_on_failure_of_the_configuration_in_force() {
    let home = Home::new();
    let told = home.path("told");
    let account =
        format!(r#"{{ "provider": "command", "command": "tee {}", "stdin": "{{{{ msg }}}}" }}"#, told.display());
    let with = |defaults: &str| {
        format!(
            r#"{{ "accounts": {{ "desk": {account} }}, "contacts": {{ "ivan": {{ "phone": "+79001234567" }} }},
  "defaults": {{ "on-failure": {defaults} }}, "hooks": [] }}"#
        )
    };
    home.write("hooks.json", &with(r#"{ "to": "ivan", "via": "desk" }"#));
    let daemon = home.serve_with(&["-nopanic"]);
    home.write("hooks.json", &with(r#"{ "to": "iwan", "via": "desk" }"#));
    daemon.logged(&["reload refused"]);
    let text =
        eventually("on-failure hears of it", || std::fs::read_to_string(&told).ok().filter(|text| text.ends_with('.')));
    assert!(
        text.starts_with("hookbell: a reload was refused, the configuration in force stays: hooks.json:2:"),
        "{text}"
    );
    assert!(text.contains("nobody is called \"iwan\""), "{text}");
}

#[test]
fn a_text_that_is_not_utf_8_and_a_vanished_file_are_refused() {
    let home = Home::with(FULL);
    let daemon = home.serve();
    home.shell("printf '[\\n\\377]' > hooks.json");
    daemon.logged(&["ERROR", "hooks.json: not UTF-8 (line 2)"]);
    serves_as_before(&daemon, "not UTF-8");
    home.shell("rm hooks.json");
    daemon.logged(&["ERROR", "hooks.json: can't be read: No such file"]);
    serves_as_before(&daemon, "vanished");
    daemon.signal(Signal::HUP);
    daemon.logged_times(3, &["reload refused"]);
    serves_as_before(&daemon, "vanished, and a signal");
}

#[test]
fn the_same_refusal_is_told_once_by_the_watch_and_again_at_each_signal() {
    let home = Home::with(FULL);
    let daemon = home.serve();
    home.write("hooks.json", "[");
    daemon.logged(&["reload refused"]);
    home.write("other", "x");
    home.shell("touch hooks.json");
    daemon.signal(Signal::HUP);
    daemon.logged_times(2, &["reload refused"]);
    daemon.signal(Signal::USR1);
    daemon.logged_times(3, &["reload refused"]);
    // The touch came before the signals.
    assert_eq!(daemon.log().matches("reload refused").count(), 3, "{}", daemon.log());
}

#[test]
fn of_several_files_the_good_one_s_change_is_taken() {
    let home = Home::new();
    home.write("a.json", &list(&[says("a", "one")]));
    home.write("b.json", &list(&[says("b", "one")]));
    let daemon = home.serve_with(&["-hooks", "a.json", "-hooks", "b.json"]);
    home.write("b.json", "[ { \"id\": \"b\", }, {");
    home.write("a.json", &list(&[says("a", "two")]));
    changes(&daemon, "a", "one", "two", "the good one");
    daemon.logged(&["ERROR", "b.json:1:"]);
    assert!(daemon.get("/hooks/b").is(200, "one"));
    home.write("a.json", &list(&[says("a", "three")]));
    changes(&daemon, "a", "two", "three", "while the other is still bad");
    home.write("b.json", &list(&[says("b", "two")]));
    changes(&daemon, "b", "one", "two", "mended");
}

#[test]
fn while_a_new_text_is_broken_the_files_of_the_old_one_are_watched() {
    let home = Home::with(r#"{ "hooks": [ { "id": "a", "run": "true", "token": { "file": "token" } } ] }"#);
    home.write("token", "first-token\n");
    let daemon = home.serve();
    home.write("hooks.json", "{ \"hooks\": [");
    daemon.logged(&["reload refused"]);
    home.write("token", "second-token\n");
    eventually("the new token opens", || (daemon.get("/hooks/a?token=second-token").status == 200).then_some(()));
}

#[test]
fn a_name_that_another_file_lost_refuses_the_whole() {
    let contacts = |name: &str| format!(r#"{{ "contacts": {{ "{name}": {{ "phone": "+79001234567" }} }} }}"#);
    let hooks = |word: &str| {
        format!(
            r#"{{ "accounts": {{ "desk": {{ "provider": "console" }} }},
                  "hooks": [ {{ "id": "bell", "send": {{ "to": "ivan" }} }}, {} ] }}"#,
            says("word", word)
        )
    };
    let home = Home::new();
    home.write("people.json", &contacts("ivan"));
    home.write("hooks.json", &hooks("one"));
    home.write("more.json", &list(&[says("more", "one")]));
    let daemon = home.serve_with(&["-hooks", "people.json", "-hooks", "hooks.json", "-hooks", "more.json"]);
    home.write("people.json", &contacts("iwan"));
    home.write("more.json", &list(&[says("more", "two")]));
    daemon.logged(&["ERROR", "hooks.json:2:", "nobody is called \"ivan\"", "mean \"iwan\"?"]);
    daemon.logged(&["reload refused"]);
    assert_eq!(daemon.get("/hooks/bell?msg=x").status, 202);
    assert!(daemon.get("/hooks/more").is(200, "one"), "not by halves");
    home.write("people.json", &contacts("ivan"));
    changes(&daemon, "more", "one", "two", "the name is back");
}

#[test]
fn an_id_that_another_file_has_is_refused() {
    let home = Home::new();
    home.write("a.json", &list(&[says("a", "one")]));
    home.write("b.json", &list(&[says("b", "one")]));
    let daemon = home.serve_with(&["-hooks", "a.json", "-hooks", "b.json"]);
    for (times, file, other) in [(1, "b.json", "a"), (2, "a.json", "b")] {
        home.write(file, &list(&[says("a", "two"), says("b", "two")]));
        daemon.logged_times(times, &["reload refused"]);
        daemon.logged(&["ERROR", &format!("the hook id \"{other}\" is taken already")]);
        assert!(daemon.get("/hooks/a").is(200, "one") && daemon.get("/hooks/b").is(200, "one"), "{file}");
        home.write(file, &list(&[says(&file[..1], "one")]));
        daemon.logged_times(times, &["reloaded"]);
    }
}

#[test]
fn a_duplicate_that_was_there_at_the_start_does_not_stop_later_edits() {
    let home = Home::with(&list(&[says("bell", "one"), says("bell", "other")]));
    let daemon = home.serve();
    daemon.logged(&["ERROR", "hooks.json:3:", "taken already", "that one serves"]);
    assert!(daemon.get("/hooks/bell").is(200, "one"));
    // Everything is a line and an index further down.
    home.write("hooks.json", &list(&[says("new", "here"), says("bell", "two"), says("bell", "other")]));
    changes(&daemon, "bell", "one", "two", "an edit above the duplicate");
    assert!(daemon.get("/hooks/new").is(200, "here"));
}

#[test]
fn a_vanished_directory_is_refused_also_at_a_signal() {
    let home = Home::new();
    home.shell("mkdir hooks.d");
    home.write("hooks.d/a.json", &list(&[says("a", "one")]));
    let daemon = home.serve_with(&["-hooks", "hooks.d"]);
    home.shell("mv hooks.d away");
    daemon.logged(&["ERROR", "hooks.d: can't be read"]);
    daemon.signal(Signal::HUP);
    daemon.logged_times(2, &["reload refused"]);
    assert!(daemon.get("/hooks/a").is(200, "one"));
    home.write("away/a.json", &list(&[says("a", "two")]));
    home.shell("mv away hooks.d");
    eventually("the directory is back", || daemon.get("/hooks/a").is(200, "two").then_some(()));
}

/// compat 1.8; 7.5: 134-136
#[test]
fn verbose_tells_of_loading_in_the_peer_s_words() {
    let home = Home::new();
    home.write("a.json", &list(&[says("a", "one")]));
    home.write("b.json", "[");
    let daemon = home.serve_with(&["-hooks", "a.json", "-hooks", "b.json", "-hooks", "c.json", "-verbose"]);
    for words in [
        "attempting to load hooks from a.json",
        "attempting to load hooks from b.json",
        "found 1 hook(s) in file",
        "loaded: a",
        "couldn't load hooks from file! b.json:1:1: ",
        "couldn't load hooks from file! c.json: can't be read: No such file or directory",
    ] {
        daemon.logged(&[words]);
    }
    // Unlike the peer, which forgets a file that failed at the start.
    home.write("b.json", &list(&[says("b", "one")]));
    home.write("c.json", "[]");
    daemon.logged(&["attempting to reload hooks from b.json"]);
    eventually("the mended file", || daemon.get("/hooks/b").is(200, "one").then_some(()));
    let before = daemon.log().matches("reverting").count();
    home.write("a.json", &list(&[says("b", "two")]));
    daemon.signal(Signal::HUP);
    eventually("a refusal", || {
        (daemon.log().matches("reverting hooks back to the previous configuration").count() > before).then_some(())
    });
    assert!(daemon.get("/hooks/a").is(200, "one") && daemon.get("/hooks/b").is(200, "one"));
}
