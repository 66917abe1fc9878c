//! The command blocks of README.md and of the Russian one: each is run, with the real program, and what it shows is compared.
//!
//! A section is one walk: a folder of its own with the shipped `hooks.json` and `examples`, one shell, its blocks in order. A
//! daemon that a block starts (`hookbell`, `hookbell -flags`) goes on in the background, as in another terminal; the next one
//! takes its place. A `console` block shows what its commands print; `…` stands for whatever there is, and one ID is as good as
//! another. A comment before a block may say
//!
//! - `first: COMMANDS`: what the reader has done by then,
//! - `not run: WHY`,
//! - `test`: it runs these tests.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::daemon::{Home, kept_port, said};
use crate::source::{read, root};

/// Where the reader's hands are played: a daemon goes to the background, and curl shows no progress.
const HANDS: &str = r#"
set -euo pipefail
hookbell() {
    case ${1:-} in
        '' | -admin | -hooks | -secure | -verbose)
            stop
            command hookbell -ip 127.0.0.1 -port "$PORT" "$@" >>"$LOG" 2>&1 &
            daemon=$!
            local tries
            for ((tries = 0; tries < 500; tries++)); do
                ! grep -q 'listening on' "$LOG" || return 0
                kill -0 "$daemon" || return 1
                sleep 0.02
            done
            return 1
            ;;
        *) command hookbell "$@" ;;
    esac
}
stop() {
    [[ -z ${daemon:-} ]] || { kill "$daemon" && wait "$daemon"; } || true
    : >"$LOG"
    daemon=
}
trap stop EXIT
"#;

/// What of a text stands between two fences, or is to be done before it.
#[derive(Debug, Default)]
struct Block {
    /// The line of the file that its fence stands at.
    line: usize,
    language: String,
    /// The comment above it, without its marks.
    note: String,
    text: String,
}

impl Block {
    fn is_run(&self) -> bool {
        matches!(&*self.language, "sh" | "console")
    }

    fn left_out(&self) -> Option<&str> {
        let why = self.note.strip_prefix("not run: ");
        why.or_else(|| (self.note == "test").then_some(&*self.note))
    }

    /// Its commands, and the lines that each shows; None: it does not say.
    fn commands(&self) -> Vec<(String, Option<Vec<String>>)> {
        if self.language == "sh" {
            return vec![(self.text.clone(), None)];
        }
        let mut commands: Vec<(String, Option<Vec<String>>)> = Vec::new();
        for line in self.text.lines() {
            match (line.strip_prefix("$ "), commands.last_mut()) {
                (Some(command), _) => commands.push((command.to_owned(), Some(Vec::new()))),
                (None, Some((_, Some(shown)))) => shown.push(line.to_owned()),
                (None, _) => panic!("line {}: output before a command", self.line),
            }
        }
        commands
    }
}

/// A heading, and the blocks below it.
fn sections(text: &str) -> Vec<(String, Vec<Block>)> {
    let mut sections = vec![(String::new(), Vec::new())];
    let (mut open, mut note): (Option<Block>, String) = (None, String::new());
    for (at, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let language = language.to_owned();
                open = Some(Block { line: at + 1, language, note: std::mem::take(&mut note), text: String::new() });
            }
            (Some(_), Some(_)) => sections.last_mut().unwrap().1.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, None) => {
                if let Some(heading) = line.strip_prefix("## ") {
                    sections.push((heading.to_owned(), Vec::new()));
                } else if let Some(comment) = line.strip_prefix("<!-- ") {
                    comment.strip_suffix(" -->").unwrap().clone_into(&mut note);
                } else if !line.is_empty() {
                    note.clear();
                }
            }
        }
    }
    sections
}

/// Whether `line` is what `shown` says.
fn alike(shown: &str, line: &str) -> bool {
    let (shown, line) = (without_ids(shown), without_ids(line));
    let Some((begins, rest)) = shown.split_once('…') else { return shown == line };
    let Some(mut left) = line.strip_prefix(begins) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let ends = parts.pop().unwrap();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(ends)
}

