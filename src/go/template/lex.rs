//! A template's text to pieces: what stands between actions, and the words of each action.
//!
//! upstream: Go's text/template/parse/lex.go

use std::ops::Range;

use super::{Fault, Value, literal};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// A part of the text.
pub(super) enum Piece {
    /// Text to be copied.
    Text(Range<usize>),
    /// What stands in braces.
    Action(Action),
}

/// The words between `{{` and `}}`.
pub(super) struct Action {
    /// With its braces.
    pub(super) span: Range<usize>,
    pub(super) tokens: Vec<Token>,
}

/// One word.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    /// Whether a blank stands before it.
    pub(super) spaced: bool,
}

/// What a word is.
#[derive(Clone, PartialEq)]
pub(super) enum Kind {
    /// A keyword or a function.
    Word(String),
    /// `.name`
    Field,
    Dot,
    /// `$` or `$name`, dollar included.
    Variable(String),
    Literal(Value),
    Open,
    Close,
    Pipe,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// A character without a meaning of its own.
    Other(char),
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Whether the last action ended with `-}}`.
    trims: bool,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}

/// Whether an action that starts here begins with `- `, which trims what stands before it.
fn trims_left(inside: &str) -> bool {
    inside.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_blank))
}

/// The length of what closes an action here, and whether it trims what follows.
fn closing(rest: &str) -> Option<(usize, bool)> {
    if rest.starts_with(CLOSE) {
        return Some((CLOSE.len(), false));
    }
    let trimming = rest.strip_prefix(is_blank)?.strip_prefix('-')?.starts_with(CLOSE);
    trimming.then_some((2 + CLOSE.len(), true))
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Lexer<'t> {
        Lexer { text, at: 0, trims: false }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next piece; `None` at the end. Comments are none.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, Fault> {
        while !self.rest().is_empty() {
            let piece = if self.rest().starts_with(OPEN) {
                self.action()?.map(Piece::Action)
            } else {
                Some(self.between()).filter(|span| !span.is_empty()).map(Piece::Text)
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
        Ok(None)
    }

    /// The text before the next action, trimmed as the actions on both sides say.
    fn between(&mut self) -> Range<usize> {
        let rest = self.rest();
        let end = rest.find(OPEN).unwrap_or(rest.len());
        let mut text = rest.get(..end).unwrap_or_default();
        let mut start = self.at;
        if std::mem::take(&mut self.trims) {
            start += text.len() - text.trim_start_matches(is_blank).len();
            text = text.trim_start_matches(is_blank);
        }
        if rest.get(end + OPEN.len()..).is_some_and(trims_left) {
            text = text.trim_end_matches(is_blank);
        }
        self.at += end;
        start..start + text.len()
    }

    /// The action that starts here; `None` for a comment.
    fn action(&mut self) -> Result<Option<Action>, Fault> {
        let start = self.at;
        let inside = self.rest().strip_prefix(OPEN).unwrap_or_default();
        let marker = if trims_left(inside) { 2 } else { 0 };
        self.at += OPEN.len() + marker;
        self.trims = false;
        if self.rest().starts_with("/*") {
            return self.comment(start).map(|()| None);
        }
        let mut tokens: Vec<Token> = Vec::new();
        let (mut open, mut spaced) = (Vec::new(), true);
        loop {
            if let Some((length, trims)) = closing(self.rest()) {
                if let Some(bracket) = open.pop() {
                    return Err(Fault::new(bracket, "this `(` is never closed"));
                }
                self.at += length;
                self.trims = trims;
                return Ok(Some(Action { span: start..self.at, tokens }));
            }
            let Some(c) = self.rest().chars().next() else {
                return Err(Fault::new(start..start + OPEN.len(), "this `{{` is never closed: `}}` is missing"));
            };
            if is_blank(c) {
                self.at += 1;
                spaced = true;
                continue;
            }
            let from = self.at;
            let kind = self.token(c)?;
            let span = from..self.at;
            match kind {
                Kind::Open => open.push(span.clone()),
                Kind::Close if open.pop().is_none() => return Err(Fault::new(span, "this `)` closes nothing")),
                _ => {}
            }
            tokens.push(Token { kind, span, spaced: std::mem::take(&mut spaced) });
        }
    }

    fn comment(&mut self, start: usize) -> Result<(), Fault> {
        let Some(end) = self.rest().find("*/") else {
            return Err(Fault::new(start..start + OPEN.len(), "this comment is never closed: `*/}}` is missing"));
        };
        self.at += end + 2;
        let Some((length, trims)) = closing(self.rest()) else {
            return Err(Fault::new(self.at - 2..self.at, "a comment ends with `*/}}` or `*/ -}}`, and stands alone"));
        };
        self.at += length;
        self.trims = trims;
        Ok(())
    }

    /// The word that starts here with `c`.
    fn token(&mut self, c: char) -> Result<Kind, Fault> {
        let rest = self.rest();
        let next = rest.chars().nth(1);
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let (length, kind) = match c {
            '(' => (1, Kind::Open),
            ')' => (1, Kind::Close),
            '|' => (1, Kind::Pipe),
            '=' => (1, Kind::Assign),
            ':' if next == Some('=') => (2, Kind::Declare),
            '"' | '`' | '\'' => return self.quoted(c),
            '$' => return self.name(1).map(|name| Kind::Variable(name.to_owned())),
            '.' if !is_digit(next) => {
                let name = self.name(1)?;
                return Ok(if name == "." { Kind::Dot } else { Kind::Field });
            }
            '.' | '+' | '-' => return self.number(),
            _ if c.is_ascii_digit() => return self.number(),
            _ if is_word(c) => {
                let name = self.name(0)?;
                return Ok(match name {
                    "true" => Kind::Literal(Value::Bool(true)),
                    "false" => Kind::Literal(Value::Bool(false)),
                    name => Kind::Word(name.to_owned()),
                });
            }
            ' '..='~' if !matches!(c, '\\' | '}') => (1, Kind::Other(c)),
            _ => return Err(self.misplaced(c)),
        };
        self.at += length;
        Ok(kind)
    }

    /// A name behind `lead` bytes, which belong to it.
    fn name(&mut self, lead: usize) -> Result<&'t str, Fault> {
        let start = self.at;
        let name = self.rest().get(lead..).unwrap_or_default();
        self.at += lead + name.find(|c| !is_word(c)).unwrap_or(name.len());
        let rest = self.rest();
        match rest.chars().next() {
            Some(c) if !is_blank(c) && !".,|:)(".contains(c) && !rest.starts_with(CLOSE) => Err(self.misplaced(c)),
            _ => Ok(self.text.get(start..self.at).unwrap_or_default()),
        }
    }

    fn misplaced(&self, c: char) -> Fault {
        let fault = Fault::new(self.at..self.at + c.len_utf8(), format!("a `{c}` can't stand here"));
        match c {
            '\\' => fault.help(
                "between {{ and }} quotes are written without backslashes, also in JSON: \"{{ getenv \"NAME\" | js }}\"",
            ),
            '}' => Fault { message: "an action ends with two braces: `}}`".to_owned(), ..fault },
            '=' => fault.help("put a blank before it"),
            '\u{2018}'..='\u{201f}' => fault.help("write straight quotes: \""),
            _ => fault,
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Kind, Fault> {
        let start = self.at;
        let inside = self.rest().get(1..).unwrap_or_default();
        let mut escaped = false;
        let end = inside.char_indices().find(|(_, c)| {
            let ends = !escaped && (*c == quote || *c == '\n' && quote != '`');
            escaped = !escaped && *c == '\\' && quote != '`';
            ends
        });
        let Some((length, _)) = end.filter(|(_, c)| *c == quote) else {
            return Err(Fault::new(start..start + 1, "the text that starts at this quote is never closed"));
        };
        self.at += length + 2;
        let inside = inside.get(..length).unwrap_or_default();
        let value = match quote {
            '"' => literal::text(inside).map(Value::Text),
            '\'' => literal::character(inside).map(|c| Value::Int(i64::from(u32::from(c)))),
            // upstream: Go drops carriage returns here.
            _ => Some(Value::Text(inside.replace('\r', ""))),
        };
        let wrong = || match quote {
            '"' => Fault::new(start..self.at, "there is no such escape in a text"),
            _ => Fault::new(start..self.at, "one character stands in `'`").help("write a text in double quotes: \""),
        };
        value.map(Kind::Literal).ok_or_else(wrong)
    }

    fn number(&mut self) -> Result<Kind, Fault> {
        let rest = self.rest();
        let mut before = ' ';
        let end = rest.char_indices().find(|(at, c)| {
            let sign = matches!(c, '+' | '-') && (*at == 0 || matches!(before, 'e' | 'E'));
            before = *c;
            !(is_word(*c) || *c == '.' || sign)
        });
        let length = end.map_or(rest.len(), |(at, _)| at);
        let span = self.at..self.at + length;
        self.at = span.end;
        let written = rest.get(..length).unwrap_or_default();
        literal::number(written)
            .map(Kind::Literal)
            .ok_or_else(|| Fault::new(span, format!("`{written}` is no number, or one beyond 64 bits")))
    }
}
