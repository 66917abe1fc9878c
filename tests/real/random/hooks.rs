//! Hooks: every property, in every shape that a file may give it.

use super::node::Node;
use super::rules::rule;
use super::words;
use crate::dice::Dice;

/// What a request, or a judge of differences, needs to know of a hook.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// Lengths and secrets of its signatures.
    pub(crate) signatures: Vec<(&'static str, &'static str)>,
    /// Whether it looks at `X-Signature` and `Date`.
    pub(crate) scalr: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Hook {
    pub(crate) id: String,
    pub(crate) node: Node,
    pub(crate) marks: Marks,
}

/// Scalars that YAML 1.1 makes something else of than a reader thinks.
const ODD_SCALARS: &[&str] = &[
    "1",
    "010",
    "yes",
    "No",
    "on",
    "true",
    "FALSE",
    "y",
    "n",
    "1.50",
    "1.0",
    "0x1F",
    "0b11",
    "0o17",
    "~",
    "null",
    "",
    "'x'",
    "'it''s'",
    "x",
    "12:30:45",
    "2020-01-02",
    "+5",
    "-0",
    "1_000",
    ".5",
    "4.50",
    "16777217.25",
    "123456789012345678901234",
    "1e3",
    "1e+3",
    "!!str 5",
    "\"\\u00e9\"",
    "\"\\x41\\e\\_\"",
    "\"a\\\n  b\"",
    "plain words",
    "-1",
    "1.",
    "0.1",
    "1e-7",
    "100000000",
    "1000000.5",
    "0.00001",
    "08",
    "0x",
    "9223372036854775808",
    "-9223372036854775809",
    "<<",
    "=",
    "!!binary aGk=",
    "1.5e+300",
    "\"\\N\\L\\P\"",
    "TRUE",
    "Y",
    "Null",
    "-.5",
    "+.5",
    "1__0",
    "_1",
    "1_",
    "0.",
    "00",
    "-010",
    "0x_1F",
];

/// Text in any shape.
pub(crate) fn scalar(dice: &mut Dice, _marks: &mut Marks) -> Node {
    if dice.chance(12) { Node::raw(dice.pick(ODD_SCALARS)) } else { Node::text(&super::rules::compared(dice)) }
}

fn boolean(dice: &mut Dice) -> Node {
    if dice.chance(97) {
        Node::raw("true")
    } else {
        Node::raw(dice.pick(&["yes", "on", "Y", "no", "null", "~", "\"true\"", "1"]))
    }
}

fn code(dice: &mut Dice) -> Node {
    const CODES: &[&str] = &[
        "200", "201", "202", "203", "204", "205", "206", "226", "299", "301", "302", "304", "306", "307", "400", "401",
        "404", "418", "419", "425", "429", "499", "500", "503", "511", "512", "599", "600", "999", "1000", "0", "-5",
        "201.0", "0xC9", "0311", "2_01", "null", "2.01e+2", "99",
    ];
    if dice.chance(2) { Node::raw(dice.pick(&["\"201\"", "201.5", "true", "[]"])) } else { Node::raw(dice.pick(CODES)) }
}

/// An argument of any source.
pub(crate) fn argument(dice: &mut Dice, _marks: &mut Marks) -> Node {
    let (source, name) = match dice.below(40) {
        0..=11 => ("payload", words::path(dice)),
        12..=17 => (dice.pick(&["url", "query"]), words::path(dice)),
        18..=22 => ("header", dice.pick(HEADER_NAMES).to_owned()),
        23 | 24 => ("string", words::text(dice)),
        25..=30 => ("entire-payload", String::new()),
        31 => ("entire-query", String::new()),
        32 => ("entire-headers", String::new()),
        33..=35 => ("raw-request-body", String::new()),
        36..=38 => ("request", dice.pick(&["method", "METHOD", "remote-addr", "Remote-Addr", "path", ""]).to_owned()),
        _ => (dice.pick(&["Payload", "bogus", ""]), words::path(dice)),
    };
    let mut entries = vec![("source", Node::text(source))];
    if !name.is_empty() || dice.chance(50) {
        entries.push(("name", Node::text(&name)));
    }
    if dice.chance(1) {
        entries.remove(0);
    }
    Node::map(entries)
}

const HEADER_NAMES: &[&str] = &[
    "X-A",
    "x-a",
    "x-B",
    "x_u",
    "X.Y",
    "Host",
    "content-length",
    "Content-Type",
    "transfer-encoding",
    "user-agent",
    "x-sig",
    "X-Sig",
    "x a",
    "",
    "missing",
    "connection",
    "Accept",
    "é",
];

fn arguments(dice: &mut Dice, most: usize, marks: &mut Marks) -> Node {
    Node::List(dice.some(most, |dice| argument(dice, marks)))
}

/// Arguments with names of variables, or of files.
fn named_arguments(dice: &mut Dice, names: &[&str], files: bool, marks: &mut Marks) -> Node {
    let mut make = |dice: &mut Dice| {
        let Node::Map(mut entries) = argument(dice, marks) else { unreachable!("an argument is a map") };
        if dice.chance(if files { 90 } else { 60 }) {
            entries.push(("envname".to_owned(), Node::text(dice.pick(names))));
        }
        if files && dice.chance(50) {
            entries.push(("base64decode".to_owned(), boolean(dice)));
        }
        Node::Map(entries)
    };
    Node::List(dice.some(4, &mut make))
}

