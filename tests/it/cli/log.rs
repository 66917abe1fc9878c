//! What the log looks like, and that no caller can change that.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

use crate::daemon::{Daemon, Home, eventually};

const HOOKS: &str = r#"[
  { "id": "bell", "execute-command": "echo", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "url", "name": "q" }, { "source": "header", "name": "User-Agent" } ] },
  { "id": "fails", "execute-command": "sh", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "string", "name": "-c" },
                                   { "source": "string", "name": "printf 'one\n\\033[31mtwo\n'; exit 3" } ] }
]"#;

/// Line breaks and colours in whatever a caller can write.
fn molest(daemon: &Daemon) {
    let evil = "x%0a2026-01-01T00:00:00.000Z%20ERROR%20forged%0d%0a%1b[31mred%e2%80%a8y%c2%85z";
    assert_eq!(daemon.get(&format!("/hooks/{evil}")).status, 404);
    assert_eq!(daemon.get(&format!("/{evil}")).status, 404);
    assert_eq!(daemon.get(&format!("/hooks/bell?q={evil}")).status, 200);
    assert_eq!(daemon.request("GET", "/hooks/bell", "User-Agent: a\u{1b}[31mred\u{85}b\r\n", "").status / 100, 4);
    assert_eq!(daemon.request("GET", "/hooks/bell", "User-Agent: a\tb\u{2028}ERROR forged\r\n", "").status, 200);
    let head = "Content-Type: application/json\r\n";
    assert_eq!(daemon.request("POST", "/hooks/bell", head, "{\"a\":\n\u{1b}[31m\n2026 forged").status, 200);
    let head = "X-Request-Id: a\tb\u{85}\u{202e}\u{2028}2026 ERROR forged\r\n";
    assert_eq!(daemon.request("GET", "/hooks/fails", head, "").status, 500);
}

fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000Z"
}

#[test]
fn a_line_stays_a_line_whatever_a_caller_sends() {
    for detail in ["-nopanic", "-verbose", "-debug"] {
        let home = Home::with(HOOKS);
        let daemon = home.serve_with(&[detail, "-x-request-id"]);
        molest(&daemon);
        daemon.logged(&["exit status 3"]);
        let log = daemon.log();
        assert!(!log.contains(['\u{1b}', '\r', '\u{2028}', '\u{202e}', '\u{85}']), "{log}");
        for line in log.lines() {
            let (time, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no line: {line:?}"));
            let level = rest.split_whitespace().next().unwrap_or_default();
            let known = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level);
            assert!(is_time(time) && known && time > "2026-01-02", "{line}\n{log}");
        }
    }
}

#[test]
fn json_is_an_object_a_line() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-debug", "-log-format", "json"]);
    molest(&daemon);
    let line = daemon.logged(&["exit status 3"]);
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((object["level"].as_str(), object["hook"].as_str()), (Some("ERROR"), Some("fails")));
    let mut seen = 0;
    for line in daemon.log().lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(object["message"].is_string() && is_time(object["timestamp"].as_str().unwrap()), "{line}");
        seen += 1;
    }
    assert!(seen > 20, "{}", daemon.log());
}

