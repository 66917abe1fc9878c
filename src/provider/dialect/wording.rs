//! A message in the words of a channel: its length, its marks, and nobody called to it who was not meant.

use data_encoding::HEXUPPER;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value as Json, json};

use crate::message::Priority;
use crate::message::TextFormat;
use crate::message::media::{Media, MediaSource};
use crate::node::{Node, Property, Reader, Shape, property};
use crate::provider::Outgoing;
use crate::provider::markup::{HTML, MARKDOWN, PLAIN, SLACK, Style, WHATSAPP, render};
use crate::provider::text::{Unit, with_title};

/// The names that a dialect's templates may use besides the properties of its accounts.
pub(super) const NAMES: [&str; 17] = [
    "text",
    "plain",
    "title",
    "to",
    "kind",
    "key",
    "key_number",
    "key_hex",
    "contact",
    "priority",
    "format",
    "thread",
    "reply_to",
    "link",
    "media",
    "time",
    "base_url",
];

/// The name that the request for an approved template may use besides those.
pub(super) const TEMPLATE: &str = "template";

/// What breaks a mention, and is not seen.
const WORD_JOINER: &str = "\u{2060}";

/// How often a text is cut shorter until its escapes have room, too.
const CUTS: usize = 8;

/// How a channel wants its texts.
pub(super) struct Wording {
    /// The longest text, in its unit.
    pub(super) most: Option<usize>,
    unit: Unit,
    style: &'static Style,
    /// How texts are written that mark nothing up, where a request says which it is; else as the others.
    plain_style: Option<&'static Style>,
    /// The longest caption of media, where that is another.
    caption: Option<usize>,
    /// The longest title, where the channel has titles; else it is the first line of the text.
    title: Option<usize>,
    /// Words that call everybody, which are broken.
    mentions: Vec<String>,
    priorities: Vec<(Priority, Json)>,
}

impl Default for Wording {
    fn default() -> Wording {
        Wording {
            most: None,
            unit: Unit::Characters,
            style: &PLAIN,
            plain_style: None,
            caption: None,
            title: None,
            mentions: Vec::new(),
            priorities: Vec::new(),
        }
    }
}

const WORDING: &[Property<Wording>] = &[
    property("most", NUMBER, "The longest text.", |wording, node, reader| wording.most = length(node, reader)),
    property("unit", Shape::Text, "What it counts: characters, utf-16 or bytes.", |wording, node, reader| {
        wording.unit = one_of(&Unit::ALL, node, reader).unwrap_or(Unit::Characters)
    }),
    property(
        "style",
        Shape::Text,
        "How it marks up: plain, html, markdown, slack, whatsapp.",
        |wording, node, reader| wording.style = one_of(&STYLES, node, reader).unwrap_or(&PLAIN),
    ),
    property(
        "plain-style",
        Shape::Text,
        "The same for plain texts, where the request tells.",
        |wording, node, reader| wording.plain_style = one_of(&STYLES, node, reader),
    ),
    property("caption", NUMBER, "The longest caption of media.", |wording, node, reader| {
        wording.caption = length(node, reader)
    }),
    property("title", NUMBER, "The longest title, where it has some.", |wording, node, reader| {
        wording.title = length(node, reader)
    }),
    property("mentions", Shape::OneOrMore(&Shape::Text), "Words that call everybody.", |wording, node, reader| {
        wording.mentions = reader.one_or_more(node, Reader::text);
        wording.mentions.retain(|mention| !mention.is_empty());
    }),
    property("priorities", Shape::Map(&Shape::Text), "What it calls priorities.", |wording, node, reader| {
        wording.priorities = priorities(node, reader)
    }),
];

const NUMBER: Shape = Shape::Integer(1, i64::MAX);

const STYLES: [(&str, &Style); 5] =
    [("plain", &PLAIN), ("html", &HTML), ("markdown", &MARKDOWN), ("slack", &SLACK), ("whatsapp", &WHATSAPP)];

fn length(node: &Node, reader: &mut Reader<'_>) -> Option<usize> {
    match usize::try_from(reader.integer(node)?) {
        Ok(length) if length > 0 => Some(length),
        _ => reader.wrong(&node.place, "expected a length of at least 1"),
    }
}

fn one_of<T: Copy>(words: &[(&str, T)], node: &Node, reader: &mut Reader<'_>) -> Option<T> {
    let text = reader.text(node)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
    let list = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    found.or_else(|| reader.wrong(&node.place, format!("expected one of {}", list())))
}

