//! A word's text to its pieces: quotes are taken away, variables and outputs of commands are found.

use super::parse::{Parser, SIGNS, Unknown};
use super::{Piece, Word};

impl Parser {
    /// A word. `testing`: between double brackets, where signs are text.
    pub(super) fn word(&mut self, testing: bool) -> Result<Word, Unknown> {
        let mut word = Word::default();
        while let Some(c) = self.peek() {
            match c {
                // A shell's blanks; others (a no-break space) are letters to it.
                ' ' | '\t' | '\r' | '\n' | ';' => break,
                _ if SIGNS.contains(c) && !testing => break,
                '\'' => {
                    self.next();
                    word.push(&self.until('\'')?);
                }
                '"' => {
                    self.next();
                    self.deeper(|parser| parser.in_quotes(&mut word))?;
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => word.push(&c.to_string()),
                    }
                }
                '$' | '`' => self.deeper(|parser| parser.filled_in(&mut word))?,
                c => {
                    self.next();
                    word.push(&c.to_string());
                }
            }
        }
        // A word of quotes only is an empty text, and still a word.
        if word.0.is_empty() {
            word.0.push(Piece::Text(String::new()));
        }
        Ok(word)
    }

    fn until(&mut self, end: char) -> Result<String, Unknown> {
        let line = self.line;
        let mut text = String::new();
        while let Some(c) = self.next() {
            if c == end {
                return Ok(text);
            }
            text.push(c);
        }
        Err(Unknown { line, what: format!("a {end} that is never closed") })
    }

    fn in_quotes(&mut self, word: &mut Word) -> Result<(), Unknown> {
        let line = self.line;
        word.push("");
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.next();
                    return Ok(());
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) if "$`\"\\".contains(c) => word.push(&c.to_string()),
                        Some(c) => word.push(&format!("\\{c}")),
                    }
                }
                '$' | '`' => self.deeper(|parser| parser.filled_in(word))?,
                c => {
                    self.next();
                    word.push(&c.to_string());
                }
            }
        }
        Err(Unknown { line, what: "a \" that is never closed".to_owned() })
    }

    /// What begins with `$` or a backquote.
    fn filled_in(&mut self, word: &mut Word) -> Result<(), Unknown> {
        if self.takes("`") {
            let inside = self.until('`')?.replace("\\`", "`").replace("\\$", "$");
            let mut parser = Parser::new(&inside, self.line, self.depth);
            word.0.push(Piece::Output(parser.chains(&[])?));
            return Ok(());
        }
        self.takes("$");
        if self.starts_with("((") {
            return Err(self.unknown("`$((`"));
        }
        if self.takes("(") {
            let chains = self.chains(&[])?;
            self.expect(")")?;
            word.0.push(Piece::Output(chains));
            return Ok(());
        }
        if self.takes("{") {
            let piece = self.braces()?;
            word.0.push(piece);
            return Ok(());
        }
        if self.starts_with("'") {
            return Err(self.unknown("`$'`"));
        }
        let name = self.name();
        match name.is_empty() {
            true => word.push("$"),
            false => word.0.push(Piece::Variable(name)),
        }
        Ok(())
    }

    /// A variable's name: a word, a digit, or a sign.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            self.next();
            name.push(c);
            if name.starts_with(|first: char| first.is_ascii_digit()) {
                return name;
            }
        }
        if name.is_empty()
            && let Some(sign) = self.peek().filter(|c| "*@#?$!-".contains(*c))
        {
            self.next();
            name.push(sign);
        }
        name
    }

    fn braces(&mut self) -> Result<Piece, Unknown> {
        let name = self.name();
        if self.takes("}") {
            return Ok(Piece::Variable(name));
        }
        if self.takes(":-") || self.takes("-") {
            let mut word = Word::default();
            while !self.takes("}") {
                match self.peek() {
                    None => return Err(self.unknown("a `${` that is never closed")),
                    Some('"') => {
                        self.next();
                        self.deeper(|parser| parser.in_quotes(&mut word))?;
                    }
                    Some('$' | '`') => self.deeper(|parser| parser.filled_in(&mut word))?,
                    Some(c) => {
                        self.next();
                        word.push(&c.to_string());
                    }
                }
            }
            return Ok(Piece::Default(name, word));
        }
        // Brackets of classes may stand in a pattern, other braces hardly.
        self.until('}').map(|how| Piece::Changed(name, how))
    }
}

impl Word {
    fn push(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ => self.0.push(Piece::Text(text.to_owned())),
        }
    }
}
