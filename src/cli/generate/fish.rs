//! Completions for fish.

use std::fmt::Write as _;

use super::offer::{self, Offer};
use crate::cli::flags::SERVE;
use crate::cli::help::{VERBS, verb_flags};
use crate::cli::parse::{Shown, shown};

/// The script.
pub fn completion() -> String {
    let mut script =
        "# fish completion for hookbell, made by: hookbell generate fish\n\ncomplete -c hookbell -f\n".to_owned();
    for verb in VERBS {
        let help = quoted(verb.help);
        writeln!(script, "complete -c hookbell -n __fish_is_first_token -a {} -d '{help}'", verb.name).ok();
    }
    let names = VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(" ");
    flags(&mut script, &format!("not __fish_seen_subcommand_from {names}"), &shown(SERVE));
    for verb in VERBS {
        let when = format!("__fish_seen_subcommand_from {}", verb.name);
        let arguments = offered(&offer::arguments(verb));
        if !arguments.is_empty() {
            writeln!(script, "complete -c hookbell -n '{when}'{arguments}").ok();
        }
        flags(&mut script, &when, &verb_flags(verb.name));
    }
    script
}

fn flags(script: &mut String, when: &str, table: &[Shown]) {
    for flag in table {
        let value = offer::value(flag).map(|value| format!(" -r{}", offered(&value))).unwrap_or_default();
        writeln!(script, "complete -c hookbell -n '{when}' -o {}{value} -d '{}'", flag.name, quoted(flag.help)).ok();
    }
}

fn offered(offer: &Offer) -> String {
    match offer {
        Offer::Words(words) => format!(" -a '{}'", quoted(&words.join(" "))),
        Offer::Files => " -F".to_owned(),
        Offer::Folders => " -a '(__fish_complete_directories)'".to_owned(),
        Offer::Nothing => String::new(),
    }
}

/// For single quotes: fish takes a backslash there.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
