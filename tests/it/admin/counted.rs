//! What was counted is what was done, and no label is anybody's choice but the operator's.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use rustix::process::Signal;

use super::page::Page;
use super::{Bell, one_hook};
use crate::daemon::{Home, eventually, says};
use crate::source::read;

/// A page as Prometheus asks for it.
fn page(bell: &Bell) -> Page {
    let reply = bell.ask("GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n");
    assert!(reply.head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(reply.body.ends_with("# EOF\n"), "{}", reply.body);
    Page::read(&reply.body)
}

/// Waits until a series has this value, and yields the page.
fn until(bell: &Bell, series: &str, value: f64) -> Page {
    eventually(series, || Some(page(bell)).filter(|page| page.series.get(series) == Some(&value)))
}

const HOUSE: &str = r#"{
    "accounts": { "desk": { "provider": "console" },
                  "door": { "provider": "command", "command": "false {{ msg }}", "address": "door" } },
    "contacts": { "ivan": { "phone": "+79001234567" }, "petr": { "door": "secret-address" } },
    "hooks": [
        { "id": "bell", "token": "sesame", "send": { "to": "ivan", "via": "desk", "dedupe": "1h" } },
        { "id": "lost", "send": { "to": "petr", "via": "door", "ttl": "1s" } },
        { "id": "well", "run": "true", "include-command-output-in-response": true,
          "trigger-rule": { "match": { "type": "value", "value": "yes", "parameter": { "source": "url", "name": "go" } } } },
        { "id": "ill", "run": "false" },
        { "id": "shot", "run": "sh -c 'kill -9 $$'" },
        { "id": "nothing", "run": "/no/such/program", "include-command-output-in-response": true }
    ] }"#;

