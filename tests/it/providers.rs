//! Providers say the right thing and understand the answer: one fixture file for each.

use std::collections::BTreeSet;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use hookbell::account::{AccountName, Address, AddressKind, Limits, Rate, Takes};
use hookbell::clock::Timestamp;
use hookbell::diagnostic::{Diagnostic, Source};
use hookbell::message::delivery::{Class, Form, OnUnknown, Receipt, Report, Scope, SendError};
use hookbell::message::media::{Media, MediaKind, MediaSource};
use hookbell::message::news::{Inbound, News, Noted, Standing, Told};
use hookbell::message::{Priority, TextFormat};
use hookbell::node::{self, Reader};
use hookbell::provider::callback::{Call, Callback, Proof, Unproven};
use hookbell::provider::mail::{Mail, Stage, Tls};
use hookbell::provider::poll::{Polled, Round};
use hookbell::provider::preview;
use hookbell::provider::probe::{Fault, Inquiry};
use hookbell::provider::pull::{Item, Said};
use hookbell::provider::table::{self, PROVIDERS};
use hookbell::provider::{Account, Answer, Next, Outgoing, Probe, Request, Transport};
use hookbell::secret::{Secret, Surroundings};
use hookbell::url::{Broken, pairs};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

#[test]
fn every_provider_has_its_fixture_and_every_fixture_its_provider() {
    let mut files: Vec<_> = fixtures().map(|(name, _)| name).collect();
    files.sort();
    assert_eq!(files, table::names());
}

#[test]
fn providers_talk_as_their_fixtures_do() {
    for (kind, cases) in fixtures() {
        for case in cases.as_array().unwrap() {
            let at = format!("{kind}: {}", case["name"].as_str().unwrap());
            if let Some(findings) = case.get("findings") {
                let (account, found) = opened(&case["account"]);
                assert_eq!(told(&found), *findings, "{at}");
                assert!(account.is_none(), "{at}");
                continue;
            }
            if let Some(callback) = case.get("callback") {
                hears(&at, case, callback);
                continue;
            }
            if let Some(poll) = case.get("poll") {
                is_polled(&at, case, poll);
                continue;
            }
            if let Some(probe) = case.get("probe") {
                is_asked(&at, case, probe);
                continue;
            }
            if let Some(setup) = case.get("setup") {
                is_set_up(&at, case, setup);
                continue;
            }
            talks(&at, case);
            for code in case["codes"].as_array().unwrap_or(&Vec::new()) {
                refuses(&format!("{at}: {code}"), case, code);
            }
        }
    }
}

#[test]
fn every_fixture_has_a_success_and_a_refusal() {
    for (kind, cases) in fixtures() {
        let cases = cases.as_array().unwrap();
        assert!(cases.iter().any(|case| case["result"].get("receipt").is_some()), "{kind}: no success");
        let refused = |case: &Value| case["result"].get("class").is_some() || case.get("codes").is_some();
        assert!(kind == "console" || cases.iter().any(refused), "{kind}: no refusal");
    }
}

/// Ranges of codes aside: a fixture has what is telling of them.
#[test]
fn every_word_that_a_dialect_knows_is_in_its_fixture() {
    let mut known = 0;
    for (kind, cases) in fixtures() {
        let path = FilePath::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/provider/dialects/{kind}.json"));
        let Ok(dialect) = std::fs::read_to_string(path) else { continue };
        let dialect: Value = serde_json::from_str(&dialect).unwrap();
        let mut said = Vec::new();
        scalars(&cases, &mut said);
        let is_said = |word: &str| said.iter().any(|text| text == word);
        for word in words(&dialect["answer"], &["codes", "statuses"]).filter(|word| !is_range(word)) {
            assert!(is_said(word), "{kind}: no answer with {word}");
            known += 1;
        }
        for word in words(&dialect["answer"], &["says"]) {
            let word = word.trim_matches('"');
            assert!(said.iter().any(|text| text.to_lowercase().contains(word)), "{kind}: no answer that says {word}");
            known += 1;
        }
        for part in ["reports", "standing"].iter().flat_map(|part| one_or_more(&dialect["callback"][*part])) {
            for word in words(part, &["states", "down"]) {
                assert!(is_said(word), "{kind}: no call with {word}");
                known += 1;
            }
        }
    }
    assert!(known > 300, "only {known} words");
}

