//! What fills the parameters of a template that WhatsApp approved, whichever company carries it there.

use serde::Serialize;

use super::Outgoing;
use super::markup::{WHATSAPP, render};
use super::text::{cut_with_link, one_line, with_title, with_words};
use crate::message::delivery::{Class, SendError};
use crate::node::{Node, Placed, Reader, Value};
use crate::template::Template;

/// What the templates of parameters may name.
const NAMES: [&str; 6] = ["msg", "title", "lines", "contact", "link", "key"];

/// WhatsApp refuses an empty parameter.
const NOTHING: &str = "-";

/// The templates of the parameters of a template's body; none at all means one parameter, for all of the text.
#[derive(Default)]
pub(super) struct Parameters(Vec<Template>);

impl Parameters {
    /// A list of templates over what a message says.
    pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Parameters> {
        if matches!(&node.value, Value::List(params) if params.is_empty()) {
            return reader.wrong(&node.place, "a template without parameters says nothing of the message");
        }
        reader.list(node, |reader, node| read(node, reader)).map(Parameters)
    }

    /// The same of a message: with at most `most` characters together. The window is closed for media, so that they stand
    /// in words.
    ///
    /// # Errors
    /// One of the templates can't take this text.
    pub(super) fn filled(&self, out: &Outgoing, most: usize) -> Result<Vec<String>, SendError> {
        Values::of(out, out.in_words.as_deref()).fill_body(self.iter(), most)
    }

    /// One after the other.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Template> {
        self.0.iter()
    }
}

/// The values that parameters are made of.
#[derive(Serialize)]
pub(super) struct Values<'a> {
    msg: String,
    title: Option<String>,
    lines: Vec<String>,
    contact: &'a str,
    link: Option<&'a str>,
    key: &'a str,
}

/// A template over what a message says. A mistake in it is noted.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Template> {
    let Placed { value, place } = reader.placed_text(node)?;
    match Template::parse_with(&value, &NAMES) {
        Ok(template) => Some(template),
        Err(why) => reader.wrong(&place, why.to_string()),
    }
}

impl<'a> Values<'a> {
    /// What this message says, as WhatsApp writes it. What the template has no place for ends its text, in words.
    pub(super) fn of(out: &'a Outgoing, in_words: Option<&str>) -> Values<'a> {
        let text = with_words(&out.text, in_words);
        let msg = render(&text, out.format, &WHATSAPP);
        Values {
            title: out.title.as_deref().map(|title| render(title, out.format, &WHATSAPP)),
            lines: msg.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
            msg,
            contact: &out.contact,
            link: out.link.as_deref(),
            key: &out.key,
        }
    }

    /// A parameter's text on one line, and never empty.
    ///
    /// # Errors
    /// The template can't take this text.
    pub(super) fn fill(&self, template: &Template) -> Result<String, SendError> {
        let refused = |detail| SendError { class: Class::Content, code: "template".to_owned(), detail };
        template.render(self).map(|text| shown(&text)).map_err(refused)
    }

    /// The same for each parameter of a template's body, with at most `most` characters together; without any there is one,
    /// with all of the text.
    ///
    /// # Errors
    /// One of the templates can't take this text.
    pub(super) fn fill_body<'t>(
        &self,
        templates: impl Iterator<Item = &'t Template>,
        most: usize,
    ) -> Result<Vec<String>, SendError> {
        let mut texts = templates.map(|template| self.fill(template)).collect::<Result<Vec<_>, _>>()?;
        if texts.is_empty() {
            texts.push(shown(&with_title(self.title.as_deref(), &self.msg)));
        }
        fit(&mut texts, most, self.link);
        Ok(texts)
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
