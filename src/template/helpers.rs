//! What a template asks for and will not get, told when it is read and not by the call that needs it: filters, tests, other
//! templates, a shell.

use minijinja::{Environment, ErrorKind};

use super::TemplateError;
use super::tags::{is_tag, pieces, quoted_length};
use crate::diagnostic::did_you_mean;

/// What there is to suggest: the filters that alarms use.
const FILTERS: [&str; 25] = [
    "capitalize",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "replace",
    "round",
    "select",
    "sort",
    "split",
    "title",
    "trim",
    "upper",
    "wa_link",
];

/// Tags that want another template, of which there is none.
const OTHERS: [&str; 4] = ["include", "import", "from", "extends"];

/// Words that mean something to a shell alone.
const FOR_A_SHELL: [&str; 9] = ["|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1"];

/// The first word of a command line that only a shell would understand, as it stands there: in quotes it is meant for the
/// program.
pub fn word_for_a_shell(line: &str) -> Option<&'static str> {
    let line: String = pieces(line).map(|piece| if is_tag(piece) { "x" } else { piece }).collect();
    let (mut words, mut at) = (vec![String::new()], 0);
    while let Some(c) = line[at..].chars().next() {
        let length = match c {
            '"' | '\'' => quoted_length(&line[at..]),
            '\\' => line[at..].chars().take(2).map(char::len_utf8).sum(),
            _ => c.len_utf8(),
        };
        match words.last_mut() {
            Some(word) if !c.is_whitespace() => word.push_str(&line[at..at + length]),
            _ => words.push(String::new()),
        }
        at += length;
    }
    words.iter().find_map(|word| FOR_A_SHELL.into_iter().find(|known| known == word))
}

/// What the template of this text asks for that is not there.
pub(super) fn missing(environment: &Environment<'_>, text: &str) -> Option<TemplateError> {
    let (mut at, mut is_raw) = (0, false);
    for piece in pieces(text) {
        let begin = at;
        at += piece.len();
        let keyword = keyword(piece);
        is_raw = if is_raw { keyword != "endraw" } else { keyword == "raw" };
        if is_raw || !is_tag(piece) {
            continue;
        }
        let told = |inside: usize, message: String| {
            Some(TemplateError { message, line: text[..begin + inside].matches('\n').count() + 1 })
        };
        if OTHERS.contains(&keyword) && !piece.contains("ignore missing") {
            return told(0, format!("there is no other template for \"{keyword}\""));
        }
        for (inside, name, is_filter) in helpers(piece) {
            let (probe, kind) = match is_filter {
                true => (format!("0|{name}"), ErrorKind::UnknownFilter),
                false => (format!("0 is {name}"), ErrorKind::UnknownTest),
            };
            let tried = environment.compile_expression(&probe).and_then(|probe| probe.eval(()));
            if tried.is_err_and(|error| error.kind() == kind) {
                let help = did_you_mean(name, FILTERS).filter(|_| is_filter);
                let help = help.map(|help| format!(" ({help})")).unwrap_or_default();
                let what = if is_filter { "filter" } else { "test" };
                return told(inside, format!("no {what} is called \"{name}\"{help}"));
            }
        }
    }
    None
}

/// The first word of a tag that is a statement.
fn keyword(piece: &str) -> &str {
    let Some(inside) = piece.strip_prefix("{%") else { return "" };
    let inside = inside.trim_start_matches(['-', '+']).trim_start();
    &inside[..inside.find(|c: char| !c.is_alphanumeric()).unwrap_or(inside.len())]
}

/// The filters (true) and tests (false) that a tag names, with their places in it.
fn helpers(piece: &str) -> Vec<(usize, &str, bool)> {
    let mut found = Vec::new();
    // What came before a word decides: `|`, `is`, `is not`.
    let (mut at, mut expects) = (0, None);
    while let Some(c) = piece[at..].chars().next() {
        if matches!(c, '"' | '\'') {
            at += quoted_length(&piece[at..]);
            expects = None;
        } else if c.is_alphabetic() || c == '_' {
            let is_field = piece[..at].ends_with('.');
            let rest = &piece[at..];
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let word = &rest[..length];
            expects = match (expects, word) {
                (Some(false), "not") => Some(false),
                (Some(is_filter), _) => {
                    found.push((at, word, is_filter));
                    None
                }
                (None, _) if is_field => None,
                (None, "is") => Some(false),
                (None, "filter") if keyword(piece) == "filter" && found.is_empty() => Some(true),
                (None, _) => None,
            };
            at += length;
        } else {
            expects = match c {
                '|' => Some(true),
                _ if c.is_whitespace() => expects,
                _ => None,
            };
            at += c.len_utf8();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::template::{Template, word_for_a_shell};

    #[test]
    fn what_a_shell_would_understand_is_told() {
        for (line, word) in [
            ("date | wc", Some("|")),
            ("a >> b", Some(">>")),
            ("a {{ msg }} ; b", Some(";")),
            ("{a,b} | wc", Some("|")),
            ("sh -c 'a | b && c'", None),
            ("a|b {{ msg }}", None),
            ("say {{ msg | upper }}", None),
            ("find /x -exec rm {} \\;", None),
            ("expr 3 '>' 2", None),
        ] {
            assert_eq!(word_for_a_shell(line), word, "{line}");
        }
    }

    #[test]
    fn what_does_not_exist_is_told_before_a_call_needs_it() {
        for (text, told) in [
            ("{{ msg|uper }}", "no filter is called \"uper\" (did you mean \"upper\"?)"),
            (
                "a\n{% if payload.x %}\n{{ msg | trim|nofilter(1) }}{% endif %}",
                "in its line 3: no filter is called \"nofilter\"",
            ),
            ("{% filter shout %}x{% endfilter %}", "no filter is called \"shout\""),
            ("{% filter upper %}{{ payload.filter }}{% endfilter %}", ""),
            ("{% if msg is foo %}x{% endif %}", "no test is called \"foo\""),
            ("{% if msg is not bar %}x{% endif %}", "no test is called \"bar\""),
            ("{% include 'x' %}", "there is no other template for \"include\""),
            ("{%- extends 'x' -%}", "there is no other template for \"extends\""),
            ("{{ '|nofilter is foo' ~ msg }}", ""),
            ("{% raw %}{{ x|nofilter }}{% endraw %}{{ msg|lower }}", ""),
            (
                "{{ payload.is }} {{ 'a' if payload.is else 'b' }}{% include 'x' ignore missing %} {{ query.a|default('b')|replace('a', \"|c\")|wa_link }}",
                "",
            ),
            ("{{ [1, 2]|join(', ') }} {{ msg is defined and msg is startingwith('a') }}", ""),
            ("{{ payload.list|map(attribute='x')|join }} {{ msg[:3] }}", ""),
        ] {
            let found = Template::parse(text).map(drop).map_err(|error| error.to_string());
            assert_eq!(found.err().unwrap_or_default(), told, "{text}");
        }
        for filter in super::FILTERS {
            assert!(Template::parse(&format!("{{{{ msg|{filter} }}}}")).is_ok(), "{filter}");
        }
    }
}
