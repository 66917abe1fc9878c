//! What a template of adnanh/webhook takes from outside, kept as a reference: no value is looked up.

use super::json::Json;

/// Stand around the number of a reference in a text. They are for private use, so no hooks file has them.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// A text whose actions were taken out, and what they meant.
pub(super) struct References {
    /// The text, with a mark for each action.
    pub text: String,
    found: Vec<Json>,
}

impl References {
    /// A text that is no template.
    pub(super) fn none(text: &str) -> References {
        References { text: text.to_owned(), found: Vec::new() }
    }

    /// A text whose actions are all `getenv`, `cat` and `credential` of a fixed name, as `js` or not, or comments;
    /// else none.
    pub(super) fn of(text: &str) -> Option<References> {
        let mut references = References { text: String::new(), found: Vec::new() };
        if text.contains(MARKS) {
            return None;
        }
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("{{") {
            references.text.push_str(before);
            let (action, after) = behind.split_once("}}")?;
            // A dash would trim the text around, and change nothing that a reader of YAML sees between brackets.
            let action = action.trim_matches(|c: char| c == '-' || c.is_whitespace());
            if !(action.starts_with("/*") && action.ends_with("*/")) {
                references.text.push_str(&format!("{}{}{}", MARKS[0], references.found.len(), MARKS[1]));
                references.found.push(reference(action)?);
            }
            rest = after;
        }
        references.text.push_str(rest);
        Some(references)
    }

    /// The reference that a text is, if it is nothing else.
    pub(super) fn named(&self, text: &str) -> Option<Json> {
        let number = text.strip_prefix(MARKS[0])?.strip_suffix(MARKS[1])?;
        self.found.get(number.parse::<usize>().ok()?).cloned()
    }

    /// Whether a reference stands in a text.
    pub(super) fn touches(&self, text: &str) -> bool {
        !self.found.is_empty() && text.contains(MARKS)
    }
}

fn reference(action: &str) -> Option<Json> {
    let call = match action.split_once('|') {
        Some((call, escape)) if escape.trim() == "js" => call.trim(),
        Some(_) => return None,
        None => action,
    };
    let (function, name) = call.split_once(char::is_whitespace)?;
    let name = name.trim();
    let inside = ['"', '`'].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote))?;
    let is_plain = !inside.is_empty() && !inside.contains(['"', '`', '\\']);
    let key = match function {
        "getenv" => "env",
        "cat" => "file",
        "credential" => "credential",
        _ => return None,
    };
    is_plain.then(|| Json::object([(key, Json::text(inside))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_templates_become_references() {
        let text = r#"{{/* x */}}["{{ getenv "A" | js }}", "{{- credential `b` -}}", "x{{cat "/c"}}"]"#;
        let references = References::of(text).unwrap();
        let marked = |n: usize| format!("{}{n}{}", MARKS[0], MARKS[1]);
        assert_eq!(references.named(&marked(0)), Some(Json::object([("env", Json::text("A"))])));
        assert_eq!(references.named(&marked(1)), Some(Json::object([("credential", Json::text("b"))])));
        assert_eq!(references.named(&format!("x{}", marked(2))), None);
        assert!(references.touches(&marked(2)) && !references.touches("x"));
        for text in ["{{ if x }}", "{{ getenv \"A\" | printf }}", "{{ getenv $x }}", "{{ getenv \"A", "{{ x }}"] {
            assert!(References::of(text).is_none(), "{text}");
        }
    }
}
