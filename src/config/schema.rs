//! A JSON Schema of the files, for editors: they complete what may stand there, explain it, and mark what may not.
//!
//! It is made of the same tables that the files are read by. Where it can't say what the reader knows (which names
//! there are, what a template may hold) it is the laxer of the two: what loads without an error is never marked.
//! Alternatives are told apart by their JSON type with `if`, not listed in a `oneOf`: so a mistake is marked where it
//! stands, and not at the whole of what it stands in.

use serde_json::{Map, Value, json};

use super::defaults::DEFAULT_ROWS;
use super::raw::SECTIONS;
use crate::account::AddressKind;
use crate::hook::properties::HOOKS;
use crate::hook::via;
use crate::node::units::{DURATION_PATTERN, RATE_PATTERN, SOME_TIME_PATTERN};
use crate::node::{About, COMMENTS, Form, Needed, Shape, Table};
use crate::provider::account::properties_of;
use crate::provider::{Open, table};
use crate::secret::SECRET_SOURCES;

/// The schema of a file in either form.
pub fn schema() -> Value {
    let mut full = Writer { form: Form::Full, definitions: Map::new() };
    let sections = full.sections();
    let mut classic = Writer { form: Form::Classic, definitions: Map::new() };
    let hooks = classic.shape(&Shape::List(&Shape::Object(HOOKS)));
    full.definitions.append(&mut classic.definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hookbell",
        "description": "Hooks, and whom they ring. A list is read as adnanh/webhook reads its hooks.json.",
        "type": ["object", "array"],
        "if": { "type": "array" },
        "then": hooks,
        "else": sections,
        "$defs": full.definitions,
    })
}

/// Writes the schema of one form.
struct Writer {
    form: Form,
    /// Tables that have been written, by name.
    definitions: Map<String, Value>,
}

/// What may stand in one place, by what JSON calls its type.
#[derive(Default)]
struct Parts {
    scalar: Option<Value>,
    list: Option<Value>,
    object: Option<Value>,
}

impl Writer {
    fn sections(&mut self) -> Value {
        let mut properties = Map::new();
        for (name, help) in SECTIONS {
            let mut section = match name {
                "accounts" => {
                    let account = self.account();
                    self.named(account)
                }
                "contacts" => {
                    let contact = self.contact();
                    self.named(contact)
                }
                "lists" => {
                    let some = json!({ "type": "array", "minItems": 1, "items": self.shape(&Shape::Text) });
                    let list = Parts { list: Some(some), ..self.parts(&Shape::Text) };
                    self.named(list.joined())
                }
                "hooks" => self.shape(&Shape::List(&Shape::Object(HOOKS))),
                "defaults" => self.shape(&Shape::Object(DEFAULT_ROWS)),
                _ => json!({ "type": "string" }),
            };
            put(&mut section, "description", json!(help));
            properties.insert(name.to_owned(), section);
        }
        self.closed(properties)
    }

    /// An account: what it may have depends on its provider.
    fn account(&mut self) -> Value {
        let mut branches = Vec::new();
        let kinds = table();
        for kind in &kinds {
            let name = format!("account-{}", kind.name);
            let mut account = self.object(&properties_of(kind));
            put(&mut account, "description", json!(kind.help));
            if matches!(kind.open, Open::Described(file) if file.is_open()) {
                put(&mut account, "additionalProperties", json!(true));
            }
            self.definitions.insert(name.clone(), account);
            let is_it = json!({ "properties": { "provider": { "const": kind.name } }, "required": ["provider"] });
            branches.push(json!({ "if": is_it, "then": { "$ref": format!("#/$defs/{name}") } }));
        }
        let names: Vec<_> = kinds.iter().map(|kind| kind.name).collect();
        let list: Vec<_> = kinds.iter().map(|kind| format!("{}: {}", kind.name, kind.help)).collect();
        let provider = json!({ "enum": names, "description": list.join("\n") });
        let account = json!({
            "type": "object", "required": ["provider"], "properties": { "provider": provider }, "allOf": branches,
        });
        self.definitions.insert("account".to_owned(), account);
        json!({ "$ref": "#/$defs/account" })
    }

