//! The template that Meta approved: what an account says of it, and how a message fills it.

use serde::Serialize;

use crate::message::delivery::{Class, SendError};
use crate::node::{Node, Placed, Property, Reader, Shape, Table, Value, needed, property, rows};
use crate::provider::Outgoing;
use crate::provider::text::{cut_with_link, one_line, with_title};
use crate::template::Template as Text;

/// A template's body takes so many characters, its parameters included.
const CHARACTERS: usize = 1024;

/// The share of them that a second try takes, after Meta found the whole too long: nobody but Meta knows how long the
/// template's own words are.
const SHORT: usize = CHARACTERS / 2;

/// Meta refuses an empty parameter.
const NOTHING: &str = "-";

/// What the templates of parameters may name.
const NAMES: [&str; 5] = ["msg", "title", "lines", "contact", "link"];

/// A template that Meta approved, by its name there.
pub(super) struct Template {
    pub(super) name: String,
    language: String,
    /// One for each parameter of its body; without any it has one, for all of the text.
    params: Vec<Text>,
}

#[derive(Default)]
struct Properties {
    name: Option<String>,
    language: Option<String>,
    params: Option<Vec<Text>>,
}

const PROPERTIES: &[Property<Properties>] = &[
    needed("name", Shape::Text, "Its name in Meta's WhatsApp Manager.", |template, node, reader| {
        template.name = reader.text(node)
    }),
    needed(
        "language",
        Shape::Text,
        "The code of its language there, such as ru or en_US.",
        |template, node, reader| template.language = reader.text(node),
    ),
    property(
        "params",
        Shape::List(&Shape::Text),
        "A template over msg, title, lines, contact, link for each parameter of its body. Default: one, with \
         all of the text.",
        |template, node, reader| template.params = params(node, reader),
    ),
];

/// The table by its name in the schema.
pub(super) const TABLE: Table = Table { name: "approved-template", rows: || rows(PROPERTIES) };

/// `approved-template`
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let Properties { name, language, params } = reader.record(node, PROPERTIES)?;
    match (name, language) {
        (Some(name), Some(language)) => Some(Template { name, language, params: params.unwrap_or_default() }),
        _ => reader.wrong(&node.place, "a template has a \"name\" and a \"language\", as in Meta's WhatsApp Manager"),
    }
}

fn params(node: &Node, reader: &mut Reader<'_>) -> Option<Vec<Text>> {
    if matches!(&node.value, Value::List(params) if params.is_empty()) {
        return reader.wrong(&node.place, "a template without parameters says nothing of the message");
    }
    reader.list(node, |reader, node| {
        let Placed { value, place } = reader.placed_text(node)?;
        match Text::parse_with(&value, &NAMES) {
            Ok(text) => Some(text),
            Err(why) => reader.wrong(&place, why.to_string()),
        }
    })
}

/// The values that parameters are made of.
#[derive(Serialize)]
struct Values<'a> {
    msg: &'a str,
    title: Option<&'a str>,
    lines: Vec<&'a str>,
    contact: &'a str,
    link: Option<&'a str>,
}

/// A template with its parameters, as Meta wants it.
#[derive(Serialize)]
pub(super) struct Filled<'a> {
    name: &'a str,
    language: Language<'a>,
    components: [Component; 1],
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component {
    r#type: &'static str,
    parameters: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    r#type: &'static str,
    text: String,
}

impl Template {
    /// Its name, its language, and how many parameters it is filled with.
    pub(super) fn wanted(&self) -> (String, String, usize) {
        (self.name.clone(), self.language.clone(), self.params.len().max(1))
    }

    /// The template with a message in it; `again`: shorter, for it was found too long.
    pub(super) fn filled(&self, out: &Outgoing, again: bool) -> Result<Filled<'_>, SendError> {
        let mut texts = self.texts(out)?;
        fit(&mut texts, if again { SHORT } else { CHARACTERS }, out.link.as_deref());
        let parameters = texts.into_iter().map(|text| Parameter { r#type: "text", text }).collect();
        let components = [Component { r#type: "body", parameters }];
        Ok(Filled { name: &self.name, language: Language { code: &self.language }, components })
    }

    /// The parameters, each on one line.
    fn texts(&self, out: &Outgoing) -> Result<Vec<String>, SendError> {
        if self.params.is_empty() {
            return Ok(vec![shown(&with_title(out.title.as_deref(), &out.text))]);
        }
        let lines = out.text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let values = Values {
            msg: &out.text,
            title: out.title.as_deref(),
            lines,
            contact: &out.contact,
            link: out.link.as_deref(),
        };
        let texts = self.params.iter().map(|param| param.render(&values).map(|text| shown(&text)));
        // The text is one that the templates can't take.
        texts.collect::<Result<_, _>>().map_err(|detail| SendError {
            class: Class::Content,
            code: "template".to_owned(),
            detail,
        })
    }
}

fn shown(text: &str) -> String {
    let line = one_line(text);
    if line.is_empty() { NOTHING.to_owned() } else { line }
}

/// Cuts the longest texts to one length, so that all together have at most `most` characters. The longest one ends with
/// the link to the whole, where it is cut.
fn fit(texts: &mut [String], most: usize, link: Option<&str>) {
    let longest = share(texts.iter().map(|text| text.chars().count()).collect(), most);
    let length = |text: &String| text.chars().count();
    let last = texts.iter().enumerate().max_by_key(|(_, text)| length(text)).map(|(at, _)| at);
    for (at, text) in texts.iter_mut().enumerate() {
        *text = cut_with_link(text, longest, link.filter(|_| Some(at) == last));
    }
}

/// How long the longest of these may stay, if all together have `most`.
fn share(mut lengths: Vec<usize>, most: usize) -> usize {
    lengths.sort_unstable();
    let mut left = most;
    for (at, length) in lengths.iter().enumerate() {
        let fair = left / (lengths.len() - at);
        if *length > fair {
            return fair.max(1);
        }
        left -= length;
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_share_the_room_and_the_longest_ones_pay() {
        for (texts, most, fitted) in [
            (vec!["db1", "disk full"], 12, vec!["db1", "disk full"]),
            (vec!["db1", "disk full"], 9, vec!["db1", "disk…"]),
            (vec!["abcdef", "abc", "abcdef"], 12, vec!["abc…", "abc", "abc…"]),
            (vec!["a", "b", "c"], 2, vec!["a", "b", "c"]),
        ] {
            let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            fit(&mut texts, most, None);
            assert_eq!(texts, fitted);
        }
        let mut texts = vec!["db1".to_owned(), "x".repeat(100)];
        fit(&mut texts, 50, Some("https://b/1"));
        assert_eq!(texts[1], format!("{}… https://b/1", "x".repeat(34)));
    }
}
