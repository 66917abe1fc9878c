//! What Meta calls: the question at its registration, signed reports, messages from people; and the link to a whole text.

use std::net::SocketAddr;
use std::path::Path;

use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::{Value, json};

use super::daemon::{Daemon, Plan, exchange};
use super::graph::{Call, Graph, Reply};
use super::{ANA, BO, SECRET, phone};

const NUMBER: u64 = 106_540_352_242_922;
const APP_SECRET: &str = "app-s3cret";
const COMMON: &str = "Host: localhost\r\nConnection: close\r\n";

/// An account with all that callbacks have, and one that has only what is made for it.
fn plan(graph: &Graph) -> Plan {
    let set_up = json!({
        "callback-secret": format!("path-{SECRET}"), "verify-token": format!("verify-{SECRET}"),
        "app-secret": APP_SECRET, "approved-template": { "name": "alert", "language": "ru" },
    });
    Plan::new().whatsapp("wa", NUMBER, &graph.url(), set_up).contact("ana", phone(ANA), &["wa"])
}

fn now() -> String {
    let now = std::process::Command::new("date").arg("+%s").output().unwrap();
    String::from_utf8(now.stdout).unwrap().trim().to_owned()
}

pub(super) fn envelope(number: u64, news: Value) -> String {
    let mut value = json!({ "metadata": { "phone_number_id": number.to_string() } });
    value.as_object_mut().unwrap().extend(news.as_object().unwrap().clone());
    json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] }).to_string()
}

pub(super) fn status(receipt: &str, word: &str, code: Option<i64>) -> Value {
    let errors: Vec<_> = code.iter().map(|code| json!({ "code": code, "title": "no" })).collect();
    let status = json!({ "id": receipt, "status": word, "timestamp": now(), "recipient_id": ANA, "errors": errors });
    json!({ "statuses": [status] })
}

fn written(by: &str, id: &str, text: &str) -> Value {
    json!({ "messages": [{ "id": id, "from": by, "timestamp": now(), "type": "text", "text": { "body": text } }] })
}

pub(super) async fn post(address: SocketAddr, path: &str, signature: &str, body: &str) -> u16 {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nContent-Length: {length}\r\n{signature}{COMMON}\r\n");
    exchange(address, &format!("{head}{body}")).await.unwrap().0
}

async fn signed(address: SocketAddr, path: &str, body: &str) -> u16 {
    let key = hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes());
    let signature = HEXLOWER.encode(hmac::sign(&key, body.as_bytes()).as_ref());
    post(address, path, &format!("X-Hub-Signature-256: sha256={signature}\r\n"), body).await
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n{COMMON}\r\n")).await.unwrap()
}

/// What one query of the outbox yields.
fn stored(folder: &Path, sql: &str) -> String {
    let outbox = rusqlite::Connection::open(folder.join("state/outbox.db")).unwrap();
    outbox.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn last_receipt(folder: &Path) -> String {
    stored(folder, "SELECT receipt FROM attempts WHERE class = 'accepted' ORDER BY id DESC")
}

fn is_template(call: &Call) -> bool {
    call.body["type"] == "template"
}

#[tokio::test]
async fn only_metas_calls_are_believed() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let daemon = plan(&graph).start(folder.path()).await;
    let (at, path) = (daemon.address(), format!("/callbacks/wa/path-{SECRET}"));
    let asked = |token: &str| format!("{path}?hub.mode=subscribe&hub.challenge=42&hub.verify_token={token}");
    assert_eq!(get(at, &asked(&format!("verify-{SECRET}"))).await, (200, "42".to_owned()));
    assert_eq!(get(at, &asked("another")).await.0, 403);
    let body = envelope(NUMBER, written(ANA, "wamid.in1", "ok"));
    assert_eq!(post(at, &path, "", &body).await, 403);
    assert_eq!(post(at, &path, "X-Hub-Signature-256: sha256=00\r\n", &body).await, 403);
    assert_eq!(signed(at, &format!("/callbacks/wa/path-{SECRET}x"), &body).await, 404);
    assert_eq!(signed(at, &format!("/callbacks/wb/path-{SECRET}"), &body).await, 404);
    assert_eq!(exchange(at, &format!("PUT {path} HTTP/1.1\r\n{COMMON}\r\n")).await.unwrap().0, 405);
    assert_eq!(signed(at, &path, "{\"entry\": ").await, 400);
    assert_eq!(stored(folder.path(), "SELECT count(*) || '' FROM inbound"), "0");
    // What is signed is kept once, with the contact's name; its text is in no log.
    assert_eq!(signed(at, &path, &body.replace("ok", "on my way")).await, 200);
    assert_eq!(signed(at, &path, &body.replace("ok", "on my way")).await, 200);
    let row = "SELECT contact || ' ' || kind || ' ' || text FROM inbound";
    assert_eq!(stored(folder.path(), row), "ana text on my way");
    // A flood has an end.
    let huge = format!("POST {path} HTTP/1.1\r\nContent-Length: 5000000\r\n{COMMON}\r\n");
    assert_eq!(exchange(at, &huge).await.unwrap().0, 413);
    let log = daemon.stop().await;
    assert!(!log.contains("on my way"), "{log}");
    for words in ["a message came in", "contact=ana", "wrong secret", "no signature", "its signature is wrong"] {
        assert!(log.contains(words), "{words:?} is not in {log}");
    }
}

