//! `omprog` and `zabbix-media`: what other programs start, and what they hear.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::daemon::{Daemon, Home, said};

const HOOKS: &str = r#"{
  "accounts": { "desk": { "provider": "console" } },
  "contacts": { "ivan": { "phone": "+79001234567" } },
  "hooks": [
    { "id": "rsyslog", "token": { "generated": "rsyslog" }, "http-methods": ["POST"], "charset": "windows-1251",
      "send": { "to": "ivan", "via": "desk", "text": "log: {{ msg }}" } },
    { "id": "strict", "require": { "source": "payload", "name": "host" }, "send": { "to": "ivan", "via": "desk" } },
    { "id": "half", "trigger-rule": { "match": { "type": "regex", "regex": "fire", "parameter": { "source": "payload", "name": "msg" } } },
      "send": { "to": "ivan", "via": "desk" } }
  ]
}"#;

/// The program in rsyslog's hands.
struct Omprog {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Omprog {
    fn start(command: &mut Command) -> Omprog {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut omprog = Omprog { child, stdin, stdout };
        assert_eq!(omprog.hears(), "OK");
        omprog
    }

    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.strip_suffix('\n').expect("a whole line").to_owned()
    }

    fn writes(&mut self, line: &[u8]) -> String {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(&[line, b"\n"].concat()).unwrap();
        self.hears()
    }

