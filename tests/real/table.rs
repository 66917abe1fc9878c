//! The fixtures, fired at both programs: what they expect must be what adnanh/webhook does.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use crate::fixture::{Answer, Call, Case, Flags, Peer, Ran, Response, Started, differ, fixtures};
use crate::program::{Daemon, House, Kind, until};

/// Files at work at one time, each with two processes.
const AT_ONCE: usize = 4;

/// How long a line of the log may take.
const LOG_TIME: Duration = Duration::from_secs(20);

/// Properties that adnanh/webhook does not know. A call of a hook with one of them is not made.
const OWN: &[&str] = &[
    "allow-cross-site",
    "allow-empty-message",
    "charset",
    "enabled",
    "expect-every",
    "require",
    "run",
    "send",
    "token",
    "tokens",
];

/// What became of one file.
#[derive(Default)]
struct Walked {
    compared: usize,
    /// Calls that were not made, by reason.
    skipped: BTreeMap<&'static str, usize>,
    /// Calls whose answers differ as they should, by row of the README.
    deviations: BTreeMap<String, usize>,
    faults: Vec<String>,
}

/// One program in its house, with the case as it reads there.
struct Side {
    kind: Kind,
    house: House,
    case: Case,
    arguments: Vec<String>,
    daemon: Daemon,
}

impl Side {
    fn open(kind: Kind, text: &str) -> Result<Side, String> {
        let house = House::new();
        let case: Case = serde_json::from_str(&house.fill_in(text)).map_err(|error| error.to_string())?;
        let mut files = case.files.clone();
        files.insert(case.file.clone(), case.hooks.as_str().map_or_else(|| case.hooks.to_string(), str::to_owned));
        let mut hooks = vec![case.file.as_str()];
        if case.people && kind == Kind::Ours {
            let people = fs::read_to_string(fixtures().join("people.json")).unwrap();
            files.insert("people.json".to_owned(), house.fill_in(&people));
            hooks.push("people.json");
        }
        for (name, text) in &files {
            fs::write(house.path().join(name), text).unwrap();
        }
        let mut arguments = flags(&case.flags);
        for name in hooks {
            arguments.extend(["-hooks".to_owned(), house.path().join(name).display().to_string()]);
        }
        let daemon = Daemon::start(kind, &house, &arguments)?;
        Ok(Side { kind, house, case, arguments, daemon })
    }

    /// Makes sure that the log says what it must, perhaps a moment later.
    fn look_into_log(&self, call: &Call, faults: &mut Vec<String>) {
        for pattern in &call.log {
            let fits = Regex::new(pattern).expect(pattern);
            if !until(LOG_TIME, || fits.is_match(&self.daemon.log())) {
                faults.push(format!("{:?}: nothing in the log fits {pattern}\n{}", self.kind, self.daemon.log()));
            }
        }
    }

    /// Makes a call, waits for so many commands, and takes what there is to see.
    fn call(&self, call: &Call, commands: usize) -> Result<(Answer, Vec<Ran>), String> {
        let answer = self.daemon.ask(&call.request.bytes()).map_err(|why| format!("{:?}: {why}", self.kind))?;
        Ok((answer, self.house.ran(commands)))
    }
}

fn flags(flags: &Flags) -> Vec<String> {
    let mut arguments = Vec::new();
    arguments.extend(flags.url_prefix.iter().map(|prefix| format!("-urlprefix={prefix}")));
    arguments.extend(flags.headers.iter().map(|(name, value)| format!("-header={name}={value}")));
    arguments.extend(flags.methods.iter().map(|methods| format!("-http-methods={methods}")));
    arguments.extend(flags.max_multipart_mem.iter().map(|bytes| format!("-max-multipart-mem={bytes}")));
    arguments
}

