//! The properties that a dialect gives its accounts, and what an account says in them.

use http::Uri;
use serde_json::{Map, Value as Json};

use super::wording::TEMPLATE;
use crate::diagnostic::Diagnostic;
use crate::node::{About, Entry, Needed, Node, Placed, Property, Reader, Shape, needed, property};
use crate::provider::named_template;
use crate::secret::Secret;
use crate::url::encode_value;

/// What stands where a secret is.
const MASK: &str = "[secret]";

/// One property, as a dialect declares it.
pub(super) struct Declared {
    name: String,
    holds: Holds,
    help: String,
    default: String,
    needed: bool,
    /// Of one that holds words: the expression that they match, for the schema.
    pattern: String,
}

/// What a property holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Holds {
    /// A text, shown wherever it is used.
    #[default]
    Text,
    /// A text that is never shown.
    Secret,
    /// A whole address that is a secret, such as a room's webhook: whoever knows it may post there.
    Url,
    /// One of these words.
    Words(Vec<String>),
}

#[derive(Default)]
struct Written {
    holds: Option<Holds>,
    help: Option<String>,
    default: Option<Placed<String>>,
    needed: bool,
}

const DECLARED: &[Property<Written>] = &[
    needed("holds", Shape::Text, "text, secret, url, or a list of words.", |written, node, reader| {
        written.holds = holds(node, reader)
    }),
    needed("help", Shape::Text, "What it is for, and where it is found.", |written, node, reader| {
        written.help = reader.text(node)
    }),
    property("default", Shape::Text, "What holds where it is left out.", |written, node, reader| {
        written.default = reader.placed_text(node)
    }),
    property("needed", Shape::Boolean, "Whether it must not be left out.", |written, node, reader| {
        written.needed = reader.boolean(node).unwrap_or_default()
    }),
];

fn holds(node: &Node, reader: &mut Reader<'_>) -> Option<Holds> {
    if let Some(words) = matches!(node.value, crate::node::Value::List(_)).then(|| reader.list(node, Reader::text)) {
        return words.map(Holds::Words);
    }
    match reader.text(node)?.as_str() {
        "text" => Some(Holds::Text),
        "secret" => Some(Holds::Secret),
        "url" => Some(Holds::Url),
        _ => reader.wrong(&node.place, "expected \"text\", \"secret\", \"url\" or a list of words"),
    }
}

/// Reads the properties that a dialect declares.
pub(super) fn declared(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Declared>> {
    let entries = reader.entries(node)?;
    Some(entries.into_iter().filter_map(|entry| one(entry, reader)).collect())
}

fn one(entry: &Entry, reader: &mut Reader<'_>) -> Option<Declared> {
    let earlier = reader.findings.len();
    let Written { holds, help, default, needed } = reader.record(&entry.value, DECLARED)?;
    let name = entry.key.clone();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return reader.wrong(&entry.key_place, "a property's name has small letters, digits and dashes");
    }
    if [TEMPLATE, named_template::ABOUT.name].contains(&&*name) {
        return reader.wrong(&entry.key_place, "every dialect has that name already: call the property something else");
    }
    let (Some(holds), Some(help)) = (holds, help) else {
        if reader.findings.len() == earlier {
            reader.error(&entry.value.place, "a property needs \"holds\" and \"help\"");
        }
        return None;
    };
    if let Some(default) = default.as_ref().filter(|_| matches!(holds, Holds::Secret | Holds::Url)) {
        return reader.wrong(&default.place, "a secret has no default");
    }
    let pattern = match &holds {
        Holds::Words(words) => {
            format!("^({})$", words.iter().map(|word| regex::escape(word)).collect::<Vec<_>>().join("|"))
        }
        _ => String::new(),
    };
    let default = default.map(|default| default.value).unwrap_or_default();
    Some(Declared { name, holds, help, default, needed, pattern })
}

