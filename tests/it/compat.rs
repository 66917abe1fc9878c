//! `fixtures/hooks`: a file has hooks and calls of them, each with its answer, what was sent and what ran.

use std::fs;
use std::sync::Arc;

use hookbell::app::settings::RawSettings;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::fixture::{Call, Case, Flags, Message, Ran, differ, fixtures};
use crate::world::{Folder, Sent, World};

/// Files at work at one time.
const AT_ONCE: usize = 32;

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
    let mut files = vec![(case.file.as_str(), hooks)];
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
