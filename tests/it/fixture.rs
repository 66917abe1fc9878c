//! The format of `fixtures/hooks`: hooks, and calls of them with what must come of each.
//!
//! Two test programs read it: `it` calls hookbell in-process, `real` calls hookbell's binary and Debian's webhook.
#![allow(dead_code, reason = "each of the two reads its own part")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use regex::Regex;
use serde::Deserialize;

/// The folder of the fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, as sent.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body as it came.
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }
}

/// A command as it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Without the program's own name.
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) cwd: String,
}

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    pub(crate) why: String,
    /// Whether adnanh/webhook is asked as well. Left out: wherever it can be, see `real/table.rs`.
    #[serde(default = "yes")]
    pub(crate) peer: bool,
    /// Whether `fixtures/people.json` is read, too.
    #[serde(default)]
    pub(crate) people: bool,
    #[serde(default)]
    pub(crate) flags: Flags,
    /// The hooks file's name.
    #[serde(default = "hooks_json")]
    pub(crate) file: String,
    /// The hooks file: its content, or its text.
    pub(crate) hooks: serde_json::Value,
    /// Other files beside it, by name.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) calls: Vec<Call>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Flags {
    pub(crate) url_prefix: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) methods: Option<String>,
    pub(crate) max_multipart_mem: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    #[serde(default)]
    pub(crate) why: String,
    pub(crate) request: Request,
    pub(crate) response: Response,
    /// Exactly what must reach the providers.
    #[serde(default)]
    pub(crate) sent: Vec<Message>,
    /// What the outbox must have kept of the message: columns of its row.
    #[serde(default)]
    pub(crate) stored: BTreeMap<String, serde_json::Value>,
    /// What the dump must have been started with; nothing: not at all.
    pub(crate) ran: Option<Started>,
    /// Patterns that the log must fit somewhere, with `-verbose`. Only `real` looks.
    #[serde(default)]
    pub(crate) log: Vec<String>,
    /// Where adnanh/webhook does otherwise: the row of the README's table that says so.
    pub(crate) deviation: Option<String>,
    /// What adnanh/webhook does then.
    pub(crate) peer: Option<Peer>,
}

/// What adnanh/webhook does where hookbell deviates from it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Peer {
    /// The process ends, whatever it answered.
    Dies { dies: bool },
    /// It answers this, and runs that.
    Answers { response: Response, ran: Option<Started> },
}