#[test]
fn journald_gets_priorities_instead_of_times() {
    let home = Home::with(HOOKS);
    let log = File::create(home.path("journal")).unwrap();
    let (device, inode) = log.metadata().map(|meta| (meta.dev(), meta.ino())).unwrap();
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-verbose"]);
    let mut child = command.env("JOURNAL_STREAM", format!("{device}:{inode}")).stderr(log).spawn().unwrap();
    let text = eventually("a whole start", || {
        fs::read_to_string(home.path("journal")).ok().filter(|text| text.contains("listening on"))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.lines().all(|line| line.starts_with("<6>") || line.starts_with("<7>")), "{text}");
    assert!(text.starts_with("<6>hookbell "), "{text}");
    // Another stream's number: it is not the journal that reads us.
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    let daemon = Daemon::start(command.env("JOURNAL_STREAM", "1:1"));
    assert!(!daemon.log().contains("<6>"));
    // Why it does not start has a priority, too.
    let log = File::create(home.path("journal")).unwrap();
    let (device, inode) = log.metadata().map(|meta| (meta.dev(), meta.ino())).unwrap();
    let mut command = home.hookbell(&["-port", "70000"]);
    let status = command.env("JOURNAL_STREAM", format!("{device}:{inode}")).stderr(log).status().unwrap();
    let text = fs::read_to_string(home.path("journal")).unwrap();
    assert!(status.code() == Some(1) && text.starts_with("<3>error listening on port: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn why_nothing_starts_stands_in_the_log_file() {
    let home = Home::new();
    for (number, (flags, words)) in [
        (["-port=70000", "-verbose"], "error listening on port: 70000 is no port"),
        (["-port=0", "-ip=192.0.2.1"], "error listening on port: listen tcp 192.0.2.1:0: "),
        (["-port=0", "-pidfile=/proc/nope/x"], "Error creating pidfile: "),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{number}.log");
        let (code, said) = home.output(&[&flags[..], &["-logfile", &file]].concat());
        let text = fs::read_to_string(home.path(&file)).unwrap();
        assert!(code == Some(1) && said.contains(words) && text.contains(&format!("ERROR {words}")), "{said} {text}");
    }
}

#[test]
fn why_nothing_starts_is_a_line_of_the_log() {
    let home = Home::new();
    let (code, said) = home.output(&["-port", "70000", "-log-format", "json"]);
    let object: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    let words = "error listening on port: 70000 is no port: give -port a number from 0 to 65535";
    assert_eq!((code, object["level"].as_str(), object["message"].as_str()), (Some(1), Some("ERROR"), Some(words)));
}

#[test]
fn a_log_file_takes_it_all_and_is_appended_to() {
    let home = Home::with(HOOKS);
    home.write("bell.log", "before\n");
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-logfile", "bell.log"]);
    let mut daemon = Daemon::begin(&mut command);
    let text = eventually("a whole start", || {
        fs::read_to_string(home.path("bell.log")).ok().filter(|text| text.contains("serving hooks on"))
    });
    assert!(text.starts_with("before\n") && text.contains("DEBUG"), "it implies -verbose: {text}");
    // As logrotate does.
    fs::rename(home.path("bell.log"), home.path("bell.log.1")).unwrap();
    daemon.signal(rustix::process::Signal::HUP);
    daemon.address = text.split("listening on ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    eventually("the new file", || home.path("bell.log").exists().then_some(()));
    daemon.get("/hooks/bell?q=later");
    let text = fs::read_to_string(home.path("bell.log")).unwrap();
    assert!(text.contains("command output: later") && !text.contains("before"), "{text}");
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!((daemon.ends(), daemon.log().as_str()), (Some(0), ""));
}

#[test]
fn verbose_starts_and_answers_with_the_peer_s_lines() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-verbose"]);
    let address = daemon.address.clone();
    for line in [
        "attempting to load hooks from hooks.json",
        "found 2 hook(s) in file",
        "loaded: bell",
        "loaded: fails",
        &format!("serving hooks on http://{address}/hooks/{{id}}"),
    ] {
        daemon.logged(&["DEBUG", line]);
    }
    daemon.get("/hooks/bell?q=hello");
    for line in [
        "incoming HTTP GET request from 127.0.0.1:",
        "bell got matched",
        "bell hook triggered successfully",
        "executing echo (/",
        "command output: hello",
        "finished handling bell",
        "200 | ",
    ] {
        daemon.logged(&["DEBUG", line]);
    }
    let quiet = home.serve();
    quiet.get("/hooks/bell?q=hello");
    quiet.get("/hooks/fails");
    quiet.logged(&["ERROR", "error occurred: exit status 3"]);
    assert!(!quiet.log().contains("hello") && !quiet.log().contains("DEBUG"), "{}", quiet.log());
}

#[test]
fn debug_dumps_requests_and_answers() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-debug"]);
    let head = "X-Odd: shown\r\nAuthorization: Basic hidden\r\nContent-Type: text/plain\r\n";
    let reply = daemon.request("POST", "/hooks/bell?q=out", head, "the\nbody");
    assert_eq!(reply.status, 200);
    let log = daemon.stop();
    let dumped = |mark: &str| -> Vec<String> {
        let lines = log.lines().filter_map(|line| line.split_once(&format!("TRACE {mark} [")));
        // Behind the call's name, which is six digits.
        lines.map(|(_, rest)| rest.split_at(8).1.to_owned()).collect()
    };
    let asked = [
        "POST /hooks/bell?q=out HTTP/1.1",
        "Host: bell",
        "Authorization: [secret]",
        "Connection: close",
        "Content-Length: 8",
        "Content-Type: text/plain",
        "X-Odd: shown",
        "",
        "the",
        "body",
    ];
    assert_eq!(dumped(">"), asked, "{log}");
    assert_eq!(dumped("<"), ["200 OK", "Content-Type: text/plain; charset=utf-8", "", "out "], "{log}");
    assert!(!log.contains("hidden"));
}