fn is_range(word: &str) -> bool {
    word.split_once('-').is_some_and(|(from, to)| [from, to].iter().all(|end| end.parse::<u32>().is_ok()))
}

fn one_or_more(json: &Value) -> &[Value] {
    match json {
        Value::Null => &[],
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    }
}

/// What stands on the left of these tables.
fn words<'j>(json: &'j Value, tables: &[&'static str]) -> impl Iterator<Item = &'j str> {
    let tables: Vec<_> = tables.iter().filter_map(|table| json[*table].as_object()).collect();
    tables.into_iter().flat_map(|table| table.keys().map(String::as_str))
}

/// Every value of a document, and the keys above them, as text; those within a body that is a text, too.
fn scalars(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Array(all) => all.iter().for_each(|one| scalars(one, found)),
        Value::Object(all) => all.iter().for_each(|(key, one)| {
            found.push(key.clone());
            scalars(one, found);
        }),
        Value::String(text) => {
            found.push(text.clone());
            match serde_json::from_str(text) {
                Ok(inner @ Value::Object(_)) => scalars(&inner, found),
                _ => found.extend(text.split(['&', '=']).map(str::to_owned)),
            }
        }
        other => found.push(other.to_string()),
    }
}

#[test]
fn no_body_of_a_callback_is_too_broken_to_be_read_or_refused() {
    let mut read = 0;
    for (_, cases) in fixtures() {
        // Bodies of one provider that are as long as each other are alike: one more of its codes.
        let mut seen = BTreeSet::new();
        for case in cases.as_array().unwrap().iter().filter(|case| case["callback"]["body"] != Value::Null) {
            let body = &case["callback"]["body"];
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned).into_bytes();
            let Some(account) = opened(&case["account"]).0.filter(|_| seen.insert(body.len() / 16)) else { continue };
            read += account.provider.callback().map_or(0, |provider| read_broken(provider, &body));
        }
    }
    assert!(read > 1000, "only {read} were read");
}

/// How many of the bodies can be read that this one becomes by an end too early, or by another byte.
fn read_broken(provider: &dyn Callback, body: &[u8]) -> usize {
    let mut read = 0;
    for at in (0..body.len()).step_by(13) {
        drop(provider.parse(&posted(&body[..at])));
        for other in *b"7\"{[ \xff" {
            let mut body = body.to_vec();
            body[at] = other;
            read += usize::from(provider.parse(&posted(&body)).is_ok());
        }
    }
    read
}

#[test]
fn what_an_account_leaves_out_its_provider_knows() {
    let telegram = json!({ "provider": "telegram", "bot-token": "1:s3cret" });
    let account = opened(&telegram).0.unwrap();
    assert_eq!((account.name.as_str(), account.kind, account.on_unknown), ("mine", "telegram", OnUnknown::Retry));
    assert_eq!(account.takes, Takes::Kinds(vec![AddressKind::new("telegram")]));
    assert_eq!(account.transport, Transport { timeout: Duration::from_secs(15), proxy: None, extra_ca: None });
    let second = Duration::from_secs(1);
    let documented = Limits {
        rate: Some(Rate::per(30, second)),
        per_recipient: Some(Rate::per(1, second).burst(3)),
        per_group: Some(Rate::per(18, second * 60).burst(3)),
        fold_after: 10,
    };
    assert_eq!(account.limits, documented);

    let chat = |id: &str| Address { kind: AddressKind::new("telegram"), text: id.to_owned() };
    for (id, rate) in
        [("42", documented.per_recipient), ("-10042", documented.per_group), ("@ops", documented.per_group)]
    {
        assert_eq!(documented.of(&chat(id)), rate, "{id}");
    }
    let whatsapp = json!({ "provider": "whatsapp-cloud", "phone-number-id": "1", "access-token": "s3cret" });
    let pair = Some(Rate::per(1, second * 6).burst(45));
    let metas = Limits { rate: Some(Rate::per(80, second)), per_recipient: pair, per_group: None, fold_after: 10 };
    assert_eq!(opened(&whatsapp).0.unwrap().limits, metas);
    let own = json!({ "provider": "telegram", "bot-token": "1:s3cret", "per-recipient": "1/s", "fold-after": 0 });
    let own = opened(&own).0.unwrap().limits;
    assert_eq!((own.of(&chat("-10042")), own.fold_after), (Some(Rate::per(1, second)), 0), "what is written holds");

    let written = json!({
        "provider": "telegram", "bot-token": "1:s3cret", "timeout": "1m", "rate": "2/s", "on-unknown": "give-up",
        "proxy": "socks5://u:s3cret@p:1080",
    });
    let account = opened(&written).0.unwrap();
    assert_eq!(account.limits, Limits { rate: Some(Rate::per(2, second)), ..documented });
    assert_eq!((account.on_unknown, account.transport.timeout), (OnUnknown::GiveUp, second * 60));
    assert_eq!(account.transport.proxy.as_ref().unwrap().to_string(), "socks5://u:s3cret@p:1080/");
    assert!(!format!("{:?}", account.transport).contains("s3cret"));
}

