//! `http-json`: any gateway that is spoken to by HTTP and that a dialect describes, one of ours or a file of one's own.

use std::sync::Arc;

use crate::account::Limits;
use crate::diagnostic::{Diagnostic, Source, did_you_mean};
use crate::node::{About, Node, Placed, Property, Reader, Shape, Value, needed, rows};
use crate::provider::capabilities::Capabilities;
use crate::provider::dialect::{Parsed, parsed};
use crate::provider::dialects::{self, BuiltIn};
use crate::provider::{Described, Kind, Open, Opened, account};

/// The row of the table; what an account can do, and how often, its dialect says.
pub(super) const KIND: Kind = Kind {
    name: "http-json",
    limits: Limits::NONE,
    can: Capabilities::TEXT,
    help: "Any gateway that is spoken to by HTTP: a dialect, which is a JSON file, says how.",
    properties: Vec::new,
    open: Open::Described(&HttpJson),
};

struct HttpJson;

#[derive(Default)]
struct Properties {
    dialect: Option<Spoken>,
}

/// What an account speaks.
enum Spoken {
    Ours(&'static BuiltIn),
    Own(Parsed),
}

const PROPERTIES: &[Property<Properties>] = &[needed(
    "dialect",
    Shape::TextOrFile,
    "The gateway's dialect: {\"file\": PATH}, or the name of one in the program; `hookbell accounts dialects` lists those.",
    |properties, node, reader| properties.dialect = dialect(node, reader),
)];

fn dialect(node: &Node, reader: &mut Reader<'_>) -> Option<Spoken> {
    if let Value::Map(_) = node.value {
        let entries = reader.entries(node)?;
        let [entry] = entries.as_slice() else { return reader.wrong(&node.place, "expected {\"file\": PATH}") };
        if entry.key != "file" {
            return reader.wrong(&entry.key_place, "expected {\"file\": PATH}");
        }
        let path = reader.path(&entry.value)?;
        return match reader.surroundings.file(&path) {
            Ok(text) => parsed(&Arc::new(Source::new(path, text)), reader).map(Spoken::Own),
            Err(why) => reader.wrong(&node.place, why),
        };
    }
    let name = reader.text(node)?;
    match dialects::named(&name) {
        Some(ours) => Some(Spoken::Ours(ours)),
        None => {
            let guess = did_you_mean(&name, dialects::all().iter().map(|dialect| dialect.name));
            let help = guess.unwrap_or_else(|| "a dialect of your own is named {\"file\": PATH}".to_owned());
            reader.note(Diagnostic::error(&node.place, format!("no dialect is called \"{name}\"")).help(help))
        }
    }
}

impl Described for HttpJson {
    fn base_url(&'static self) -> Option<&'static str> {
        Some("")
    }

    fn rows(&'static self) -> Vec<About> {
        rows(PROPERTIES)
    }

    fn is_open(&self) -> bool {
        true
    }

    fn open(&self, node: &Node, base_url: Option<&Placed<String>>, reader: &mut Reader<'_>) -> Option<Opened> {
        let earlier = reader.findings.len();
        let names = ["dialect"];
        let Properties { dialect } = reader.record(&account::part_named(node, &names), PROPERTIES)?;
        match dialect {
            Some(Spoken::Ours(ours)) => ours.parsed()?.open(node, base_url, &names, reader),
            Some(Spoken::Own(own)) => own.open(node, base_url, &names, reader),
            None => {
                account::hide(node);
                if reader.findings.len() == earlier {
                    reader.error(&node.place, "no \"dialect\" is named: {\"file\": PATH}, or one in the program");
                }
                None
            }
        }
    }
}
