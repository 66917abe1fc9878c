//! `check --compat`, and the table of the README that it speaks of.

use std::collections::BTreeSet;

use hookbell::cli::compat::{Deviation, NEWEST, ON_PURPOSE};

use crate::daemon::Home;
use crate::fixture::fixtures;
use crate::source::{read, tracked};

const TOUCHED: &str = r#"[
  { "id": "a", "execute-command": " ", "success-http-response-code": 103 },
  { "id": "b", "execute-command": "true", "response-message": "\/" },
  { "id": "b", "execute-command": "true", "http-methods": "POST" },
  { "id": "c", "execute-command": "true", "token": "0123456789", "response-message": 1e3 },
  { "id": "d", "execute-command": "true", "trigger-rule": { "or": [
    { "match": { "type": "payload-hmac-sha1", "secret": "x", "parameter": { "source": "header", "name": "s" } } },
    { "match": { "type": "ip-whitelist", "ip-range": "::1 10.0.0.0/8" } }
  ] } },
  { "id": "e", "execute-command": "true", "incoming-payload-content-type": "application/json", "trigger-rule":
    { "match": { "type": "payload-hmac-sha1", "secret": "x", "parameter": { "source": "header", "name": "s" } } } },
  { "id": "f", "execute-command": "true", "response-message": "no \\/ here, \\ud83d", "x": [[[1]]] },
  { "id": 010, "execute-command": "true" },
  { "id": "8", "execute-command": "true" }
]
"#;

#[test]
fn differences_are_told_with_hook_and_place() {
    let home = Home::with(TOUCHED);
    home.write("full.json", r#"{ "hooks": [ { "id": "g", "run": "true" } ] }"#);
    home.write("empty.json", "");
    home.write("template.json", "[ { \"id\": \"{{ cat \"/none\" }}{{ range .x }}{{ end }}\" } ]");
    let (_, said) =
        home.output(&["check", "-compat", "-template", "hooks.json", "full.json", "empty.json", "template.json"]);
    let told: Vec<&str> = said.lines().filter(|line| line.contains(": webhook: ")).collect();
    let shown: Vec<String> = told.iter().map(|line| line.split(": webhook: ").next().unwrap().to_owned()).collect();
    let expected = [
        "empty.json:1:1: row 9",
        "full.json:1:1: row 20",
        "hooks.json:2:35: [0].execute-command: hook \"a\": row 1",
        "hooks.json:2:70: [0].success-http-response-code: hook \"a\": row 5",
        "hooks.json:3:63: [1].response-message: hook \"b\": row 6",
        "hooks.json:4:3: [2]: hook \"b\": row 7",
        "hooks.json:5:43: [3].token: hook \"c\": row 21",
        "hooks.json:5:86: [3].response-message: hook \"c\": row N4",
        "hooks.json:7:16: [4].trigger-rule.or[0].match: hook \"d\": row 23",
        "hooks.json:8:54: [4].trigger-rule.or[1].match.ip-range: hook \"d\": row 24",
        "hooks.json:14:3: [8]: hook \"8\": row 7",
        "template.json:1:15: row N3",
        "template.json:1:32: row 19",
    ];
    assert_eq!(shown, expected, "{said}");
    assert!(told[2].ends_with(
        "webhook: some requests and files end it with a panic, for one a command of blanks; here: answers, and goes on"
    ));
    let (code, said) = Home::with(r#"[ { "id": "a", "execute-command": "true" } ]"#).output(&["check", "--compat"]);
    assert!(code == Some(0) && said.starts_with("0 differences from adnanh/webhook"), "{said}");
}

/// The rows of a table in the README: number, and what stands in the other columns.
fn rows(letter: &str) -> Vec<(String, String, String)> {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("## If you come from adnanh/webhook").unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").map(str::to_owned);
        let row = (cells.next()?, cells.next()?, cells.next()?);
        assert!(cells.next().is_none(), "{line}");
        let number = row.0.strip_prefix(letter)?;
        number.parse::<usize>().is_ok().then_some(row)
    });
    cells.collect()
}

#[test]
fn the_readme_has_every_row_and_every_row_its_proof() {
    for (letter, table) in [("", ON_PURPOSE), ("N", NEWEST)] {
        let expected = table.iter().enumerate().map(|(at, Deviation { peer, ours, .. })| {
            (format!("{letter}{}", at + 1), (*peer).to_owned(), (*ours).to_owned())
        });
        let expected: Vec<_> = expected.collect();
        assert_eq!(rows(letter), expected);
    }
    let rust: Vec<String> = tracked().iter().filter(|file| file.ends_with(".rs")).map(|file| read(file)).collect();
    let tests: BTreeSet<&str> = rust
        .iter()
        .flat_map(|text| text.split("fn ").skip(1))
        .filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
        .collect();
    for Deviation { proof, .. } in ON_PURPOSE.iter().chain(NEWEST) {
        assert!(tests.contains(proof) || fixtures().join(proof).is_file(), "there is no {proof}");
    }
}
