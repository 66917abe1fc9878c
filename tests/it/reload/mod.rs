//! Edits of the files are taken, or refused with their reasons, while calls are answered.

mod cold;
mod refused;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::daemon::{Daemon, Home, Reply, eventually, request, says};

fn list(hooks: &[String]) -> String {
    format!("[\n  {}\n]\n", hooks.join(",\n  "))
}

/// Waits until `/hooks/ID` answers `word`; until then nothing but `before` may be heard.
fn turns(daemon: &Daemon, id: &str, before: &Reply, word: &str, how: &str) {
    eventually(how, || {
        let reply = daemon.get(&format!("/hooks/{id}"));
        let old = reply.is(before.status, &before.body);
        assert!(old || reply.is(200, word), "{how}: {reply:?}\n{}", daemon.log());
        reply.is(200, word).then_some(())
    });
}

/// Waits until a hook that answered `old` answers `new`.
fn changes(daemon: &Daemon, id: &str, old: &str, new: &str, how: &str) {
    let before = Reply { status: 200, head: String::new(), body: old.to_owned() };
    turns(daemon, id, &before, new, how);
}

#[test]
fn every_way_to_replace_the_file_is_taken_and_no_call_falls_between() {
    const WAYS: &[(&str, &str)] = &[
        ("written in place", "cat new > hooks.json"),
        ("renamed over", "mv new hooks.json"),
        ("renamed over again", "mv new hooks.json"),
        ("sed -i", "sed -i \"s/$OLD/$NEW/\" hooks.json"),
        ("sed -i again", "sed -i \"s/$OLD/$NEW/\" hooks.json"),
        (
            "truncated and written in pieces",
            "head -c 20 new > hooks.json; sleep 0.2; head -c 50 new | tail -c +21 >> hooks.json; sleep 0.2; \
             tail -c +51 new >> hooks.json",
        ),
        (
            "truncated and written after a pause",
            "head -c 30 new > hooks.json; sleep 0.6; tail -c +31 new >> hooks.json",
        ),
        ("deleted and recreated", "rm hooks.json; cp new hooks.json"),
        ("deleted and recreated after a pause", "rm hooks.json; sleep 0.6; cp new hooks.json"),
        ("moved away and recreated", "mv hooks.json hooks.json~; cp new hooks.json"),
        ("emptied and written after a pause", ": > hooks.json; sleep 0.6; cat new > hooks.json"),
        ("replaced by a link", "mkdir -p elsewhere; mv new elsewhere/x; ln -s elsewhere/x l; mv -T l hooks.json"),
        ("written through the link", "cat new > elsewhere/x"),
        ("renamed over behind the link", "mv new elsewhere/x"),
    ];
    let home = Home::with(&list(&[says("bell", "word0")]));
    let daemon = home.serve();
    for (number, (how, script)) in WAYS.iter().enumerate() {
        let (old, new) = (format!("word{number}"), format!("word{}", number + 1));
        home.write("new", &list(&[says("bell", &new)]));
        let script = format!("OLD={old} NEW={new}; {script}");
        std::thread::scope(|scope| {
            scope.spawn(|| home.shell(&script));
            changes(&daemon, "bell", &old, &new, how);
        });
    }
}

#[test]
fn a_swap_of_a_directory_s_link_is_taken() {
    let home = Home::new();
    home.shell("mkdir ..1 ..2; ln -s ..1 ..data; ln -s ..data/hooks.json hooks.json");
    home.write("..1/hooks.json", &list(&[says("bell", "one")]));
    home.write("..2/hooks.json", &list(&[says("bell", "two")]));
    let daemon = home.serve();
    home.shell("ln -s ..2 ..tmp; mv -T ..tmp ..data; rm -r ..1");
    changes(&daemon, "bell", "one", "two", "the first swap");
    home.shell("mkdir ..3");
    home.write("..3/hooks.json", &list(&[says("bell", "three")]));
    home.shell("ln -s ..3 ..tmp; mv -T ..tmp ..data; rm -r ..2");
    changes(&daemon, "bell", "two", "three", "the second swap");
}

