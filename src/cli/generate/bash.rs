//! Completions for bash.

use std::fmt::Write as _;

use super::offer::{self, Offer};
use crate::cli::flags::SERVE;
use crate::cli::help::{VERBS, verb_flags};
use crate::cli::parse::{Shown, shown};

/// What does not depend on the tables. `=` splits a word for bash, so a value may be the third of `-name = value`.
const HEAD: &str = r#"# bash completion for hookbell, made by: hookbell generate bash

_hookbell() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb='' flags='' words='' files='' reply
    COMPREPLY=()
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then
        verb=${COMP_WORDS[1]}
    fi
    case $verb in
"#;

const TAIL: &str = r#"    esac
    if [[ $cur == -* ]]; then
        # One dash or two.
        [[ $cur != --* ]] || flags=-${flags// -/ --}
        words=$flags files=
    fi
    local IFS=$' \t\n'
    case $files in
        -*)
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen "$files" -- "$cur")
            ;;
        *)
            # shellcheck disable=SC2086 # the words are words
            for reply in $words; do
                [[ $reply != "$cur"* ]] || COMPREPLY+=("$reply")
            done
            ;;
    esac
}

complete -F _hookbell hookbell
"#;

/// The script.
pub fn completion() -> String {
    let mut script = HEAD.to_owned();
    let verbs = VERBS.iter().map(|verb| verb.name).collect::<Vec<_>>().join(" ");
    // Commands count as the first word only.
    branch(&mut script, "''", &shown(SERVE), &format!("((COMP_CWORD > 1)) || words='{verbs}'"));
    for verb in VERBS {
        branch(&mut script, verb.name, &verb_flags(verb.name), &assignment(offer::arguments(verb)));
    }
    script + TAIL
}

/// What is offered after one command: its flags, the values of the flag before, else what follows a command.
fn branch(script: &mut String, verb: &str, flags: &[Shown], arguments: &str) {
    let names: Vec<_> = flags.iter().map(|flag| format!("-{}", flag.name)).collect();
    write!(script, "        {verb})\n            flags='{}'\n", quoted(&names.join(" "))).ok();
    let values: Vec<_> = flags.iter().filter_map(|flag| Some((flag.name, offer::value(flag)?))).collect();
    let otherwise = if arguments.is_empty() { ":" } else { arguments };
    writeln!(script, "            case ${{prev/#--/-}} in").ok();
    for (name, value) in values {
        let value = assignment(value);
        let value = if value.is_empty() { "return".to_owned() } else { value };
        writeln!(script, "                -{name}) {value} ;;").ok();
    }
    write!(script, "                *) {otherwise} ;;\n            esac\n            ;;\n").ok();
}

/// What sets the script's variables so that this is offered; empty for nothing.
fn assignment(offer: Offer) -> String {
    match offer {
        Offer::Words(words) => format!("words='{}'", quoted(&words.join(" "))),
        Offer::Files => "files=-f".to_owned(),
        Offer::Folders => "files=-d".to_owned(),
        Offer::Nothing => String::new(),
    }
}

/// For single quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
