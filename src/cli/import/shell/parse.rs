//! A script's text to commands.

use super::{Chain, Command, Pipeline, Simple, Word};

/// How deep one thing may stand in another: scripts that people write need 5.
const MAX_DEPTH: usize = 40;

/// What is not known here, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub what: String,
}

/// Reads a whole script.
pub(crate) fn parse(text: &str) -> Result<Vec<Chain>, Unknown> {
    let mut parser = Parser::new(text, 1, 0);
    let chains = parser.chains(&[])?;
    parser.blanks(true);
    match parser.peek() {
        None => Ok(chains),
        Some(_) => Err(parser.unknown("a bracket that closes nothing")),
    }
}

/// Words that begin something which is not known here.
const FOREIGN: [&str; 7] = ["case", "while", "until", "select", "function", "coproc", "time"];

/// Signs that end a word.
pub(super) const SIGNS: &str = " \t\r\n;&|<>()";

pub(super) struct Parser {
    text: Vec<char>,
    at: usize,
    pub(super) line: usize,
    pub(super) depth: usize,
}

impl Parser {
    pub(super) fn new(text: &str, line: usize, depth: usize) -> Parser {
        Parser { text: text.chars().collect(), at: 0, line, depth }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    pub(super) fn starts_with(&self, sign: &str) -> bool {
        sign.chars().enumerate().all(|(at, c)| self.text.get(self.at + at) == Some(&c))
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let found = self.starts_with(sign);
        for _ in sign.chars().filter(|_| found) {
            self.next();
        }
        found
    }

    pub(super) fn unknown(&self, what: impl Into<String>) -> Unknown {
        Unknown { line: self.line, what: what.into() }
    }

    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Parser) -> Result<T, Unknown>) -> Result<T, Unknown> {
        if self.depth >= MAX_DEPTH {
            return Err(self.unknown("something nested too deeply"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Passes over blanks and comments; over line ends and `;` only where `lines` says so.
    fn blanks(&mut self, lines: bool) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' => drop(self.next()),
                '\\' if self.starts_with("\\\n") => drop(self.takes("\\\n")),
                '\\' if self.starts_with("\\\r\n") => drop(self.takes("\\\r\n")),
                '#' => while self.peek().is_some_and(|c| c != '\n') && self.next().is_some() {},
                '\n' if lines => drop(self.next()),
                ';' if lines && !self.starts_with(";;") => drop(self.next()),
                _ => return,
            }
        }
    }

    /// The bare word that stands next, which may be one with a meaning of its own.
    fn keyword(&self) -> String {
        self.text.iter().skip(self.at).take_while(|c| !SIGNS.contains(**c) && !"'\"$`\\".contains(**c)).collect()
    }

    /// Commands up to one of the words of `ends`, a closing bracket, or the end.
    pub(super) fn chains(&mut self, ends: &[&str]) -> Result<Vec<Chain>, Unknown> {
        let mut chains = Vec::new();
        loop {
            self.blanks(true);
            if self.peek().is_none_or(|c| c == ')') || ends.contains(&self.keyword().as_str()) {
                return Ok(chains);
            }
            chains.push(self.chain()?);
            self.blanks(false);
            match self.peek() {
                None | Some('\n' | ';' | ')') => {}
                // It goes on beside the rest; that it is waited for here changes nothing of what it does.
                Some('&') => drop(self.next()),
                // Right behind a bracket: `{ (a) }`.
                Some(_) if ends.contains(&self.keyword().as_str()) => {}
                Some(_) => return Err(self.unknown("something behind a command")),
            }
            if self.starts_with(";;") {
                return Err(self.unknown("`;;`"));
            }
        }
    }

    fn chain(&mut self) -> Result<Chain, Unknown> {
        let mut pipelines = vec![self.pipeline()?];
        loop {
            self.blanks(false);
            if !self.takes("&&") && !self.takes("||") {
                return Ok(Chain(pipelines));
            }
            self.blanks(true);
            pipelines.push(self.pipeline()?);
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, Unknown> {
        if self.keyword() == "!" {
            self.next();
            self.blanks(false);
        }
        let mut commands = vec![self.deeper(Parser::command)?];
        loop {
            self.blanks(false);
            if self.starts_with("||") || !self.takes("|") {
                return Ok(Pipeline(commands));
            }
            self.takes("&");
            self.blanks(true);
            commands.push(self.deeper(Parser::command)?);
        }
    }

    fn command(&mut self) -> Result<Command, Unknown> {
        let line = self.line;
        let word = self.keyword();
        if FOREIGN.contains(&word.as_str()) {
            return Err(self.unknown(format!("`{word}`")));
        }
        let compound = match word.as_str() {
            "if" => self.condition(line)?,
            "for" => self.round(line)?,
            "{" => {
                self.takes("{");
                let chains = self.chains(&["}"])?;
                self.expect("}")?;
                Command::Group(chains)
            }
            _ if self.starts_with("((") => return Err(self.unknown("`((`")),
            _ if self.takes("(") => {
                let chains = self.chains(&[])?;
                self.expect(")")?;
                Command::Group(chains)
            }
            _ => return self.simple(line).map(Command::Simple),
        };
        // Where its output goes says nothing of what it does.
        while self.redirect()?.is_some() {}
        Ok(compound)
    }

    pub(super) fn expect(&mut self, word: &str) -> Result<(), Unknown> {
        self.blanks(true);
        if self.takes(word) { Ok(()) } else { Err(self.unknown(format!("no `{word}`, which belongs here"))) }
    }

    fn condition(&mut self, line: usize) -> Result<Command, Unknown> {
        let mut arms = Vec::new();
        self.takes("if");
        loop {
            let condition = self.chains(&["then"])?;
            self.expect("then")?;
            arms.push((condition, self.chains(&["elif", "else", "fi"])?));
            if self.keyword() != "elif" {
                break;
            }
            self.takes("elif");
        }
        let otherwise = if self.keyword() == "else" && self.takes("else") { self.chains(&["fi"])? } else { Vec::new() };
        self.expect("fi")?;
        Ok(Command::If { arms, otherwise, line })
    }

    fn round(&mut self, line: usize) -> Result<Command, Unknown> {
        self.takes("for");
        self.blanks(false);
        let name = self.keyword();
        if name.is_empty() || !self.takes(&name) {
            return Err(self.unknown("a `for` of another kind"));
        }
        self.blanks(true);
        if self.keyword() != "in" {
            return Err(self.unknown("a `for` over the arguments"));
        }
        self.takes("in");
        let mut words = Vec::new();
        loop {
            self.blanks(false);
            match self.peek() {
                None | Some('\n' | ';') => break,
                Some(c) if SIGNS.contains(c) => return Err(self.unknown("a sign in the words of a `for`")),
                Some(_) => words.push(self.word(false)?),
            }
        }
        self.expect("do")?;
        let body = self.chains(&["done"])?;
        self.expect("done")?;
        Ok(Command::For { name, words, body, line })
    }

    fn simple(&mut self, line: usize) -> Result<Simple, Unknown> {
        let mut simple = Simple { line, ..Simple::default() };
        loop {
            self.blanks(false);
            // Between double brackets the signs are a test's.
            let testing = simple.program().as_deref() == Some("[[")
                && simple.words.last().and_then(Word::literal).as_deref() != Some("]]");
            if !testing && let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                continue;
            }
            match self.peek() {
                None | Some('\n' | ';') => break,
                Some('(') if !testing => return Err(self.unknown("a bracket: a function or an array")),
                Some(c) if SIGNS.contains(c) && !testing => break,
                Some(_) => {}
            }
            if simple.words.is_empty()
                && let Some(name) = self.assigned()
            {
                let word = self.word(false)?;
                simple.assignments.push((name, word));
                if self.peek() == Some('(') {
                    return Err(self.unknown("an array"));
                }
                continue;
            }
            let word = self.word(testing)?;
            simple.words.push(word);
        }
        let empty = simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty();
        if empty { Err(self.unknown("no command, where one belongs")) } else { Ok(simple) }
    }

    /// `name=`, taken; the value stands next.
    fn assigned(&mut self) -> Option<String> {
        let name: String =
            self.text.iter().skip(self.at).take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
        let named = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
        if !named || self.text.get(self.at + name.len()) != Some(&'=') {
            return None;
        }
        self.at += name.len() + 1;
        Some(name)
    }

    fn redirect(&mut self) -> Result<Option<(String, Word)>, Unknown> {
        self.blanks(false);
        let digits = self.text.iter().skip(self.at).take_while(|c| c.is_ascii_digit()).count();
        if !matches!(self.text.get(self.at + digits), Some('<' | '>')) && !self.starts_with("&>") {
            return Ok(None);
        }
        self.at += digits;
        let signs = ["<<<", "&>>", ">>", "&>", ">&", "<&", ">|", "<>", "<<", ">", "<"];
        let Some(sign) = signs.into_iter().find(|sign| self.starts_with(sign)) else { return Ok(None) };
        if sign == "<<" {
            return Err(self.unknown("a here-document"));
        }
        self.takes(sign);
        if self.peek() == Some('(') {
            return Err(self.unknown("`<(` or `>(`"));
        }
        self.blanks(false);
        Ok(Some((sign.to_owned(), self.word(false)?)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::import::shell::{Piece, simples};

    fn words(text: &str) -> Result<Vec<String>, String> {
        let chains = parse(text).map_err(|Unknown { line, what }| format!("{line}: {what}"))?;
        let mut found = Vec::new();
        simples(&chains, &mut found);
        let line = |simple: &Simple| {
            let words = simple.words.iter().map(|word| word.literal().unwrap_or("…".into()));
            format!("{} {}", simple.line, words.collect::<Vec<_>>().join("|"))
        };
        Ok(found.into_iter().map(line).collect())
    }

    #[test]
    fn commands_are_found_with_their_words_and_lines() {
        for (text, found) in [
            ("#!/bin/sh\n\na 'b c' \"d\\\"e\" f\\ g # h\n", &["3 a|b c|d\"e|f g"][..]),
            ("a \\\n  b; c & d", &["1 a|b", "2 c", "2 d"]),
            ("x=1 y=\"$1\" a >/dev/null 2>&1 </x", &["1 a"]),
            (
                "if [ -z \"$1\" ]; then\n exit 1\nelif a; then b\nelse c; fi",
                &["1 [|-z|…|]", "2 exit|1", "3 a", "3 b", "4 c"],
            ),
            ("[[ -z $x && (y > z) ]] && exit\n", &["1 [[|-z|…|&&|(y|>|z)|]]", "1 exit"]),
            ("if [[ -z \"${m//[[:space:]]/}\" ]]; then\n a; fi", &["1 [[|-z|…|]]", "2 a"]),
            ("for n in 1 \"2\"; do a $n; done | b", &["1 a|…", "1 b"]),
            ("m=\"$(echo \"$*\" | tr -d '\\r')\"", &["1 echo|…", "1 tr|-d|\\r", "1 "]),
            ("a\u{a0}b\u{3000} \u{b}c", &["1 a\u{a0}b\u{3000}|\u{b}c"]),
            ("`a b` || { c; (d) }", &["1 a|b", "1 …", "1 c", "1 d"]),
        ] {
            assert_eq!(words(text), Ok(found.iter().map(|line| (*line).to_owned()).collect()), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_told_with_its_line() {
        for (text, what) in [
            ("a\ncase $1 in x) b;; esac", "2: `case`"),
            ("a() { b; }", "1: a bracket: a function or an array"),
            ("a=(1 2)", "1: an array"),
            ("a <<E\nx\nE", "1: a here-document"),
            ("a \"b", "1: a \" that is never closed"),
            ("if a; then b", "1: no `fi`, which belongs here"),
            ("a )", "1: a bracket that closes nothing"),
        ] {
            assert_eq!(words(text), Err(what.to_owned()), "{text}");
        }
    }

    #[test]
    fn pieces_of_a_word_are_told_apart() {
        let chains = parse("a \"x${2:-79001234567}y\" ${m//[[:space:]]/} $10$").unwrap();
        let Command::Simple(simple) = &chains[0].0[0].0[0] else { panic!("{chains:?}") };
        let text = |text: &str| Piece::Text(text.into());
        let default = Piece::Default("2".into(), Word(vec![text("79001234567")]));
        assert_eq!(simple.words[1].0, [text("x"), default, text("y")]);
        assert_eq!(simple.words[2].0, [Piece::Changed("m".into(), "//[[:space:]]/".into())]);
        assert_eq!(simple.words[3].0, [Piece::Variable("1".into()), text("0$")]);
    }

    proptest! {
        /// Whatever a file holds, it is read or refused.
        #[test]
        fn any_text_is_read_or_refused(
            text in r#"(if |then |fi |for x in |do |done |\$\(|\$\{x|\}|\)|\(|"|'|`|\\|\[\[ | ]]|<<|>|&&|\|\||;|\n|=|x|[ \t\u{a0}\u{b}]|Ж|\PC){0,60}"#
        ) {
            drop(parse(&text));
        }

        #[test]
        fn deep_texts_are_refused_and_not_followed(depth in 0..3000usize) {
            for opening in ["$(", "\"$(", "(", "{ ", "if ", "`", "${x:-"] {
                drop(parse(&format!("a {}", opening.repeat(depth))));
                drop(parse(&opening.repeat(depth)));
            }
        }
    }
}
