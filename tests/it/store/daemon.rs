//! The daemon without an outbox: it starts, sends straight from memory, never lies, and comes back by itself.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, chown};
use std::path::Path;

use rusqlite::Connection;
use rustix::process::Signal;

use super::disk::Mount;
use crate::daemon::{Daemon, Home, eventually};

/// A console that always works, a program that never does, and hooks to one, the other and both.
const HOOKS: &str = r#"{
  "accounts": { "desk": { "provider": "console" },
                "dead": { "provider": "command", "command": "false", "address": "phone" },
                "good": { "provider": "command", "command": "true", "address": "telegram" } },
  "contacts": { "ana": { "phone": "+79001234567", "telegram": "7" }, "bo": { "phone": "+79001234568" } },
  "hooks": [
    { "id": "bell", "send": { "to": "ana", "via": ["desk"] } },
    { "id": "dead", "send": { "to": "bo", "via": ["dead"] } },
    { "id": "both", "send": { "to": ["ana", "bo"], "via": ["good", "dead"] } },
    { "id": "second", "send": { "to": "bo", "via": ["dead", "desk"] } },
    { "id": "run", "send": { "to": "ana", "via": ["desk"] }, "execute-command": "/bin/touch",
      "pass-arguments-to-command": [ { "source": "string", "name": "ran" } ] },
    { "id": "dead-run", "send": { "to": "bo", "via": ["dead"] }, "execute-command": "/bin/touch",
      "pass-arguments-to-command": [ { "source": "string", "name": "ran-all-the-same" } ] }
  ] }"#;

/// What every hook answers while nothing can be stored for the reason `why`.
fn sends_from_memory(home: &Home, daemon: &Daemon, why: &str) {
    let json = |target: &str| daemon.request("GET", target, "Accept: application/json\r\n", "");
    assert!(daemon.get("/hooks/bell?msg=one").is(200, "sent, not stored\n"));
    daemon.logged(&["🔔", "ana", "one"]);
    daemon.logged(&["ERROR", "sent straight from memory, not stored"]);
    let told: serde_json::Value = serde_json::from_str(&json("/hooks/bell?msg=two").body).unwrap();
    assert_eq!(told, serde_json::json!({ "stored": false, "sent": 1, "recipients": 1 }));
    assert!(daemon.get("/hooks/second?msg=three").is(200, "sent, not stored\n"));
    daemon.logged(&["🔔", "bo", "three"]);
    let both = daemon.get("/hooks/both?msg=four");
    assert!(both.is(200, "sent to 1 of 2, not stored\n") && !both.head.contains("Hookbell-Message"), "{both:?}");
    let dead = daemon.get("/hooks/dead?msg=five");
    assert!(dead.status == 503 && dead.head.to_lowercase().contains("retry-after: "), "{dead:?}");
    assert_eq!(dead.body, format!("Message could not be stored ({why}), nor sent."));
    daemon.logged(&["ERROR", "neither be stored nor sent", "bo: dead: "]);
    let dead: serde_json::Value = serde_json::from_str(&json("/hooks/dead?msg=six").body).unwrap();
    assert_eq!(dead["error"], format!("Message could not be stored ({why}), nor sent."));
    assert_eq!(daemon.get("/hooks/run?msg=seven").status, 200);
    eventually("the command runs", || home.path("ran").exists().then_some(()));
    assert_eq!(daemon.get("/hooks/dead-run?msg=eight").status, 503);
    assert!(!home.path("ran-all-the-same").exists(), "nothing runs for a message that is lost");
    fs::remove_file(home.path("ran")).unwrap();
}

fn stores(daemon: &Daemon) {
    let answer = daemon.get("/hooks/bell?msg=stored");
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[test]
fn a_daemon_on_a_full_disk_starts_and_sends_and_stores_when_there_is_room() {
    let Some(disk) = Mount::new("2m") else { return };
    let home = Home::with(HOOKS);
    disk.fill();
    let state = disk.path().join("state");
    let daemon = home.serve_with(&["-state-dir", state.to_str().unwrap()]);
    daemon.logged(&["ERROR", state.to_str().unwrap(), "full", "make room"]);
    sends_from_memory(&home, &daemon, "the outbox is not open");
    disk.empty();
    daemon.logged(&["the outbox is open"]);
    stores(&daemon);
    // Full again, under the running daemon.
    disk.fill();
    let long = "x".repeat(3000);
    while daemon.get(&format!("/hooks/bell?msg={long}")).status == 202 {}
    sends_from_memory(&home, &daemon, "the disk is full");
    disk.empty();
    stores(&daemon);
    daemon.stop();
}

#[test]
fn a_daemon_whose_file_another_program_locks_starts_and_sends() {
    let home = Home::with(HOOKS);
    home.serve().stop();
    let other = Connection::open(home.path("hookbell-state/outbox.db")).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    let daemon = Daemon::start(&mut command);
    daemon.logged(&["ERROR", "hookbell-state", "another program keeps", "straight from memory"]);
    assert!(daemon.get("/hooks/bell?msg=one").is(200, "sent, not stored\n"));
    let (code, said) = home.output(&["send", "-to", "ana", "-via", "desk", "by hand"]);
    assert!(code == Some(0) && said.contains("sent to 1 of 1, not stored"), "{said}");
    let (code, said) = home.output(&["send", "-to", "bo", "-via", "dead", "by hand"]);
    assert!(code == Some(75) && said.contains("could not be stored"), "{said}");
    let unknown = daemon.get("/messages/01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_eq!(unknown.status, 503, "it can't be known whether there is such a message");
    drop(other);
    daemon.logged(&["the outbox is open"]);
    stores(&daemon);
    let said = daemon.stop();
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_damaged_outbox_is_told_with_both_counts() {
    let home = Home::with(HOOKS);
    let daemon = home.serve();
    daemon.get("/hooks/dead?msg=waits");
    daemon.stop();
    let file = home.path("hookbell-state/outbox.db");
    let db = Connection::open(&file).unwrap();
    let page = "SELECT pageno FROM dbstat WHERE name = 'deliveries_of_message'";
    let page: u64 = db.query_row(page, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap();
    drop(db);
    fs::OpenOptions::new().write(true).open(&file).unwrap().write_all_at(&[0; 4096], (page - 1) * 4096).unwrap();
    let daemon = home.serve();
    daemon.logged(&["ERROR", "outbox.db.broken-20", "1 were saved, 0 are lost"]);
    stores(&daemon);
}

#[test]
fn a_daemon_that_may_not_write_names_its_user_and_sends() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root may become another user");
        return;
    }
    let home = Home::with(HOOKS);
    home.shell("mkdir theirs; chmod 700 theirs; chmod 711 .");
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-setuid", "65534", "-setgid", "65534"]);
    let mut daemon = Daemon::begin(command.args(["-state-dir", "theirs"]));
    daemon.address = daemon.told("INFO  listening on ").split(' ').next().unwrap().to_owned();
    daemon.logged(&["ERROR", "theirs", "user 65534", "chown"]);
    assert!(daemon.get("/hooks/bell?msg=one").is(200, "sent, not stored\n"));
    chown(home.path("theirs"), Some(65_534), Some(65_534)).unwrap();
    daemon.logged(&["the outbox is open"]);
    stores(&daemon);
    daemon.signal(Signal::TERM);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path("theirs/outbox.db")), 0o600);
}
