//! A hooks file of adnanh/webhook → hooks of the full form, each property as it was read there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::json::Json;
use super::references::References;
use super::translation::Translation;
use crate::diagnostic::{Diagnostic, Source, did_you_mean};
use crate::hook::properties::is_known;
use crate::node::{self, Form, Node, Reader, Value};
use crate::secret::Surroundings;

/// What stands in a property.
enum Shape {
    Text,
    /// Of a match; the old names of some mean the same as the new ones.
    Kind,
    Secret,
    Flag,
    Number,
    List(&'static Shape),
    Record(&'static [(&'static str, Shape)]),
    Rule,
    /// Ours, in a list of hooks: it is read alike in both forms.
    Own,
}

const HOOK: &[(&str, Shape)] = &[
    ("id", Shape::Text),
    ("execute-command", Shape::Text),
    ("command-working-directory", Shape::Text),
    ("pass-arguments-to-command", Shape::List(&Shape::Record(ARGUMENT))),
    ("pass-environment-to-command", Shape::List(&Shape::Record(ARGUMENT))),
    ("pass-file-to-command", Shape::List(&Shape::Record(ARGUMENT))),
    ("parse-parameters-as-json", Shape::List(&Shape::Record(ARGUMENT))),
    ("incoming-payload-content-type", Shape::Text),
    ("http-methods", Shape::List(&Shape::Text)),
    ("trigger-rule", Shape::Rule),
    ("trigger-rule-mismatch-http-response-code", Shape::Number),
    ("trigger-signature-soft-failures", Shape::Flag),
    ("include-command-output-in-response", Shape::Flag),
    ("include-command-output-in-response-on-error", Shape::Flag),
    ("success-http-response-code", Shape::Number),
    ("response-message", Shape::Text),
    ("response-headers", Shape::List(&Shape::Record(&[("name", Shape::Text), ("value", Shape::Text)]))),
];

const ARGUMENT: &[(&str, Shape)] =
    &[("source", Shape::Text), ("name", Shape::Text), ("envname", Shape::Text), ("base64decode", Shape::Flag)];

const RULE: &[(&str, Shape)] = &[
    ("and", Shape::List(&Shape::Rule)),
    ("or", Shape::List(&Shape::Rule)),
    ("not", Shape::Rule),
    ("match", Shape::Record(MATCH)),
];

const MATCH: &[(&str, Shape)] = &[
    ("type", Shape::Kind),
    ("parameter", Shape::Record(&[("source", Shape::Text), ("name", Shape::Text)])),
    ("value", Shape::Text),
    ("regex", Shape::Text),
    ("secret", Shape::Secret),
    ("ip-range", Shape::Text),
];

/// Reads a file's hooks into the translation. `template`: it is executed before it is read.
pub(super) fn hooks(path: &Path, text: &str, template: bool, into: &mut Translation) {
    let keep = |into: &mut Translation, why: &str, advice: &str| {
        into.kept_files.push(path.display().to_string());
        if template && !into.flags.contains(&"-template".to_owned()) {
            into.flags.push("-template".to_owned());
        }
        into.left(&path.display().to_string(), why, advice);
    };
    let references = match template {
        true => References::of(text),
        false => Some(References::none(text)),
    };
    let Some(references) = references else {
        return keep(
            into,
            "its template decides what is in it: the file is served as it is",
            "write the hooks out, then import them",
        );
    };
    let source = Arc::new(Source::new(path, references.text.clone()));
    let read = match node::parse(&source) {
        Ok(node) => node,
        Err(finding) => return told(&finding, into),
    };
    let Value::List(nodes) = &read.value else {
        return match read.value {
            Value::Null => {}
            _ => keep(into, "it is no list of hooks: if it is a file of hookbell's, it needs no translation", ""),
        };
    };
    let before = into.hooks.len();
    let mut findings = Vec::new();
    let mut surroundings = Surroundings::default();
    let reader = Reader { form: Form::Classic, findings: &mut findings, surroundings: &mut surroundings };
    let mut file = File { reader, references: &references, misplaced: false };
    for node in nodes {
        let told = file.reader.findings.len();
        let hook = file.record(node, HOOK, true);
        let (line, _) = node.place.line_column();
        let place = format!("{}:{line}", path.display());
        // What can't be read may be what guards the hook.
        let broken = file.reader.findings.iter().skip(told).any(Diagnostic::is_error);
        let Some(hook) = hook.filter(|_| !broken) else {
            into.left(
                &place,
                "this hook is left out, for the mistake told of it",
                "webhook does not load the file at all",
            );
            continue;
        };
        if into.hooks.iter().any(|(_, known)| known.get("id") == hook.get("id")) {
            let id = hook.get("id").and_then(Json::as_text).unwrap_or_default();
            into.left(
                &place,
                format!("a second hook \"{id}\": webhook serves the first, too"),
                "give it an id of its own",
            );
            continue;
        }
        into.hooks.push((place, hook));
    }
    if file.misplaced {
        into.hooks.truncate(before);
        return keep(
            into,
            "its template fills in more than secrets: the file is served as it is",
            "write those values out, then import it",
        );
    }
    for finding in &findings {
        told(finding, into);
    }
}