    /// A contact: `command` accounts may make up kinds of addresses, so that any text may stand there.
    fn contact(&mut self) -> Value {
        let mut properties = Map::new();
        for kind in AddressKind::KNOWN {
            let mut address = self.shape(&Shape::Text);
            let phone = if AddressKind::new(kind).is_phone() { ", a phone number in international form" } else { "" };
            put(&mut address, "description", json!(format!("The contact's {kind} address{phone}.")));
            properties.insert(kind.to_owned(), address);
        }
        let mut ways = self.shape(&Shape::OneOrMore(&via::SHAPE));
        let help = "The accounts that this contact is rather reached by, in order of preference.";
        put(&mut ways, "description", json!(help));
        properties.insert("via".to_owned(), ways);
        let other = self.shape(&Shape::Text);
        let mut contact = self.closed(properties);
        put(&mut contact, "additionalProperties", other);
        self.definitions.insert("contact".to_owned(), contact);
        json!({ "$ref": "#/$defs/contact" })
    }

    /// An object of names that the file gives.
    fn named(&self, value: Value) -> Value {
        json!({ "type": "object", "patternProperties": comments(), "additionalProperties": value })
    }

    /// An object that has these properties and no others; in the classic form others are only warned of.
    fn closed(&self, properties: Map<String, Value>) -> Value {
        let mut object = json!({ "type": "object", "properties": properties });
        if self.form == Form::Full {
            put(&mut object, "patternProperties", comments());
            put(&mut object, "additionalProperties", json!(false));
        }
        object
    }

    fn object(&mut self, rows: &[About]) -> Value {
        let properties = rows.iter().map(|row| (row.name.to_owned(), self.property(row))).collect();
        let mut object = self.closed(properties);
        let is_needed = |row: &&About| match row.needed {
            Needed::No => false,
            Needed::InFull => self.form == Form::Full,
            Needed::Always => true,
        };
        let needed: Vec<_> = rows.iter().filter(is_needed).map(|row| row.name).collect();
        if !needed.is_empty() {
            put(&mut object, "required", json!(needed));
        }
        object
    }

    /// One property, where `null` leaves the default.
    fn property(&mut self, row: &About) -> Value {
        let mut value = self.parts(&row.takes).or_null().joined();
        if row.guards && self.form == Form::Full {
            put(&mut value, "not", json!({ "type": "null" }));
        }
        put(&mut value, "description", json!(row.help));
        if !row.default.is_empty() {
            let written = match row.takes {
                Shape::Boolean | Shape::Integer(..) => row.default.parse().unwrap_or_else(|_| json!(row.default)),
                _ => json!(row.default),
            };
            put(&mut value, "default", written);
        }
        value
    }

    fn shape(&mut self, shape: &Shape) -> Value {
        let parts = self.parts(shape);
        // upstream: an element of a list that is null is an empty one.
        if self.form == Form::Classic { parts.or_null().joined() } else { parts.joined() }
    }

    fn parts(&mut self, shape: &Shape) -> Parts {
        let scalar = |value| Parts { scalar: Some(value), ..Parts::default() };
        let pattern = |pattern: &str| scalar(json!({ "type": ["string"], "pattern": pattern }));
        match shape {
            Shape::Text | Shape::File | Shape::Directory | Shape::Program => scalar(text()),
            Shape::Pattern(expression) => scalar(json!({ "type": ["string", "number"], "pattern": expression })),
            Shape::PeerWords(words) if self.form == Form::Classic => {
                let mut any = text();
                put(&mut any, "examples", json!(words()));
                scalar(any)
            }
            Shape::Words(words) | Shape::PeerWords(words) => scalar(json!({ "type": ["string"], "enum": words() })),
            Shape::Boolean => scalar(json!({ "type": ["boolean"] })),
            Shape::Integer(least, most) => scalar(json!({ "type": ["integer"], "minimum": least, "maximum": most })),
            Shape::Duration => pattern(DURATION_PATTERN),
            Shape::SomeTime => pattern(SOME_TIME_PATTERN),
            Shape::Rate => pattern(RATE_PATTERN),
            Shape::Secret => Parts { object: Some(self.source("secret", &SECRET_SOURCES)), ..scalar(text()) },
            Shape::TextOrFile => Parts { object: Some(self.source("text", &["file"])), ..scalar(text()) },
            Shape::Callers => {
                let secrets = self.shape(&Shape::OneOrMore(&Shape::Secret));
                let callers = json!({ "type": ["object"], "minProperties": 1, "additionalProperties": secrets });
                Parts { object: Some(callers), ..self.parts(&Shape::OneOrMore(&Shape::Secret)) }
            }
            Shape::Object(table) => Parts { object: Some(self.table(table)), ..Parts::default() },
            Shape::Map(each) => {
                let each = self.shape(each);
                Parts { object: Some(self.named(each)), ..Parts::default() }
            }
            Shape::List(each) => {
                let list = json!({ "type": ["array"], "items": self.shape(each) });
                Parts { list: Some(list), ..Parts::default() }
            }
            Shape::OneOrMore(each) => Parts { list: self.parts(&Shape::List(each)).list, ..self.parts(each) },
            Shape::Either(shapes) => shapes.iter().fold(Parts::default(), |all, shape| {
                let Parts { scalar, list, object } = self.parts(shape);
                Parts { scalar: all.scalar.or(scalar), list: all.list.or(list), object: all.object.or(object) }
            }),
        }
    }