/// One ID in place of all: 26 letters and digits, of which the first is a digit.
fn without_ids(line: &str) -> String {
    let is_id =
        |word: &str| word.len() == 26 && word.starts_with("01") && word.bytes().all(|b| b.is_ascii_alphanumeric());
    line.split_inclusive(' ').map(|word| if is_id(word.trim_end()) { "ID " } else { word }).collect()
}

/// Whether all of `lines` are shown; a line of nothing but `…` stands for any number of them.
fn all_alike(shown: &[String], lines: &[&str]) -> bool {
    match (shown.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "…" => (0..=lines.len()).any(|skip| all_alike(rest, &lines[skip..])),
        (Some((first, shown)), Some((line, lines))) => alike(first, line) && all_alike(shown, lines),
        _ => false,
    }
}

/// Runs a section's blocks; the error says what went otherwise.
fn walk(file: &str, heading: &str, blocks: &[Block]) {
    let home = Home::new();
    fs::copy(root().join("hooks.json"), home.path("hooks.json")).unwrap();
    symlink(root().join("examples"), home.path("examples")).unwrap();
    home.write(".curlrc", "silent\nshow-error\n");
    fs::create_dir(home.path("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_hookbell"), home.path("bin/hookbell")).unwrap();
    let ((_kept, port), (_too, admin)) = (kept_port(), kept_port());
    let (port, admin) = (port.port(), admin.port());

    let mut script = HANDS.to_owned();
    let mut shown = Vec::new();
    for block in blocks.iter().filter(|block| block.is_run() && block.left_out().is_none()) {
        if let Some(first) = block.note.strip_prefix("first: ") {
            script += &format!("{{ {first}; }} >/dev/null 2>&1\n");
        }
        for (command, expected) in block.commands() {
            script += &format!("exec >said.{0} 2>&1\n{command}\n", shown.len());
            shown.push((block.line, command, expected));
        }
    }
    script = script
        .replace("localhost:9000", &format!("localhost:{port}"))
        .replace("127.0.0.1:9001", &format!("127.0.0.1:{admin}"));
    let path = format!("{}:{}", home.path("bin").display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(home.path(""))
        .env_clear()
        // So that no daemon of this machine is asked.
        .envs([("PATH", &*path), ("RUNTIME_DIRECTORY", "hookbell-state"), ("STATE_DIRECTORY", "hookbell-state")])
        .env("PORT", port.to_string())
        .envs([("CURL_HOME", home.path("").display().to_string()), ("LOG", home.path("log").display().to_string())])
        .output()
        .unwrap();
    for (at, (line, command, expected)) in shown.iter().enumerate() {
        let printed = fs::read_to_string(home.path(&format!("said.{at}"))).unwrap_or_default();
        let last = !home.path(&format!("said.{}", at + 1)).exists();
        let log = fs::read_to_string(home.path("log")).unwrap_or_default();
        assert!(
            !last || output.status.success(),
            "{file}:{line}: {heading}: it fails:\n{command}\n{printed}\n{}\n{log}",
            said(&output)
        );
        let lines: Vec<&str> = printed.lines().collect();
        let fits = expected.as_ref().is_none_or(|expected| all_alike(expected, &lines));
        assert!(fits, "{file}:{line}: {heading}: another output:\n$ {command}\n{printed}");
    }
}

fn follow(file: &str) {
    let mut run = 0;
    std::thread::scope(|scope| {
        for (heading, blocks) in sections(&read(file)) {
            run += blocks.iter().filter(|block| block.is_run() && block.left_out().is_none()).count();
            scope.spawn(move || walk(file, &heading, &blocks));
        }
    });
    assert!(run > 5, "{file}: only {run} blocks are run");
}

#[test]
fn what_the_readme_shows_works() {
    follow("README.md");
}

#[test]
fn what_the_russian_readme_shows_works() {
    follow("examples/ru/README.md");
}
