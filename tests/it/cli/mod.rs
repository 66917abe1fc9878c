//! The command line as a shell sees it: words, exit codes, the log.

mod accounts;
mod calls;
mod check;
mod compat;
mod completion;
mod log;
mod messages;
mod omprog;
mod process;
mod verbs;

use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::os::unix::net::UnixStream;

use crate::daemon::{Call, Daemon, Home, alone, eventually, hookbell, request, said, says};

const BELL: &str = r#"[ { "id": "bell", "execute-command": "true", "response-message": "ding" } ]"#;

#[test]
fn flags_answer_with_the_peer_s_words_and_codes() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["-h"], 0, "usage: hookbell [flags]\n"),
        (&["--help"], 0, "usage: hookbell [flags]\n"),
        (&["-version"], 0, concat!("hookbell ", env!("CARGO_PKG_VERSION"), "\n")),
        (&["--version=true", "-port", "1"], 0, concat!("hookbell ", env!("CARGO_PKG_VERSION"), "\n")),
        (&["-bogus"], 2, "flag provided but not defined: -bogus\n"),
        (&["-port"], 2, "flag needs an argument: -port\n"),
        (&["-port", "many"], 2, "invalid value \"many\" for flag -port: parse error\n"),
        (&["-verbose=perhaps"], 2, "invalid boolean value \"perhaps\" for -verbose: parse error\n"),
        (&["-header", "x"], 2, "invalid value \"x\" for flag -header: header flag must be in name=value format\n"),
        (&["---x"], 2, "bad flag syntax: ---x\n"),
        (&["-drain", "30"], 2, "invalid value \"30\" for flag -drain: "),
        (&["-log-format", "xml"], 2, "invalid value \"xml\" for flag -log-format: write text or json\n"),
        (&["-keep", "30"], 2, "invalid value \"30\" for flag -keep: `30` has no unit: "),
        (&["-admin", "x"], 1, "hookbell: -admin x: expected ADDRESS:PORT, such as 127.0.0.1:9003"),
        (&["-ip", "::1"], 1, "hookbell: error listening on port: write an IPv6 address in brackets: -ip '[::1]'\n"),
        (&["-port", "70000"], 1, "hookbell: error listening on port: 70000 is no port"),
        (&["chekc"], 2, "hookbell: no command is called \"chekc\": did you mean \"check\"?\n"),
        (&["hooks.json"], 2, "hookbell: no command is called \"hooks.json\": to serve a file write "),
    ];
    let home = Home::with(BELL);
    for (args, code, words) in cases {
        let output = home.hookbell(args).output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {text}");
        assert!(text.starts_with(words), "{args:?}: {text}");
        // What was asked for is printed; what is wrong is told.
        assert_eq!(output.stdout.is_empty(), !args[0].contains("version"), "{args:?}: {text}");
        // A mistake stays on the screen: the flags are shown only to who asks for them.
        assert_eq!(text.contains("where it listens"), *code == 0 && args[0].contains("-h"), "{text}");
        assert_eq!(text.ends_with("every flag: hookbell -h\n"), *code == 2 && args[0].starts_with('-'), "{text}");
    }
}

#[test]
fn help_is_printed_for_every_topic() {
    for (args, words) in [
        (&["help"][..], "hookbell check [flags] [FILE …]"),
        (&["help", "check"], "usage: hookbell check [flags] [FILE …]"),
        (&["help", "flags"], "-hooks FILE"),
        (&["help", "signals"], "HUP, USR1"),
        (&["help", "-drain"], "default 30s"),
        (&["help", "exit-codes"], "75"),
    ] {
        let output = hookbell().args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains(words) && output.stderr.is_empty(), "{args:?}: {text}");
    }
    let output = hookbell().args(["help", "sginals"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("did you mean \"signals\"?"), "{}", said(&output));
}

#[test]
fn called_as_webhook_it_has_its_version_and_no_commands() {
    let home = Home::with(BELL);
    let webhook = home.path("webhook");
    symlink(env!("CARGO_BIN_EXE_hookbell"), &webhook).unwrap();
    let output = alone(&webhook).arg("-version").output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), "webhook version 2.8.2\n"));
    let mut command = alone(&webhook);
    let flags = ["-ip", "127.0.0.1", "-port", "0", "check", "-port", "1"];
    let daemon = Daemon::start(command.current_dir(home.path("")).args(flags));
    assert!(daemon.get("/hooks/bell").is(200, "ding"));
    let line = daemon.logged(&["webhook: ignored: check -port 1: "]);
    assert!(line.contains("-hooks FILE"), "{line}");
    let help = alone(&webhook).arg("-h").output().unwrap();
    assert!(help.status.success() && help.stdout.is_empty(), "{}", said(&help));
    assert!(said(&help).starts_with(&format!("Usage of {}:\n  -admin string\n    \t", webhook.display())));
    let output = alone(&webhook).args(["-ip", "::1"]).output().unwrap();
    assert!(said(&output).starts_with("webhook: error listening on port: ") && output.status.code() == Some(1));
    let output = alone(&webhook).args(["-bogus"]).output().unwrap();
    let usage = format!("flag provided but not defined: -bogus\nUsage of {}:\n  -admin string\n", webhook.display());
    assert!(said(&output).starts_with(&usage) && output.status.code() == Some(2), "{}", said(&output));
}

