//! What a filter such as `tr` makes of a caller's text, where hookbell does the same.

use super::translation::{Note, Weight};
use super::value::{Value, base};

/// How many characters are exchanged one by one: a longer set is a table of letters, which is another program's work.
const MOST: usize = 8;

/// The text behind a filter, and what is to be said of it.
pub(super) fn filtered(text: Value, words: &[Value], line: usize) -> (Value, Option<Note>) {
    let literal: Option<Vec<String>> = words.iter().map(Value::literal).collect();
    let words = literal.unwrap_or_default();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let note = |weight, what: String, advice: &str| Some(Note { weight, line, what, advice: advice.to_owned() });
    let covered = |what: &str| note(Weight::Covered, what.to_owned(), "");
    match &words[..] {
        ["cat"] => (text, None),
        ["tr", "-d", set] => match expanded(set) {
            Some(set) if set.iter().all(|c| c.is_control() && !matches!(c, '\n' | '\t')) => {
                (text, covered("`tr`: hookbell takes control characters away, and the \\r of line ends"))
            }
            Some(set) if set.len() <= MOST => (replaced(text, set.iter().map(|c| (*c, None))), None),
            _ => (text, note(Weight::Left, "`tr` changes the text, and is left out".to_owned(), CHANGED)),
        },
        ["tr", from, to] => match (*from, *to) {
            ("[:lower:]" | "a-z", "[:upper:]" | "A-Z") => (text.filtered("upper"), None),
            ("[:upper:]" | "A-Z", "[:lower:]" | "a-z") => (text.filtered("lower"), None),
            _ => match (expanded(from), expanded(to)) {
                (Some(from), Some(to))
                    if from.len() <= MOST && !to.is_empty() && from.iter().all(|c| !to.contains(c)) =>
                {
                    // upstream: tr(1) repeats the last character of the second set.
                    let last = to.last().copied();
                    let pairs = from.iter().enumerate().map(|(at, c)| (*c, to.get(at).copied().or(last)));
                    (replaced(text, pairs), None)
                }
                _ => (text, note(Weight::Left, "`tr` changes the text, and is left out".to_owned(), CHANGED)),
            },
        },
        ["iconv", ..] => {
            let advice = "callers that don't send UTF-8 are read with \"charset\": \"windows-1251\" in the hook";
            (text, note(Weight::Left, "`iconv` is left out".to_owned(), advice))
        }
        _ => {
            let name = words.first().map_or("a filter", |word| base(word));
            (text, note(Weight::Left, format!("`{name}` changes the text, and is left out"), CHANGED))
        }
    }
}

const CHANGED: &str = "write the change as a template: \"send\": { \"text\": \"{{ msg[:1000] }}\" }";

fn replaced(text: Value, pairs: impl Iterator<Item = (char, Option<char>)>) -> Value {
    let quoted = |c: Option<char>| serde_json::Value::from(c.map(String::from).unwrap_or_default()).to_string();
    let filters: Vec<String> =
        pairs.map(|(from, to)| format!("replace({}, {})", quoted(Some(from)), quoted(to))).collect();
    text.filtered(&filters.join(" | "))
}

/// The characters of a set of `tr`'s; none where it has ranges or classes that are not known here.
fn expanded(set: &str) -> Option<Vec<char>> {
    if set == "[:cntrl:]" {
        return Some((0..32u8).filter(|byte| !matches!(byte, b'\n' | b'\t')).map(char::from).collect());
    }
    let mut found = Vec::new();
    let mut rest = set.chars().peekable();
    while let Some(c) = rest.next() {
        let c = match c {
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' => '\\',
                digit if digit.is_digit(8) => {
                    let mut number = digit.to_string();
                    while number.len() < 3
                        && let Some(next) = rest.next_if(|c| c.is_digit(8))
                    {
                        number.push(next);
                    }
                    char::from(u8::from_str_radix(&number, 8).ok()?)
                }
                other => other,
            },
            '[' if rest.peek() == Some(&':') => return None,
            '-' if !found.is_empty() && rest.peek().is_some() => return range(&found, rest),
            c => c,
        };
        found.push(c);
    }
    Some(found)
}

/// `a-b` at the end of a set.
fn range(found: &[char], rest: std::iter::Peekable<std::str::Chars<'_>>) -> Option<Vec<char>> {
    let (first, before) = found.split_last()?;
    let after = expanded(&rest.collect::<String>())?;
    let (last, after) = after.split_first()?;
    Some(before.iter().copied().chain(*first..=*last).chain(after.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::import::value::Part;

    #[test]
    fn filters_are_covered_translated_or_told() {
        let msg = || Value(vec![Part::Parameter { source: "url".into(), name: "msg".into() }]);
        for (line, template, told) in [
            (r"tr|-d|\r", "{{ msg }}", Some(Weight::Covered)),
            (r"tr|-d|\000-\010\r", "{{ msg }}", Some(Weight::Covered)),
            ("tr|_|\u{20}", "{{ msg | replace(\"_\", \" \") }}", None),
            ("tr|\\n\\t| ", "{{ msg | replace(\"\\n\", \" \") | replace(\"\\t\", \" \") }}", None),
            ("tr|[:lower:]|[:upper:]", "{{ msg | upper }}", None),
            ("tr|a-z|b-za", "{{ msg }}", Some(Weight::Left)),
            ("cut|-c1-1000", "{{ msg }}", Some(Weight::Left)),
            ("cat", "{{ msg }}", None),
        ] {
            let words: Vec<Value> = line.split('|').map(Value::text).collect();
            let (value, note) = filtered(msg(), &words, 1);
            assert_eq!((value.template().as_deref(), note.map(|note| note.weight)), (Some(template), told), "{line}");
        }
    }
}
