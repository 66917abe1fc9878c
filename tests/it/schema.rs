//! The JSON Schema says what the reader says, of every file that we show or test, and of every property that is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use hookbell::account::AddressKind;
use hookbell::config::compile::compile;
use hookbell::config::schema::schema;
use hookbell::diagnostic::{Diagnostic, Source};
use hookbell::hook::Known;
use hookbell::node::{self, Node, Value as Written, units};
use hookbell::provider::account::properties_of;
use hookbell::provider::table;
use hookbell::secret::Surroundings;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::daemon::hookbell;
use crate::fixture::fixtures;
use crate::source::{code, root, tracked};

static SCHEMA: LazyLock<Value> = LazyLock::new(schema);
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| jsonschema::draft202012::new(&SCHEMA).unwrap());

/// Where something is wrong: pointers into the file, each with what is said.
fn faults(file: &Value) -> Vec<(String, String)> {
    VALIDATOR.iter_errors(file).map(|error| (error.instance_path().to_string(), error.to_string())).collect()
}

/// The errors that the reader finds, and the file as JSON; none where it can't even be parsed.
fn read(path: &Path, text: &str) -> Option<(Vec<String>, Value)> {
    let source = Arc::new(Source::new(path, text));
    let node = node::parse(&source).ok()?;
    let compiled = compile(&[source], Known::default(), &mut Surroundings::default());
    let errors = compiled.all_findings().into_iter().filter(|finding| finding.is_error());
    Some((errors.map(Diagnostic::to_string).collect(), as_json(&node)))
}

/// What an editor sees of a file, whatever its syntax.
fn as_json(node: &Node) -> Value {
    match &node.value {
        Written::Null => Value::Null,
        Written::Scalar { text, plain: false } => json!(text),
        Written::Scalar { text, .. } => match text.as_str() {
            "true" | "yes" | "on" => json!(true),
            "false" | "no" | "off" => json!(false),
            number => number.parse::<serde_json::Number>().map_or_else(|_| json!(text), Value::Number),
        },
        Written::List(elements) => elements.iter().map(as_json).collect(),
        Written::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), as_json(&entry.value))).collect(),
    }
}

