//! TLS on the port of hooks: real curl against the real program.

mod begin;
mod papers;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use self::papers::Authority;
use crate::daemon::{Daemon, Home, PATIENCE, eventually};

const HOOKS: &str = r#"[
  { "id": "bell", "execute-command": "true", "response-message": "ding" },
  { "id": "echo", "execute-command": "echo", "include-command-output-in-response": true,
    "pass-arguments-to-command": [ { "source": "url", "name": "q" }, { "source": "request", "name": "remote-addr" } ] }
]"#;

/// A folder with hooks, the certificate of `authority`, and that authority's own.
fn home(authority: &Authority) -> Home {
    let home = Home::with(HOOKS);
    authority.issue(&home);
    home
}

fn serve(home: &Home, flags: &[&str]) -> Daemon {
    home.serve_with(&[&["-secure"], flags].concat())
}

/// What curl says of `https://…/PATH`: its exit code and its output. It trusts the authority whose paper is `ca.pem`.
fn curl(home: &Home, daemon: &Daemon, path: &str, more: &[&str]) -> (i32, String) {
    let mut curl = Command::new("curl");
    curl.current_dir(home.path("")).args(["-sS", "--max-time", "10", "--cacert", "ca.pem"]).args(more);
    let output = curl.arg(format!("https://{}{path}", daemon.address)).output().expect("curl is needed");
    (output.status.code().unwrap(), crate::daemon::said(&output))
}

fn rings(home: &Home, daemon: &Daemon, more: &[&str]) -> bool {
    curl(home, daemon, "/hooks/bell", more) == (0, "ding".to_owned())
}

#[test]
fn a_certificate_is_shown_with_its_chain_and_hooks_answer() {
    let home = home(&Authority::new("one"));
    let daemon = serve(&home, &["-verbose"]);
    daemon.logged(&[&format!("serving hooks on https://{}/hooks/{{id}}", daemon.address)]);
    // HTTP/2 is not offered.
    let (code, said) = curl(&home, &daemon, "/hooks/bell", &["--http2", "-w", " %{http_version} %{ssl_verify_result}"]);
    assert_eq!((code, said.as_str()), (0, "ding 1.1 0"));
    assert!(rings(&home, &daemon, &["-d", "body", "--tlsv1.3"]) && rings(&home, &daemon, &["--tls-max", "1.2"]));
    // What makes a raw URL acceptable works inside.
    let (_, said) = curl(&home, &daemon, "/hooks/echo?q=a\"b<c>", &[]);
    assert!(said.starts_with("a\"b<c> 127.0.0.1:"), "{said}");
    let long = format!("X-Long: {}", "x".repeat(40_000));
    let (_, said) = curl(
        &home,
        &daemon,
        "/",
        &[["-o", "/dev/null", "-w", "%{http_code}"].as_slice(), &["-H", &long].repeat(4)].concat(),
    );
    assert_eq!(said, "431");
    let twice = format!("https://{}/hooks/bell", daemon.address);
    assert_eq!(curl(&home, &daemon, "/hooks/bell", &[&twice]).1, "dingding", "on one connection");
    assert!(daemon.stop().contains("stopped"));
}

#[test]
fn keys_of_every_usual_form_are_read() {
    let home = Home::with(HOOKS);
    for (key, form) in [
        ("openssl ecparam -name prime256v1 -genkey", "EC PRIVATE KEY"),
        ("openssl ecparam -name secp384r1 -genkey -noout", "EC PRIVATE KEY"),
        ("openssl genrsa -traditional 2048", "RSA PRIVATE KEY"),
        ("openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048", "PRIVATE KEY"),
        ("openssl genpkey -algorithm ed25519", "PRIVATE KEY"),
    ] {
        home.shell(&format!(
            "{key} > key.pem 2>/dev/null; grep -q -- '-----BEGIN {form}-----' key.pem; \
             openssl req -x509 -new -key key.pem -days 2 -subj /CN=bell -addext subjectAltName=IP:127.0.0.1 -out cert.pem; \
             cp cert.pem ca.pem"
        ));
        assert!(rings(&home, &serve(&home, &[]), &[]), "{key}");
    }
    let one_file = "cat key.pem cert.pem > both.pem";
    home.shell(one_file);
    assert!(rings(&home, &serve(&home, &["-cert", "both.pem", "-key=both.pem"]), &[]), "{one_file}");
}

