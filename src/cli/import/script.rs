//! What a short script does with what it is given: which programs get the caller's text, and what else there is.

use std::collections::BTreeMap;

use super::filter::filtered;
use super::shell::{Chain, Command, Piece, Pipeline, Simple, Word};
use super::translation::{Note, Weight};
use super::value::{Value, base};

/// A program that gets something of the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// The program and its arguments.
    pub words: Vec<Value>,
    /// What stands on its standard input.
    pub stdin: Option<Value>,
    /// Where it runs.
    pub directory: Option<String>,
    /// The line.
    pub line: usize,
}

/// A script as it is read for one hook.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// `$1` and on.
    arguments: Vec<Value>,
    /// Variables.
    variables: BTreeMap<String, Value>,
    /// The script's path, `$0`.
    path: String,
    /// Where it runs.
    directory: Option<String>,
    /// What it sends.
    pub sent: Vec<Sent>,
    /// What it does besides.
    pub notes: Vec<Note>,
    /// Whether what follows is done in some cases only.
    depth: usize,
}

/// Commands that only tell somebody at a terminal, or end the script.
const HARMLESS: [&str; 10] = ["echo", "printf", "exit", "return", "true", "false", ":", "set", "umask", "wait"];

impl Reading {
    /// Nothing is followed yet.
    pub(super) fn new(
        path: &str,
        directory: Option<String>,
        arguments: Vec<Value>,
        variables: BTreeMap<String, Value>,
    ) -> Reading {
        Reading { arguments, variables, path: path.to_owned(), directory, ..Reading::default() }
    }

    /// A program that is called without a script.
    pub(super) fn call(&mut self, program: &str) {
        let words = std::iter::once(Value::text(program)).chain(self.arguments.clone()).collect();
        self.sent.push(Sent { words, stdin: None, directory: self.directory.clone(), line: 0 });
    }

    /// Follows the script to its end.
    pub(super) fn follow(&mut self, chains: &[Chain]) {
        for chain in chains {
            self.chain(chain);
        }
    }

    fn chain(&mut self, Chain(pipelines): &Chain) {
        let Some((first, rest)) = pipelines.split_first() else { return };
        if self.tests_blank(first) {
            self.blank_test(first);
            rest.iter().for_each(|pipeline| self.after_test(pipeline));
            return;
        }
        self.pipeline(first);
        // What comes of a program: to end, or to say it, is of no use to a caller that does not wait.
        rest.iter().for_each(|pipeline| self.after_test(pipeline));
    }

    /// What is done when a blank text was found or not: to end is what hookbell does, to send is sending.
    fn after_test(&mut self, pipeline: &Pipeline) {
        self.depth += 1;
        self.pipeline(pipeline);
        self.depth -= 1;
    }

    fn note(&mut self, weight: Weight, line: usize, what: impl Into<String>, advice: &str) {
        self.notes.push(Note { weight, line, what: what.into(), advice: advice.to_owned() });
    }

    fn blank_test(&mut self, pipeline: &Pipeline) {
        let line = pipeline.0.first().map_or(0, line);
        self.note(Weight::Covered, line, "the test for a blank text: an empty message is refused with 400", "");
    }

    /// `[ -z "$msg" ]` and its relatives.
    fn tests_blank(&self, pipeline: &Pipeline) -> bool {
        let [Command::Simple(simple)] = &pipeline.0[..] else { return false };
        if !matches!(simple.program().as_deref(), Some("[" | "[[" | "test")) {
            return false;
        }
        let literal: Vec<Option<String>> = simple.words.iter().map(Word::literal).collect();
        let has = |words: &[&str]| literal.iter().flatten().any(|word| words.contains(&word.as_str()));
        let called = simple.words.iter().any(|word| self.is_called(word));
        let counts = simple.words.iter().any(|word| word.0 == [Piece::Variable("#".to_owned())]);
        called && has(&["-z", "-n", ""]) && !has(&["&&", "||", "-a", "-o"]) || counts
    }

