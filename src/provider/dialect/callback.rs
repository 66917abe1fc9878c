//! What a gateway tells by a call, as a dialect describes it.

use std::time::Duration;

use serde_json::Value as Json;

use super::answer::{Answers, Verdict, verdict};
use super::condition::{Condition, each, first, pointer, pointers};
use super::document::document;
use super::proof::Shown;
use crate::clock::Timestamp;
use crate::message::delivery::{Class, Report, SendError};
use crate::message::news::{Inbound, News, Standing, Told};
use crate::node::{Entry, Node, Property, Reader, Shape, needed, property};
use crate::provider::callback::Call;
use crate::provider::text::cut_characters;

/// What is kept of an inbound text.
const TEXT_CHARACTERS: usize = 4096;

/// The longest id that is believed to be one.
const ID_BYTES: usize = 512;

/// How the calls of a gateway are read.
#[derive(Default)]
pub(super) struct Hearing {
    /// Whether it calls by GET, with the news in the query.
    pub(super) get: bool,
    /// What shows that a call is its.
    pub(super) proof: Option<Shown>,
    /// The field that holds the document, as text.
    within: Option<String>,
    reports: Vec<Reports>,
    inbound: Vec<Letters>,
    standing: Vec<Standings>,
}

#[derive(Default)]
struct Written {
    get: bool,
    proof: Option<Node>,
    within: Option<String>,
    reports: Vec<Reports>,
    inbound: Vec<Letters>,
    standing: Vec<Standings>,
}

const HEARING: &[Property<Written>] = &[
    property("get", Shape::Boolean, "Whether it calls by GET.", |written, node, reader| {
        written.get = reader.boolean(node).unwrap_or_default()
    }),
    property("proof", MAP, "What shows that a call is the gateway's.", |written, node, _| {
        written.proof = Some(node.clone())
    }),
    property("within", Shape::Text, "The field that holds all of it as a text of JSON.", |written, node, reader| {
        written.within = pointer(node, reader)
    }),
    property("reports", MANY, "What became of messages.", |written, node, reader| {
        written.reports = reader.one_or_more(node, |reader, node| reader.record(node, REPORTS))
    }),
    property("inbound", MANY, "What people write.", |written, node, reader| {
        written.inbound = reader.one_or_more(node, |reader, node| reader.record(node, LETTERS))
    }),
    property("standing", MANY, "How the account itself stands.", |written, node, reader| {
        written.standing = reader.one_or_more(node, |reader, node| reader.record(node, STANDINGS))
    }),
];

const MANY: Shape = Shape::OneOrMore(&Shape::Text);
const MAP: Shape = Shape::Map(&Shape::Text);

/// Which pieces of a call are meant.
#[derive(Default)]
struct Pieces {
    /// A pointer to a list of pieces, or to the only one.
    each: String,
    /// All of it must hold of a piece.
    when: Vec<Condition>,
}

/// Reports of one shape.
#[derive(Default)]
struct Reports {
    pieces: Pieces,
    id: Vec<String>,
    key: Vec<String>,
    state: Vec<String>,
    states: Vec<(String, State)>,
    at: Vec<String>,
}

/// What a word for a state means.
#[derive(Clone, Copy)]
enum State {
    Sent,
    Delivered,
    Read,
    /// It failed, for what its code says.
    Failed,
    /// It failed, for this.
    Because(Class),
}

/// Messages of one shape.
#[derive(Default)]
struct Letters {
    pieces: Pieces,
    id: Vec<String>,
    from: Vec<String>,
    strip: Vec<String>,
    /// Digits are an id of the channel's own, and no phone number.
    ids: bool,
    kind: Vec<String>,
    text: Vec<String>,
    at: Vec<String>,
    window: Option<Duration>,
}

/// Events of the account.
#[derive(Default)]
struct Standings {
    pieces: Pieces,
    state: Vec<String>,
    well: Vec<String>,
    down: Vec<(String, String)>,
}

const REPORTS: &[Property<Reports>] = &[
    property("each", Shape::Text, "Where they are.", |reports, node, reader| reports.pieces.each(node, reader)),
    property("when", MANY, "What holds of one.", |reports, node, reader| reports.pieces.when(node, reader)),
    property("id", MANY, "The message's id, as in its receipt.", |reports, node, reader| {
        reports.id = pointers(node, reader)
    }),
    property("key", MANY, "What we called it.", |reports, node, reader| reports.key = pointers(node, reader)),
    needed("state", MANY, "The word for its state.", |reports, node, reader| reports.state = pointers(node, reader)),
    needed("states", MAP, "What the words mean.", |reports, node, reader| reports.states = states(node, reader)),
    property("time", MANY, "When.", |reports, node, reader| reports.at = pointers(node, reader)),
];

