//! A dialect's file, read.

use http::Uri;

use super::answer::Answers;
use super::callback::Hearing;
use super::condition::{Condition, pointers};
use super::request::{Credentials, Spoken};
use super::settings::{Declared, declared};
use super::tree::template;
use super::wording::{NAMES, TEMPLATE, Wording};
use crate::account::{AddressKind, Limits, Rate, Takes};
use crate::message::media::MediaKind;
use crate::node::{Node, Placed, Property, Reader, Shape, needed, property};
use crate::provider::capabilities::{Capabilities, Hears, MediaLimit};
use crate::template::Template;

/// A gateway, described.
pub(super) struct Dialect {
    pub(super) help: String,
    pub(super) base_url: BaseUrl,
    pub(super) properties: Vec<Declared>,
    /// The kinds of addresses that it takes, the rather used first, and what it calls one; none where the account is itself
    /// the address.
    pub(super) takes: Vec<(AddressKind, Template)>,
    pub(super) limits: Limits,
    pub(super) wording: Wording,
    pub(super) credentials: Credentials,
    pub(super) send: Spoken,
    pub(super) media: Vec<Carried>,
    /// The request that sends an approved template, and so `approved-template` among the properties of accounts.
    pub(super) template: Option<Spoken>,
    pub(super) answers: Answers,
    pub(super) callback: Option<Hearing>,
    pub(super) probe: Option<Asked>,
}

/// Where the API is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BaseUrl {
    /// There, if the account says nothing else.
    Known(String),
    /// Somewhere of one's own: each account says it.
    Needed,
    /// A property of the account is the whole address.
    None,
}

/// Media of some kinds, and the request that brings them.
pub(super) struct Carried {
    pub(super) limits: Vec<MediaLimit>,
    pub(super) send: Spoken,
}

/// How an account is asked whether it would work.
pub(super) struct Asked {
    pub(super) ask: Spoken,
    pub(super) well: Vec<Condition>,
    /// What of the answer is worth telling.
    pub(super) shows: Vec<String>,
}

#[derive(Default)]
struct Written {
    help: Option<String>,
    base_url: Option<Placed<String>>,
    properties: Vec<Declared>,
    takes: Option<Node>,
    rate: Option<Rate>,
    per_recipient: Option<Rate>,
    per_group: Option<Rate>,
    fold_after: Option<u32>,
    text: Option<Wording>,
    credentials: Option<Node>,
    send: Option<Node>,
    media: Vec<Node>,
    template: Option<Node>,
    answers: Option<Answers>,
    callback: Option<Node>,
    probe: Option<Node>,
}

const MAP: Shape = Shape::Map(&Shape::Text);

const DIALECT: &[Property<Written>] = &[
    needed("help", Shape::Text, "What it is, in a sentence.", |written, node, reader| written.help = reader.text(node)),
    property("base-url", Shape::Text, "Where its API is, or `needed`.", |written, node, reader| {
        written.base_url = reader.placed_text(node)
    }),
    property("properties", MAP, "What its accounts have.", |written, node, reader| {
        written.properties = declared(node, reader).unwrap_or_default()
    }),
    property("takes", MAP, "The kinds of addresses, and what it calls one.", |written, node, _| {
        written.takes = Some(node.clone())
    }),
    property("rate", Shape::Rate, "How often an account may send.", |written, node, reader| {
        written.rate = reader.rate(node)
    }),
    property("per-recipient", Shape::Rate, "How often to one address.", |written, node, reader| {
        written.per_recipient = reader.rate(node)
    }),
    property("per-group", Shape::Rate, "How often to one group.", |written, node, reader| {
        written.per_group = reader.rate(node)
    }),
    property("fold-after", Shape::Integer(0, u32::MAX as i64), "When texts go as one.", |written, node, reader| {
        written.fold_after = reader.integer(node).and_then(|count| u32::try_from(count).ok())
    }),
    property("text", MAP, "How it wants its texts.", |written, node, reader| {
        written.text = Wording::read(node, reader)
    }),
    property("credentials", MAP, "What shows each request to be ours.", |written, node, _| {
        written.credentials = Some(node.clone())
    }),
    needed("send", MAP, "The request that sends a text.", |written, node, _| written.send = Some(node.clone())),
    property("media", Shape::List(&MAP), "The requests that send media.", |written, node, reader| {
        written.media = reader.list(node, |_, node| Some(node.clone())).unwrap_or_default()
    }),
    property("template", MAP, "The request that sends an approved template.", |written, node, _| {
        written.template = Some(node.clone())
    }),
    property("answer", MAP, "What answers mean.", |written, node, reader| {
        written.answers = Answers::read(node, reader)
    }),
    property("callback", MAP, "What its calls tell.", |written, node, _| written.callback = Some(node.clone())),
    property("probe", MAP, "How an account is asked whether it works.", |written, node, _| {
        written.probe = Some(node.clone())
    }),
];

