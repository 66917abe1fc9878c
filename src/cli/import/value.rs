//! What a word of a script will be, as far as that can be known before a call.

use crate::go::header::canonical;

/// A text of which parts come from the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value(pub Vec<Part>);

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Fixed text.
    Text(String),
    /// What a parameter of the call holds.
    Parameter {
        /// Where it is: `url`, `payload`, `header`.
        source: String,
        /// What it is called there.
        name: String,
    },
    /// A value that goes through a filter of minijinja's: `replace("_", " ")`.
    Filtered(Value, String),
    /// Something that is known at a call only; what it is, in words.
    Unknown(String),
}

impl Value {
    /// Fixed text.
    pub(super) fn text(text: impl Into<String>) -> Value {
        Value(vec![Part::Text(text.into())])
    }

    /// Something that can't be known here.
    pub(super) fn unknown(what: impl Into<String>) -> Value {
        Value(vec![Part::Unknown(what.into())])
    }

    /// The text, where all of it is fixed.
    pub(super) fn literal(&self) -> Option<String> {
        self.0.iter().map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None }).collect()
    }

    /// Source and name, where it is one parameter and nothing else.
    pub(super) fn parameter(&self) -> Option<(&str, &str)> {
        match &self.0[..] {
            [Part::Parameter { source, name }] => Some((source, name)),
            _ => None,
        }
    }

    /// Whether the caller has a say in it.
    pub(super) fn is_called(&self) -> bool {
        self.0.iter().any(|part| match part {
            Part::Parameter { .. } => true,
            Part::Filtered(value, _) => value.is_called(),
            Part::Text(_) | Part::Unknown(_) => false,
        })
    }

    /// What of it is unknown, if anything.
    pub(super) fn mystery(&self) -> Option<&str> {
        self.0.iter().find_map(|part| match part {
            Part::Unknown(what) => Some(what.as_str()),
            Part::Filtered(value, _) => value.mystery(),
            Part::Text(_) | Part::Parameter { .. } => None,
        })
    }

    /// This and then that.
    pub(super) fn extend(&mut self, other: &Value) {
        for part in &other.0 {
            match (self.0.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(text)) => before.push_str(text),
                (_, Part::Text(text)) if text.is_empty() => {}
                _ => self.0.push(part.clone()),
            }
        }
    }

    /// Less the line ends at its end, as the shell takes them from a command's output.
    pub(super) fn filtered(self, filter: &str) -> Value {
        match self.literal() {
            // What is fixed would have to be changed here.
            Some(_) => Value::unknown("a fixed text that is changed"),
            None => Value(vec![Part::Filtered(self, filter.to_owned())]),
        }
    }

    /// The same as a template of `send.text`; none where that can't say it.
    pub(super) fn template(&self) -> Option<String> {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) if is_plain(text) => Some(text.clone()),
            Part::Text(_) | Part::Unknown(_) => None,
            part => Some(format!("{{{{ {} }}}}", expression(part)?)),
        });
        parts.collect()
    }
}

/// The last piece of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a text means itself in a template.
pub(super) fn is_plain(text: &str) -> bool {
    !["{{", "{%", "{#"].iter().any(|opening| text.contains(opening))
}

fn expression(part: &Part) -> Option<String> {
    match part {
        Part::Parameter { source, name } => match (source.as_str(), name.as_str()) {
            ("url" | "query", "msg") => Some("msg".to_owned()),
            ("url" | "query", name) => Some(format!("query{}", step(name))),
            ("payload", path) => Some(format!("payload{}", path.split('.').map(step).collect::<String>())),
            ("header", name) => Some(format!("headers{}", step(&canonical(name)))),
            _ => None,
        },
        Part::Filtered(value, filter) => match &value.0[..] {
            [only] => Some(format!("{} | {filter}", expression(only)?)),
            parts => {
                let parts = parts.iter().map(|part| match part {
                    Part::Text(text) => serde_json::to_string(text).ok(),
                    part => expression(part),
                });
                Some(format!("({}) | {filter}", parts.collect::<Option<Vec<_>>>()?.join(" ~ ")))
            }
        },
        Part::Text(_) | Part::Unknown(_) => None,
    }
}

fn step(name: &str) -> String {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match name.parse::<usize>() {
        _ if is_name => format!(".{name}"),
        Ok(index) => format!("[{index}]"),
        Err(_) => format!("[{}]", serde_json::Value::from(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    #[test]
    fn values_become_templates_that_can_be_parsed() {
        let parameter = |source: &str, name: &str| Part::Parameter { source: source.into(), name: name.into() };
        let text = |text: &str| Part::Text(text.into());
        let pair = Value(vec![parameter("url", "a"), text(" "), parameter("payload", "b.0.c-d")]);
        for (value, template) in [
            (vec![parameter("url", "msg")], "{{ msg }}"),
            (vec![text("Backup: "), parameter("url", "job-name")], "Backup: {{ query[\"job-name\"] }}"),
            (vec![parameter("header", "x-job")], "{{ headers[\"X-Job\"] }}"),
            (vec![Part::Filtered(pair, "upper".into())], "{{ (query.a ~ \" \" ~ payload.b[0][\"c-d\"]) | upper }}"),
        ] {
            let written = Value(value).template().unwrap();
            assert_eq!(written, template);
            Template::parse(&written).unwrap();
        }
        assert_eq!(Value::unknown("x").template(), None);
        assert_eq!(Value::text("{{").template(), None);
    }
}
