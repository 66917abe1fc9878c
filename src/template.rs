//! Text with parameters in it: parsed when a configuration is loaded, rendered for every call.

use std::fmt;
use std::io;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use self::tags::{is_tag, lone_expression, pieces};
use crate::diagnostic::did_you_mean;

mod filter;
mod helpers;
mod tags;

pub use helpers::word_for_a_shell;

/// The names that a template may use.
pub const NAMES: [&str; 7] = ["msg", "title", "query", "payload", "headers", "hook", "now"];

/// The longest text that a template may render, in bytes.
pub const MAX_OUTPUT: usize = 1 << 20;

/// How many steps one rendering may take: a loop over a large payload ends here, long before anybody waits for it.
const FUEL: u64 = 1_000_000;

/// How deep macros may call each other.
const MAX_RECURSION: usize = 50;

/// The name of the only template in an environment.
const ONLY: &str = "template";

/// What all templates share; filters and tests are behind an `Arc`, so that a copy is small.
static SHARED: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut shared = Environment::new();
    shared.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // A field that a caller did not send is empty, however deep.
    shared.set_undefined_behavior(UndefinedBehavior::Chainable);
    shared.set_recursion_limit(MAX_RECURSION);
    shared.set_fuel(Some(FUEL));
    // A last line break is the author's, with tags in the text or without.
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        shared.set_syntax(syntax);
    }
    // As JSON has them, not Python; and nobody wants to read "None".
    shared.set_formatter(|out, state, value| match value.kind() {
        ValueKind::None => Ok(()),
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        _ => minijinja::escape_formatter(out, state, value),
    });
    // It would show the whole request.
    shared.remove_global("debug");
    shared.add_filter("wa_link", filter::wa_link);
    shared
});

/// Why a template can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// The line of the template's text, counted from 1.
    pub line: usize,
}

impl fmt::Display for TemplateError {
    /// With the line, where there is more than one to look at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            1 => f.write_str(&self.message),
            line => write!(f, "in its line {line}: {}", self.message),
        }
    }
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template(Body);

#[derive(Clone, Debug)]
enum Body {
    /// Nothing to fill in.
    Text(Box<str>),
    /// With the paths that it reads, as far as they are plain: `query.host`.
    Parsed(Box<Environment<'static>>, Box<[String]>),
}

impl Template {
    /// Parses a text in the language of minijinja. Its names must be of [`NAMES`].
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        Template::parse_with(text, &NAMES)
    }

    /// The same with other names than [`NAMES`].
    pub fn parse_with(text: &str, names: &[&str]) -> Result<Template, TemplateError> {
        if !["{{", "{%", "{#"].iter().any(|opening| text.contains(opening)) {
            return Ok(Template(Body::Text(text.into())));
        }
        let mut environment = SHARED.clone();
        environment.add_template_owned(ONLY, text.to_owned()).map_err(|error| trouble(&error))?;
        let template = environment.get_template(ONLY).map_err(|error| trouble(&error))?;
        let globals: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
        let known = |name: &str| names.contains(&name) || globals.contains(&name);
        let unknown = template.undeclared_variables(false).into_iter().filter(|name| !known(name)).min();
        match unknown {
            Some(name) => Err(unknown_name(text, &name, names)),
            None if let Some(error) = helpers::missing(&environment, text) => Err(error),
            None => {
                let read = template.undeclared_variables(true).into_iter().collect();
                Ok(Template(Body::Parsed(Box::new(environment), read)))
            }
        }
    }

    /// Whether it reads this parameter of the query, or may.
    pub fn may_read_query(&self, name: &str) -> bool {
        let Body::Parsed(_, read) = &self.0 else { return false };
        let mut paths = read.iter().map(|path| path.split('.'));
        paths.any(|mut steps| steps.next() == Some("query") && steps.next().is_none_or(|step| step == name))
    }

    /// The text with values filled in; `values` is a struct or map with some of [`NAMES`] as keys. What is missing is
    /// empty. NUL, which neither a message nor a command's argument can hold, is left out.
    ///
    /// The error says what the template can't do with these values.
    pub fn render(&self, values: &impl serde::Serialize) -> Result<String, String> {
        self.render_with(&Value::from(Serde(values)))
    }

    /// The value of a text that is one tag and nothing else, `{{ … }}`: a number stays one, and what is missing is null. Any
    /// other text is rendered, as [`Template::render`] does.
    pub fn value(&self, values: &impl serde::Serialize) -> Result<serde_json::Value, String> {
        if let Body::Parsed(environment, _) = &self.0 {
            let template = environment.get_template(ONLY).map_err(|error| trouble(&error).message)?;
            if let Some(expression) = lone_expression(template.source()) {
                let expression = environment
                    .compile_expression_owned(expression.to_owned())
                    .map_err(|error| trouble(&error).message)?;
                let value = expression.eval(Value::from(Serde(values))).map_err(|error| told_with_line(&error))?;
                return serde_json::to_value(value).map_err(|error| error.to_string());
            }
        }
        self.render(values).map(serde_json::Value::String)
    }

