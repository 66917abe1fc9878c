//! What an answer of a dialect's gateway means: one judge for answers and for what is reported later.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value as Json;

use super::condition::{Condition, first, pointer, pointers};
use crate::message::delivery::{Class, Receipt, Scope, SendError};
use crate::node::units::duration;
use crate::node::{Entry, Node, Property, Reader, Shape, property};
use crate::provider::reply::{class_of_bare_status, refusal, retry_after};

/// How answers are read.
#[derive(Default)]
pub(super) struct Answers {
    success: Vec<Condition>,
    failure: Vec<Condition>,
    id: Vec<String>,
    id_header: Option<String>,
    code: Vec<String>,
    words: Vec<String>,
    codes: Vec<(Codes, Verdict)>,
    says: Vec<(String, Verdict)>,
    statuses: Vec<(Codes, Verdict)>,
    wait: Option<Wait>,
    otherwise: Option<Verdict>,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has the message already.
    Done,
    /// It was not taken, and who must act.
    Refused(Class),
}

/// A code, or all between two numbers, these included.
enum Codes {
    One(String),
    Range(i64, i64),
}

/// Where the gateway says how long to wait.
#[derive(Default)]
struct Wait {
    at: Option<String>,
    header: Option<String>,
    millis: bool,
}

const ANSWERS: &[Property<Answers>] = &[
    property("success", MANY, "What holds of an answer that took the message.", |answers, node, reader| {
        answers.success = reader.one_or_more(node, Condition::read)
    }),
    property(
        "failure",
        MANY,
        "What holds of a refusal that comes with a status of success.",
        |answers, node, reader| answers.failure = reader.one_or_more(node, Condition::read),
    ),
    property("id", MANY, "Where its id of the message is.", |answers, node, reader| {
        answers.id = pointers(node, reader)
    }),
    property("id-header", Shape::Text, "The header with the id.", |answers, node, reader| {
        answers.id_header = reader.text(node)
    }),
    property("code", MANY, "Where the code of an error is.", |answers, node, reader| {
        answers.code = pointers(node, reader)
    }),
    property("words", MANY, "Where its words are.", |answers, node, reader| answers.words = pointers(node, reader)),
    property("codes", MAP, "What codes mean, ranges such as 4000-4099 as well.", |answers, node, reader| {
        answers.codes = table(node, reader, codes)
    }),
    property("says", MAP, "What words mean, where no code tells it.", |answers, node, reader| {
        answers.says = table(node, reader, |entry, _| Some(entry.key.to_lowercase()))
    }),
    property("statuses", MAP, "What HTTP statuses mean, where they don't mean the usual.", |answers, node, reader| {
        answers.statuses = table(node, reader, codes)
    }),
    property(
        "retry-after",
        MAP,
        "Where it says how long to wait, if not in `Retry-After`.",
        |answers, node, reader| answers.wait = reader.record(node, WAIT),
    ),
    property("otherwise", Shape::Text, "What a refusal means that nothing else explains.", |answers, node, reader| {
        answers.otherwise = verdict(node, reader)
    }),
];

const MANY: Shape = Shape::OneOrMore(&Shape::Text);
const MAP: Shape = Shape::Map(&Shape::Text);

const WAIT: &[Property<Wait>] = &[
    property("at", Shape::Text, "A pointer into the answer.", |wait, node, reader| wait.at = pointer(node, reader)),
    property("header", Shape::Text, "A header.", |wait, node, reader| {
        wait.header = reader.text(node).map(|name| name.to_lowercase())
    }),
    property("unit", Shape::Text, "s or ms.", |wait, node, reader| match reader.text(node).as_deref() {
        Some("ms") => wait.millis = true,
        Some("s") | None => {}
        Some(_) => reader.error(&node.place, "expected \"s\" or \"ms\""),
    }),
];

impl Answers {
    /// Reads them.
    pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Answers> {
        reader.record(node, ANSWERS)
    }