/// A finding without its line: that may hold a secret.
fn told(finding: &Diagnostic, into: &mut Translation) {
    let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
    into.left(&place, finding.message.clone(), finding.help.clone().unwrap_or_default());
}

struct File<'f> {
    reader: Reader<'f>,
    references: &'f References,
    /// Whether something was filled in that is no secret.
    misplaced: bool,
}

impl File<'_> {
    fn value(&mut self, node: &Node, shape: &Shape) -> Option<Json> {
        match shape {
            Shape::Text => self.text(node),
            Shape::Kind => {
                let text = self.reader.text(node)?;
                self.plain(text.replace("payload-hash-", "payload-hmac-"))
            }
            Shape::Secret => match &node.value {
                Value::List(elements) => {
                    Some(Json::List(elements.iter().filter_map(|element| self.value(element, shape)).collect()))
                }
                Value::Map(_) => Some(self.own(node)),
                _ => {
                    let text = self.reader.text(node)?;
                    self.references.named(&text).or_else(|| self.plain(text))
                }
            },
            Shape::Flag => self.reader.boolean(node).map(Json::Flag),
            Shape::Number => self.reader.integer(node).map(Json::Number),
            Shape::Rule => self.record(node, RULE, false),
            Shape::Record(table) => self.record(node, table, false),
            Shape::Own => Some(self.own(node)),
            Shape::List(each) => match &node.value {
                Value::List(elements) => {
                    Some(Json::List(elements.iter().filter_map(|element| self.value(element, each)).collect()))
                }
                _ => self.reader.wrong_kind(node, "a list"),
            },
        }
    }

    fn text(&mut self, node: &Node) -> Option<Json> {
        let text = self.reader.text(node)?;
        self.plain(text)
    }

    fn plain(&mut self, text: String) -> Option<Json> {
        self.misplaced |= self.references.touches(&text);
        Some(Json::Text(text))
    }

    /// An object's properties in the order of the table, unknown ones told.
    fn record(&mut self, node: &Node, table: &'static [(&'static str, Shape)], is_hook: bool) -> Option<Json> {
        let entries = self.reader.entries(node)?;
        let mut found: Vec<(String, Json)> = Vec::new();
        for entry in entries.into_iter().filter(|entry| !matches!(entry.value.value, Value::Null)) {
            let key = entry.key.to_ascii_lowercase();
            let shape = match table.iter().find(|(name, _)| *name == key) {
                Some((_, shape)) => shape,
                None if is_hook && is_known(&key) => &Shape::Own,
                None => {
                    let message = format!("\"{}\" means nothing to webhook, and is left out", entry.key);
                    let help = did_you_mean(&entry.key, table.iter().map(|(name, _)| *name));
                    self.reader.findings.push(Diagnostic { help, ..Diagnostic::warning(&entry.key_place, message) });
                    continue;
                }
            };
            if let Some(value) = self.value(&entry.value, shape) {
                found.retain(|(known, _)| *known != key);
                found.push((key, value));
            }
        }
        found.sort_by_key(|(key, _)| table.iter().position(|(name, _)| name == key).unwrap_or(table.len()));
        Some(Json::Object(found))
    }

    /// A value as it is.
    fn own(&mut self, node: &Node) -> Json {
        match &node.value {
            Value::List(elements) => Json::List(elements.iter().map(|element| self.own(element)).collect()),
            Value::Map(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.clone(), self.own(&entry.value))).collect())
            }
            Value::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false") => {
                Json::Flag(text == "true")
            }
            Value::Scalar { text, plain: true } if text.parse::<i64>().is_ok() => {
                text.parse().map_or_else(|_| Json::text(text), Json::Number)
            }
            Value::Scalar { text, .. } => {
                self.misplaced |= self.references.touches(text);
                Json::text(text)
            }
            Value::Null => Json::text(""),
        }
    }
}

/// A path as a program means it that runs in `directory`.
pub(super) fn beside(directory: Option<&Path>, path: &str) -> PathBuf {
    directory.map_or_else(|| PathBuf::from(path), |directory| directory.join(path))
}
