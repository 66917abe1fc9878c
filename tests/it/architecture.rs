//! The plan of the house is kept: floors, doors, nevers, sizes, tables.

use std::collections::{BTreeMap, BTreeSet};

use hookbell::cli::flags::SERVE;
use hookbell::cli::help;
use hookbell::cli::parse::Takes;
use hookbell::provider::dialects;
use hookbell::provider::kinds::KINDS;

use crate::source::{code, holder, paths, read, room, tracked};

/// A room may use only floors below its own.
const FLOORS: &[&[&str]] = &[
    &["account", "clock", "diagnostic", "metrics", "secret", "tasks", "url"],
    &["go", "node", "process"],
    &["contact", "request"],
    &["intake", "message", "rule", "template"],
    &["outbox", "provider"],
    &["dispatch", "hook"],
    &["action", "config"],
    &["http"],
    &["app"],
    &["cli"],
];

/// Rooms of the two towers that never reach each other, whatever the floors allow.
const NEVERS: &[(&[&str], &[&str])] = &[
    (&["rule", "request", "hook"], &["outbox", "dispatch", "provider"]),
    (&["outbox", "dispatch", "provider"], &["hook", "rule", "request", "config", "http"]),
];

/// Where an outside crate, or a part of one, may be named: files, or folders that end with a slash.
const DOORS: &[(&str, &[&str])] = &[
    ("hyper::", &["src/http/", "src/dispatch/transport/"]),
    ("hyper_util::", &["src/http/", "src/dispatch/transport/"]),
    ("hyper_rustls::", &["src/dispatch/transport/"]),
    ("http_body_util::", &["src/http/", "src/dispatch/transport/"]),
    ("rusqlite::", &["src/outbox/"]),
    ("notify::", &["src/config/watch.rs"]),
    ("std::process::Command", &["src/process.rs", "src/process/"]),
    ("std::process::Stdio", &["src/process.rs", "src/process/"]),
    ("tokio::process::", &["src/process.rs", "src/process/"]),
    ("tokio::spawn", &["src/tasks.rs"]),
    ("shell_words::", &["src/template.rs", "src/template/"]),
    ("minijinja::", &["src/template.rs", "src/template/"]),
    ("percent_encoding::", &["src/url.rs"]),
    ("prometheus_client::", &["src/metrics.rs", "src/metrics/"]),
    ("granit_parser::", &["src/node/"]),
    ("serde::Deserialize", &["src/provider/kinds/", "src/http/api.rs"]),
    ("nix::", &["src/app/privileges.rs", "src/process/ends.rs"]),
    ("tokio_rustls::", &["src/http/tls/", "src/dispatch/transport/"]),
    ("lettre::", &["src/provider/kinds/smtp/", "src/dispatch/transport/smtp/"]),
    ("idna::", &["src/provider/kinds/smtp/"]),
    ("listenfd::", &["src/app/systemd.rs"]),
    ("sd_notify::", &["src/app/systemd.rs"]),
    ("tracing_subscriber::", &["src/cli/log.rs", "src/cli/log/"]),
    ("anyhow::", &["src/cli/", "src/main.rs"]),
];

/// What may stand at the top beside dot-files.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bench",
    "examples",
    "hooks.json",
    "packaging",
    "src",
    "systemd",
    "tests",
];

