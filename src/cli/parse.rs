//! The syntax of Go's package `flag`, to the byte, over a table of rows.
//!
//! One dash or two; `-name value` or `-name=value`, booleans with `=` only; the first argument that is no flag ends the
//! flags. What the rows mean, and what a usage text looks like, is not known here.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use crate::diagnostic::did_you_mean;
use crate::go::number::{self, NoInteger};

/// One flag: a row of a table.
pub struct Flag<T: 'static> {
    /// Its name, without a dash.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// One line for the usage text.
    pub help: &'static str,
    /// What holds where it isn't given, as the usage text says it; empty where that is nothing.
    pub default: &'static str,
    /// The heading that it is shown under.
    pub group: &'static str,
    /// Whether it is our own, not the peer's: then the environment may stand in for it.
    pub ours: bool,
    /// Notes what was typed. The error says what is wrong with it.
    pub apply: Apply<T>,
}

/// What a flag does with its value.
pub type Apply<T> = fn(&mut T, &OsStr) -> Result<(), String>;

/// What stands after a flag's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing, or a boolean after `=`.
    Switch,
    /// A value, so called in the usage text.
    Value(&'static str),
    /// Known, but not in this version: it refuses the start rather than be ignored.
    NotYet,
}

/// Why parsing ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `-h` or `-help`.
    Help,
    /// A mistake: what Go says about it, and where we know more, a line of advice.
    Wrong(String),
}

impl Stop {
    /// Without our advice.
    pub fn as_the_peer(self) -> Stop {
        match self {
            Stop::Wrong(what) => Stop::Wrong(what.lines().next().unwrap_or_default().to_owned()),
            Stop::Help => Stop::Help,
        }
    }
}

impl<T> Flag<T> {
    /// The environment variable that may stand in for it: `HOOKBELL_STATE_DIR` for `-state-dir`.
    pub fn variable(&self) -> Option<String> {
        self.ours.then(|| format!("HOOKBELL_{}", self.name.to_uppercase().replace('-', "_")))
    }
}

/// A flag of this version as texts tell of it, whatever it notes.
pub struct Shown {
    /// Its name, without a dash.
    pub name: &'static str,
    /// What its value is called, if it takes one.
    pub value: Option<&'static str>,
    /// One line on what it does.
    pub help: &'static str,
    /// What holds without it; empty where that is nothing.
    pub default: &'static str,
    /// The heading that it is shown under.
    pub group: &'static str,
    /// The environment variable that may stand in for it.
    pub variable: Option<String>,
}

impl Shown {
    /// As it is typed.
    pub fn call(&self) -> String {
        match self.value {
            Some(value) => format!("-{} {value}", self.name),
            None => format!("-{}", self.name),
        }
    }

    /// Its default and its variable, in brackets behind a blank; empty where there is neither.
    pub fn notes(&self) -> String {
        let default = Some(format!("default {}", self.default)).filter(|_| !matches!(self.default, "" | "false"));
        let variable = self.variable.as_ref().map(|name| format!("${name}"));
        let notes: Vec<String> = default.into_iter().chain(variable).collect();
        if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) }
    }
}

/// The flags of a table that are in this version.
pub fn shown<T>(table: &[Flag<T>]) -> Vec<Shown> {
    // Verbs' flags have no variables: only the daemon is configured by its environment.
    let variables = table.iter().any(|flag| !flag.ours);
    let row = |flag: &Flag<T>| {
        let value = match flag.takes {
            Takes::Switch => None,
            Takes::Value(value) => Some(value),
            Takes::NotYet => return None,
        };
        let Flag { name, help, default, group, .. } = *flag;
        let variable = flag.variable().filter(|_| variables);
        Some(Shown { name, value, help, default, group, variable })
    };
    table.iter().filter_map(row).collect()
}

/// Applies the variables of the table that are set and not empty.
pub fn environment<T>(table: &[Flag<T>], look_up: &dyn Fn(&str) -> Option<OsString>, into: &mut T) -> Result<(), Stop> {
    for flag in table {
        let Some(variable) = flag.variable() else { continue };
        let Some(value) = look_up(&variable).filter(|value| !value.is_empty()) else { continue };
        if flag.takes == Takes::NotYet {
            return Err(absent(&variable));
        }
        (flag.apply)(into, &value)
            .map_err(|why| Stop::Wrong(format!("invalid value {} for {variable}: {why}", quoted(&value))))?;
    }
    Ok(())
}

