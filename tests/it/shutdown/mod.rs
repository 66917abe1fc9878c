//! A stop loses nothing: it waits for what is under way, keeps what is queued, and tells the service manager.

mod queued;
mod systemd;

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::daemon::{Call, Daemon, Home, eventually, request};

/// Commands that say that they have begun, and go on once they may.
const HOOKS: &str = r#"[
  { "id": "slow", "execute-command": "./slow", "include-command-output-in-response": true },
  { "id": "async", "execute-command": "./slow", "response-message": "begun" },
  { "id": "echo", "execute-command": "echo", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "payload", "name": "msg" } ] }
]"#;

const SLOW: &str = "#!/bin/sh\necho $$ > begun\nwhile ! test -e go; do sleep 0.02; done\ntouch done\necho the output\n";

fn home() -> Home {
    let home = Home::with(HOOKS);
    home.write("slow", SLOW);
    home.shell("chmod +x slow");
    home
}

/// A call of `/hooks/slow` whose command runs.
fn under_way(home: &Home, daemon: &Daemon) -> Call {
    let mut call = daemon.connect();
    call.send(&request("GET", "/hooks/slow", "", ""));
    begun(home);
    call
}

/// The id of the process that has begun.
fn begun(home: &Home) -> Pid {
    eventually("the command begins", || {
        Pid::from_raw(fs::read_to_string(home.path("begun")).ok()?.trim().parse().ok()?)
    })
}

fn refuses(address: &str) {
    eventually("new callers are refused", || TcpStream::connect(address).is_err().then_some(()));
}

#[test]
fn a_call_under_way_gets_its_answer_and_new_ones_are_refused() {
    for (signal, name) in [(Signal::TERM, "terminated"), (Signal::INT, "interrupt")] {
        let home = home();
        let mut daemon = home.serve();
        let call = under_way(&home, &daemon);
        let idle = daemon.connect();
        daemon.signal(signal);
        daemon.logged(&[&format!("caught {name} signal; exiting")]);
        refuses(&daemon.address);
        assert!(daemon.is_alive());
        home.write("go", "");
        let reply = call.reply();
        assert!(reply.is(200, "the output\n") && reply.head.to_lowercase().contains("connection: close"), "{reply:?}");
        assert_eq!(daemon.ends(), Some(0), "{}", daemon.log());
        daemon.logged(&["INFO", "stopped"]);
        drop(idle);
    }
}

#[test]
fn who_has_only_just_connected_may_still_ask() {
    let home = home();
    let mut daemon = home.serve();
    let mut call = daemon.connect();
    // Accepted later, and answered: so the one before it is accepted, too.
    daemon.get("/hooks/nowhere");
    let (silent, before) = (daemon.connect(), Instant::now());
    daemon.signal(Signal::TERM);
    daemon.logged(&["stopping"]);
    call.send(&request("POST", "/hooks/echo", "Content-Type: application/x-www-form-urlencoded\r\n", "msg=late"));
    let reply = call.reply();
    assert!(reply.is(200, "late\n") && reply.head.to_lowercase().contains("connection: close"), "{reply:?}");
    // Who says nothing is not waited for as long as a request would be.
    assert_eq!(daemon.ends(), Some(0), "{}", daemon.log());
    assert!(before.elapsed() < Duration::from_secs(20));
    drop(silent);
}

#[test]
fn a_body_that_is_still_arriving_is_read_to_its_end() {
    let home = home();
    let mut daemon = home.serve();
    let mut call = daemon.connect();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    call.send(request("POST", "/hooks/echo", form, "msg=hello+there").strip_suffix("+there").unwrap());
    // Accepted later, and answered: so the one before it is accepted, too.
    daemon.get("/hooks/nowhere");
    daemon.signal(Signal::TERM);
    refuses(&daemon.address);
    call.send("+there");
    let reply = call.reply();
    assert!(reply.is(200, "hello there\n"), "{reply:?}");
    assert_eq!(daemon.ends(), Some(0));
}

#[test]
fn a_command_that_nobody_waits_for_is_waited_for_at_the_end() {
    let home = home();
    let mut daemon = home.serve();
    assert!(daemon.get("/hooks/async").is(200, "begun"));
    begun(&home);
    daemon.signal(Signal::TERM);
    refuses(&daemon.address);
    assert!(daemon.is_alive());
    home.write("go", "");
    assert_eq!(daemon.ends(), Some(0));
    assert!(home.path("done").exists(), "{}", daemon.log());
}

