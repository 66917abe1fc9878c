//! Readiness comes and goes with what it is about.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use super::{Bell, SENDS, ask};
use crate::daemon::{Call, Home, eventually, request};
use crate::store::disk::Mount;

/// Waits until `/readyz` answers so with a line that has `words`.
fn says(bell: &Bell, status: u16, words: &str) -> String {
    eventually(words, || {
        let reply = bell.get("/readyz");
        (reply.status == status && reply.body.contains(words)).then_some(reply.body)
    })
}

#[test]
fn a_pure_drop_in_needs_neither_outbox_nor_account() {
    let bell = Bell::start(&super::one_hook(), &[]);
    let lines = "ok process: it runs\nok config: 1 hooks\nok outbox: not needed\nok accounts: not needed\n";
    assert!(bell.get("/readyz").is(200, lines));
    let json: serde_json::Value =
        serde_json::from_str(&bell.ask("GET", "/readyz", "Accept: application/json\r\n").body).unwrap();
    assert_eq!(json["ready"], true);
    assert_eq!(json["checks"][1], serde_json::json!({ "name": "config", "ok": true, "found": "1 hooks" }));
}

#[test]
fn an_outbox_that_can_not_be_written_is_not_ready_and_a_mended_one_is() {
    let Some(disk) = Mount::new("8m") else { return };
    let home = Home::with(SENDS);
    let state = disk.path().join("state");
    let bell = Bell::start(&home, &["-state-dir", state.to_str().unwrap()]);
    says(&bell, 200, "ok outbox: writable");
    disk.fill();
    let body = says(&bell, 503, "NOT OK outbox");
    assert!(body.contains("make room") && body.contains("ok accounts: desk"), "{body}");
    disk.empty();
    says(&bell, 200, "ok outbox: writable");
    bell.daemon.stop();
}

#[test]
fn an_outbox_that_is_not_open_is_not_ready() {
    let home = Home::with(SENDS);
    home.shell("touch state");
    let bell = Bell::start(&home, &["-state-dir", "state/in-a-file"]);
    says(&bell, 503, "NOT OK outbox: the outbox is not open");
    let page = bell.get("/metrics").body;
    assert!(page.contains("\nhookbell_outbox_open 0\n"), "{page}");
}

/// A provider that has barred us, until it has not.
fn barred() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, bars) = (format!("http://{}", listener.local_addr().unwrap()), Arc::new(AtomicBool::new(true)));
    let is_barred = Arc::clone(&bars);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let is_barred = Arc::clone(&is_barred);
            std::thread::spawn(move || {
                let (mut stream, mut chunk) = (stream, [0; 8192]);
                while let Ok(1..) = stream.read(&mut chunk) {
                    let answer: (&str, &str) = match is_barred.load(Ordering::SeqCst) {
                        true => ("401 Unauthorized", r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#),
                        false => ("200 OK", r#"{"ok":true,"result":{"message_id":7}}"#),
                    };
                    let (status, body) = answer;
                    let length = body.len();
                    let head =
                        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}");
                    stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).ok();
                }
            });
        }
    });
    (url, bars)
}

#[test]
fn when_no_account_is_up_it_is_not_ready() {
    let (url, bars) = barred();
    let config = |token: &str| {
        format!(
            r#"{{ "accounts": {{ "tg": {{ "provider": "telegram", "bot-token": "{token}", "base-url": "{url}" }} }},
                 "contacts": {{ "ivan": {{ "telegram": "5" }} }},
                 "hooks": [ {{ "id": "bell", "send": {{ "to": "ivan" }} }} ] }}"#
        )
    };
    let home = Home::with(&config("1:old"));
    let bell = Bell::start(&home, &[]);
    says(&bell, 200, "ok accounts: tg");
    assert_eq!(bell.daemon.get("/hooks/bell?msg=one").status, 202);
    says(&bell, 503, "NOT OK accounts: all are out of order: tg");
    let page = bell.get("/metrics").body;
    for line in ["hookbell_breaker_open{account=\"tg\"} 1", "hookbell_queue_deliveries{account=\"tg\"} 1"] {
        assert!(page.contains(line), "{page}");
    }
    assert!(page.contains("\nhookbell_breaker_open_since_timestamp_seconds{account=\"tg\"} 1"), "{page}");
    // Mended: a new token has the account tried at once.
    bars.store(false, Ordering::SeqCst);
    home.write("hooks.json", &config("1:new"));
    says(&bell, 200, "ok accounts: tg");
    bell.daemon.logged(&["message ended", "sent"]);
    let page = bell.get("/metrics").body;
    assert!(
        page.contains("hookbell_breaker_open{account=\"tg\"} 0") && !page.contains("open_since_timestamp_seconds{")
    );
}

#[test]
fn while_it_drains_it_is_alive_and_not_ready() {
    let home = Home::new();
    home.shell("mkfifo gate");
    home.write(
        "hooks.json",
        r#"[ { "id": "slow", "execute-command": "/bin/cat", "include-command-output-in-response": true,
               "pass-arguments-to-command": [ { "source": "string", "name": "gate" } ] } ]"#,
    );
    let mut bell = Bell::start(&home, &[]);
    let mut call: Call = bell.daemon.connect();
    call.send(&request("GET", "/hooks/slow", "", ""));
    eventually("the command runs", || {
        bell.get("/metrics").body.contains("\nhookbell_commands_running 1\n").then_some(())
    });
    bell.daemon.signal(Signal::TERM);
    says(&bell, 503, "NOT OK process: it is stopping");
    let head = format!("Host: {}\r\n", bell.admin);
    assert!(ask(&bell.admin, "GET", "/healthz", &head, "").is(200, "OK"));
    home.write("gate", "done");
    assert!(call.reply().is(200, "done"));
    assert_eq!(bell.daemon.ends(), Some(0));
}
