//! `hookbell accounts`: through a running daemon, and from the file of one that is down.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::daemon::{Daemon, Home, eventually, said};

const HOUSE: &str = r#"{
  "accounts": {
    "desk": { "provider": "console", "rate": "20/m burst 3" },
    "gate": { "provider": "command", "command": "GATE {{ msg }}" },
    "lost": { "provider": "telegramm" },
    "idle": { "provider": "console" }
  },
  "contacts": { "ivan": { "phone": "+79001234567" }, "petr": { "phone": "+79007654321" } },
  "lists": { "all": ["ivan", "petr"] },
  "hooks": [ { "id": "stuck", "token": "t", "send": { "to": "ivan", "via": "gate" } } ]
}"#;

/// A provider that never works.
const GATE: &str = "#!/bin/sh\nexit 1\n";

fn house() -> (Home, Daemon) {
    let home = Home::new();
    home.write("gate", GATE);
    home.shell("chmod +x gate");
    home.write("hooks.json", &HOUSE.replace("GATE", &home.path("gate").display().to_string()));
    let daemon = home.serve();
    (home, daemon)
}

fn listed(home: &Home) -> Value {
    let output = home.hookbell(&["accounts", "-format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn row(listed: &Value, name: &str) -> Value {
    let rows = listed["accounts"].as_array().unwrap();
    rows.iter().find(|row| row["account"] == name).unwrap_or(&Value::Null).clone()
}

#[test]
fn accounts_are_listed_with_what_is_wrong_and_from_the_file_of_a_daemon_that_is_down() {
    let (home, daemon) = house();
    let (code, text) = home.output(&["accounts", "test", "desk", "-to", "ivan"]);
    assert_eq!(code, Some(0), "{text}");
    for words in
        ["desk: rings on the daemon's terminal", " for ivan by desk (+79001234567)\n", "  sent: the provider took it\n"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(daemon.get("/hooks/stuck?token=t&msg=x").status, 202);
    daemon.logged(&["a try failed"]);
    let all = eventually("it is written down", || {
        let all = listed(&home);
        (row(&all, "gate")["queued"] == 1).then_some(all)
    });
    let desk = row(&all, "desk");
    assert_eq!(
        (&desk["provider"], &desk["rate"], &desk["state"]),
        (&"console".into(), &"20/m burst 3".into(), &"ok".into())
    );
    assert!(desk["sent"].is_string() && desk["oldest"].is_null() && desk["windows"].is_null(), "{desk}");
    let gate = row(&all, "gate");
    assert!(gate["oldest"].is_string() && gate["sent"].is_null(), "{gate}");
    assert_eq!(row(&all, "lost")["state"], "mistaken");
    assert_eq!(row(&all, "idle")["queued"], 0);
    let (code, text) = home.output(&["accounts"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(code == Some(0) && lines.len() == 5 && lines[0].starts_with("ACCOUNT  PROVIDER  QUEUED"), "{text}");
    assert!(lines[4].starts_with("lost ") && lines[4].ends_with("see hookbell check"), "{text}");
    daemon.stop();
    let (code, text) = home.output(&["accounts"]);
    assert!(code == Some(0) && text.contains("no daemon found") && text.contains("; read from "), "{text}");
    let all = listed(&home);
    assert_eq!((&row(&all, "gate")["queued"], &row(&all, "desk")["provider"]), (&1.into(), &Value::Null));
    assert_eq!(row(&all, "desk")["sent"], desk["sent"]);
    for args in [&["test", "desk", "-to", "ivan"][..], &["setup", "desk"]] {
        let (code, text) = home.output(&[&["accounts"], args].concat());
        assert!(code == Some(75) && text.contains("this needs a running daemon"), "{args:?}: {text}");
    }
    let (code, text) = Home::new().output(&["accounts"]);
    assert!(code == Some(75) && text.contains("no daemon found"), "{text}");
}

#[test]
fn a_test_that_waits_goes_on_after_its_watcher() {
    let (home, daemon) = house();
    let (code, text) = home.output(&["accounts", "test", "gate", "-to", "ivan", "-wait", "3s"]);
    assert_eq!(code, Some(75), "{text}");
    for words in ["not sent (fault 1): ", "help: trouble on the provider's side", "it goes on without you"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let mut command = home.hookbell(&["accounts", "test", "gate", "-to", "ivan"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the second waits", || (row(&listed(&home), "gate")["queued"] == 2).then_some(()));
    // It may still be on its way to the first look.
    let pid = Pid::from_child(&child);
    let ended = std::thread::spawn(move || child.wait_with_output().unwrap());
    eventually("it ends", || {
        kill_process(pid, Signal::INT).ok();
        ended.is_finished().then_some(())
    });
    let output = ended.join().unwrap();
    let told = said(&output);
    assert!(output.status.code() == Some(75) && told.contains("it goes on without you"), "{told}");
    let id = told.split_once("hookbell messages show ").unwrap().1.trim().to_owned();
    let (code, text) = home.output(&["messages", "show", &id]);
    assert!(code == Some(0) && text.contains("hook      accounts-test\n"), "{text}");
    daemon.stop();
}

#[test]
fn a_word_or_a_flag_that_makes_no_sense_is_a_mistake() {
    let (home, daemon) = house();
    for (args, code, words) in [
        (&["tset", "desk"][..], 2, "did you mean \"test\"?"),
        (&["test", "desk"], 2, "to whom? give -to CONTACT"),
        (&["-show"], 2, "go with setup"),
        (&["test", "desk", "-to", "ivan", "-wait", "1h"], 2, "at most 15m"),
        (&["test", "desc", "-to", "ivan"], 1, "did you mean \"desk\"?"),
        (&["test", "lost", "-to", "ivan"], 1, "hookbell check tells it"),
        (&["test", "desk", "-to", "all"], 1, "a list would be too many"),
        (&["test", "desk", "-to", "iwan"], 1, "iwan"),
    ] {
        let (found, text) = home.output(&[&["accounts"], args].concat());
        assert!(found == Some(code) && text.contains(words), "{args:?}: {text}");
    }
    daemon.stop();
}

#[test]
fn dialects_are_listed_and_each_is_a_start_for_one_s_own() {
    let home = Home::with(
        r#"{ "accounts": { "push": { "provider": "http-json", "dialect": { "file": "own.json" } } },
                               "contacts": { "ivan": { "ntfy": "alarms" } },
                               "hooks": [ { "id": "a", "token": "t", "send": { "to": "ivan" } } ] }"#,
    );
    let (code, text) = home.output(&["accounts", "dialects"]);
    assert!(code == Some(0) && text.starts_with("DIALECT") && text.contains("\nntfy "), "{text}");
    let (code, text) = home.output(&["accounts", "dialects", "ntfy"]);
    assert_eq!(code, Some(0), "{text}");
    home.write("own.json", &text);
    let (code, text) = home.output(&["check"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = home.output(&["accounts", "dialects", "nfty"]);
    assert!(code == Some(1) && text.contains("did you mean \"ntfy\"?"), "{text}");
    let (code, text) = home.output(&["accounts", "providers"]);
    assert!(code == Some(0) && text.contains("PROVIDER") && text.contains("\nntfy "), "{text}");
    assert_eq!(home.output(&["help", "providers"]), (code, text));
}
