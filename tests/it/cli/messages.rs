//! `hookbell messages`: through a running daemon, and from the file of one that is down.

use std::fs;

use serde_json::Value;

use crate::daemon::{Daemon, Home, eventually};
use crate::source::read;

const HOUSE: &str = r#"{
  "accounts": {
    "desk": { "provider": "console" },
    "gate": { "provider": "command", "command": "GATE {{ msg }}" },
    "hangs": { "provider": "command", "command": "HANGS {{ msg }}" }
  },
  "contacts": { "ivan": { "phone": "+79001234567" }, "petr": { "phone": "+79007654321" } },
  "hooks": [
    { "id": "bell", "token": "t", "send": { "to": "ivan", "via": "desk" } },
    { "id": "brief", "token": "t", "send": { "to": "petr", "via": "gate", "ttl": "1s" } },
    { "id": "slow", "token": "t", "send": { "to": "petr", "via": "hangs" } },
    { "id": "stuck", "token": "t", "send": { "to": "petr", "via": "gate" } }
  ]
}"#;

/// A provider that works once a file is there.
const GATE: &str = "#!/bin/sh\ntest -e OPEN || { echo 'no such luck' >&2; exit 1; }\n";

/// A provider that fails once a file is there, and waits for that.
const HANGS: &str = "#!/bin/sh\n: > BEGUN\nuntil test -e GO; do sleep 0.02; done\nexit 1\n";

fn house() -> (Home, Daemon) {
    let home = Home::new();
    let path = |name: &str| home.path(name).display().to_string();
    home.write("gate", &GATE.replace("OPEN", &path("open")));
    home.write("hangs", &HANGS.replace("GO", &path("go")).replace("BEGUN", &path("begun")));
    home.shell("chmod +x gate hangs");
    home.write("hooks.json", &HOUSE.replace("GATE", &path("gate")).replace("HANGS", &path("hangs")));
    let daemon = home.serve();
    (home, daemon)
}

fn ring(daemon: &Daemon, hook: &str, text: &str) -> String {
    let reply = daemon.get(&format!("/hooks/{hook}?token=t&msg={text}"));
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.body.split_whitespace().nth(1).unwrap().to_owned()
}

/// One that expires, once that is written down.
fn expired(daemon: &Daemon) -> String {
    let id = ring(daemon, "brief", "brief");
    daemon.logged(&["message ended", &id, "state=expired"]);
    id
}

