//! Pieces of a template to a tree.
//!
//! upstream: Go's text/template/parse/parse.go

use std::collections::VecDeque;
use std::ops::Range;

use super::function::{Function, named};
use super::lex::{Action, Kind, Lexer, Piece, Token};
use super::{Fault, MAX_DEPTH, Value};
use crate::diagnostic::did_you_mean;

/// A part of a template.
pub(super) enum Node {
    /// Text to be copied.
    Text(Range<usize>),
    /// `{{ pipeline }}`, and where it stands with its braces.
    Action(Range<usize>, Pipeline),
    /// `{{ if }}` or `{{ with }}`, with what follows `{{ else }}`.
    Choice { keeps_dot: bool, pipeline: Pipeline, then: Vec<Node>, otherwise: Vec<Node> },
}

/// Commands, each of which takes the value of the one before it as its last argument.
pub(super) struct Pipeline {
    pub(super) span: Range<usize>,
    /// The variable that gets the value, and whether it exists already.
    pub(super) variable: Option<(String, bool)>,
    pub(super) commands: Vec<Command>,
}

/// A value, or a function with its arguments: at least one operand.
pub(super) struct Command {
    pub(super) span: Range<usize>,
    pub(super) first: Operand,
    pub(super) arguments: Vec<Operand>,
}

/// A term, perhaps with fields of it.
pub(super) struct Operand {
    pub(super) span: Range<usize>,
    pub(super) term: Term,
    /// Whether a field of it is asked for: `.name`.
    pub(super) fields: bool,
}

pub(super) enum Term {
    Dot,
    Nil,
    Literal(Value),
    Variable(String),
    Function(Function),
    Pipeline(Pipeline),
}

/// Reads a template. The error is the first mistake.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Fault> {
    let mut parser = Parser { lexer: Lexer::new(text), variables: vec!["$".to_owned()], depth: 0 };
    match parser.list()? {
        (nodes, Ending::File) => Ok(nodes),
        (_, Ending::End(span)) => Err(Fault::new(span, "this `end` ends nothing")),
        (_, Ending::Else(words)) => Err(Fault::new(words.span, "this `else` belongs to no `if`")),
    }
}

/// What a list of nodes ended at.
enum Ending {
    File,
    End(Range<usize>),
    /// With the words behind `else`.
    Else(Words),
}

/// The words of an action that were not read yet.
struct Words {
    span: Range<usize>,
    left: VecDeque<Token>,
}

impl Words {
    fn peek(&self) -> Option<&Kind> {
        self.left.front().map(|token| &token.kind)
    }

    /// Takes the next word if it is this one.
    fn keyword(&mut self, name: &str) -> bool {
        let found = matches!(self.peek(), Some(Kind::Word(word)) if word == name);
        if found {
            self.left.pop_front();
        }
        found
    }

    /// Where the next word stands, or the end of the action.
    fn here(&self) -> Range<usize> {
        self.left.front().map_or(self.span.end.saturating_sub(2)..self.span.end, |token| token.span.clone())
    }

    /// The error where nothing may follow.
    fn finished(&self) -> Result<(), Fault> {
        if self.left.is_empty() { Ok(()) } else { Err(unexpected(self)) }
    }
}