    fn ends(mut self) -> Option<i32> {
        drop(self.stdin.take());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Omprog {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How often it rang with these words.
fn rang(daemon: &Daemon, words: &str) -> usize {
    daemon.log().lines().filter(|line| line.contains("🔔 ivan") && line.contains(words)).count()
}

#[test]
fn a_line_goes_through_the_control_socket_and_needs_no_token() {
    let home = Home::with(HOOKS);
    let daemon = home.serve();
    let mut omprog = Omprog::start(&mut home.hookbell(&["omprog", "-hook", "rsyslog", "-unescape"]));
    assert_eq!(omprog.writes("disk & sda#012full 100% 🔥".as_bytes()), "OK");
    daemon.logged(&["🔔 ivan", "log: disk & sda · full 100% 🔥"]);
    assert_eq!(omprog.writes(b"\xcf\xf0\xe8\xe2\xe5\xf2"), "OK");
    daemon.logged(&["🔔 ivan", "log: Привет"]);
    assert_eq!(omprog.writes(b"  "), "OK");
    assert_eq!(omprog.ends(), Some(0));
    daemon.stop();
}

#[test]
fn a_daemon_that_is_down_or_refuses_leaves_the_line_to_rsyslog() {
    let home = Home::with(HOOKS);
    let mut omprog = Omprog::start(&mut home.hookbell(&["omprog", "-hook", "rsyslog"]));
    assert!(omprog.writes(b"early").starts_with("no daemon found: no control.sock in "));
    let mut daemon = home.serve();
    assert_eq!(omprog.writes(b"early"), "OK");
    daemon.logged(&["🔔 ivan", "log: early"]);
    daemon.signal(rustix::process::Signal::KILL);
    daemon.ends();
    assert!(omprog.writes(b"late").contains("can't be reached"));
    let daemon = home.serve();
    assert_eq!(omprog.writes(b"late"), "OK");
    daemon.logged(&["🔔 ivan", "log: late"]);
    for (hook, words) in [("nobody", "no hook is called \"nobody\""), ("strict", "hookbell answered 400: ")] {
        let mut omprog = Omprog::start(&mut home.hookbell(&["omprog", "-hook", hook]));
        let heard = omprog.writes(b"x");
        assert!(heard.starts_with(words), "{hook}: {heard}");
    }
    let mut filtered = Omprog::start(&mut home.hookbell(&["omprog", "-hook", "half"]));
    assert_eq!((filtered.writes(b"nothing"), filtered.writes(b"it is on fire")), ("OK".into(), "OK".into()));
    daemon.logged(&["🔔 ivan", "it is on fire"]);
    assert_eq!(rang(&daemon, "nothing"), 0);
}

#[test]
fn a_transaction_that_comes_again_rings_once() {
    let home = Home::with(HOOKS);
    let daemon = home.serve();
    let mut omprog = Omprog::start(&mut home.hookbell(&["omprog", "-hook", "rsyslog"]));
    for _ in 0..2 {
        assert_eq!(omprog.writes(b"BEGIN TRANSACTION"), "OK");
        assert_eq!((omprog.writes(b"one"), omprog.writes(b"one")), ("DEFER_COMMIT".into(), "DEFER_COMMIT".into()));
    }
    assert_eq!((omprog.writes(b"COMMIT TRANSACTION"), omprog.writes(b"one")), ("OK".into(), "OK".into()));
    daemon.logged_times(3, &["🔔 ivan", "log: one"]);
    assert_eq!(omprog.ends(), Some(0));
    assert_eq!(rang(&daemon, "log: one"), 3);
    daemon.stop();
}

#[test]
fn another_host_is_called_by_http_with_a_token_that_may_be_mended() {
    let home = Home::with(HOOKS);
    let daemon = home.serve();
    let url = format!("http://{}/hooks/rsyslog", daemon.address);
    let mut omprog = Omprog::start(&mut home.hookbell(&["omprog", "-url", &url, "-token-file", "token"]));
    assert!(omprog.writes(b"over there").starts_with("can't read token: "));
    home.write("token", "wrong\n");
    let heard = omprog.writes(b"over there");
    assert!(heard.starts_with("hookbell answered 403: "), "{heard}");
    home.shell("cp hookbell-state/secrets/rsyslog token");
    assert_eq!(omprog.writes(b"over there"), "OK");
    daemon.logged(&["🔔 ivan", "log: over there"]);
    daemon.stop();
    let heard = omprog.writes(b"nobody is there");
    assert!(heard.contains("can't reach") && !heard.contains("token"), "{heard}");
    assert_eq!(omprog.ends(), Some(0));
}

#[test]
fn flags_that_lead_nowhere_are_refused_before_the_first_line() {
    let home = Home::with(HOOKS);
    let cases: &[(&[&str], &str)] = &[
        (&[], "which hook?"),
        (&["-hook", "a", "-url", "http://b/c"], "two roads"),
        (&["-hook", "a", "-token-file", "t"], "go with -url"),
        (&["-url", "bell:9000/hooks/x"], "no address of a hook"),
        (&["-hook", "a", "word"], "\"word\" is left over"),
    ];
    for (args, words) in cases {
        let output = home.hookbell(&["omprog"]).args(*args).output().unwrap();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
    let (code, said) = home.output(&["omprog", "-url", "https://b/c", "-ca-file", "hooks.json"]);
    assert!(code == Some(1) && said.contains("ca-file: no certificate in it"), "{said}");
}

#[test]
fn a_media_type_for_zabbix_has_the_url_and_the_token_that_are_given() {
    let home = Home::with(HOOKS);
    home.serve().stop();
    let media = |args: &[&str]| {
        let mut command = home.hookbell(&["zabbix-media"]);
        let output = command.args(args).env("HOOKBELL_PUBLIC_URL", "https://bell.example.org/").output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let shipped = crate::source::read("examples/zabbix/media_hookbell.yaml");
    let plain = home.hookbell(&["zabbix-media"]).output().unwrap();
    assert_eq!(String::from_utf8(plain.stdout).unwrap(), shipped);
    assert!(String::from_utf8(plain.stderr).unwrap().contains("give -url"));
    assert!(media(&[]).contains("value: 'https://bell.example.org/hooks/zabbix'\n"));
    assert!(media(&["-url", "http://bell:9000/hooks/z"]).contains("value: 'http://bell:9000/hooks/z'\n"));
    let token = std::fs::read_to_string(home.path("hookbell-state/secrets/rsyslog")).unwrap();
    assert!(media(&["-token", "rsyslog"]).contains(&format!("value: '{}'\n", token.trim())));
    assert_eq!(home.output(&["zabbix-media", "-token", "nothing"]).0, Some(1));
}
