//! From a call to a phone and back: the real program against stand-ins that speak the providers' own formats.

use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::kept_port;
use daemon::{Daemon, PATIENCE, Plan, SECRET};
use graph::{Call, Graph, Reply};

mod accounts;
mod callbacks;
mod daemon;
mod gateway;
mod graph;
mod kill;
mod pace;
mod played;
mod pull;

const ANA: &str = "79990000001";
const BO: &str = "79990000002";

fn phone(number: &str) -> Value {
    json!({ "phone": format!("+{number}") })
}

/// One account at the stand-in, and these contacts, each with a hook.
async fn house(graph: &Graph, more: Value, contacts: &[(&str, &str)]) -> (tempfile::TempDir, Daemon) {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new().whatsapp("wa", 106_540_352_242_922, &graph.url(), more);
    let add = |plan: Plan, (name, number): &(&str, &str)| plan.contact(name, phone(number), &["wa"]);
    let daemon = contacts.iter().fold(plan, add).start(folder.path()).await;
    (folder, daemon)
}

#[tokio::test]
async fn a_text_goes_out_as_meta_wants_it() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let (_folder, daemon) = house(&graph, json!({}), &[("ana", ANA)]).await;
    let text = "PROBLEM: диск 95 %\non \"db1\" 🔥 https://example.org/?a=1&b=2";
    let id = daemon.ring("ana", text).await;
    let delivery = daemon.reached(&id, "sent").await;
    assert_eq!(delivery, json!({ "state": "sent", "attempts": 1, "late": false, "possible-duplicate": false }));
    daemon.reached(&daemon.ring("ana", "two").await, "sent").await;
    let calls = graph.calls();
    let call = &calls[0];
    assert_eq!((calls.len(), call.path.as_str()), (2, "/v23.0/106540352242922/messages"));
    assert_eq!(call.header("authorization"), format!("Bearer EAA{SECRET}"));
    assert_eq!(call.header("content-type"), "application/json");
    assert_eq!(call.header("host"), graph.url().strip_prefix("http://").unwrap());
    assert!(call.header("user-agent").starts_with("hookbell/"));
    assert!(call.key().strip_prefix(&id).is_some_and(|rest| rest.starts_with('-')), "{}", call.key());
    let body = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": ANA, "type": "text",
        "text": { "body": text, "preview_url": false }, "biz_opaque_callback_data": call.key(),
    });
    assert_eq!(call.body, body);
    assert_eq!(graph.connections(), 1, "the second went on the connection of the first");
    let log = daemon.stop().await;
    assert!(log.contains("message ended") && log.contains(&id), "{log}");
}

#[tokio::test]
async fn outside_of_the_window_the_approved_template_goes_first() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    let template = json!({ "approved-template": { "name": "alert", "language": "ru" }, "api-version": "v24.0" });
    let (_folder, daemon) = house(&graph, template, &[("ana", ANA)]).await;
    daemon.reached(&daemon.ring("ana", "disk\t95%\r\n\r\n  on db1     and db2\n").await, "sent").await;
    let call = graph.calls().remove(0);
    assert_eq!(call.path, "/v24.0/106540352242922/messages");
    let parameter = json!({ "type": "text", "text": "disk 95% · on db1 and db2" });
    let body = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": ANA, "type": "template",
        "template": {
            "name": "alert", "language": { "code": "ru" },
            "components": [{ "type": "body", "parameters": [parameter] }],
        },
        "biz_opaque_callback_data": call.key(),
    });
    assert_eq!(call.body, body);
    daemon.stop().await;
}

/// What comes of the first answers; those after them are good.
struct Case {
    name: &'static str,
    answers: Vec<Reply>,
    requests: usize,
    /// From the first request to the last, in seconds.
    takes: u64,
    state: &'static str,
    duplicate: bool,
    more: Value,
}

