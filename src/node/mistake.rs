//! Why a JSON document can't be read, in the words of somebody who wrote it by hand.
//!
//! A YAML reader meets the consequences of a mistake, often lines later and in terms of YAML. This walks over the
//! tokens of a document that was already refused, and names the first thing that a human would correct.

use std::ops::Range;

use crate::diagnostic::Source;

/// What to correct, and where.
pub(super) struct Mistake {
    /// Bytes of the text.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) help: Option<String>,
}

/// What stood before the present token.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Bracket,
    Comma,
    Colon,
    Value,
}

/// A bracket that is not closed yet.
struct Open {
    bracket: char,
    at: usize,
    /// A colon was seen since the last comma.
    colon: bool,
}

impl Open {
    fn closer(&self) -> char {
        if self.bracket == '{' { '}' } else { ']' }
    }
}

struct Walk<'t> {
    source: &'t Source,
    text: &'t str,
    at: usize,
    open: Vec<Open>,
    last: Last,
    /// End of the last token.
    end: usize,
}

/// The first mistake in a text that starts like JSON, or else in the brackets that open at `bracket`; none if it does
/// not and there are none, or nothing is found.
pub(super) fn find(source: &Source, bracket: Option<usize>) -> Option<Mistake> {
    let mut walk = Walk { source, text: &source.text, at: 0, open: Vec::new(), last: Last::Bracket, end: 0 };
    walk.skip_to_document();
    let whole = walk.rest().starts_with(['[', '{']) || walk.at_foreign_comment();
    if !whole {
        walk.at = bracket?;
    }
    loop {
        walk.skip_blanks();
        let token = walk.rest().chars().next()?;
        let found = walk.token(token);
        if found.is_some() {
            return found;
        }
        walk.end = walk.at;
        walk.skip_blanks();
        if walk.open.is_empty() && walk.last == Last::Value {
            return if whole { walk.after_the_end() } else { None };
        }
        if walk.rest().is_empty() {
            return walk.never_closed();
        }
    }
}

