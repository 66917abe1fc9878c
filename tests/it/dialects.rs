//! Dialects of one's own: mistakes in them are told where they stand, and nothing that a gateway says is too broken.

use std::path::Path;
use std::sync::Arc;

use hookbell::account::{AccountName, Address, AddressKind, Rate, Takes};
use hookbell::clock::Timestamp;
use hookbell::diagnostic::{Diagnostic, Source};
use hookbell::message::delivery::Form;
use hookbell::message::news::News;
use hookbell::message::{Priority, TextFormat};
use hookbell::node::{self, Reader};
use hookbell::provider::callback::{Call, Proof, Unproven};
use hookbell::provider::dialects;
use hookbell::provider::table::PROVIDERS;
use hookbell::provider::{Account, Answer, Next, Outgoing, Request};
use hookbell::secret::Surroundings;
use http::{HeaderMap, Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A dialect with everything.
const ACME: &str = include_str!("../fixtures/dialects/acme.json");

#[test]
fn the_dialects_in_the_program_have_no_mistakes() {
    for dialect in dialects::all() {
        let findings: Vec<String> = dialect.findings().iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{findings:?}");
        assert!(!dialect.help().is_empty() && dialect.text.ends_with("}\n"), "{}", dialect.name);
    }
}

#[test]
fn a_mistake_is_told_where_it_stands_in_the_dialect() {
    let dialect = |change: Value| {
        let mut dialect = json!({ "help": "Acme.", "send": { "url": "https://a/{{ to }}", "text": "{{ text }}" } });
        dialect.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        dialect
    };
    for (change, wanted) in [
        (json!({ "hlep": 1 }), "hlep: unknown key \"hlep\" (did you mean \"help\"?)"),
        (json!({ "help": null }), "a dialect needs \"help\" and \"send\""),
        (
            json!({ "base-url": "https://a/" }),
            "base-url: expected https://HOST without a slash at its end, or \"needed\"",
        ),
        (
            json!({ "takes": {} }),
            "takes: name a kind of address, or leave it out where an account is itself the address",
        ),
        (
            json!({ "takes": { "phone": "{{ to }}" } }),
            "takes.phone: nothing is called \"to\" here (there are address, digits)",
        ),
        (json!({ "send": {} }), "send: a request needs a \"url\""),
        (
            json!({ "send": { "url": "{{ base }}" } }),
            "send.url: nothing is called \"base\" here (there are text, plain, title, to, ",
        ),
        (
            json!({ "send": { "url": "u", "json": {}, "text": "" } }),
            "send: one of \"json\", \"form\" and \"text\" is the body, not several",
        ),
        (
            json!({ "send": { "url": "u", "json": { "a": ["{{ b"] } } }),
            "send.json.a[0]: syntax error: unexpected end of input, expected end of variable block",
        ),
        (json!({ "send": { "url": "u", "method": "SEND" } }), "send.method: expected GET, POST or PUT"),
        (json!({ "send": { "url": "u", "headers": { "a b": "" } } }), "send.headers.a b: a header can't be called so"),
        (
            json!({ "properties": { "key": { "holds": "number", "help": "x" } } }),
            "properties.key.holds: expected \"text\", \"secret\", \"url\" or a list of words",
        ),
        (
            json!({ "properties": { "Key": { "holds": "text", "help": "x" } } }),
            "properties.Key: a property's name has small letters, digits and dashes",
        ),
        (
            json!({ "properties": { "key": { "holds": "text" } } }),
            "properties.key: a property needs \"holds\" and \"help\"",
        ),
        (
            json!({ "send": { "url": "{{ template.name }}" } }),
            "send.url: nothing is called \"template\" here (there are text, plain, title, to, ",
        ),
        (
            json!({ "properties": { "template": { "holds": "text", "help": "x" } } }),
            "properties.template: every dialect has that name already: call the property something else",
        ),
        (json!({ "text": { "unit": "parts" } }), "text.unit: expected one of characters, utf-16, bytes"),
        (json!({ "text": { "most": 0 } }), "text.most: expected a length of at least 1"),
        (
            json!({ "text": { "priorities": { "urgent": 1 } } }),
            "text.priorities.urgent: there are the priorities low, normal and high",
        ),
        (json!({ "answer": { "id": "id" } }), "answer.id: a JSON pointer starts with a slash: /data/id"),
        (json!({ "answer": { "codes": { "9-1": "content" } } }), "answer.codes.9-1: the range ends before it begins"),
        (
            json!({ "answer": { "codes": { "1": "retry" } } }),
            "answer.codes.1: expected one of recipient, content, form, account, fault, unknown, done, and `wait recipient|sender|account TIME`",
        ),
        (
            json!({ "answer": { "success": { "is": "x" } } }),
            "answer.success: a condition is {\"at\": …}, perhaps with \"is\", \"not\" or \"has\", or {\"text\": …}",
        ),
        (
            json!({ "callback": { "proof": { "header": "X" } } }),
            "callback.proof: a proof needs a \"secret\", and a \"header\" or, where it is no signature, \"at\"",
        ),
        (
            json!({ "callback": { "proof": { "at": "/t", "secret": "s", "hmac": "sha1" } } }),
            "callback.proof: a proof needs a \"secret\", and a \"header\" or, where it is no signature, \"at\"",
        ),
        (
            json!({ "callback": { "proof": { "hmac": "md5" } } }),
            "callback.proof.hmac: expected \"sha1\", \"sha256\" or \"sha512\"",
        ),
        (json!({ "media": [{ "kinds": "gif" }] }), "media[0].kinds: expected image, video, audio or document"),
        (json!({ "probe": {} }), "probe: a probe needs \"ask\": the request"),
        (json!({ "credentials": { "basic": ["a"] } }), "credentials.basic: expected a name and a password: two texts"),
        (json!({ "rate": "often" }), "rate: `often` is no rate"),
    ] {
        let findings = opened(&dialect(change).to_string(), &json!({})).1;
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].contains(wanted), "{told:#?} instead of {wanted}");
        assert!(told[0].contains("acme.json:1:"), "{told:?}");
    }
    let broken = opened("{\"help\": \"Acme.\"\n \"send\": 1}", &json!({})).1;
    assert!(broken[0].to_string().contains("acme.json:1:16: missing comma?"), "{broken:?}");
}

