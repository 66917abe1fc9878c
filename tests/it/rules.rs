//! Trigger rules as an algebra: how conditions go together, and what that proves of the caller.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use hookbell::clock::{Clock, Timestamp};
use hookbell::diagnostic::Source;
use hookbell::node::{Form, Reader, parse};
use hookbell::request::body::json as body;
use hookbell::request::{Head, HookRequest, Reading};
use hookbell::rule::error::RuleError;
use hookbell::rule::{Rule, RuleFault, Verdict, raw};
use hookbell::secret::Surroundings;
use proptest::prelude::*;
use ring::hmac;
use serde_json::{Value as Json, json};

use crate::daemon::Home;

fn rule(written: &Json, soft_failures: bool) -> Rule {
    let node = parse(&Arc::new(Source::new("hooks.json", written.to_string()))).unwrap();
    let (mut findings, mut surroundings) = (Vec::new(), Surroundings::default());
    let mut reader = Reader { form: Form::Classic, findings: &mut findings, surroundings: &mut surroundings };
    let raw = raw::read(&node, &mut reader).unwrap();
    Rule::compile(raw, soft_failures, &mut reader).unwrap()
}

fn request(headers: &str) -> HookRequest {
    let (parts, ()) = http::Request::post("/hooks/a").body(()).unwrap().into_parts();
    let head = Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers, remote: "127.0.0.1:4711" };
    let mut call = HookRequest::read(head, br#"{"n":7}"#[..].into(), &Reading::default());
    call.headers = body::parse(headers.as_bytes()).unwrap();
    call.payload = body::parse(br#"{"yes":"x","no":"y","null":null}"#).unwrap();
    call
}

/// A rule with these words in it for its matches.
fn filled(rule: &Json) -> Json {
    let signed = |header: &str| {
        let parameter = json!({"source": "header", "name": header});
        json!({"match": {"type": "payload-hmac-sha1", "secret": "k3y", "parameter": parameter}})
    };
    let value = |name: &str| {
        let parameter = json!({"source": "payload", "name": name});
        json!({"match": {"type": "value", "value": "x", "parameter": parameter}})
    };
    match rule {
        Json::String(word) => match word.as_str() {
            "signed" => signed("X-Right"),
            "wrong" => signed("X-Wrong"),
            "unsigned" => signed("X-Gone"),
            "far" => json!({"match": {"type": "ip-whitelist", "ip-range": "10.0.0.0/8"}}),
            "anywhere" => json!({"match": {"type": "ip-whitelist", "ip-range": "0.0.0.0/0"}}),
            "scalr" => json!({"match": {"type": "scalr-signature", "secret": "k3y"}}),
            "null" => value("null.x"),
            word => value(word),
        },
        Json::Array(rules) => rules.iter().map(filled).collect(),
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), filled(value))).collect(),
        other => other.clone(),
    }
}

/// The word for what comes of it: fired, or with which error.
fn judged(rule: &Rule) -> &'static str {
    let headers = r#"{"X-Wrong":"sha1=00","X-Right":"sha1=14440c192f9c20c4acf0cc7366e449d863aff748"}"#;
    match rule.judge(&request(headers), &Clock::system()) {
        Ok(Verdict { satisfied: true, missing: None }) => "fires",
        Ok(Verdict { satisfied: false, missing: None }) => "no",
        Ok(Verdict { satisfied: true, missing: Some(_) }) => "fires, missing",
        Ok(Verdict { satisfied: false, missing: Some(_) }) => "no, missing",
        Err(RuleFault { error: RuleError::Signature(_), .. }) => "signature",
        Err(_) => "error",
    }
}

#[test]
fn conditions_go_together_as_upstreams_do() {
    for (written, hard, soft) in [
        (json!("gone"), "no, missing", "no, missing"),
        (json!({"not": "gone"}), "fires, missing", "fires, missing"),
        (json!({"not": {"not": "gone"}}), "no, missing", "no, missing"),
        (json!({"and": [{"not": "gone"}]}), "no, missing", "no, missing"),
        (json!({"or": [{"not": "gone"}]}), "fires", "fires"),
        (json!({"or": ["gone"]}), "no", "no"),
        (json!({"and": ["no", "null"]}), "no", "no"),
        (json!({"or": ["yes", "null"]}), "fires", "fires"),
        (json!({"or": ["null", "yes"]}), "error", "error"),
        (json!({"not": "null"}), "error", "error"),
        (json!("wrong"), "signature", "signature"),
        (json!({"not": "wrong"}), "signature", "signature"),
        (json!({"or": ["wrong", "yes"]}), "signature", "fires"),
        (json!({"or": [{"not": "wrong"}]}), "signature", "fires"),
        (json!({"and": [{"or": ["wrong"]}, "yes"]}), "signature", "no"),
        (json!({"or": [{"and": ["gone", "wrong"]}, "yes"]}), "fires", "fires"),
        (json!({"and": ["signed", "yes"]}), "fires", "fires"),
        (json!("unsigned"), "no, missing", "no, missing"),
        (json!({}), "no", "no"),
    ] {
        assert_eq!(judged(&rule(&filled(&written), false)), hard, "{written}");
        assert_eq!(judged(&rule(&filled(&written), true)), soft, "{written}, soft");
    }
}

