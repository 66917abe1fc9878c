//! `-template`: a classic file is a template, which is executed before the file is read.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::raw::{RawFile, is_empty};
use crate::diagnostic::{Diagnostic, Origin, Path, Place, Source};
use crate::go::template::eval::render;
use crate::go::template::{Fault, Host, Rendered};
use crate::node::{self, Form, Node, Value};
use crate::request::parameter::{self as request, Parameter};
use crate::secret::Surroundings;

/// What is to be read in the place of files.
#[derive(Default)]
pub(super) struct Executed {
    /// What templates yield, and files that are none as they are.
    pub(super) texts: Vec<Arc<Source>>,
    /// What was found.
    pub(super) findings: Vec<Diagnostic>,
    /// Files that yield nothing that could be read.
    pub(super) failed: BTreeSet<PathBuf>,
}

impl Executed {
    /// Executes what is a template. Files of the full form are none: there `{{ }}` has a meaning of its own.
    pub(super) fn of(files: &[Arc<Source>], surroundings: &mut Surroundings) -> Executed {
        let mut executed = Executed::default();
        for file in files {
            match execute(file, surroundings, &mut executed.findings) {
                Some(text) => executed.texts.push(text),
                None => drop(executed.failed.insert(file.path.clone())),
            }
        }
        executed
    }
}

fn execute(file: &Arc<Source>, around: &mut Surroundings, findings: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
    if !file.text.contains("{{") {
        return Some(file.clone());
    }
    if is_full(file) {
        findings.extend(forgotten(file));
        return Some(file.clone());
    }
    let Rendered { text, pieces, yields, doubts } = match render(&file.text, &mut Outside(around)) {
        Ok(rendered) => rendered,
        Err(fault) => {
            findings.push(wrong(file, fault));
            return None;
        }
    };
    findings.extend(doubts.into_iter().map(|doubt| {
        let place = place(file, doubt.span.clone());
        Diagnostic { help: doubt.help, ..Diagnostic::warning(&place, doubt.message) }
    }));
    let origin = Origin::new(file.text.clone(), pieces, yields);
    let rendered = Arc::new(Source::rendered(&file.path, text, origin));
    if is_empty(&rendered.text) {
        let message = "the template yields nothing; for no hooks it must yield []";
        findings.push(Diagnostic::error(&place(file, 0..0), message));
        return None;
    }
    Some(rendered)
}

/// Whether a file is of the full form; most others show by their first bracket that they are not.
fn is_full(file: &Arc<Source>) -> bool {
    let is_list = file.text.trim_start().starts_with('[');
    !is_list && node::parse(file).is_ok_and(|node| RawFile::form_of(&node) == Form::Full)
}

/// Reads a file, or what a template in it yields.
pub(super) fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    match node::parse(source) {
        Ok(node) if source.is_rendered() && RawFile::form_of(&node) == Form::Full => {
            let message = "only a list of hooks can be a template, and this yields an object";
            let help = "take the {{ }} out; for a secret write { \"env\": NAME } or { \"credential\": NAME }";
            Err(Diagnostic::error(&node.place, message).help(help))
        }
        Err(finding) if finding.place.as_ref().is_some_and(|place| source.is_made(place.span.start)) => {
            Err(finding.help("between double quotes write {{ … | js }}"))
        }
        read => read,
    }
}

fn place(file: &Arc<Source>, span: std::ops::Range<usize>) -> Place {
    Place { source: file.clone(), span, path: Path::default() }
}

fn wrong(file: &Arc<Source>, Fault { span, message, help }: Fault) -> Diagnostic {
    Diagnostic { help, ..Diagnostic::error(&place(file, span), format!("in the template: {message}")) }
}

/// Where a text looks like a template.
fn action_in(text: &str) -> Option<usize> {
    let action = text.match_indices("{{").find(|(at, _)| {
        let inside = text.get(at + 2..).unwrap_or_default().trim_start_matches(['-', ' ']);
        ["getenv ", "credential ", "cat "].iter().any(|word| inside.starts_with(word))
    });
    action.map(|(at, _)| at)
}

/// Says of files that can't be read and look like templates how they are started.
pub(super) fn suspect(findings: &mut [Diagnostic], unparsed: &BTreeSet<PathBuf>) {
    for finding in findings {
        let source = finding.place.as_ref().map(|place| &place.source).filter(|source| unparsed.contains(&source.path));
        if source.is_some_and(|source| action_in(&source.text).is_some()) {
            finding.help = Some("is this file a template? then start with -template".to_owned());
        }
    }
}

