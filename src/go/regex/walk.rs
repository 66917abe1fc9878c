//! A pattern, piece by piece: groups, flags and repetitions.

use super::class::{PatternError, bracketed, escape, escaped_class, literal};

/// The largest count of `a{n}`, also of one inside another, multiplied.
const MAX_COUNT: u32 = 1000;

const MISSING_ARGUMENT: &str = "missing argument to repetition operator";
const MISSING_PAREN: &str = "missing closing )";
const UNEXPECTED_PAREN: &str = "unexpected )";
const INVALID_COUNT: &str = "invalid repeat count";
const INVALID_REPEAT: &str = "invalid nested repetition operator";
const INVALID_PERL: &str = "invalid or unsupported Perl syntax";
const INVALID_NAME: &str = "invalid named capture";

/// The same pattern in the words of the regex crate, with all capturing groups, unnamed.
pub fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator { whole: pattern, rest: pattern, ..Translator::default() };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    if !translator.outer.is_empty() {
        return Err(PatternError::new(MISSING_PAREN, pattern));
    }
    Ok(translator.out)
}

/// A walk over a pattern.
#[derive(Default)]
struct Translator<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    /// The group we are in.
    group: Group,
    /// The groups around it.
    outer: Vec<Group>,
    /// What was left to read after the last repetition operator: another one right there is refused.
    after_repeat: Option<(usize, &'p str)>,
}

/// A group that is not closed yet, or the whole pattern.
#[derive(Default)]
struct Group {
    /// Where it begins in the output.
    start: usize,
    /// The largest count in what came before the last piece.
    count: u32,
    last: Option<Piece>,
}

/// What a repetition operator would repeat.
struct Piece {
    start: usize,
    end: usize,
    /// How often its inmost part is repeated, at most; 0 if never, which ends Go's own reckoning.
    count: u32,
    repeated: bool,
}

impl Group {
    fn put(&mut self, piece: Option<Piece>) {
        self.count = self.counted();
        self.last = piece;
    }

    fn counted(&self) -> u32 {
        self.last.as_ref().map_or(self.count, |last| self.count.max(last.count))
    }
}

impl<'p> Translator<'p> {
    /// One piece of the pattern.
    ///
    /// upstream: regexp/syntax parse.go, `parse`, with the flags that regexp.Compile sets.
    fn step(&mut self) -> Result<(), PatternError> {
        let rest = self.rest;
        let Some(letter) = rest.chars().next() else { return Ok(()) };
        let after = &rest[letter.len_utf8()..];
        match letter {
            '(' if after.starts_with('?') => return self.perl(),
            '(' => self.open("(", after),
            ')' => return self.close(after),
            '|' => {
                self.out.push('|');
                self.group.put(None);
                self.rest = after;
            }
            '*' | '+' | '?' => return self.repeat(letter.to_string(), 1, after),
            '{' => match count(after) {
                Some((least, most, after)) => return self.repeat_counted(least, most, after),
                None => self.letter(letter, after),
            },
            '[' => {
                let start = self.out.len();
                self.rest = bracketed(rest, &mut self.out)?;
                self.piece(start);
            }
            '^' | '$' | '.' => self.written(letter.encode_utf8(&mut [0; 4]), after),
            '\\' => return self.backslash(after),
            letter => self.letter(letter, after),
        }
        Ok(())
    }

    fn letter(&mut self, letter: char, after: &'p str) {
        let start = self.out.len();
        literal(letter, &mut self.out);
        self.piece(start);
        self.rest = after;
    }

    fn written(&mut self, text: &str, after: &'p str) {
        let start = self.out.len();
        self.out.push_str(text);
        self.piece(start);
        self.rest = after;
    }

    fn piece(&mut self, start: usize) {
        self.group.put(Some(Piece { start, end: self.out.len(), count: 1, repeated: false }));
    }

