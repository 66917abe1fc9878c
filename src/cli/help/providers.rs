//! The table of providers: what an account of each needs, and what it can do. For a terminal, and for the README.

use crate::cli::rows::aligned;
use crate::message::media::MediaKind;
use crate::node::Needed;
use crate::provider::account::properties_of;
use crate::provider::capabilities::{Capabilities, Hears};
use crate::provider::{Kind, Open, table};

const HEADS: [&str; 7] = ["provider", "needs", "text", "template", "media", "status", "inbound"];

/// What stands where there is nothing.
const NOTHING: &str = "–";

/// For a terminal.
pub(super) fn told() -> String {
    let heads = HEADS.map(str::to_uppercase);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    aligned(&heads, table().iter().map(|kind| cells(kind, "").into()).collect())
}

/// For the README: Markdown, whose names lead to an example of each.
pub fn markdown() -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows = table().into_iter().map(|kind| {
        let mut cells = cells(&kind, "`");
        cells[0] = format!("[`{0}`](examples/providers/{0}.json)", kind.name);
        line(&cells)
    });
    line(&HEADS.map(str::to_owned)) + &"|---".repeat(HEADS.len()) + "|\n" + &rows.collect::<String>()
}

/// A row; `quote` stands around the names of properties.
fn cells(kind: &Kind, quote: &str) -> [String; HEADS.len()] {
    let needs = joined(needs(kind).into_iter().map(|name| format!("{quote}{name}{quote}")));
    if let Open::Described(file) = kind.open
        && file.is_open()
    {
        // What its accounts can do only a file of theirs tells.
        let told = || "as described".to_owned();
        return [kind.name.to_owned(), needs, told(), told(), told(), told(), told()];
    }
    let Capabilities { text, template, media, reports, inbound } = &kind.can;
    let text = text.map_or_else(|| "any".to_owned(), |most| most.to_string());
    let kinds = MediaKind::ALL.iter().filter(|(_, kind)| media.iter().any(|limit| limit.kind == *kind));
    let template = if *template { "yes" } else { NOTHING };
    let media = joined(kinds.map(|(word, _)| (*word).to_owned()));
    [kind.name.to_owned(), needs, text, template.to_owned(), media, hears(*reports), hears(*inbound)]
}

/// What an account must have besides its `provider`.
fn needs(kind: &Kind) -> Vec<&'static str> {
    let rows = properties_of(kind).into_iter();
    rows.filter(|row| row.needed != Needed::No && row.name != "provider").map(|row| row.name).collect()
}

fn hears(how: Hears) -> String {
    let word = match how {
        Hears::Never => NOTHING,
        Hears::Callback => "callback",
        Hears::Poll => "poll",
        Hears::Both => "callback or poll",
    };
    word.to_owned()
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> = words.collect();
    if words.is_empty() { NOTHING.to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_an_account_needs_and_can() {
        let text = told();
        let row = |name: &str| text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap_or_default();
        assert!(text.starts_with("PROVIDER"), "{text}");
        assert!(row("telegram").contains("bot-token") && row("telegram").contains("4096"), "{text}");
        assert!(row("whatsapp-cloud").contains("yes") && row("whatsapp-cloud").contains("callback"), "{text}");
        assert!(row("http-json").contains("as described"), "{text}");
        let names: Vec<_> = text.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        assert!(names.is_sorted() && names.len() == table().len(), "{names:?}");
    }
}
