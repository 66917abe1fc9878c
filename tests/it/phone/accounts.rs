//! `hookbell accounts` with a provider that reports: its probe, a test that arrives, and its callback URL.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::callbacks::{envelope, post, status};
use super::daemon::{PATIENCE, Plan};
use super::graph::{Graph, Reply};
use super::{ANA, SECRET, phone};

const NUMBER: u64 = 106_540_352_242_922;

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookbell"));
    command.env_clear().current_dir(folder).arg("accounts").args(args).args(["-state-dir", "state"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Its exit code and what it says, while the stand-in goes on answering.
async fn ended(mut command: Command) -> (Option<i32>, String, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Answers a probe's questions and takes messages.
fn answer(path: &str) -> Reply {
    match path {
        path if path.ends_with("/messages") => Reply::Taken,
        _ => Reply::Raw(200, "", json!({ "id": NUMBER.to_string(), "display_phone_number": "+7 900" }).to_string()),
    }
}

fn plan(graph: &Graph, more: Value) -> Plan {
    Plan::new().whatsapp("wa", NUMBER, &graph.url(), more).contact("ana", phone(ANA), &["wa"])
}

#[tokio::test]
async fn a_test_is_followed_until_it_is_delivered() {
    let graph = Graph::open(|call, _| answer(&call.path)).await;
    let folder = tempfile::tempdir().unwrap();
    let path = format!("/callbacks/wa/path-{SECRET}");
    let daemon = plan(&graph, json!({ "callback-secret": format!("path-{SECRET}") })).start(folder.path()).await;
    let (code, said, told) = ended(command(folder.path(), &["test", "wa", "-to", "ana", "-wait", "3s"])).await;
    assert_eq!(code, Some(75), "{said}{told}");
    assert!(told.contains("reports no arrival") && told.contains("it goes on without you"), "{told}");
    assert!(said.contains(" for ana by wa (+79990000001)\n") && said.contains("sending\n"), "{said}");
    let sent = graph.calls_to(ANA).remove(0);
    assert!(sent.text().starts_with("hookbell test from ") && sent.text().contains(" by wa: "), "{}", sent.text());
    let following = ended(command(folder.path(), &["test", "wa", "-to", "ana"]));
    let arrives = async {
        graph.until("taken", |calls| calls.iter().filter(|call| call.to() == ANA).count() == 2).await;
        let receipt = sent_as(folder.path(), 2).await;
        assert_eq!(
            post(daemon.address(), &path, "", &envelope(NUMBER, status(&receipt, "delivered", None))).await,
            200
        );
        receipt
    };
    let ((code, said, told), receipt) = tokio::join!(following, arrives);
    assert_eq!(code, Some(0), "{said}{told}");
    assert!(said.starts_with("wa: +7 900") && said.lines().last().unwrap().ends_with("Z  delivered"), "{said}");
    assert!(said.contains(&format!("Z  sent: the provider took it as {receipt}\n")), "{said}");
    let (_, listed, _) = ended(command(folder.path(), &[])).await;
    assert!(listed.contains("  callback  ") && listed.trim_end().ends_with("Z  ok"), "{listed}");
    let log = daemon.stop().await;
    assert!(log.contains("a test by an operator"), "{log}");
}

/// The provider's id of what was taken last, once so many were.
async fn sent_as(folder: &Path, times: usize) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let outbox = rusqlite::Connection::open(folder.join("state/outbox.db")).unwrap();
        let sql = "SELECT receipt FROM attempts WHERE class = 'accepted' ORDER BY id";
        let mut statement = outbox.prepare(sql).unwrap();
        let mut taken: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        if taken.len() == times {
            return taken.remove(times - 1);
        }
        assert!(Instant::now() < deadline, "only {taken:?}");
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
}

#[tokio::test]
async fn a_test_tries_an_account_that_is_out_of_order_at_once() {
    let graph = Graph::open(|call, calls| match (call.path.ends_with("/messages"), calls) {
        (true, 0) => Reply::Fault(401, 190),
        _ => answer(&call.path),
    });
    let (graph, folder) = (graph.await, tempfile::tempdir().unwrap());
    let daemon = plan(&graph, json!({})).start(folder.path()).await;
    let test = || ended(command(folder.path(), &["test", "wa", "-to", "ana", "-wait", "5s"]));
    let (code, said, told) = test().await;
    assert!(code == Some(75) && said.contains("not sent (account 190)"), "{said}{told}");
    let (_, said, told) = test().await;
    assert!(said.contains("sent: the provider took it"), "{said}{told}");
    let log = daemon.stop().await;
    assert!(log.contains("the account works again"), "{log}");
}

#[tokio::test]
async fn what_a_provider_refuses_is_told_in_words() {
    let graph = Graph::open(|call, _| match call.path.ends_with("/messages") {
        true => Reply::Fault(400, 131_026),
        false => Reply::Fault(401, 190),
    });
    let (graph, folder) = (graph.await, tempfile::tempdir().unwrap());
    let daemon = plan(&graph, json!({})).start(folder.path()).await;
    let (code, said, told) = ended(command(folder.path(), &["test", "wa", "-to", "ana"])).await;
    assert_eq!(code, Some(1), "{said}{told}");
    assert!(said.starts_with("wa: ") && told.contains("help: the account itself does not work"), "{said}{told}");
    for words in ["not sent (recipient 131026): ", "help: the contact's address is wrong", "\nfailed: "] {
        assert!(said.contains(words), "{words}: {said}");
    }
    for (args, words) in [
        (["test", "wb", "-to", "ana"], "no account is called \"wb\": did you mean \"wa\"?"),
        (["test", "wa", "-to", "bob"], "bob"),
    ] {
        let (code, _, told) = ended(command(folder.path(), &args)).await;
        assert!(code == Some(1) && told.contains(words), "{args:?}: {told}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn the_callback_url_is_shown_and_its_secret_only_to_who_asks() {
    let graph = Graph::open(|call, _| answer(&call.path)).await;
    let folder = tempfile::tempdir().unwrap();
    let daemon =
        plan(&graph, json!({})).start_with(folder.path(), &["-public-url", "https://bell.example.org/x/"]).await;
    let secret = std::fs::read_to_string(folder.path().join("state/secrets/callbacks-wa")).unwrap();
    let (code, said, told) = ended(command(folder.path(), &["setup", "wa"])).await;
    assert_eq!(code, Some(0), "{said}{told}");
    assert!(said.starts_with("callback URL: https://bell.example.org/x/callbacks/wa/[secret]\n"), "{said}");
    assert!(told.contains("hookbell token callbacks-wa") && !format!("{said}{told}").contains(secret.trim()), "{told}");
    let given = ["setup", "wa", "-show", "-url", "https://other.example.org"];
    let (code, said, _) = ended(command(folder.path(), &given)).await;
    let whole = format!("callback URL: https://other.example.org/callbacks/wa/{}\n", secret.trim());
    assert!(code == Some(0) && said.starts_with(&whole), "{said}");
    let (code, said, _) = ended(command(folder.path(), &["setup", "wa", "-format", "json"])).await;
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &told["works"], &told["token"]), (Some(0), &json!(true), &json!("callbacks-wa")));
    let (code, _, told) = ended(command(folder.path(), &["setup", "wa", "-url", "ftp://x"])).await;
    assert!(code == Some(1) && told.contains("expected https://HOST"), "{told}");
    let log = daemon.stop().await;
    assert!(!log.contains(secret.trim()), "{log}");
}

#[tokio::test]
async fn without_an_address_there_is_nothing_to_set_up() {
    let graph = Graph::open(|call, _| answer(&call.path)).await;
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&graph, json!({ "callback-secret": format!("path-{SECRET}") }));
    let plan = plan.account("desk", json!({ "provider": "console" }), json!({}));
    let daemon = plan.start(folder.path()).await;
    for (args, words) in [
        (&["setup", "wa"][..], "-public-url https://HOST"),
        (&["setup", "desk", "-url", "https://x.example.org"], "its provider never calls"),
    ] {
        let (code, _, told) = ended(command(folder.path(), args)).await;
        assert!(code == Some(1) && told.contains(words), "{args:?}: {told}");
    }
    let args = ["setup", "wa", "-show", "-url", "http://x.example.org"];
    let (code, said, told) = ended(command(folder.path(), &args)).await;
    assert!(code == Some(0) && said.contains("/callbacks/wa/[secret]\n"), "{said}{told}");
    assert!(told.contains("the account's \"callback-secret\"") && told.contains("https:// only"), "{told}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_provider_is_told_where_to_call_or_that_it_is_asked() {
    let graph = Graph::open(|call, _| {
        let result = match call.path.rsplit('/').next() {
            Some("getUpdates") => json!([]),
            Some("getWebhookInfo") => json!({ "url": "https://bell.example.org/callbacks/calls/s3cret-path" }),
            _ => json!(true),
        };
        Reply::Raw(200, "", json!({ "ok": true, "result": result }).to_string())
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let calls = json!({ "updates": "callback", "callback-secret": format!("{SECRET}-path") });
    let plan = Plan::new().telegram("calls", &graph.url(), calls);
    let plan = plan.telegram("asks", &graph.url(), json!({ "updates": "poll", "timeout": "20s" }));
    let plan = plan.contact("ana", json!({ "telegram": "7" }), &["calls"]);
    let daemon = plan.start_with(folder.path(), &["-public-url", "https://bell.example.org"]).await;
    let (code, said, told) = ended(command(folder.path(), &["setup", "calls"])).await;
    assert!(
        code == Some(0) && said.starts_with("callback URL: https://bell.example.org/callbacks/calls/"),
        "{said}{told}"
    );
    let (code, said, told) = ended(command(folder.path(), &["setup", "asks"])).await;
    assert!(code == Some(0) && said.starts_with("asks: "), "{said}{told}");
    let asked = |method: &str| graph.calls().into_iter().find(|call| call.path.ends_with(method)).map(|call| call.body);
    assert_eq!(asked("setWebhook").unwrap()["url"], "https://bell.example.org/callbacks/calls/s3cret-path");
    assert!(asked("deleteWebhook").is_some());
    daemon.stop().await;
}