#[test]
fn an_account_knows_where_its_provider_calls() {
    let whatsapp = json!({
        "provider": "whatsapp-cloud", "phone-number-id": "1", "access-token": "s3cret", "callback-secret": ["a/b", "old"],
    });
    let account = opened(&whatsapp).0.unwrap();
    let url = account.callback_url("https://bell.example.org").unwrap();
    assert_eq!(url.expose(), "https://bell.example.org/callbacks/mine/a%2Fb");
    let telegram = opened(&json!({ "provider": "telegram", "bot-token": "1:s3cret" })).0.unwrap();
    assert!(telegram.callback_url("https://bell.example.org").is_none());
}

#[test]
fn an_account_is_another_when_anything_of_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let account = json!({ "provider": "telegram", "bot-token": { "file": "token" }, "ca-file": "ca.pem" });
    let fingerprint = |account: &Value| {
        let (account, findings) = opened_beside(&folder.path().join("hooks.json"), "mine", account);
        account.unwrap_or_else(|| panic!("{findings:?}")).fingerprint
    };
    write("token", "1:a\n");
    write("ca.pem", "-----BEGIN CERTIFICATE-----\na");
    let mut seen = vec![fingerprint(&account)];
    assert_eq!(seen, [fingerprint(&account)]);
    write("token", "1:b\n");
    seen.push(fingerprint(&account));
    write("ca.pem", "-----BEGIN CERTIFICATE-----\nb");
    seen.push(fingerprint(&account));
    let mut slower = account.clone();
    slower["timeout"] = json!("20s");
    seen.push(fingerprint(&slower));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 4);
}

fn fixtures() -> impl Iterator<Item = (String, Value)> {
    let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/providers");
    std::fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let cases = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), cases)
    })
}

/// One conversation, from the first request to the result.
fn talks(at: &str, case: &Value) {
    let (account, findings) = opened(&case["account"]);
    let account = account.unwrap_or_else(|| panic!("{at}: {findings:?}"));
    if let Some(warnings) = case.get("warnings") {
        assert_eq!(told(&findings), *warnings, "{at}");
    }
    let out = outgoing(&case["outgoing"]);
    let mut answers = Vec::new();
    for turn in case["talk"].as_array().unwrap() {
        match account.provider.converse(&out, &answers) {
            Ok(Next::Ask(request)) => {
                assert_asked(at, &request, &turn["ask"]);
                let shown = preview::shown(&request, &out, &account).join("\n");
                assert!(!shown.contains("s3cret"), "{at}: a dry run shows a secret: {shown}");
            }
            other => panic!("{at}: instead of asking: {other:?}"),
        }
        if let Some(answer) = turn.get("answer") {
            answers.push(answered(answer));
        }
    }
    if let Some(result) = case.get("result") {
        let outcome = account.provider.converse(&out, &answers).map_err(|error| account.masked_error(error));
        assert_eq!(ended(outcome), *result, "{at}");
    }
}