#[test]
fn what_changed_is_logged_by_id() {
    let home = Home::with(&list(&[says("stays", "1"), says("turns", "1"), says("goes", "1")]));
    let daemon = home.serve();
    home.write("hooks.json", &list(&[says("comes", "1"), says("stays", "1"), says("turns", "2")]));
    let line = daemon.logged(&["reloaded"]);
    assert!(line.contains("added=comes changed=turns removed=goes hooks=3"), "{line}");
    assert_eq!(daemon.get("/hooks/goes").status, 404);
}

#[test]
fn an_explicit_empty_list_is_obeyed() {
    let home = Home::with(&list(&[says("bell", "one")]));
    let daemon = home.serve();
    home.write("hooks.json", "[]");
    let line = daemon.logged(&["reloaded"]);
    assert!(line.contains("removed=bell hooks=0"), "{line}");
    daemon.logged(&["WARN", "no hook is left: every call is answered with 404"]);
    assert_eq!(daemon.get("/hooks/bell").status, 404);
}

#[test]
fn a_secret_s_and_a_template_s_file_are_watched_as_well() {
    let home = Home::with(
        r#"{ "accounts": { "desk": { "provider": "console" } }, "contacts": { "ivan": { "phone": "+79001234567" } },
             "hooks": [ { "id": "bell", "token": { "file": "token" },
                          "send": { "to": "ivan", "text": { "file": "text" } } } ] }"#,
    );
    home.write("token", "first-token\n");
    home.write("text", "old: {{ msg }}");
    let daemon = home.serve();
    let head = |token: &str| format!("Authorization: Bearer {token}\r\nContent-Type: text/plain\r\n");
    let call = |token: &str| daemon.request("POST", "/hooks/bell", &head(token), "fire").status;
    assert_eq!(call("first-token"), 202);
    daemon.logged(&["🔔", "old: fire"]);
    home.shell("echo second-token > .t; mv .t token");
    daemon.logged(&["reloaded"]);
    assert_eq!((call("first-token"), call("second-token")), (403, 202));
    home.write("text", "new: {{ msg }}");
    daemon.logged_times(2, &["reloaded"]);
    assert_eq!(call("second-token"), 202);
    daemon.logged(&["🔔", "new: fire"]);
    home.shell("rm token");
    let line = daemon.logged(&["can't read token"]);
    assert!(line.contains("hooks.json:2:") && line.contains("hooks[0].token"), "{line}");
    assert_eq!(call("second-token"), 202);
}

#[test]
fn signals_compile_what_is_unchanged() {
    let home = Home::with(&list(&[says("bell", "one")]));
    let daemon = home.serve();
    for (times, signal) in [(1, Signal::HUP), (2, Signal::USR1), (3, Signal::HUP)] {
        daemon.signal(signal);
        let line = daemon.logged_times(times, &["reloaded"]);
        assert!(line.contains("added=\"\" changed=\"\" removed=\"\" hooks=1"), "{line}");
    }
}

#[test]
fn unwatched_files_are_read_at_a_signal_only() {
    let home = Home::with(&list(&[says("bell", "one")]));
    let unwatched = home.serve_with(&["-hotreload=false"]);
    // It runs over the same file: what it has noticed, the other one would have noticed too.
    let watched = home.serve();
    home.write("hooks.json", &list(&[says("bell", "two")]));
    changes(&watched, "bell", "one", "two", "watched");
    home.write("hooks.json", &list(&[says("bell", "three")]));
    changes(&watched, "bell", "two", "three", "watched");
    assert!(unwatched.get("/hooks/bell").is(200, "one"));
    unwatched.signal(Signal::HUP);
    changes(&unwatched, "bell", "one", "three", "SIGHUP");
    home.write("hooks.json", &list(&[says("bell", "four")]));
    unwatched.signal(Signal::USR1);
    changes(&unwatched, "bell", "three", "four", "SIGUSR1");
}

