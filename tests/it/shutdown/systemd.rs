//! What a service manager hears from the daemon, and what it hands over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::daemon::{Daemon, Home, PATIENCE, says};

const ENV: &str = r#"[
  { "id": "env", "execute-command": "env", "include-command-output-in-response": true },
  { "id": "fds", "execute-command": "ls", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "string", "name": "-l" }, { "source": "string", "name": "/proc/self/fd" } ] }
]"#;

/// A service manager's ear, inside of a home.
struct Manager(UnixDatagram);

impl Manager {
    fn of(home: &Home) -> Manager {
        let ear = UnixDatagram::bind(home.path("notify")).unwrap();
        ear.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager(ear)
    }

    fn hears(&self) -> String {
        let mut buffer = [0; 1024];
        let length = self.0.recv(&mut buffer).expect("nothing is heard");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The next word that is no pulse.
    fn hears_of(&self, words: &str) -> String {
        loop {
            let heard = self.hears();
            // Pulses, and the line for people between the turns.
            if heard != "WATCHDOG=1\n" && !heard.starts_with("STATUS=") {
                assert!(heard.contains(words), "{words} expected: {heard}");
                return heard;
            }
        }
    }
}

fn start(home: &Home, more: &[(&str, &str)]) -> Daemon {
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    command.env("NOTIFY_SOCKET", home.path("notify")).envs(more.iter().copied());
    Daemon::begin(&mut command)
}

#[test]
fn ready_is_told_when_the_port_answers_and_each_reload_ends_with_it() {
    let home = Home::with(&format!("[{}]", says("bell", "ding")));
    let manager = Manager::of(&home);
    let mut daemon = start(&home, &[]);
    let ready = manager.hears_of("READY=1\n");
    let address = ready.trim().rsplit(' ').next().unwrap();
    assert!(ready.contains("STATUS=serving 1 hook on 127.0.0.1:"), "{ready}");
    daemon.address = address.to_owned();
    assert!(daemon.get("/hooks/bell").is(200, "ding"));
    for (text, status) in [
        (format!("[{}, {}]", says("bell", "ding"), says("gong", "dong")), "STATUS=serving 2 hooks on 127.0.0.1:"),
        ("[ {".to_owned(), "; the last edit of the files was refused; 1 error in the files, see the log\n"),
        ("[]".to_owned(), "STATUS=serving 0 hooks"),
    ] {
        home.write("hooks.json", &text);
        daemon.signal(Signal::HUP);
        let reloading = manager.hears_of("RELOADING=1\n");
        assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
        assert!(manager.hears_of("READY=1\n").contains(status), "{text}");
    }
    daemon.signal(Signal::TERM);
    manager.hears_of("STOPPING=1\n");
    assert_eq!(daemon.ends(), Some(0));
}

#[test]
fn a_start_that_fails_says_why_and_is_never_ready() {
    let home = Home::with("[]");
    let manager = Manager::of(&home);
    assert_eq!(start(&home, &[]).ends(), Some(1));
    assert_eq!(manager.hears(), "STATUS=can't start: there is no hook in the files\n");
    home.write("hooks.json", "[ {");
    assert_eq!(start(&home, &[]).ends(), Some(1));
    let heard = manager.hears();
    assert!(heard.starts_with("STATUS=can't start: ") && heard.contains("hooks.json:1:3: "), "{heard}");
    manager.0.set_nonblocking(true).unwrap();
    assert!(manager.0.recv(&mut [0; 64]).is_err());
}

#[test]
fn the_watchdog_is_fed_until_the_very_end() {
    let home = Home::with(r#"[ { "id": "slow", "execute-command": "./slow" } ]"#);
    home.write("slow", "#!/bin/sh\ntouch begun\nwhile test -e slow && ! test -e go; do sleep 0.02; done\n");
    home.shell("chmod +x slow");
    let manager = Manager::of(&home);
    let mut daemon = start(&home, &[("WATCHDOG_USEC", "100000")]);
    daemon.address = manager.hears_of("READY=1").trim().rsplit(' ').next().unwrap().to_owned();
    let pulses = |times: usize| {
        let start = Instant::now();
        let mut heard = 0;
        while heard < times {
            heard += usize::from(manager.hears() == "WATCHDOG=1\n");
        }
        start.elapsed()
    };
    assert!(pulses(5) < Duration::from_secs(5));
    daemon.get("/hooks/slow");
    crate::daemon::eventually("the command begins", || home.path("begun").exists().then_some(()));
    daemon.signal(Signal::TERM);
    manager.hears_of("STOPPING=1");
    // While it drains, too.
    pulses(5);
    home.write("go", "");
    assert_eq!(daemon.ends(), Some(0));
}

#[test]
fn an_inherited_socket_is_served_and_stays_with_the_manager() {
    let home = Home::with(ENV);
    let manager = Manager::of(&home);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    for round in 0..2 {
        let mut launcher = crate::daemon::alone("sh".as_ref());
        let script = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=bell exec \"$0\" -port 1 3<&0 </dev/null";
        launcher.current_dir(home.path("")).args(["-c", script, env!("CARGO_BIN_EXE_hookbell")]);
        launcher.env("NOTIFY_SOCKET", home.path("notify")).env("WATCHDOG_USEC", "60000000").env("MINE", "stays");
        launcher.stdin(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())));
        let mut daemon = Daemon::start(&mut launcher);
        assert_eq!(daemon.address, address);
        daemon.logged(&["WARN", "-port 1 does nothing", &address]);
        manager.hears_of("READY=1");
        let environment = daemon.get("/hooks/env").body;
        assert!(environment.contains("MINE=stays"), "{environment}");
        for name in ["NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_"] {
            assert!(!environment.contains(name), "{name} in {environment}");
        }
        let descriptors = daemon.get("/hooks/fds").body;
        assert!(descriptors.contains("pipe:") && !descriptors.contains("socket:"), "round {round}: {descriptors}");
        daemon.signal(Signal::TERM);
        manager.hears_of("STOPPING=1");
        assert_eq!(daemon.ends(), Some(0));
        while manager.0.set_nonblocking(true).is_ok() && manager.0.recv(&mut [0; 1024]).is_ok() {}
        manager.0.set_nonblocking(false).unwrap();
    }
}
