//! What `-verbose` tells about calls: the lines that adnanh/webhook's users search and its own tests match. The order and
//! the words are those of its version 2.8.0, but for what stands behind `hook=` and `peer=`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::Signal;

use crate::daemon::{Daemon, Home, eventually, kept_port};

const HOOKS: &str = r#"[
  { "id": "wait", "execute-command": "echo", "include-command-output-in-response": true, "http-methods": ["GET"],
    "command-working-directory": "/usr/bin", "pass-arguments-to-command": [
      { "source": "string", "name": "arg:" }, { "source": "url", "name": "q" }, { "source": "payload", "name": "a.b" } ],
    "pass-environment-to-command": [
      { "source": "url", "name": "q", "envname": "Q" }, { "source": "url", "name": "no", "envname": "NO" },
      { "source": "url", "name": "none" }, { "source": "string", "name": "v w", "envname": "S" } ] },
  { "id": "go", "execute-command": "true", "response-message": "ok", "success-http-response-code": 299 },
  { "id": "fails", "execute-command": "sh", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "string", "name": "-c" }, { "source": "url", "name": "do" } ] },
  { "id": "words", "execute-command": "/usr/bin/echo passed", "include-command-output-in-response": true },
  { "id": "bare", "execute-command": "no-such-program" },
  { "id": "nowhere", "execute-command": "/bin/sh", "command-working-directory": "/no/where",
    "include-command-output-in-response": true },
  { "id": "json", "execute-command": "true" },
  { "id": "files", "execute-command": "/bin/true", "include-command-output-in-response": true,
    "command-working-directory": "/tmp", "pass-file-to-command": [ { "source": "url", "name": "q", "envname": "Q" } ] },
  { "id": "secret", "execute-command": "/bin/echo", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "url", "name": "token" }, { "source": "entire-query" },
                                   { "source": "header", "name": "X-Sig" } ],
    "pass-environment-to-command": [ { "source": "url", "name": "token" } ] },
  { "id": "branch", "execute-command": "/bin/echo", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "url", "name": "ref" }, { "source": "url", "name": "who" } ],
    "trigger-rule": { "and": [
      { "match": { "type": "value", "value": "refs/heads/main", "parameter": { "source": "url", "name": "ref" } } },
      { "match": { "type": "value", "value": "opensesame", "parameter": { "source": "url", "name": "who" } } } ] } }
]"#;

/// A call, and the lines that it must leave behind its own name.
struct Case {
    call: (&'static str, &'static str, &'static str, &'static str),
    lines: &'static [&'static str],
}

const UNTYPED: &str = "error parsing body payload due to unsupported content type header: ";
const JSON: &str = "Content-Type: application/json\r\n";