    fn render_with(&self, values: &Value) -> Result<String, String> {
        let rendered = match &self.0 {
            Body::Text(text) => text.to_string(),
            Body::Parsed(environment, _) => {
                let mut paper = Paper::default();
                let template = environment.get_template(ONLY).map_err(|error| trouble(&error).message)?;
                let written = template.render_captured_to(values.clone(), &mut paper).map(drop);
                match (paper.over, written) {
                    (true, _) => return Err("the rendered text is longer than 1 MiB".to_owned()),
                    (false, Err(error)) => return Err(told_with_line(&error)),
                    (false, Ok(())) => String::from_utf8_lossy(&paper.text).into_owned(),
                }
            }
        };
        Ok(if rendered.contains('\0') { rendered.replace('\0', "") } else { rendered })
    }
}

/// What a template writes on; it has an end.
#[derive(Default)]
struct Paper {
    text: Vec<u8>,
    over: bool,
}

impl io::Write for Paper {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.text.len() + piece.len() > MAX_OUTPUT {
            self.over = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.text.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn trouble(error: &minijinja::Error) -> TemplateError {
    let what = match error.detail() {
        _ if error.kind() == ErrorKind::OutOfFuel => "it goes round in loops for too long".to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError { message: what, line: error.line().unwrap_or(1) }
}

fn told_with_line(error: &minijinja::Error) -> String {
    let TemplateError { message, line } = trouble(error);
    format!("line {line} of the template: {message}")
}

fn unknown_name(text: &str, name: &str, names: &[&str]) -> TemplateError {
    let help = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| format!("there are {}", names.join(", ")));
    // The library tells the name only; its first mention inside of a tag is good enough for a line.
    let tags = pieces(text).scan(0, |at, piece| {
        let start = *at;
        *at += piece.len();
        Some((start, piece))
    });
    let mentions = |piece: &str| piece.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
    let at = tags.filter(|(_, piece)| piece.starts_with('{')).find(|(_, piece)| mentions(piece));
    let line = at.map_or(1, |(start, piece)| {
        let inside = piece.find(name).unwrap_or(0);
        text[..start + inside].matches('\n').count() + 1
    });
    TemplateError { message: format!("nothing is called \"{name}\" here ({help})"), line }
}

/// A command line whose words are templates. It is split into words once, before anything is filled in, so that no
/// value can become two words or reach a shell.
#[derive(Clone, Debug)]
pub struct Words(Vec<Template>);

impl Words {
    /// Splits a command line as a POSIX shell would, quotes and backslashes included; a tag like `{{ msg }}` belongs to
    /// the word it stands in, blanks and all, inside of quotes or not.
    pub fn parse(text: &str) -> Result<Words, TemplateError> {
        Words::parse_with(text, &NAMES)
    }

    /// The same with other names than [`NAMES`].
    pub fn parse_with(text: &str, names: &[&str]) -> Result<Words, TemplateError> {
        let whole = |message: String| TemplateError { message, line: 1 };
        // Tags are taken out, so that the split does not see their blanks and quotes. A character for private use, of
        // which `text` has none, stands in for each.
        let stand_in = ('\u{e000}'..='\u{f8ff}').find(|c| !text.contains(*c));
        let Some(stand_in) = stand_in else {
            return Err(whole("the command line uses up all characters for private use".to_owned()));
        };
        let mut tags = Vec::new();
        let mut line = String::with_capacity(text.len());
        for piece in pieces(text) {
            if piece.starts_with("{#") {
                continue;
            }
            if is_tag(piece) {
                tags.push(piece);
                line.push(stand_in);
            } else {
                line.push_str(piece);
            }
        }
        let split = shell_words::split(&line)
            .map_err(|_| whole("a quote is not closed: close it, or write \\ before it".to_owned()))?;
        let mut tags = tags.into_iter();
        let mut words = Vec::with_capacity(split.len());
        for word in split {
            let mut with_tags = String::with_capacity(word.len());
            for c in word.chars() {
                match tags.as_slice().first().filter(|_| c == stand_in) {
                    Some(_) => with_tags.push_str(tags.next().unwrap_or_default()),
                    None => with_tags.push(c),
                }
            }
            words.push(Template::parse_with(&with_tags, names)?);
        }
        match words.first() {
            None => Err(whole("the command is empty: name a program".to_owned())),
            Some(Template(Body::Text(program))) if program.is_empty() => {
                Err(whole("the first word names the program, and it is empty".to_owned()))
            }
            Some(_) => Ok(Words(words)),
        }
    }

