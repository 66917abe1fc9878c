//! The inside of a pattern: escapes and character classes.

use regex_syntax::Parser;

/// Why Go refuses a pattern, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {what}: `{piece}`")]
pub struct PatternError {
    what: &'static str,
    piece: String,
}

impl PatternError {
    pub(super) fn new(what: &'static str, piece: &str) -> PatternError {
        PatternError { what, piece: piece.to_owned() }
    }
}

const INVALID_ESCAPE: &str = "invalid escape sequence";
const INVALID_RANGE: &str = "invalid character class range";
const TRAILING_BACKSLASH: &str = "trailing backslash at end of expression";
const MISSING_BRACKET: &str = "missing closing ]";

/// Classes that are one letter: all of them are ASCII, and `\s` has no vertical tab.
const LETTERS: [(&str, &str); 6] = [
    (r"\d", "[0-9]"),
    (r"\D", "[^0-9]"),
    (r"\s", r"[\t\n\x0c\r ]"),
    (r"\S", r"[^\t\n\x0c\r ]"),
    (r"\w", "[0-9A-Za-z_]"),
    (r"\W", "[^0-9A-Za-z_]"),
];

/// The words of `[[:word:]]`.
const WORDS: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Writes a character that means itself.
pub(super) fn literal(letter: char, out: &mut String) {
    // Every other ASCII character may mean something to the regex crate, now or in its next version.
    if letter.is_ascii_alphanumeric() || !letter.is_ascii() {
        out.push(letter);
    } else {
        out.push_str(&format!(r"\x{:02x}", u32::from(letter)));
    }
}

/// Writes the class that `rest` begins with, `\d` or `\pN`, and gives what follows it; `None` if it begins with none.
pub(super) fn escaped_class<'p>(rest: &'p str, out: &mut String) -> Result<Option<&'p str>, PatternError> {
    for (written, class) in LETTERS {
        if let Some(after) = rest.strip_prefix(written) {
            out.push_str(class);
            return Ok(Some(after));
        }
    }
    let Some(name) = rest.strip_prefix(r"\p").or_else(|| rest.strip_prefix(r"\P")) else { return Ok(None) };
    let (name, after) = match name.strip_prefix('{') {
        Some(name) => name.split_once('}').ok_or_else(|| PatternError::new(INVALID_RANGE, rest))?,
        None => name.split_at(name.chars().next().map_or(0, char::len_utf8)),
    };
    let (flipped, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let written = &rest[..rest.len() - after.len()];
    let class = unicode(name).ok_or_else(|| PatternError::new(INVALID_RANGE, written))?;
    let positive = rest.starts_with(r"\p") != flipped;
    out.push_str(if positive { r"\p{" } else { r"\P{" });
    out.push_str(&class);
    out.push('}');
    Ok(Some(after))
}

/// A general category or a script, as the regex crate names it. It knows more properties than Go does.
fn unicode(name: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_- ".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let known = |class: &String| Parser::new().parse(&format!(r"\p{{{class}}}")).is_ok();
    [format!("gc={name}"), format!("sc={name}")].into_iter().find(known)
}

