//! Pidfile, another user, and the peer's ways of starting and ending.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use rustix::process::Signal;

use super::BELL;
use crate::daemon::{Call, Daemon, Home, PATIENCE, alone, eventually, kept_port, request, said};

#[test]
fn a_pidfile_is_there_while_the_daemon_is() {
    let home = Home::with(BELL);
    for signal in [Signal::TERM, Signal::INT] {
        let mut daemon = home.serve_with(&["-pidfile", "run/bell.pid"]);
        let pidfile = home.path("run/bell.pid");
        assert_eq!(fs::read_to_string(&pidfile).unwrap(), daemon.id().to_string());
        assert_eq!(fs::metadata(&pidfile).unwrap().permissions().mode() & 0o777, 0o600);
        let (code, said) = home.output(&["-port", "0", "-pidfile", "run/bell.pid"]);
        let words = format!(
            "Error creating pidfile: pid file found, ensure webhook is not running or delete {}",
            pidfile.display()
        );
        assert!(code == Some(1) && said.contains(&words), "{said}");
        daemon.signal(signal);
        assert_eq!(daemon.ends(), Some(0));
        assert!(!pidfile.exists());
    }
}

#[test]
fn a_dead_one_s_pidfile_is_taken_over_and_a_lost_one_told() {
    let home = Home::with(BELL);
    let mut killed = home.serve_with(&["-pidfile", "bell.pid"]);
    killed.signal(Signal::KILL);
    killed.ends();
    let mut daemon = home.serve_with(&["-pidfile", "bell.pid"]);
    assert_eq!(fs::read_to_string(home.path("bell.pid")).unwrap(), daemon.id().to_string());
    fs::remove_file(home.path("bell.pid")).unwrap();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends(), Some(0));
    daemon.logged(&["ERROR", "can't remove the pidfile", "bell.pid: No such file"]);
    // A start that fails later leaves it, as the peer does: the next one takes it over.
    home.write("hooks.json", "[]");
    assert_eq!(home.output(&["-port", "0", "-pidfile", "bell.pid"]).0, Some(1));
    assert!(home.path("bell.pid").exists());
}

#[test]
fn one_s_own_number_is_no_other_process() {
    // As in a container: the process has the same number in each of its lives.
    let home = Home::with(BELL);
    let mut command = alone("sh".as_ref());
    let script = "echo $$ > bell.pid; exec \"$0\" -ip 127.0.0.1 -port 0 -pidfile bell.pid";
    command.current_dir(home.path("")).args(["-c", script, env!("CARGO_BIN_EXE_hookbell")]);
    assert!(Daemon::start(&mut command).get("/hooks/bell").is(200, "ding"));
}

const IDENTITY: &str = r#"[ { "id": "id", "execute-command": "id", "include-command-output-in-response": true },
  { "id": "say", "send": { "to": "ivan", "via": "desk" } } ]"#;
const PEOPLE: &str =
    r#"{ "accounts": { "desk": { "provider": "console" } }, "contacts": { "ivan": { "phone": "+79001234567" } } }"#;

#[test]
fn another_user_does_everything_behind_the_port() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let nobody = 65_534;
    let home = Home::with(IDENTITY);
    home.write("people.json", PEOPLE);
    home.shell(&format!("mkdir own secret; chown {nobody}:{nobody} own; chmod 755 .; chmod 700 secret"));
    let who = nobody.to_string();
    let flags = [
        "-hooks",
        "hooks.json",
        "-hooks",
        "people.json",
        "-setuid",
        &who,
        "-setgid",
        &who,
        "-pidfile",
        "own/bell.pid",
        "-state-dir",
        "own/state",
    ];
    let daemon = home.serve_with(&flags);
    let ids = format!("{who}\t{who}\t{who}\t{who}");
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap() {
        // It may have ended meanwhile.
        let Ok(status) = fs::read_to_string(task.unwrap().path().join("status")) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!((field("Uid:"), field("Gid:"), field("Groups:")), (ids.clone(), ids.clone(), String::new()));
        threads += 1;
    }
    assert!(threads > 1, "the runtime has more than one");
    let body = daemon.get("/hooks/id").body;
    assert!(body.starts_with("uid=65534") && !body.contains("(root)"), "{body}");
    assert_eq!(daemon.get("/hooks/say?msg=x").status, 202);
    daemon.logged(&["🔔"]);
    use std::os::unix::fs::MetadataExt as _;
    for made in ["own/bell.pid", "own/state", "own/state/outbox.db", "own/state/control.sock"] {
        assert_eq!(fs::metadata(home.path(made)).unwrap().uid(), nobody, "{made}");
    }
    daemon.stop();
    assert!(!home.path("own/bell.pid").exists());
    // What root could open, the new user can't: log, pidfile, hooks, certificates.
    home.shell("cp hooks.json secret/");
    let other = ["-ip", "127.0.0.1", "-port", "0", "-setuid", &who, "-setgid", &who];
    for (flags, words) in [
        (&["-logfile", "secret/bell.log"][..], "error opening log file \"secret/bell.log\": Permission denied"),
        (&["-pidfile", "secret/bell.pid"], "Error creating pidfile: "),
        (&["-hooks", "secret/hooks.json"], "secret/hooks.json: can't be read: Permission denied"),
        (&["-secure", "-cert", "secret/cert.pem"], "-cert secret/cert.pem: can't be read: Permission denied"),
    ] {
        let (code, said) = home.output(&[&other[..], flags].concat());
        assert!(code == Some(1) && said.contains(words), "{flags:?}: {code:?} {said}");
    }
    assert_eq!(fs::read_dir(home.path("secret")).unwrap().count(), 1);
    // A log file is that user's whatever goes wrong, or the next start could not write to it.
    for (name, wrong) in [("own/1.log", ["-port", "70000"]), ("own/2.log", ["-ip", "192.0.2.1"])] {
        let (code, said) = home.output(&[&other[..], &["-logfile", name], &wrong].concat());
        assert_eq!((code, fs::metadata(home.path(name)).unwrap().uid()), (Some(1), nobody), "{said}");
    }
}

