//! The admin listener: who may ask, what is well, what was counted.

mod counted;
mod page;
mod ready;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use crate::daemon::{Call, Daemon, Home, Reply, request, said, says};

/// A daemon with an admin listener on loopback, and more flags.
struct Bell {
    daemon: Daemon,
    admin: String,
}

impl Bell {
    fn start(home: &Home, flags: &[&str]) -> Bell {
        let daemon = home.serve_with(&[&["-admin", "127.0.0.1:0"], flags].concat());
        let admin = daemon.told("listening for operators and monitors on ");
        Bell { daemon, admin }
    }

    /// The answer to one request at the admin listener; `head` is its header lines but for `Host`.
    fn ask(&self, method: &str, target: &str, head: &str) -> Reply {
        ask(&self.admin, method, target, &format!("Host: {}\r\n{head}", self.admin), "")
    }

    fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, "")
    }
}

fn ask(address: &str, method: &str, target: &str, head: &str, body: &str) -> Reply {
    let mut call = Call(TcpStream::connect(address).unwrap());
    call.send(&with_head(method, target, head, body));
    call.reply()
}

fn with_head(method: &str, target: &str, head: &str, body: &str) -> String {
    request(method, target, head, body).replacen("Host: bell\r\n", "", 1)
}

fn one_hook() -> Home {
    Home::with(&format!("[{}]", says("bell", "ding")))
}

/// Accounts of consoles, a contact, and a hook that sends.
const SENDS: &str = r#"{ "accounts": { "desk": { "provider": "console" } }, "contacts": { "ivan": { "phone": "+79001234567" } },
                        "hooks": [ { "id": "bell", "send": { "to": "ivan" } } ] }"#;

#[test]
fn probes_and_metrics_need_no_token_on_loopback_and_the_rest_has_none_to_give() {
    let bell = Bell::start(&one_hook(), &[]);
    assert!(bell.get("/healthz").is(200, "OK"));
    assert_eq!(bell.get("/readyz").status, 200);
    let metrics = bell.get("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", metrics.head);
    assert_eq!(bell.ask("POST", "/healthz", "").status, 405);
    for target in ["/api/v1/messages", "/api/v1/depth", "/", "/hooks/bell"] {
        let reply = bell.ask("GET", target, "Authorization: Bearer x\r\n");
        assert!(reply.status == 403 && reply.body.contains("-admin-token-file"), "{target}: {reply:?}");
    }
    assert!(bell.daemon.get("/hooks/bell").is(200, "ding"));
    assert_eq!(bell.daemon.get("/metrics").status, 404, "the main listener has no such thing");
}

#[test]
fn the_api_is_that_of_the_control_socket_for_whoever_has_the_token() {
    let home = Home::with(SENDS);
    home.write("token", "first\n");
    let bell = Bell::start(&home, &["-admin-token-file", "token"]);
    let call = |head: &str| bell.ask("GET", "/api/v1/depth", head);
    let missing = call("");
    assert!(missing.status == 401 && missing.head.contains("www-authenticate: Bearer"), "{missing:?}");
    assert_eq!(call("Authorization: Bearer second\r\n").status, 403);
    assert_eq!(call("X-Hook-Token: first\r\n").status, 401, "that one is for hooks");
    assert!(call("Authorization: Bearer first\r\n").body.contains("accounts"));
    assert_eq!(call("Authorization: Basic eDpmaXJzdA==\r\n").status, 200);
    let message = r#"{ "to": "ivan", "text": "rung by the admin" }"#;
    let head = format!("Host: {}\r\nAuthorization: Bearer first\r\n", bell.admin);
    let sent = ask(&bell.admin, "POST", "/api/v1/messages", &head, message);
    assert_eq!(sent.status, 202, "{sent:?}");
    bell.daemon.logged(&["🔔", "rung by the admin"]);
    // Files may change while the process lives.
    home.write("token", "second");
    assert_eq!(call("Authorization: Bearer second\r\n").status, 200);
    assert_eq!(call("Authorization: Bearer first\r\n").status, 403);
    let log = bell.daemon.stop();
    assert!(log.contains("a wrong token") && !log.contains("first") && !log.contains("second"), "{log}");
}