impl<'t> Walk<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_to_document(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        self.skip_blanks();
        if self.rest().starts_with("---") {
            self.at += 3;
            self.skip_blanks();
        }
    }

    /// Skips white space and `#` comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn at_foreign_comment(&self) -> bool {
        self.rest().starts_with("//") || self.rest().starts_with("/*")
    }

    fn line(&self, at: usize) -> usize {
        self.source.line_column(at).0
    }

    fn token(&mut self, token: char) -> Option<Mistake> {
        let start = self.at;
        match token {
            '[' | '{' => {
                if let Some(found) = self.before_value().or_else(|| self.bracket_as_key(token)) {
                    return Some(found);
                }
                self.open.push(Open { bracket: token, at: start, colon: false });
                self.last = Last::Bracket;
            }
            ']' | '}' => {
                if let Some(found) = self.close(token) {
                    return Some(found);
                }
                self.last = Last::Value;
            }
            ',' => {
                if matches!(self.last, Last::Comma | Last::Bracket) {
                    return mistake(start..start + 1, "a value is missing before this comma", None);
                }
                if let Some(open) = self.open.last_mut() {
                    open.colon = false;
                }
                self.last = Last::Comma;
            }
            ':' => {
                let twice = self.open.last_mut().is_some_and(|open| std::mem::replace(&mut open.colon, true));
                if twice {
                    return mistake(start..start + 1, "a comma is missing somewhere before this `:`", None);
                }
                self.last = Last::Colon;
            }
            '"' | '\'' => return self.before_value().or_else(|| self.quoted(token)),
            _ if self.at_foreign_comment() => return foreign_comment(start),
            _ => {
                let found = self.before_value();
                let word = self.word();
                // Anchors and tags stand before their value.
                let stands_before = word.starts_with(['&', '!']);
                self.at += word.trim_end().len();
                if !stands_before {
                    self.last = Last::Value;
                }
                return found;
            }
        }
        self.at += token.len_utf8();
        None
    }

    /// A value starts here: is one allowed?
    fn before_value(&self) -> Option<Mistake> {
        if self.last != Last::Value {
            return None;
        }
        let gap = self.end.saturating_sub(1)..self.end;
        let gap = if self.text.is_char_boundary(gap.start) { gap } else { self.end..self.end };
        match self.open.last() {
            Some(open) if open.bracket == '{' && !open.colon => {
                mistake(gap, "a `:` is missing after this key", Some("write \"key\": value".to_owned()))
            }
            _ => mistake(gap, "missing comma? a comma belongs after this value, before the next one", None),
        }
    }

    fn bracket_as_key(&self, bracket: char) -> Option<Mistake> {
        let open = self.open.last().filter(|open| open.bracket == '{' && !open.colon)?;
        let message = format!("unclosed bracket? a `{bracket}` can't stand where a key belongs");
        let help = format!("the `{{` of line {} is not closed before it", self.line(open.at));
        mistake(self.at..self.at + 1, message, Some(help))
    }

    fn close(&mut self, closer: char) -> Option<Mistake> {
        let span = self.at..self.at + 1;
        let Some(open) = self.open.pop() else {
            return mistake(span, format!("this `{closer}` closes nothing"), None);
        };
        if open.closer() == closer {
            return None;
        }
        let message = format!("unclosed bracket? a `{}` is missing before this `{closer}`", open.closer());
        let help = format!("the `{}` of line {} is not closed", open.bracket, self.line(open.at));
        mistake(span, message, Some(help))
    }

    fn quoted(&mut self, quote: char) -> Option<Mistake> {
        let start = self.at;
        let inside = &self.rest()[1..];
        let Some(length) = quoted_length(inside, quote) else {
            return unclosed_quote(start);
        };
        let after = inside[length + 1..].chars().next();
        let ends_well = after.is_none_or(|next| next.is_whitespace() || ",:]}".contains(next));
        if !ends_well && inside[..length].contains('\n') {
            return unclosed_quote(start);
        }
        if !ends_well {
            let end = start + length + 2;
            let help = "a quote inside of a text is written \\\"".to_owned();
            return mistake(end - 1..end, "the text ends at this quote, but more follows; missing comma?", Some(help));
        }
        self.at = start + length + 2;
        self.last = Last::Value;
        None
    }

    /// Up to the next thing that ends an unquoted word.
    fn word(&self) -> &'t str {
        let rest = self.rest();
        let mut before = ' ';
        for (at, c) in rest.char_indices() {
            let next = rest[at + c.len_utf8()..].chars().next().unwrap_or('\n');
            let ends = match c {
                ',' | '[' | ']' | '{' | '}' | '\n' | '\r' => true,
                ':' => next.is_whitespace() || ",[]{}\"".contains(next),
                '"' | '#' => before.is_whitespace() && at > 0,
                '/' => before.is_whitespace() && at > 0 && matches!(next, '/' | '*'),
                _ => false,
            };
            if ends && at > 0 {
                return &rest[..at];
            }
            before = c;
        }
        rest
    }

    fn after_the_end(&self) -> Option<Mistake> {
        let rest = self.rest();
        if self.at_foreign_comment() {
            return foreign_comment(self.at);
        }
        if rest.is_empty() || rest.starts_with("---") || rest.starts_with("...") {
            return None;
        }
        let next = rest.chars().next().map_or(0, char::len_utf8);
        let help = "a file holds one list or one object: is there a bracket too many before this, or a `[` too few?";
        mistake(self.at..self.at + next, "the document has ended, but more follows", Some(help.to_owned()))
    }

    fn never_closed(&self) -> Option<Mistake> {
        let open = self.open.last()?;
        let help = format!("add a `{}` where it ends", open.closer());
        mistake(open.at..open.at + 1, format!("this `{}` is never closed", open.bracket), Some(help))
    }
}

/// Where the text after an opening quote ends.
fn quoted_length(inside: &str, quote: char) -> Option<usize> {
    let mut characters = inside.char_indices().peekable();
    let mut escaped = false;
    while let Some((at, c)) = characters.next() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            '\'' if quote == '\'' && characters.peek().is_some_and(|(_, next)| *next == '\'') => escaped = true,
            _ if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

fn unclosed_quote(start: usize) -> Option<Mistake> {
    mistake(start..start + 1, "the text that starts at this quote is never closed; missing quote?", None)
}

fn foreign_comment(start: usize) -> Option<Mistake> {
    let help = "write `# note`, or give the note a key of its own: \"//\": \"note\"".to_owned();
    mistake(start..start + 2, "comments do not start with `//` or `/*` here", Some(help))
}

fn mistake(span: Range<usize>, message: impl Into<String>, help: Option<String>) -> Option<Mistake> {
    Some(Mistake { span, message: message.into(), help })
}