const CASES: &[Case] = &[
    Case { call: ("GET", "/", "", ""), lines: &["200 | 2 B | TIME | bell | GET /"] },
    Case {
        call: ("GET", "/hooks/nope?a=%d0%9f", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "refused: no hook has this id hook=nope peer=PEER",
            "404 | 15 B | TIME | bell | GET /hooks/nope?a=%d0%9f",
        ],
    },
    Case {
        call: ("PUT", "/hooks/wait", "", ""),
        lines: &[
            "incoming HTTP PUT request from PEER",
            "HTTP PUT method not allowed for hook \"wait\" peer=PEER",
            "405 | 0 B | TIME | bell | PUT /hooks/wait",
        ],
    },
    Case {
        call: ("GET", "/hooks/wait?q=a%20\"é%0A", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "wait got matched",
            UNTYPED,
            "wait hook triggered successfully",
            "error extracting command arguments: couldn't retrieve argument for {Source:payload Name:a.b EnvName: Base64Decode:false} hook=wait",
            "error extracting command arguments for environment: couldn't retrieve argument for {Source:url Name:no EnvName:NO Base64Decode:false} hook=wait",
            "error extracting command arguments for environment: couldn't retrieve argument for {Source:url Name:none EnvName: Base64Decode:false} hook=wait",
            r#"executing echo (/usr/bin/echo) with arguments ["echo" "arg:" "a \"é\n" ""] and environment [Q=a "é\n S=v w] using /usr/bin as cwd"#,
            "command output: arg: a \"é\\n ",
            "finished handling wait",
            "200 | 13 B | TIME | bell | GET /hooks/wait?q=a%20%22é%0A",
        ],
    },
    Case {
        call: ("GET", "/hooks/go", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "go got matched",
            UNTYPED,
            "go hook triggered successfully",
            "go got matched, but the configured return code 299 is unknown - defaulting to 200",
            "200 | 2 B | TIME | bell | GET /hooks/go",
            "executing true (/usr/bin/true) with arguments [\"true\"] and environment [] using  as cwd",
            "command output: ",
            "finished handling go",
        ],
    },
    Case {
        call: ("GET", "/hooks/fails?do=echo+two;echo", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "fails got matched",
            UNTYPED,
            "fails hook triggered successfully",
            "error extracting command arguments: couldn't retrieve argument for {Source:url Name:do EnvName: Base64Decode:false} hook=fails",
            "executing sh (/usr/bin/sh) with arguments [\"sh\" \"-c\" \"\"] and environment [] using  as cwd",
            "command output: ",
            "finished handling fails",
            "200 | 0 B | TIME | bell | GET /hooks/fails?do=echo+two;echo",
        ],
    },
    Case {
        call: ("GET", "/hooks/fails?do=echo+two%3bexit+3", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "fails got matched",
            UNTYPED,
            "fails hook triggered successfully",
            "executing sh (/usr/bin/sh) with arguments [\"sh\" \"-c\" \"echo two;exit 3\"] and environment [] using  as cwd",
            "command output: two",
            "error occurred: exit status 3 hook=fails",
            "finished handling fails",
            "500 | 91 B | TIME | bell | GET /hooks/fails?do=echo+two%3bexit+3",
        ],
    },
    Case {
        call: ("GET", "/hooks/fails?do=kill+-9+$$", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "fails got matched",
            UNTYPED,
            "fails hook triggered successfully",
            "executing sh (/usr/bin/sh) with arguments [\"sh\" \"-c\" \"kill -9 $$\"] and environment [] using  as cwd",
            "command output: ",
            "error occurred: signal: killed hook=fails",
            "finished handling fails",
            "500 | 91 B | TIME | bell | GET /hooks/fails?do=kill+-9+$$",
        ],
    },
    Case {
        call: ("GET", "/hooks/words", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "words got matched",
            UNTYPED,
            "words hook triggered successfully",
            "error in exec: \"/usr/bin/echo passed\": stat /usr/bin/echo passed: no such file or directory hook=words",
            "use 'pass-arguments-to-command' to specify args for '/usr/bin/echo' hook=words",
            "500 | 91 B | TIME | bell | GET /hooks/words",
        ],
    },
    Case {
        call: ("GET", "/hooks/bare", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "bare got matched",
            UNTYPED,
            "bare hook triggered successfully",
            "200 | 0 B | TIME | bell | GET /hooks/bare",
            "error in exec: \"no-such-program\": executable file not found in $PATH hook=bare",
        ],
    },
    Case {
        call: ("GET", "/hooks/nowhere", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "nowhere got matched",
            UNTYPED,
            "nowhere hook triggered successfully",
            "executing /bin/sh (/bin/sh) with arguments [\"/bin/sh\"] and environment [] using /no/where as cwd",
            "command output: ",
            "error occurred: chdir /no/where: no such file or directory hook=nowhere",
            "finished handling nowhere",
            "500 | 91 B | TIME | bell | GET /hooks/nowhere",
        ],
    },
    Case {
        call: ("POST", "/hooks/json", JSON, "{"),
        lines: &[
            "incoming HTTP POST request from PEER",
            "json got matched",
            "error parsing JSON payload it ends too early at byte 1 hook=json",
            "json hook triggered successfully",
            "200 | 0 B | TIME | bell | POST /hooks/json",
            "executing true (/usr/bin/true) with arguments [\"true\"] and environment [] using  as cwd",
            "command output: ",
            "finished handling json",
        ],
    },
    Case {
        call: ("POST", "/hooks/json", "Content-Type: application/odd\r\n", "x"),
        lines: &[
            "incoming HTTP POST request from PEER",
            "json got matched",
            "error parsing body payload due to unsupported content type header: application/odd",
            "json hook triggered successfully",
            "200 | 0 B | TIME | bell | POST /hooks/json",
            "executing true (/usr/bin/true) with arguments [\"true\"] and environment [] using  as cwd",
            "command output: ",
            "finished handling json",
        ],
    },
    Case {
        call: ("GET", "/hooks/files?q=a", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "files got matched",
            UNTYPED,
            "files hook triggered successfully",
            "writing env Q file /tmp/QRANDOM hook=files",
            "executing /bin/true (/bin/true) with arguments [\"/bin/true\"] and environment [Q=/tmp/QRANDOM] using /tmp as cwd",
            "command output: ",
            "removing file /tmp/QRANDOM hook=files",
            "finished handling files",
            "200 | 0 B | TIME | bell | GET /hooks/files?q=a",
        ],
    },
    Case {
        call: ("GET", "/hooks/secret?token=hush1&q=a+hush1+b", "X-Sig: hush2\r\n", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "secret got matched",
            UNTYPED,
            "secret hook triggered successfully",
            r#"executing /bin/echo (/bin/echo) with arguments ["/bin/echo" "[secret]" "{\"q\":\"a [secret] b\",\"token\":\"[secret]\"}" "[secret]"] and environment [HOOK_token=[secret]] using  as cwd"#,
            r#"command output: [secret] {"q":"a [secret] b","token":"[secret]"} [secret]"#,
            "finished handling secret",
            "200 | 46 B | TIME | bell | GET /hooks/secret?token=[secret]&q=a+[secret]+b",
        ],
    },
    // What a rule compares may be a secret, but for what forges tell in the open.
    Case {
        call: ("GET", "/hooks/branch?ref=refs/heads/main&who=opensesame", "", ""),
        lines: &[
            "incoming HTTP GET request from PEER",
            "branch got matched",
            UNTYPED,
            "branch hook triggered successfully",
            r#"executing /bin/echo (/bin/echo) with arguments ["/bin/echo" "refs/heads/main" "[secret]"] and environment [] using  as cwd"#,
            "command output: refs/heads/main [secret]",
            "finished handling branch",
            "200 | 27 B | TIME | bell | GET /hooks/branch?ref=refs/heads/main&who=[secret]",
        ],
    },
];