#[test]
fn it_is_a_schema_and_the_command_prints_it() {
    jsonschema::draft202012::meta::validate(&SCHEMA).unwrap();
    let output = hookbell().arg("schema").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), *SCHEMA);
    assert_eq!(hookbell().args(["schema", "x"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn what_is_shown_is_valid() {
    let files = tracked();
    let examples = files.iter().filter(|file| file.starts_with("examples/") && file.ends_with(".json"));
    let mut seen = 0;
    for file in examples.map(String::as_str).chain(["hooks.json"]) {
        let text = fs::read_to_string(root().join(file)).unwrap();
        // Files of other programs stand beside ours.
        let keys = ["accounts", "contacts", "lists", "hooks", "defaults"];
        let is_ours = |json: &Value| json.is_array() || keys.iter().any(|key| json.get(key).is_some());
        let Some((_, json)) = read(Path::new(file), &text).filter(|(_, json)| is_ours(json)) else { continue };
        assert_eq!(faults(&json), [], "{file}");
        seen += 1;
    }
    assert!(seen > 8, "only {seen} files");
}

#[test]
fn what_loads_without_an_error_is_valid() {
    let mut loaded = 0;
    for folder in ["config", "config/two-files", "config/two-files-classic"] {
        for entry in fs::read_dir(fixtures().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() || path.extension().is_some_and(|ending| ending == "findings") {
                continue;
            }
            let Some((errors, json)) = read(&path, &fs::read_to_string(&path).unwrap()) else { continue };
            if errors.is_empty() {
                assert_eq!(faults(&json), [], "{}", path.display());
                loaded += 1;
            }
        }
    }
    for entry in fs::read_dir(fixtures().join("hooks")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(case) = serde_json::from_str::<Value>(&fs::read_to_string(&path).unwrap()) else { continue };
        let Some(hooks) = case.get("hooks").filter(|hooks| hooks.is_array() || hooks.is_object()) else { continue };
        let Some((errors, json)) = read(&path, &hooks.to_string()) else { continue };
        if errors.is_empty() {
            assert_eq!(faults(&json), [], "{}", path.display());
            loaded += 1;
        }
    }
    assert!(loaded > 40, "only {loaded} files load");
}

/// A file that is all right but for what is put into its hook.
fn full(hook: Value) -> Value {
    let mut file = json!({
        "accounts": { "bell": { "provider": "console" } },
        "contacts": { "ivan": { "phone": "+79001234567" } },
        "hooks": [ { "id": "a", "send": { "to": "ivan" } } ],
    });
    merge(&mut file["hooks"][0], hook);
    file
}

fn merge(into: &mut Value, from: Value) {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
}

fn account(account: Value) -> Value {
    json!({ "accounts": { "a": account } })
}

#[test]
fn what_is_wrong_is_marked_where_it_stands() {
    let telegram = json!({ "provider": "telegram", "bot-token": "1:a" });
    let with = |key: &str, value: Value| {
        let mut changed = telegram.clone();
        changed[key] = value;
        account(changed)
    };
    for (file, place) in [
        (json!("hooks"), ""),
        (json!({ "hook": [] }), ""),
        (json!({ "hooks": {} }), "/hooks"),
        (json!({ "accounts": [] }), "/accounts"),
        (json!({ "hooks": [ { "send": { "to": "ivan" } } ] }), "/hooks/0"),
        (json!({ "hooks": [ { "id": "a" } ] }), "/hooks/0"),
        (full(json!({ "snd": {} })), "/hooks/0"),
        (full(json!({ "send": {} })), "/hooks/0/send"),
        (full(json!({ "send": { "to": "ivan", "vai": "bell" } })), "/hooks/0/send"),
        (full(json!({ "send": { "to": "ivan", "ttl": 90 } })), "/hooks/0/send/ttl"),
        (full(json!({ "send": { "to": "ivan", "ttl": "90" } })), "/hooks/0/send/ttl"),
        (full(json!({ "send": { "to": "ivan", "ttl": "0s" } })), "/hooks/0/send/ttl"),
        (full(json!({ "send": { "to": "ivan", "ttl": "1m1h" } })), "/hooks/0/send/ttl"),
        (full(json!({ "send": { "to": "ivan", "priority": "urgent" } })), "/hooks/0/send/priority"),
        (full(json!({ "send": { "to": "ivan", "priority": { "source": "url" } } })), "/hooks/0/send/priority"),
        (full(json!({ "send": { "to": { "source": "uri", "name": "to" } } })), "/hooks/0/send/to/source"),
        (full(json!({ "send": { "to": "ivan", "via": [{ "acount": "bell" }] } })), "/hooks/0/send/via/0"),
        (full(json!({ "send": { "to": "ivan", "text": { "fiel": "x" } } })), "/hooks/0/send/text"),
        (full(json!({ "token": null })), "/hooks/0/token"),
        (full(json!({ "token": { "fiel": "x" } })), "/hooks/0/token"),
        (full(json!({ "tokens": {} })), "/hooks/0/tokens"),
        (full(json!({ "require": null })), "/hooks/0/require"),
        (full(json!({ "trigger-rule": null })), "/hooks/0/trigger-rule"),
        (
            full(json!({ "trigger-rule": { "and": [{ "match": { "type": "vale" } }] } })),
            "/hooks/0/trigger-rule/and/0/match/type",
        ),
        (full(json!({ "success-http-response-code": "200" })), "/hooks/0/success-http-response-code"),
        (full(json!({ "allow-cross-site": "yes" })), "/hooks/0/allow-cross-site"),
        (full(json!({ "pass-arguments-to-command": { "source": "url" } })), "/hooks/0/pass-arguments-to-command"),
        (account(json!({})), "/accounts/a"),
        (account(json!({ "provider": "telegramm" })), "/accounts/a/provider"),
        (account(json!({ "provider": "telegram" })), "/accounts/a"),
        (account(json!({ "provider": "console", "proxy": "http://p:1" })), "/accounts/a"),
        (with("access-token", json!("x")), "/accounts/a"),
        (with("rate", json!("15")), "/accounts/a/rate"),
        (with("rate", json!("0/s")), "/accounts/a/rate"),
        (with("timeout", json!("15")), "/accounts/a/timeout"),
        (with("on-unknown", json!("giveup")), "/accounts/a/on-unknown"),
        (with("fold-after", json!(-1)), "/accounts/a/fold-after"),
        (with("base-url", json!("api.example.org")), "/accounts/a/base-url"),
        (json!({ "lists": { "admins": [] } }), "/lists/admins"),
        (json!({ "contacts": { "ivan": { "phone": {} } } }), "/contacts/ivan/phone"),
        (json!({ "defaults": { "region": "XX" } }), "/defaults/region"),
        (json!({ "defaults": { "on-failure": { "via": "a" } } }), "/defaults/on-failure"),
        // The classic form refuses little.
        (json!(["hook"]), "/0"),
        (json!([ { "id": "a", "trigger-rule": [] } ]), "/0/trigger-rule"),
        (json!([ { "id": "a", "send": { "to": "ivan", "ttl": "90" } } ]), "/0/send/ttl"),
    ] {
        let places: Vec<String> = faults(&file).into_iter().map(|(place, _)| place).collect();
        assert_eq!(places.first().map(String::as_str), Some(place), "{file}: {:?}", faults(&file));
        assert!(places.iter().all(|found| found == place), "{file}: {:?}", faults(&file));
        let (errors, _) = read(Path::new("hooks.json"), &file.to_string()).unwrap();
        assert!(!errors.is_empty(), "the reader takes {file}");
    }
}

#[test]
fn comments_nulls_and_what_the_peer_loads_are_no_mistakes() {
    for file in [
        json!({ "$schema": "./hookbell.schema.json", "// why": 1, "_off": [], "x-note": {}, "hooks": [] }),
        full(
            json!({ "//": "mine", "charset": null, "response-headers": null, "token": { "//": "made", "generated": "a" } }),
        ),
        full(json!({ "tokens": { "zabbix": ["a1", { "env": "B" }], "_old": "x" } })),
        full(json!({ "id": 7, "send": { "to": ["ivan", "ivan"], "priority": null, "message": null } })),
        account(
            json!({ "_was": 1, "provider": "command", "command": "x {{ to }}", "address": "pager", "success-codes": 3 }),
        ),
        json!([ { "ID": "a", "colour": "red", "trigger-rule": { "match": { "type": "perhaps" } } }, null ]),
    ] {
        assert_eq!(faults(&file), [], "{file}");
    }
}

/// Every property that some object of the schema has.
fn properties(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(keys) => {
            if let Some(Value::Object(properties)) = keys.get("properties") {
                found.extend(properties.keys().cloned());
            }
            keys.values().for_each(|value| properties(value, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| properties(element, found)),
        _ => {}
    }
}

#[test]
fn every_row_of_every_table_is_in_the_schema_and_everything_in_the_schema_is_a_row() {
    let mut rows = BTreeSet::new();
    for (_, text) in code()
        .iter()
        .filter(|(file, _)| !["src/provider/dialect/", "src/http/"].iter().any(|room| file.starts_with(room)))
    {
        for constructor in ["property(", "needed(", "needed_in_full(", "usual(", "guard("] {
            for (at, _) in text.match_indices(constructor) {
                let rest = text[at + constructor.len()..].trim_start();
                if let Some(name) = rest.strip_prefix('"') {
                    rows.insert(name.split('"').next().unwrap().to_owned());
                }
            }
        }
    }
    assert!(rows.len() > 50, "{rows:?}");
    rows.extend(table().iter().flat_map(properties_of).map(|row| row.name.to_owned()));
    let mut known = BTreeSet::new();
    properties(&SCHEMA, &mut known);
    let missing: Vec<_> = rows.difference(&known).collect();
    assert!(missing.is_empty(), "not in the schema: {missing:?}");
    // What is no row: sections, kinds of addresses, and where a secret is.
    let others = ["accounts", "contacts", "lists", "hooks", "defaults", "$schema"];
    let others = others.into_iter().chain(["env", "file", "credential", "generated"]).chain(AddressKind::KNOWN);
    let others: BTreeSet<String> = others.map(str::to_owned).collect();
    let more: Vec<_> = known.difference(&rows).filter(|name| !others.contains(*name)).collect();
    assert!(more.is_empty(), "in no table: {more:?}");
}

/// Every object of the schema that has properties, with those that can be written there.
#[test]
fn the_reader_knows_every_property_that_the_schema_offers() {
    let definitions = SCHEMA["$defs"].as_object().unwrap();
    let names = |definition: &str| {
        definitions[definition]["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    type Place = (&'static str, fn(&str) -> Value);
    let places: [Place; 7] = [
        ("hook", |key| json!({ "hooks": [ { key: null } ] })),
        ("send", |key| json!({ "hooks": [ { "send": { key: null } } ] })),
        ("rule", |key| json!({ "hooks": [ { "trigger-rule": { key: null } } ] })),
        ("match", |key| json!({ "hooks": [ { "trigger-rule": { "match": { key: null } } } ] })),
        ("argument", |key| json!({ "hooks": [ { "pass-arguments-to-command": [ { key: null } ] } ] })),
        ("account-telegram", |key| json!({ "accounts": { "a": { "provider": "telegram", key: null } } })),
        ("account-whatsapp-cloud", |key| json!({ "accounts": { "a": { "provider": "whatsapp-cloud", key: null } } })),
    ];
    for (definition, file) in places {
        for name in names(definition) {
            let (errors, _) = read(Path::new("hooks.json"), &file(&name).to_string()).unwrap();
            assert!(!errors.iter().any(|error| error.contains("unknown key")), "{definition}.{name}: {errors:?}");
        }
        let (errors, _) = read(Path::new("hooks.json"), &file("no-such-key").to_string()).unwrap();
        assert!(errors.iter().any(|error| error.contains("unknown key")), "{definition}: {errors:?}");
    }
}

#[test]
fn every_property_is_explained() {
    fn explained(schema: &Value, at: &str) {
        match schema {
            Value::Object(keys) => {
                for (name, property) in keys.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    let is_condition = property.get("const").is_some();
                    let help = property["description"].as_str().unwrap_or_default();
                    assert!(is_condition || help.ends_with(['.', 's']) && help.len() > 5, "{at}: {name}: {help:?}");
                }
                keys.iter().for_each(|(key, value)| explained(value, &format!("{at}/{key}")));
            }
            Value::Array(elements) => elements.iter().for_each(|element| explained(element, at)),
            _ => {}
        }
    }
    explained(&SCHEMA, "");
}

#[test]
fn its_units_are_the_reader_s() {
    type Unit = (&'static str, fn(&str) -> bool, &'static [&'static str]);
    let units: [Unit; 2] = [
        (
            "/$defs/send/properties/dedupe",
            |text| units::duration(text).is_ok(),
            &[
                "90s", "1h30m", "7d", "500ms", "0s", " 5m ", "1 h 30 m", "", "90", "1m1h", "5", "m", "1s1s", "1.5h",
                "-1s",
            ],
        ),
        (
            "/$defs/account-telegram/properties/rate",
            |text| units::rate(text).is_ok(),
            &[
                "15/s",
                "20/m",
                "1/6s burst 45",
                "1/1m30s",
                "007/s",
                "15",
                "0/s",
                "15/6",
                "15/s burst",
                "15/s burst 0",
                "/s",
                "+1/s",
            ],
        ),
    ];
    for (place, takes, texts) in units {
        let one = jsonschema::draft202012::new(SCHEMA.pointer(place).unwrap()).unwrap();
        for text in texts {
            assert_eq!(one.is_valid(&json!(text)), takes(text), "{place}: {text:?}");
        }
    }
}