impl Dialect {
    /// Reads one; `None` after a mistake, which the reader has noted.
    pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Dialect> {
        let earlier = reader.findings.len();
        let written = reader.record(node, DIALECT)?;
        let variables: Vec<String> = written.properties.iter().map(Declared::variable).collect();
        let names: Vec<&str> = NAMES.into_iter().chain(variables.iter().map(String::as_str)).collect();
        let base_url = base_url(written.base_url.as_ref(), &written.properties, reader);
        let takes = takes(written.takes.as_ref(), reader);
        let credentials = part(written.credentials.as_ref(), &names, reader, Credentials::read);
        let send = part(written.send.as_ref(), &names, reader, Spoken::read);
        let media: Vec<_> = written.media.iter().filter_map(|node| Carried::read(node, &names, reader)).collect();
        let names_and = [&names, &[TEMPLATE][..]].concat();
        let template = part(written.template.as_ref(), &names_and, reader, Spoken::read);
        let callback = part(written.callback.as_ref(), &names, reader, Hearing::read);
        let probe = part(written.probe.as_ref(), &names, reader, Asked::read);
        let limits = Limits {
            rate: written.rate,
            per_recipient: written.per_recipient,
            per_group: written.per_group,
            fold_after: written.fold_after.unwrap_or(Limits::NONE.fold_after),
        };
        if reader.findings.len() == earlier && (written.help.is_none() || written.send.is_none()) {
            reader.error(&node.place, "a dialect needs \"help\" and \"send\"");
        }
        if reader.findings.iter().skip(earlier).any(|finding| finding.is_error()) {
            return None;
        }
        Some(Dialect {
            help: written.help?,
            base_url: base_url?,
            properties: written.properties,
            takes: takes?,
            limits,
            wording: written.text.unwrap_or_default(),
            credentials: credentials.unwrap_or_default(),
            send: send?,
            media,
            template,
            answers: written.answers.unwrap_or_default(),
            callback,
            probe,
        })
    }

    /// The addresses that its accounts take.
    pub(super) fn addresses(&self) -> Takes {
        match self.takes.as_slice() {
            [] => Takes::Itself,
            kinds => Takes::Kinds(kinds.iter().map(|(kind, _)| kind.clone()).collect()),
        }
    }

    /// What its accounts can do.
    pub(super) fn can(&self) -> Capabilities {
        let hears = |does: fn(&Hearing) -> bool| match self.callback.as_ref().is_some_and(does) {
            true => Hears::Callback,
            false => Hears::Never,
        };
        let media: Vec<_> = self.media.iter().flat_map(|carried| carried.limits.clone()).collect();
        Capabilities {
            text: self.wording.most,
            template: self.template.is_some(),
            media: media.into(),
            reports: hears(Hearing::reports),
            inbound: hears(Hearing::is_written_to),
        }
    }
}