    /// The receipt in an answer, or why there is none.
    pub(super) fn judge(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Receipt, SendError> {
        let json = serde_json::from_slice(body).unwrap_or(Json::Null);
        let holds = |condition: &Condition| condition.holds(&json, body);
        let fails = !status.is_success() || self.failure.iter().any(holds);
        let succeeds = !fails && (self.success.is_empty() || self.success.iter().any(holds));
        let verdict = match (succeeds, fails) {
            (true, _) => Verdict::Done,
            (false, false) => Verdict::Refused(class_of_bare_status(status, headers)),
            (false, true) => self.verdict(status, headers, &json, body),
        };
        let class = match verdict {
            Verdict::Done => return Ok(Receipt { id: self.id(headers, &json), advice: None }),
            Verdict::Refused(class) => class,
        };
        let code = self.code(&json).filter(|_| fails);
        let code = code.unwrap_or_else(|| format!("http {}", status.as_u16()));
        let words = self.words(&json).unwrap_or_else(|| format!("HTTP {status}: {}", String::from_utf8_lossy(body)));
        Err(refusal(class, code, &words))
    }

    /// What a report of a failure means, by the same tables. Where nothing explains it, it is the address that can't be
    /// reached.
    pub(super) fn reported(&self, report: &Json) -> SendError {
        let code = self.code(report);
        let words = self.words(report);
        let class = match self.told(code.as_deref(), words.as_deref()) {
            Some(Verdict::Refused(class)) => class,
            _ => Class::Recipient,
        };
        let detail = words.unwrap_or_else(|| "the provider reports that it did not arrive".to_owned());
        refusal(class, code.unwrap_or_default(), &detail)
    }

    fn id(&self, headers: &HeaderMap, json: &Json) -> Option<String> {
        let header = self.id_header.as_ref().and_then(|name| headers.get(name)?.to_str().ok());
        header.map(str::to_owned).or_else(|| first(json, &self.id))
    }

    fn code(&self, json: &Json) -> Option<String> {
        first(json, &self.code)
    }

    fn words(&self, json: &Json) -> Option<String> {
        first(json, &self.words)
    }

    /// By the exact code, by what the words say, by the status.
    fn verdict(&self, status: StatusCode, headers: &HeaderMap, json: &Json, body: &[u8]) -> Verdict {
        let words = self.words(json).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        let by_status = || find(&self.statuses, status.as_str());
        let told = self.told(self.code(json).as_deref(), Some(&words)).or_else(by_status).or(self.otherwise);
        match told {
            Some(Verdict::Refused(Class::Wait { scope, after })) => {
                let after = self.after(headers, json).or(after);
                Verdict::Refused(Class::Wait { scope, after })
            }
            Some(verdict) => verdict,
            // It says no, and not why: it may be well the next time.
            None if status.is_success() => Verdict::Refused(Class::Fault),
            None => match class_of_bare_status(status, headers) {
                Class::Wait { scope, after } => {
                    Verdict::Refused(Class::Wait { scope, after: self.after(headers, json).or(after) })
                }
                class => Verdict::Refused(class),
            },
        }
    }

    fn told(&self, code: Option<&str>, words: Option<&str>) -> Option<Verdict> {
        let by_code = code.and_then(|code| find(&self.codes, code));
        by_code.or_else(|| {
            let words = words?.to_lowercase();
            self.says.iter().find(|(part, _)| words.contains(part)).map(|(_, verdict)| *verdict)
        })
    }

    /// How long the gateway wants us to wait.
    fn after(&self, headers: &HeaderMap, json: &Json) -> Option<Duration> {
        let own = self.wait.as_ref().and_then(|wait| {
            let header = wait.header.as_ref().and_then(|name| headers.get(name)?.to_str().ok()?.trim().parse().ok());
            let body = || first(json, &[wait.at.clone()?])?.parse().ok();
            let number: f64 = header.or_else(body)?;
            let seconds = if wait.millis { number / 1000.0 } else { number };
            // Up, never down: a little too late is well, a little too early is refused again.
            Duration::try_from_secs_f64(seconds.ceil()).ok()
        });
        own.or_else(|| retry_after(headers))
    }
}

/// The exact code before any range that holds it.
fn find(table: &[(Codes, Verdict)], code: &str) -> Option<Verdict> {
    let exact = table.iter().find(|(codes, _)| matches!(codes, Codes::One(one) if one == code));
    let number = code.parse::<i64>().ok();
    let within = |codes: &Codes| match codes {
        Codes::Range(from, to) => number.is_some_and(|number| (*from..=*to).contains(&number)),
        Codes::One(_) => false,
    };
    exact.or_else(|| table.iter().find(|(codes, _)| within(codes))).map(|(_, verdict)| *verdict)
}

fn table<K>(node: &Node, reader: &mut Reader<'_>, key: fn(&Entry, &mut Reader<'_>) -> Option<K>) -> Vec<(K, Verdict)> {
    let entries = reader.entries(node).unwrap_or_default();
    entries.into_iter().filter_map(|entry| Some((key(entry, reader)?, verdict(&entry.value, reader)?))).collect()
}

fn codes(entry: &Entry, reader: &mut Reader<'_>) -> Option<Codes> {
    let bounds = entry.key.split_once('-').filter(|(from, to)| !from.is_empty() && !to.is_empty());
    let numbers = bounds.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    match numbers {
        Some((from, to)) if from > to => reader.wrong(&entry.key_place, "the range ends before it begins"),
        Some((from, to)) => Some(Codes::Range(from, to)),
        None => Some(Codes::One(entry.key.clone())),
    }
}

/// Reads what a code means: `account`, `content`, `wait recipient 1h`, `done`.
pub(super) fn verdict(node: &Node, reader: &mut Reader<'_>) -> Option<Verdict> {
    let text = reader.text(node)?;
    match meant(&text) {
        Some(verdict) => Some(verdict),
        None => reader.wrong(
            &node.place,
            "expected one of recipient, content, form, account, fault, unknown, done, and `wait recipient|sender|account TIME`",
        ),
    }
}

fn meant(text: &str) -> Option<Verdict> {
    let mut words = text.split(' ');
    let class = match words.next()? {
        "done" => return words.next().is_none().then_some(Verdict::Done),
        "recipient" => Class::Recipient,
        "content" => Class::Content,
        "form" => Class::Form,
        "account" => Class::Account,
        "fault" => Class::Fault,
        "unknown" => Class::Unknown,
        "wait" => {
            let scope = match words.next()? {
                "recipient" => Scope::Recipient,
                "sender" => Scope::Sender,
                "account" => Scope::Account,
                _ => return None,
            };
            let after = match words.next() {
                Some(time) => Some(duration(time).ok()?),
                None => None,
            };
            Class::Wait { scope, after }
        }
        _ => return None,
    };
    words.next().is_none().then_some(Verdict::Refused(class))
}