    /// Whether the caller has a say in a word, however it is changed.
    fn is_called(&self, word: &Word) -> bool {
        word.0.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Variable(name) | Piece::Default(name, _) | Piece::Changed(name, _) => {
                self.variable(name).is_called()
            }
            Piece::Output(chains) => {
                let mut simples = Vec::new();
                super::shell::simples(chains, &mut simples);
                simples.iter().any(|simple| simple.words.iter().any(|word| self.is_called(word)))
            }
        })
    }

    fn pipeline(&mut self, Pipeline(commands): &Pipeline) {
        match &commands[..] {
            [Command::If { arms, otherwise, line }] => self.condition(arms, otherwise, *line),
            [Command::For { name, words, body, .. }] => {
                for word in words {
                    let value = self.value(word);
                    self.variables.insert(name.clone(), value);
                    self.follow(body);
                }
            }
            [Command::Group(chains)] => self.follow(chains),
            [Command::Simple(simple)] => {
                let stdin = simple.redirects.iter().find(|(sign, _)| sign == "<<<").map(|(_, word)| self.value(word));
                self.simple(simple, stdin);
            }
            [first @ .., Command::Simple(last)] => {
                // `echo "$msg" | program`
                let text = self.output(first);
                self.simple(last, Some(text));
            }
            commands => {
                let line = commands.first().map_or(0, line);
                self.note(Weight::Left, line, "a pipeline is not done", "do it in a hook of its own");
            }
        }
    }

    fn condition(&mut self, arms: &[(Vec<Chain>, Vec<Chain>)], otherwise: &[Chain], line: usize) {
        let [(condition, then)] = arms else {
            return self.note(
                Weight::Left,
                line,
                "an `if` with several branches is not followed",
                "write a hook for each",
            );
        };
        match &condition[..] {
            [Chain(pipelines)] if pipelines.len() == 1 && self.tests_blank(&pipelines[0]) => {
                self.blank_test(&pipelines[0])
            }
            condition => {
                let before = self.sent.len();
                self.follow(condition);
                if self.sent.len() == before {
                    self.note(Weight::Left, line, "this condition is not looked at", "write it as a \"trigger-rule\"");
                }
            }
        }
        self.depth += 1;
        self.follow(then);
        self.follow(otherwise);
        self.depth -= 1;
    }

    fn simple(&mut self, simple: &Simple, stdin: Option<Value>) {
        let line = simple.line;
        for (name, word) in &simple.assignments {
            let value = self.value(word);
            self.variables.insert(name.clone(), value);
        }
        let Some(program) = simple.words.first() else { return };
        let mut words: Vec<Value> = simple.words.iter().map(|word| self.value(word)).collect();
        if program.literal().as_deref() == Some("exec") {
            words.remove(0);
        }
        let name = words.first().and_then(Value::literal).unwrap_or_default();
        match name.as_str() {
            "cd" => self.directory = words.get(1).and_then(Value::literal).or(self.directory.take()),
            "export" | "local" | "readonly" | "declare" | "typeset" => self.declare(&simple.words),
            "shift" => {
                if !self.arguments.is_empty() {
                    self.arguments.remove(0);
                }
            }
            "" if words.is_empty() => {}
            harmless if HARMLESS.contains(&harmless) => {
                if matches!(harmless, "echo" | "printf") && self.depth == 0 {
                    let what = format!("`{harmless}`: the caller gets hookbell's answer, \"queued\" and a number");
                    self.note(Weight::Covered, line, what, "");
                }
            }
            "sleep" => self.note(Weight::Covered, line, "`sleep`: each account keeps its rate", ""),
            "[" | "[[" | "test" => {
                self.note(Weight::Left, line, "this test is not looked at", "write it as a \"trigger-rule\"");
            }
            _ => {
                let stdin = stdin.or_else(|| redirected(simple).then(|| Value::unknown("a file on standard input")));
                if words.iter().chain(&stdin).any(Value::is_called) {
                    self.sent.push(Sent { words, stdin, directory: self.directory.clone(), line });
                } else {
                    let shown = if name.is_empty() { "a program".to_owned() } else { format!("`{}`", base(&name)) };
                    self.note(
                        Weight::Left,
                        line,
                        format!("{shown} is not run any more"),
                        "run it in a hook of its own",
                    );
                }
            }
        }
    }

    /// `export NAME=word`, which is read as words.
    fn declare(&mut self, words: &[Word]) {
        for word in words.iter().skip(1) {
            let Some(Piece::Text(first)) = word.0.first() else { continue };
            let Some((name, rest)) = first.split_once('=') else { continue };
            let mut pieces = vec![Piece::Text(rest.to_owned())];
            pieces.extend_from_slice(word.0.get(1..).unwrap_or_default());
            let value = self.value(&Word(pieces));
            self.variables.insert(name.to_owned(), value);
        }
    }

    /// What a word will be.
    pub(super) fn value(&mut self, word: &Word) -> Value {
        let mut value = Value::default();
        for piece in &word.0 {
            let part = match piece {
                Piece::Text(text) => Value::text(text),
                Piece::Variable(name) => self.variable(name),
                Piece::Default(name, otherwise) => match self.variable(name) {
                    unset if unset.mystery().is_some() || unset.literal().is_some_and(|text| text.is_empty()) => {
                        self.value(otherwise)
                    }
                    set => set,
                },
                Piece::Changed(name, how) => changed(&self.variable(name), how),
                Piece::Output(chains) => match &chains[..] {
                    [Chain(pipelines)] if pipelines.len() == 1 => self.output(&pipelines[0].0),
                    _ => Value::unknown("the output of several commands"),
                },
            };
            value.extend(&part);
        }
        value
    }

    fn variable(&self, name: &str) -> Value {
        match name.parse::<usize>() {
            Ok(0) => Value::text(&self.path),
            Ok(number) => self.arguments.get(number - 1).cloned().unwrap_or_default(),
            Err(_) if matches!(name, "*" | "@") => {
                let mut all = Value::default();
                for (at, argument) in self.arguments.iter().enumerate() {
                    if at > 0 {
                        all.extend(&Value::text(" "));
                    }
                    all.extend(argument);
                }
                all
            }
            Err(_) => self.variables.get(name).cloned().unwrap_or_else(|| Value::unknown(format!("${name}"))),
        }
    }

    /// What commands write that read each other.
    fn output(&mut self, commands: &[Command]) -> Value {
        let Some((Command::Simple(first), filters)) = commands.split_first() else {
            return Value::unknown("the output of a compound command");
        };
        let mut text = self.written(first);
        for filter in filters {
            let Command::Simple(filter) = filter else { return Value::unknown("the output of a compound command") };
            let words: Vec<Value> = filter.words.iter().map(|word| self.value(word)).collect();
            let (value, note) = filtered(text, &words, filter.line);
            text = value;
            self.notes.extend(note);
        }
        text
    }

    fn written(&mut self, simple: &Simple) -> Value {
        let words: Vec<Value> = simple.words.iter().map(|word| self.value(word)).collect();
        let literal = |at: usize| words.get(at).and_then(Value::literal).unwrap_or_default();
        let joined = |from: usize| {
            let mut text = Value::default();
            for (at, word) in words.iter().skip(from).enumerate() {
                if at > 0 {
                    text.extend(&Value::text(" "));
                }
                text.extend(word);
            }
            text
        };
        let here = simple.redirects.iter().find(|(sign, _)| sign == "<<<").map(|(_, word)| word.clone());
        match (literal(0).as_str(), literal(1).as_str(), words.len()) {
            ("echo", "-n" | "-e" | "-ne" | "-en" | "-E", _) => joined(2),
            ("echo", ..) => joined(1),
            ("printf", "%s" | "%s\\n" | "%b" | "%b\\n", 3) => joined(2),
            ("dirname", path, 2) if !path.is_empty() => {
                Value::text(path.rsplit_once('/').map_or(".", |(folder, _)| folder))
            }
            ("basename", path, 2) if !path.is_empty() => Value::text(base(path)),
            ("readlink" | "realpath", "-f", 3) => words.get(2).cloned().unwrap_or_default(),
            ("realpath", _, 2) => words.get(1).cloned().unwrap_or_default(),
            ("pwd", ..) => self.directory.clone().map_or_else(|| Value::unknown("the current folder"), Value::text),
            (filter, ..) if here.is_some() => {
                let text = here.map(|word| self.value(&word)).unwrap_or_default();
                if filter == "cat" {
                    return text;
                }
                let (value, note) = filtered(text, &words, simple.line);
                self.notes.extend(note);
                value
            }
            (name, ..) => Value::unknown(format!("the output of `{}`", base(name))),
        }
    }
}

fn line(command: &Command) -> usize {
    match command {
        Command::Simple(simple) => simple.line,
        Command::If { line, .. } | Command::For { line, .. } => *line,
        Command::Group(_) => 0,
    }
}

fn redirected(simple: &Simple) -> bool {
    simple.redirects.iter().any(|(sign, _)| sign == "<")
}

/// `${0%/*}` and `${0##*/}` of fixed texts; what is done with a caller's text is not known.
fn changed(value: &Value, how: &str) -> Value {
    match (value.literal(), how) {
        (Some(path), "%/*") => Value::text(path.rsplit_once('/').map_or(path.as_str(), |(folder, _)| folder)),
        (Some(path), "##*/") => Value::text(base(&path)),
        _ => Value::unknown("a variable that is changed"),
    }
}
