//! Typed reading: every mistake is noted with its place, and reading goes on.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use super::shape::{About, Needed, Shape};
use super::{Entry, Node, Placed, Value, scalar, units};
use crate::account::Rate;
use crate::diagnostic::{Diagnostic, Place, Severity, did_you_mean};
use crate::secret::{Secret, SecretRef, Surroundings};

/// The two forms of a file; they differ in strictness only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A list of hooks, read as adnanh/webhook reads it: keys in any case, unknown ones warned of, scalars by YAML 1.1.
    Classic,
    /// An object: unknown keys are errors, and a plain scalar in a text field keeps its source text.
    Full,
}

/// One property that a record may have: what it is, and what to do with its value. `null` leaves the default.
pub struct Property<T> {
    /// What everybody may know of it.
    pub about: About,
    /// Reads the value into the record; mistakes go to the reader.
    pub read: Read<T>,
}

/// Reads a value into a record; mistakes go to the reader.
pub type Read<T> = fn(&mut T, &Node, &mut Reader<'_>);

/// A row of a table: the property's name, what may stand in it, what it is for, and what reads it.
pub const fn property<T>(name: &'static str, takes: Shape, help: &'static str, read: Read<T>) -> Property<T> {
    let about = About { name, takes, help, default: "", needed: Needed::No, guards: false };
    Property { about, read }
}

/// The same for one that must not be left out.
pub const fn needed<T>(name: &'static str, takes: Shape, help: &'static str, read: Read<T>) -> Property<T> {
    let Property { about, read } = property(name, takes, help, read);
    Property { about: About { needed: Needed::Always, ..about }, read }
}

/// The same for one that must not be left out in the full form.
pub const fn needed_in_full<T>(name: &'static str, takes: Shape, help: &'static str, read: Read<T>) -> Property<T> {
    let Property { about, read } = property(name, takes, help, read);
    Property { about: About { needed: Needed::InFull, ..about }, read }
}

/// The same for one with a default, as it would be written.
pub const fn usual<T>(
    name: &'static str,
    takes: Shape,
    default: &'static str,
    help: &'static str,
    read: Read<T>,
) -> Property<T> {
    let Property { about, read } = property(name, takes, help, read);
    Property { about: About { default, ..about }, read }
}

/// The same for one that guards something: an empty one would guard nothing, and nobody would notice.
pub const fn guard<T>(name: &'static str, takes: Shape, help: &'static str, read: Read<T>) -> Property<T> {
    let Property { about, read } = property(name, takes, help, read);
    Property { about: About { guards: true, ..about }, read }
}

/// What everybody may know of a table.
pub fn rows<T>(table: &[Property<T>]) -> Vec<About> {
    table.iter().map(|property| property.about).collect()
}

/// Reads nodes into values and notes what is wrong with them.
pub struct Reader<'a> {
    /// How strictly.
    pub form: Form,
    /// What was found so far.
    pub findings: &'a mut Vec<Diagnostic>,
    /// Where secrets and files come from.
    pub surroundings: &'a mut Surroundings,
}