#[test]
fn a_name_that_somebody_else_owns_is_refused() {
    let bell = Bell::start(&one_hook(), &[]);
    for host in ["evil.example.org", "evil.example.org:9001", "127.0.0.1.evil.example.org"] {
        for target in ["/metrics", "/readyz", "/api/v1/messages"] {
            let reply = ask(&bell.admin, "GET", target, &format!("Host: {host}\r\n"), "");
            assert!(reply.status == 421 && !reply.body.contains("hookbell_"), "{host}: {reply:?}");
        }
    }
    for host in ["localhost:9001", "127.0.0.1", "[::1]:9001"] {
        assert_eq!(ask(&bell.admin, "GET", "/metrics", &format!("Host: {host}\r\n"), "").status, 200, "{host}");
    }
    bell.daemon.logged(&["refused by the admin listener", "/metrics"]);
}

#[test]
fn where_other_hosts_reach_it_there_must_be_a_token() {
    let home = one_hook();
    for address in ["0.0.0.0:0", ":0"] {
        let (code, said) = home.output(&["-port", "0", "-admin", address]);
        assert!(code == Some(1) && said.contains("-admin-token-file"), "{address}: {said}");
    }
    home.write("empty", "\n");
    let (code, said) = home.output(&["-port", "0", "-admin", "127.0.0.1:0", "-admin-token-file", "empty"]);
    assert!(code == Some(1) && said.contains("empty: the secret is empty"), "{said}");
    home.write("token", "open sesame");
    let daemon = home.serve_with(&["-admin", "0.0.0.0:0", "-admin-token-file", "token"]);
    let admin = daemon.told("listening for operators and monitors on ").replace("0.0.0.0", "127.0.0.1");
    let get = |target: &str, head: &str| ask(&admin, "GET", target, &format!("Host: bell.lan\r\n{head}"), "");
    assert!(get("/healthz", "").is(200, "OK"));
    assert!(get("/readyz", "").is(200, "ok process\nok config\nok outbox\nok accounts\n"), "strangers get no details");
    assert_eq!(get("/metrics", "").status, 401);
    assert!(get("/metrics", "Authorization: Bearer open sesame\r\n").body.contains("hookbell_build_info"));
}

#[test]
fn a_credential_is_a_token_too() {
    let home = one_hook();
    home.shell("mkdir credentials; echo from-systemd > credentials/admin-token");
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    command.env("CREDENTIALS_DIRECTORY", home.path("credentials")).env("HOOKBELL_ADMIN", "127.0.0.1:0");
    let daemon = Daemon::start(&mut command);
    let admin = daemon.told("listening for operators and monitors on ");
    let head = format!("Host: {admin}\r\nAuthorization: Bearer from-systemd\r\n");
    // A pure drop-in has no outbox to ask.
    assert_eq!(ask(&admin, "GET", "/api/v1/depth", &head, "").status, 503);
}

#[test]
fn a_unix_socket_does_as_well() {
    let home = one_hook();
    let path = home.path("admin.sock");
    let daemon = home.serve_with(&["-admin", path.to_str().unwrap()]);
    daemon.logged(&["listening for operators and monitors", "admin.sock"]);
    let mut socket = UnixStream::connect(&path).unwrap();
    socket.write_all(with_head("GET", "/readyz", "Host: localhost\r\n", "").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("ok config: 1 hooks"), "{answer}");
    daemon.stop();
    assert!(!path.exists());
}

#[test]
fn without_the_flag_nothing_listens() {
    let home = one_hook();
    let daemon = home.serve();
    let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", daemon.id())).unwrap();
    assert!(!sockets.is_empty() && !daemon.log().contains("operators"));
    let wrong = home.hookbell(&["-admin", "9001"]).output().unwrap();
    assert!(said(&wrong).contains("-admin 9001: expected ADDRESS:PORT"), "{}", said(&wrong));
}