/// Whether the account would work: `{"contacts", "talk"}`, and `"learned"` or, where it would not, `"result"`.
fn is_asked(at: &str, case: &Value, probe: &Value) {
    let account = opened(&case["account"]).0.unwrap();
    let contact = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
    let contacts = probe["contacts"].as_array().unwrap().iter().map(contact).collect();
    let about = Inquiry { contacts, now: Timestamp::from_millis(1_795_216_500_123) };
    learns(at, (&account, probe), |answers| account.provider.probe(&about, answers));
}

/// How the provider is told to call: `{"url", "talk"}`, and the same.
fn is_set_up(at: &str, case: &Value, setup: &Value) {
    let (account, findings) = opened(&case["account"]);
    let account = account.unwrap_or_else(|| panic!("{at}: {findings:?}"));
    let url = Secret::new(spelled_out(&setup["url"]).as_str().unwrap());
    learns(at, (&account, setup), |answers| account.provider.setup(&url, answers));
}

fn learns(at: &str, (account, case): (&Account, &Value), next: impl Fn(&[Answer]) -> Result<Probe, SendError>) {
    let mut answers = Vec::new();
    for turn in case["talk"].as_array().unwrap() {
        match next(&answers) {
            Ok(Probe::Ask(request)) => assert_asked(at, &request, &turn["ask"]),
            other => panic!("{at}: instead of asking: {other:?}"),
        }
        answers.push(answered(&turn["answer"]));
    }
    match next(&answers) {
        Ok(Probe::Done(learned)) => {
            let learned = account.masked_learned(learned);
            let fault =
                |fault: &Fault| json!([if fault.is_error { "error" } else { "warning" }, fault.message, fault.help]);
            let faults: Vec<_> = learned.faults.iter().map(fault).collect();
            let found = json!({ "well": learned.well, "faults": faults });
            assert!(!found.to_string().contains("s3cret"), "{at}: a secret is shown in {found}");
            assert_eq!(found, case["learned"], "{at}");
        }
        Ok(Probe::Ask(request)) => panic!("{at}: it asks on: {request:?}"),
        Err(error) => assert_eq!(ended(Err(account.masked_error(error))), case["result"], "{at}"),
    }
}

/// One round of asking: `{"since", "talk"}`, then `"news"`, `"receipt"` (a request), `"next"` (where it goes on), `"rest"` in
/// seconds; or, where nothing could be heard, `"result"`.
fn is_polled(at: &str, case: &Value, poll: &Value) {
    let account = opened(&case["account"]).0.unwrap();
    let provider = account.provider.poll().unwrap_or_else(|| panic!("{at}: it is not polled"));
    let (since, now) = (poll["since"].as_str(), Timestamp::from_millis(1_795_216_500_123));
    let mut answers = Vec::new();
    for turn in poll["talk"].as_array().unwrap() {
        match provider.poll(since, now, &answers) {
            Ok(Polled::Ask(request)) => assert_asked(at, &request, &turn["ask"]),
            other => panic!("{at}: instead of asking: {other:?}"),
        }
        answers.push(answered(&turn["answer"]));
    }
    match provider.poll(since, now, &answers) {
        Ok(Polled::Heard(Round { news, receipt, since, rest })) => {
            assert_eq!(news.into_iter().map(|news| spelled(&account, news)).collect::<Value>(), poll["news"], "{at}");
            match (receipt, poll.get("receipt")) {
                (Some(receipt), Some(wanted)) => assert_asked(at, &receipt, wanted),
                (None, None) => {}
                (receipt, wanted) => panic!("{at}: {receipt:?} instead of {wanted:?}"),
            }
            assert_eq!((json!(since), json!(rest.as_secs())), (poll["next"].clone(), poll["rest"].clone()), "{at}");
        }
        Ok(Polled::Ask(request)) => panic!("{at}: it asks on: {request:?}"),
        Err(error) => assert_eq!(ended(Err(account.masked_error(error))), poll["result"], "{at}"),
    }
}

