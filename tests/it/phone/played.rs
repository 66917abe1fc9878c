//! Every provider that speaks HTTP, by the real program over real sockets: what its fixture says is played by a stand-in,
//! after each fault that the net and providers have.

use std::collections::BTreeMap;

use hookbell::message::delivery::{Class, SendError};
use hookbell::provider::Answer;
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use super::daemon::Plan;
use super::gateway::{Fault, Gateway, Part, Turn, turns};
use crate::fixture::fixtures;
use crate::providers;

/// A provider's fixture: its name and its cases.
fn providers() -> Vec<(String, Vec<Value>)> {
    let folder = std::fs::read_dir(fixtures().join("providers")).unwrap();
    let mut all: Vec<_> = folder
        .map(|file| {
            let path = file.unwrap().path();
            let cases = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), cases)
        })
        .collect();
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

/// The first message of a fixture that the provider takes with a receipt.
fn taken(cases: &[Value]) -> Option<(&Value, Vec<Turn>)> {
    cases.iter().find_map(|case| {
        case["result"]["receipt"].as_str()?;
        let has_more = ["media", "window-open", "form"].iter().any(|more| case["outgoing"].get(more).is_some());
        let mut turns = turns(&case["talk"]).filter(|turns| !turns.is_empty() && !has_more)?;
        // What the fixture's own `base-url` adds to every path.
        let base = case["account"]["base-url"].as_str().unwrap_or_default().trim_end_matches('/');
        let path = base.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
        for turn in &mut turns {
            if let Some(own) = turn.target.strip_prefix(&format!("/{path}")).filter(|_| !path.is_empty()) {
                turn.target = own.to_owned();
            }
            if let Some(key) = case["outgoing"]["key"].as_str() {
                turn.target = turn.target.replace(key, "*");
            }
        }
        Some((case, turns))
    })
}

/// The call by which the provider reports that what got this receipt arrived: headers and body. Signed ones are left out:
/// the account of a part has no secret to check them by.
fn report(cases: &[Value], receipt: &str) -> Option<(BTreeMap<String, String>, String)> {
    cases.iter().find_map(|case| {
        let callback = case.get("callback")?;
        let told = callback["news"].as_array()?.iter().find(|news| news["report"] == "delivered")?["told"].as_str()?;
        let body = &callback["body"];
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        let headers = serde_json::from_value(callback["headers"].clone()).unwrap_or_default();
        // A short id may stand in other words, too.
        let quoted = [told, receipt].map(|id| format!("\"{id}\""));
        let is_quoted = body.contains(&quoted[0]);
        let [old, new] = if is_quoted { [&*quoted[0], &*quoted[1]] } else { [told, receipt] };
        Some((headers, body.replace(old, new)))
    })
}

/// An account that hears its calls from whoever knows the path.
fn believing(account: &Value) -> Value {
    let mut account = account.clone();
    let account = account.as_object_mut().unwrap();
    account.insert("callback-secret".to_owned(), json!("s3cret-path"));
    json!(account)
}

/// Whether the provider takes the answer to too many requests for a wait: some mean by it what only a person can mend.
fn waits_when_told(case: &Value) -> bool {
    let account = providers::named("mine", &case["account"]).0.unwrap();
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("1"))]);
    let told = Answer::Http { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Vec::new() };
    let outcome = account.provider.converse(&providers::outgoing(&case["outgoing"]), &[told]);
    matches!(outcome, Err(SendError { class: Class::Wait { .. }, .. }))
}

#[tokio::test]
async fn every_provider_gets_its_message_through_every_fault() {
    let gateway = Gateway::open().await;
    let (mut plan, mut played) = (Plan::new(), Vec::new());
    for (provider, cases) in providers() {
        let Some((case, turns)) = taken(&cases) else { continue };
        let report = report(&cases, case["result"]["receipt"].as_str().unwrap());
        let faults = [Fault::None, Fault::Hang, Fault::Reset, Fault::Cut, Fault::TooMany(2), Fault::EarlyReport];
        for (n, fault) in faults.into_iter().enumerate() {
            let name = format!("{provider}-{n}");
            if matches!(fault, Fault::TooMany(_)) && !waits_when_told(case) {
                continue;
            }
            let early = report.clone().filter(|_| fault == Fault::EarlyReport);
            if fault == Fault::EarlyReport && early.is_none() {
                continue;
            }
            let account = if early.is_some() { believing(&case["account"]) } else { case["account"].clone() };
            let report = early.map(|(headers, body)| (format!("{name}/s3cret-path"), headers, body));
            let url = gateway.play(&name, Part { turns: turns.clone(), fault, report });
            let mut more = json!({
                "timeout": if fault == Fault::Hang { "3s" } else { "15s" }, "rate": "1000/s burst 1000", "per-recipient": "1000/s burst 1000",
            });
            // The address of a room is the account's own.
            match account["url"].as_str().and_then(|own| own.split_once("://")?.1.split_once('/')) {
                Some((_, path)) => more["url"] = json!(format!("{url}/{path}")),
                None => more["base-url"] = json!(url),
            }
            // Its dialect is a file beside the other fixtures.
            if let Some(file) = case["account"]["dialect"]["file"].as_str() {
                let file = fixtures().join("dialects").join(file.rsplit('/').next().unwrap_or_default());
                more["dialect"] = json!({ "file": file });
            }
            let out = &case["outgoing"];
            let (kind, to) = (out["kind"].as_str().unwrap_or("phone"), out["to"].as_str().unwrap_or("+79001234567"));
            plan = plan.account(&name, account, more).contact(&name, json!({ kind: to }), &[&name]);
            let text = out["text"].as_str().unwrap_or("disk full").to_owned();
            played.push((name, fault, text));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let daemon = plan.start(folder.path()).await;
    gateway.reports_go_to(daemon.address());
    let mut messages = Vec::new();
    for (name, fault, text) in &played {
        messages.push((daemon.ring(name, text).await, name, fault));
    }
    for (id, name, fault) in &messages {
        // Some tell in one call that it was read, too.
        let states: &[_] = if **fault == Fault::EarlyReport { &["delivered", "read"] } else { &["sent"] };
        let delivery = daemon.reached_one_of(id, states).await;
        let (attempts, twice) = match fault {
            Fault::None | Fault::EarlyReport => (1, false),
            Fault::Hang | Fault::Reset | Fault::Cut => (2, true),
            Fault::TooMany(times) => (times + 1, false),
        };
        let wanted =
            json!({ "state": delivery["state"], "attempts": attempts, "late": false, "possible-duplicate": twice });
        assert_eq!(delivery, wanted, "{name}: {fault:?}");
    }
    assert_eq!(gateway.wrong(), Vec::<String>::new());
    assert!(played.len() > 10, "only {played:?}");
    daemon.stop().await;
}