#[tokio::test]
async fn reports_move_deliveries_and_a_closed_window_is_told_once() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let daemon = plan(&graph).start(folder.path()).await;
    let (at, path) = (daemon.address(), format!("/callbacks/wa/path-{SECRET}"));
    // Nobody has written: the template goes, and what is told of it arrives in any order.
    let first = daemon.ring("ana", "one").await;
    daemon.reached(&first, "sent").await;
    assert!(is_template(&graph.calls()[0]));
    for (word, state) in [("delivered", "delivered"), ("sent", "delivered"), ("read", "read"), ("delivered", "read")] {
        assert_eq!(signed(at, &path, &envelope(NUMBER, status(&last_receipt(folder.path()), word, None))).await, 200);
        assert_eq!(daemon.deliveries(&first).await[0]["state"], state, "{word}");
    }
    // She writes: plain text goes, until Meta says by a callback that it does not.
    assert_eq!(signed(at, &path, &envelope(NUMBER, written(ANA, "wamid.in1", "ok"))).await, 200);
    let second = daemon.ring("ana", "two").await;
    daemon.reached(&second, "sent").await;
    assert!(!is_template(&graph.calls()[1]));
    let receipt = last_receipt(folder.path());
    for _ in 0..2 {
        assert_eq!(signed(at, &path, &envelope(NUMBER, status(&receipt, "failed", Some(131_047)))).await, 200);
    }
    let calls = graph.until("sent as the template", |calls| calls.len() == 3).await;
    assert!(is_template(&calls[2]) && calls[2].text() == "two");
    daemon.reached(&second, "sent").await;
    daemon.reached(&daemon.ring("ana", "three").await, "sent").await;
    assert!(is_template(graph.calls().last().unwrap()), "the window is known to be closed");
    // By a report that names the template's receipt it fails for good.
    let refused = envelope(NUMBER, status(&last_receipt(folder.path()), "failed", Some(131_026)));
    let refused = refused.replace(r#""title":"no""#, &format!(r#""title":"no, {APP_SECRET}""#));
    assert_eq!(signed(at, &path, &refused).await, 200);
    let log = daemon.stop().await;
    assert!(log.contains("state=failed") && log.contains("it is sent again"), "{log}");
    assert!(log.contains("no, [secret]") && !log.contains(APP_SECRET), "{log}");
}

#[tokio::test]
async fn what_is_not_on_disk_is_asked_for_again() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let daemon = plan(&graph).start(folder.path()).await;
    let (at, path) = (daemon.address(), format!("/callbacks/wa/path-{SECRET}"));
    let body = envelope(NUMBER, written(ANA, "wamid.in1", "ok"));
    let another = rusqlite::Connection::open(folder.path().join("state/outbox.db")).unwrap();
    another.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(signed(at, &path, &body).await, 503);
    another.execute_batch("ROLLBACK").unwrap();
    assert_eq!(stored(folder.path(), "SELECT count(*) || '' FROM inbound"), "0");
    assert_eq!(signed(at, &path, &body).await, 200);
    assert_eq!(stored(folder.path(), "SELECT count(*) || '' FROM inbound"), "1");
    daemon.stop().await;
}