#[test]
fn versions_and_suites_are_as_the_flags_say() {
    let home = home(&Authority::new("one"));
    let of_1_2 = |suite: &'static str| ["--tls-max", "1.2", "--ciphers", suite];
    let (weak, strong) = (of_1_2("ECDHE-ECDSA-AES128-GCM-SHA256"), of_1_2("ECDHE-ECDSA-AES256-GCM-SHA384"));
    let daemon = serve(&home, &["-tls-min-version", "1.3"]);
    assert!(rings(&home, &daemon, &[]));
    assert_eq!(curl(&home, &daemon, "/", &["--tls-max", "1.2"]).0, 35);
    daemon.logged(&["WARN", "TLS handshake error", "127.0.0.1:"]);
    let daemon = serve(&home, &["-tls-min-version=1.1"]);
    daemon.logged(&["WARN", "-tls-min-version 1.1", "it is 1.2 here"]);
    assert!(rings(&home, &daemon, &weak) && rings(&home, &daemon, &strong));
    assert_eq!(curl(&home, &daemon, "/", &["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]).0, 35);
    let suites = "TLS_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    let daemon = serve(&home, &["-cipher-suites", suites]);
    daemon.logged(&["WARN", "TLS_RSA_WITH_AES_128_CBC_SHA is left out"]);
    assert!(rings(&home, &daemon, &strong) && rings(&home, &daemon, &["--tlsv1.3"]));
    assert_eq!(curl(&home, &daemon, "/", &weak).0, 35);
    let daemon = serve(&home, &["-cipher-suites", "TLS_AES_128_GCM_SHA256"]);
    assert!(rings(&home, &daemon, &[]), "suites of 1.3 leave 1.3");
    assert_eq!(curl(&home, &daemon, "/", &["--tls-max", "1.2"]).0, 35);
}

#[test]
fn plain_http_is_told_where_it_is() {
    let home = home(&Authority::new("one"));
    let daemon = serve(&home, &[]);
    let mut plain = TcpStream::connect(&daemon.address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = "x".repeat(100_000);
    plain
        .write_all(format!("POST /hooks/bell HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{body}").as_bytes())
        .unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    daemon.logged(&["WARN", "its URL must begin with https://"]);
    assert!(rings(&home, &daemon, &[]));
}

#[test]
fn a_new_certificate_is_noticed_and_a_bad_one_refused() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let home = home(&first);
    let daemon = serve(&home, &[]);
    assert!(rings(&home, &daemon, &[]));
    second.issue(&home);
    daemon.logged(&["INFO", "certificate reloaded"]);
    assert!(rings(&home, &daemon, &[]), "the second authority's");
    // A key of another, a text that is no certificate, nothing at all: the old one stays.
    let key = std::fs::read_to_string(home.path("key.pem")).unwrap();
    home.write("key.pem", &papers::key());
    let line = daemon.logged(&["ERROR", "certificate refused", "is not the one of the certificate in"]);
    assert!(line.ends_with("the old one stays") && !line.contains("PRIVATE"), "{line}");
    assert!(rings(&home, &daemon, &[]));
    home.shell("mv key.pem gone.pem");
    daemon.logged(&["ERROR", "certificate refused: -key key.pem: can't be read"]);
    assert!(rings(&home, &daemon, &[]));
    home.write("new.pem", &key);
    home.shell("mv new.pem key.pem; echo nonsense > cert.pem");
    daemon.logged(&["ERROR", "-cert cert.pem: there is no certificate in it"]);
    assert!(rings(&home, &daemon, &[]));
    first.issue(&home);
    daemon.logged_times(2, &["INFO", "certificate reloaded"]);
    assert!(rings(&home, &daemon, &[]) && !daemon.log().contains("reload refused"), "{}", daemon.log());
}

#[test]
fn an_expired_certificate_is_shown_and_told() {
    let authority = Authority::new("one");
    let home = home(&authority);
    authority.issue_until(&home, 2020);
    let daemon = serve(&home, &[]);
    daemon.logged(&["WARN", "-cert cert.pem: it has expired, at 2020-12-31T00:00:00.000Z: clients refuse it"]);
    assert_eq!(curl(&home, &daemon, "/", &[]).0, 60);
    assert!(rings(&home, &daemon, &["--insecure"]));
    daemon.logged(&["WARN", "TLS handshake error: ", "xpired"]);
    authority.issue(&home);
    daemon.logged(&["INFO", "certificate reloaded"]);
    assert!(rings(&home, &daemon, &[]) && daemon.log().matches("it has expired").count() == 1, "{}", daemon.log());
}

#[test]
fn links_that_are_turned_as_certbot_does_are_followed() {
    let home = Home::with(HOOKS);
    home.shell("mkdir archive live");
    for (number, name) in [(1, "first"), (2, "second")] {
        Authority::new(name).issue(&home);
        home.shell(&format!("for p in cert key ca; do mv $p.pem archive/${{p}}{number}.pem; done"));
    }
    let turn = |number: u8| {
        home.shell(&format!(
            "for p in cert key; do ln -sfn ../archive/${{p}}{number}.pem live/$p.pem; done; cp archive/ca{number}.pem ca.pem"
        ));
    };
    turn(1);
    let daemon = serve(&home, &["-cert", "live/cert.pem", "-key", "live/key.pem"]);
    assert!(rings(&home, &daemon, &[]));
    turn(2);
    daemon.logged(&["INFO", "certificate reloaded"]);
    assert!(rings(&home, &daemon, &[]));
}

#[test]
fn a_signal_renews_it_where_nobody_watches() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let home = home(&first);
    let daemon = serve(&home, &["-hotreload=false"]);
    second.issue(&home);
    assert_eq!(curl(&home, &daemon, "/", &[]).0, 60, "still the first authority's");
    daemon.signal(Signal::HUP);
    eventually("the second authority's", || rings(&home, &daemon, &[]).then_some(()));
    home.write("cert.pem", "");
    for times in 1..3 {
        daemon.signal(Signal::USR1);
        daemon.logged_times(times, &["ERROR", "certificate refused"]);
    }
    assert!(rings(&home, &daemon, &[]));
}

#[test]
fn whoever_can_t_speak_tls_does_not_start() {
    let home = home(&Authority::new("one"));
    home.write("other.pem", &papers::key());
    home.write("nothing.pem", "nothing\n");
    home.shell("openssl genpkey -algorithm ed25519 -aes256 -pass pass:x -out locked.pem 2>/dev/null");
    for (flags, words) in [
        (&["-cert", "nope.pem"][..], "-cert nope.pem: can't be read: No such file"),
        (&["-key", "nope.pem"], "-key nope.pem: can't be read"),
        (&["-key", "."], "-key .: can't be read: it is no regular file"),
        (&["-cert", "key.pem"], "-cert key.pem: there is no certificate in it"),
        (&["-cert", "nothing.pem"], "-cert nothing.pem: there is no certificate in it"),
        (&["-key", "nothing.pem"], "-key nothing.pem: there is no private key in it"),
        (&["-key", "locked.pem"], "-key locked.pem: the key has a password"),
        (&["-key", "other.pem"], "the key in other.pem is not the one of the certificate in cert.pem"),
        (&["-tls-min-version", "1.4"], "error: unknown minimum TLS version: 1.4"),
        (&["-cipher-suites", "X"], "error: unknown TLS cipher suite: X"),
        (&["-cipher-suites", "TLS_RSA_WITH_AES_128_CBC_SHA"], "none of these is in hookbell"),
    ] {
        let (code, said) = home.output(&[&["-secure", "-ip", "127.0.0.1", "-port", "0"], flags].concat());
        assert!(code == Some(1) && said.contains(words), "{flags:?}: {code:?} {said}");
    }
    // Without -secure nobody asks.
    let daemon = home.serve_with(&["-cipher-suites", "X", "-tls-min-version", "7", "-cert", "nope.pem"]);
    assert!(daemon.get("/hooks/bell").is(200, "ding"));
}

#[test]
fn tls_is_spoken_on_sockets_of_every_kind() {
    let home = home(&Authority::new("one"));
    let _daemon = Daemon::start(&mut home.hookbell(&["-secure", "-socket", "bell.sock"]));
    let mut curl = Command::new("curl");
    curl.current_dir(home.path("")).args(["-sS", "--cacert", "ca.pem", "--unix-socket", "bell.sock"]);
    let output = curl.arg("https://127.0.0.1/hooks/bell").output().unwrap();
    assert_eq!(crate::daemon::said(&output), "ding");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut launcher = crate::daemon::alone("sh".as_ref());
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" -secure 3<&0 </dev/null";
    launcher.current_dir(home.path("")).args(["-c", script, env!("CARGO_BIN_EXE_hookbell")]);
    let daemon = Daemon::start(launcher.stdin(Stdio::from(OwnedFd::from(socket))));
    assert!(rings(&home, &daemon, &[]));
}
