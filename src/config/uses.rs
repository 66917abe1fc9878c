//! What of the disk the files refer to: programs, directories, and files that are read.
//!
//! Found by the tables that the files are read by: a property that takes a path says so there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Config;
use super::raw::RawFile;
use super::template::parse;
use crate::account::AccountName;
use crate::diagnostic::{Place, Source};
use crate::hook::catalog::Slot;
use crate::hook::properties::HOOKS;
use crate::hook::{Action, HookId, Run};
use crate::node::{About, Entry, Form, Node, Shape, Table, Value, beside};
use crate::process::look_path;
use crate::provider::account::properties_of;
use crate::provider::table;
use crate::secret::SECRET_SOURCES;

/// Something on the disk that the service needs.
#[derive(Clone, Debug)]
pub struct Use {
    /// What it needs of it.
    pub what: What,
    /// Where it is; perhaps relative to where the service runs.
    pub path: PathBuf,
    /// Where it is named.
    pub place: Place,
}

/// What the service needs of something on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// To run it.
    Program,
    /// To run commands in it.
    Directory,
    /// To read it when the files are loaded.
    File,
}

/// Everything that these texts refer to, in their order. Programs without a slash are looked up in the folders of
/// `path`; what is not there at all is left out, for it is told when the files are read.
pub fn uses(texts: &[Arc<Source>], config: &Config, path: &Path) -> Vec<Use> {
    let mut found = Vec::new();
    for source in texts {
        let Ok(node) = parse(source) else { continue };
        let mut walk = Walk { form: RawFile::form_of(&node), found: Vec::new() };
        match walk.form {
            Form::Classic => walk.hooks(&node, config, path),
            Form::Full => {
                for Entry { key, value, .. } in entries_of(&node) {
                    match key.as_str() {
                        "accounts" => walk.accounts(value, config, path),
                        "hooks" => walk.hooks(value, config, path),
                        _ => {}
                    }
                }
            }
        }
        found.append(&mut walk.found);
    }
    found
}

struct Walk {
    form: Form,
    found: Vec<Use>,
}

impl Walk {
    fn hooks(&mut self, hooks: &Node, config: &Config, path: &Path) {
        let Value::List(hooks) = &hooks.value else { return };
        for hook in hooks {
            let before = self.found.len();
            self.walk(&Shape::Object(HOOKS), hook);
            let id = entries_of(hook).iter().rfind(|entry| self.is(entry, "id")).and_then(|entry| text(&entry.value));
            let run = id.and_then(|id| match config.hooks.find(&HookId::new(id)) {
                Some(Slot::Ready(hook)) => run_of(&hook.action),
                _ => None,
            });
            self.programs(before, run.and_then(Run::program), |program| {
                run?.file_in(program, Some(path.as_os_str())).ok()
            });
        }
    }

    fn accounts(&mut self, accounts: &Node, config: &Config, path: &Path) {
        for Entry { key, value, .. } in entries_of(accounts) {
            let named = entries_of(value).iter().find(|entry| entry.key == "provider");
            let name = named.and_then(|entry| text(&entry.value)).unwrap_or_default();
            let Some(kind) = table::named(name) else { continue };
            let before = self.found.len();
            self.rows(&properties_of(&kind), value);
            let account = config.accounts.get(&AccountName::new(key));
            let program = account.and_then(|account| account.provider.program());
            self.programs(before, program, |program| look_path(program, Some(path.as_os_str())).ok());
        }
    }

    /// Puts the program's file in the place of the words that were found since `before`.
    fn programs(&mut self, before: usize, name: Option<&str>, file: impl Fn(&str) -> Option<PathBuf>) {
        let file = name.and_then(file);
        let since = self.found.split_off(before.min(self.found.len()));
        self.found.extend(since.into_iter().filter_map(|found| match found.what {
            What::Program => file.clone().map(|path| Use { path, ..found }),
            _ => Some(found),
        }));
    }

    fn is(&self, entry: &Entry, name: &str) -> bool {
        match self.form {
            Form::Classic => entry.key.eq_ignore_ascii_case(name),
            Form::Full => entry.key == name,
        }
    }

    fn rows(&mut self, rows: &[About], node: &Node) {
        for entry in entries_of(node) {
            if let Some(row) = rows.iter().find(|row| self.is(entry, row.name)) {
                self.walk(&row.takes, &entry.value);
            }
        }
    }

    fn walk(&mut self, shape: &Shape, node: &Node) {
        match (shape, &node.value) {
            (Shape::Object(Table { rows, .. }), Value::Map(_)) => self.rows(&rows(), node),
            (Shape::Map(each), Value::Map(entries)) => entries.iter().for_each(|entry| self.walk(each, &entry.value)),
            (Shape::List(each) | Shape::OneOrMore(each), Value::List(elements)) => {
                elements.iter().for_each(|element| self.walk(each, element));
            }
            (Shape::OneOrMore(each), _) => self.walk(each, node),
            (Shape::Either(shapes), _) => shapes.iter().for_each(|shape| self.walk(shape, node)),
            (Shape::Callers, Value::Map(entries)) if !matches!(entries.as_slice(), [only] if is_source(&only.key)) => {
                entries.iter().for_each(|entry| self.walk(&Shape::OneOrMore(&Shape::Secret), &entry.value));
            }
            (Shape::Callers, _) => self.walk(&Shape::OneOrMore(&Shape::Secret), node),
            (Shape::Secret | Shape::TextOrFile, Value::Map(entries)) => {
                entries
                    .iter()
                    .filter(|entry| entry.key == "file")
                    .for_each(|entry| self.note(What::File, &entry.value));
            }
            (Shape::File, _) => self.note(What::File, node),
            (Shape::Directory, _) => self.note(What::Directory, node),
            (Shape::Program, _) => self.note(What::Program, node),
            _ => {}
        }
    }

    fn note(&mut self, what: What, node: &Node) {
        let Some(text) = text(node).filter(|text| !text.is_empty()) else { return };
        let path = if what == What::File { beside(&node.place, text) } else { PathBuf::from(text) };
        self.found.push(Use { what, path, place: node.place.clone() });
    }
}

fn is_source(key: &str) -> bool {
    SECRET_SOURCES.contains(&key)
}

fn run_of(action: &Action) -> Option<&Run> {
    match action {
        Action::Run(run) | Action::Both(_, run) => Some(run),
        Action::Send(_) => None,
    }
}

fn entries_of(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}
