//! What YAML says besides its structure: tags, empty words, `<<` keys.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use granit_parser::Tag;

use super::{Entry, Node, Value, scalar};
use crate::diagnostic::Diagnostic;

/// The namespace of tags like `!!str`.
const CORE: &str = "tag:yaml.org,2002:";

/// The value of a scalar with its tag. The error says what the tag takes.
pub(super) fn scalar(text: Cow<'_, str>, unquoted: bool, tag: Option<&Tag>) -> Result<Value, &'static str> {
    let plain = match tag.and_then(|tag| tag.suffix_in_namespace(CORE)).as_deref() {
        Some("binary") => {
            let text = decoded(&text).ok_or("`!!binary` takes Base64")?;
            return Ok(Value::Scalar { text, plain: false });
        }
        Some("null") if scalar::is_null(&text) => return Ok(Value::Null),
        Some("null") => return Err("`!!null` takes nothing, or null"),
        Some("int") if scalar::whole(&text).is_none() => return Err("`!!int` takes a whole number"),
        Some("float") if scalar::float(&text).is_none() && scalar::unlimited(&text).is_none() => {
            return Err("`!!float` takes a number");
        }
        Some("bool") if scalar::boolean(&text).is_none() => return Err("`!!bool` takes true or false"),
        Some("int" | "float" | "bool") => true,
        Some("str") => false,
        // A lone `!` says that it is a text, too.
        _ if tag.is_some_and(|tag| tag.original() == "!") => false,
        _ if unquoted && scalar::is_null(&text) => return Ok(Value::Null),
        _ => unquoted,
    };
    Ok(Value::Scalar { text: text.into_owned(), plain })
}

/// An object with what its `<<` keys bring along, each as if it stood in the place of its `<<`: of a key that is brought
/// and written the later one counts, of one that several objects bring the first.
///
/// upstream: gopkg.in/yaml.v2 decode.go merge
pub(super) fn merged(entries: Vec<Entry>, merges: Vec<(usize, Node)>) -> Result<Vec<Entry>, Diagnostic> {
    if merges.is_empty() {
        return Ok(entries);
    }
    let mut merges = merges.into_iter().peekable();
    let mut all = Vec::with_capacity(entries.len());
    let mut latest: HashMap<String, (usize, bool)> = HashMap::new();
    for (at, entry) in entries.into_iter().map(Some).chain([None]).enumerate() {
        while let Some((_, node)) = merges.next_if(|(before, _)| *before <= at) {
            for entry in brought(node)? {
                place(&mut all, &mut latest, entry, true);
            }
        }
        if let Some(entry) = entry {
            place(&mut all, &mut latest, entry, false);
        }
    }
    Ok(all)
}

/// Puts an entry where the earlier one of its key stands, if one of them was brought; else at the end.
fn place(all: &mut Vec<Entry>, latest: &mut HashMap<String, (usize, bool)>, entry: Entry, is_brought: bool) {
    match latest.get(&entry.key).and_then(|(at, earlier)| all.get_mut(*at).zip(Some(*earlier))) {
        Some((slot, earlier)) if earlier || is_brought => *slot = entry,
        _ => {
            latest.insert(entry.key.clone(), (all.len(), is_brought));
            all.push(entry);
        }
    }
}

/// What one `<<` brings.
fn brought(node: Node) -> Result<Vec<Entry>, Diagnostic> {
    let objects = match node.value {
        Value::List(objects) => objects,
        _ => vec![node],
    };
    let mut known = HashSet::new();
    let mut brought = Vec::new();
    for object in objects {
        let Value::Map(entries) = object.value else {
            return Err(Diagnostic::error(&object.place, "`<<` takes an object or a list of objects"));
        };
        // Of a key given twice in one object the last counts.
        let mut own: Vec<Entry> = Vec::new();
        for entry in entries.into_iter().rev() {
            if known.insert(entry.key.clone()) {
                own.push(entry);
            }
        }
        own.reverse();
        brought.extend(own);
    }
    Ok(brought)
}

/// Base64 with line breaks, as YAML has it.
fn decoded(text: &str) -> Option<String> {
    let packed: String = text.split_whitespace().collect();
    let bytes = data_encoding::BASE64.decode(packed.as_bytes()).ok()?;
    // upstream: encoding/json writes each byte that is not UTF-8 as U+FFFD.
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    Some(text)
}
