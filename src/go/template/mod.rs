//! The part of Go's text/template that `-template` needs: a file's text with actions → its text without.
//!
//! upstream: internal/hook/hook.go LoadFromFile executes the file with no data (the dot is nil) and three functions of its
//! own: `getenv`, `cat` and `credential`. Actions that are of use only with data are refused by name. Everything else
//! yields Go's bytes; numbers that are complex, and `*`, `[1]` and widths beyond 10,000 in a `printf`, are not known.

use std::ops::Range;

use crate::diagnostic::Piece;

mod escape;
pub mod eval;
mod function;
mod lex;
mod literal;
mod parse;
mod print;

/// How deep parentheses and `if` may stand inside each other: real templates need 3.
const MAX_DEPTH: usize = 100;

/// The longest text that a template may yield, or hold in a variable, in bytes: as long as a hooks file may be.
const MAX_TEXT: usize = 64 * 1024 * 1024;

/// How many bytes of texts a template may handle in all: a few lines of copies of copies can mean billions.
const MAX_COPIED: usize = 4 * MAX_TEXT;

/// What a template takes from outside. Each yields what the peer's function of that name does; an error is told, and
/// an empty text takes the value's place, as with the peer.
pub trait Host {
    /// An environment variable; empty where it is not set.
    fn getenv(&mut self, name: &str) -> Result<String, String>;
    /// A file's content, less one line break at its end.
    fn cat(&mut self, path: &str) -> Result<String, String>;
    /// A credential of systemd's; an environment variable where there is no folder of credentials.
    fn credential(&mut self, name: &str) -> Result<String, String>;
}

/// What a template yields.
#[derive(Debug, Default)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// Where each part of the text comes from, in order.
    pub pieces: Vec<Piece>,
    /// Values that came from outside, and what actions wrote: no report may show them.
    pub yields: Vec<String>,
    /// What did not prevent it, but is hardly meant.
    pub doubts: Vec<Fault>,
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the text as written.
    pub span: Range<usize>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub help: Option<String>,
}

impl Fault {
    fn new(span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { span, message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Fault {
        Fault { help: Some(help.into()), ..self }
    }
}

/// A value in a template.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// `nil`, the dot, and every field of it.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Value {
    /// Go's name of its type.
    fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
        }
    }

    /// Whether `if` takes it for true.
    fn truth(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
        }
    }
}
