//! `fixtures/config`: files with mistakes, or none, and exactly what is told about each.
//!
//! A case is a file, or a folder of files that are read together, and beside it `NAME.findings`: a line for each finding,
//! `severity [file:]line:column path: message | help`, of which message and help may be the part that matters.
//! With `WRITE_FINDINGS` set what is found is written there, for a person to read over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookbell::config::compile::compile;
use hookbell::diagnostic::{Diagnostic, Severity, Source};
use hookbell::hook::Known;
use hookbell::secret::Surroundings;

use crate::fixture::fixtures;

/// One line of what is told: severity, place and path, message, help.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    place: String,
    message: String,
    help: String,
}

impl Line {
    fn of(finding: &Diagnostic, many: bool) -> Line {
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        let place = finding.place.as_ref().map_or_else(String::new, |place| {
            let (line, column) = place.line_column();
            let file = if many { format!("{}:", place.source.path.display()) } else { String::new() };
            format!(" {file}{line}:{column} {}", place.path)
        });
        let place = format!("{severity}{place}").trim_end().to_owned();
        Line { place, message: finding.message.clone(), help: finding.help.clone().unwrap_or_default() }
    }

    fn read(text: &str) -> Line {
        let (place, rest) = text.split_once(": ").unwrap_or_else(|| panic!("no place in {text}"));
        let (message, help) = rest.split_once(" | ").unwrap_or((rest, ""));
        Line { place: place.to_owned(), message: message.to_owned(), help: help.to_owned() }
    }

    fn written(&self) -> String {
        let help = if self.help.is_empty() { String::new() } else { format!(" | {}", self.help) };
        format!("{}: {}{help}", self.place, self.message)
    }

    /// Whether this is what `expected` wants; help that is not expected is none.
    fn fits(&self, expected: &Line) -> bool {
        let helps = if expected.help.is_empty() { self.help.is_empty() } else { self.help.contains(&expected.help) };
        self.place == expected.place && self.message.contains(&expected.message) && helps
    }
}

/// Everything that is told about the files at `path`.
fn found(path: &Path) -> Vec<Line> {
    let many = path.is_dir();
    let mut files = match many {
        true => fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![path.to_owned()],
    };
    files.sort();
    let source = |file: &PathBuf| {
        let name = file.strip_prefix(if many { path } else { file.parent().unwrap() }).unwrap();
        Arc::new(Source::new(name, fs::read_to_string(file).unwrap()))
    };
    let sources: Vec<_> = files.iter().map(source).collect();
    let compiled = compile(&sources, Known::default(), &mut Surroundings::default());
    compiled.all_findings().into_iter().map(|finding| Line::of(finding, many)).collect()
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = fixtures().join("config");
    let mut cases: BTreeMap<PathBuf, Option<PathBuf>> = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "findings") {
            cases.entry(path).or_default();
        } else {
            cases.insert(path.with_extension("findings"), Some(path));
        }
    }
    let write = std::env::var_os("WRITE_FINDINGS").is_some();
    let mut faults = Vec::new();
    for (findings, path) in &cases {
        let name = findings.file_stem().unwrap().to_str().unwrap();
        let Some(path) = path else {
            faults.push(format!("{name}: findings of no file"));
            continue;
        };
        let found = found(path);
        let written = found.iter().map(|line| line.written() + "\n").collect::<String>();
        if write {
            fs::write(findings, &written).unwrap();
        }
        let expected = fs::read_to_string(findings).unwrap_or_default();
        let lines: Vec<Line> = expected.lines().map(Line::read).collect();
        if lines.len() != found.len() || !found.iter().zip(&lines).all(|(found, expected)| found.fits(expected)) {
            faults.push(format!("{name}\n expected\n{expected} found\n{written}"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
    assert!(!cases.is_empty(), "no fixtures");
}
