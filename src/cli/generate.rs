//! The man page and the shells' completions, made from the tables of flags and commands.

use std::ffi::OsString;

use crate::diagnostic::did_you_mean;

pub mod bash;
pub mod fish;
pub mod man;
pub mod offer;
pub mod zsh;

/// What can be made: its name, and who makes it.
type Kind = (&'static str, fn() -> String);

const KINDS: &[Kind] =
    &[("man", man::page), ("bash", bash::completion), ("zsh", zsh::completion), ("fish", fish::completion)];

/// Makes what the words name. The error says what can be made.
pub fn generate(words: &[OsString]) -> Result<String, String> {
    let names = || KINDS.iter().map(|kind| kind.0);
    let choice = || names().collect::<Vec<_>>().join(", ");
    match words {
        [] => Err(format!("what? there are {}", choice())),
        [_, second, ..] => Err(format!("one at a time: {second:?} is one too many")),
        [word] => {
            let word = word.to_string_lossy();
            let make = KINDS.iter().find(|kind| kind.0 == word).map(|kind| kind.1);
            let make = make.ok_or_else(|| {
                let advice = did_you_mean(&word, names()).unwrap_or_else(|| format!("there are {}", choice()));
                format!("nothing is called \"{word}\": {advice}")
            })?;
            Ok(make())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::flags::SERVE;
    use crate::cli::help::{TOPICS, VERBS, verb_flags};
    use crate::cli::parse::shown;

    fn made(word: &str) -> Result<String, String> {
        generate(&[word.into()])
    }

    #[test]
    fn everything_made_tells_of_every_flag_and_every_command() {
        for (name, make) in KINDS {
            let text = make();
            // In roff a dash is written \-, to fish a flag is `-o NAME`.
            let plain = text.replace("\\-", "-").replace("-o ", "-");
            let told = |flag: &str| {
                plain.match_indices(&format!("-{flag}")).any(|(at, found)| {
                    let after = plain[at + found.len()..].chars().next();
                    !after.is_some_and(|c| c.is_alphanumeric() || c == '-')
                })
            };
            for flag in shown(SERVE) {
                assert!(told(flag.name), "{name}: -{}", flag.name);
            }
            for verb in VERBS {
                assert!(plain.contains(verb.name), "{name}: {}", verb.name);
                for flag in verb_flags(verb.name) {
                    assert!(told(flag.name), "{name}: {} -{}", verb.name, flag.name);
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_is_answered_by_what_is() {
        assert_eq!(generate(&[]), Err("what? there are man, bash, zsh, fish".to_owned()));
        assert!(made("bahs").unwrap_err().contains("did you mean \"bash\"?"));
        assert!(made("powershell").unwrap_err().contains("there are man, bash"));
        assert!(generate(&["man".into(), "bash".into()]).is_err());
    }

    #[test]
    fn the_page_has_every_topic_and_no_line_that_roff_would_take_for_a_request() {
        let page = made("man").unwrap();
        for (topic, _, text) in TOPICS {
            assert!(page.contains(&format!(".SH {}\n", topic.to_uppercase().replace('-', " "))), "{topic}");
            let word = text.split_whitespace().next().unwrap_or_default();
            assert!(page.contains(&word.replace('…', "\\[u2026]").replace('-', "\\-")), "{topic}: {word}");
        }
        let requests = [".nh", ".ad l", ".TH ", ".SH ", ".SS ", ".TP", ".PP", ".EX", ".EE", ".br", ".B ", ".I "];
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!(requests.iter().any(|known| line.starts_with(known)), "{line}");
        }
        assert!(page.is_ascii());
    }
}
