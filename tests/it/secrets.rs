//! No secret is in any log, however it was sent or configured.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::daemon::{Daemon, Home, eventually};

/// Every secret and every guess of these tests holds the first word; it may be in base64, or escaped.
const SECRET: [&str; 3] = ["hush", "aHVz", "%68%75%73%68"];

/// All sources that a secret has, all providers that take one, and a token for a message and for a command.
const HOOKS: &str = r#"{
  "accounts": {
    "tg": { "provider": "telegram", "base-url": "PROVIDER", "bot-token": { "file": "tg-token" } },
    "tg2": { "provider": "telegram", "base-url": "PROVIDER", "bot-token": "1234567:hush-telegram-literal-0123456789abc" },
    "wa": { "provider": "whatsapp-cloud", "base-url": "http://127.0.0.1:9", "phone-number-id": "106540352242922",
            "access-token": { "credential": "wa-token" }, "proxy": { "file": "proxy" } },
    "wa2": { "provider": "whatsapp-cloud", "base-url": "PROVIDER", "phone-number-id": "106540352242922",
             "access-token": { "env": "WA_TOKEN" }, "callback-secret": ["hush-path", { "file": "token" }],
             "verify-token": "hush-verify", "app-secret": { "file": "token" } },
    "bad": { "provider": "telegram", "base-url": "http://127.0.0.1:9", "bot-token": "hush-is-no-bot-token" },
    "desk": { "provider": "console" }
  },
  "contacts": { "ivan": { "phone": "+79001234567", "telegram": "123456789" } },
  "hooks": [
    { "id": "one", "token": "hush-token-one", "send": { "to": "ivan", "via": ["tg", "tg2", "wa", "wa2"] } },
    { "id": "named", "tokens": { "zabbix": ["hush-token-two", { "file": "token" }] }, "send": { "to": "ivan", "via": "desk" } },
    { "id": "run", "token": { "generated": "run" }, "include-command-output-in-response": true,
      "execute-command": "echo",
      "pass-arguments-to-command": [ { "source": "entire-payload" }, { "source": "entire-headers" }, { "source": "entire-query" },
                                     { "source": "payload", "name": "token" }, { "source": "header", "name": "X-Hook-Token" } ] },
    { "id": "open", "send": { "to": "ivan", "via": "desk" } },
    { "id": "ruled", "execute-command": "echo", "trigger-signature-soft-failures": true, "trigger-rule": { "and": [
      { "or": [ { "match": { "type": "value", "value": "hush-value", "parameter": { "source": "url", "name": "a" } } },
                { "match": { "type": "payload-hash-sha256", "secret": ["hush-hmac", { "file": "token" }], "parameter": { "source": "url", "name": "a" } } },
                { "match": { "type": "regex", "regex": "^hush", "parameter": { "source": "url", "name": "a" } } } ] },
      { "match": { "type": "payload-hmac-sha1", "secret": "hush-hmac", "parameter": { "source": "string", "name": "hush" } } } ] } },
    { "id": "ruled-badly", "execute-command": "echo", "trigger-rule": { "or": [ { "match": { "type": "value", "value": "hush-value" } }, { "match": { "type": "ip-whitelist", "ip-range": "1.2.3", "secret": "hush" } } ] } }
  ]
}"#;

/// The number of the call whose token can't be found.
const BROKEN: usize = 9;

/// A call for each way that a token has into a request.
fn calls(token: &str) -> Vec<(&'static str, String, String, String)> {
    let basic = data_encoding::BASE64.encode(format!("hush-user:{token}").as_bytes());
    let form = "Content-Type: application/x-www-form-urlencoded\r\n".to_owned();
    let json = "Content-Type: application/json\r\n".to_owned();
    let escaped: String = token.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let row = |method, query: String, head: String, body: String| (method, query, head, body);
    let from = format!("Referer: http://localhost/hooks/one?msg=m&Token={token}\r\n");
    vec![
        row("GET", format!("?msg=m&token={token}"), from, String::new()),
        row("POST", "?msg=m".into(), format!("Authorization: Bearer {token}\r\n"), String::new()),
        row("POST", "?msg=m".into(), format!("Authorization: Basic {basic}\r\n"), String::new()),
        row("POST", "?msg=m".into(), format!("X-Hook-Token: {token}\r\n"), String::new()),
        row("GET", format!("?msg=m&token={token}"), String::new(), String::new()),
        row("GET", format!("?token={escaped}&msg=m"), String::new(), String::new()),
        row("GET", format!("?msg=m&to%6ben={token}"), String::new(), String::new()),
        row("POST", String::new(), form, format!("msg=m&token={token}")),
        row("POST", String::new(), json.clone(), format!("{{\"msg\": \"m\", \"token\": \"{token}\"}}")),
        // No JSON.
        row("POST", String::new(), json, format!("{{\"msg\": \"m\", \"token\": \"{token}\"")),
    ]
}

fn start(home: &Home, flags: &[&str]) -> Daemon {
    let mut command = home.hookbell(&["-ip", "127.0.0.1", "-port", "0"]);
    command.args(flags).env("CREDENTIALS_DIRECTORY", home.path("credentials")).env("WA_TOKEN", "hush-wa-environment");
    Daemon::start(&mut command)
}

/// A provider that refuses everybody, and quotes all that it was told.
fn gossip() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let quoted = serde_json::Value::from(format!("I know your token: {}", head.join(" ")));
            let body = format!(
                "{{\"ok\":false,\"error_code\":401,\"description\":{quoted},\"error\":{{\"code\":190,\"message\":{quoted}}}}}"
            );
            let length = body.len();
            let head = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close";
            // Who has seen enough may go.
            write!(&stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}").ok();
        }
    });
    address
}