fn cases() -> Vec<Case> {
    let case = |name, answers, requests, takes, state, duplicate| Case {
        name,
        answers,
        requests,
        takes,
        state,
        duplicate,
        more: json!({}),
    };
    let templated = || json!({ "approved-template": { "name": "alert", "language": "ru" } });
    let words = format!("no such address: https://b.example.org/callbacks/wa/path-{SECRET}");
    let repeated = json!({ "error": { "code": 131_009, "message": words } }).to_string();
    let raw = |status, headers, body: &str| Reply::Raw(status, headers, body.to_owned());
    vec![
        case("slow", vec![Reply::after(600, Reply::Taken)], 1, 0, "sent", false),
        case("held-for-quality", vec![Reply::Status("held_for_quality_assessment")], 1, 0, "sent", false),
        Case { more: templated(), ..case("paused", vec![Reply::Status("paused")], 1, 0, "failed", false) },
        // Who has to wait: sender, account, recipient.
        case("throughput", vec![Reply::Fault(429, 130_429)], 2, 1, "sent", false),
        case("retry-after", vec![raw(429, "Retry-After: 2\r\n", "slow down")], 2, 2, "sent", false),
        case("pair-limit", vec![Reply::Fault(400, 131_056), Reply::Fault(400, 131_056)], 3, 3, "sent", false),
        // Try again.
        case("unknown-error", vec![Reply::Fault(500, 131_000)], 2, 1, "sent", false),
        case("unavailable", vec![Reply::Fault(503, 2), Reply::Fault(503, 2)], 3, 3, "sent", false),
        case("bare-502", vec![raw(502, "", "<html>Bad Gateway</html>")], 2, 1, "sent", false),
        // Nobody knows.
        Case { more: json!({ "timeout": "3s" }), ..case("hang", vec![Reply::Hang], 2, 1, "sent", true) },
        case("reset", vec![Reply::Reset], 2, 1, "sent", true),
        case("garbage", vec![raw(200, "", "<html>It works!</html>")], 2, 1, "sent", true),
        case("no-id", vec![raw(200, "", "{\"messaging_product\":\"whatsapp\"}")], 2, 1, "sent", true),
        Case {
            more: json!({ "on-unknown": "give-up", "timeout": "3s" }),
            ..case("given-up", vec![Reply::Hang], 1, 0, "failed", true)
        },
        // What a provider repeats of a secret, nobody is told.
        Case {
            more: json!({ "callback-secret": format!("path-{SECRET}") }),
            ..case("repeats-a-secret", vec![raw(400, "", &repeated)], 1, 0, "failed", false)
        },
        // Recipient, content, template.
        case("undeliverable", vec![Reply::Fault(400, 131_026)], 1, 0, "failed", false),
        Case { more: templated(), ..case("no-such-template", vec![Reply::Fault(404, 132_001)], 1, 0, "failed", false) },
        case("bad-parameter", vec![Reply::Fault(400, 131_009)], 1, 0, "failed", false),
        // The window is closed, and there is no template, or it was the template already.
        case("window", vec![Reply::Fault(400, 131_047)], 1, 0, "failed", false),
        Case {
            more: templated(),
            ..case("window-of-template", vec![Reply::Fault(400, 131_047)], 1, 0, "failed", false)
        },
    ]
}

