//! The source as text: which files there are, and which module uses which. Rough, but it sees through `use` groups.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What git tracks; in an unpacked release, which has no git, every file but what a build makes.
pub(crate) fn tracked() -> Vec<String> {
    let listed = Command::new("git").arg("-C").arg(root()).args(["ls-files", "-z"]).output();
    let mut files = match listed {
        Ok(output) if output.status.success() && root().join(".git").exists() => {
            let names = String::from_utf8(output.stdout).unwrap();
            names.split_terminator('\0').map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root(), &mut found);
            found
        }
    };
    files.retain(|file| root().join(file).is_file());
    files.sort();
    files
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true if matches!(name.as_str(), "target" | ".git" | "hookbell-state") => {}
            true => walk(&path, found),
            false => found.push(name),
        }
    }
}

/// Every Rust file under `src`, with its code: no comments, no unit tests.
pub(crate) fn code() -> BTreeMap<String, String> {
    let rust = tracked().into_iter().filter(|file| file.starts_with("src/") && file.ends_with(".rs"));
    rust.map(|file| (file.clone(), without_tests_and_comments(&read(&file)))).collect()
}

/// A file's text.
pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

fn without_tests_and_comments(text: &str) -> String {
    // At the end of a file; a line for tests in the middle of one hides nothing behind it.
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    code.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect()
}

/// The room that a file belongs to: `config` for `src/config/load.rs`. None for `lib.rs` and `main.rs`.
pub(crate) fn room(file: &str) -> Option<&str> {
    let first = file.strip_prefix("src/")?.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then_some(name)
}

/// The module path of a file: `[config, load]` for `src/config/load.rs`, `[config]` for its `mod.rs`.
fn module(file: &str) -> Vec<&str> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    path.split('/').filter(|step| !matches!(*step, "mod" | "lib" | "main")).collect()
}

/// Every path that a file's code begins with `crate`, `super` or `self`, as seen from the crate's root.
pub(crate) fn paths(file: &str, code: &str) -> Vec<Vec<String>> {
    let own: Vec<String> = module(file).into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |before| before + 1);
        if code[..start].ends_with("::") {
            continue;
        }
        let head = &code[start..at];
        let mut base = match head {
            "crate" => Vec::new(),
            "self" => own.clone(),
            "super" => own[..own.len().saturating_sub(1)].to_vec(),
            child if is_child(file, code, child) => [own.clone(), vec![child.to_owned()]].concat(),
            _ => continue,
        };
        let mut rest = &code[at + 2..];
        while let Some(after) = rest.strip_prefix("super::") {
            base.pop();
            rest = after;
        }
        expand(rest, &base, &mut found);
    }
    found
}

fn is_child(file: &str, code: &str, name: &str) -> bool {
    file.ends_with("/mod.rs") && code.lines().any(|line| line.trim_start_matches("pub ") == format!("mod {name};"))
}

/// Follows a path, and every branch of its groups, from `base` on. Returns how much of `text` it took.
fn expand(text: &str, base: &[String], found: &mut Vec<Vec<String>>) -> usize {
    if let Some(group) = text.strip_prefix('{') {
        let mut at = 0;
        loop {
            at += group[at..].len() - group[at..].trim_start().len();
            match group[at..].chars().next() {
                None => return text.len(),
                Some('}') => return at + 2,
                Some(',') => at += 1,
                Some(_) => {
                    at += expand(&group[at..], base, found);
                    // What is left of the item is ` as Name`.
                    at += group[at..].find([',', '}']).unwrap_or(group[at..].len());
                }
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let step = [base, &[text[..end].to_owned()]].concat();
    match text[end..].strip_prefix("::") {
        Some(after) if end > 0 => end + 2 + expand(after, &step, found),
        _ => {
            found.push(step);
            end
        }
    }
}

/// The file that holds what a path names: the deepest one there is.
pub(crate) fn holder(path: &[String], code: &BTreeMap<String, String>) -> Option<String> {
    (1..=path.len()).rev().find_map(|depth| {
        let stem = path[..depth].iter().collect::<PathBuf>();
        let stem = stem.to_str().unwrap();
        [format!("src/{stem}.rs"), format!("src/{stem}/mod.rs")].into_iter().find(|file| code.contains_key(file))
    })
}

#[test]
fn paths_are_found_through_groups() {
    let code = "use crate::{rule::Rule, hook::{Hook, raw::{RawHook as R, Key},}};\nuse super::Kind;\nmod x;\nx::go(); std::fs::read(a)";
    let found: Vec<String> = paths("src/provider/kinds/mod.rs", code).iter().map(|path| path.join("::")).collect();
    let wanted = [
        "rule::Rule",
        "hook::Hook",
        "hook::raw::RawHook",
        "hook::raw::Key",
        "provider::Kind",
        "provider::kinds::x::go",
    ];
    assert_eq!(found, wanted);
}