fn hooks_json() -> String {
    "hooks.json".to_owned()
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Request {
    /// `GET /hooks/a`
    Line(String),
    /// The request line, headers, and after an empty line the body, perhaps as `base64:…` or `repeat:COUNT:TEXT`. `Host`,
    /// `Content-Length` and `Connection` are filled in.
    Lines(Vec<String>),
    /// A file of `fixtures/requests`, byte by byte.
    Recorded { recorded: String },
    /// These bytes.
    Raw { raw: String },
    /// These bytes, where they are no text.
    Encoded { base64: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Response {
    Status(u16),
    Whole(Expected),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Expected {
    pub(crate) status: u16,
    /// `null`: there is none.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, Option<String>>,
    pub(crate) body: Option<String>,
    /// Fits the whole body.
    pub(crate) body_regex: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    #[serde(default = "phone")]
    pub(crate) via: String,
    #[serde(default = "ivan")]
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) title: String,
    pub(crate) text: String,
}

fn phone() -> String {
    "phone".to_owned()
}

fn ivan() -> String {
    "+79001234567".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Started {
    pub(crate) args: Option<Vec<String>>,
    /// `null`: there is none.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Option<String>>,
    pub(crate) cwd: Option<String>,
}

impl Request {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Request::Line(line) => written(line, &[], None),
            Request::Lines(lines) => {
                let (line, rest) = lines.split_first().expect("a request line");
                let end = rest.iter().position(String::is_empty);
                let (headers, body) = end.map_or((rest, None), |end| (&rest[..end], Some(rest[end + 1..].join("\n"))));
                written(line, headers, body.as_deref())
            }
            Request::Recorded { recorded } => fs::read(fixtures().join("requests").join(recorded)).expect(recorded),
            Request::Raw { raw } => raw.clone().into_bytes(),
            Request::Encoded { base64 } => BASE64.decode(base64.as_bytes()).expect(base64),
        }
    }

    /// What the request line names.
    pub(crate) fn target(&self) -> String {
        self.shown().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    pub(crate) fn shown(&self) -> String {
        let bytes = self.bytes();
        let end = bytes.iter().position(|byte| *byte == b'\r').unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

fn written(line: &str, headers: &[String], body: Option<&str>) -> Vec<u8> {
    let has = |name: &str| headers.iter().any(|header| header.to_lowercase().starts_with(&format!("{name}:")));
    let body = match body.map(|body| (body, body.split_once(':'))) {
        None => Vec::new(),
        Some((_, Some(("base64", encoded)))) => BASE64.decode(encoded.as_bytes()).expect(encoded),
        Some((_, Some(("repeat", rest)))) => {
            let (count, text) = rest.split_once(':').expect(rest);
            text.repeat(count.parse().expect(count)).into_bytes()
        }
        Some((body, _)) => body.as_bytes().to_vec(),
    };
    let mut head = format!("{line} HTTP/1.1\r\n");
    if !has("host") {
        head.push_str("Host: hooks.example.org\r\n");
    }
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    if !body.is_empty() && !has("content-length") && !has("transfer-encoding") {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    [head.as_bytes(), b"Connection: close\r\n\r\n", &body].concat()
}

impl Response {
    pub(crate) fn faults(&self, answer: &Answer, faults: &mut Vec<String>) {
        let expected = match self {
            Response::Status(status) => return differ("status", status, &answer.status, &answer.body, faults),
            Response::Whole(expected) => expected,
        };
        differ("status", &expected.status, &answer.status, &answer.body, faults);
        for (name, value) in &expected.headers {
            let wanted: Vec<&str> = value.iter().map(String::as_str).collect();
            differ(name, &wanted, &answer.header(name), "", faults);
        }
        if let Some(body) = &expected.body {
            differ("body", body, &answer.body, "", faults);
        }
        if let Some(pattern) = &expected.body_regex {
            let fits = Regex::new(&format!("(?s)^(?:{pattern})$")).expect(pattern).is_match(&answer.body);
            if !fits {
                faults.push(format!("body: no fit\n  expected {pattern}\n  found    {}", answer.body));
            }
        }
    }
}

pub(crate) fn differ<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(
    what: &str,
    expected: &T,
    found: &U,
    note: &str,
    faults: &mut Vec<String>,
) {
    if expected != found {
        let note = if note.is_empty() { String::new() } else { format!("\n  with     {note:?}") };
        faults.push(format!("{what}\n  expected {expected:?}\n  found    {found:?}{note}"));
    }
}

impl Started {
    pub(crate) fn faults(&self, ran: &Ran, faults: &mut Vec<String>) {
        if let Some(args) = &self.args {
            differ("arguments", args, &ran.args, "", faults);
        }
        for (name, value) in &self.env {
            differ(&format!("variable {name}"), &value.as_ref(), &ran.env.get(name), "", faults);
        }
        if let Some(cwd) = &self.cwd {
            differ("working directory", cwd, &ran.cwd, "", faults);
        }
    }
}

/// What the dump left.
pub(crate) fn parse_ran(folder: &Path) -> Ran {
    let list = |name: &str| {
        let bytes = fs::read(folder.join(name)).unwrap();
        let fields = bytes.split_inclusive(|byte| *byte == 0);
        fields.map(|field| String::from_utf8_lossy(field).trim_end_matches('\0').to_owned()).collect::<Vec<_>>()
    };
    // Its interpreter and its file stand before the arguments.
    let args = list("args").into_iter().skip(2).collect();
    let pairs = list("env").into_iter();
    let env = pairs.filter_map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    let cwd = fs::read_to_string(folder.join("cwd")).unwrap().trim_end().to_owned();
    Ran { args, env, cwd }
}

/// An answer as it came.
pub(crate) fn parse_answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let bytes = bytes[end + 4..].to_vec();
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Some(Answer { status, headers, body, bytes })
}