#[tokio::test]
async fn every_answer_is_understood() {
    let cases = cases();
    let answers: Vec<_> = cases.iter().map(|case| case.answers.clone()).collect();
    let of = |path: &str| path.split('/').nth(2).unwrap().parse::<usize>().unwrap() - 1000;
    let graph = Graph::open(move |call, earlier| answers[of(&call.path)].get(earlier).cloned().unwrap_or(Reply::Taken));
    let (graph, folder) = (graph.await, tempfile::tempdir().unwrap());
    let mut plan = Plan::new();
    for (number, case) in cases.iter().enumerate() {
        plan = plan.whatsapp(case.name, 1000 + number as u64, &graph.url(), case.more.clone());
        plan = plan.contact(case.name, phone(ANA), &[case.name]);
    }
    let daemon = plan.start(folder.path()).await;
    let mut ids = Vec::new();
    for case in &cases {
        ids.push(daemon.ring(case.name, case.name).await);
    }
    for (number, (case, id)) in cases.iter().zip(&ids).enumerate() {
        let delivery = daemon.reached(id, case.state).await;
        let calls: Vec<Call> = graph.calls().into_iter().filter(|call| of(&call.path) == number).collect();
        assert_eq!(calls.len(), case.requests, "{}: {calls:#?}", case.name);
        assert!(calls.windows(2).all(|pair| pair[0].body == pair[1].body), "{}: {calls:#?}", case.name);
        let took = calls.last().unwrap().at - calls[0].at;
        // The daemon's milliseconds are whole ones.
        let least = Duration::from_secs(case.takes).saturating_sub(Duration::from_millis(20));
        assert!(took >= least && took < least + PATIENCE / 2, "{}: {took:?}", case.name);
        assert_eq!(delivery["possible-duplicate"], case.duplicate, "{}", case.name);
        assert_eq!(delivery["late"], false, "{}", case.name);
    }
    graph.assert_orderly();
    let log = daemon.stop().await;
    for reason in ["(#131026) refused", "(template alert)", "template alert is paused", "no approved template"] {
        let told = log.lines().any(|line| line.contains("state=failed") && line.contains(reason));
        assert!(told, "{reason} in:\n{log}");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_unread_loses_nothing() {
    let graph = Graph::open(|_, _| Reply::Taken).await;
    graph.be_deaf(2);
    let (_folder, daemon) = house(&graph, json!({}), &[("ana", ANA)]).await;
    daemon.reached(&daemon.ring("ana", "full").await, "sent").await;
    assert_eq!((graph.calls().len(), graph.connections()), (1, 3));
    daemon.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_down_gets_everything_once_when_it_is_up() {
    let (_kept, address) = kept_port();
    let folder = tempfile::tempdir().unwrap();
    let plan =
        Plan::new().whatsapp("wa", 1, &format!("http://{address}"), json!({})).contact("ana", phone(ANA), &["wa"]);
    let daemon = plan.start(folder.path()).await;
    let (one, two) = (daemon.ring("ana", "1").await, daemon.ring("ana", "2").await);
    let line = daemon.logged("a try failed").await;
    assert!(line.contains(&address.to_string()) && line.contains("blocked? set"), "{line}");
    let graph = Graph::open_at(address, |_, _| Reply::Taken).await;
    for id in [&one, &two] {
        assert_eq!(daemon.reached(id, "sent").await["possible-duplicate"], false);
    }
    let texts: Vec<_> = graph.calls().iter().map(|call| call.text().to_owned()).collect();
    assert_eq!(texts, ["1", "2"]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_refused_way_is_left_for_the_next() {
    let graph = Graph::open(|call, _| match (call.path.starts_with("/bot"), call.to().as_str()) {
        (true, _) => Reply::Taken,
        (false, ANA) => Reply::Fault(400, 131_026),
        (false, _) => Reply::Fault(401, 190),
    });
    let (graph, folder) = (graph.await, tempfile::tempdir().unwrap());
    let written = folder.path().join("written");
    let script =
        format!("sh -c 'printf %s/%s/%s \"$1\" \"$2\" \"$(cat)\" >{}' - {{{{ to }}}} {{{{ msg }}}}", written.display());
    let bo = json!({ "phone": format!("+{BO}"), "telegram": "77" });
    let plan = Plan::new()
        .whatsapp("wa", 1, &graph.url(), json!({}))
        .telegram("tg", &graph.url(), json!({}))
        .account("sms", json!({ "provider": "command", "command": script, "stdin": "in: {{ msg }}" }), json!({}))
        .contact("ana", phone(ANA), &["wa", "sms"])
        .contact("bo", bo, &["wa", "tg"]);
    let daemon = plan.start(folder.path()).await;
    let (to_ana, to_bo) = (daemon.ring("ana", "disk $HOME 'full'").await, daemon.ring("bo", "bell").await);
    daemon.reached(&to_ana, "sent").await;
    let told = std::fs::read_to_string(&written).unwrap();
    assert_eq!(told, format!("+{ANA}/disk $HOME 'full'/in: disk $HOME 'full'"));
    assert_eq!(daemon.reached(&to_bo, "sent").await["attempts"], 2);
    let chat = graph.calls_to("77").remove(0);
    assert_eq!((chat.path.as_str(), chat.text()), (format!("/bot123456:{SECRET}/sendMessage").as_str(), "bell"));
    assert_eq!((graph.calls_to(ANA).len(), graph.calls_to(BO).len()), (1, 1));
    daemon.stop().await;
}

#[tokio::test]
async fn an_account_without_a_right_token_keeps_all_in_order_and_a_restart_tries_it() {
    let graph = Graph::open(|call, earlier| match (call.text(), earlier) {
        ("1", 0) => Reply::Fault(401, 190),
        _ => Reply::after(50, Reply::Taken),
    });
    let graph = graph.await;
    let (folder, daemon) = house(&graph, json!({}), &[("ana", ANA), ("bo", BO)]).await;
    let one = daemon.ring("ana", "1").await;
    daemon.logged("out of order").await;
    let (two, three) = (daemon.ring("ana", "2").await, daemon.ring("bo", "3").await);
    daemon.stop().await;
    assert_eq!(graph.calls().len(), 1, "nobody else tries");
    let mut daemon = Daemon::spawn(folder.path());
    daemon.listens().await;
    for id in [&one, &two, &three] {
        daemon.reached(id, "sent").await;
    }
    let calls = graph.calls();
    assert_eq!((calls.len(), calls[1].text()), (4, "1"), "{calls:#?}");
    assert!(calls[2..].iter().all(|call| call.at >= calls[1].ended.unwrap()), "{calls:#?}");
    graph.assert_orderly();
    daemon.stop().await;
}

#[tokio::test]
async fn telegram_gets_what_it_wants_and_is_waited_for() {
    let graph = Graph::open(|call, earlier| match (call.to().as_str(), earlier) {
        ("1", 0) => Reply::telegram(429, "Too Many Requests: retry after 1", json!({ "retry_after": 1 })),
        ("2", _) => Reply::telegram(403, "Forbidden: bot was blocked by the user", json!({})),
        ("3", 0) => Reply::Hang,
        ("4", 0) => Reply::telegram(401, "Unauthorized", json!({})),
        _ => Reply::Taken,
    });
    let (graph, folder) = (graph.await, tempfile::tempdir().unwrap());
    let mut plan =
        Plan::new().telegram("tg", &graph.url(), json!({ "timeout": "3s" })).telegram("bad", &graph.url(), json!({}));
    for (name, chat) in [("waits", "1"), ("blocked", "2"), ("hangs", "3"), ("room", "@alarms")] {
        plan = plan.contact(name, json!({ "telegram": chat }), &["tg"]);
    }
    plan = plan.contact("token", json!({ "telegram": "4" }), &["bad"]);
    let daemon = plan.start(folder.path()).await;
    for (hook, state, attempts, duplicate) in [
        ("waits", "sent", 2, false),
        ("blocked", "failed", 1, false),
        ("hangs", "sent", 2, true),
        ("room", "sent", 1, false),
    ] {
        let delivery = daemon.reached(&daemon.ring(hook, "disk\n95 %").await, state).await;
        let wanted = json!({ "state": state, "attempts": attempts, "late": false, "possible-duplicate": duplicate });
        assert_eq!(delivery, wanted, "{hook}");
    }
    daemon.ring("token", "disk").await;
    let line = daemon.logged("out of order").await;
    assert!(line.contains("account=bad") && line.contains("Unauthorized"), "{line}");
    let body =
        |chat: Value| json!({ "chat_id": chat, "text": "disk\n95 %", "link_preview_options": { "is_disabled": true } });
    let calls = graph.calls_to("1");
    assert_eq!((calls.len(), &calls[0].body), (2, &body(json!(1))));
    assert!(calls[1].at - calls[0].at >= Duration::from_millis(980));
    assert_eq!(graph.calls_to("@alarms")[0].body, body(json!("@alarms")));
    daemon.stop().await;
}
