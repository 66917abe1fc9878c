//! What an import makes: a configuration, how to start with it, and what is to be said about it.

use super::json::Json;

/// Everything that another program's setup becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Translation {
    /// Accounts by name.
    pub accounts: Vec<(String, Json)>,
    /// Contacts by name.
    pub contacts: Vec<(String, Json)>,
    /// The hooks, in order, and where each stood.
    pub hooks: Vec<(String, Json)>,
    /// Files that stay as they are, and are served beside the new one.
    pub kept_files: Vec<String>,
    /// Flags of the daemon besides `-hooks`.
    pub flags: Vec<String>,
    /// What the hooks run.
    pub programs: Vec<Program>,
    /// What is to be said.
    pub remarks: Vec<Remark>,
}

/// A program that a hook or an account runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Program {
    /// The program and what of its arguments is fixed.
    pub words: Vec<String>,
    /// Where it runs, if not where the daemon does.
    pub directory: Option<String>,
    /// A script's text: its own file's, or what a shell was given.
    pub script: Option<String>,
    /// Where it is named.
    pub place: String,
}

/// How much a remark matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// hookbell does it by itself.
    Covered,
    /// It is done, and not quite as before.
    Differs,
    /// It is not translated.
    Left,
}

/// Something to be said about a place in what was read. It never quotes a line: there may be a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// How much it matters.
    pub weight: Weight,
    /// File and line, or the command line.
    pub place: String,
    /// What stands there, and what becomes of it.
    pub what: String,
    /// What to do; may be empty.
    pub advice: String,
}

/// What is to be said about a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// How much it matters.
    pub weight: Weight,
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
    /// What to do.
    pub advice: String,
}

impl Translation {
    /// Says that hookbell does something by itself.
    pub(super) fn covered(&mut self, place: &str, what: impl Into<String>) {
        self.remark(Weight::Covered, place, what.into(), String::new());
    }

    /// Says that something is done otherwise than before.
    pub(super) fn differs(&mut self, place: &str, what: impl Into<String>, advice: impl Into<String>) {
        self.remark(Weight::Differs, place, what.into(), advice.into());
    }

    /// Says that something is not translated, and what to do.
    pub(super) fn left(&mut self, place: &str, what: impl Into<String>, advice: impl Into<String>) {
        self.remark(Weight::Left, place, what.into(), advice.into());
    }

    /// Says it once, however many hooks are concerned.
    pub(super) fn remark(&mut self, weight: Weight, place: &str, what: String, advice: String) {
        let remark = Remark { weight, place: place.to_owned(), what, advice };
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// The hooks file.
    pub(super) fn file(&self) -> Json {
        let mut sections = Vec::new();
        for (name, section) in [("accounts", &self.accounts), ("contacts", &self.contacts)] {
            if !section.is_empty() {
                sections.push((name.to_owned(), Json::Object(section.clone())));
            }
        }
        let hooks = self.hooks.iter().map(|(_, hook)| hook.clone()).collect();
        sections.push(("hooks".to_owned(), Json::List(hooks)));
        Json::Object(sections)
    }
}
