//! `fixtures/hooks`: a file has hooks and calls of them, each with its answer, what was sent and what ran.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use data_encoding::BASE64;
use hookbell::app::settings::RawSettings;
use regex::Regex;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::{Answer, Folder, Ran, Sent, World, fixtures};

/// Files at work at one time.
const AT_ONCE: usize = 32;

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    why: String,
    /// Whether `fixtures/people.json` is read, too.
    #[serde(default)]
    people: bool,
    #[serde(default)]
    flags: Flags,
    /// The hooks file: its content, or its text.
    hooks: serde_json::Value,
    /// Other files beside it, by name.
    #[serde(default)]
    files: BTreeMap<String, String>,
    calls: Vec<Call>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Flags {
    url_prefix: Option<String>,
    headers: Vec<(String, String)>,
    methods: Option<String>,
    max_multipart_mem: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    #[serde(default)]
    why: String,
    request: Request,
    response: Response,
    /// Exactly what must reach the providers.
    #[serde(default)]
    sent: Vec<Message>,
    /// What the outbox must have kept of the message: columns of its row.
    #[serde(default)]
    stored: BTreeMap<String, serde_json::Value>,
    /// What the dump must have been started with; nothing: not at all.
    ran: Option<Started>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    /// `GET /hooks/a`
    Line(String),
    /// The request line, headers, and after an empty line the body, perhaps as `base64:…` or `repeat:COUNT:TEXT`. `Host`,
    /// `Content-Length` and `Connection` are filled in.
    Lines(Vec<String>),
    /// A file of `fixtures/requests`, byte by byte.
    Recorded { recorded: String },
    /// These bytes.
    Raw { raw: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Response {
    Status(u16),
    Whole(Expected),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Expected {
    status: u16,
    /// `null`: there is none.
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    body: Option<String>,
    /// Fits the whole body.
    body_regex: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    #[serde(default = "phone")]
    via: String,
    #[serde(default = "ivan")]
    to: String,
    #[serde(default)]
    title: String,
    text: String,
}

fn phone() -> String {
    "phone".to_owned()
}

fn ivan() -> String {
    "+79001234567".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Started {
    args: Option<Vec<String>>,
    /// `null`: there is none.
    #[serde(default)]
    env: BTreeMap<String, Option<String>>,
    cwd: Option<String>,
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
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
        }
    }

    fn shown(&self) -> String {
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
    fn faults(&self, answer: &Answer, faults: &mut Vec<String>) {
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

fn differ<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(
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
    fn faults(&self, ran: &Ran, faults: &mut Vec<String>) {
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

/// Makes the calls of one file, one after the other, and tells what is not as it should be.
async fn walk(name: &str, text: &str) -> (usize, Vec<String>) {
    let folder = Folder::new();
    let case: Case = match serde_json::from_str(&folder.fill_in(text)) {
        Ok(case) => case,
        Err(error) => return (0, vec![format!("{name}: {error}")]),
    };
    for (file, text) in &case.files {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let hooks = case.hooks.as_str().map_or_else(|| case.hooks.to_string(), str::to_owned);
    let mut files = vec![("hooks.json", hooks)];
    files.extend(case.people.then(|| ("people.json", folder.people())));
    let Flags { url_prefix, headers, methods, max_multipart_mem: form_memory } = case.flags;
    let flags = RawSettings { url_prefix, headers, http_methods: methods, form_memory, ..RawSettings::default() };
    let world = World::open(folder, &files, flags).await;
    let mut found = Vec::new();
    let mut messages = 0;
    for (at, call) in case.calls.iter().enumerate() {
        let faults = make(&world, call).await;
        if !faults.is_empty() {
            let (number, request) = (at + 1, call.request.shown());
            let why = if call.why.is_empty() { &case.why } else { &call.why };
            found.push(format!("{name}, call {number}: {why}\n{request}\n{}", faults.join("\n")));
        }
        messages += i64::from(!call.sent.is_empty());
    }
    let mut faults = Vec::new();
    differ("stored messages", &messages, &world.stored(), "", &mut faults);
    let (sent, ran) = world.stop().await;
    differ("sent unasked", &Vec::<Sent>::new(), &sent, "", &mut faults);
    differ("run unasked", &Vec::<Ran>::new(), &ran, "", &mut faults);
    if !faults.is_empty() {
        found.push(format!("{name}, after all calls: {}\n{}", case.why, faults.join("\n")));
    }
    (case.calls.len(), found)
}

async fn make(world: &World, call: &Call) -> Vec<String> {
    let mut faults = Vec::new();
    let answer = match world.ask(&call.request.bytes()).await {
        Ok(answer) => answer,
        Err(why) => return vec![why],
    };
    call.response.faults(&answer, &mut faults);
    if !faults.is_empty() {
        // What it did is as wrong as its answer; it is only kept from being taken for the next call's.
        world.sent(answer.header("hookbell-message").len()).await;
        world.ran(0).await;
        return faults;
    }
    let expected = call.sent.iter().map(|Message { via, to, title, text }| {
        let (via, to, title, text) = (via.clone(), to.clone(), title.clone(), text.clone());
        Sent { via, to, title, text }
    });
    let mut expected: Vec<Sent> = expected.collect();
    expected.sort();
    let sent = world.sent(expected.len()).await;
    if sent != expected {
        faults.push(format!("sent\n  expected {expected:#?}\n  found    {sent:#?}"));
    }
    for (column, value) in &call.stored {
        differ(column, value, &world.last(column), "", &mut faults);
    }
    let ran = world.ran(usize::from(call.ran.is_some())).await;
    match (&call.ran, ran.as_slice()) {
        (None, []) => {}
        (Some(started), [ran]) => started.faults(ran, &mut faults),
        (_, ran) => faults.push(format!("ran\n  found {ran:?}")),
    }
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hooks_do_what_their_fixtures_say() {
    let mut files: Vec<_> =
        fs::read_dir(fixtures().join("hooks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("FIXTURE").unwrap_or_default();
    files.retain(|file| file.to_str().unwrap().contains(&only));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut walks = JoinSet::new();
    for file in files {
        let places = places.clone();
        walks.spawn(async move {
            let _place = places.acquire_owned().await;
            let name = file.file_name().unwrap().to_str().unwrap().to_owned();
            walk(&name, &fs::read_to_string(&file).unwrap()).await
        });
    }
    let (mut calls, mut found) = (0, Vec::new());
    for (made, faults) in walks.join_all().await {
        calls += made;
        found.extend(faults);
    }
    found.sort();
    assert!(found.is_empty(), "{} of {calls} calls\n\n{}", found.len(), found.join("\n\n"));
    assert!(calls > 0, "no fixtures");
}