fn home() -> Home {
    let home = Home::with(&HOOKS.replace("PROVIDER", &format!("http://{}", gossip())));
    home.shell("mkdir -p credentials hookbell-state/secrets");
    home.write("tg-token", "1234567:hush-telegram-file-0123456789abcdef\n");
    home.write("token", "hush-token-three\n");
    home.write("credentials/wa-token", "hush-wa-credential\n");
    home.write("proxy", "http://hush-user:hush-password@127.0.0.1:9\n");
    home.write("hookbell-state/secrets/run", "hush-generated\n");
    home
}

fn no_log_tells(flags: &[&str]) {
    let home = home();
    let daemon = start(&home, flags);
    let hooks = [("one", "hush-token-one"), ("named", "hush-token-three"), ("run", "hush-generated")];
    std::thread::scope(|scope| {
        // Wrong ones are answered after a second: all at once.
        for (id, right) in hooks {
            for token in [right, "hush-wrong", "hush%20wrong%2"] {
                for (number, (method, query, head, body)) in calls(token).into_iter().enumerate() {
                    let daemon = &daemon;
                    scope.spawn(move || {
                        let reply = daemon.request(method, &format!("/hooks/{id}{query}"), &head, &body);
                        let expected: &[u16] = match (token == right, id) {
                            (true, _) if number == BROKEN => &[401],
                            (true, "run") => &[200],
                            (true, _) => &[202],
                            // What can't be decoded is a wrong token or none.
                            (false, _) => &[403, 401],
                        };
                        assert!(expected.contains(&reply.status), "{id} {token} {number}: {reply:?}");
                        assert!(SECRET.iter().all(|word| !reply.body.contains(word)), "{id} {number}: {reply:?}");
                    });
                }
            }
        }
        // Where no token is wanted, on a hook and where there is none.
        for target in ["/hooks/open", "/hooks/nowhere", "/nowhere", "//hooks/run"] {
            for (method, query, head, body) in calls("hush-lost").into_iter().take(BROKEN) {
                let daemon = &daemon;
                scope.spawn(move || daemon.request(method, &format!("{target}{query}"), &head, &body));
            }
        }
    });
    // A provider calls: rightly, unsigned, in the wrong place, and without knowing the secret.
    let question = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
    let (path, none) = ("/callbacks/wa2/hush-path", "");
    for (method, target, status) in [
        ("GET", format!("{path}?{question}hush-verify"), 200),
        ("GET", format!("{path}?{question}hush-guess"), 403),
        ("POST", path.to_owned(), 403),
        ("PUT", path.to_owned(), 405),
        ("GET", format!("/callback/wa2/hush-path?{question}hush-verify"), 404),
        ("POST", "//callbacks/wa2/hush-path".to_owned(), 301),
        ("POST", "/callbacks/wa2/hush-guess".to_owned(), 404),
        ("POST", "/callbacks/wa2/%68ush-path".to_owned(), 403),
    ] {
        assert_eq!(daemon.request(method, &target, none, none).status, status, "{method} {target}");
    }
    // Rules compare, and check signatures, in vain.
    assert_eq!(daemon.get("/hooks/ruled?a=x").status, 200);
    assert_eq!(daemon.get("/hooks/ruled").status, 200);
    assert_eq!(daemon.get("/hooks/ruled?a=%68ush").status, 500);
    // Each account has tried, in vain.
    for account in ["tg", "tg2", "wa", "wa2"] {
        let (code, said) = home.output(&["send", "-to", "ivan", "-via", account, "m"]);
        assert!(code == Some(0) && SECRET.iter().all(|word| !said.contains(word)), "{said}");
    }
    for account in ["tg", "tg2", "wa2"] {
        let names = [format!("account={account} "), format!("\"account\":\"{account}\"")];
        eventually(account, || {
            let log = daemon.log();
            let mut lines = log.lines().filter(|line| line.contains("I know your token"));
            lines.any(|line| names.iter().any(|name| line.contains(name))).then_some(())
        });
    }
    let served = fs::read_to_string(home.path("hooks.json")).unwrap();
    home.write("token", "hush-token-four\n");
    daemon.signal(rustix::process::Signal::HUP);
    daemon.logged(&["reloaded"]);
    home.write("hooks.json", &served.replace("\"hush-token-one\"", "{ \"flie\": \"hush-token-one\" }"));
    daemon.logged(&["reload refused"]);
    let log = daemon.stop();
    assert!(log.contains("refused: a wrong token") && log.contains("accounts.bad"), "{log}");
    assert!(log.contains("invalid payload signatures [secret] on empty payload"), "{log}");
    for line in log.lines() {
        assert!(SECRET.iter().all(|word| !line.contains(word)), "{flags:?}: {line}");
    }
}

#[test]
fn a_text_log_tells_no_secret() {
    no_log_tells(&["-debug"]);
}

#[test]
fn a_json_log_tells_no_secret() {
    no_log_tells(&["-debug", "-log-format", "json"]);
}

#[test]
fn a_quiet_log_tells_no_secret() {
    no_log_tells(&[]);
}

#[test]
fn a_check_and_a_dry_run_tell_no_secret() {
    let home = home();
    let credentials = home.path("credentials");
    for args in [
        &["check"][..],
        &["send", "-dry-run", "-to", "ivan", "-via", "tg2", "m"],
        &["send", "-dry-run", "-to", "ivan", "-via", "wa", "m"],
    ] {
        let mut command = home.hookbell(args);
        let output = command.env("CREDENTIALS_DIRECTORY", &credentials).env("WA_TOKEN", "hush").output().unwrap();
        let text = crate::daemon::said(&output);
        assert!(SECRET.iter().all(|word| !text.contains(word)), "{args:?}: {text}");
    }
}