fn unexpected(words: &Words) -> Fault {
    let fault = |text: &str| Fault::new(words.here(), text);
    match words.peek() {
        None => fault("something is missing before this `}}`"),
        Some(Kind::Word(_) | Kind::Literal(_) | Kind::Open) => fault("a blank is missing before this"),
        Some(Kind::Declare | Kind::Assign) => fault("only a variable, as in `$name := …`, can be given a value"),
        Some(_) => fault("this can't stand here"),
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    variables: Vec<String>,
    depth: usize,
}

impl Parser<'_> {
    /// Nodes up to the end of the file, an `end` or an `else`.
    fn list(&mut self) -> Result<(Vec<Node>, Ending), Fault> {
        let mut nodes = Vec::new();
        loop {
            let Action { span, tokens } = match self.lexer.next()? {
                None => return Ok((nodes, Ending::File)),
                Some(Piece::Text(span)) => {
                    nodes.push(Node::Text(span));
                    continue;
                }
                Some(Piece::Action(action)) => action,
            };
            let mut words = Words { span, left: tokens.into() };
            if words.keyword("end") {
                words.finished()?;
                return Ok((nodes, Ending::End(words.span)));
            }
            if words.keyword("else") {
                return Ok((nodes, Ending::Else(words)));
            }
            let is_if = words.keyword("if");
            if is_if || words.keyword("with") {
                nodes.push(self.choice(is_if, words)?);
            } else {
                nodes.push(Node::Action(words.span.clone(), self.whole(words)?));
            }
        }
    }

    /// A pipeline that the action ends with.
    fn whole(&mut self, mut words: Words) -> Result<Pipeline, Fault> {
        let pipeline = self.pipeline(&mut words)?;
        words.finished()?;
        Ok(pipeline)
    }

    /// What follows `if` or `with`, up to its `end`.
    fn choice(&mut self, keeps_dot: bool, words: Words) -> Result<Node, Fault> {
        let start = words.span.clone();
        let known = self.variables.len();
        self.deeper(&start)?;
        let pipeline = self.whole(words)?;
        let (then, ending) = self.list()?;
        let (otherwise, ending) = match ending {
            Ending::Else(mut words) => {
                let is_if = words.keyword("if");
                if is_if || words.keyword("with") {
                    // The end of the inner one is ours, too.
                    (vec![self.choice(is_if, words)?], Ending::End(start.clone()))
                } else {
                    words.finished()?;
                    self.list()?
                }
            }
            ending => (Vec::new(), ending),
        };
        self.depth -= 1;
        self.variables.truncate(known);
        match ending {
            Ending::End(_) => Ok(Node::Choice { keeps_dot, pipeline, then, otherwise }),
            Ending::Else(words) => Err(Fault::new(words.span, "a second `else`: `end` is missing before it")),
            Ending::File => Err(Fault::new(start, "this has no `{{ end }}`")),
        }
    }

    fn deeper(&mut self, span: &Range<usize>) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(span.clone(), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(())
    }

    /// Commands up to what can't belong to them: a `)`, or the end of the action.
    fn pipeline(&mut self, words: &mut Words) -> Result<Pipeline, Fault> {
        let start = words.here().start;
        let variable = self.variable(words);
        let mut commands = Vec::new();
        // upstream: nothing behind the last `|` is no mistake.
        while !matches!(words.peek(), None | Some(Kind::Close)) {
            commands.push(self.command(words)?);
        }
        if commands.is_empty() {
            return Err(Fault::new(words.here(), "a value is missing before this"));
        }
        let passive = commands.iter().skip(1).find(|command| {
            matches!(command.first.term, Term::Dot | Term::Nil | Term::Literal(_)) && !command.first.fields
        });
        if let Some(Command { span, .. }) = passive {
            return Err(Fault::new(span.clone(), "a function belongs behind a `|`"));
        }
        self.variables.extend(variable.iter().map(|(name, _)| name.clone()));
        let end = commands.last().map_or(start, |command| command.span.end);
        Ok(Pipeline { span: start..end, variable, commands })
    }

    /// `$name :=` or `$name =`
    fn variable(&mut self, words: &mut Words) -> Option<(String, bool)> {
        let exists = match (words.peek()?, &words.left.get(1)?.kind) {
            (Kind::Variable(_), Kind::Declare) => false,
            (Kind::Variable(_), Kind::Assign) => true,
            _ => return None,
        };
        let Some(Token { kind: Kind::Variable(name), .. }) = words.left.pop_front() else { return None };
        words.left.pop_front();
        Some((name, exists))
    }

    /// One command, and the `|` behind it.
    fn command(&mut self, words: &mut Words) -> Result<Command, Fault> {
        let first = self.operand(words)?;
        let mut arguments = Vec::new();
        loop {
            match words.left.front() {
                Some(Token { kind: Kind::Pipe, .. }) => {
                    words.left.pop_front();
                    break;
                }
                None | Some(Token { kind: Kind::Close, .. }) => break,
                Some(Token { spaced: true, .. }) => arguments.push(self.operand(words)?),
                Some(_) => return Err(unexpected(words)),
            }
        }
        let end = arguments.last().unwrap_or(&first).span.end;
        Ok(Command { span: first.span.start..end, first, arguments })
    }

    /// A term, and fields of it.
    fn operand(&mut self, words: &mut Words) -> Result<Operand, Fault> {
        let mut span = words.here();
        let Some(Token { kind, spaced, .. }) = words.left.pop_front() else { return Err(unexpected(words)) };
        let mut fields = kind == Kind::Field;
        let term = match kind {
            Kind::Dot | Kind::Field => Term::Dot,
            Kind::Literal(value) => Term::Literal(value),
            Kind::Variable(name) if self.variables.contains(&name) => Term::Variable(name),
            Kind::Variable(name) => {
                let help = did_you_mean(&name, self.variables.iter().map(String::as_str));
                return Err(Fault { help, ..Fault::new(span, format!("there is no variable {name} here")) });
            }
            Kind::Word(name) if name == "nil" => Term::Nil,
            Kind::Word(name) => Term::Function(named(&name, &span)?),
            Kind::Open => {
                self.deeper(&span)?;
                let pipeline = self.pipeline(words)?;
                self.depth -= 1;
                span.end = words.here().end;
                // The lexer has counted them.
                words.left.pop_front();
                Term::Pipeline(pipeline)
            }
            kind => {
                words.left.push_front(Token { kind, span, spaced });
                return Err(unexpected(words));
            }
        };
        let has_none = matches!(term, Term::Literal(_) | Term::Nil) || matches!(term, Term::Dot) && !fields;
        while let Some(Token { kind: Kind::Field, spaced: false, .. }) = words.left.front() {
            if has_none {
                return Err(Fault::new(words.here(), "this has no fields"));
            }
            span.end = words.here().end;
            words.left.pop_front();
            fields = true;
        }
        Ok(Operand { span, term, fields })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Host, eval::render};

    struct Empty;

    impl Host for Empty {
        fn getenv(&mut self, _: &str) -> Result<String, String> {
            Ok(String::new())
        }

        fn cat(&mut self, _: &str) -> Result<String, String> {
            Ok(String::new())
        }

        fn credential(&mut self, _: &str) -> Result<String, String> {
            Ok(String::new())
        }
    }

    #[test]
    fn mistakes_are_told_where_they_are_made() {
        for (template, told) in [
            (r#"{{ getenv \"X\" }}"#, r"10 a `\` can't stand here"),
            (r#"{{ getenv "X" }"#, "14 an action ends with two braces: `}}`"),
            (r#"x {{ getenv "X""#, "2 this `{{` is never closed: `}}` is missing"),
            ("{{ getenv }}", "3 `getenv` takes 1 argument(s), and 0 are given"),
            ("{{ getenv 5 }}", "3 `getenv`: its argument is a text, in double quotes"),
            ("{{ print getenv }}", "9 `getenv` takes"),
            ("{{ nope }}", "3 there is no function `nope`"),
            ("{{ range .x }}{{ end }}", "3 `range` is refused"),
            (r#"{{ define "x" }}{{ end }}"#, "3 `define` is refused"),
            (r#"{{ index . "x" }}"#, "3 `index` is refused"),
            ("{{ $x = 2 }}", "3 there is no variable $x here"),
            ("{{$x := 1}}{{$x=2}}", "15 a `=` can't stand here"),
            ("{{ if true }}{{ $z := 1 }}{{ end }}{{ $z }}", "38 there is no variable $z here"),
            ("{{ eq 1 1.0 }}", "3 `eq`: a int can't be compared with a float64"),
            ("{{ lt true false }}", "3 `lt`: a bool can't be compared"),
            ("{{ len nil }}", "3 `len`: a <nil> has no length"),
            (r#"{{ 5 "x" }}"#, "3 only a function takes arguments"),
            (r#"{{ "a" | "b" }}"#, "9 a function belongs behind a `|`"),
            (r#"{{ (getenv "N" | print).x }}"#, "3 a string has no fields"),
            ("{{ nil }}", "3 nil alone is no command"),
            (r#"{{ "a""b" }}"#, "6 a blank is missing before this"),
            ("{{/* c */ }}", "7 a comment ends with"),
            ("{{ end }}", "0 this `end` ends nothing"),
            ("{{ else }}", "0 this `else` belongs to no `if`"),
            ("{{ if }}x{{ end }}", "6 a value is missing before this"),
            ("{{ if 1 }}x", "0 this has no `{{ end }}`"),
            ("{{ ( ) }}", "5 a value is missing before this"),
            ("{{ ) }}", "3 this `)` closes nothing"),
            (r#"{{ "\/" }}"#, "3 there is no such escape in a text"),
        ] {
            let fault = render(template, &mut Empty).expect_err(template);
            let found = format!("{} {}", fault.span.start, fault.message);
            assert!(found.starts_with(told), "{template}: {found}");
        }
    }
}
