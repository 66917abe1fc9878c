//! Where each deviation touches a file.

use std::sync::Arc;

use crate::config::compile::Compiled;
use crate::diagnostic::{Diagnostic, Path, Place, Source};
use crate::hook::properties;
use crate::node::{self, Entry, Node, Value};

/// The properties of adnanh/webhook.
const PEER: [&str; 18] = [
    "id",
    "execute-command",
    "command-working-directory",
    "response-message",
    "response-headers",
    "success-http-response-code",
    "incoming-payload-content-type",
    "http-methods",
    "include-command-output-in-response",
    "include-command-output-in-response-on-error",
    "parse-parameters-as-json",
    "pass-arguments-to-command",
    "pass-environment-to-command",
    "pass-file-to-command",
    "trigger-rule",
    "trigger-rule-mismatch-http-response-code",
    "trigger-signature-soft-failures",
    "base64decode",
];

/// The deepest list or object that is no surprise.
const DEEP: usize = 100;

/// Files as they were read, and what became of them.
pub struct Checked<'c> {
    files: Vec<File>,
    compiled: &'c Compiled,
}

struct File {
    source: Arc<Source>,
    /// What is in it; `None` where it can't be read.
    root: Option<Node>,
}

impl File {
    /// The hooks of a list.
    fn hooks(&self) -> &[Node] {
        match self.root.as_ref().map(|root| &root.value) {
            Some(Value::List(hooks)) => hooks,
            _ => &[],
        }
    }

    fn place(&self, at: usize, length: usize) -> Place {
        // What is looked for in the file as written stands in no text that was read.
        let source = Arc::new(Source::new(&self.source.path, self.source.written()));
        Place { source, span: at..at + length, path: Path::default() }
    }
}

impl<'c> Checked<'c> {
    /// Reads the texts again; they were read before, so there is nothing new to tell.
    pub fn of(texts: Vec<Arc<Source>>, compiled: &'c Compiled) -> Checked<'c> {
        let files = texts.into_iter().map(|source| File { root: node::parse(&source).ok(), source });
        Checked { files: files.collect(), compiled }
    }

    /// The id of the hook that stands around a place.
    pub fn hook_at(&self, place: &Place) -> Option<String> {
        let file =
            self.files.iter().find(|file| Arc::ptr_eq(&file.source, &place.source) || file.source == place.source)?;
        let around = |hook: &&Node| hook.place.span.start <= place.span.start && place.span.end <= hook.place.span.end;
        Some(id_of(file.hooks().iter().find(around)?).unwrap_or_default().to_owned())
    }

    fn hooks(&self) -> impl Iterator<Item = &Node> {
        self.files.iter().flat_map(File::hooks)
    }

    /// Values of this property of classic hooks.
    fn property<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Node> {
        self.hooks()
            .flat_map(entries)
            .filter(move |entry| entry.key.eq_ignore_ascii_case(name))
            .map(|entry| &entry.value)
    }

    /// Every value of classic hooks that `test` is true for.
    fn values(&self, test: impl Fn(&Node) -> bool) -> Vec<Place> {
        let mut found = Vec::new();
        self.hooks().for_each(|hook| walk(hook, &mut |node| found.extend(test(node).then(|| node.place.clone()))));
        found
    }

    /// Every object with a `type` that `test` is true for: the matches of rules.
    fn matches(&self, test: impl Fn(&str) -> bool) -> Vec<&Node> {
        let mut found = Vec::new();
        for rule in self.property("trigger-rule") {
            walk(rule, &mut |node| {
                if child(node, "type").and_then(text).is_some_and(&test) {
                    found.push(node);
                }
            });
        }
        found
    }

    /// What a file's text has as it was written, each with its place.
    fn written(&self, find: impl Fn(&str) -> Vec<(usize, usize)>) -> Vec<Place> {
        let places = |file: &File| -> Vec<Place> {
            find(file.source.written()).into_iter().map(|(at, length)| file.place(at, length)).collect()
        };
        self.files.iter().filter(|file| !is_object(file)).flat_map(places).collect()
    }
}

fn walk<'n>(node: &'n Node, see: &mut impl FnMut(&'n Node)) {
    see(node);
    match &node.value {
        Value::List(elements) => elements.iter().for_each(|element| walk(element, see)),
        Value::Map(entries) => entries.iter().for_each(|entry| walk(&entry.value, see)),
        _ => {}
    }
}

fn entries(node: &Node) -> &[Entry] {
    if let Value::Map(entries) = &node.value { entries } else { &[] }
}

fn child<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entries(node).iter().rfind(|entry| entry.key.eq_ignore_ascii_case(name)).map(|entry| &entry.value)
}

fn text(node: &Node) -> Option<&str> {
    if let Value::Scalar { text, .. } = &node.value { Some(text) } else { None }
}

fn id_of(hook: &Node) -> Option<&str> {
    child(hook, "id").and_then(text)
}

fn is_object(file: &File) -> bool {
    matches!(file.root, Some(Node { value: Value::Map(_), .. }))
}

fn places<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> Vec<Place> {
    nodes.into_iter().map(|node| node.place.clone()).collect()
}

pub(super) fn blank_commands(checked: &Checked<'_>) -> Vec<Place> {
    let is_blank = |node: &&Node| text(node).is_some_and(|text| !text.is_empty() && text.trim().is_empty());
    places(checked.property("execute-command").filter(is_blank))
}

pub(super) fn early_codes(checked: &Checked<'_>) -> Vec<Place> {
    let codes = ["success-http-response-code", "trigger-rule-mismatch-http-response-code"];
    let is_early = |node: &&Node| text(node).is_some_and(|text| matches!(text, "100" | "101" | "102" | "103"));
    codes.iter().flat_map(|name| places(checked.property(name).filter(is_early))).collect()
}

