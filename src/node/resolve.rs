//! What YAML says besides its structure: tags, empty words, `<<` keys.

use std::borrow::Cow;
use std::collections::HashSet;

use granit_parser::Tag;

use super::{Entry, Node, Value, scalar};
use crate::diagnostic::Diagnostic;

/// The namespace of tags like `!!str`.
const CORE: &str = "tag:yaml.org,2002:";

/// The value of a scalar with its tag; none if a `!!binary` is none.
pub(super) fn scalar(text: Cow<'_, str>, unquoted: bool, tag: Option<&Tag>) -> Option<Value> {
    let plain = match tag.and_then(|tag| tag.suffix_in_namespace(CORE)).as_deref() {
        Some("binary") => return decoded(&text).map(|text| Value::Scalar { text, plain: false }),
        Some("null") => return Some(Value::Null),
        Some("int" | "float" | "bool") => true,
        Some("str") => false,
        // A lone `!` says that it is a text, too.
        _ if tag.is_some_and(|tag| tag.original() == "!") => false,
        _ if unquoted && scalar::is_null(&text) => return Some(Value::Null),
        _ => unquoted,
    };
    Some(Value::Scalar { text: text.into_owned(), plain })
}

/// An object with what its `<<` keys bring along: its own keys win, then those of the earlier object.
pub(super) fn merged(mut entries: Vec<Entry>, merges: Vec<(usize, Node)>) -> Result<Vec<Entry>, Diagnostic> {
    if merges.is_empty() {
        return Ok(entries);
    }
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    // From the back, so that the positions of the earlier ones stay true; the last `<<` is a duplicate that wins.
    for (at, node) in merges.into_iter().rev() {
        let objects = match node.value {
            Value::List(objects) => objects,
            _ => vec![node],
        };
        let mut brought: Vec<Entry> = Vec::new();
        for object in objects {
            let Value::Map(more) = object.value else {
                return Err(Diagnostic::error(&object.place, "`<<` takes an object or a list of objects"));
            };
            let new: Vec<Entry> = more.into_iter().filter(|entry| !known.contains(&entry.key)).collect();
            known.extend(new.iter().map(|entry| entry.key.clone()));
            brought.extend(new);
        }
        entries.splice(at..at, brought);
    }
    Ok(entries)
}

/// Base64 with line breaks, as YAML has it.
fn decoded(text: &str) -> Option<String> {
    let packed: String = text.split_whitespace().collect();
    let bytes = data_encoding::BASE64.decode(packed.as_bytes()).ok()?;
    String::from_utf8(bytes).ok()
}