#[test]
fn without_any_hook_it_ends_unless_somebody_looks() {
    for text in ["[]", "{}", "", "[ {"] {
        let home = Home::with(text);
        let (code, said) = home.output(&["-ip", "127.0.0.1", "-port", "0"]);
        assert_eq!(code, Some(1), "{text}: {said}");
        assert!(said.contains("couldn't load any hooks from file!") && said.contains("-nopanic"), "{text}: {said}");
        for flag in ["-nopanic", "-verbose", "-debug"] {
            let daemon = home.serve_with(&[flag]);
            assert!(daemon.get("/hooks/bell").is(404, "Hook not found."), "{text} {flag}");
        }
    }
    assert_eq!(Home::new().output(&["-port", "0"]).0, Some(1));
    let daemon = Home::new().serve_with(&["-hooks", "", "-nopanic"]);
    assert!(!daemon.log().contains("hooks.json"), "{}", daemon.log());
}

#[test]
fn a_port_in_use_is_told_in_a_sentence() {
    let home = Home::with(BELL);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, said) = home.output(&["-ip", "127.0.0.1", "-port", &address.port().to_string()]);
    assert_eq!(code, Some(1), "{said}");
    let sentence = format!("hookbell: error listening on port: listen tcp {address}: Address already in use");
    assert!(said.contains(&sentence), "{said}");
}

#[test]
fn a_fatal_mistake_is_in_the_log_file_as_well() {
    let home = Home::with(BELL);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, _) = home.output(&["-ip", "127.0.0.1", "-port", &port, "-logfile", "bell.log"]);
    assert_eq!(code, Some(1));
    let log = std::fs::read_to_string(home.path("bell.log")).unwrap();
    assert!(log.contains("error listening on port"), "{log}");
    let (code, said) = home.output(&["-port", "0", "-logfile", "nowhere/bell.log"]);
    assert!(code == Some(1) && said.contains("error opening log file \"nowhere/bell.log\""), "{said}");
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let home = Home::with(BELL);
    let socket = home.path("bell.sock");
    let mut daemon = Daemon::start(home.hookbell(&["-verbose", "-socket"]).arg(&socket));
    // compat 7.1: 28
    daemon.logged(&[&format!("serving hooks on http://{{unix:{}}}/hooks/{{id}}", socket.display())]);
    assert!(daemon.log().contains(&format!("listening on {{unix:{}}}", socket.display())), "{}", daemon.log());
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    let mut stream = UnixStream::connect(&socket).unwrap();
    std::io::Write::write_all(&mut stream, request("GET", "/hooks/bell", "", "").as_bytes()).unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ding"), "{answer}");
    let (code, said) = home.output(&["-socket", "bell.sock"]);
    assert!(code == Some(1) && said.contains("error listening on socket: listen unix bell.sock: "), "{said}");
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.ends(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_prefix_headers_and_methods_are_as_the_flags_say() {
    let home = Home::with(BELL);
    let flags = ["-urlprefix", "", "-header", "X-Bell=one", "-header", "x-bell=two", "-http-methods", "post, get"];
    let daemon = home.serve_with(&flags);
    let reply = daemon.get("/bell");
    assert!(reply.is(200, "ding") && reply.head.contains("x-bell: two") && !reply.head.contains("one"), "{reply:?}");
    assert_eq!(daemon.request("PUT", "/bell", "", "").status, 405);
    let daemon = home.serve_with(&["-urlprefix", "a/b"]);
    assert!(daemon.get("/a/b/bell").is(200, "ding") && daemon.get("/hooks/bell").status == 404);
    let daemon = home.serve_with(&["-urlprefix", "a{b"]);
    daemon.logged(&["WARN", "-urlprefix \"a{b\": its braces are unbalanced, so that every hook answers 404"]);
}

#[test]
fn our_flags_can_stand_in_the_environment() {
    let home = Home::with(BELL);
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    let daemon = Daemon::start(command.env("HOOKBELL_LOG_FORMAT", "json"));
    assert!(daemon.log().starts_with('{'), "{}", daemon.log());
    let output = home.hookbell(&[]).env("HOOKBELL_DRAIN", "soon").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).starts_with("invalid value \"soon\" for HOOKBELL_DRAIN: "), "{}", said(&output));
}

#[test]
fn ids_with_blanks_and_slashes_are_served() {
    let home = Home::with(&format!("[{}, {}]", says("my bell", "one"), says("a/b", "two")));
    let daemon = home.serve();
    let mut one: Call = daemon.connect();
    one.send(&request("GET", "/hooks/my%20bell", "", ""));
    assert!(one.reply().is(200, "one"));
    eventually("a slash in an id", || daemon.get("/hooks/a/b").is(200, "two").then_some(()));
}