    /// A reference to a table, which is written at the first of them.
    fn table(&mut self, table: &Table) -> Value {
        let name = match self.form {
            Form::Full => table.name.to_owned(),
            Form::Classic => format!("classic-{}", table.name),
        };
        if !self.definitions.contains_key(&name) {
            // Taken before it is written: rules hold rules.
            self.definitions.insert(name.clone(), Value::Null);
            let mut object = self.object(&(table.rows)());
            if table.name == HOOKS.name && self.form == Form::Full {
                put(&mut object, "anyOf", something_to_do());
            } else {
                put(&mut object, "type", json!(["object", "null"]));
            }
            self.definitions.insert(name.clone(), object);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// An object that says where something is: one of these keys.
    fn source(&mut self, what: &str, keys: &[&str]) -> Value {
        let name = format!("{what}-source");
        let properties = keys.iter().map(|key| (*key, json!({ "type": "string", "description": source_help(key) })));
        let one = keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>();
        let mut object = json!({
            "type": "object",
            "properties": properties.collect::<std::collections::BTreeMap<_, _>>(),
            "patternProperties": comments(),
            "additionalProperties": false,
        });
        put(&mut object, "oneOf", json!(one));
        self.definitions.insert(name.clone(), object);
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

impl Parts {
    /// The same, or null.
    fn or_null(mut self) -> Parts {
        if let Some(part) = self.scalar.as_mut().or(self.object.as_mut()).or(self.list.as_mut()) {
            if let Some(Value::Array(types)) = part.get_mut("type") {
                types.push(json!("null"));
            }
            if let Some(Value::Array(words)) = part.get_mut("enum") {
                words.push(Value::Null);
            }
        }
        self
    }

    /// One schema that tells the parts apart.
    fn joined(self) -> Value {
        let Parts { scalar, list, object } = self;
        let other = match (scalar, object) {
            (Some(scalar), Some(object)) => json!({ "if": { "type": "object" }, "then": object, "else": scalar }),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return list.unwrap_or(Value::Bool(true)),
        };
        match list {
            Some(list) => json!({ "if": { "type": "array" }, "then": list, "else": other }),
            None => other,
        }
    }
}

/// A text: an unquoted number or boolean is taken for its words.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

/// What a hook in the full form must have, if it is not switched off.
fn something_to_do() -> Value {
    let required = |name: &str| json!({ "required": [name] });
    let off = json!({ "required": ["enabled"], "properties": { "enabled": { "const": false } } });
    json!([required("send"), required("run"), required("execute-command"), off])
}

fn source_help(key: &str) -> &'static str {
    match key {
        "env" => "The environment variable that holds it.",
        "file" => "The file that holds it; relative to the file that this stands in.",
        "credential" => "The name of a credential that systemd hands over: LoadCredential=NAME:PATH in the unit.",
        _ => "A name: it is made at the first load, and `hookbell token NAME` prints it.",
    }
}

/// Keys that are comments.
fn comments() -> Value {
    json!({ format!("^({})", COMMENTS.join("|")): true })
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(object) = object {
        object.insert(key.to_owned(), value);
    }
}