/// The lines of one call, without what is never the same.
fn lines_of(log: &str, name: &str) -> Vec<String> {
    let time = regex::Regex::new(r"\| [0-9.hm]+[nµm]?s \|").unwrap();
    let peer = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
    let file = regex::Regex::new(r"/tmp/Q\d+").unwrap();
    let own = log.lines().filter_map(|line| Some(line.split_once(&format!(" [{name}] "))?.1));
    let constant =
        |line| file.replace_all(&peer.replace(&time.replace(line, "| TIME |"), "PEER"), "/tmp/QRANDOM").into_owned();
    own.map(constant).collect()
}

#[test]
fn every_call_leaves_the_peer_s_lines() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-verbose", "-x-request-id"]);
    for (number, Case { call: (method, target, head, body), .. }) in CASES.iter().enumerate() {
        daemon.request(method, target, &format!("X-Request-Id: call{number}\r\n{head}"), body);
    }
    for (number, Case { call, lines }) in CASES.iter().enumerate() {
        let name = format!("call{number}");
        eventually("the last line", || (lines_of(&daemon.log(), &name).len() >= lines.len()).then_some(()));
        assert_eq!(lines_of(&daemon.log(), &name), *lines, "{call:?}");
    }
}

#[test]
fn a_kill_right_after_an_answer_loses_no_line() {
    let home = Home::with(HOOKS);
    for flags in [&["-debug"][..], &["-debug", "-logfile", "bell.log"]] {
        let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
        let mut daemon = Daemon::begin(command.args(flags));
        let log = |daemon: &Daemon| match flags.len() {
            1 => daemon.log(),
            _ => fs::read_to_string(home.path("bell.log")).unwrap_or_default(),
        };
        let start = eventually("a start", || Some(log(&daemon)).filter(|log| log.contains("listening on ")));
        daemon.address = start.split("listening on ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        assert_eq!(daemon.get("/hooks/wait?q=passed").status, 200);
        daemon.signal(Signal::KILL);
        assert_eq!(daemon.ends(), None);
        let has = |words: &str| log(&daemon).contains(words);
        eventually("all of it", || {
            (has("command output: arg: passed") && has("] arg: passed") && has(" | GET /hooks/wait?q=passed\n"))
                .then_some(())
        });
    }
}

#[test]
fn calls_are_named_by_their_callers_where_the_flag_says_so() {
    let home = Home::with(HOOKS);
    let named = |flags: &[&str]| {
        let daemon = home.serve_with(&[&["-verbose"], flags].concat());
        daemon.request("GET", "/hooks/go", "X-Request-Id: abcdefgh\r\n", "");
        let line = daemon.logged(&["incoming HTTP GET request"]);
        line.split_once('[').unwrap().1.split_once(']').unwrap().0.to_owned()
    };
    assert_eq!(named(&["-x-request-id", "-x-request-id-limit", "3"]), "abc");
    assert_eq!(named(&["-x-request-id"]), "abcdefgh");
    let own = named(&["-x-request-id-limit", "3"]);
    assert!(own.len() == 6 && own.bytes().all(|byte| byte.is_ascii_hexdigit()), "{own}");
}

#[test]
fn a_command_nobody_waits_for_begins_behind_the_end_of_its_call() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-verbose", "-x-request-id"]);
    for number in 0..50 {
        daemon.request("GET", "/hooks/go", &format!("X-Request-Id: n{number}\r\n"), "");
    }
    for number in 0..50 {
        let lines = eventually("its end", || {
            Some(lines_of(&daemon.log(), &format!("n{number}"))).filter(|lines| lines.len() == 9)
        });
        assert!(lines[5].starts_with("200 | ") && lines[6].starts_with("executing "), "{lines:?}");
    }
}