/// Why a call is hookbell's own affair.
fn own(case: &Case, call: &Call) -> Option<&'static str> {
    if !case.peer {
        return Some("marked as hookbell's own");
    }
    let hooks = match &case.hooks {
        Value::Array(hooks) => hooks.as_slice(),
        Value::Object(_) => return Some("the full form"),
        _ => &[],
    };
    if !call.sent.is_empty() || !call.stored.is_empty() {
        return Some("it sends");
    }
    let target = call.request.target();
    let path = target.split('?').next().unwrap_or_default();
    let prefix = case.flags.url_prefix.as_deref().unwrap_or("hooks");
    let id = path.trim_start_matches('/').strip_prefix(prefix).unwrap_or_default().trim_start_matches('/');
    let called = hooks.iter().find(|hook| hook["id"].as_str() == Some(id));
    let has_own = called.is_some_and(|hook| OWN.iter().any(|name| hook.get(name).is_some()));
    has_own.then_some("a property that adnanh/webhook does not know")
}

/// Whether both did the same.
fn compare(peer: &Side, ours: &Side, theirs: &(Answer, Vec<Ran>), own: &(Answer, Vec<Ran>), faults: &mut Vec<String>) {
    let (theirs, own) = (seen(peer, theirs), seen(ours, own));
    for (what, theirs, own) in [("answer", &theirs.0, &own.0), ("commands", &theirs.1, &own.1)] {
        if theirs != own {
            faults.push(format!("{what}\n  webhook  {theirs}\n  hookbell {own}"));
        }
    }
}

/// An answer and what ran, without what may differ.
fn seen(side: &Side, (answer, ran): &(Answer, Vec<Ran>)) -> (String, String) {
    (side.house.leave_out(&shown(answer)), side.house.leave_out(&format!("{ran:?}")))
}

/// An answer as a caller reads it. Framing is the server's affair, but for an empty body.
pub(crate) fn shown(answer: &Answer) -> String {
    let framing = |name: &str, value: &str| name == "transfer-encoding" || (name == "content-length" && value != "0");
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, value)| name != "date" && !framing(name, value))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    format!("{} {headers:?} {}", answer.status, readable(&answer.bytes))
}

/// Bytes of which none is lost.
fn readable(bytes: &[u8]) -> String {
    let chunk = |chunk: std::str::Utf8Chunk<'_>| format!("{}{}", chunk.valid(), chunk.invalid().escape_ascii());
    bytes.utf8_chunks().map(chunk).collect()
}

fn expect(
    side: &Side,
    response: &Response,
    started: Option<&Started>,
    did: &(Answer, Vec<Ran>),
    faults: &mut Vec<String>,
) {
    let mut found = Vec::new();
    response.faults(&did.0, &mut found);
    match (started, did.1.as_slice()) {
        (None, []) => {}
        (Some(started), [ran]) => started.faults(ran, &mut found),
        (_, ran) => differ("commands", &usize::from(started.is_some()), &ran.len(), &format!("{ran:?}"), &mut found),
    }
    faults.extend(found.iter().map(|fault| format!("{:?}: {fault}", side.kind)));
}

fn walk(text: &str) -> Result<Walked, String> {
    let (mut peer, ours) = (Side::open(Kind::Peer, text)?, Side::open(Kind::Ours, text)?);
    let mut walked = Walked::default();
    for at in 0..ours.case.calls.len() {
        if let Some(why) = own(&ours.case, &ours.case.calls[at]) {
            *walked.skipped.entry(why).or_default() += 1;
            continue;
        }
        walked.compared += 1;
        let mut faults = Vec::new();
        if let Err(why) = step(&mut peer, &ours, at, &mut walked.deviations, &mut faults) {
            faults.push(why);
        }
        if !faults.is_empty() {
            let call = &ours.case.calls[at];
            let why = if call.why.is_empty() { &ours.case.why } else { &call.why };
            walked.faults.push(format!("call {}: {why}\n{}\n{}", at + 1, call.request.shown(), faults.join("\n")));
        }
    }
    Ok(walked)
}