    fn backslash(&mut self, after: &'p str) -> Result<(), PatternError> {
        let mut letters = after.chars();
        match letters.next() {
            Some('A') => self.written(r"\A", letters.as_str()),
            Some('z') => self.written(r"\z", letters.as_str()),
            Some('b') => self.written(r"(?-u:\b)", letters.as_str()),
            Some('B') => self.written(r"(?-u:\B)", letters.as_str()),
            Some('Q') => {
                let (text, after) = letters.as_str().split_once(r"\E").unwrap_or((letters.as_str(), ""));
                for letter in text.chars() {
                    self.letter(letter, after);
                }
                self.rest = after;
            }
            _ => {
                let start = self.out.len();
                if let Some(after) = escaped_class(self.rest, &mut self.out)? {
                    self.piece(start);
                    self.rest = after;
                } else {
                    let (letter, after) = escape(self.rest)?;
                    self.letter(letter, after);
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, text: &str, after: &'p str) {
        let inner = Group { start: self.out.len(), ..Group::default() };
        self.outer.push(std::mem::replace(&mut self.group, inner));
        self.out.push_str(text);
        self.rest = after;
    }

    fn close(&mut self, after: &'p str) -> Result<(), PatternError> {
        let outer = self.outer.pop().ok_or_else(|| PatternError::new(UNEXPECTED_PAREN, self.whole))?;
        let inner = std::mem::replace(&mut self.group, outer);
        self.out.push(')');
        let (start, end, count) = (inner.start, self.out.len(), inner.counted().max(1));
        self.group.put(Some(Piece { start, end, count, repeated: false }));
        self.rest = after;
        Ok(())
    }

    /// `(?P<name>…)`, `(?<name>…)`, `(?flags)` or `(?flags:…)`.
    fn perl(&mut self) -> Result<(), PatternError> {
        let rest = self.rest;
        if let Some(name) = rest.strip_prefix("(?P<").or_else(|| rest.strip_prefix("(?<")) {
            let (name, after) = name.split_once('>').ok_or_else(|| PatternError::new(INVALID_NAME, rest))?;
            let written = &rest[..rest.len() - after.len()];
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(is_name) {
                return Err(PatternError::new(INVALID_NAME, written));
            }
            self.open("(", after);
            return Ok(());
        }
        let end = rest[2..].find(|letter| !"imsU-".contains(letter)).map_or(rest.len(), |end| end + 2);
        let end_letter = rest[end..].chars().next();
        let (written, after) = rest.split_at(end + end_letter.map_or(0, char::len_utf8));
        let wrong = || PatternError::new(INVALID_PERL, written);
        let flags = flags(&rest[2..end]).filter(|_| matches!(end_letter, Some(':' | ')'))).ok_or_else(wrong)?;
        if written.ends_with(':') {
            self.open(&format!("(?{flags}:"), after);
        } else {
            if !flags.is_empty() {
                self.out.push_str(&format!("(?{flags})"));
            }
            self.rest = after;
        }
        Ok(())
    }

    fn repeat_counted(&mut self, least: Option<u32>, most: Most, after: &'p str) -> Result<(), PatternError> {
        let wrong = PatternError::new(INVALID_COUNT, &self.rest[..self.rest.len() - after.len()]);
        let (Some(least), most) = (least, most) else { return Err(wrong) };
        match most {
            Most::Same => self.repeat(format!("{{{least}}}"), least, after),
            Most::Any => self.repeat(format!("{{{least},}}"), least.max(1), after),
            Most::Count(Some(most)) if least <= most => self.repeat(format!("{{{least},{most}}}"), most, after),
            Most::Count(_) => Err(wrong),
        }
    }

    fn repeat(&mut self, mut operator: String, times: u32, after: &'p str) -> Result<(), PatternError> {
        let (lazy, after) = after.strip_prefix('?').map_or((false, after), |after| (true, after));
        let here = self.rest.len();
        let from = match self.after_repeat {
            Some((at, from)) if at == here => Some(from),
            _ => None,
        };
        if let Some(from) = from {
            return Err(PatternError::new(INVALID_REPEAT, &from[..from.len() - after.len()]));
        }
        let written = &self.rest[..here - after.len()];
        let last = self.group.last.as_mut().ok_or_else(|| PatternError::new(MISSING_ARGUMENT, written))?;
        last.count = last.count.saturating_mul(times);
        if last.count > MAX_COUNT {
            return Err(PatternError::new(INVALID_COUNT, written));
        }
        if lazy {
            operator.push('?');
        }
        // Flags may stand between: `a(?i)*` repeats the `a`.
        let flags = self.out.split_off(last.end);
        if last.repeated {
            self.out.insert_str(last.start, "(?:");
            self.out.push(')');
        }
        self.out.push_str(&operator);
        last.end = self.out.len();
        last.repeated = true;
        self.out.push_str(&flags);
        self.after_repeat = Some((after.len(), self.rest));
        self.rest = after;
        Ok(())
    }
}

/// The upper end of a count.
enum Most {
    /// `{n}`
    Same,
    /// `{n,}`
    Any,
    /// `{n,m}`; none if it is too large.
    Count(Option<u32>),
}

/// The inside of `{n}`, `{n,}`, `{n,m}` and what follows; `None` if it counts nothing, for then it is text.
///
/// upstream: regexp/syntax parse.go, `(*parser).repeat`. `{,m}` is text.
fn count(rest: &str) -> Option<(Option<u32>, Most, &str)> {
    let (inside, after) = rest.split_once('}')?;
    let number = |digits: &str| {
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let is_number = is_number && (digits.len() == 1 || !digits.starts_with('0'));
        is_number.then(|| digits.parse().ok().filter(|number| *number <= MAX_COUNT))
    };
    let (least, most) = match inside.split_once(',') {
        None => (number(inside)?, Most::Same),
        Some((least, "")) => (number(least)?, Most::Any),
        Some((least, most)) => (number(least)?, Most::Count(number(most)?)),
    };
    Some((least, most, after))
}

/// Flags in the regex crate's form, each said once; `None` if Go has no such flags.
fn flags(written: &str) -> Option<String> {
    let (mut set, mut clear) = (String::new(), String::new());
    let mut clearing = false;
    for flag in written.chars() {
        match flag {
            'i' | 'm' | 's' | 'U' => {
                set.retain(|other| other != flag);
                clear.retain(|other| other != flag);
                if clearing { clear.push(flag) } else { set.push(flag) }
            }
            '-' if !clearing => clearing = true,
            _ => return None,
        }
    }
    match (clearing, clear.is_empty()) {
        (true, true) => None,
        (false, _) => Some(set),
        (true, false) => Some(format!("{set}-{clear}")),
    }
}