#[test]
fn a_dialect_says_what_its_accounts_can_do_and_how_often() {
    let account = opened(ACME, &json!({ "key": "s3cret", "per-recipient": "1/s" })).0.unwrap();
    let kinds = ["whatsapp", "phone", "whatsapp-group"].map(AddressKind::new);
    assert_eq!(account.takes, Takes::Kinds(kinds.to_vec()));
    assert_eq!((account.can.text, account.can.media.len(), account.can.reports()), (Some(20), 2, true));
    let second = std::time::Duration::from_secs(1);
    assert_eq!(account.limits.rate, Some(Rate::per(2, second).burst(4)));
    assert_eq!((account.limits.per_recipient, account.limits.fold_after), (Some(Rate::per(1, second)), 3));
}

#[test]
fn an_account_is_another_when_its_dialect_is() {
    let fingerprint = |dialect: &str| opened(dialect, &json!({ "key": "s3cret" })).0.unwrap().fingerprint;
    assert_eq!(fingerprint(ACME), fingerprint(ACME));
    assert_ne!(fingerprint(ACME), fingerprint(&ACME.replace("2/s burst 4", "3/s")));
}

#[test]
fn a_text_and_its_key_come_in_the_forms_that_a_channel_wants() {
    let dialect = json!({
        "help": "Acme.",
        "text": { "style": "html" },
        "send": {
            "url": "https://a/{{ key_hex }}",
            "json": { "id": "{{ key_number }}", "html": "{{ text }}", "plain": "{{ plain }}" },
        },
    });
    let account = opened(&dialect.to_string(), &json!({})).0.unwrap();
    let asked = |key: &str| {
        let out = Outgoing { key: key.to_owned(), format: TextFormat::Markup, ..outgoing("*a* & b".to_owned()) };
        match account.provider.converse(&out, &[]) {
            Ok(Next::Ask(Request::Http(http))) => {
                (http.url.expose().to_owned(), serde_json::from_slice::<Value>(&http.body).unwrap())
            }
            other => panic!("{other:?}"),
        }
    };
    let (url, body) = asked("k1");
    // The first half of SHA-256("k1"), and of that the first 31 bits.
    assert_eq!(url, "https://a/6AB9F1EB8F7D3388F4F9D586F66E99FD");
    assert_eq!(body, json!({ "id": 0x355cf8f5, "html": "<b>a</b> &amp; b", "plain": "a & b" }));
    assert_eq!(asked("k1"), asked("k1"));
    assert_ne!(asked("k1").1["id"], asked("k2").1["id"]);
}

#[test]
fn a_template_fills_an_address_and_a_property_stands_for_itself() {
    let dialect = json!({
        "help": "Acme.",
        "properties": { "reply-to": { "holds": "text", "help": "x" } },
        "send": { "url": "https://a" },
        "template": {
            "url": "https://a/{{ template.name }}?p={{ template.texts[0] }}",
            "json": { "all": "{{ template.components }}", "reply": "{{ reply_to }}" },
        },
    });
    let approved = json!({ "approved-template": { "name": "a b", "language": "ru", "params": ["{{ msg }}"] } });
    let account = opened(&dialect.to_string(), &approved).0.unwrap();
    let out = Outgoing { reply_to: Some("r1".to_owned()), ..outgoing("x&to=1#".to_owned()) };
    let Ok(Next::Ask(Request::Http(http))) = account.provider.converse(&out, &[]) else { panic!() };
    assert_eq!(http.url.expose(), "https://a/a%20b?p=x%26to%3D1%23");
    let parameters = json!([{ "type": "text", "text": "x&to=1#" }]);
    let body: Value = serde_json::from_slice(&http.body).unwrap();
    assert_eq!(body, json!({ "all": [{ "type": "body", "parameters": parameters }] }));
}

