//! Rules: every kind, nested, and wrong in every way that loads.

use super::hooks::{Marks, argument, scalar};
use super::node::Node;
use super::{regex, words};
use crate::dice::Dice;

pub(crate) const SECRETS: &[&str] = &["k3y", "s", "ключ"];

/// A rule, and in `marks` what a request needs to know of it.
pub(crate) fn rule(dice: &mut Dice, depth: usize, marks: &mut Marks) -> Node {
    let mut entries = Vec::new();
    let kinds = if dice.chance(4) { dice.below(3) } else { 1 };
    for _ in 0..kinds {
        entries.push(match dice.below(if depth == 0 { 1 } else { 7 }) {
            1 | 2 => ("and", list(dice, depth, marks)),
            3 | 4 => ("or", list(dice, depth, marks)),
            5 => ("not", rule(dice, depth - 1, marks)),
            _ => ("match", one_match(dice, marks)),
        });
    }
    // The same key twice is another test.
    entries.sort_by_key(|(key, _)| *key);
    entries.dedup_by_key(|(key, _)| *key);
    if dice.chance(1) { Node::raw("null") } else { Node::map(entries) }
}

fn list(dice: &mut Dice, depth: usize, marks: &mut Marks) -> Node {
    Node::List(dice.some(3, |dice| rule(dice, depth - 1, marks)))
}

fn one_match(dice: &mut Dice, marks: &mut Marks) -> Node {
    let mut entries = match dice.below(10) {
        0..=2 => vec![("type", Node::text("value")), ("value", scalar(dice, marks))],
        3..=5 => vec![("type", Node::text("regex")), ("regex", Node::text(&regex::pattern(dice)))],
        6 | 7 => hmac(dice, marks),
        8 => vec![("type", Node::text("ip-whitelist")), ("ip-range", Node::text(&ranges(dice)))],
        _ if dice.chance(50) => {
            marks.scalr = true;
            vec![("type", Node::text("scalr-signature")), ("secret", Node::text(secret(dice)))]
        }
        _ => vec![("type", Node::text(dice.pick(&["frobnicate", "", "Value"]))), ("value", Node::text("x"))],
    };
    if dice.chance(97) {
        let parameter = argument(dice, marks);
        // Each program sees a port of its own there.
        let has_port = parameter.written().to_lowercase().contains("remote-addr");
        let method = || Node::map(vec![("source", Node::text("request")), ("name", Node::text("method"))]);
        entries.push(("parameter", if has_port { method() } else { parameter }));
    }
    Node::map(entries)
}

fn secret(dice: &mut Dice) -> &'static str {
    if dice.chance(5) { "" } else { dice.pick(SECRETS) }
}

fn hmac(dice: &mut Dice, marks: &mut Marks) -> Vec<(&'static str, Node)> {
    let length = dice.pick(&["sha1", "sha256", "sha512"]);
    let kind = if dice.chance(90) { "hmac" } else { "hash" };
    let secret = secret(dice);
    marks.signatures.push((length, secret));
    vec![("type", Node::text(&format!("payload-{kind}-{length}"))), ("secret", Node::text(secret))]
}

fn ranges(dice: &mut Dice) -> String {
    const RANGES: &[&str] = &[
        "127.0.0.1",
        "127.0.0.1/32",
        "127.0.0.0/8",
        "127.9.9.9/8",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "::/0",
        "::1/128",
        "::ffff:127.0.0.1/128",
        "::ffff:0:0/96",
        "bogus",
        "127.0.0.1/33",
        "127.0.0.01",
        "127.0.0.1/08",
        "127.0.0.1/",
        "127.1",
        "/8",
        "10.0.0.0/8,127.0.0.1",
    ];
    let count = dice.below(4);
    let blank = dice.pick(&[" ", "  ", "\t", "\n"]);
    (0..count).map(|_| dice.pick(RANGES)).collect::<Vec<_>>().join(blank)
}

/// The parameter's text is most often one that a request has.
pub(crate) fn compared(dice: &mut Dice) -> String {
    if dice.chance(60) { dice.pick(&["x", "1", "true", "y"]).to_owned() } else { words::text(dice) }
}