const LETTERS: &[Property<Letters>] = &[
    property("each", Shape::Text, "Where they are.", |letters, node, reader| letters.pieces.each(node, reader)),
    property("when", MANY, "What holds of one.", |letters, node, reader| letters.pieces.when(node, reader)),
    needed("id", MANY, "Its id.", |letters, node, reader| letters.id = pointers(node, reader)),
    needed("from", MANY, "Who wrote.", |letters, node, reader| letters.from = pointers(node, reader)),
    property("strip", MANY, "What is no part of a phone number at its end.", |letters, node, reader| {
        letters.strip = reader.one_or_more(node, Reader::text)
    }),
    property(
        "phones",
        Shape::Boolean,
        "Whether digits are a phone number; if left out, yes.",
        |letters, node, reader| letters.ids = reader.boolean(node) == Some(false),
    ),
    property("kind", MANY, "What it is.", |letters, node, reader| letters.kind = pointers(node, reader)),
    property("text", MANY, "Its text.", |letters, node, reader| letters.text = pointers(node, reader)),
    property("time", MANY, "When.", |letters, node, reader| letters.at = pointers(node, reader)),
    property("window", Shape::Duration, "For how long one may answer freely.", |letters, node, reader| {
        letters.window = reader.duration(node)
    }),
];

const STANDINGS: &[Property<Standings>] = &[
    property("each", Shape::Text, "Where they are.", |standings, node, reader| standings.pieces.each(node, reader)),
    property("when", MANY, "What holds of one.", |standings, node, reader| standings.pieces.when(node, reader)),
    needed("state", MANY, "The word for its state.", |standings, node, reader| {
        standings.state = pointers(node, reader)
    }),
    property("well", MANY, "The words of an account that can send.", |standings, node, reader| {
        standings.well = reader.one_or_more(node, Reader::text)
    }),
    property("down", MAP, "The words of one that can't, and why in words for people.", |standings, node, reader| {
        let entries = reader.entries(node).unwrap_or_default();
        let read = |entry: &Entry, reader: &mut Reader<'_>| Some((entry.key.clone(), reader.text(&entry.value)?));
        standings.down = entries.into_iter().filter_map(|entry| read(entry, reader)).collect();
    }),
];

fn states(node: &Node, reader: &mut Reader<'_>) -> Vec<(String, State)> {
    let mut states = Vec::new();
    for entry in reader.entries(node).unwrap_or_default() {
        let state = match reader.text(&entry.value).as_deref() {
            Some("sent") => State::Sent,
            Some("delivered") => State::Delivered,
            Some("read") => State::Read,
            Some("failed") => State::Failed,
            Some(_) => match verdict(&entry.value, reader) {
                Some(Verdict::Refused(class)) => State::Because(class),
                Some(Verdict::Done) => State::Sent,
                None => continue,
            },
            None => continue,
        };
        states.push((entry.key.clone(), state));
    }
    states
}

impl Hearing {
    /// Reads it; the templates may use these names.
    pub(super) fn read(node: &Node, names: &[&str], reader: &mut Reader<'_>) -> Option<Hearing> {
        let Written { get, proof, within, reports, inbound, standing } = reader.record(node, HEARING)?;
        let proof = match &proof {
            Some(node) => Some(Shown::read(node, names, reader)?),
            None => None,
        };
        Some(Hearing { get, proof, within, reports, inbound, standing })
    }

    /// Whether it tells what became of messages.
    pub(super) fn reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Whether it tells what people write.
    pub(super) fn is_written_to(&self) -> bool {
        !self.inbound.is_empty()
    }

    /// What a call tells.
    ///
    /// # Errors
    /// It is neither JSON nor a form.
    pub(super) fn parse(&self, call: &Call<'_>, answers: &Answers) -> Result<Vec<News>, String> {
        let json = self.unpacked(document(call)?)?;
        let mut news = Vec::new();
        for reports in &self.reports {
            let told = reports.pieces.of(&json).flat_map(|piece| reports.told(piece, answers, call.now));
            news.extend(told.map(News::Told));
        }
        for letters in &self.inbound {
            news.extend(
                letters.pieces.of(&json).filter_map(|piece| letters.inbound(piece, call.now)).map(News::Inbound),
            );
        }
        for standings in &self.standing {
            news.extend(standings.pieces.of(&json).filter_map(|piece| standings.standing(piece)).map(News::Standing));
        }
        Ok(news)
    }