const LINES: usize = 400;
const TEST_LINES: usize = 120;

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn nothing(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn rooms_use_lower_floors_only() {
    let mut found = Vec::new();
    for (file, text) in &code() {
        let Some(own) = room(file) else { continue };
        let Some(here) = floor(own) else {
            found.push(format!("{file}: the room `{own}` has no floor"));
            continue;
        };
        for path in paths(file, text) {
            let target = path[0].as_str();
            let forbidden = |(from, to): &(&[&str], &[&str])| from.contains(&own) && to.contains(&target);
            // Macros and constants of the crate's root have no floor; there are none.
            let lower = floor(target).is_some_and(|there| there < here);
            if target != own && (!lower || NEVERS.iter().any(forbidden)) {
                found.push(format!("{file}: may not use `{}`", path.join("::")));
            }
        }
    }
    nothing(&found);
}

#[test]
fn outside_crates_come_in_by_their_doors() {
    let mut found = Vec::new();
    for (file, text) in &code() {
        for (name, doors) in DOORS {
            let named = text.match_indices(name).any(|(at, _)| {
                !text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            });
            let open = doors.iter().any(|door| file == door || door.ends_with('/') && file.starts_with(door));
            if named && !open {
                found.push(format!("{file}: `{name}` belongs to {}", doors.join(", ")));
            }
        }
        // A group of std's or tokio's hides its members from the list above.
        for group in ["std::process::{", "use std::{", "use tokio::{"] {
            if text.contains(group) && room(file) != Some("process") {
                found.push(format!("{file}: write `{group}…}}` as single imports"));
            }
        }
    }
    nothing(&found);
}

#[test]
fn files_do_not_go_in_circles() {
    let code = code();
    let mut uses: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in &code {
        // `pub use child::Noun` gives a noun its address and uses nothing.
        let text: String =
            text.lines().filter(|line| !line.starts_with("pub use ")).map(|l| l.to_owned() + "\n").collect();
        let targets = paths(file, &text).into_iter().filter_map(|path| holder(&path, &code));
        uses.insert(file, targets.filter(|target| target != file).collect());
    }
    // What uses nothing that is left is taken away; what then remains goes in circles, or leads to one.
    loop {
        let left: BTreeSet<String> = uses.keys().map(|file| (*file).to_owned()).collect();
        let before = uses.len();
        uses.retain(|_, targets| targets.iter().any(|target| left.contains(target)));
        if uses.len() == before {
            break;
        }
    }
    nothing(&uses.iter().map(|(file, targets)| format!("{file} uses {targets:?}")).collect::<Vec<_>>());
}

#[test]
fn kinds_do_not_know_each_other() {
    let mut found = Vec::new();
    for (file, text) in &code() {
        let Some((folder, own)) = file.split_once("/kinds/").filter(|(_, own)| *own != "mod.rs") else { continue };
        let kinds = format!("{}::kinds::", folder.trim_start_matches("src/"));
        for path in paths(file, text).iter().map(|path| path.join("::")) {
            let own = own.trim_end_matches(".rs").split('/').next().unwrap();
            if path.strip_prefix(&kinds).is_some_and(|kind| kind.split("::").next() != Some(own)) {
                found.push(format!("{file}: may not use `{path}`"));
            }
        }
    }
    nothing(&found);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let mut found = Vec::new();
    for file in tracked().iter().filter(|file| file.starts_with("src/")) {
        let text = read(file);
        let tests = text.split_once("#[cfg(test)]\nmod tests {").map_or(0, |(_, tests)| tests.lines().count());
        if text.lines().count() > LINES || tests > TEST_LINES {
            found.push(format!("{file}: {} lines, {tests} of tests", text.lines().count()));
        }
    }
    nothing(&found);
}

#[test]
fn nothing_new_stands_at_the_top() {
    let files = tracked();
    let top: BTreeSet<&str> = files.iter().map(|file| file.split('/').next().unwrap()).collect();
    nothing(
        &top.into_iter().filter(|n| !n.starts_with('.') && !TOP.contains(n)).map(str::to_owned).collect::<Vec<_>>(),
    );
}

#[test]
fn the_table_of_providers_is_the_folder_and_the_fixtures() {
    let files = tracked();
    let names = |folder: &str, end: &str| -> BTreeSet<String> {
        let inside = files.iter().filter_map(|file| file.strip_prefix(folder)?.strip_suffix(end));
        inside.filter(|name| *name != "mod" && !name.contains('/')).map(|name| name.replace('_', "-")).collect()
    };
    let table: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(table, names("src/provider/kinds/", ".rs"), "table and folder");
    let spoken: BTreeSet<String> = dialects::all().iter().map(|dialect| dialect.name.to_owned()).collect();
    assert_eq!(spoken, names("src/provider/dialects/", ".json"), "dialects and folder");
    let all: Vec<String> = hookbell::provider::table().iter().map(|kind| kind.name.to_owned()).collect();
    assert_eq!(all, names("tests/fixtures/providers/", ".json").into_iter().collect::<Vec<_>>(), "all and fixtures");
    assert!(KINDS.windows(2).all(|pair| pair[0].name < pair[1].name), "keep the table in order");
}

#[test]
fn every_flag_and_every_variable_is_told() {
    let usage = help::usage();
    let environment = help::help(Some("environment")).unwrap();
    for flag in SERVE.iter().filter(|flag| flag.takes != Takes::NotYet) {
        assert!(usage.contains(&format!("  -{} ", flag.name)), "-{}", flag.name);
        assert!(flag.variable().is_none_or(|name| usage.contains(&format!("${name})"))), "-{}", flag.name);
    }
    let mut found = Vec::new();
    // A build script is told by cargo.
    for (file, text) in code().iter().filter(|(file, _)| !file.ends_with("/build.rs")) {
        for call in ["env::var(\"", "env::var_os(\""] {
            for (at, _) in text.match_indices(call) {
                let name = text[at + call.len()..].split('"').next().unwrap();
                if !environment.contains(name) {
                    found.push(format!("{file}: `hookbell help environment` does not tell of {name}"));
                }
            }
        }
    }
    nothing(&found);
}