impl Declared {
    /// Its name in templates, where a dash would mean minus.
    pub(super) fn variable(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Its key in an account.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub(super) fn help(&self) -> &str {
        &self.help
    }

    /// Whether accounts must have it.
    pub(super) fn needed(&self) -> bool {
        self.needed
    }

    /// Whether it is an address of its own, in the place of `base-url`.
    pub(super) fn is_url(&self) -> bool {
        self.holds == Holds::Url
    }

    /// Its row, for the schema and the help.
    pub(super) fn about(&'static self) -> About {
        let takes = match self.holds {
            Holds::Text => Shape::Text,
            Holds::Secret | Holds::Url => Shape::Secret,
            Holds::Words(_) => Shape::Pattern(&self.pattern),
        };
        let needed = if self.needed { Needed::Always } else { Needed::No };
        About { name: &self.name, takes, help: &self.help, default: &self.default, needed, guards: false }
    }

    fn read(&self, node: &Node, reader: &mut Reader<'_>) -> Option<Setting> {
        match &self.holds {
            Holds::Text => reader.text(node).map(Setting::Text),
            Holds::Secret => reader.secret(node).map(Setting::Secret),
            Holds::Url => url(node, reader),
            Holds::Words(words) => {
                let text = reader.text(node)?;
                match words.contains(&text) {
                    true => Some(Setting::Text(text)),
                    false => reader.wrong(&node.place, format!("expected one of {}", words.join(", "))),
                }
            }
        }
    }
}

/// A webhook's address is as secret as a password; so the findings don't repeat it.
fn url(node: &Node, reader: &mut Reader<'_>) -> Option<Setting> {
    let written = reader.secret(node)?;
    let url = written.expose().parse::<Uri>().ok();
    let shown = url.as_ref().and_then(|url| {
        let host = url.host().filter(|host| !host.is_empty() && matches!(url.scheme_str(), Some("http" | "https")))?;
        url.path_and_query().filter(|path| path.as_str() != "/")?;
        Some(format!("{}://{host}/{MASK}", url.scheme_str()?))
    });
    match shown {
        Some(shown) => Some(Setting::Url { url: written, shown }),
        None => reader.note(
            Diagnostic::error(
                &node.place,
                "expected the whole http:// or https:// address that messages are posted to",
            )
            .help("copy it as it is shown where the webhook was made"),
        ),
    }
}

/// What an account says in one property.
#[derive(Clone)]
enum Setting {
    Text(String),
    Secret(Secret),
    Url { url: Secret, shown: String },
}

/// Who looks at values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// The provider: secrets are themselves.
    Provider,
    /// People: secrets are masked.
    People,
}

/// What an account says, and where its API is.
pub(super) struct Settings {
    base_url: String,
    settings: Vec<(String, Setting)>,
}

impl Settings {
    /// Reads the properties of an account; `None` after a mistake, which the reader has noted.
    pub(super) fn read(
        entries: &[&Entry],
        declared: &[Declared],
        base_url: &str,
        reader: &mut Reader<'_>,
    ) -> Option<Settings> {
        let mut settings = Vec::new();
        for property in declared {
            let entry = entries.iter().find(|entry| entry.key == property.name);
            let given = entry.filter(|entry| !matches!(entry.value.value, crate::node::Value::Null));
            match given {
                Some(entry) => settings.push((property.variable(), property.read(&entry.value, reader)?)),
                // Also what is empty: it may be called as something of a message is, and stands for itself.
                None => settings.push((property.variable(), Setting::Text(property.default.clone()))),
            }
        }
        Some(Settings { base_url: base_url.to_owned(), settings })
    }

    /// All values for a template: those of a message, and the account's own.
    pub(super) fn values(&self, message: &Map<String, Json>, view: View) -> Json {
        let mut values = message.clone();
        values.insert("base_url".to_owned(), Json::String(self.base_url.clone()));
        for (name, setting) in &self.settings {
            values.insert(name.clone(), Json::String(setting.seen(view).to_owned()));
        }
        Json::Object(values)
    }

    /// The same for a template of an address: whatever is no address itself is percent-encoded, so that no value can lead
    /// to another place.
    pub(super) fn values_in_url(&self, message: &Map<String, Json>, view: View) -> Json {
        let mut values: Map<_, _> = message.iter().map(|(name, value)| (name.clone(), encoded(value))).collect();
        values.insert("base_url".to_owned(), Json::String(self.base_url.clone()));
        for (name, setting) in &self.settings {
            let seen = setting.seen(view);
            let is_whole = matches!(setting, Setting::Url { .. }) || seen == MASK;
            let value = if is_whole { seen.to_owned() } else { encode_value(seen.as_bytes()) };
            values.insert(name.clone(), Json::String(value));
        }
        Json::Object(values)
    }
}

/// The value with every text in it percent-encoded.
fn encoded(value: &Json) -> Json {
    match value {
        Json::Object(parts) => parts.iter().map(|(name, part)| (name.clone(), encoded(part))).collect(),
        Json::Array(parts) => parts.iter().map(encoded).collect(),
        Json::String(text) => Json::String(encode_value(text.as_bytes())),
        value => value.clone(),
    }
}

impl Setting {
    fn seen(&self, view: View) -> &str {
        match (self, view) {
            (Setting::Text(text), _) => text,
            (Setting::Secret(secret) | Setting::Url { url: secret, .. }, View::Provider) => secret.expose(),
            (Setting::Secret(_), View::People) => MASK,
            (Setting::Url { shown, .. }, View::People) => shown,
        }
    }
}