    /// What a field of the call holds, where the gateway packs everything into one.
    fn unpacked(&self, call: Json) -> Result<Json, String> {
        let packed = self.within.as_ref().and_then(|field| call.pointer(field)?.as_str());
        packed
            .map(|text| serde_json::from_str(text).map_err(|_| "its field with the news is no JSON".to_owned()))
            .unwrap_or(Ok(call))
    }
}

impl Pieces {
    fn each(&mut self, node: &Node, reader: &mut Reader<'_>) {
        self.each = pointer(node, reader).unwrap_or_default();
    }

    fn when(&mut self, node: &Node, reader: &mut Reader<'_>) {
        self.when = reader.one_or_more(node, Condition::read);
    }

    /// The pieces of a document that are meant.
    fn of<'j>(&'j self, json: &'j Json) -> impl Iterator<Item = &'j Json> {
        let pieces = match json.pointer(&self.each) {
            Some(Json::Array(pieces)) => pieces.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        pieces.iter().filter(|piece| self.when.iter().all(|condition| condition.holds(piece, &[])))
    }
}

impl Reports {
    /// One for every message that is named.
    fn told(&self, piece: &Json, answers: &Answers, now: Timestamp) -> Vec<Told> {
        let state = first(piece, &self.state)
            .and_then(|word| self.states.iter().find(|(known, _)| *known == word).map(|(_, state)| *state));
        let Some(state) = state else { return Vec::new() };
        let report = match state {
            State::Sent => Report::Sent,
            State::Delivered => Report::Delivered,
            State::Read => Report::Read,
            State::Failed => Report::Failed(answers.reported(piece)),
            State::Because(class) => Report::Failed(SendError { class, ..answers.reported(piece) }),
        };
        let is_id = |id: &String| id.len() <= ID_BYTES;
        let mut receipts: Vec<String> = each(piece, &self.id).into_iter().filter(is_id).collect();
        let key = first(piece, &self.key).filter(is_id);
        // One of the two names the delivery.
        if receipts.is_empty() && key.is_some() {
            receipts.push(String::new());
        }
        let at = moment(piece, &self.at).unwrap_or(now);
        let told = |receipt| Told { receipt, key: key.clone(), report: report.clone(), at };
        receipts.into_iter().map(told).collect()
    }
}

impl Letters {
    fn inbound(&self, piece: &Json, now: Timestamp) -> Option<Inbound> {
        let id = first(piece, &self.id).filter(|id| id.len() <= ID_BYTES)?;
        let from = first(piece, &self.from)?;
        let line = self.strip.iter().find_map(|end| from.strip_suffix(end.as_str()));
        let is_phone = |text: &str| (5..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        // Whoever is no phone number is called as the gateway calls it: a group, a room.
        let address = match line.unwrap_or(&from).trim_start_matches('+') {
            line if !self.ids && is_phone(line) => format!("+{line}"),
            _ => from.clone(),
        };
        let kind = first(piece, &self.kind).unwrap_or_else(|| "text".to_owned());
        let text = cut_characters(&first(piece, &self.text).unwrap_or_default(), TEXT_CHARACTERS);
        let at = moment(piece, &self.at).unwrap_or(now);
        Some(Inbound { id, address, contact: None, kind, text, at, window: self.window })
    }
}

impl Standings {
    fn standing(&self, piece: &Json) -> Option<Standing> {
        let word = first(piece, &self.state)?;
        if self.well.contains(&word) {
            return Some(Standing::Well);
        }
        let why = self.down.iter().find(|(known, _)| *known == word).map(|(_, why)| why.clone())?;
        Some(Standing::Down { why: format!("{why} ({word})") })
    }
}

/// When something was: seconds or milliseconds since 1970, which no gateway's clock can mix up, or RFC 3339.
fn moment(piece: &Json, pointers: &[String]) -> Option<Timestamp> {
    /// Seconds until the year 5138; so many milliseconds were over in 1973.
    const SECONDS: f64 = 1e11;
    let text = first(piece, pointers)?;
    match text.parse::<f64>() {
        Ok(number) if number.abs() < SECONDS => Some(Timestamp::from_millis((number * 1000.0) as i64)),
        Ok(number) => Some(Timestamp::from_millis(number as i64)),
        Err(_) => text.parse().ok(),
    }
}
