//! A JSON value whose texts are templates.

use serde_json::{Map, Value as Json};

use crate::node::{Node, Reader, Value};
use crate::template::Template;

/// Such a value. What a template leaves empty is left out of what it stands in: a key and its value, an element of a list,
/// and an object in which nothing is left.
pub(super) enum Tree {
    /// It holds no template.
    Fixed(Json),
    /// A text, or what its only tag yields.
    Leaf(Template),
    /// A list.
    List(Vec<Tree>),
    /// An object, in the order in which it is written.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads one whose templates use these names.
    pub(super) fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Tree> {
        Some(match &node.value {
            Value::Null => Tree::Fixed(Json::Null),
            Value::Scalar { text, plain: true } => {
                Tree::Fixed(serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())))
            }
            Value::Scalar { text, .. } if !text.contains('{') => Tree::Fixed(Json::String(text.clone())),
            Value::Scalar { .. } => Tree::Leaf(template(node, names, reader)?),
            Value::List(_) => {
                let read = |reader: &mut Reader<'_>, node: &Node| Tree::read(node, names, reader);
                Tree::List(reader.list(node, read)?)
            }
            Value::Map(_) => Tree::Map(branches(node, names, reader)?),
        })
    }

    /// The value with all filled in; `None` where it is left out. The error says what a template can't do.
    pub(super) fn fill(&self, values: &Json) -> Result<Option<Json>, String> {
        Ok(match self {
            Tree::Fixed(json) => Some(json.clone()),
            Tree::Leaf(template) => Some(template.value(values)?).filter(|json| !is_empty(json)),
            Tree::List(elements) => {
                let filled: Result<Vec<_>, _> = elements.iter().map(|element| element.fill(values)).collect();
                Some(Json::Array(filled?.into_iter().flatten().collect()))
            }
            Tree::Map(branches) => {
                let mut filled = Map::new();
                for (key, branch) in branches {
                    if let Some(json) = branch.fill(values)? {
                        filled.insert(key.clone(), json);
                    }
                }
                (branches.is_empty() || !filled.is_empty()).then_some(Json::Object(filled))
            }
        })
    }
}

/// The keys of an object and what stands under them.
pub(super) fn branches(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Vec<(String, Tree)>> {
    let entries = reader.entries(node)?;
    let mut branches = Vec::with_capacity(entries.len());
    for entry in entries {
        branches.push((entry.key.clone(), Tree::read(&entry.value, names, reader)?));
    }
    Some(branches)
}

/// A template that uses these names.
pub(super) fn template(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Template> {
    let text = reader.text(node)?;
    match Template::parse_with(&text, names) {
        Ok(template) => Some(template),
        Err(error) => reader.wrong(&node.place, error.to_string()),
    }
}

fn is_empty(json: &Json) -> bool {
    json.is_null() || json.as_str().is_some_and(str::is_empty)
}

/// A text, number or boolean as text; `None` for anything else.
pub(super) fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diagnostic::Source;
    use crate::node::{Form, parse};
    use crate::secret::Surroundings;

    fn filled(tree: &Json, values: Json) -> Result<Option<Json>, String> {
        let node = parse(&Arc::new(Source::new("d.json", tree.to_string()))).map_err(|finding| finding.message)?;
        let (mut findings, mut surroundings) = (Vec::new(), Surroundings::default());
        let mut reader = Reader { form: Form::Full, findings: &mut findings, surroundings: &mut surroundings };
        let tree = Tree::read(&node, &["text", "title", "level"], &mut reader);
        tree.ok_or_else(|| findings[0].message.clone())?.fill(&values)
    }

    #[test]
    fn what_is_empty_is_left_out_and_what_is_typed_stays_so() {
        let values = json!({ "text": "a \"b\"\n{{ c }}", "title": "", "level": 5 });
        for (tree, wanted) in [
            (
                json!({ "a": "{{ text }}", "b": "{{ title }}", "c": "{{ level }}" }),
                json!({ "a": values["text"], "c": 5 }),
            ),
            (json!({ "a": "<{{ level }}>", "b": ["{{ title }}", "x"] }), json!({ "a": "<5>", "b": ["x"] })),
            (
                json!({ "a": { "b": "{{ title }}" }, "c": {}, "d": [], "e": null }),
                json!({ "c": {}, "d": [], "e": null }),
            ),
            (json!({ "a": "", "b": true, "c": 1.5, "d": "1" }), json!({ "a": "", "b": true, "c": 1.5, "d": "1" })),
            (json!("{{ 'high' if level > 4 }}"), json!("high")),
        ] {
            assert_eq!(filled(&tree, values.clone()), Ok(Some(wanted)), "{tree}");
        }
        assert_eq!(filled(&json!("{{ level > 9 and 'x' or '' }}"), values.clone()), Ok(None));
        assert!(filled(&json!("{{ levle }}"), values).unwrap_err().contains("did you mean \"level\"?"));
    }
}
