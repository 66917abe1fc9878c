//! Completions for zsh.

use std::fmt::Write as _;

use super::offer::{self, Offer};
use crate::cli::flags::SERVE;
use crate::cli::help::{VERBS, verb_flags};
use crate::cli::parse::{Shown, shown};

const HEAD: &str = "#compdef hookbell
# zsh completion for hookbell, made by: hookbell generate zsh

_hookbell() {
    local -a commands
    commands=(
";

/// The script.
pub fn completion() -> String {
    let mut script = HEAD.to_owned();
    for verb in VERBS {
        writeln!(script, "        '{}:{}'", verb.name, quoted(verb.help)).ok();
    }
    script += "    )\n    if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then\n        \
               _describe -t commands command commands\n        return\n    fi\n    case $words[2] in\n";
    for verb in VERBS {
        // The command itself is the first argument.
        branch(&mut script, verb.name, &verb_flags(verb.name), Some(offer::arguments(verb)));
    }
    branch(&mut script, "*", &shown(SERVE), None);
    script + "    esac\n}\n\n_hookbell \"$@\"\n"
}

fn branch(script: &mut String, pattern: &str, flags: &[Shown], arguments: Option<Offer>) {
    write!(script, "        {pattern})\n            _arguments").ok();
    for flag in flags {
        let help = quoted(&flag.help.replace(['[', ']'], ""));
        let value = match (flag.value, offer::value(flag)) {
            (Some(name), Some(value)) => format!(":{}:{}", quoted(name).replace(':', "\\:"), action(&value)),
            _ => String::new(),
        };
        // A star: again and again. Two forms: the value as the next word, or behind `=`.
        let equals = if value.is_empty() { "" } else { "=" };
        write!(script, " \\\n                '*-{}{equals}[{}]{value}'", flag.name, help).ok();
    }
    if let Some(arguments) = arguments {
        write!(script, " \\\n                '1: :' '*: :{}'", action(&arguments)).ok();
    }
    script.push_str("\n            ;;\n");
}

/// What `_arguments` calls an action.
fn action(offer: &Offer) -> String {
    match offer {
        Offer::Words(words) => format!("({})", quoted(&words.join(" "))),
        Offer::Files => "_files".to_owned(),
        Offer::Folders => "_files -/".to_owned(),
        Offer::Nothing => " ".to_owned(),
    }
}

/// For single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
