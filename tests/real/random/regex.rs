//! Patterns in Go's syntax, and some that Go refuses.

use crate::dice::Dice;

const ATOMS: &[&str] = &[
    "a",
    "b",
    "x",
    "1",
    ".",
    "é",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\b",
    "\\B",
    "^",
    "$",
    "\\A",
    "\\z",
    "[a-z]",
    "[^a-z]",
    "[[:alpha:]]",
    "[[:^digit:]]",
    "[\\d.]",
    "[]a]",
    "[^]a]",
    "[a-]",
    "[a&&b]",
    "[a--b]",
    "[[]",
    "[\\]]",
    "\\pL",
    "\\p{Greek}",
    "\\p{^Greek}",
    "\\PN",
    "\\p{Cyrillic}",
    "[\\pL1]",
    "\\x41",
    "\\x{1F514}",
    "\\.",
    "\\-",
    "\\_",
    "\\\"",
    "\\Qa.b\\E",
    "\\Q",
    "\\n",
    "\\t",
    "\\a",
    "\\f",
    "\\v",
    "\\012",
    "\\0",
    " ",
    "#",
    "<",
    "&",
    "\\/",
    "{",
    "}",
    "{,3}",
    "]",
    "[ x]",
    "(?i)K",
    "(?i:k)",
    "\\C",
    "\u{2028}",
    "ß",
    "(?i)ſ",
];

/// What Go refuses, or may.
const ODD: &[&str] = &[
    "(?=x)",
    "(?!x)",
    "(?<=x)",
    "(?P=n)",
    "(?<n>x)",
    "\\1",
    "(",
    ")",
    "[",
    "*",
    "+",
    "?",
    "a**",
    "a*+",
    "[z-a]",
    "\\",
    "\\y",
    "\\é",
    "\\p{Nope}",
    "\\pX",
    "[[:nope:]]",
    "x{1001}",
    "x{2,1}",
    "(?z)",
    "(?i",
    "(?P<n",
    "(?P<n>x)(?P<n>y)",
    "\\x{110000}",
    "\\x4",
    "\\Z",
    "\\G",
    "\\X",
    "\\R",
    "\\h",
    "\\K",
    "(?#c)",
    "(?>x)",
    "x++",
    "(?x) a b",
    "\\u0041",
    "\\cA",
    "\\e",
    "[a-\\d]",
    "(?P<1>x)",
    "\\8",
    "x{2}{3}",
    "(x{100}){100}",
    "((x{32}){32}){2}",
    "(?:x",
    "\\p",
    "\\pé",
    "[\\b]",
    "[[.a.]]",
    "x{-1}",
    "\\<",
    "\\>",
    "\\b{start}",
    "[a[b]]",
    "[a~~b]",
];

pub(crate) fn pattern(dice: &mut Dice) -> String {
    if dice.chance(5) {
        return dice.pick(&["", "(?i)^X$", "^hello$", "a.c", "b+c", "\"k\":\"v\"", "^true$", "^\\d+$"]).to_owned();
    }
    let mut pattern = String::new();
    if dice.chance(15) {
        pattern.push_str(dice.pick(&["(?i)", "(?s)", "(?m)", "(?U)", "(?is)", "(?i-s)", "(?-m)"]));
    }
    sequence(dice, 2, &mut pattern);
    pattern
}

fn sequence(dice: &mut Dice, depth: usize, out: &mut String) {
    for _ in 0..=dice.below(3) {
        match dice.below(if depth == 0 { 12 } else { 16 }) {
            0 if dice.chance(30) => out.push_str(dice.pick(ODD)),
            12 | 13 => {
                out.push_str(dice.pick(&["(", "(?:", "(?P<n>", "(?i:", "(?s-i:"]));
                sequence(dice, depth - 1, out);
                out.push(')');
            }
            14 => {
                sequence(dice, depth - 1, out);
                out.push('|');
            }
            _ => out.push_str(dice.pick(ATOMS)),
        }
        if dice.chance(25) {
            out.push_str(dice.pick(&["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{0}", "{2}?"]));
        }
    }
}