/// Reads a part that may be left out and whose templates use these names.
fn part<T>(
    node: Option<&Node>,
    names: &[&str],
    reader: &mut Reader<'_>,
    read: fn(&Node, &[&str], &mut Reader<'_>) -> Option<T>,
) -> Option<T> {
    node.and_then(|node| read(node, names, reader))
}

fn base_url(written: Option<&Placed<String>>, properties: &[Declared], reader: &mut Reader<'_>) -> Option<BaseUrl> {
    let Some(Placed { value, place }) = written else { return Some(BaseUrl::None) };
    if properties.iter().any(Declared::is_url) {
        return reader.wrong(place, "a property that holds a \"url\" is the whole address already");
    }
    let is_http = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.query().is_none();
    match value.as_str() {
        "needed" => Some(BaseUrl::Needed),
        url if !url.ends_with('/') && url.parse::<Uri>().is_ok_and(|url| is_http(&url)) => {
            Some(BaseUrl::Known(url.to_owned()))
        }
        _ => reader.wrong(place, "expected https://HOST without a slash at its end, or \"needed\""),
    }
}

/// `{"whatsapp": "{{ digits }}@c.us"}`: templates over `address`, as the contact has it, and `digits`, its digits alone.
fn takes(node: Option<&Node>, reader: &mut Reader<'_>) -> Option<Vec<(AddressKind, Template)>> {
    let Some(node) = node else { return Some(Vec::new()) };
    let mut takes = Vec::new();
    for entry in reader.entries(node)? {
        takes.push((AddressKind::new(&entry.key), template(&entry.value, &["address", "digits"], reader)?));
    }
    match takes.is_empty() {
        true => {
            reader.wrong(&node.place, "name a kind of address, or leave it out where an account is itself the address")
        }
        false => Some(takes),
    }
}

#[derive(Default)]
struct WrittenMedia {
    kinds: Vec<MediaKind>,
    types: Vec<String>,
    bytes: Option<u64>,
    by: Vec<String>,
    send: Option<Node>,
}

const MEDIA: &[Property<WrittenMedia>] = &[
    needed("kinds", Shape::OneOrMore(&Shape::Text), "image, video, audio, document.", |media, node, reader| {
        media.kinds = reader.one_or_more(node, kind)
    }),
    property("types", Shape::OneOrMore(&Shape::Text), "The types that it takes.", |media, node, reader| {
        media.types = reader.one_or_more(node, Reader::text)
    }),
    needed("bytes", Shape::Integer(1, i64::MAX), "The largest.", |media, node, reader| {
        media.bytes = reader.integer(node).and_then(|bytes| u64::try_from(bytes).ok())
    }),
    needed("by", Shape::OneOrMore(&Shape::Text), "link, bytes, or both.", |media, node, reader| {
        media.by = reader.one_or_more(node, by)
    }),
    needed("send", MAP, "The request.", |media, node, _| media.send = Some(node.clone())),
];

fn kind(reader: &mut Reader<'_>, node: &Node) -> Option<MediaKind> {
    let text = reader.text(node)?;
    let found = MediaKind::ALL.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind);
    found.or_else(|| reader.wrong(&node.place, "expected image, video, audio or document"))
}

fn by(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    match text.as_str() {
        "link" | "bytes" => Some(text),
        _ => reader.wrong(&node.place, "expected \"link\" or \"bytes\""),
    }
}

impl Carried {
    fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Carried> {
        let earlier = reader.findings.len();
        let WrittenMedia { kinds, types, bytes, by, send } = reader.record(node, MEDIA)?;
        let (Some(bytes), Some(send), false, false) = (bytes, send, kinds.is_empty(), by.is_empty()) else {
            if reader.findings.len() == earlier {
                reader.error(&node.place, "media need \"kinds\", \"bytes\", \"by\" and \"send\"");
            }
            return None;
        };
        let has = |word: &str| by.iter().any(|by| by == word);
        let limit = |kind: MediaKind| MediaLimit {
            kind,
            types: types.iter().map(|kind| kind.clone().into()).collect(),
            bytes,
            by_link: has("link"),
            by_bytes: has("bytes"),
        };
        let limits = kinds.into_iter().map(limit).collect();
        Some(Carried { limits, send: Spoken::read(&send, names, reader)? })
    }
}

#[derive(Default)]
struct WrittenProbe {
    ask: Option<Node>,
    well: Vec<Condition>,
    shows: Vec<String>,
}

const PROBE: &[Property<WrittenProbe>] = &[
    needed("ask", MAP, "The request.", |probe, node, _| probe.ask = Some(node.clone())),
    property("well", Shape::OneOrMore(&MAP), "What holds of the answer of one that works.", |probe, node, reader| {
        probe.well = reader.one_or_more(node, Condition::read)
    }),
    property("shows", Shape::OneOrMore(&Shape::Text), "What of the answer is worth telling.", |probe, node, reader| {
        probe.shows = pointers(node, reader)
    }),
];

impl Asked {
    fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Asked> {
        let WrittenProbe { ask, well, shows } = reader.record(node, PROBE)?;
        let Some(ask) = ask else { return reader.wrong(&node.place, "a probe needs \"ask\": the request") };
        Some(Asked { ask: Spoken::read(&ask, names, reader)?, well, shows })
    }
}