#[test]
fn a_rule_proves_who_calls_if_it_cant_be_true_without_a_proof() {
    for (written, proves) in [
        (json!("signed"), true),
        (json!("scalr"), true),
        (json!("far"), true),
        (json!("anywhere"), false),
        (json!("yes"), false),
        (json!({"and": ["yes", "signed"]}), true),
        (json!({"or": ["far", {"and": ["signed", "yes"]}]}), true),
        (json!({"or": ["signed", "yes"]}), false),
        (json!({"not": "signed"}), false),
        (json!({"not": {"not": "signed"}}), true),
        (json!({"not": {"or": [{"not": "signed"}, "yes"]}}), true),
        (json!({"not": {"and": [{"not": "signed"}]}}), false),
        (json!({"or": []}), false),
        (json!({}), false),
    ] {
        assert_eq!(rule(&filled(&written), false).proves_caller(), proves, "{written}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Nothing here is signed rightly or called from near.
    #[test]
    fn what_proves_the_caller_never_fires_without_a_proof(written in rules(), soft in any::<bool>()) {
        let rule = rule(&filled(&written), soft);
        let fires = judged(&rule).starts_with("fires");
        prop_assert!(!(rule.proves_caller() && fires), "{written}");
    }
}

fn rules() -> impl Strategy<Value = Json> {
    let words = ["yes", "no", "gone", "null", "wrong", "unsigned", "far", "anywhere", "scalr"];
    let leaf = proptest::sample::select(words.to_vec()).prop_map(Json::from);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let all = proptest::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            all.clone().prop_map(|all| json!({"and": all})),
            all.prop_map(|any| json!({"or": any})),
            inner.prop_map(|one| json!({"not": one})),
        ]
    })
}

/// compat 7.3: 93, of which only the old dates can be fixtures.
#[test]
fn scalrs_signature_of_the_moment_fires() {
    let hook = json!([{"id": "h", "execute-command": "true", "response-message": "RUN", "trigger-rule": filled(&json!("scalr"))}]);
    let home = Home::with(&hook.to_string());
    let daemon = home.serve();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"k3y");
    for (ahead, status) in [(0, 200), (200_000, 200), (-400_000, 500), (400_000, 500)] {
        let date = scalrs_date(Timestamp::from_millis(Clock::system().now().millis() + ahead));
        let signature = HEXLOWER.encode(hmac::sign(&key, format!("body{date}").as_bytes()).as_ref());
        let head = format!("Date: {date}\r\nX-Signature: {signature}\r\n");
        assert_eq!(daemon.request("POST", "/hooks/h", &head, "body").status, status, "{ahead} ms ahead");
    }
}

/// `2026-11-20T23:15:00.123Z` in Scalr's way, on a day of the week that counts for nothing.
fn scalrs_date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = at.to_string();
    let month = MONTHS[at[5..7].parse::<usize>().unwrap() - 1];
    format!("Mon {} {month} {} {} UTC", &at[8..10], &at[..4], &at[11..19])
}

/// The phrases that scripts and upstream's own tests look for.
#[test]
fn the_log_says_what_upstreams_says() {
    let (value, missing) = (filled(&json!("yes")), filled(&json!({"and": ["gone"]})));
    let old = json!({"match": {"type": "payload-hash-sha1", "secret": "k", "parameter": {"source": "header", "name": "x-sig"}}});
    let hooks = [("value", value), ("missing", missing), ("old", old), ("null", filled(&json!("null")))];
    let hooks = hooks.map(|(id, rule)| json!({"id": id, "execute-command": "true", "trigger-rule": rule}));
    let home = Home::with(&json!(hooks).to_string());
    let daemon = home.serve_with(&["-verbose"]);
    let head = "Content-Type: application/json\r\nX-Sig: 00\r\n";
    for (id, body, status, phrases) in [
        (
            "value",
            r#"{"yes": "y"}"#,
            200,
            &["value got matched, but didn't get triggered because the trigger rules were not satisfied"][..],
        ),
        (
            "missing",
            "{}",
            200,
            &["parameter node not found: gone", "missing got matched, but didn't get triggered because"],
        ),
        (
            "old",
            "{}",
            500,
            &[
                "warn: use of deprecated option payload-hash-sha1: use payload-hmac-sha1 instead",
                "error evaluating hook: invalid payload signatures [secret]",
            ],
        ),
        ("null", r#"{"null": null}"#, 500, &["error evaluating hook: no parameters"]),
    ] {
        assert_eq!(daemon.request("POST", &format!("/hooks/{id}"), head, body).status, status, "{id}");
        for phrase in phrases {
            daemon.logged(&[phrase]);
        }
    }
    daemon.logged(&["[3].trigger-rule.match", "null.x"]);
}