/// A list of hooks that somebody takes for a template, and that is read as it stands: a secret in it is its own text.
pub(super) fn unexecuted(file: &Arc<Source>) -> Option<Diagnostic> {
    let at = action_in(&file.text)?;
    let finding = Diagnostic::warning(&place(file, at..at + 2), "without -template this stays as it is");
    (!is_full(file)).then(|| finding.help("start with -template"))
}

/// A full file that somebody takes for a template.
fn forgotten(file: &Arc<Source>) -> Option<Diagnostic> {
    let at = action_in(&file.text)?;
    let finding =
        Diagnostic::warning(&place(file, at..at + 2), "-template is for lists of hooks; here this stays as it is");
    Some(finding.help("write { \"env\": NAME } or { \"credential\": NAME } in the place of the text"))
}

/// A shorter text is no secret, and would leave holes in every line of a log.
const LEAST_GUARDED: usize = 8;

/// What a template made of a hook: no log of its calls shows it. As it was written, and as the reader reads it.
pub(super) fn guarded(hook: &Node) -> Vec<Parameter> {
    let made = hook.place.source.made(&hook.place.span).filter(|text| text.len() >= LEAST_GUARDED);
    let read = |text: &str| match node::parse(&Arc::new(Source::new("", text))).map(|node| node.value) {
        Ok(Value::Scalar { text, .. }) => Some(text),
        _ => None,
    };
    let texts = made.flat_map(|text| [Some(text.to_owned()), read(text), read(&format!("\"{text}\""))]);
    let texts: BTreeSet<String> = texts.flatten().filter(|text| text.len() >= LEAST_GUARDED).collect();
    texts.into_iter().map(|name| Parameter { source: request::Source::String, name }).collect()
}

/// What templates take from outside. Files are remembered, so that a change of one is a change of the configuration.
struct Outside<'a>(&'a mut Surroundings);

impl Host for Outside<'_> {
    fn getenv(&mut self, name: &str) -> Result<String, String> {
        // A name that the system can't have is one that is not set.
        if name.is_empty() || name.contains(['=', '\0']) {
            return Ok(String::new());
        }
        match std::env::var_os(name).map(std::ffi::OsString::into_string) {
            None => Ok(String::new()),
            Some(value) => value.map_err(|_| format!("the environment variable {name} is not UTF-8")),
        }
    }

    /// upstream: internal/hook/hook.go cat.
    fn cat(&mut self, path: &str) -> Result<String, String> {
        let mut text = self.0.file(std::path::Path::new(path))?;
        if text.ends_with('\n') {
            text.pop();
        }
        Ok(text)
    }

    /// upstream: internal/hook/hook.go credential.
    fn credential(&mut self, name: &str) -> Result<String, String> {
        match self.0.credentials.clone().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => self.cat(&folder.join(name).to_string_lossy()),
            None => self.getenv(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a file holds, it is executed and read to its end, and every place in what it yields is one in the file.
        #[test]
        fn any_file_is_executed_or_refused_and_every_place_is_in_the_file(
            text in r#"(\{\{-? |-? ?\}\}|"x" |print 1|\.|if 0 |else|end|\[|\]|\{ ?"|[a"':, \n]|Ж|\\'|\PC){0,40}"#
        ) {
            let file = Arc::new(Source::new("hooks.json", text));
            let executed = Executed::of(std::slice::from_ref(&file), &mut Surroundings::default());
            for finding in &executed.findings {
                drop((finding.rendered(false), finding.to_string()));
            }
            for read in &executed.texts {
                for at in 0..=read.text.len() {
                    let place = Place { source: read.clone(), span: at..read.text.len(), path: Path::default() };
                    let (line, _) = place.line_column();
                    prop_assert!(line <= file.text.matches('\n').count() + 1);
                    drop(Diagnostic::error(&place, "x").rendered(false));
                }
            }
        }
    }

    #[test]
    fn what_was_copied_keeps_its_place() {
        let text = "{{- /* a\n */ -}}\n[ {{ print 1 }},\n{{ if 1 }} \"Ж\", {{ end }}\n x ]";
        let file = Arc::new(Source::new("hooks.json", text));
        let executed = Executed::of(&[file], &mut Surroundings::default());
        let [read] = executed.texts.as_slice() else { panic!("{:?}", executed.findings) };
        assert_eq!(read.text, "[ 1,\n \"Ж\", \n x ]");
        let found = |word: &str| read.line_column(read.text.find(word).unwrap());
        assert_eq!([found("["), found("1"), found("Ж"), found("x")], [(3, 1), (3, 3), (4, 13), (5, 2)]);
    }
}