/// The character that the escape at the head of `rest` means, and what follows it.
///
/// upstream: regexp/syntax parse.go, `(*parser).parseEscape`.
pub(super) fn escape(rest: &str) -> Result<(char, &str), PatternError> {
    let mut letters = rest.chars();
    letters.next();
    let letter = letters.next().ok_or_else(|| PatternError::new(TRAILING_BACKSLASH, ""))?;
    let after = letters.as_str();
    let wrong = |after: &str| PatternError::new(INVALID_ESCAPE, &rest[..rest.len() - after.len()]);
    let found = match letter {
        // One digit but zero would be a back-reference, and there are none.
        '1'..='7' if !after.starts_with(is_octal) => None,
        '0'..='7' => Some(number(&rest[1..], 8, 3)),
        'x' => Some(match after.strip_prefix('{') {
            Some(digits) => braced(digits).ok_or_else(|| wrong(after))?,
            None if after.chars().take(2).filter(char::is_ascii_hexdigit).count() == 2 => number(after, 16, 2),
            None => return Err(wrong(after)),
        }),
        'a' => Some((7, after)),
        'f' => Some((0x0c, after)),
        'n' => Some((0x0a, after)),
        'r' => Some((0x0d, after)),
        't' => Some((0x09, after)),
        'v' => Some((0x0b, after)),
        letter if letter.is_ascii() && !letter.is_ascii_alphanumeric() => Some((u32::from(letter), after)),
        _ => None,
    };
    let (code, after) = found.ok_or_else(|| wrong(after))?;
    // Half of a surrogate pair is a character for Go that no text has.
    char::from_u32(code).map(|letter| (letter, after)).ok_or_else(|| wrong(after))
}

fn is_octal(letter: char) -> bool {
    letter.is_digit(8)
}

/// At most `most` digits.
fn number(rest: &str, radix: u32, most: usize) -> (u32, &str) {
    let digits = rest.chars().take(most).take_while(|digit| digit.is_digit(radix)).count();
    let (digits, after) = rest.split_at(digits);
    (u32::from_str_radix(digits, radix).unwrap_or_default(), after)
}

/// The digits and brace of `\x{10FFFF}`.
fn braced(rest: &str) -> Option<(u32, &str)> {
    let (digits, after) = rest.split_once('}')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let code = is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
    Some((code, after))
}

/// Writes the bracketed class that `rest` begins with, and gives what follows it.
///
/// upstream: regexp/syntax parse.go, `(*parser).parseClass`. A `]` that comes first and a `-` anywhere mean themselves, as
/// do `[`, `&&` and `--`, of which the regex crate makes classes in classes, intersections and differences.
pub(super) fn bracketed<'p>(whole: &'p str, out: &mut String) -> Result<&'p str, PatternError> {
    let mut rest = &whole[1..];
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while first || !rest.starts_with(']') {
        first = false;
        if let Some(after) = word(rest, out)? {
            rest = after;
        } else if let Some(after) = escaped_class(rest, out)? {
            rest = after;
        } else {
            rest = range(whole, rest, out)?;
        }
    }
    out.push(']');
    Ok(&rest[1..])
}

/// `[:alpha:]` or `[:^alpha:]` inside a class.
fn word<'p>(rest: &'p str, out: &mut String) -> Result<Option<&'p str>, PatternError> {
    let Some((name, after)) = rest.strip_prefix("[:").and_then(|name| name.split_once(":]")) else { return Ok(None) };
    if !WORDS.contains(&name.strip_prefix('^').unwrap_or(name)) {
        return Err(PatternError::new(INVALID_RANGE, &rest[..rest.len() - after.len()]));
    }
    out.push_str(&format!("[:{name}:]"));
    Ok(Some(after))
}

/// One character of a class, or a range of them.
fn range<'p>(whole: &str, rest: &'p str, out: &mut String) -> Result<&'p str, PatternError> {
    let (from, after) = member(whole, rest)?;
    literal(from, out);
    let Some(end) = after.strip_prefix('-').filter(|end| !end.starts_with(']')) else { return Ok(after) };
    let (to, after) = member(whole, end)?;
    if to < from {
        return Err(PatternError::new(INVALID_RANGE, &rest[..rest.len() - after.len()]));
    }
    out.push('-');
    literal(to, out);
    Ok(after)
}

fn member<'p>(whole: &str, rest: &'p str) -> Result<(char, &'p str), PatternError> {
    let mut letters = rest.chars();
    match letters.next() {
        None => Err(PatternError::new(MISSING_BRACKET, whole)),
        Some('\\') => escape(rest),
        Some(letter) => Ok((letter, letters.as_str())),
    }
}