fn priorities(node: &Node, reader: &mut Reader<'_>) -> Vec<(Priority, Json)> {
    let mut priorities = Vec::new();
    for entry in reader.entries(node).unwrap_or_default() {
        let Some(priority) = Priority::named(&entry.key) else {
            reader.error(&entry.key_place, "there are the priorities low, normal and high");
            continue;
        };
        let Some(text) = reader.text(&entry.value) else { continue };
        let is_plain = matches!(entry.value.value, crate::node::Value::Scalar { plain: true, .. });
        let json = Some(&text).filter(|_| is_plain).and_then(|text| serde_json::from_str(text).ok());
        priorities.push((priority, json.unwrap_or(Json::String(text))));
    }
    priorities
}

impl Wording {
    /// Reads it.
    pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Wording> {
        reader.record(node, WORDING)
    }

    /// The values of a message, whose recipient is called `to` there.
    pub(super) fn values(&self, out: &Outgoing, to: &str) -> Map<String, Json> {
        let most = self.caption.filter(|_| out.media.is_some()).or(self.most);
        let style = self.plain_style.filter(|_| out.format == TextFormat::Plain).unwrap_or(self.style);
        let (title, text) = match self.title {
            Some(most) => {
                let written = |title: &str| self.written(title, Some(most), None, out.format, style);
                (out.title.as_deref().map(written), out.text.clone())
            }
            None => (None, with_title(out.title.as_deref(), &out.text)),
        };
        let [text, plain] =
            [style, &PLAIN].map(|style| self.written(&text, most, out.link.as_deref(), out.format, style));
        let (key_number, key_hex) = renamed(&out.key);
        let priority = self.priorities.iter().find(|(priority, _)| *priority == out.priority);
        let format = if out.format == TextFormat::Markup { "markup" } else { "plain" };
        let values = json!({
            "text": text,
            "plain": plain,
            "title": title,
            "to": to,
            "kind": out.address.kind.as_str(),
            "key": out.key,
            "key_number": key_number,
            "key_hex": key_hex,
            "contact": out.contact,
            "priority": priority.map(|(_, word)| word),
            "format": format,
            "thread": out.thread,
            "reply_to": out.reply_to,
            "link": out.link,
            "media": out.media.as_deref().map(media),
            "time": out.accepted_at.millis() / 1000,
        });
        match values {
            Json::Object(values) => values,
            _ => Map::new(),
        }
    }

    /// The text in the writing of the channel, and no longer than that takes it.
    fn written(
        &self,
        text: &str,
        most: Option<usize>,
        link: Option<&str>,
        format: TextFormat,
        style: &'static Style,
    ) -> String {
        let written = |text: &str| self.without_mentions(render(text, format, style));
        let Some(most) = most else { return written(text) };
        // It is cut before it is marked up, so that no mark loses its end; escapes count, too.
        let mut room = most;
        for _ in 0..CUTS {
            let cut = self.unit.cut(text, room, link);
            let shown = written(&cut);
            let [long, longer] = [&cut, &shown].map(|text| self.unit.length(text));
            if longer <= most {
                return shown;
            }
            room = (long.saturating_mul(most) / longer).min(long.saturating_sub(1));
        }
        self.unit.cut(&written(text), most, None)
    }

    fn without_mentions(&self, text: String) -> String {
        self.mentions.iter().fold(text, |text, mention| {
            // However it is written: those who look for it don't mind.
            let (lower, mention) = (text.to_ascii_lowercase(), mention.to_ascii_lowercase());
            let first = mention.chars().next().map_or(0, char::len_utf8);
            let (mut broken, mut from) = (String::with_capacity(text.len()), 0);
            for (at, _) in lower.match_indices(&mention) {
                broken.extend([text.get(from..at + first).unwrap_or_default(), WORD_JOINER]);
                from = at + first;
            }
            broken + text.get(from..).unwrap_or_default()
        })
    }
}

/// What a key is called where only a number, or only hexadecimal digits, will do. Both come from its digest: every try of a
/// delivery has the same, and no two deliveries do. The number is positive and has 31 bits.
fn renamed(key: &str) -> (u32, String) {
    let digest = digest(&SHA256, key.as_bytes());
    let [number, hex] = [4, 16].map(|length| digest.as_ref().get(..length).unwrap_or_default());
    let number = number.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    ((number >> 1).max(1), HEXUPPER.encode(hex))
}

/// What goes along, in every form that gateways take.
fn media(media: &Media) -> Json {
    let Media { kind, mime, name, source } = media;
    let (link, base64) = match source {
        MediaSource::Link(link) => (Some(link.as_str()), None),
        MediaSource::Bytes(bytes) => (None, Some(data_encoding::BASE64.encode(bytes))),
    };
    let data_uri = base64.as_ref().map(|base64| format!("data:{mime};base64,{base64}"));
    // Most gateways take either in one field.
    let source = link.or(data_uri.as_deref());
    json!({
        "kind": kind.as_str(), "mime": mime, "name": name, "link": link, "base64": base64, "data_uri": data_uri,
        "source": source,
    })
}