#[test]
fn a_directory_s_new_file_is_taken_and_a_lost_one_stays_until_a_signal() {
    let home = Home::new();
    home.shell("mkdir hooks.d");
    home.write("hooks.d/a.json", &list(&[says("a", "one")]));
    let daemon = home.serve_with(&["-hooks", "hooks.d"]);
    home.write("hooks.d/b.yaml", "- id: b\n  execute-command: 'true'\n  response-message: two\n");
    turns(&daemon, "b", &daemon.get("/hooks/nowhere"), "two", "a new file");
    home.write("hooks.d/.c.json.swp", "[");
    home.write("hooks.d/notes.txt", "[");
    home.shell("rm hooks.d/b.yaml");
    daemon.logged(&["hooks.d/b.yaml is gone", "stay until SIGHUP"]);
    assert!(daemon.get("/hooks/b").is(200, "two"));
    home.write("hooks.d/a.json", &list(&[says("a", "three")]));
    changes(&daemon, "a", "one", "three", "beside the lost one");
    assert!(daemon.get("/hooks/b").is(200, "two"));
    daemon.signal(Signal::HUP);
    daemon.logged(&["reloaded", "removed=b"]);
    assert_eq!(daemon.get("/hooks/b").status, 404);
    assert!(daemon.get("/hooks/a").is(200, "three"));
}

#[test]
fn a_request_under_way_ends_on_what_it_began_with() {
    let home = Home::with(&list(&[says("bell", "one"), says("goes", "one")]));
    let daemon = home.serve();
    let whole = |id: &str| request("POST", &format!("/hooks/{id}"), "", "a long body");
    let mut calls = ["bell", "goes"].map(|id| {
        let mut call = daemon.connect();
        call.send(whole(id).strip_suffix(" body").unwrap());
        call
    });
    // Accepted in order: what comes later is answered only after those were looked at.
    daemon.get("/hooks/bell");
    home.write("hooks.json", &list(&[says("bell", "two")]));
    changes(&daemon, "bell", "one", "two", "while two calls are under way");
    assert_eq!(daemon.get("/hooks/goes").status, 404);
    calls.iter_mut().for_each(|call| call.send(" body"));
    let [bell, goes] = calls.map(crate::daemon::Call::reply);
    assert!(bell.is(200, "one"), "{bell:?}");
    assert!(goes.is(200, "one"), "{goes:?}");
}

#[test]
fn under_load_thirty_reloads_hurt_nobody() {
    const RELOADS: usize = 30;
    let text = |round: usize| list(&[says("stays", "still"), says("turns", &format!("round{round}"))]);
    let home = Home::with(&text(0));
    let daemon = home.serve();
    let (over, served, begun) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut newest = 0;
                while !over.load(Ordering::Relaxed) {
                    let reply = daemon.get("/hooks/stays");
                    assert!(reply.is(200, "still"), "{reply:?}");
                    let reply = daemon.get("/hooks/turns");
                    let round: usize = reply.body.strip_prefix("round").unwrap().parse().unwrap();
                    // Never back to an older one, and none that was not written.
                    assert!(reply.status == 200 && round >= newest && round <= begun.load(Ordering::SeqCst));
                    newest = round;
                    served.fetch_add(2, Ordering::Relaxed);
                }
            });
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 1..=RELOADS {
                begun.store(round, Ordering::SeqCst);
                fs::write(home.path(".new"), text(round)).unwrap();
                fs::rename(home.path(".new"), home.path("hooks.json")).unwrap();
                daemon.signal(Signal::HUP);
                let word = format!("round{round}");
                eventually(&word, || daemon.get("/hooks/turns").is(200, &word).then_some(()));
            }
        }));
        over.store(true, Ordering::Relaxed);
        outcome.unwrap();
    });
    assert!(served.load(Ordering::Relaxed) > 2 * RELOADS);
}
