//! An Android phone that fetches: the real program, and a phone that speaks HTTP as its tools do.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::daemon::{Daemon, PATIENCE, Plan, SECRET};
use super::{ANA, BO, phone};

fn token() -> String {
    format!("phone-token-{SECRET}")
}

fn bearer() -> String {
    format!("Authorization: Bearer {}\r\n", token())
}

fn plan(more: Value) -> Plan {
    let account = json!({ "provider": "phone", "token": token(), "rate": "1000/s burst 1000" });
    Plan::new().account("droid", account, more).contact("ana", phone(ANA), &["droid"]).contact(
        "bo",
        phone(BO),
        &["droid"],
    )
}

/// Starts the program, and waits until phones are heard: that is a moment after callers are.
async fn started(plan: &Plan, folder: &Path) -> Daemon {
    let daemon = plan.start(folder).await;
    let deadline = Instant::now() + PATIENCE;
    while call(&daemon, "heartbeat", json!({})).await.0 == 503 {
        assert!(Instant::now() < deadline, "phones are not heard:\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    daemon
}

/// One request, and its answer: status and body.
async fn asked(address: SocketAddr, line: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {answer:?}"));
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// A call of the phone, and what it hears.
async fn call(daemon: &Daemon, path: &str, body: Value) -> (u16, Value) {
    call_at(daemon.address(), path, body).await
}

async fn call_at(address: SocketAddr, path: &str, body: Value) -> (u16, Value) {
    let (status, body) = asked(address, &format!("POST /pull/v1/{path}"), &bearer(), &body.to_string()).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

async fn lease(daemon: &Daemon, more: Value) -> Value {
    let (status, answer) = call(daemon, "lease", more).await;
    assert_eq!(status, 200, "{answer}");
    answer["items"][0].clone()
}

fn path(item: &Value, verb: &str) -> String {
    format!("items/{}/{verb}", item["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_phone_fetches_and_says_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = started(&plan(json!({})), folder.path()).await;
    assert_eq!(call(&daemon, "lease", json!({})).await, (204, Value::Null));
    let waiting = lease(&daemon, json!({ "max": 1, "wait_s": 25, "lease_s": 60, "accept": ["text"] }));
    let begun = Instant::now();
    let (item, id) = tokio::join!(waiting, daemon.ring("ana", "disk full & more"));
    assert!(begun.elapsed() < Duration::from_secs(20), "it did not wait in vain");
    assert_eq!(item["wa_link"], json!(format!("https://wa.me/{ANA}?text=disk%20full%20%26%20more")));
    assert_eq!((&item["to"], &item["contact"]), (&json!(ANA), &json!("ana")));
    let lease_word = json!({ "lease": item["lease"], "lease_s": 600, "state": "sent", "at": 1 });
    let (status, extended) = call(&daemon, &path(&item, "extend"), lease_word.clone()).await;
    assert!(status == 200 && extended["expires_at"].as_i64() > item["expires_at"].as_i64(), "{extended}");
    for _ in 0..2 {
        assert_eq!(call(&daemon, &path(&item, "ack"), lease_word.clone()).await, (200, json!({})));
    }
    daemon.reached(&id, "sent").await;
    let gone = (410, json!({ "error": "gone" }));
    assert_eq!(call(&daemon, "items/other/ack", lease_word.clone()).await, gone);
    assert_eq!(call(&daemon, &path(&item, "extend"), lease_word).await, (409, json!({ "error": "stale_lease" })));
    let delivered = json!({ "state": "delivered", "at": 1_795_216_500_000_i64 });
    for _ in 0..2 {
        assert_eq!(call(&daemon, &path(&item, "status"), delivered.clone()).await.0, 200);
    }
    daemon.reached(&id, "delivered").await;

    let id = daemon.ring("bo", "two").await;
    let item = lease(&daemon, json!({})).await;
    let nack = json!({ "lease": item["lease"], "reason": "not_registered", "detail": "no entry" });
    assert_eq!(call(&daemon, &path(&item, "nack"), nack).await.0, 200);
    daemon.reached(&id, "failed").await;
    let log = daemon.stop().await;
    assert!(log.contains("the number has no account there: no entry"), "{log}");
}

#[tokio::test]
async fn what_is_wrong_is_told_and_no_token_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = started(&plan(json!({})), folder.path()).await;
    let (at, begun) = (daemon.address(), Instant::now());
    let wrong = format!("Authorization: Bearer {}x\r\n", token());
    assert_eq!(asked(at, "POST /pull/v1/lease", &wrong, "{}").await.0, 403);
    assert!(begun.elapsed() >= Duration::from_secs(1), "who guesses waits");
    assert_eq!(asked(at, "GET /pull/v1/next", "", "").await.0, 403);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(asked(at, "POST /pull/v1/done", form, "k=wrong&id=1&lease=1.1&status=1").await.0, 403);
    assert_eq!(asked(at, &format!("GET /pull/v2/next?k={}", token()), "", "").await.0, 404);
    assert_eq!(asked(at, &format!("GET /pull/v1/lease?k={}", token()), "", "").await.0, 405);
    for (path, body, why) in [
        ("items/1/nack", json!({ "lease": "1.1", "reason": "tired" }), "\"reason\" is one of not_registered,"),
        ("items/1/nack", json!({ "lease": "1.1" }), "\"reason\" is missing"),
        ("items/1/ack", json!({}), "\"lease\" is missing"),
        ("items/1/ack", json!({ "lease": "x" }), "\"lease\": this is no lease"),
        ("items/1/ack", json!({ "lease": "1.1", "state": "delivered" }), "\"state\" is \"sent\""),
        ("items/1/status", json!({ "state": "asleep" }), "\"state\" is one of"),
        ("lease", json!({ "max": "many" }), "\"max\" is no number"),
        ("inbound", json!({ "text": "who?" }), "\"from\" or \"name\" is missing"),
        ("done", json!({ "id": "1", "lease": "1.1", "status": 3 }), "\"status\" is 1"),
    ] {
        let (status, answer) = asked(at, &format!("POST /pull/v1/{path}"), &bearer(), &body.to_string()).await;
        assert!(status == 400 && answer.starts_with(why), "{path}: {status} {answer}");
    }
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(asked(at, "POST /pull/v1/inbound", &bearer(), &large).await.0, 413);
    let log = daemon.stop().await;
    assert!(log.contains("a phone without a token, or with a wrong one"), "{log}");
}

#[tokio::test]
async fn tools_without_code_fetch_by_get_and_answer_by_form() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = started(&plan(json!({})), folder.path()).await;
    let next = format!("GET /pull/v1/next?k={}", token());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let fetch = || async {
        let (status, body) = asked(daemon.address(), &next, "", "").await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    assert_eq!(fetch().await, json!({ "send": false }));
    for (hook, more, state) in
        [("ana", "status=1", "sent"), ("bo", "status=2", "failed"), ("bo", "status=2&front=0", "queued")]
    {
        let id = daemon.ring(hook, "disk").await;
        let item = fetch().await;
        assert_eq!((&item["send"], &item["phone"]), (&json!(true), &item["to"]));
        let (item, lease) = (item["id"].as_str().unwrap(), item["lease"].as_str().unwrap());
        let said = format!("k={}&id={item}&lease={lease}&{more}", token());
        assert_eq!(asked(daemon.address(), "POST /pull/v1/done", form, &said).await.0, 200, "{more}");
        daemon.reached(&id, state).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_lease_outlasts_a_kill_and_the_wait_ends_with_the_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(json!({}));
    let daemon = started(&plan, folder.path()).await;
    let id = daemon.ring("ana", "disk").await;
    let item = lease(&daemon, json!({})).await;
    daemon.kill();
    let daemon = started(&plan, folder.path()).await;
    assert_eq!(call(&daemon, "lease", json!({})).await.0, 204, "the phone has it");
    assert_eq!(call(&daemon, &path(&item, "ack"), json!({ "lease": item["lease"] })).await.0, 200);
    let delivery = daemon.reached(&id, "sent").await;
    assert_eq!((&delivery["attempts"], &delivery["possible-duplicate"]), (&json!(1), &json!(false)));

    let address = daemon.address();
    let (asking, waits) = tokio::sync::oneshot::channel();
    let waiting = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body = r#"{"wait_s":25}"#;
        let head = format!("POST /pull/v1/lease HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: 13\r\n\r\n", bearer());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        asking.send(()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let stopping = async {
        waits.await.unwrap();
        // The phone's call is under way once another one after it was answered.
        call_at(address, "heartbeat", json!({ "battery": 80 })).await;
        daemon.stop().await
    };
    let begun = Instant::now();
    let (answer, _) = tokio::join!(waiting, stopping);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_phone_tells_what_people_write_and_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = started(&plan(json!({})), folder.path()).await;
    let wrote = json!({ "dedupe": "n1", "from": ANA, "name": "Ana", "text": "ack 17", "at": 1_795_216_500_000_i64 });
    for _ in 0..2 {
        assert_eq!(call(&daemon, "inbound", wrote.clone()).await, (200, json!({})));
    }
    assert_eq!(call(&daemon, "inbound", json!({ "name": "bo", "text": "from a notification" })).await.0, 200);
    let beat =
        |blocked: Value| json!({ "battery": 80, "screen": true, "app_version": "1.0", "queue_blocked": blocked });
    assert_eq!(call(&daemon, "heartbeat", beat(Value::Null)).await, (200, json!({ "pause_s": 0 })));
    assert_eq!(call(&daemon, "heartbeat", beat(json!("update WhatsApp"))).await.0, 200);
    let (_, answer) = call(&daemon, "heartbeat", beat(json!("update WhatsApp"))).await;
    assert!(answer["pause_s"].as_u64().is_some_and(|pause| pause > 30), "{answer}");
    let (_, answer) = call(&daemon, "heartbeat", beat(json!(true))).await;
    assert!(answer["pause_s"].as_u64().is_some_and(|pause| pause > 30), "it is still blocked: {answer}");
    assert_eq!(call(&daemon, "heartbeat", beat(Value::Null)).await, (200, json!({ "pause_s": 0 })));
    let log = daemon.stop().await;
    assert_eq!(log.matches("a message came in").count(), 2, "{log}");
    assert!(log.contains("contact=ana") && log.contains("contact=bo"), "{log}");
    assert!(log.contains("the phone says that it can't send: update WhatsApp"), "{log}");
    assert!(log.contains("the account works again") && !log.contains("ack 17"), "{log}");
}

#[tokio::test]
async fn phones_are_heard_where_callbacks_are_and_hook_ids_win() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(json!({})).hook("pull/v1/lease", json!("ana"), &["droid"]);
    let daemon = plan.start_with(folder.path(), &["-urlprefix", "", "-callbacks", "127.0.0.1:0"]).await;
    let line = daemon.logged("listening for callbacks on ").await;
    let apart: SocketAddr = line.rsplit_once("callbacks on ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(asked(daemon.address(), "POST /pull/v1/lease", "Content-Type: text/plain\r\n", "rung").await.0, 202);
    let (status, answer) = loop {
        match call_at(apart, "lease", json!({})).await {
            (503, _) => tokio::time::sleep(Duration::from_millis(5)).await,
            answered => break answered,
        }
    };
    assert_eq!((status, &answer["items"][0]["text"]), (200, &json!("rung")));
    assert_eq!(asked(daemon.address(), "GET /pull/v1/next", &bearer(), "").await.0, 404);
    daemon.stop().await;
}

#[tokio::test]
async fn without_a_phone_there_is_no_such_route() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new().account("bell", json!({ "provider": "console" }), json!({}));
    let daemon = plan.contact("ana", phone(ANA), &["bell"]).start(folder.path()).await;
    assert_eq!(asked(daemon.address(), "GET /pull/v1/next", &bearer(), "").await.0, 404);
    daemon.stop().await;
}

#[tokio::test]
async fn the_reference_phone_sends() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = started(&plan(json!({ "channel": "sms" })), folder.path()).await;
    std::fs::write(folder.path().join("header"), format!("Authorization: Bearer {}\n", token())).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/android/phone.sh");
    let text = "quote \" slash \\ tab\tnext\nline \\n ünï 🔥 \"to\":\"1\"";
    for (hook, program, state) in [("ana", "cat > text; echo \"$1\" > number", "sent"), ("bo", "exit 3", "failed")] {
        let id = daemon.ring(hook, text).await;
        let mut phone = Command::new(&script)
            .args([&format!("http://{}", daemon.address()), "header", "sh", "-c", program, "sh"])
            .env("PHONE_ONCE", "1")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        daemon.reached(&id, state).await;
        let deadline = Instant::now() + PATIENCE;
        while phone.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let written = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((written("number"), written("text")), (format!("{ANA}\n"), text.to_owned()));
    daemon.stop().await;
}