#[test]
fn what_a_gateway_packs_into_a_field_is_unpacked_and_one_event_may_be_of_several_messages() {
    let dialect = json!({
        "help": "Acme.",
        "properties": { "token": { "holds": "secret", "help": "x" } },
        "send": { "url": "https://a" },
        "callback": {
            "proof": { "at": "/token", "secret": "{{ token }}" },
            "within": "/data",
            "reports": { "id": "/ids", "state": "/state", "states": { "in": "delivered" } },
            "inbound": { "id": "/id", "from": "/from", "phones": false },
        },
    });
    let account = opened(&dialect.to_string(), &json!({ "token": "s3cret" })).0.unwrap();
    let callback = account.provider.callback().unwrap();
    let headers = HeaderMap::from_iter([(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/x-www-form-urlencoded"),
    )]);
    let call = |body| Call {
        method: &Method::POST,
        url: None,
        query: &[],
        headers: &headers,
        body,
        now: Timestamp::default(),
    };
    for (body, wanted) in [
        (&b"token=s3cret"[..], Ok(Proof::Path)),
        (b"token=other", Err(Unproven::Wrong)),
        (b"data=%7B%22token%22:%22s3cret%22%7D", Err(Unproven::Missing)),
    ] {
        assert_eq!(callback.verify(&call(body)), wanted);
    }
    let news = callback.parse(&call(br#"data={"ids":["a","b",{}],"state":"in","id":1,"from":79001234567}"#)).unwrap();
    let told = |news: &News| match news {
        News::Told(told) => told.receipt.clone(),
        News::Inbound(inbound) => inbound.address.clone(),
        News::Standing(_) | News::Noted(_) => panic!(),
    };
    assert_eq!(news.iter().map(told).collect::<Vec<_>>(), ["a", "b", "79001234567"]);
    assert_eq!(callback.parse(&call(b"data={")), Err("its field with the news is no JSON".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_answer_and_no_callback_is_too_broken(
        status in 100u16..600,
        body in prop_oneof![json_like().prop_map(|json| json.to_string()), "\\PC{0,80}"],
        text in "\\PC{0,60}",
    ) {
        let account = ACCOUNT.with(Arc::clone);
        let out = outgoing(text);
        let answer = Answer::Http {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.clone().into_bytes(),
        };
        drop(account.provider.converse(&out, &[]).unwrap());
        drop(account.provider.converse(&out, &[answer]));
        let call = Call { method: &Method::POST, url: None, query: &[], headers: &HeaderMap::new(), body: body.as_bytes(), now: Timestamp::default() };
        drop(account.provider.callback().unwrap().parse(&call));
    }
}

thread_local! {
    static ACCOUNT: Arc<Account> = Arc::new(opened(ACME, &json!({ "key": "s3cret" })).0.unwrap());
}

/// Documents with the words of `acme` in them.
fn json_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(viewed|bad|qr|true|12|Ж|2026-11-20T23:15:00Z|99999999999999999999|.{0,9})".prop_map(Value::from),
    ];
    let key = "(ack|messages|session|status|id|mine|at|from|error|code|wait|data|sent)";
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn outgoing(text: String) -> Outgoing {
    Outgoing {
        key: "k1".to_owned(),
        contact: "ivan".to_owned(),
        address: Address { kind: AddressKind::new("whatsapp"), text: "+79001234567".to_owned() },
        priority: Priority::Normal,
        thread: None,
        reply_to: None,
        accepted_at: Timestamp::from_millis(1_795_216_440_000),
        title: None,
        text,
        format: TextFormat::Markup,
        media: None,
        in_words: None,
        form: Form::Best,
        window_open: false,
        link: None,
        callback: None,
        now: Timestamp::from_millis(1_795_216_500_123),
    }
}

/// An account whose dialect is in the file `acme.json` beside its own.
fn opened(dialect: &str, properties: &Value) -> (Option<Account>, Vec<Diagnostic>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acme.json"), dialect).unwrap();
    let mut account = json!({ "provider": "http-json", "dialect": { "file": "acme.json" } });
    account.as_object_mut().unwrap().extend(properties.as_object().unwrap().clone());
    opened_at(&folder.path().join("hooks.json"), &account)
}

fn opened_at(path: &Path, account: &Value) -> (Option<Account>, Vec<Diagnostic>) {
    let node = node::parse(&Arc::new(Source::new(path, account.to_string()))).unwrap();
    let (mut findings, mut surroundings) = (Vec::new(), Surroundings::default());
    let mut reader = Reader { form: node::Form::Full, findings: &mut findings, surroundings: &mut surroundings };
    let account = Account::open(PROVIDERS, &AccountName::new("mine"), &node, &mut reader);
    (account, findings)
}