#[test]
fn half_an_identity_is_refused_where_the_peer_refuses_it() {
    let home = Home::with(BELL);
    let together = "error: setuid and setgid options must be used together\n";
    for flags in [["-setuid", "33"], ["-setgid", "0x21"]] {
        let output = home.hookbell(&flags).output().unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), together.as_bytes()));
        assert!(output.stderr.is_empty());
    }
    let (code, said) = home.output(&["-setuid", "33", "-setgid", "33", "-socket", "bell.sock"]);
    let words = "error listening on socket: -setuid and -setgid options are not compatible with -socket";
    assert!(code == Some(1) && said.contains(words) && !home.path("bell.sock").exists(), "{said}");
    let (code, said) = home.output(&["-port", "0", "-setuid", "-5", "-setgid", "33"]);
    assert!(code == Some(1) && said.contains("error dropping privileges: -setuid -5"), "{said}");
}

#[test]
fn suites_are_listed_on_stdout_under_go_s_names() {
    let home = Home::new();
    let listed = |flags: &[&str]| {
        let output = home.hookbell(&[&["-list-cipher-suites"], flags].concat()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let of_1_3 = "TLS_AES_128_GCM_SHA256\nTLS_AES_256_GCM_SHA384\nTLS_CHACHA20_POLY1305_SHA256\n";
    // compat 7.5: 140
    assert_eq!(listed(&["-tls-min-version", "1.3"]), (Some(0), of_1_3.to_owned(), String::new()));
    let (code, all, _) = listed(&["-port", "-1"]);
    assert!(code == Some(0) && all.starts_with(of_1_3) && all.lines().count() == 9, "{all}");
    let wrong = "error: unknown minimum TLS version: 2\n";
    assert_eq!(listed(&["-tls-min-version", "2"]), (Some(1), String::new(), wrong.to_owned()));
}

#[test]
fn no_hooks_are_told_on_stdout() {
    let home = Home::with("[]");
    let output = home.hookbell(&["-port", "0"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && told.starts_with("couldn't load any hooks from file!\n"), "{told}");
    assert!(!String::from_utf8(output.stderr).unwrap().contains("couldn't load"));
}

#[test]
fn two_sockets_of_systemd_are_one_too_many() {
    let home = Home::with(BELL);
    let mut launcher = alone("sh".as_ref());
    let script = "LISTEN_PID=$$ LISTEN_FDS=2 exec \"$0\" 3</dev/null 4</dev/null";
    launcher.current_dir(home.path("")).args(["-c", script, env!("CARGO_BIN_EXE_hookbell")]);
    let output = launcher.output().unwrap();
    let words = "error listening on socket: received 2 sockets from systemd, but only 1 is supported\n";
    assert!(output.status.code() == Some(1) && said(&output).ends_with(words), "{}", said(&output));
}

/// What the peer's own end-to-end tests do with the program they are given.
#[test]
fn the_peer_s_own_tests_could_drive_it() {
    let home = Home::new();
    let webhook = home.path("webhook");
    symlink(env!("CARGO_BIN_EXE_hookbell"), &webhook).unwrap();
    let helper = "#!/bin/sh\nprintf 'arg: %s\\n' \"$*\"\nprintf 'env: %s\\n' \"$(env | grep ^HOOK_ | tr '\\n' ' ')\"\n";
    home.write("helper", helper);
    home.shell("chmod +x helper");
    // No JSON and no YAML either, to look at: tabs, commas too many; and a name that says nothing about the format.
    let json = "[\n\t{\n\t\t\"id\": \"bell\",\n\t\t\"execute-command\": \"@/helper\",\n\t\t\"include-command-output-in-response\": true,\n\
                \t\t\"pass-arguments-to-command\": [ { \"source\": \"string\", \"name\": \"passed\", }, ],\n\
                \t\t\"pass-environment-to-command\": [ { \"source\": \"url\", \"name\": \"q\", }, ],\n\t},\n]\n";
    let yaml = "- id: bell\n  execute-command: '@/helper'\n  include-command-output-in-response: true\n\
                \x20 pass-arguments-to-command:\n  - source: string\n    name: passed\n\
                \x20 pass-environment-to-command:\n  - source: url\n    name: q\n";
    for config in [json, yaml] {
        home.write("hooks.tmpl", &config.replace('@', home.path("").to_str().unwrap().trim_end_matches('/')));
        let (_kept, address) = kept_port();
        let port = address.port();
        let mut command = alone(&webhook);
        command.arg(format!("-hooks={}", home.path("hooks.tmpl").display()));
        command.args(["-debug", "-ip=127.0.0.1", &format!("-port={port}")]);
        let mut daemon = Daemon::begin(&mut command);
        daemon.address = format!("127.0.0.1:{port}");
        eventually("it answers on /", || {
            let mut call = Call(std::net::TcpStream::connect(&daemon.address).ok()?);
            call.0.set_read_timeout(Some(PATIENCE)).unwrap();
            call.send(&request("GET", "/", "", ""));
            call.reply().is(200, "OK").then_some(())
        });
        let reply = daemon.get("/hooks/bell?q=x");
        assert!(reply.is(200, "arg: passed\nenv: HOOK_q=x \n"), "{reply:?}");
        // What was told is told at once: nothing waits in a buffer that a kill empties.
        daemon.signal(Signal::KILL);
        daemon.ends();
        daemon.logged(&["command output: arg: passed"]);
    }
}