/// What is printed, without what is told beside it.
fn printed(home: &Home, args: &[&str]) -> (Option<i32>, String) {
    let output = home.hookbell(args).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn json(home: &Home, args: &[&str]) -> Value {
    let (code, text) = printed(home, args);
    assert_eq!(code, Some(0), "{args:?}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_list_has_a_line_a_delivery_and_filters() {
    let (home, daemon) = house();
    let sent = ring(&daemon, "bell", "one");
    daemon.logged(&["message ended", &sent, "state=sent"]);
    let gone = expired(&daemon);
    let (code, text) = printed(&home, &["messages"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(code == Some(0) && lines.len() == 3 && lines[0].starts_with("ACCEPTED "), "{text}");
    assert!(lines[1].contains(&gone) && lines[1].contains("its time ran out"), "the newest first: {text}");
    assert!(lines[2].contains(&sent) && lines[2].contains("sent") && lines[2].contains("Z  "), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains("one"), "no colours, no texts: {text}");
    for (args, found) in [
        (&["-state", "sent"][..], &sent),
        (&["-to", "petr"], &gone),
        (&["-hook", "bell"], &sent),
        (&["-account", "gate", "-since", "1h"], &gone),
        (&["-limit", "1"], &gone),
    ] {
        let listed = json(&home, &[&["messages", "-json"], args].concat());
        let ids: Vec<_> = listed["deliveries"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
        assert_eq!(ids, [found], "{args:?}");
    }
    let (code, said) = home.output(&["messages", "--to", "nobody"]);
    assert_eq!((code, said.as_str()), (Some(0), "hookbell messages: nothing found\n"));
    daemon.stop();
}

#[test]
fn a_message_is_shown_with_every_try_by_the_beginning_of_its_id() {
    let (home, daemon) = house();
    let id = expired(&daemon);
    for beginning in [id.as_str(), &id[..24].to_lowercase()] {
        let (code, text) = printed(&home, &["messages", "show", beginning]);
        assert_eq!(code, Some(0), "{text}");
        for words in
            [&format!("message   {id}\n"), "hook      brief\n", "petr by gate (+79007654321): expired", "| brief\n"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(text.contains("  BEGAN") && text.contains("fault") && text.contains("ended with code 1"), "{text}");
    }
    let other = ring(&daemon, "bell", "one");
    let common = id.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    for (args, words) in [
        (["messages", "show", &id[..common]], "give more of it"),
        (["messages", "show", "7ZZZ"], "Message not found"),
        (["messages", "retry", "7ZZZ"], "Message not found"),
    ] {
        let (code, said) = home.output(&args);
        assert!(code == Some(1) && said.contains(words), "{args:?}: {said}");
    }
    daemon.stop();
}

#[test]
fn what_expired_is_retried_and_what_waits_is_canceled() {
    let (home, daemon) = house();
    let id = expired(&daemon);
    home.write("open", "");
    let (code, text) = printed(&home, &["messages", "retry", &id]);
    assert_eq!((code, text), (Some(0), format!("{id} petr: queued\n")));
    daemon.logged(&["message ended", &id, "state=sent"]);
    let (code, text) = printed(&home, &["messages", "retry", &id, "-force"]);
    let unchanged = "petr: sent: unchanged, it has been sent, and -force does not change that: send a new one";
    assert_eq!((code, text), (Some(1), format!("{id} {unchanged}\n")));
    fs::remove_file(home.path("open")).unwrap();
    let id = ring(&daemon, "stuck", "two");
    let (code, text) = printed(&home, &["messages", "cancel", &id]);
    assert_eq!((code, text), (Some(0), format!("{id} petr: canceled\n")));
    daemon.logged(&["message ended", &id, "state=canceled", "canceled by an operator"]);
    assert_eq!(printed(&home, &["messages", "cancel", &id]).0, Some(1));
    daemon.stop();
}

#[test]
fn what_is_being_tried_is_taken_back_once_that_try_has_failed() {
    let (home, daemon) = house();
    let id = ring(&daemon, "slow", "slow");
    eventually("the try begins", || home.path("begun").exists().then_some(()));
    let mut command = home.hookbell(&["messages", "cancel", &id]);
    let mut canceling = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    assert_eq!(printed(&home, &["messages", "-state", "sending"]).1.lines().count(), 2);
    assert!(canceling.try_wait().unwrap().is_none(), "it waits");
    home.write("go", "");
    let output = canceling.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{id} petr: canceled\n"));
    let shown = json(&home, &["messages", "show", &id, "-json"]);
    let classes: Vec<_> = shown["deliveries"][0]["tries"].as_array().unwrap().iter().map(|one| &one["class"]).collect();
    assert_eq!(classes, ["fault", "canceled"]);
    daemon.stop();
}

#[test]
fn a_purge_forgets_old_messages() {
    let (home, daemon) = house();
    let (gone, waits) = (expired(&daemon), ring(&daemon, "stuck", "two"));
    assert_eq!(printed(&home, &["messages", "purge", "-older-than", "1h"]), (Some(0), "purged 0\n".to_owned()));
    assert_eq!(printed(&home, &["messages", "purge", "--older-than", "0s"]), (Some(0), "purged 1\n".to_owned()));
    let (_, listed) = printed(&home, &["messages"]);
    assert!(!listed.contains(&gone) && listed.contains(&waits), "{listed}");
    daemon.stop();
}

#[test]
fn refused_calls_are_listed_without_their_texts_and_tokens() {
    let (home, daemon) = house();
    assert_eq!(daemon.get("/hooks/bell?msg=hush-text").status, 401);
    assert_eq!(daemon.get("/hooks/bell?token=hush-token&msg=x").status, 403);
    assert_eq!(daemon.get("/hooks/nowhere?msg=x").status, 404);
    assert_eq!(daemon.get("/hooks/bell?token=t&msg=").status, 400);
    let listed = eventually("all are written", || {
        let listed = json(&home, &["messages", "-refused", "-json"]);
        (listed["refused"].as_array().unwrap().len() == 4).then_some(listed)
    });
    let rows = listed["refused"].as_array().unwrap().iter();
    let mut rows: Vec<_> = rows.map(|row| (row["status"].as_i64().unwrap(), row["hook"].as_str().unwrap())).collect();
    rows.sort_unstable();
    assert_eq!(rows, [(400, "bell"), (401, "bell"), (403, "bell"), (404, "nowhere")]);
    let (_, text) = printed(&home, &["messages", "-refused", "-limit", "10"]);
    for words in ["AT ", "no token", "a wrong token", "no hook has this id", "the message is empty", "127.0.0.1:"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("hush"), "{text}");
    let file = fs::read(home.path("hookbell-state/outbox.db-wal")).unwrap();
    assert!(!file.windows(4).any(|bytes| bytes == b"hush"));
    daemon.stop();
}

#[test]
fn while_the_daemon_is_down_its_file_is_only_read() {
    let (home, mut daemon) = house();
    let id = expired(&daemon);
    daemon.signal(rustix::process::Signal::KILL);
    assert_eq!(daemon.ends(), None);
    let names = || {
        let entries = fs::read_dir(home.path("hookbell-state")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap()).map(|e| (e.file_name(), e.metadata().unwrap().len())).collect();
        names.sort();
        names
    };
    for _ in 0..2 {
        let before = names();
        for args in [&["messages"][..], &["messages", "show", &id], &["messages", "-state-dir", "hookbell-state"]] {
            let (code, said) = home.output(args);
            assert!(code == Some(0) && said.contains(&id), "{args:?}: {said}");
            assert!(said.contains("; read from ") && said.contains("outbox.db"), "{args:?}: {said}");
        }
        for args in
            [&["messages", "retry", &id][..], &["messages", "cancel", &id], &["messages", "purge", "-older-than", "1d"]]
        {
            let (code, said) = home.output(args);
            assert!(code == Some(75) && said.contains("this needs a running daemon"), "{args:?}: {said}");
        }
        assert_eq!(names(), before);
        // Once more after an orderly end.
        home.serve().stop();
    }
    let nothing = Home::new();
    let (code, said) = nothing.output(&["messages"]);
    assert!(code == Some(75) && said.contains("no daemon found"), "{said}");
    assert_eq!(fs::read_dir(nothing.path("")).unwrap().count(), 0);
}

#[test]
fn a_word_or_a_flag_that_would_do_nothing_is_a_mistake() {
    let home = Home::new();
    for (args, words) in [
        (&["shwo", "0"][..], "did you mean \"show\"?"),
        (&["show"], "which one?"),
        (&["purge"], "-older-than 30d"),
        (&["show", "0", "-state", "sent"], "filters go with the list"),
        (&["-stat", "sent"], "flag provided but not defined: -stat"),
    ] {
        let (code, said) = home.output(&[&["messages"], args].concat());
        assert!(code == Some(2) && said.contains(words), "{args:?}: {said}");
    }
    let (code, said) = home.output(&["help", "messages"]);
    assert!(code == Some(0) && said.contains("retry ID") && said.contains("-refused"), "{said}");
    let (home, daemon) = house();
    for (args, words) in [(["-state", "snet"], "did you mean \"sent\"?"), (["-since", "yesterday"], "write 2h")] {
        let (code, said) = home.output(&[&["messages"], &args[..]].concat());
        assert!(code == Some(1) && said.contains(words), "{args:?}: {said}");
    }
    daemon.stop();
}

#[test]
fn the_example_queries_answer() {
    let (home, daemon) = house();
    let id = expired(&daemon);
    let file = home.path("hookbell-state/outbox.db");
    let db = rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let text = read("examples/sqlite/queries.sql");
    let text: String = text.lines().filter(|line| !line.starts_with("--")).map(|line| line.to_owned() + "\n").collect();
    let mut answers = Vec::new();
    for query in text.split(';').filter(|query| query.contains("SELECT")) {
        let mut statement = db.prepare(query).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
            Ok(format!("{:?}", cells.collect::<Result<Vec<_>, _>>()?))
        };
        answers.push(statement.query_map([], row).unwrap().map(Result::unwrap).collect::<Vec<_>>().join("\n"));
    }
    let [lost, waits, tries] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(lost.contains(&id) && lost.contains("its time ran out"), "{lost}");
    assert!(waits.contains("gate"), "{waits}");
    assert!(tries.contains("fault") && tries.contains("expired"), "{tries}");
    daemon.stop();
}
