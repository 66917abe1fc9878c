//! A trigger rule exactly as users write it: every property optional, every value with its place.

use super::kind::words;
use crate::diagnostic::Diagnostic;
use crate::node::Shape::{self, Boolean, List, Object, OneOrMore, PeerWords, Text};
use crate::node::{Node, Placed, Property, Reader, Table, Value, needed_in_full, property, rows};
use crate::request::parameter::Source;
use crate::secret::Secret;

/// One rule; of several properties the first counts.
#[derive(Default)]
pub struct RawRule {
    /// `and`
    pub and: Option<Placed<Vec<Placed<RawRule>>>>,
    /// `or`
    pub or: Option<Placed<Vec<Placed<RawRule>>>>,
    /// `not`
    pub not: Option<Box<Placed<RawRule>>>,
    /// `match`
    pub one: Option<Placed<RawMatch>>,
    /// Whether one of them stands there, read well or not.
    pub says_something: bool,
}

/// `match` as users write it.
#[derive(Default)]
pub struct RawMatch {
    /// `type`
    pub kind: Option<Placed<String>>,
    /// `parameter`
    pub parameter: Option<Placed<RawParameter>>,
    /// `value`
    pub value: Option<Secret>,
    /// `regex`
    pub regex: Option<Placed<String>>,
    /// `secret`: one, or several while it is being changed.
    pub secrets: Vec<Placed<Secret>>,
    /// Whether a secret is meant that can't be had; that has been told.
    pub secret_is_away: bool,
    /// `ip-range`
    pub ip_range: Option<Placed<String>>,
}

/// `parameter` as users write it.
#[derive(Default)]
pub struct RawParameter {
    /// `source`
    pub source: Option<Placed<String>>,
    /// `name`
    pub name: Option<String>,
}

/// The tables by their names in the schema.
pub const RULES: Table = Table { name: "rule", rows: || rows(RULE) };
const MATCHES: Table = Table { name: "match", rows: || rows(MATCH) };
const PARAMETERS: Table = Table { name: "match-parameter", rows: || rows(PARAMETER) };

const RULE: &[Property<RawRule>] = &[
    property("and", List(&Object(RULES)), "Satisfied if all of these are.", |rule, node, r| {
        (rule.says_something, rule.and) = (true, rules(node, r))
    }),
    property("or", List(&Object(RULES)), "Satisfied if one of these is.", |rule, node, r| {
        (rule.says_something, rule.or) = (true, rules(node, r))
    }),
    property("not", Object(RULES), "Satisfied if this is not.", |rule, node, r| {
        (rule.says_something, rule.not) = (true, read(node, r).map(Box::new))
    }),
    property("match", Object(MATCHES), "One test of the call.", |rule, node, r| {
        (rule.says_something, rule.one) = (true, node.placed(r.record(node, MATCH)))
    }),
];

const MATCH: &[Property<RawMatch>] = &[
    needed_in_full("type", PeerWords(words), "What is tested.", |one, node, r| one.kind = r.placed_text(node)),
    property("parameter", Object(PARAMETERS), "The value that is tested.", |one, node, r| {
        one.parameter = node.placed(r.record(node, PARAMETER))
    }),
    property("value", Text, "What the value must be equal to, for the type value.", |one, node, r| {
        one.value = hidden(node, r)
    }),
    property("regex", Text, "What the value must match, in the syntax of Go, for the type regex.", |one, node, r| {
        one.regex = r.placed_text(node)
    }),
    property(
        "secret",
        OneOrMore(&Shape::Secret),
        "What the call is signed with, for the types of signatures; several while it is being changed.",
        |one, node, r| {
            let before = r.findings.len();
            one.secrets = r.one_or_more(node, secret);
            one.secret_is_away = r.findings[before..].iter().any(Diagnostic::is_error);
        },
    ),
    property(
        "ip-range",
        Text,
        "The addresses that may call, such as 192.0.2.0/24, for the type ip-whitelist.",
        |one, node, r| one.ip_range = r.placed_text(node),
    ),
];

const PARAMETER: &[Property<RawParameter>] = &[
    needed_in_full("source", PeerWords(Source::words), "Where in the call the value is.", |parameter, node, r| {
        parameter.source = r.placed_text(node)
    }),
    property("name", Text, "Its name there: `a.b.0` reaches into objects and lists.", |parameter, node, r| {
        parameter.name = r.text(node)
    }),
    // adnanh/webhook has these two on every argument and looks at neither here.
    property("envname", Text, "Means nothing here.", |_, node, r| drop(r.text(node))),
    property("base64decode", Boolean, "Means nothing here.", |_, node, r| {
        r.boolean(node);
    }),
];

/// Reads a rule.
pub fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<RawRule>> {
    match node.value {
        // upstream: a `null` inside a list is an empty rule.
        Value::Null => node.placed(Some(RawRule::default())),
        _ => node.placed(reader.record(node, RULE)),
    }
}

fn rules(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<Vec<Placed<RawRule>>>> {
    node.placed(reader.list(node, |r, node| read(node, r)))
}

/// A text that must not be seen: what is compared with a token is that token.
fn hidden(node: &Node, reader: &mut Reader<'_>) -> Option<Secret> {
    node.place.source.hide(node.place.span.clone());
    reader.text(node).map(Secret::new)
}

/// One secret. An empty text is one here: it is judged when the rule is compiled, for the peer loads it.
fn secret(reader: &mut Reader<'_>, node: &Node) -> Option<Placed<Secret>> {
    let secret = match &node.value {
        Value::Scalar { text, .. } if text.is_empty() => Some(Secret::new("")),
        Value::Null => Some(Secret::new("")),
        _ => reader.secret(node),
    };
    node.placed(secret)
}
