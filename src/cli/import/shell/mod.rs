//! The part of the shell's language that short scripts are written in. Nothing is run: a script is read.
//!
//! What is not known here (functions, `case`, `while`, here-documents, arrays) is refused with its line: a script that
//! is understood in half is not understood.

pub(super) mod parse;
mod word;

/// One word of a command, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub Vec<Piece>);

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, without its quotes.
    Text(String),
    /// `$name`, `$1`, `$*`.
    Variable(String),
    /// `${name:-word}` or `${name-word}`.
    Default(String, Word),
    /// `${name…}` of another kind: the name, and what is done with it.
    Changed(String, String),
    /// `$(…)`.
    Output(Vec<Chain>),
}

/// Pipelines that are joined by `&&` and `||`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain(pub Vec<Pipeline>);

/// Commands of which each reads what the one before it writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline(pub Vec<Command>);

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A program with its words, or assignments.
    Simple(Simple),
    /// `if`: conditions with what they lead to, and `else`.
    If {
        /// `if` and `elif`.
        arms: Vec<(Vec<Chain>, Vec<Chain>)>,
        /// `else`.
        otherwise: Vec<Chain>,
        /// Its line, counted from 1.
        line: usize,
    },
    /// `for name in words`.
    For {
        /// The variable.
        name: String,
        /// What it is set to, one after the other.
        words: Vec<Word>,
        /// What is done each time.
        body: Vec<Chain>,
        /// Its line.
        line: usize,
    },
    /// `{ …; }` or `( … )`.
    Group(Vec<Chain>),
}

/// A program with its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    /// `name=word` before the program, or alone.
    pub assignments: Vec<(String, Word)>,
    /// The program and its arguments; empty where there are only assignments.
    pub words: Vec<Word>,
    /// `> file` and the like: the sign, and what stands behind it.
    pub redirects: Vec<(String, Word)>,
    /// Its line, counted from 1.
    pub line: usize,
}

impl Word {
    /// The text, where nothing has to be filled in.
    pub(super) fn literal(&self) -> Option<String> {
        self.0.iter().map(|piece| if let Piece::Text(text) = piece { Some(text.as_str()) } else { None }).collect()
    }
}

impl Simple {
    /// The program's name, where it is written out.
    pub(super) fn program(&self) -> Option<String> {
        self.words.first()?.literal()
    }
}

impl Command {
    /// Every program with its words in this command, however deep.
    pub(super) fn simples<'c>(&'c self, found: &mut Vec<&'c Simple>) {
        match self {
            Command::Simple(simple) => {
                let assigned = simple.assignments.iter().map(|(_, word)| word);
                let words = assigned.chain(&simple.words).flat_map(|word| &word.0);
                for piece in words {
                    if let Piece::Output(chains) = piece {
                        simples(chains, found);
                    }
                }
                found.push(simple);
            }
            Command::If { arms, otherwise, .. } => {
                for (condition, then) in arms {
                    simples(condition, found);
                    simples(then, found);
                }
                simples(otherwise, found);
            }
            Command::For { body, .. } | Command::Group(body) => simples(body, found),
        }
    }
}

/// Every program with its words, in order.
pub(super) fn simples<'c>(chains: &'c [Chain], found: &mut Vec<&'c Simple>) {
    for command in chains.iter().flat_map(|chain| &chain.0).flat_map(|pipeline| &pipeline.0) {
        command.simples(found);
    }
}