#[test]
fn a_long_body_is_dumped_up_to_a_length() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-debug"]);
    let body = format!("{}\nlast", "x".repeat(70_000));
    daemon.request("POST", "/hooks/go", "Content-Type: text/plain\r\n", &body);
    daemon.logged(&["TRACE > [", "] [4469 more bytes]"]);
    daemon.logged(&["finished handling go"]);
    assert!(!daemon.log().contains("] last"));
    // A secret in a body is hidden, and the rest of it is shown.
    daemon.request("POST", "/hooks/json", JSON, r#"{"a": "sh\u006fwn", "p\u0061ssword": "hu\u0073h"}"#);
    daemon.logged(&["TRACE > [", r#"] {"a":"shown","password":"[secret]"}"#]);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    daemon.request("POST", "/hooks/json", form, "a=shown&api%5fkey=%68ush&b=c");
    daemon.logged(&["TRACE > [", "] a=shown&api%5fkey=[secret]&b=c"]);
}

#[test]
fn a_secret_that_comes_back_is_hidden_in_the_dump_of_the_answer() {
    let echo = r#"[{ "id": "echo", "execute-command": "echo", "include-command-output-in-response": true,
                    "parse-parameters-as-json": [{ "source": "payload", "name": "inner" }],
                    "pass-arguments-to-command": [{ "source": "raw-request-body" }] }]"#;
    let home = Home::with(echo);
    let daemon = home.serve_with(&["-debug"]);
    let body = r#"{"password":"hush-hush","inner":"{\"api-key\":\"hush-inside\"}","b":"shown"}"#;
    assert_eq!(daemon.request("POST", "/hooks/echo", JSON, body).body, format!("{body}\n"));
    daemon.logged(&["TRACE < [", r#"{"password":"[secret]","#, "[secret]", "shown"]);
    daemon.logged(&["| POST /hooks/echo"]);
    assert!(!daemon.log().contains("hush"), "{}", daemon.log());
}

#[test]
fn what_the_server_answers_by_itself_is_not_logged() {
    let home = Home::with(HOOKS);
    let daemon = home.serve_with(&["-debug"]);
    assert_eq!(daemon.request("OPTIONS", "*", "", "").status, 200);
    assert_eq!(daemon.get("/hooks//go").status, 301);
    assert_eq!(daemon.get("/").status, 200);
    daemon.logged(&["| GET /"]);
    assert!(!daemon.log().contains("OPTIONS") && !daemon.log().contains("301"), "{}", daemon.log());
}

#[test]
fn a_log_that_can_not_be_written_stops_nothing() {
    let home = Home::with(HOOKS);
    // A full disk. That it serves can't be told by its log.
    let (_kept, free) = kept_port();
    let port = free.port().to_string();
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-debug", "-logfile", "/dev/full", "-port", &port]);
    let mut daemon = Daemon::begin(&mut command);
    daemon.address = free.to_string();
    eventually("it listens", || std::net::TcpStream::connect(free).ok());
    for _ in 0..3 {
        assert!(daemon.get("/hooks/go").is(200, "ok") && daemon.is_alive());
    }
    // Somebody who no longer listens.
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-debug"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("listening on ")).unwrap();
    drop(lines);
    daemon.address = line.split("listening on ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    for _ in 0..3 {
        assert!(daemon.get("/hooks/go").is(200, "ok"));
    }
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_unix_socket_is_named_as_the_peer_names_it() {
    let home = Home::with(HOOKS);
    let socket = home.path("w.sock");
    let daemon = Daemon::start(home.hookbell(&["-verbose", "-socket"]).arg(&socket));
    daemon.logged(&[&format!("serving hooks on http://{{unix:{}}}/hooks/{{id}}", socket.display())]);
}
