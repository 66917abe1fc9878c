//! Which known program a command line starts, however it is wrapped up.

use std::path::Path;

use super::shell::parse::parse;
use super::shell::{self, Word};
use crate::diagnostic::did_you_mean;

/// The programs whose command lines are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// adnanh/webhook, or what stands in for it.
    Webhook,
    /// msoap/shell2http.
    Shell2http,
}

impl Known {
    /// By the name of its file, as releases have it, too: `webhook-linux-amd64`.
    fn named(name: &str) -> Option<Known> {
        let is = |known: &str| {
            name == known || name.strip_prefix(known).is_some_and(|rest| rest.starts_with(['-', '_', '.']))
        };
        match () {
            () if is("webhook") || name == "hookbell" => Some(Known::Webhook),
            () if is("shell2http") => Some(Known::Shell2http),
            () => None,
        }
    }
}

/// A known program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Which one.
    pub program: Known,
    /// What follows its name.
    pub args: Vec<String>,
    /// `cd` in front of it.
    pub directory: Option<String>,
    /// `NAME=value` in front of it.
    pub environment: Vec<(String, String)>,
}

/// Programs that start what follows their flags, and which of their flags take a value.
const WRAPPERS: [(&str, &[&str]); 7] = [
    ("sudo", &["-u", "-g", "-C", "-h", "-p", "-r", "-t"]),
    ("env", &["-u", "-C", "-S"]),
    ("nohup", &[]),
    ("exec", &["-a"]),
    ("nice", &["-n"]),
    ("setsid", &[]),
    ("stdbuf", &["-i", "-o", "-e"]),
];

const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "zsh"];

/// The known program that a command line starts. The error says what it starts instead.
pub(crate) fn known(words: &[String]) -> Result<Call, String> {
    match words {
        [] => Err("no command stands behind --".to_owned()),
        // The whole line in quotes.
        [line] if line.contains(char::is_whitespace) => in_script(line),
        words => unwrapped(words),
    }
}

/// The known program that a script starts, of several the first.
pub(super) fn in_script(text: &str) -> Result<Call, String> {
    let chains = parse(text).map_err(|unknown| format!("line {}: {} is not understood", unknown.line, unknown.what))?;
    let mut simples = Vec::new();
    shell::simples(&chains, &mut simples);
    let mut directory = None;
    for simple in simples {
        let literal: Option<Vec<String>> = simple.words.iter().map(Word::literal).collect();
        let Some(words) = literal else {
            let name = simple.words.iter().find_map(|word| Known::named(&base(&word.literal()?)));
            match name {
                Some(_) => {
                    return Err(format!(
                        "line {}: the shell fills in a word of the command line; write it out",
                        simple.line
                    ));
                }
                None => continue,
            }
        };
        if let [cd, folder, ..] = &words[..]
            && cd == "cd"
        {
            directory = Some(folder.clone());
        }
        if let Ok(mut call) = unwrapped(&words) {
            let before = simple.assignments.iter().filter_map(|(name, word)| Some((name.clone(), word.literal()?)));
            call.environment.extend(before);
            return Ok(Call { directory, ..call });
        }
    }
    Err("neither webhook nor shell2http is started here".to_owned())
}

fn unwrapped(words: &[String]) -> Result<Call, String> {
    let mut words = words;
    let mut environment = Vec::new();
    while let Some((first, after)) = words.split_first() {
        let name = base(first);
        if let Some(program) = Known::named(&name) {
            return Ok(Call { program, args: after.to_vec(), directory: None, environment });
        }
        if SHELLS.contains(&name.as_str()) {
            // `-c`, also as one of several letters: `-lc`.
            let script = after.iter().position(|word| word.starts_with('-') && word.ends_with('c'));
            return match script.and_then(|at| after.get(at + 1)) {
                Some(script) => in_script(script),
                None => Err(format!("{first:?} runs a script: hookbell import SCRIPT")),
            };
        }
        let Some((_, with_value)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name) else {
            return Err(other(first));
        };
        words = after;
        while let Some((word, after)) = words.split_first() {
            match word.split_once('=') {
                _ if with_value.contains(&word.as_str()) => words = after.get(1..).unwrap_or_default(),
                _ if word.starts_with('-') => words = after,
                Some((variable, value)) if !variable.contains('/') => {
                    environment.push((variable.to_owned(), value.to_owned()));
                    words = after;
                }
                _ => break,
            }
        }
    }
    Err("the command line names no program".to_owned())
}

fn other(word: &str) -> String {
    let advice = did_you_mean(&base(word), ["webhook", "shell2http"]);
    let advice = advice.unwrap_or_else(|| "webhook and shell2http are understood".to_owned());
    format!("{word:?} is not known: {advice}")
}

fn base(word: &str) -> String {
    Path::new(word).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_program_is_found_behind_what_starts_it() {
        for (line, program, args) in [
            ("webhook -hooks a", Known::Webhook, "-hooks a"),
            ("/opt/webhook/webhook-linux-amd64 -verbose", Known::Webhook, "-verbose"),
            ("sudo -u www-data -E shell2http /x y", Known::Shell2http, "/x y"),
            ("env -i A=/b nohup shell2http /x y", Known::Shell2http, "/x y"),
            ("/bin/bash -lc|cd /opt && exec webhook -port 1 >/dev/null", Known::Webhook, "-port 1"),
        ] {
            let split = if line.contains('|') { '|' } else { ' ' };
            let mut words: Vec<String> = line.split(split).map(str::to_owned).collect();
            if split == '|' {
                let shell: Vec<String> = words.remove(0).split(' ').map(str::to_owned).collect();
                words.splice(..0, shell);
            }
            let call = known(&words).unwrap_or_else(|why| panic!("{line}: {why}"));
            assert_eq!((call.program, call.args.join(" ").as_str()), (program, args), "{line}");
        }
        assert_eq!(
            known(&["sh".into(), "-c".into(), "cd /x; webhook -y".into()]).unwrap().directory,
            Some("/x".into())
        );
    }

    #[test]
    fn another_program_is_named() {
        let told = |line: &str| known(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap_err();
        assert_eq!(told("webhok -x"), "\"webhok\" is not known: did you mean \"webhook\"?");
        assert_eq!(told("webhookd -x"), "\"webhookd\" is not known: did you mean \"webhook\"?");
        assert_eq!(told("nginx -x"), "\"nginx\" is not known: webhook and shell2http are understood");
        assert!(told("sh start.sh").contains("hookbell import SCRIPT"));
        assert!(known(&["sh".into(), "-c".into(), "webhook -port $P".into()]).unwrap_err().contains("write it out"));
    }
}
