//! A file as written: a classic list of hooks, or a full object.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::node::{Entry, Form, Node, Reader, Value};

/// What one file holds.
pub(super) struct RawFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// Which of the two it is.
    pub form: Form,
    /// `accounts`
    pub accounts: Vec<Entry>,
    /// `contacts`
    pub contacts: Vec<Entry>,
    /// `lists`
    pub lists: Vec<Entry>,
    /// `hooks`, or the whole classic list.
    pub hooks: Vec<Node>,
    /// `defaults`
    pub defaults: Option<Node>,
}

/// What may stand at the top of a full file, and what it is for.
pub(super) const SECTIONS: [(&str, &str); 6] = [
    ("accounts", "Uses of providers, by names that you choose."),
    ("contacts", "People and rooms by their names, each with its addresses."),
    ("lists", "Names of contacts and of other lists, under a name of their own."),
    ("hooks", "The hooks: what is run or sent when /hooks/ID is called."),
    ("defaults", "What holds for the whole configuration; in one file only."),
    ("$schema", "Where the schema is, for editors: `hookbell schema` prints it."),
];

impl RawFile {
    /// Which form a file has.
    pub(super) fn form_of(node: &Node) -> Form {
        if matches!(node.value, Value::Map(_)) { Form::Full } else { Form::Classic }
    }

    /// Sorts the top of a file into its sections.
    pub(super) fn read(node: Node, reader: &mut Reader<'_>) -> Option<RawFile> {
        let mut file = RawFile {
            path: node.place.source.path.clone(),
            form: reader.form,
            accounts: Vec::new(),
            contacts: Vec::new(),
            lists: Vec::new(),
            hooks: Vec::new(),
            defaults: None,
        };
        match node.value {
            // upstream: a file of nothing, or of null, is a file of no hooks.
            Value::Null => Some(file),
            Value::List(hooks) => {
                file.hooks = hooks;
                Some(file)
            }
            Value::Scalar { .. } => reader.wrong_kind(&node, "a list of hooks, or an object with \"hooks\""),
            Value::Map(_) => {
                for entry in reader.entries(&node)? {
                    file.section(entry, reader);
                }
                Some(file)
            }
        }
    }

    fn section(&mut self, entry: &Entry, reader: &mut Reader<'_>) {
        let named = |reader: &mut Reader<'_>| {
            reader.entries(&entry.value).unwrap_or_default().into_iter().cloned().collect::<Vec<_>>()
        };
        match entry.key.as_str() {
            "accounts" => self.accounts = named(reader),
            "contacts" => self.contacts = named(reader),
            "lists" => self.lists = named(reader),
            "hooks" => self.hooks = reader.list(&entry.value, |_, node| Some(node.clone())).unwrap_or_default(),
            "defaults" => self.defaults = Some(entry.value.clone()),
            "$schema" => {}
            other => {
                let finding = Diagnostic::error(&entry.key_place, format!("unknown key \"{other}\""));
                reader
                    .findings
                    .push(Diagnostic { help: did_you_mean(other, SECTIONS.map(|(name, _)| name)), ..finding });
            }
        }
    }
}

/// Whether a text says nothing: blanks, comments, the mark of a document, a null.
pub(super) fn is_empty(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let words = text.lines().flat_map(|line| {
        let comment = if line.starts_with('#') { Some(0) } else { line.find(" #").or_else(|| line.find("\t#")) };
        line[..comment.unwrap_or(line.len())].split_whitespace()
    });
    words.into_iter().all(|word| matches!(word, "---" | "..." | "~" | "null" | "Null" | "NULL"))
}