/// One call, made to both.
fn step(
    peer: &mut Side,
    ours: &Side,
    at: usize,
    deviations: &mut BTreeMap<String, usize>,
    faults: &mut Vec<String>,
) -> Result<(), String> {
    let (their_call, own_call) = (&peer.case.calls[at], &ours.case.calls[at]);
    if let Some(row) = &own_call.deviation {
        if !is_a_row(row) {
            return Err(format!("the README has no row {row}"));
        }
        *deviations.entry(row.clone()).or_default() += 1;
    }
    if own_call.deviation.is_some() != own_call.peer.is_some() {
        return Err("`deviation` and `peer` go together".to_owned());
    }
    let own = ours.call(own_call, usize::from(own_call.ran.is_some()))?;
    expect(ours, &own_call.response, own_call.ran.as_ref(), &own, faults);
    let (response, started) = match &their_call.peer {
        None => (&their_call.response, their_call.ran.as_ref()),
        Some(Peer::Answers { response, ran }) => (response, ran.as_ref()),
        Some(Peer::Dies { .. }) => {
            // Its answer is lost, or not.
            peer.daemon.ask(&their_call.request.bytes()).ok();
            if !peer.daemon.dies() {
                return Err("webhook lives".to_owned());
            }
            peer.daemon = Daemon::start(Kind::Peer, &peer.house, &peer.arguments)?;
            return Ok(());
        }
    };
    let theirs = peer.call(their_call, usize::from(started.is_some()))?;
    expect(peer, response, started, &theirs, faults);
    ours.look_into_log(own_call, faults);
    peer.look_into_log(their_call, faults);
    let mut differences = Vec::new();
    compare(peer, ours, &theirs, &own, &mut differences);
    match &own_call.deviation {
        None => faults.append(&mut differences),
        Some(row) if differences.is_empty() => faults.push(format!("both do the same: this is no deviation {row}")),
        Some(_) => {}
    }
    Ok(())
}

/// Whether the README's tables of differences have such a row.
pub(crate) fn is_a_row(row: &str) -> bool {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let tables = readme.split("## If you come from adnanh/webhook").nth(1).and_then(|rest| rest.split("\n## ").next());
    tables.expect("the chapter of the tables").contains(&format!("\n| {row} | "))
}

/// Fires every fixture at both, and tells what is not as it should be.
pub(crate) fn run() -> Result<String, String> {
    let mut files: Vec<_> =
        fs::read_dir(fixtures().join("hooks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("FIXTURE").unwrap_or_default();
    files.retain(|file| file.to_str().unwrap().contains(&only));
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Walked::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = file.file_name().unwrap().to_string_lossy();
                    let walked = walk(&fs::read_to_string(file).unwrap());
                    total.lock().unwrap().add(&name, walked);
                }
            });
        }
    });
    total.into_inner().unwrap().told(files.len())
}

impl Walked {
    fn add(&mut self, name: &str, other: Result<Walked, String>) {
        let other = match other {
            Ok(other) => other,
            Err(why) => return self.faults.push(format!("{name}: {why}")),
        };
        self.compared += other.compared;
        for (why, count) in other.skipped {
            *self.skipped.entry(why).or_default() += count;
        }
        for (row, count) in other.deviations {
            *self.deviations.entry(row).or_default() += count;
        }
        self.faults.extend(other.faults.iter().map(|fault| format!("{name}, {fault}")));
    }

    fn told(mut self, files: usize) -> Result<String, String> {
        self.faults.sort();
        if !self.faults.is_empty() {
            return Err(format!("{} faults\n\n{}", self.faults.len(), self.faults.join("\n\n")));
        }
        if self.compared == 0 {
            return Err("no calls".to_owned());
        }
        let list = |pairs: Vec<String>| if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") };
        let deviations = list(self.deviations.iter().map(|(row, count)| format!("{row} ({count})")).collect());
        let skipped = list(self.skipped.iter().map(|(why, count)| format!("{why} ({count})")).collect());
        Ok(format!(
            "{files} fixtures: {} calls alike or as the README's table says\n  rows seen: {deviations}\n  not asked: {skipped}",
            self.compared
        ))
    }
}

#[test]
fn rows_are_found_by_their_whole_number() {
    assert!(is_a_row("1") && is_a_row("N1"));
    assert!(!is_a_row("0") && !is_a_row("202") && !is_a_row("N"));
}
