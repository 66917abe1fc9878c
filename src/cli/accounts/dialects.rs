//! The gateways that a file describes.

use serde_json::{Value, json};

use crate::cli::exit::{Exit, print};
use crate::cli::rows::aligned;
use crate::diagnostic::did_you_mean;
use crate::provider::dialects::{BuiltIn, all, named};

/// Lists those in the program; with a name, prints the file itself.
pub(super) fn dialects(name: Option<&str>, as_json: bool) -> anyhow::Result<Exit> {
    let text = match name {
        Some(name) => one(name)?.text.to_owned(),
        None if as_json => format!("{:#}\n", listed()),
        None => aligned(&["DIALECT", "WHAT IT IS"], all().iter().map(row).collect()),
    };
    print(&text);
    Ok(Exit::Fine)
}

fn row(dialect: &BuiltIn) -> Vec<String> {
    vec![dialect.name.to_owned(), dialect.help().to_owned()]
}

fn listed() -> Value {
    let rows = all().iter().map(|dialect| json!({ "dialect": dialect.name, "help": dialect.help() }));
    json!({ "dialects": rows.collect::<Vec<_>>() })
}

fn one(name: &str) -> anyhow::Result<&'static BuiltIn> {
    let names = all().iter().map(|dialect| dialect.name);
    named(name).ok_or_else(|| {
        let help = did_you_mean(name, names.clone())
            .unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
        anyhow::anyhow!("no dialect is called \"{name}\": {help}")
    })
}
