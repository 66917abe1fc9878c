//! What can stand at a place of the command line: the same for every shell.

use crate::cli::flags::SERVE;
use crate::cli::help::{Verb, names};
use crate::cli::parse::{Shown, shown};

/// What a shell offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// These words, and no others.
    Words(Vec<&'static str>),
    /// Files.
    Files,
    /// Folders.
    Folders,
    /// Nothing: only the user knows.
    Nothing,
}

/// Values that are one of a few, by their flag.
const CHOICES: &[(&str, &[&str])] = &[
    ("format", &["json", "text"]),
    ("log-format", &["json", "text"]),
    ("state", &["queued", "sending", "sent", "delivered", "read", "failed", "expired", "canceled"]),
    ("tls-min-version", &["1.2", "1.3"]),
];

/// What can stand as the value of a flag; `None` if it takes none.
pub fn value(flag: &Shown) -> Option<Offer> {
    if let Some((_, words)) = CHOICES.iter().find(|choice| choice.0 == flag.name) {
        return Some(Offer::Words(words.to_vec()));
    }
    flag.value.map(|value| match value {
        "FILE" | "PATH" => Offer::Files,
        "DIR" => Offer::Folders,
        _ => Offer::Nothing,
    })
}

/// What can follow a command besides its flags. Its usage says so: words in small letters, or FILE.
pub fn arguments(verb: &Verb) -> Offer {
    if verb.name == "help" {
        return Offer::Words(names().chain(shown(SERVE).iter().map(|flag| flag.name)).collect());
    }
    let words = verb.arguments.split([' ', '[', ']', '|']).filter(|word| *word != "flags");
    let small = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let words: Vec<_> = words.filter(small).collect();
    match words.is_empty() {
        false => Offer::Words(words),
        true if verb.arguments.contains("FILE") => Offer::Files,
        true => Offer::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help::{VERBS, verb_flags};

    #[test]
    fn what_follows_a_command_is_read_from_its_usage() {
        let of = |name: &str| VERBS.iter().find(|verb| verb.name == name).map(arguments);
        assert_eq!(of("messages"), Some(Offer::Words(vec!["show", "retry", "cancel", "purge", "expected"])));
        assert_eq!(of("generate"), Some(Offer::Words(vec!["man", "bash", "zsh", "fish"])));
        assert_eq!((of("check"), of("send")), (Some(Offer::Files), Some(Offer::Nothing)));
        let Some(Offer::Words(topics)) = of("help") else { panic!() };
        assert!(topics.contains(&"signals") && topics.contains(&"port"));
    }

    #[test]
    fn every_choice_belongs_to_a_flag_and_is_taken_by_it() {
        for (name, words) in CHOICES {
            let mut flags = shown(SERVE).into_iter().chain(VERBS.iter().flat_map(|verb| verb_flags(verb.name)));
            let flag = flags.find(|flag| flag.name == *name);
            assert_eq!(flag.as_ref().and_then(value), Some(Offer::Words(words.to_vec())), "-{name}");
            assert!(words.iter().any(|word| flag.as_ref().is_some_and(|flag| flag.help.contains(word))), "-{name}");
        }
    }
}