#[test]
fn known_calls_have_exact_numbers() {
    let home = Home::with(HOUSE);
    let bell = Bell::start(&home, &[]);
    let call = |target: &str, status: u16| assert_eq!(bell.daemon.get(target).status, status, "{target}");
    call("/hooks/bell?msg=one&token=sesame", 202);
    call("/hooks/bell?msg=two&token=sesame", 202);
    call("/hooks/bell?msg=two&token=sesame", 200);
    call("/hooks/bell?msg=&token=sesame", 400);
    call("/hooks/bell?msg=try&token=sesame&dry-run=1", 200);
    call("/hooks/bell?msg=three", 401);
    call("/hooks/bell?msg=three&token=wrong", 403);
    call("/hooks/lost?msg=never", 202);
    call("/hooks/well?go=yes", 200);
    call("/hooks/well?go=no", 200);
    call("/hooks/ill", 200);
    call("/hooks/shot", 200);
    call("/hooks/nothing", 500);
    call("/hooks/nobody", 404);
    call("/hooks/nobody-else", 404);
    for (series, value) in [
        ("hookbell_deliveries_total{account=\"desk\",state=\"sent\"}", 2.0),
        ("hookbell_deliveries_total{account=\"door\",state=\"expired\"}", 1.0),
        ("hookbell_commands_ended_total{hook=\"ill\",result=\"failed\"}", 1.0),
        ("hookbell_commands_ended_total{hook=\"shot\",result=\"killed\"}", 1.0),
        ("hookbell_connections_open{listener=\"admin\"}", 1.0),
    ] {
        until(&bell, series, value);
    }
    let page = page(&bell);
    let calls = |hook: &str, outcome: &str, count: f64| {
        let series = format!("hookbell_hook_calls_total{{hook=\"{hook}\",outcome=\"{outcome}\"}}");
        assert_eq!(page.value(&series), count, "{series}");
    };
    calls("bell", "accepted", 2.0);
    calls("bell", "duplicate", 1.0);
    calls("bell", "refused", 1.0);
    calls("bell", "nothing", 1.0);
    calls("bell", "unauthorized", 2.0);
    calls("bell", "failed", 0.0);
    calls("well", "accepted", 1.0);
    calls("well", "unsatisfied", 1.0);
    calls("ill", "accepted", 1.0);
    calls("nothing", "failed", 1.0);
    calls("", "unknown", 2.0);
    for (series, value) in [
        ("hookbell_commands_started_total{hook=\"well\"}", 1.0),
        ("hookbell_commands_ended_total{hook=\"well\",result=\"ok\"}", 1.0),
        ("hookbell_commands_ended_total{hook=\"nothing\",result=\"not-started\"}", 1.0),
        ("hookbell_commands_running", 0.0),
        ("hookbell_commands_waiting", 0.0),
        ("hookbell_command_duration_seconds_count", 3.0),
        ("hookbell_messages_total{result=\"stored\"}", 3.0),
        ("hookbell_messages_total{result=\"duplicate\"}", 1.0),
        ("hookbell_messages_total{result=\"lost\"}", 0.0),
        ("hookbell_deliveries_total{account=\"desk\",state=\"queued\"}", 2.0),
        ("hookbell_deliveries_total{account=\"desk\",state=\"failed\"}", 0.0),
        ("hookbell_tries_total{account=\"desk\",result=\"accepted\"}", 2.0),
        ("hookbell_accept_to_sent_seconds_count{account=\"desk\"}", 2.0),
        ("hookbell_accept_to_delivered_seconds_count{account=\"desk\"}", 0.0),
        ("hookbell_queue_deliveries{account=\"desk\"}", 0.0),
        ("hookbell_queue_oldest_seconds{account=\"desk\"}", 0.0),
        ("hookbell_breaker_open{account=\"desk\"}", 0.0),
        ("hookbell_config_hooks{state=\"ready\"}", 6.0),
        ("hookbell_config_hooks{state=\"broken\"}", 0.0),
        ("hookbell_config_accounts", 2.0),
        ("hookbell_config_last_reload_successful", 1.0),
        ("hookbell_outbox_open", 1.0),
        ("hookbell_outbox_errors_total", 0.0),
        ("hookbell_connections_accepted_total{listener=\"hooks\"}", 15.0),
    ] {
        assert_eq!(page.value(series), value, "{series}");
    }
    assert!(page.value("hookbell_tries_total{account=\"door\",result=\"fault\"}") >= 1.0);
    assert!(page.value("hookbell_outbox_commit_seconds_count") >= 4.0);
    assert!(page.value("hookbell_outbox_size_bytes") > 4096.0);
    assert!(page.value("hookbell_config_last_reload_success_timestamp_seconds") > 1.7e9);
    assert!(page.value("process_resident_memory_bytes") > 1e6 && page.value("process_open_fds") > 5.0);
    assert_eq!(page.value(&format!("hookbell_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))), 1.0);
    let text = format!("{:?}", page.series.keys());
    for secret in ["ivan", "petr", "7900", "secret-address", "sesame", "one", "never"] {
        assert!(!text.contains(&format!("\"{secret}\"")) && !text.contains(&format!("={secret}")), "{secret}: {text}");
    }
}

#[test]
fn the_older_format_says_the_same() {
    let bell = Bell::start(&one_hook(), &[]);
    assert_eq!(bell.daemon.get("/hooks/bell").status, 200);
    let plain = Page::read(&bell.get("/metrics").body);
    assert_eq!(plain.value("hookbell_hook_calls_total{hook=\"bell\",outcome=\"accepted\"}"), 1.0);
    assert_eq!(plain.families["hookbell_hook_calls_total"], "counter");
    assert_eq!(plain.families["hookbell_build_info"], "gauge");
    let kinds: BTreeSet<&str> = plain.families.values().map(String::as_str).collect();
    assert_eq!(kinds, BTreeSet::from(["counter", "gauge", "histogram"]));
    let names = |page: &Page| page.series.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&plain), names(&page(&bell)));
}

/// Names of families in a text, as its queries write them.
fn names_in(text: &str) -> BTreeSet<String> {
    let name = regex::Regex::new("(hookbell|process)_[a-z_]+").unwrap();
    name.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

#[test]
fn alerts_panels_and_the_table_know_every_metric_by_its_name() {
    let home = Home::with(super::SENDS);
    let bell = Bell::start(&home, &[]);
    let families = Page::read(&bell.get("/metrics").body).families;
    let known = |name: &String| {
        let of = ["_bucket", "_sum", "_count"].into_iter().find_map(|ending| name.strip_suffix(ending));
        families.contains_key(name) || of.is_some_and(|family| families.contains_key(family))
    };
    for file in ["rules.yml", "rules.test.yml", "dashboard.json", "README.md"] {
        let names = names_in(&read(&format!("examples/prometheus/{file}")));
        let strange: Vec<_> = names.iter().filter(|name| !known(name) && *name != "process_").collect();
        assert!(names.len() > 10 && strange.is_empty(), "{file}: {strange:?}");
    }
    let told = names_in(&read("examples/prometheus/README.md"));
    let untold: Vec<_> =
        families.keys().filter(|name| name.starts_with("hookbell_") && !told.contains(*name)).collect();
    assert!(untold.is_empty(), "README.md: {untold:?}");
}

#[test]
fn reloads_are_told_and_series_go_with_their_hooks() {
    let home = Home::with(&format!("[{}, {}]", says("stays", "1"), says("goes", "1")));
    let bell = Bell::start(&home, &[]);
    let calls = |id: &str| format!("hookbell_hook_calls_total{{hook=\"{id}\",outcome=\"accepted\"}}");
    for id in ["stays", "goes"] {
        assert_eq!(bell.daemon.get(&format!("/hooks/{id}")).status, 200);
        until(&bell, &calls(id), 1.0);
    }
    let taken = page(&bell).value("hookbell_config_last_reload_success_timestamp_seconds");
    home.write("hooks.json", "[ {");
    bell.daemon.signal(Signal::HUP);
    let refused = until(&bell, "hookbell_config_reloads_total{result=\"refused\"}", 1.0);
    assert_eq!(refused.value("hookbell_config_last_reload_successful"), 0.0);
    assert_eq!(refused.value("hookbell_config_last_reload_success_timestamp_seconds"), taken);
    home.write("hooks.json", &format!("[{}, {}]", says("stays", "2"), says("comes", "1")));
    let page = until(&bell, "hookbell_config_reloads_total{result=\"ok\"}", 1.0);
    assert_eq!(page.value("hookbell_config_last_reload_successful"), 1.0);
    assert!(page.value("hookbell_config_last_reload_success_timestamp_seconds") >= taken);
    assert_eq!((page.value(&calls("stays")), page.value(&calls("comes"))), (1.0, 0.0));
    assert_eq!(page.labels["hook"], ["", "comes", "stays"].map(str::to_owned).into());
    assert_eq!(bell.daemon.get("/hooks/stays").status, 200);
    until(&bell, &calls("stays"), 2.0);
}

#[test]
fn after_a_storm_of_odd_calls_every_label_is_known() {
    const CALLS: usize = 10_000;
    let hostile = "a\"b\\c\nd{e=\"f\"} 1\nhookbell_fake 2 ü🔔";
    let ids = [hostile, "", "# EOF", "unknown"];
    let hooks: Vec<_> = ids
        .iter()
        .map(|id| serde_json::json!({ "id": id, "execute-command": "true", "response-message": "x" }))
        .collect();
    let home = Home::with(&serde_json::Value::from(hooks).to_string());
    let bell = Bell::start(&home, &[]);
    let before = page(&bell);
    let mut stream = bell.daemon.connect().0;
    let mut reader = stream.try_clone().unwrap();
    let eaten = std::thread::spawn(move || reader.read_to_end(&mut Vec::new()).unwrap());
    let odd = ["%22", "%0A", "%5C", "+79001234567", "%F0%9F%94%94", "%7Bx%3D%22y%22%7D", "%FF", "a%2Fb"];
    for number in 0..CALLS {
        let (odd, close) = (odd[number % odd.len()], if number + 1 == CALLS { "close" } else { "keep-alive" });
        let call =
            format!("GET /hooks/{number}{odd}?msg=text{number} HTTP/1.1\r\nHost: a\r\nConnection: {close}\r\n\r\n");
        stream.write_all(call.as_bytes()).unwrap();
    }
    assert!(eaten.join().unwrap() > CALLS);
    // As the peer's router sees it, a line break is in no id.
    let unknown = (CALLS - CALLS / odd.len()) as f64;
    let page = until(&bell, "hookbell_hook_calls_total{hook=\"\",outcome=\"unknown\"}", unknown);
    let names = |page: &Page| page.series.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&page), names(&before), "no series came of it");
    let known = |label: &str| match label {
        "hook" => ids.map(str::to_owned).into(),
        "outcome" => words("accepted duplicate unsatisfied unauthorized refused failed nothing unknown"),
        "result" => words("ok failed killed not-started refused stored duplicate sent-not-stored lost"),
        "state" => words("ready broken"),
        "listener" => words("hooks callbacks control admin"),
        "version" => words(env!("CARGO_PKG_VERSION")),
        "le" => page.labels["le"].clone(),
        other => panic!("a label that nobody knows: {other}"),
    };
    for (label, values) in &page.labels {
        assert_eq!(values, &known(label), "{label}");
    }
    assert!(page.labels["le"].iter().all(|bound| bound == "+Inf" || bound.parse::<f64>().is_ok()));
    assert!(!page.families.contains_key("hookbell_fake"));
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(' ').map(str::to_owned).collect()
}