pub(super) fn foreign_escapes(checked: &Checked<'_>) -> Vec<Place> {
    checked.values(|node| {
        let written = node.place.source.text.get(node.place.span.clone()).unwrap_or_default();
        let mut rest = written.strip_prefix('"').unwrap_or_default();
        while let Some(at) = rest.find('\\') {
            let escape = rest.get(at + 1..).unwrap_or_default();
            let pair = escape.get(..3).unwrap_or_default().to_ascii_lowercase();
            if escape.starts_with('/') || pair.starts_with("ud") && pair.ends_with(['8', '9', 'a', 'b']) {
                return matches!(node.value, Value::Scalar { .. });
            }
            let length = escape.chars().next().map_or(0, char::len_utf8);
            rest = escape.get(length..).unwrap_or_default();
        }
        false
    })
}

pub(super) fn duplicates(checked: &Checked<'_>) -> Vec<Place> {
    found(checked, |finding| finding.message.starts_with("the hook id ") && finding.message.contains("taken already"))
}

pub(super) fn empty_files(checked: &Checked<'_>) -> Vec<Place> {
    found(checked, |finding| finding.message.starts_with("there is nothing in this file"))
}

/// Places of what the compiler found.
fn found(checked: &Checked<'_>, test: impl Fn(&Diagnostic) -> bool) -> Vec<Place> {
    let found = checked.compiled.findings.iter().filter(|finding| test(finding));
    found.filter_map(|finding| finding.place.clone()).collect()
}

pub(super) fn broken_hooks(checked: &Checked<'_>) -> Vec<Place> {
    let errors = checked.compiled.hook_findings.values().flatten().filter(|finding| finding.is_error());
    let classic =
        |place: &&Place| checked.files.iter().any(|file| file.source.path == place.source.path && !is_object(file));
    errors.filter_map(|finding| finding.place.as_ref()).filter(classic).cloned().collect()
}

/// Words behind `{{`, each with its place.
fn actions(written: &str, words: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (open, _) in written.match_indices("{{") {
        let inside = written.get(open..).unwrap_or_default();
        let inside = inside.get(..inside.find("}}").unwrap_or(inside.len())).unwrap_or_default();
        for word in words {
            let stands = inside.match_indices(word).find(|(at, _)| {
                let before = inside.get(..*at).unwrap_or_default().chars().next_back();
                let after = inside.get(at + word.len()..).unwrap_or_default().chars().next();
                before.is_some_and(|c| " {-(|".contains(c)) && after.is_none_or(|c| c.is_whitespace())
            });
            found.extend(stands.map(|(at, _)| (open + at, word.len())));
        }
    }
    found
}

pub(super) fn refused_actions(checked: &Checked<'_>) -> Vec<Place> {
    let words = ["range", "define", "template", "block", "call", "index", "slice"];
    checked.written(|written| actions(written, &words))
}

pub(super) fn newest_functions(checked: &Checked<'_>) -> Vec<Place> {
    checked.written(|written| actions(written, &["cat", "credential"]))
}

pub(super) fn objects(checked: &Checked<'_>) -> Vec<Place> {
    let objects = checked.files.iter().filter(|file| is_object(file));
    objects.filter_map(|file| file.root.as_ref()).map(|root| root.place.clone()).collect()
}

pub(super) fn own_properties(checked: &Checked<'_>) -> Vec<Place> {
    let own = |entry: &&Entry| {
        let key = entry.key.to_ascii_lowercase();
        properties::is_known(&key) && !PEER.contains(&key.as_str())
    };
    checked.hooks().flat_map(entries).filter(own).map(|entry| entry.key_place.clone()).collect()
}

pub(super) fn deep_values(checked: &Checked<'_>) -> Vec<Place> {
    fn deeper(node: &Node, depth: usize, found: &mut Vec<Place>) {
        if depth == DEEP {
            found.push(node.place.clone());
            return;
        }
        match &node.value {
            Value::List(elements) => elements.iter().for_each(|element| deeper(element, depth + 1, found)),
            Value::Map(entries) => entries.iter().for_each(|entry| deeper(&entry.value, depth + 1, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    checked.hooks().for_each(|hook| deeper(hook, 1, &mut found));
    found
}

pub(super) fn multipart_signatures(checked: &Checked<'_>) -> Vec<Place> {
    let is_signature = |kind: &str| kind.starts_with("payload-h") || kind == "scalr-signature";
    let signed = checked.matches(is_signature);
    // Where the body is read as something else, whatever the caller says of it, it is never multipart.
    let never = |hook: &Node| {
        let given = child(hook, "incoming-payload-content-type").and_then(text).unwrap_or_default();
        !given.is_empty() && !given.contains("multipart/form-data")
    };
    let inside = |hook: &Node, node: &Node| {
        Arc::ptr_eq(&hook.place.source, &node.place.source)
            && hook.place.span.start <= node.place.span.start
            && node.place.span.end <= hook.place.span.end
    };
    places(signed.into_iter().filter(|node| !checked.hooks().any(|hook| inside(hook, node) && never(hook))))
}

pub(super) fn bare_addresses(checked: &Checked<'_>) -> Vec<Place> {
    let ranges =
        checked.matches(|kind| kind == "ip-whitelist").into_iter().filter_map(|found| child(found, "ip-range"));
    let is_bare = |node: &&Node| {
        let words = text(node).unwrap_or_default().split_whitespace();
        words.into_iter().any(|word| word.contains(':') && !word.contains('/'))
    };
    places(ranges.filter(is_bare))
}

pub(super) fn newest_numbers(checked: &Checked<'_>) -> Vec<Place> {
    checked.values(|node| matches!(&node.value, Value::Scalar { text, plain: true } if node::is_newest_number(text)))
}