/// A hook that can be called by this id.
pub(crate) fn hook(dice: &mut Dice, id: &str) -> Hook {
    let mut marks = Marks::default();
    let mut entries = vec![("id", Node::text(id))];
    entries.extend(action(dice, &mut marks));
    if dice.chance(20) {
        entries.push(("incoming-payload-content-type", Node::text(dice.pick(super::bodies::TYPES))));
    }
    if dice.chance(15) {
        let method = |dice: &mut Dice| Node::text(dice.pick(&["GET", "POST", " post ", "Put", "get", "*", ""]));
        entries.push(("http-methods", Node::List(dice.some(3, method))));
    }
    if dice.chance(25) {
        entries.push(("success-http-response-code", code(dice)));
    }
    if dice.chance(25) {
        let header = |dice: &mut Dice| {
            // Other control characters go out as they are from the peer; hyper sends none.
            let kept = |letter: &char| !letter.is_control() || "\r\n\t".contains(*letter);
            let value: String = words::text(dice).chars().filter(kept).collect();
            let name =
                dice.pick(&["X-Foo", "x-FOO", "Content-Type", "Location", "x_y", "Cache-Control", "X-G", "a b", ""]);
            Node::map(vec![("name", Node::text(name)), ("value", Node::text(&value))])
        };
        entries.push(("response-headers", Node::List(dice.some(3, header))));
    }
    if dice.chance(50) {
        entries.push(("trigger-rule", rule(dice, 3, &mut marks)));
        if dice.chance(40) {
            entries.push(("trigger-rule-mismatch-http-response-code", code(dice)));
        }
        if dice.chance(40) {
            entries.push(("trigger-signature-soft-failures", boolean(dice)));
        }
    }
    if dice.chance(20) {
        let parsed = |dice: &mut Dice| {
            let source = dice.pick(&["payload", "payload", "header", "url", "query", "string", "bogus"]);
            let name = if dice.chance(90) { dice.pick(&["a", "b", "c", "p", "x-a", "n", "é"]) } else { "a.b" };
            Node::map(vec![("source", Node::text(source)), ("name", Node::text(name))])
        };
        entries.push(("parse-parameters-as-json", Node::List(dice.some(3, parsed))));
    }
    if dice.chance(5) {
        entries.push((dice.pick(&["comment", "x-note", "respnse-message"]), Node::text("?")));
    }
    let node = Node::Map(entries.into_iter().map(|(key, value)| (cased(dice, key), value)).collect());
    Hook { id: id.to_owned(), node, marks }
}

/// A key, which a file may write in any case.
fn cased(dice: &mut Dice, key: &str) -> String {
    if dice.chance(2) { key.to_uppercase() } else { key.to_owned() }
}

/// What it runs, and how that is told.
fn action(dice: &mut Dice, marks: &mut Marks) -> Vec<(&'static str, Node)> {
    let mut entries = match dice.below(20) {
        0..=12 => tell(dice, marks),
        13..=15 => {
            return vec![("execute-command", Node::text("/bin/true")), ("response-message", scalar(dice, marks))];
        }
        16 | 17 => shell(dice, "printf %s \"$1\"", marks),
        18 => {
            let script =
                dice.pick(&["echo out; echo err >&2; exit 3", "kill -9 $$", "exit 1", "echo out", "printf '\\377\\0'"]);
            shell(dice, script, marks)
        }
        _ => vec![("execute-command", Node::text(dice.pick(COMMANDS)))],
    };
    if dice.chance(96) {
        entries.push(("include-command-output-in-response", boolean(dice)));
    }
    if dice.chance(40) {
        entries.push(("include-command-output-in-response-on-error", boolean(dice)));
    }
    if dice.chance(30) {
        entries.push(("response-message", scalar(dice, marks)));
    }
    if dice.chance(15) {
        let folder = dice.pick(&[
            "@PROGRAMS@",
            "@DIR@",
            "/",
            ".",
            "./",
            "/bin",
            "tests/fixtures/programs",
            "/nowhere",
            "",
            "/usr/..",
        ]);
        entries.push(("command-working-directory", Node::text(folder)));
    }
    entries
}

const COMMANDS: &[&str] = &[
    "true",
    "false",
    "printf",
    "@PROGRAMS@/name",
    "name",
    "./name",
    "deep/../name",
    "/nowhere/x",
    "",
    "/bin/echo foo",
    "@PROGRAMS@/no-shebang",
    "@PROGRAMS@/not-executable",
    "@PROGRAMS@",
    "@PROGRAMS@/no-interpreter",
    "pwd",
    "../bin/true",
    "tests/fixtures/programs/name",
    "tell",
];

fn tell(dice: &mut Dice, marks: &mut Marks) -> Vec<(&'static str, Node)> {
    const VARIABLES: &[&str] = &["V", "V", "HOOK_a", "A.B", "x-y", "PATH2", "é", "a b"];
    const FILES: &[&str] = &["FILE_A", "FILE_B", "FILE_A", "FILE_*x", "FILE/x", "file.a"];
    let mut entries = vec![
        ("execute-command", Node::text("@PROGRAMS@/tell")),
        ("pass-arguments-to-command", arguments(dice, 5, marks)),
    ];
    if dice.chance(60) {
        entries.push(("pass-environment-to-command", named_arguments(dice, VARIABLES, false, marks)));
    }
    if dice.chance(25) {
        entries.push(("pass-file-to-command", named_arguments(dice, FILES, true, marks)));
    }
    entries
}

fn shell(dice: &mut Dice, script: &str, marks: &mut Marks) -> Vec<(&'static str, Node)> {
    let word = |text: &str| Node::map(vec![("source", Node::text("string")), ("name", Node::text(text))]);
    let arguments = vec![word("-c"), word(script), word("sh"), argument(dice, marks)];
    vec![("execute-command", Node::text("/bin/sh")), ("pass-arguments-to-command", Node::List(arguments))]
}
