//! What was accepted is delivered by the next process, if not by this one.

use std::fs;

use rustix::process::Signal;

use crate::daemon::{Daemon, Home, Reply, eventually};

/// A provider that fails until a file lets it go; what it delivers is a line of another.
const DELIVER: &str = "#!/bin/sh\ntest -e open || exit 1\nprintf '%s\\n' \"$1\" >> delivered\n";

fn home() -> Home {
    let home = Home::new();
    let command = home.path("deliver").display().to_string();
    home.write(
        "deliver",
        &DELIVER
            .replace("open", &home.path("open").display().to_string())
            .replace("delivered", &home.path("delivered").display().to_string()),
    );
    home.shell("chmod +x deliver");
    let hooks = r#"{ "accounts": { "out": { "provider": "command", "command": "DELIVER {{ msg }}" } },
        "contacts": { "ivan": { "phone": "+79001234567" } },
        "hooks": [ { "id": "bell", "token": "t", "send": { "to": "ivan" } } ] }"#;
    home.write("hooks.json", &hooks.replace("DELIVER", &command));
    home
}

fn delivered(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.path("delivered")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn accepted(daemon: &Daemon, text: &str) -> String {
    let reply: Reply = daemon.get(&format!("/hooks/bell?token=t&msg={text}"));
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.body.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn queued_messages_survive_a_stop_and_go_on_in_order() {
    let home = home();
    let daemon = home.serve();
    let ids = ["one", "two", "three"].map(|text| accepted(&daemon, text));
    daemon.logged(&["WARN", "a try failed", "account=out"]);
    daemon.stop();
    home.write("open", "");
    let daemon = home.serve();
    eventually("all are delivered", || (delivered(&home).len() >= 3).then_some(()));
    assert_eq!(delivered(&home), ["one", "two", "three"]);
    for id in ids {
        daemon.logged(&["message ended", &id, "state=sent"]);
        assert!(daemon.get(&format!("/messages/{id}")).body.contains("1: sent"));
    }
}

#[test]
fn what_was_accepted_survives_a_kill() {
    let home = home();
    let mut daemon = home.serve();
    let ids = ["one", "two", "three"].map(|text| accepted(&daemon, text));
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.ends(), None);
    home.write("open", "");
    let daemon = home.serve();
    for id in &ids {
        daemon.logged(&["message ended", id, "state=sent"]);
    }
    // At least once: the one that was being tried may come twice.
    let mut delivered = delivered(&home);
    delivered.dedup();
    assert_eq!(delivered, ["one", "two", "three"]);
}