    /// The program, where its name is no template.
    pub fn program(&self) -> Option<&str> {
        match self.0.first() {
            Some(Template(Body::Text(program))) => Some(program),
            _ => None,
        }
    }

    /// The words with values filled in, as [`Template::render`] does: program first, each exactly one argument.
    pub fn render(&self, values: &impl serde::Serialize) -> Result<Vec<String>, String> {
        let values = Value::from(Serde(values));
        self.0.iter().map(|word| word.render_with(&values)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rendered(text: &str, values: serde_json::Value) -> String {
        match Template::parse(text) {
            Ok(template) => template.render(&values).unwrap_or_else(|why| format!("refused: {why}")),
            Err(error) => format!("line {}: {}", error.line, error.message),
        }
    }

    #[test]
    fn values_are_filled_in_as_they_are() {
        let values = json!({
            "msg": "a <b> & \"c\"\0 Ж😀", "title": null, "query": {"x": "1"},
            "payload": {"n": 3, "f": 1.5, "ok": true, "list": [1, 2], "none": null},
        });
        for (text, expected) in [
            ("plain } text\n", "plain } text\n"),
            ("{{ msg }}\n", "a <b> & \"c\" Ж😀\n"),
            ("[{{ title }}{{ payload.none }}{{ query.nope }}{{ payload.a.b.c }}{{ headers.x }}]", "[]"),
            ("{{ query.x }} {{ payload.n }} {{ payload.f }} {{ payload.ok }}", "1 3 1.5 true"),
            ("{% for n in payload.list %}{{ loop.index }}:{{ n }};{% endfor %}", "1:1;2:2;"),
            ("{% set up = msg|length > 3 %}{{ 'yes' if up else 'no' }}", "yes"),
            ("{{ title or 'none' }} {{ range(2)|join(',') }}", "none 0,1"),
        ] {
            assert_eq!(rendered(text, values.clone()), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_found_when_it_is_parsed() {
        for (text, line, words) in [
            ("a\n{{ mgs }}", 2, "nothing is called \"mgs\" here (did you mean \"msg\"?)"),
            ("a\n\n{% if zzz %}{% endif %}", 3, "there are msg, title"),
            ("a\n{{ msg", 2, "syntax error"),
            ("{{ msg|nofilter }}\n", 1, "nofilter"),
        ] {
            let found = Template::parse(text)
                .and_then(|template| template.render(&json!({})).map_err(|message| TemplateError { message, line: 1 }));
            let error = found.expect_err(text);
            assert!(error.message.contains(words), "{error}");
            assert_eq!(error.line, line, "{text}");
        }
    }

    #[test]
    fn output_and_loops_have_an_end() {
        let values = json!({"payload": vec![0; 2000], "msg": "x".repeat(MAX_OUTPUT)});
        let nested = "{% for a in payload %}{% for b in payload %}{% endfor %}{% endfor %}";
        assert!(rendered(nested, values.clone()).contains("in loops"));
        assert!(rendered("{{ msg }}!", values).contains("longer than 1 MiB"));
        let endless = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
        assert!(rendered(endless, json!({})).contains("refused"));
    }

    #[test]
    fn a_tag_is_part_of_one_word() {
        let values = json!({"msg": "a b\0'; rm -rf / #", "query": {"x y": "$(z)"}});
        let msg = "a b'; rm -rf / #";
        for (text, expected) in [
            ("say {{ msg }}", vec!["say", msg]),
            ("say '{{ msg }}' --to=\"{{ query['x y'] }}\" end", vec!["say", msg, "--to=$(z)", "end"]),
            ("a\\ b 'c d'{{msg}}\"\"", vec!["a b", &format!("c d{msg}")]),
            ("x {{ '}} {{' }} {# no word #} y", vec!["x", "}} {{", "y"]),
            ("x {% if msg %}yes{% endif %}", vec!["x", "yes"]),
            ("x \u{e000} {{ query.none }} ''", vec!["x", "\u{e000}", "", ""]),
        ] {
            let words = Words::parse(text).expect(text).render(&values).expect(text);
            assert_eq!(words, expected, "{text}");
        }
        for text in ["", "  ", "'' x", "say 'x", "say {{ mgs }}", "# only a comment"] {
            assert!(Words::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_or_refused(text in "([{}%# '\"\\\\\n]|msg|for|\\PC){0,40}") {
            let values = json!({"msg": text});
            drop(Template::parse(&text).map(|template| template.render(&values)));
            drop(Words::parse(&text).map(|words| words.render(&values)));
        }
    }
}
