//! `check`, `token` and `send`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::daemon::{Daemon, Home, said, says};

const GOOD: &str = r#"{
  "accounts": {
    "desk": { "provider": "console" },
    "tg": { "provider": "telegram", "bot-token": "12345:bot-secret-bot-secret-bot-secret-bot" },
    "wa": { "provider": "whatsapp-cloud", "phone-number-id": "106540352242922", "access-token": { "file": "wa-token" }, "approved-template": { "name": "alert", "language": "ru" } }
  },
  "contacts": {
    "ivan": { "phone": "+79001234567", "telegram": "123456789" },
    "petr": { "phone": "+79007654321" }
  },
  "lists": { "admins": ["ivan", "petr"] },
  "hooks": [
    { "id": "bell", "token": { "generated": "bell" }, "send": { "to": "ivan", "via": ["tg", "desk"] } }
  ]
}
"#;

fn home() -> Home {
    let home = Home::with(GOOD);
    home.write("wa-token", "EAAG-access-secret\n");
    home
}

fn names_in(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.path("")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_good_file_is_fine_and_nothing_is_made() {
    let home = home();
    let (code, said) = home.output(&["check"]);
    assert_eq!((code, said.as_str()), (Some(0), "1 hook, 3 accounts, 2 contacts: 0 errors, 0 warnings\n"));
    assert_eq!(names_in(&home), ["hooks.json", "wa-token"]);
}

#[test]
fn an_error_is_shown_with_its_line_and_a_mark() {
    let home = home();
    home.write("hooks.json", &GOOD.replace("\"to\": \"ivan\"", "\"to\": \"iwan\""));
    let output = home.hookbell(&["check"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "error: nobody is called \"iwan\": neither a contact nor a list");
    assert!(lines[1].contains("hooks.json:13:") && lines[1].ends_with("hooks[0].send.to"), "{text}");
    let shown = lines.iter().position(|line| line.starts_with("13 |")).unwrap();
    let column = lines[shown].find("\"iwan\"").unwrap();
    assert_eq!(lines[shown + 1].find('^'), Some(column), "{text}");
    assert_eq!(lines[shown + 1].matches('^').count(), "\"iwan\"".len(), "{text}");
    assert!(text.contains("help: did you mean \"ivan\"?") && text.ends_with("1 error, 0 warnings\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours into a pipe: {text}");
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let home = Home::new();
    home.shell("mkdir hooks.d");
    home.write("one.json", &format!("[ {},\n  {} ]", says("a", "x"), says("a", "y")));
    home.write(
        "hooks.d/two.json",
        "{ \"accounts\": { \"wa\": { \"provider\": \"whatsap-cloud\" } },\n  \"colour\": 1 }",
    );
    home.write("hooks.d/three.yaml", "- id: b\n  execute-command: [\n");
    home.write("hooks.d/notes.txt", "not a hooks file");
    let (code, said) = home.output(&["check", "one.json", "hooks.d", "missing.json"]);
    assert_eq!(code, Some(1), "{said}");
    let places =
        ["one.json:2:", "hooks.d/two.json:1:", "hooks.d/two.json:2:", "hooks.d/three.yaml:", "missing.json: can't be"];
    for place in places {
        assert!(said.contains(place), "no {place} in {said}");
    }
    assert!(said.ends_with("5 errors, 0 warnings\n") && !said.contains("notes.txt"), "{said}");
}

#[test]
fn a_warning_is_a_finding_only_with_strict() {
    let home = Home::with("[ { \"id\": \"a\", \"execute-command\": \"true\", \"colour\": \"red\" } ]");
    let (code, said) = home.output(&["check"]);
    assert!(code == Some(0) && said.starts_with("warning: ") && said.contains("colour"), "{said}");
    assert!(said.ends_with("1 hook, 0 accounts, 0 contacts: 0 errors, 1 warning\n"), "{said}");
    assert_eq!(home.output(&["check", "-strict"]).0, Some(1));
    assert_eq!(home.output(&["check", "hooks.json", "--strict"]).0, Some(1));
    assert_eq!(home.output(&["check", "-bogus"]).0, Some(2));
}

#[test]
fn a_token_is_printed_or_it_is_said_where_it_was_looked_for() {
    let home = home();
    let (code, said_before) = home.output(&["token", "bell"]);
    assert_eq!(code, Some(1));
    assert!(said_before.contains("no secret \"bell\" in") && said_before.contains("hookbell-state"), "{said_before}");
    assert_eq!(names_in(&home), ["hooks.json", "wa-token"]);
    home.serve_with(&["-state-dir", "elsewhere"]).stop();
    assert_eq!(home.output(&["token", "bell"]).0, Some(1));
    let output = home.hookbell(&["token", "bell", "-state-dir", "elsewhere"]).output().unwrap();
    let kept = fs::read(home.path("elsewhere/secrets/bell")).unwrap();
    assert_eq!((output.status.code(), &output.stdout), (Some(0), &kept));
    assert!(String::from_utf8_lossy(&output.stderr).contains("elsewhere/secrets/bell"));
    let by_systemd = home.hookbell(&["token", "bell"]).env("STATE_DIRECTORY", "elsewhere").output().unwrap();
    assert_eq!(by_systemd.stdout, kept);
    for (args, code) in [(&["token"][..], 2), (&["token", "a", "b"], 2), (&["token", "../bell"], 1)] {
        assert_eq!(home.output(args).0, Some(code), "{args:?}");
    }
}

#[test]
fn a_message_goes_through_the_daemon() {
    let home = home();
    let daemon = home.serve();
    let (code, said) = home.output(&["send", "-to", "ivan", "-via", "desk", "--title", "sda", "disk full"]);
    assert!(code == Some(0) && said.starts_with("queued 0") && said.ends_with(" for ivan\n"), "{said}");
    daemon.logged(&["🔔 ivan", "sda · disk full"]);
    let (code, said) = home.output(&["send", "the list", "-to", "admins", "-via", "desk"]);
    assert!(code == Some(0) && said.ends_with(" for ivan, petr\n"), "{said}");
    daemon.logged(&["🔔 petr", "the list"]);
    let (code, said) = home.output(&["send", "-to", "+7 900 111-22-33", "-via", "desk", "a phone"]);
    assert_eq!(code, Some(0), "{said}");
    daemon.logged(&["🔔", "+79001112233", "a phone"]);
    let mut child = home.hookbell(&["send", "-to", "ivan", "-via", "desk", "-"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all("from a pipe\nЖ\n\n".as_bytes()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    daemon.logged(&["🔔 ivan", "from a pipe", "Ж"]);
}

#[test]
fn the_control_socket_is_where_systemd_wants_it() {
    let home = home();
    home.shell("mkdir run");
    let both = format!("{}:{}", home.path("run").display(), home.path("other").display());
    for runtime in [both.as_str(), ""] {
        let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
        let daemon = Daemon::start(command.env("RUNTIME_DIRECTORY", runtime));
        let socket = home.path(if runtime.is_empty() { "hookbell-state" } else { "run" }).join("control.sock");
        let mode = fs::metadata(&socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660, "{runtime:?}");
        let mut send = home.hookbell(&["send", "-to", "ivan", "-via", "desk", "hello"]);
        let output = send.env("RUNTIME_DIRECTORY", runtime).output().unwrap();
        assert!(output.status.success(), "{runtime:?}: {}", said(&output));
        daemon.logged(&["🔔", "hello"]);
        daemon.stop();
        assert!(!socket.exists());
    }
}

#[test]
fn a_message_that_can_not_be_sent_says_why() {
    let home = home();
    let daemon = home.serve();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["send", "-to", "iwan", "x"], 1, "iwan"),
        (&["send", "-to", "ivan", "-via", "desl", "x"], 1, "no account is called \"desl\""),
        (&["send", "-to", "petr", "-via", "tg", "x"], 1, "petr"),
        (&["send", "-to", "12", "-via", "desk", "x"], 1, "12"),
        (&["send", "-to", "ivan", " \u{a0}"], 1, "the message is empty"),
        (&["send", "-to", "ivan", "-via", "desk", "-"], 1, "the message is empty"),
        (&["send", "x"], 2, "to whom?"),
        (&["send", "-to", "ivan", "two", "words"], 2, "put the text in quotes"),
        (&["send", "-to", "ivan", "-state-dir", "nowhere", "x"], 75, "nowhere"),
    ];
    for (args, code, words) in cases {
        let output = home.hookbell(args).output().unwrap();
        let text = said(&output);
        assert!(output.status.code() == Some(*code) && output.stdout.is_empty(), "{args:?}: {text}");
        assert!(text.contains(words), "{args:?}: {text}");
    }
    daemon.stop();
    let (code, said) = home.output(&["send", "-to", "ivan", "x"]);
    assert!(code == Some(75) && said.contains("no daemon found"), "{said}");
    // A socket that a killed daemon left behind.
    let mut daemon = home.serve();
    daemon.signal(rustix::process::Signal::KILL);
    assert_eq!(daemon.ends(), None);
    let (code, said) = home.output(&["send", "-to", "ivan", "x"]);
    assert!(code == Some(75) && said.contains("can't be reached"), "{said}");
}

#[test]
fn a_dry_run_shows_the_requests_masked_and_sends_nothing() {
    let home = home();
    let (code, said) = home.output(&["send", "-dry-run", "-to", "ivan", "-via", "tg", "-via", "desk", "disk <full>"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ivan: tg to 123456789, then desk to ") && said.contains("nothing was sent"), "{said}");
    assert!(said.contains("api.telegram.org") && said.contains("disk <full>"), "{said}");
    assert!(said.contains("[secret]") && !said.contains("bot-secret"), "{said}");
    let (code, said) = home.output(&["send", "-dry-run", "-to", "ivan", "-via", "wa", "x", "-hooks", "hooks.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("106540352242922") && said.contains("  authorization: [secret]\n"), "{said}");
    assert!(!said.contains("access-secret"), "{said}");
    assert_eq!(home.output(&["send", "-dry-run", "-to", "iwan", "-via", "wa", "x"]).0, Some(1));
    assert_eq!(names_in(&home), ["hooks.json", "wa-token"]);
}

#[test]
fn a_pipe_or_a_device_is_no_hooks_file() {
    let home = Home::new();
    home.shell("mkfifo pipe.json; ln -s /dev/zero zero.json");
    let (code, said) = home.output(&["check", "pipe.json", "zero.json"]);
    assert!(code == Some(1) && said.matches("it is no regular file").count() == 2, "{said}");
}

#[test]
fn a_message_that_cannot_be_stored_now_is_sent_all_the_same() {
    let home = home();
    let daemon = home.serve();
    let db = rusqlite::Connection::open(home.path("hookbell-state/outbox.db")).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (code, said) = home.output(&["send", "-to", "ivan", "-via", "desk", "later"]);
    assert!(code == Some(0) && said.contains("sent to 1 of 1, not stored"), "{said}");
    db.execute_batch("ROLLBACK").unwrap();
    assert_eq!(home.output(&["send", "-to", "ivan", "-via", "desk", "now"]).0, Some(0));
    daemon.stop();
}

#[test]
fn a_link_opens_a_chat_with_a_contact_a_number_or_whom_one_likes() {
    let home = home();
    for (args, links) in [
        (&["-to", "ivan", "-text", "disk full\n100 %"][..], "https://wa.me/79001234567?text=disk%20full%0A100%20%25\n"),
        (&["-to", "+7 900 123-45-67"], "https://wa.me/79001234567\n"),
        (&["--text", "start"], "https://wa.me/?text=start\n"),
        (&["-to", "admins"], "ivan https://wa.me/79001234567\npetr https://wa.me/79007654321\n"),
    ] {
        assert_eq!(home.output(&[&["link"], args].concat()), (Some(0), links.to_owned()));
    }
    let (code, said) = home.output(&["link", "-text", &"ж".repeat(400)]);
    assert!(code == Some(0) && said.contains("the link has 2420 characters; over 2000 some programs cut it"), "{said}");
    let (code, said) = home.output(&["link", "-to", "iwan"]);
    assert!(code == Some(1) && said.contains("nobody is called \"iwan\""), "{said}");
    assert_eq!(home.output(&["link", "text"]).0, Some(2));
    assert_eq!(names_in(&home), ["hooks.json", "wa-token"]);
}
