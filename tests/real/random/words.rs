//! Words that hooks and requests have in common, so that one often speaks of the other.

use crate::dice::Dice;

const KEYS: &[&str] = &["a", "b", "c", "a.b", "x.y", "0", "1", "", "é", "k k", "A", "root", "n", "sig", "x-a", "p"];

pub(crate) const TEXTS: &[&str] = &[
    "",
    "x",
    "y",
    "1",
    "1.0",
    "true",
    "<nil>",
    "null",
    "a,b",
    "a b",
    "<&>é",
    "line\nbreak",
    "tab\tand\rreturn",
    "\u{7f}",
    "\u{1}",
    "\u{2028}",
    "{\"k\":1,\"a\":{\"b\":2}}",
    "{\"k\":1.50} junk",
    "[1,2]",
    "aGVsbG8=",
    "aGVs\nbG8=",
    "aGVsbG8",
    "aGVsbG8!xx",
    "_-8=",
    "aGVsbG8=trail",
    "привет",
    "🔔",
    "-n",
    "--help",
    "$(id)",
    "%41",
    "\\",
    "\"",
    "'",
    "<html>",
    "  <!DOCTYPE html>",
    "<?xml ?>",
    "%PDF-1",
    "GIF89a",
    "127.0.0.1",
    "abc123",
    "xxbbbcyy",
    "K",
];

pub(crate) const HEADERS: &[&str] = &["X-A", "x-a", "X-B", "X_u", "x.y", "User-Agent", "Accept", "X-Sig"];

/// One of the texts, or a long one.
pub(crate) fn text(dice: &mut Dice) -> String {
    match dice.below(40) {
        0 => "long ".repeat(dice.below(900)),
        1 => "\u{8}\u{c}".to_owned(),
        _ => dice.pick(TEXTS).to_owned(),
    }
}

/// A key, of which some come so often that hooks and requests meet.
pub(crate) fn key(dice: &mut Dice) -> &'static str {
    if dice.chance(60) { dice.pick(&["a", "b", "n"]) } else { dice.pick(KEYS) }
}

/// A path of a parameter.
pub(crate) fn path(dice: &mut Dice) -> String {
    match dice.below(10) {
        0 => dice.pick(&["a.01", "a.+1", "a.-1", "a.9", "q.", ".q", "a..b", "n.x"]).to_owned(),
        1..=4 => key(dice).to_owned(),
        _ => (0..=dice.below(3)).map(|_| key(dice)).collect::<Vec<_>>().join("."),
    }
}
