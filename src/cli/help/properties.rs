//! The properties that a topic tells of, from the tables that files are read by.

use std::fmt::Write as _;

use crate::hook::properties::HOOKS;
use crate::node::{About, Shape};
use crate::provider::account::properties_of;
use crate::provider::table;

/// How long a line may be.
const WIDTH: usize = 116;

/// What follows the text of the topic `name`; empty for most.
pub(super) fn of(name: &str) -> String {
    match name {
        "hooks" => told(&(HOOKS.rows)()),
        "send" => told(&inside(&(HOOKS.rows)(), "send")),
        "canary" => told(&table().first().map(|kind| inside(&properties_of(kind), "canary")).unwrap_or_default()),
        "accounts" => accounts(),
        _ => String::new(),
    }
}

/// Every provider with what is its own, below what all have in common.
fn accounts() -> String {
    let kinds: Vec<_> = table().iter().map(|kind| (kind.name, properties_of(kind))).collect();
    let is_common = |row: &&About| kinds.iter().all(|(_, rows)| rows.iter().any(|other| other.name == row.name));
    let common = kinds.first().map(|(_, rows)| rows.iter().filter(is_common).cloned().collect::<Vec<_>>());
    let mut text = format!("Every account has\n{}", told(&common.unwrap_or_default()));
    for (kind, rows) in &kinds {
        let own: Vec<About> = rows.iter().filter(|row| !is_common(row)).cloned().collect();
        if !own.is_empty() {
            write!(text, "\n\"provider\": \"{kind}\" has also\n{}", told(&own)).ok();
        }
    }
    text
}

/// The rows of the object that the property `name` takes.
fn inside(rows: &[About], name: &str) -> Vec<About> {
    let object = rows.iter().find(|row| row.name == name).map(|row| &row.takes);
    match object {
        Some(Shape::Object(table)) => (table.rows)(),
        _ => Vec::new(),
    }
}

/// A row for each, in two columns; the second is as narrow as a terminal wants it.
fn told(rows: &[About]) -> String {
    let column = rows.iter().map(|row| row.name.len()).max().unwrap_or_default() + 4;
    let mut text = String::new();
    for About { name, help, default, .. } in rows {
        let default = if default.is_empty() { String::new() } else { format!(" ({default})") };
        let mut line = format!("  {name:<width$}", width = column - 2);
        for word in format!("{help}{default}").split(' ') {
            if line.chars().count() + word.chars().count() > WIDTH {
                writeln!(text, "{}", line.trim_end()).ok();
                line = " ".repeat(column);
            }
            line += word;
            line += " ";
        }
        writeln!(text, "{}", line.trim_end()).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_told_where_it_belongs() {
        for (topic, names) in [
            ("hooks", &["id", "trigger-rule", "expect-every"][..]),
            ("send", &["to", "via", "thread", "dedupe"]),
            ("canary", &["to", "every", "within", "until"]),
            ("accounts", &["provider", "rate", "bot-token", "success-pattern", "business-account-id", "server"]),
        ] {
            let text = of(topic);
            for name in names {
                assert!(
                    text.contains(&format!("\n  {name} ")) || text.starts_with(&format!("  {name} ")),
                    "{name}: {text}"
                );
            }
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
    }
}