#[tokio::test]
async fn what_does_not_arrive_goes_on_by_the_next_way() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    // No template: a closed window is final.
    let set_up = json!({ "callback-secret": format!("path-{SECRET}"), "app-secret": APP_SECRET });
    let two_addresses = json!({ "phone": format!("+{BO}"), "telegram": "123" });
    let plan = Plan::new().whatsapp("wa", NUMBER, &graph.url(), set_up).telegram("tg", &graph.url(), json!({}));
    let plan = plan.contact("ana", phone(ANA), &["wa"]).contact("bo", two_addresses, &["wa", "tg"]);
    let daemon = plan.start(folder.path()).await;
    let (at, path) = (daemon.address(), format!("/callbacks/wa/path-{SECRET}"));
    for (contact, state) in [("ana", "failed"), ("bo", "sent")] {
        let id = daemon.ring(contact, "one").await;
        daemon.reached(&id, "sent").await;
        let receipt = last_receipt(folder.path());
        assert_eq!(signed(at, &path, &envelope(NUMBER, status(&receipt, "failed", Some(131_047)))).await, 200);
        if contact == "bo" {
            graph.until("sent by the second way", |calls| calls.iter().any(|call| call.to() == "123")).await;
        }
        daemon.reached(&id, state).await;
        // It was on its way all the same.
        assert_eq!(signed(at, &path, &envelope(NUMBER, status(&receipt, "delivered", None))).await, 200);
        daemon.reached(&id, "delivered").await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn one_callback_address_serves_all_numbers_of_an_app() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let other = json!({ "app-secret": APP_SECRET });
    let plan = plan(&graph).whatsapp("other", 7, &graph.url(), other).contact("bo", phone(BO), &["other"]);
    let daemon = plan.start(folder.path()).await;
    let (at, path) = (daemon.address(), format!("/callbacks/wa/path-{SECRET}"));
    let id = daemon.ring("bo", "one").await;
    daemon.reached(&id, "sent").await;
    assert_eq!(signed(at, &path, &envelope(7, status(&last_receipt(folder.path()), "delivered", None))).await, 200);
    daemon.reached(&id, "delivered").await;
    daemon.stop().await;
}

#[tokio::test]
async fn callbacks_have_a_listener_of_their_own_and_a_secret_that_is_made() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new().whatsapp("wa", NUMBER, &graph.url(), json!({})).contact("ana", phone(ANA), &["wa"]);
    let daemon = plan.start_with(folder.path(), &["-callbacks", "127.0.0.1:0"]).await;
    let line = daemon.logged("listening for callbacks on ").await;
    let apart: SocketAddr = line.rsplit(' ').next().unwrap().parse().unwrap();
    let secret = std::fs::read_to_string(folder.path().join("state/secrets/callbacks-wa")).unwrap();
    let path = format!("/callbacks/wa/{}", secret.trim());
    let body = envelope(NUMBER, written(ANA, "wamid.in1", "ok"));
    assert_eq!(post(daemon.address(), &path, "", &body).await, 404);
    assert_eq!(post(apart, &path, "", &body).await, 200, "without an app-secret the path is enough");
    assert_eq!(get(apart, &format!("{path}?hub.mode=subscribe&hub.challenge=42&hub.verify_token=any")).await.1, "42");
    for elsewhere in ["/", "/hooks/ana?msg=x", "/messages/01J"] {
        assert_eq!(get(apart, elsewhere).await.0, 404, "{elsewhere}");
    }
    assert!(graph.calls().is_empty());
    let log = daemon.stop().await;
    assert!(!log.contains(secret.trim()) && log.contains("callbacks are not signed"), "{log}");
}

#[tokio::test]
async fn where_nobody_calls_back_there_is_no_such_route() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new().telegram("tg", &graph.url(), json!({}));
    let daemon: Daemon = plan.contact("ana", json!({ "telegram": "1" }), &["tg"]).start(folder.path()).await;
    assert_eq!(get(daemon.address(), "/callbacks/tg/x").await, (404, "404 page not found\n".to_owned()));
    assert!(!folder.path().join("state/secrets").exists());
    daemon.stop().await;
}

#[tokio::test]
async fn a_cut_text_ends_with_the_link_to_the_whole() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let folder = tempfile::tempdir().unwrap();
    let daemon = plan(&graph).start_with(folder.path(), &["-public-url", "https://bell.example.org/x/"]).await;
    let text = format!("disk full\n{}", "on db1 🔥\n".repeat(400));
    let id = daemon.ring("ana", &text).await;
    daemon.reached(&id, "sent").await;
    let call = graph.calls().remove(0);
    let (cut, link) = call.text().split_once("… https://bell.example.org/x").unwrap();
    assert!(cut.starts_with("disk full · on db1 🔥 · on db1") && call.text().chars().count() <= 1024, "{cut}");
    let key = link.split_once("?key=").unwrap().1;
    assert_eq!(link, format!("/messages/{id}?key={key}"));
    let page = exchange(daemon.address(), &format!("GET {link} HTTP/1.1\r\n{COMMON}\r\n")).await.unwrap();
    assert_eq!(page, (200, format!("{text}\n")));
    for wrong in [format!("/messages/{id}?key={key}x"), format!("/messages/{id}?key="), format!("/messages/{id}")] {
        let (status, page) = get(daemon.address(), &wrong).await;
        assert!(status == 200 && page.starts_with(&id) && !page.contains("disk"), "{wrong}: {page}");
    }
    let log = daemon.stop().await;
    assert!(!log.contains(key), "{log}");
}
