//! A trigger rule exactly as users write it: every property optional, every value with its place.

use crate::diagnostic::Diagnostic;
use crate::node::{Node, Placed, Property, Reader, Value};
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

const RULE: &[Property<RawRule>] = &[
    Property { name: "and", read: |rule, node, r| (rule.says_something, rule.and) = (true, rules(node, r)) },
    Property { name: "or", read: |rule, node, r| (rule.says_something, rule.or) = (true, rules(node, r)) },
    Property {
        name: "not",
        read: |rule, node, r| (rule.says_something, rule.not) = (true, read(node, r).map(Box::new)),
    },
    Property {
        name: "match",
        read: |rule, node, r| (rule.says_something, rule.one) = (true, node.placed(r.record(node, MATCH))),
    },
];

const MATCH: &[Property<RawMatch>] = &[
    Property { name: "type", read: |one, node, r| one.kind = r.placed_text(node) },
    Property { name: "parameter", read: |one, node, r| one.parameter = node.placed(r.record(node, PARAMETER)) },
    Property { name: "value", read: |one, node, r| one.value = hidden(node, r) },
    Property { name: "regex", read: |one, node, r| one.regex = r.placed_text(node) },
    Property {
        name: "secret",
        read: |one, node, r| {
            let before = r.findings.len();
            one.secrets = r.one_or_more(node, secret);
            one.secret_is_away = r.findings[before..].iter().any(Diagnostic::is_error);
        },
    },
    Property { name: "ip-range", read: |one, node, r| one.ip_range = r.placed_text(node) },
];

const PARAMETER: &[Property<RawParameter>] = &[
    Property { name: "source", read: |parameter, node, r| parameter.source = r.placed_text(node) },
    Property { name: "name", read: |parameter, node, r| parameter.name = r.text(node) },
    // adnanh/webhook has these two on every argument and looks at neither here.
    Property { name: "envname", read: |_, node, r| drop(r.text(node)) },
    Property {
        name: "base64decode",
        read: |_, node, r| {
            r.boolean(node);
        },
    },
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