/// Applies flags until the first argument that is none, and yields what is left.
pub fn flags<'a, T>(table: &[Flag<T>], args: &'a [OsString], into: &mut T) -> Result<&'a [OsString], Stop> {
    until_plain(table, args, into).map(|(left, _)| left)
}

/// As `flags`, and tells whether it was `--` that ended them.
fn until_plain<'a, T>(
    table: &[Flag<T>],
    mut args: &'a [OsString],
    into: &mut T,
) -> Result<(&'a [OsString], bool), Stop> {
    while let Some((argument, after)) = args.split_first() {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            return Ok((after, true));
        }
        let Some(word) = bytes.strip_prefix(b"-").filter(|word| !word.is_empty()) else { return Ok((args, false)) };
        let word = word.strip_prefix(b"-").unwrap_or(word);
        if word.is_empty() || word.starts_with(b"-") || word.starts_with(b"=") {
            return Err(Stop::Wrong(format!("bad flag syntax: {}", argument.to_string_lossy())));
        }
        args = one(table, word, after, into)?;
    }
    Ok((args, false))
}

/// As `flags`, but goes on behind each argument that is no flag, and yields those. `--` ends the flags.
pub fn anywhere<T>(table: &[Flag<T>], mut args: &[OsString], into: &mut T) -> Result<Vec<OsString>, Stop> {
    let mut plain = Vec::new();
    loop {
        let (left, ended) = until_plain(table, args, into)?;
        if ended {
            plain.extend_from_slice(left);
            return Ok(plain);
        }
        let Some((word, after)) = left.split_first() else { return Ok(plain) };
        plain.push(word.clone());
        args = after;
    }
}

fn one<'a, T>(table: &[Flag<T>], word: &[u8], after: &'a [OsString], into: &mut T) -> Result<&'a [OsString], Stop> {
    let (name, value) = match word.iter().position(|byte| *byte == b'=') {
        Some(at) => (&word[..at], Some(OsStr::from_bytes(&word[at + 1..]))),
        None => (word, None),
    };
    let name = String::from_utf8_lossy(name);
    let Some(flag) = table.iter().find(|flag| flag.name == name) else {
        if name == "h" || name == "help" {
            return Err(Stop::Help);
        }
        return Err(unknown(table, &name));
    };
    let wrong = |what: String| Err(Stop::Wrong(what));
    match (flag.takes, value) {
        (Takes::NotYet, _) => Err(absent(&format!("-{name}"))),
        (Takes::Switch, value) => {
            let value = value.unwrap_or(OsStr::new("true"));
            match (flag.apply)(into, value) {
                Ok(()) => Ok(after),
                Err(why) => wrong(format!("invalid boolean value {} for -{name}: {why}", quoted(value))),
            }
        }
        (Takes::Value(_), value) => {
            let (value, after) = match (value, after.split_first()) {
                (Some(value), _) => (value, after),
                (None, Some((value, after))) => (value.as_os_str(), after),
                (None, None) => return wrong(format!("flag needs an argument: -{name}")),
            };
            match (flag.apply)(into, value) {
                Ok(()) => Ok(after),
                Err(why) => wrong(format!("invalid value {} for flag -{name}: {why}", quoted(value))),
            }
        }
    }
}

fn unknown<T>(table: &[Flag<T>], name: &str) -> Stop {
    let go = format!("flag provided but not defined: -{name}");
    let here = table.iter().filter(|flag| flag.takes != Takes::NotYet).map(|flag| flag.name);
    Stop::Wrong(match did_you_mean(name, here) {
        Some(advice) => format!("{go}\n{}", advice.replacen('"', "\"-", 1)),
        None => go,
    })
}

fn absent(name: &str) -> Stop {
    Stop::Wrong(format!("{name} is not in this version of hookbell, and it is not ignored: start without it"))
}

/// In quotes as Go's `%q` writes it.
fn quoted(value: &OsStr) -> String {
    let mut text = String::from("\"");
    for chunk in value.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                '\n' | '\r' | '\t' => text.extend(character.escape_default()),
                '\u{7}' => text += "\\a",
                '\u{8}' => text += "\\b",
                '\u{b}' => text += "\\v",
                '\u{c}' => text += "\\f",
                '\0'..='\x1f' | '\x7f' => text += &format!("\\x{:02x}", u32::from(character)),
                _ if character.is_control() => text += &format!("\\u{:04x}", u32::from(character)),
                _ => text.push(character),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text + "\""
}