impl Reader<'_> {
    /// Notes an error and yields nothing, so that the caller can go on.
    pub fn wrong<T>(&mut self, place: &Place, message: impl Into<String>) -> Option<T> {
        self.note(Diagnostic::error(place, message))
    }

    /// Notes an error.
    pub fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(place, message));
    }

    /// Notes a finding and yields nothing.
    pub fn note<T>(&mut self, finding: Diagnostic) -> Option<T> {
        self.findings.push(finding);
        None
    }

    /// Notes a mistake in one of adnanh/webhook's properties. What that loads, loads: in the classic form it is a warning,
    /// and the caller goes on with what the mistake means there.
    pub fn mistake(&mut self, finding: Diagnostic) -> Option<()> {
        if self.form == Form::Full {
            return self.note(finding);
        }
        self.findings.push(Diagnostic { severity: Severity::Warning, ..finding });
        Some(())
    }

    /// Notes a warning.
    pub fn warn(&mut self, place: &Place, message: impl Into<String>) {
        self.findings.push(Diagnostic::warning(place, message));
    }

    /// A text. Numbers and booleans are taken too: in the classic form as YAML 1.1 reads them, else as written.
    pub fn text(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Scalar { text, plain: true } if self.form == Form::Classic => Some(scalar::coerced(text)),
            Value::Scalar { text, .. } => Some(text.clone()),
            // upstream: an element of a list that is null is an empty text.
            Value::Null if self.form == Form::Classic => Some(String::new()),
            _ => self.wrong_kind(node, "a text"),
        }
    }

    /// A text with its place.
    pub fn placed_text(&mut self, node: &Node) -> Option<Placed<String>> {
        node.placed(self.text(node))
    }

    /// A boolean: `true`, `yes`, `on` and their opposites, unquoted.
    pub fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, plain: true } if scalar::boolean(text).is_some() => scalar::boolean(text),
            _ => self.wrong_kind(node, "true or false, without quotes"),
        }
    }

    /// A whole number, unquoted.
    pub fn integer(&mut self, node: &Node) -> Option<i64> {
        match &node.value {
            Value::Scalar { text, plain: true } if scalar::integer(text).is_some() => scalar::integer(text),
            _ => self.wrong_kind(node, "a whole number, without quotes"),
        }
    }

    /// A duration: `90s`, `1h30m`, `7d`.
    pub fn duration(&mut self, node: &Node) -> Option<Duration> {
        self.unit(node, units::duration)
    }

    /// A rate: `15/s`, `1/6s burst 45`.
    pub fn rate(&mut self, node: &Node) -> Option<Rate> {
        self.unit(node, units::rate)
    }

    fn unit<T>(&mut self, node: &Node, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        let Value::Scalar { text, .. } = &node.value else { return self.wrong_kind(node, "a text") };
        match parse(text) {
            Ok(value) => Some(value),
            Err(why) => self.wrong(&node.place, why),
        }
    }

    /// A list; `each` reads an element. Elements with mistakes are left out.
    pub fn list<T>(&mut self, node: &Node, each: impl FnMut(&mut Self, &Node) -> Option<T>) -> Option<Vec<T>> {
        match &node.value {
            Value::List(_) => Some(self.one_or_more(node, each)),
            _ => self.wrong_kind(node, "a list"),
        }
    }

    /// A list, or one element that stands alone for a list of one.
    pub fn one_or_more<T>(&mut self, node: &Node, mut each: impl FnMut(&mut Self, &Node) -> Option<T>) -> Vec<T> {
        match &node.value {
            Value::List(elements) => elements.iter().filter_map(|element| each(self, element)).collect(),
            _ => each(self, node).into_iter().collect(),
        }
    }

    /// The keys of an object that are no comments, each once: of a key given twice the last counts, with a finding.
    pub fn entries<'n>(&mut self, node: &'n Node) -> Option<Vec<&'n Entry>> {
        let Value::Map(entries) = &node.value else { return self.wrong_kind(node, "an object") };
        let mut unique: Vec<&Entry> = Vec::with_capacity(entries.len());
        let mut known: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
        for entry in entries.iter().filter(|entry| !is_comment(&entry.key)) {
            let at = *known.entry(&entry.key).or_insert(unique.len());
            if let Some(earlier) = unique.get_mut(at) {
                let message = format!("\"{}\" is given twice; the last one counts", entry.key);
                self.mistake(Diagnostic::error(&entry.key_place, message));
                *earlier = entry;
            } else {
                unique.push(entry);
            }
        }
        Some(unique)
    }

    /// An object with the properties of `table`. Unknown keys are noted, with the one that was probably meant.
    pub fn record<T: Default>(&mut self, node: &Node, table: &[Property<T>]) -> Option<T> {
        let mut record = T::default();
        // upstream: an element of a list that is null is an empty object.
        if self.form == Form::Classic && matches!(node.value, Value::Null) {
            return Some(record);
        }
        let mut entries = self.entries(node)?;
        if self.form == Form::Classic {
            self.in_order(&mut entries);
        }
        for entry in entries {
            match self.property(&entry.key, table) {
                Some(_) if matches!(entry.value.value, Value::Null) => {}
                Some(property) => (property.read)(&mut record, &entry.value, self),
                None => self.unknown_key(entry, table.iter().map(|property| property.about.name)),
            }
        }
        Some(record)
    }

    /// upstream: ghodss/yaml sorts keys; of those that differ in case only, encoding/json takes them all, one after the other.
    fn in_order(&mut self, entries: &mut [&Entry]) {
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let last: HashMap<String, &str> =
            entries.iter().map(|entry| (entry.key.to_ascii_lowercase(), entry.key.as_str())).collect();
        for entry in entries {
            if let Some(counts) = last.get(&entry.key.to_ascii_lowercase()).filter(|counts| **counts != entry.key) {
                let message = format!("\"{}\" and \"{counts}\" are one key; \"{counts}\" counts", entry.key);
                self.warn(&entry.key_place, message);
            }
        }
    }

    fn property<'t, T>(&self, key: &str, table: &'t [Property<T>]) -> Option<&'t Property<T>> {
        table.iter().find(|property| match self.form {
            Form::Classic => property.about.name.eq_ignore_ascii_case(key),
            Form::Full => property.about.name == key,
        })
    }

    fn unknown_key<'t>(&mut self, entry: &Entry, known: impl Iterator<Item = &'t str>) {
        let message = format!("unknown key \"{}\"", entry.key);
        let help = did_you_mean(&entry.key, known);
        self.mistake(Diagnostic { help, ..Diagnostic::error(&entry.key_place, message) });
        self.no_json(&entry.value);
    }

    /// upstream: ghodss/yaml makes JSON of the file, which has no such numbers. A text field takes their names.
    fn no_json(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar { text, plain: true } if scalar::unlimited(text).is_some() => {
                self.error(&node.place, format!("`{text}` is a number that can't be used; for a text write quotes"))
            }
            Value::List(elements) => elements.iter().for_each(|element| self.no_json(element)),
            Value::Map(entries) => entries.iter().for_each(|entry| self.no_json(&entry.value)),
            _ => {}
        }
    }

    /// A secret: a text, or an object that says where it is.
    pub fn secret(&mut self, node: &Node) -> Option<Secret> {
        let reference = self.secret_reference(node)?;
        match self.surroundings.secret(&reference) {
            Ok(secret) => Some(secret),
            Err(why) => self.wrong(&node.place, why),
        }
    }

    fn secret_reference(&mut self, node: &Node) -> Option<SecretRef> {
        if matches!(node.value, Value::Scalar { .. }) {
            node.place.source.hide(node.place.span.clone());
            return self.text(node).map(|text| SecretRef::Literal(Secret::new(text)));
        }
        const SOURCES: &str = "a secret is a text, or one of {\"env\": NAME}, {\"file\": PATH}, {\"credential\": NAME}, {\"generated\": NAME}";
        match self.entries(node)?.as_slice() {
            [entry] => {
                let name = self.text(&entry.value)?;
                match entry.key.as_str() {
                    "env" => Some(SecretRef::Env(name)),
                    "file" => Some(SecretRef::File(beside(&node.place, &name))),
                    "credential" => Some(SecretRef::Credential(name)),
                    "generated" => Some(SecretRef::Generated(name)),
                    _ => self.wrong(&entry.key_place, SOURCES),
                }
            }
            _ => self.wrong(&node.place, SOURCES),
        }
    }

    /// A text, or `{"file": PATH}` with the text in a file; the path is relative to the file it stands in.
    pub fn text_or_file(&mut self, node: &Node) -> Option<Placed<String>> {
        if matches!(node.value, Value::Scalar { .. }) {
            return self.placed_text(node);
        }
        let path = match self.entries(node)?.as_slice() {
            [entry] if entry.key == "file" => self.path(&entry.value)?,
            _ => return self.wrong(&node.place, "expected a text or {\"file\": PATH}"),
        };
        match self.surroundings.file(&path) {
            Ok(value) => node.placed(Some(value)),
            Err(why) => self.wrong(&node.place, why),
        }
    }

    /// A file's path, relative to the file it stands in.
    pub fn path(&mut self, node: &Node) -> Option<PathBuf> {
        self.text(node).map(|text| beside(&node.place, &text))
    }

    /// Notes that something else was expected here.
    pub fn wrong_kind<T>(&mut self, node: &Node, expected: &str) -> Option<T> {
        let found = match &node.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar { text, plain: true } => format!("`{text}`"),
            Value::Scalar { .. } => "a quoted text".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "an object".to_owned(),
        };
        self.wrong(&node.place, format!("expected {expected}, found {found}"))
    }
}

/// Keys that start like one of these say nothing to the program.
pub const COMMENTS: [&str; 4] = ["_", "//", "x-", "comment"];

fn is_comment(key: &str) -> bool {
    COMMENTS.iter().any(|start| key.starts_with(start))
}

/// A file's path as it stands at `place`: relative to the file it stands in.
pub fn beside(place: &Place, name: &str) -> PathBuf {
    place.source.path.parent().map_or_else(|| PathBuf::from(name), |folder| folder.join(name))
}