#[test]
fn after_the_drain_time_a_command_is_left_running() {
    let home = home();
    let mut daemon = home.serve_with(&["-drain", "300ms"]);
    daemon.get("/hooks/async");
    let command = begun(&home);
    let start = Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends(), Some(0));
    assert!(start.elapsed() >= Duration::from_millis(300));
    daemon.logged(&["WARN", "the drain time is over: commands are left unfinished"]);
    assert!(test_kill_process(command).is_ok() && !home.path("done").exists());
    home.write("go", "");
    eventually("it goes on", || home.path("done").exists().then_some(()));
}

#[test]
fn a_caller_is_not_waited_for_longer_than_the_drain_time() {
    let home = home();
    let mut daemon = home.serve_with(&["-drain", "300ms"]);
    let _call = under_way(&home, &daemon);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.ends(), Some(0));
    daemon.logged(&["WARN", "the drain time is over: requests are left unfinished"]);
    home.write("go", "");
}

#[test]
fn a_second_interrupt_and_quit_end_it_at_once() {
    for (signals, code) in [
        (&[Signal::INT, Signal::INT][..], 1),
        (&[Signal::TERM, Signal::INT], 1),
        (&[Signal::TERM, Signal::QUIT], 1),
        (&[Signal::QUIT], 1),
    ] {
        let home = home();
        let mut daemon = home.serve();
        let call = under_way(&home, &daemon);
        if let [first, _] = signals {
            daemon.signal(*first);
            daemon.logged(&["stopping: "]);
        }
        let start = Instant::now();
        daemon.signal(*signals.last().unwrap());
        assert_eq!(daemon.ends(), Some(code), "{signals:?}");
        // The drain time is 30 s.
        assert!(start.elapsed() < Duration::from_secs(10));
        home.write("go", "");
        eventually("the command was left running", || home.path("done").exists().then_some(()));
        drop(call);
    }
}

#[test]
fn a_second_terminate_and_a_hangup_change_nothing() {
    let home = home();
    let mut daemon = home.serve();
    let call = under_way(&home, &daemon);
    daemon.signal(Signal::TERM);
    refuses(&daemon.address);
    for signal in [Signal::TERM, Signal::HUP, Signal::USR1, Signal::TERM] {
        daemon.signal(signal);
    }
    // Time enough to die of it: a process that is told to end at once does so in less.
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) {
        assert!(daemon.is_alive(), "{}", daemon.log());
        crate::daemon::pause();
    }
    home.write("go", "");
    assert!(call.reply().is(200, "the output\n"));
    assert_eq!(daemon.ends(), Some(0));
}

#[test]
fn signals_during_the_start_are_heard() {
    let home = home();
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    let mut daemon = Daemon::begin(&mut command);
    daemon.logged(&["starting"]);
    // From here on they are ours; a moment earlier they would simply end it.
    eventually("the signals are taken", || {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).ok()?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        (u64::from_str_radix(caught.trim(), 16).ok()? & 1 << 14 != 0).then_some(())
    });
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends(), Some(0), "{}", daemon.log());
}

#[test]
fn two_daemons_do_not_share_a_state_directory() {
    let sends = r#"{ "accounts": { "desk": { "provider": "console" } },
                     "contacts": { "ivan": { "phone": "+79001234567" } },
                     "hooks": [ { "id": "bell", "send": { "to": "ivan" } } ] }"#;
    let home = Home::with(sends);
    let first = home.serve();
    let (code, said) = home.output(&["-ip", "127.0.0.1", "-port", "0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("hookbell-state is in use by process {}: stop it", first.id())), "{said}");
    assert!(said.contains("-state-dir"), "{said}");
    // The first one does not mind.
    assert_eq!(first.get("/hooks/bell?msg=x").status, 202);
    assert_eq!(home.output(&["send", "-to", "ivan", "y"]).0, Some(0));
    home.serve_with(&["-state-dir", "another"]).stop();
    // A killed one holds nothing.
    kill_process(Pid::from_raw(i32::try_from(first.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    drop(first);
    home.serve().stop();
    assert!(Path::new(&home.path("hookbell-state/outbox.db")).exists());
}
