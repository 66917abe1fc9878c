//! JSON as people write it: keys in the order given, and what fits into a line in one line.

use std::fmt::Write as _;

/// How long a line may be, in characters.
const WIDTH: usize = 110;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Json>),
    /// An object, its keys in order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// A text.
    pub(super) fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    /// An object of these keys and values.
    pub(super) fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
        Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    /// The value of a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        let Json::Object(entries) = self else { return None };
        entries.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    /// The text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// A whole file.
    pub(super) fn file(&self) -> String {
        let mut text = String::new();
        // The file and its sections have a line for each entry.
        self.write(&mut text, 0, 2);
        text + "\n"
    }

    /// `open`: how many levels of it are spread over lines even where they fit into one.
    fn write(&self, text: &mut String, indent: usize, open: usize) {
        let line = self.line();
        let used = text.chars().rev().take_while(|c| *c != '\n').count();
        if open == 0 && used + line.chars().count() < WIDTH {
            text.push_str(&line);
            return;
        }
        let break_line = |text: &mut String, indent: usize| {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent * 2));
        };
        match self {
            Json::List(elements) if !elements.is_empty() => {
                text.push('[');
                for (at, element) in elements.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    break_line(text, indent + 1);
                    element.write(text, indent + 1, open.saturating_sub(1));
                }
                break_line(text, indent);
                text.push(']');
            }
            Json::Object(entries) if !entries.is_empty() => {
                text.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    break_line(text, indent + 1);
                    write!(text, "{}: ", quoted(key)).ok();
                    value.write(text, indent + 1, open.saturating_sub(1));
                }
                break_line(text, indent);
                text.push('}');
            }
            _ => text.push_str(&line),
        }
    }

    /// All of it in one line.
    fn line(&self) -> String {
        match self {
            Json::Text(text) => quoted(text),
            Json::Number(number) => number.to_string(),
            Json::Flag(flag) => flag.to_string(),
            Json::List(elements) => {
                format!("[{}]", elements.iter().map(Json::line).collect::<Vec<_>>().join(", "))
            }
            Json::Object(entries) if entries.is_empty() => "{}".to_owned(),
            Json::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), value.line()));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stands_in_a_line() {
        let hook = Json::object([("id", Json::text("a\n\"Ж")), ("n", Json::Number(-3)), ("on", Json::Flag(true))]);
        let long =
            Json::object([("id", Json::text("x".repeat(60))), ("run", Json::List(vec![Json::text("y".repeat(60))]))]);
        let file = Json::object([("contacts", Json::object([])), ("hooks", Json::List(vec![hook, long]))]);
        let [x, y] = ["x", "y"].map(|c| c.repeat(60));
        let expected = format!(
            "{{\n  \"contacts\": {{}},\n  \"hooks\": [\n    {{ \"id\": \"a\\n\\\"Ж\", \"n\": -3, \"on\": true }},\n    \
             {{\n      \"id\": \"{x}\",\n      \"run\": [\"{y}\"]\n    }}\n  ]\n}}\n"
        );
        assert_eq!(file.file(), expected);
        assert!(serde_json::from_str::<serde_json::Value>(&expected).is_ok());
    }
}