/// One call of the provider: `{"method", "url", "query", "headers", "body"}` with `"challenge"`, where it is one; else with
/// `"proof"` and `"news"`, or without any where it can't be read or is not believed. A POST, if nothing is said.
fn hears(at: &str, case: &Value, callback: &Value) {
    let (account, findings) = opened(&case["account"]);
    let account = account.unwrap_or_else(|| panic!("{at}: {findings:?}"));
    if let Some(warnings) = case.get("warnings") {
        assert_eq!(told(&findings), *warnings, "{at}");
    }
    let provider = account.provider.callback().unwrap();
    let Answer::Http { headers, body, .. } = answered(&json!({
        "status": 200, "headers": callback["headers"], "body": callback["body"],
    })) else {
        panic!("{at}")
    };
    let method: Method = callback["method"].as_str().unwrap_or("POST").parse().unwrap();
    let (query, _) = pairs(callback["query"].as_str().unwrap_or_default().as_bytes(), Broken::Kept);
    let (url, now) = (callback["url"].as_str(), Timestamp::from_millis(1_795_216_500_123));
    let call = Call { method: &method, url, query: &query, headers: &headers, body: &body, now };
    assert_eq!(json!(provider.challenge(&call)), callback["challenge"], "{at}");
    if callback.get("challenge").is_some() {
        return;
    }
    let proof = match provider.verify(&call) {
        Ok(Proof::Signature) => "signature",
        Ok(Proof::Path) => "path",
        Err(Unproven::Missing) => "missing",
        Err(Unproven::Wrong) => "wrong",
    };
    assert_eq!(proof, callback["proof"], "{at}");
    if let Some(news) = callback.get("news") {
        let found: Vec<_> = provider.parse(&call).unwrap().into_iter().map(|news| spelled(&account, news)).collect();
        assert_eq!(json!(found), *news, "{at}");
    } else if proof == "path" {
        assert!(provider.parse(&call).is_err(), "{at}");
    }
}

/// A call with this body and nothing else.
fn posted(body: &[u8]) -> Call<'_> {
    static NO_HEADERS: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
    let now = Timestamp::from_millis(1_795_216_500_123);
    Call { method: &Method::POST, url: None, query: &[], headers: &NO_HEADERS, body, now }
}

/// As it leaves for the outbox.
fn spelled(account: &Account, news: News) -> Value {
    match account.masked_news(news) {
        News::Told(Told { receipt, key, report, at }) => {
            let report = match report {
                Report::Failed(error) => ended(Err(error)),
                report => json!(report.as_str()),
            };
            json!({ "told": receipt, "key": key, "report": report, "at": at.to_string() })
        }
        News::Inbound(Inbound { id, address, contact, kind, text, at, window }) => {
            assert_eq!(contact, None, "a provider knows no contacts");
            let window = window.map(|window| window.as_secs());
            json!({ "inbound": id, "address": address, "kind": kind, "text": text, "at": at.to_string(), "window": window })
        }
        News::Standing(Standing::Down { why }) => json!({ "down": why }),
        News::Standing(Standing::Well) => json!("well"),
        News::Noted(Noted { address, what, lost }) => json!({ "noted": address, "what": what, "lost": lost }),
    }
}

/// One row of `codes`: an answer, and the class that it is of.
fn refuses(at: &str, case: &Value, row: &Value) {
    let account = opened(&case["account"]).0.unwrap();
    let [answer, class] = row.as_array().unwrap().as_slice() else { panic!("{at}: [answer, class]") };
    let outcome = ended(account.provider.converse(&outgoing(&case["outgoing"]), &[answered(answer)]));
    assert_eq!(outcome["class"], *class, "{at}: {outcome}");
}

fn opened(account: &Value) -> (Option<Account>, Vec<Diagnostic>) {
    named("mine", account)
}

/// The same under another name.
pub(crate) fn named(name: &str, account: &Value) -> (Option<Account>, Vec<Diagnostic>) {
    opened_beside(FilePath::new("hooks.json"), name, account)
}

/// An account as it stands in a file of its own.
fn opened_beside(path: &FilePath, name: &str, account: &Value) -> (Option<Account>, Vec<Diagnostic>) {
    let node = node::parse(&Arc::new(Source::new(path, account.to_string()))).unwrap();
    let mut findings = Vec::new();
    let mut surroundings = Surroundings::default();
    let mut reader = Reader { form: node::Form::Full, findings: &mut findings, surroundings: &mut surroundings };
    let account = Account::open(PROVIDERS, &AccountName::new(name), &node, &mut reader);
    (account, findings)
}