/// A boolean as Go's `strconv.ParseBool` takes it.
pub fn boolean(value: &OsStr) -> Result<bool, String> {
    match value.as_bytes() {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Ok(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Ok(false),
        _ => Err("parse error".to_owned()),
    }
}

/// A text.
pub fn text(value: &OsStr) -> Result<String, String> {
    value.to_str().map(str::to_owned).ok_or_else(|| "it is not UTF-8".to_owned())
}

/// An integer in Go's syntax.
pub fn integer(value: &OsStr) -> Result<i64, String> {
    let number = value.to_str().map_or(Err(NoInteger::Malformed), number::integer);
    number.map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Typed {
        port: i64,
        verbose: bool,
        name: String,
    }

    const fn row(name: &'static str, takes: Takes, ours: bool, apply: Apply<Typed>) -> Flag<Typed> {
        Flag { name, takes, help: "", default: "", group: "", ours, apply }
    }

    const TABLE: &[Flag<Typed>] = &[
        row("port", Takes::Value("N"), false, |typed, v| integer(v).map(|port| typed.port = port)),
        row("verbose", Takes::Switch, false, |typed, v| boolean(v).map(|verbose| typed.verbose = verbose)),
        row("a-name", Takes::Value("S"), true, |typed, v| text(v).map(|name| typed.name = name)),
        row("later", Takes::NotYet, true, |_, _| Ok(())),
    ];

    fn parsed(line: &str) -> Result<(Typed, String), Stop> {
        let args: Vec<OsString> = line.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect();
        let mut typed = Typed::default();
        let left = flags(TABLE, &args, &mut typed)?.join(OsStr::new(" "));
        Ok((typed, left.into_string().unwrap()))
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        for (line, port, verbose, left) in [
            ("-port 1 --port=0x4a39 -verbose", 0x4a39, true, ""),
            ("-verbose false -port 1", 0, true, "false -port 1"),
            ("-verbose=F -port -1", -1, false, ""),
            ("-port 1 -- -verbose", 1, false, "-verbose"),
            ("- -verbose", 0, false, "- -verbose"),
        ] {
            let typed = Typed { port, verbose, name: String::new() };
            assert_eq!(parsed(line), Ok((typed, left.to_owned())), "{line}");
        }
    }

    #[test]
    fn mistakes_are_told_in_gos_words() {
        for (line, said) in [
            ("-port", "flag needs an argument: -port"),
            ("-port abc", "invalid value \"abc\" for flag -port: parse error"),
            ("-port=\u{1}\u{85}\"\t", "invalid value \"\\x01\\u0085\\\"\\t\" for flag -port: parse error"),
            ("-port=", "invalid value \"\" for flag -port: parse error"),
            ("-port=99999999999999999999", "invalid value \"99999999999999999999\" for flag -port: value out of range"),
            ("-verbose=maybe", "invalid boolean value \"maybe\" for -verbose: parse error"),
            ("---port=1", "bad flag syntax: ---port=1"),
            ("-=1", "bad flag syntax: -=1"),
            ("-x=1", "flag provided but not defined: -x"),
            ("-prot 1", "flag provided but not defined: -prot\ndid you mean \"-port\"?"),
            ("-later", "-later is not in this version of hookbell, and it is not ignored: start without it"),
        ] {
            assert_eq!(parsed(line), Err(Stop::Wrong(said.to_owned())), "{line}");
        }
        assert_eq!((parsed("-h"), parsed("--help=3")), (Err(Stop::Help), Err(Stop::Help)));
    }

    #[test]
    fn the_environment_stands_in_for_our_own_flags_only() {
        let mut typed = Typed::default();
        let set = |name: &str| (name == "HOOKBELL_A_NAME" || name == "HOOKBELL_PORT").then(|| "x".into());
        assert_eq!(environment(TABLE, &set, &mut typed), Ok(()));
        assert_eq!(typed, Typed { name: "x".into(), ..Typed::default() });
        let later = |name: &str| (name == "HOOKBELL_LATER").then(|| "1".into());
        assert!(environment(TABLE, &later, &mut typed).is_err());
    }

    #[test]
    fn a_verbs_flags_may_stand_anywhere_before_two_dashes() {
        let args: Vec<OsString> = ["a", "-port", "1", "-", "--", "-verbose"].map(Into::into).into();
        let mut typed = Typed::default();
        assert_eq!(anywhere(TABLE, &args, &mut typed).unwrap(), ["a", "-", "-verbose"]);
        assert_eq!((typed.port, typed.verbose), (1, false));
    }
}