/// What is wrong, without the line and column that a fixture has no say in.
fn told(findings: &[Diagnostic]) -> Value {
    let told = |finding: &Diagnostic| {
        let all = finding.to_string();
        assert!(!all.contains("s3cret"), "a secret is shown in {all}");
        all.splitn(4, ':').nth(3).unwrap().trim_start().to_owned()
    };
    findings.iter().map(told).collect()
}

pub(crate) fn outgoing(json: &Value) -> Outgoing {
    let text = |key: &str, default: &str| json[key].as_str().unwrap_or(default).to_owned();
    let repeated = json["times"].as_u64().unwrap_or(1);
    Outgoing {
        key: text("key", "k1"),
        contact: text("contact", "ivan"),
        address: Address { kind: AddressKind::new(&text("kind", "phone")), text: text("to", "+79001234567") },
        priority: Priority::named(&text("priority", "normal")).unwrap(),
        thread: json["thread"].as_str().map(str::to_owned),
        reply_to: json["reply-to"].as_str().map(str::to_owned),
        accepted_at: Timestamp::from_millis(1_795_216_440_000),
        title: json["title"].as_str().map(str::to_owned),
        text: text("text", "disk full").repeat(repeated.try_into().unwrap()),
        format: if json["format"] == "markup" { TextFormat::Markup } else { TextFormat::Plain },
        media: json.get("media").map(|json| Arc::new(media(json))),
        in_words: json["in-words"].as_str().or(json["media"]["link"].as_str()).map(str::to_owned),
        form: if json["form"] == "template" { Form::Template } else { Form::Best },
        window_open: json["window-open"] == true,
        link: json["link"].as_str().map(str::to_owned),
        callback: json["callback"].as_str().map(Secret::new),
        now: Timestamp::from_millis(1_795_216_500_123),
    }
}

/// `{"kind", "mime", "name"}` with `"link"`, or with `"bytes"` as text.
fn media(json: &Value) -> Media {
    let text = |key: &str| json[key].as_str().map(str::to_owned);
    let kind = text("kind").unwrap();
    Media {
        kind: MediaKind::ALL.iter().find(|(word, _)| *word == kind).unwrap().1,
        mime: text("mime").unwrap(),
        name: text("name").unwrap(),
        source: match text("link") {
            Some(link) => MediaSource::Link(link),
            None => MediaSource::Bytes(text("bytes").unwrap().into_bytes().into()),
        },
    }
}

/// Compares what the fixture names: a key that it leaves out is not looked at.
fn assert_asked(at: &str, request: &Request, ask: &Value) {
    let shown = format!("{request:?}");
    assert!(!shown.contains("s3cret"), "{at}: a secret is shown in {shown}");
    let found = match request {
        Request::Http(http) => {
            let headers = ask["headers"].as_object().into_iter().flatten();
            let header = |name: &String| http.headers.get(name).and_then(|value| value.to_str().ok());
            json!({
                "method": http.method.as_str(),
                "url": http.url.expose(),
                "shown-url": http.shown_url,
                "headers": headers.map(|(name, _)| (name.clone(), json!(header(name)))).collect::<serde_json::Map<_, _>>(),
                "body": serde_json::from_slice(&http.body)
                    .unwrap_or_else(|_| json!(String::from_utf8_lossy(&http.body))),
            })
        }
        Request::Mail(mail) => mail_json(mail),
        Request::Login(server) => json!({ "login": server.to_string() }),
        Request::Exec(command) => {
            json!({ "argv": command.argv, "stdin": String::from_utf8(command.stdin.clone()).unwrap() })
        }
        Request::Print { terminal, line } => json!({ "terminal": terminal, "line": line }),
        Request::Offer(Item(fields)) => json!({ "offer": fields }),
    };
    for (key, wanted) in ask.as_object().unwrap() {
        assert_eq!(found[key], spelled_out(wanted), "{at}: {key}");
    }
}

fn mail_json(mail: &Mail) -> Value {
    let Mail { server, from, reply_to, to, subject, text, attachment, message_id, thread, date, priority: _ } = mail;
    json!({
        "server": server.to_string(),
        "tls": Tls::ALL.iter().find(|(_, tls)| *tls == server.tls).unwrap().0,
        "login": server.login.as_ref().map(|login| format!("{}:{}", login.username, login.password.expose())),
        "plain-login": server.plain_login,
        "hello": server.hello,
        "from": from.to_string(),
        "reply-to": reply_to.as_ref().map(ToString::to_string),
        "to": to,
        "subject": subject,
        "text": text,
        "message-id": message_id,
        "thread": thread,
        "date": date.to_string(),
        "attachment": attachment.as_ref().map(|media| media.label().to_string()),
        "importance": mail.importance().map(|(_, importance)| importance),
    })
}

/// `{"repeat": TEXT, "times": N, "then": TEXT}` is short for a long text.
fn spelled_out(json: &Value) -> Value {
    match json {
        Value::Object(entries) if entries.contains_key("repeat") => {
            let times = json["times"].as_u64().unwrap().try_into().unwrap();
            json!(json["repeat"].as_str().unwrap().repeat(times) + json["then"].as_str().unwrap_or_default())
        }
        Value::Object(entries) => entries.iter().map(|(key, json)| (key.clone(), spelled_out(json))).collect(),
        Value::Array(elements) => elements.iter().map(spelled_out).collect(),
        _ => json.clone(),
    }
}

/// `{"status", "headers", "body"}`, where a body that is no text is JSON; `{"at", "reply"}` of a mail server, such as
/// `"550 5.1.1 no such user"`; `{"code", "output"}`; `"printed"`; or of a device `"sent"` or `{"refused", "detail", "after"}`.
fn answered(json: &Value) -> Answer {
    if json == "printed" {
        return Answer::Printed;
    }
    if let Some((code, text)) = json["reply"].as_str().map(|reply| reply.split_once(' ').unwrap()) {
        let (_, stage) = *Stage::ALL.iter().find(|(name, _)| json["at"] == *name).expect("a stage");
        return Answer::Mail { stage, code: code.parse().unwrap(), text: text.to_owned() };
    }
    if json == "sent" {
        return Answer::Device(Said::Sent);
    }
    if let Some(reason) = json["refused"].as_str() {
        let after = json["after"].as_u64().map(Duration::from_secs);
        return Answer::Device(Said::refused(reason, json["detail"].as_str().unwrap_or_default(), after).unwrap());
    }
    if let Some(output) = json.get("output") {
        let code = json["code"].as_i64().map(|code| code.try_into().unwrap());
        return Answer::Exec { code, output: output.as_str().unwrap().to_owned() };
    }
    let headers = json["headers"].as_object().into_iter().flatten().map(|(name, value)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value.as_str().unwrap()).unwrap())
    });
    Answer::Http {
        status: StatusCode::from_u16(json["status"].as_u64().unwrap().try_into().unwrap()).unwrap(),
        headers: HeaderMap::from_iter(headers),
        body: match &json["body"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            body => body.to_string(),
        }
        .into_bytes(),
    }
}

/// `{"receipt"}`, perhaps with `"advice"`, or `{"class", "code", "detail"}`.
fn ended(outcome: Result<Next, SendError>) -> Value {
    match outcome {
        Ok(Next::Done(Receipt { id, advice: None })) => json!({ "receipt": id }),
        Ok(Next::Done(Receipt { id, advice })) => json!({ "receipt": id, "advice": advice }),
        Ok(Next::Ask(request)) => json!({ "asks": format!("{request:?}") }),
        Err(SendError { class, code, detail }) => {
            assert!(!detail.contains("s3cret"), "a secret is shown in {detail}");
            json!({ "class": class_word(class), "code": code, "detail": detail })
        }
    }
}

/// `content`, `wait recipient`, `wait account 60s`.
fn class_word(class: Class) -> String {
    let Class::Wait { scope, after } = class else { return format!("{class:?}").to_lowercase() };
    let scope = match scope {
        Scope::Recipient => "recipient",
        Scope::Sender => "sender",
        Scope::Account => "account",
    };
    let after = after.map(|after: Duration| format!(" {}s", after.as_secs())).unwrap_or_default();
    format!("wait {scope}{after}")
}
