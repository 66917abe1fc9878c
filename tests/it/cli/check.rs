//! `check`: what the service's user may do, what its sandbox hides, what providers say, and all of it as JSON.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::daemon::{Home, kept_port, said};

/// A provider on a port of its own: it answers each path that ends so, and remembers what it was asked.
struct Provider {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    fn start(answers: Vec<(&'static str, u16, Value)>) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        // It ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let line = request_line(&mut stream);
                let answer = answers.iter().find(|(end, ..)| line.contains(end));
                let (status, body) = answer.map_or((500, json!({})), |(_, status, body)| (*status, body.clone()));
                let body = body.to_string();
                let head =
                    format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                seen.lock().unwrap().push(line);
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        Provider { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Method and target of one request, which is read whole.
fn request_line(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut byte = [0; 1];
    while !text.ends_with("\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0].into());
    }
    let head = text.to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    stream.read_exact(&mut vec![0; length.unwrap_or(0)]).unwrap();
    text.split(" HTTP/").next().unwrap().to_owned()
}

fn json_of(home: &Home, args: &[&str]) -> (Option<i32>, Value) {
    let output = home.hookbell(&[&["check", "-format", "json"], args].concat()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {}", said(&output))))
}

fn messages(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

const TWO: &str = r#"{
  "accounts": { "wa": { "provider": "whatsapp-cloud", "base-url": "BASE", "phone-number-id": "111", "access-token": "wa-s3cret", "approved-template": { "name": "alert", "language": "ru" } },
                "tg": { "provider": "telegram", "base-url": "BASE", "bot-token": "1:tg-s3cret" },
                "run": { "provider": "command", "command": "no-such-program-here {{ to }}" },
                "bell": { "provider": "console" } },
  "contacts": { "ivan": { "phone": "+79001234567", "telegram": "42" }, "petr": { "phone": "+79001234568" } },
  "hooks": [ { "id": "a", "send": { "to": "ivan", "via": ["wa", "tg"] } } ]
}"#;

fn token() -> (&'static str, u16, Value) {
    let scope = json!({ "scope": "whatsapp_business_management", "target_ids": ["900"] });
    ("/debug_token", 200, json!({ "data": { "expires_at": 0, "granular_scopes": [scope] } }))
}

#[test]
fn providers_are_asked_and_nothing_is_sent() {
    let number = json!({ "display_phone_number": "+7 495", "verified_name": "Alarms", "status": "CONNECTED" });
    let template = json!({ "name": "alert", "language": "ru", "status": "APPROVED", "components": [ { "type": "BODY", "text": "{{1}}" } ] });
    let provider = Provider::start(vec![
        token(),
        ("/900/message_templates", 200, json!({ "data": [template] })),
        ("/111?fields", 200, number),
        ("/getMe", 200, json!({ "ok": true, "result": { "username": "bell_bot" } })),
        ("/getChat", 200, json!({ "ok": true, "result": { "id": 42 } })),
    ]);
    let home = Home::with(&TWO.replace("BASE", &provider.address).replace("no-such-program-here", "true"));
    let (code, text) = home.output(&["check", "-online"]);
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "wa (whatsapp-cloud): +7 495 \"Alarms\"; template alert (ru) with 1 parameter, approved\n",
        "tg (telegram): @bell_bot, reaches 1 of 1\n",
        "run (command): runs true, which was not tried\n",
        "bell (console): rings on the daemon's terminal or in its log\n",
        "1 hook, 4 accounts, 2 contacts: 0 errors, 0 warnings\n",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    let asked = provider.asked();
    assert!(
        asked.len() == 5 && asked.iter().all(|line| !line.contains("send") && !line.contains("/messages")),
        "{asked:?}"
    );
    let before = asked.len();
    assert_eq!(home.output(&["check"]).0, Some(0));
    assert_eq!(provider.asked().len(), before, "nobody is asked without -online");
}

#[test]
fn what_providers_refuse_is_told_at_the_account() {
    let expired = json!({ "error": { "code": 190, "message": "Session has expired on Friday" } });
    let unknown = json!({ "ok": false, "error_code": 401, "description": "Unauthorized" });
    let provider = Provider::start(vec![("/111?fields", 401, expired), ("/getMe", 401, unknown)]);
    let home = Home::with(&TWO.replace("BASE", &provider.address));
    let (code, report) = json_of(&home, &["-online"]);
    assert_eq!((code, &report["errors"]), (Some(1), &json!(3)), "{report:#}");
    let all = messages(&report);
    for words in ["Session has expired on Friday", "@BotFather gives a new one", "no-such-program-here"] {
        assert!(all.iter().any(|message| message.contains(words)), "{words}: {all:?}");
    }
    let first = &report["findings"][0];
    assert_eq!((&first["account"], &first["line"], &first["path"]), (&json!("wa"), &json!(2), &json!("accounts.wa")));
    let works: Vec<_> =
        report["online"].as_array().unwrap().iter().map(|one| (one["account"].clone(), one["works"].clone())).collect();
    assert_eq!(json!(works), json!([["bell", true], ["run", false], ["tg", false], ["wa", false]]));
    assert!(!report.to_string().contains("s3cret"), "{report}");
}

#[test]
fn a_host_that_nobody_reaches_is_named_with_what_to_do() {
    let (_kept, closed) = kept_port();
    let home = Home::with(&TWO.replace("BASE", &format!("http://{closed}")));
    let (code, report) = json_of(&home, &["-online"]);
    let words = format!("can't reach {closed}");
    let told = messages(&report)
        .into_iter()
        .filter(|message| message.contains(&words) && message.contains("blocked? set \"proxy\""));
    assert_eq!((code, told.count()), (Some(1), 2), "{report:#}");
}

#[test]
fn findings_are_json_for_programs() {
    let home = Home::with(
        "{ \"accounts\": { \"a.b\": { \"provider\": \"consol\" } },\n  \"hooks\": [ { \"id\": \"x y\", \"run\": \"true\", \"requier\": [] } ] }",
    );
    let (code, report) = json_of(&home, &[]);
    assert_eq!((code, &report["errors"], &report["hooks"]), (Some(1), &json!(2), &json!(1)), "{report:#}");
    let [account, hook] = report["findings"].as_array().unwrap().as_slice() else { panic!("{report:#}") };
    assert_eq!(
        *hook,
        json!({
            "severity": "error", "message": "unknown key \"requier\"", "help": "did you mean \"require\"?",
            "did-you-mean": "require", "file": "hooks.json", "line": 2, "column": 44, "path": "hooks[0].requier",
            "hook": "x y", "account": null,
        })
    );
    assert_eq!((&account["account"], &account["did-you-mean"]), (&json!("a.b"), &json!("console")));
    assert!(report.get("online").is_none() && report.get("differences").is_none());
    home.write("hooks.json", "[ { \"id\": \"a\", \"execute-command\": \"true\", \"colour\": 1 } ]");
    assert_eq!((json_of(&home, &[]).0, json_of(&home, &["-strict"]).0), (Some(0), Some(1)));
    assert!(json_of(&home, &["-compat"]).1["differences"].is_array());
    let (code, report) = json_of(&home, &["missing.json"]);
    assert!(code == Some(1) && report["findings"][0]["file"].is_null(), "{report:#}");
    assert_eq!(home.output(&["check", "-format", "xml"]).0, Some(2));
}

#[test]
fn a_file_is_named_as_for_the_daemon_and_a_forgotten_template_is_told() {
    let home = Home::with("[]");
    home.write("named.json", r#"[{ "id": "a", "execute-command": "true", "comment": "{{ getenv `S` | js }}" }]"#);
    let (code, report) = json_of(&home, &["-hooks", "named.json"]);
    assert_eq!((code, messages(&report)), (Some(0), vec!["without -template this stays as it is".to_owned()]));
    let (code, report) = json_of(&home, &["-template", "-hooks", "named.json"]);
    assert_eq!((code, messages(&report)), (Some(0), Vec::new()));
}

/// A folder that others may enter, with a program, a token and a directory that they may not use.
fn guarded() -> Home {
    let home = Home::new();
    let at = home.path("");
    home.shell("chmod 755 . && mkdir secret work && printf t > secret/token && printf '#!/bin/sh\n' > run.sh && chmod 700 secret run.sh work");
    let hook = json!({
        "id": "a", "token": { "file": "secret/token" }, "execute-command": at.join("run.sh"),
        "command-working-directory": at.join("work"),
    });
    home.write("hooks.json", &json!({ "hooks": [hook] }).to_string());
    home
}

#[test]
fn access_is_judged_as_another_user() {
    if !rustix::process::geteuid().is_root() {
        let home = Home::with("[]");
        let (code, text) = home.output(&["check", "-user", "root"]);
        assert!(code == Some(1) && text.contains("only root can tell what root may do"), "{text}");
        return;
    }
    let home = guarded();
    assert_eq!(home.output(&["check"]).0, Some(0), "root may do it all");
    let at = home.path("").display().to_string();
    let at = at.trim_end_matches('/');
    let (code, report) = json_of(&home, &["-user", "nobody"]);
    assert_eq!((code, &report["user"]), (Some(1), &json!("nobody")), "{report:#}");
    let told: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap().replace(at, "AT");
            format!("{} {} | {}", text("severity"), text("message"), text("help"))
        })
        .collect();
    let wanted = [
        "warning the user nobody can't run a command in AT/work: it has no x on AT/work (root:root 0700) | setfacl -m u:nobody:x AT/work; or chmod o+x AT/work",
        "warning the user nobody can't run AT/run.sh: it has no x on AT/run.sh (root:root 0700) | setfacl -m u:nobody:rx AT/run.sh; or chmod o+rx AT/run.sh",
        "error the user nobody can't read AT/secret/token: it has no x on AT/secret (root:root 0700) | setfacl -m u:nobody:x AT/secret; or chmod o+x AT/secret",
    ];
    assert_eq!(told, wanted);
    assert!(report["findings"].as_array().unwrap().iter().all(|finding| finding["hook"] == "a"));
    // What is told mends it, one after the other.
    home.shell("chmod o+x work secret && chmod o+rx run.sh && chmod 640 secret/token");
    let (_, report) = json_of(&home, &["-user", "nobody"]);
    let help = report["findings"][0]["help"].as_str().unwrap();
    assert!(
        messages(&report).len() == 1 && help.starts_with("chgrp ") && help.contains("secret/token && chmod g+r "),
        "{report:#}"
    );
    home.shell(help.split(';').next().unwrap());
    assert_eq!(home.output(&["check", "-strict", "-user", "nobody"]).0, Some(0));
    let (code, text) = home.output(&["check", "-user", "no-such-user"]);
    assert!(code == Some(1) && text.contains("there is no user no-such-user"), "{text}");
}

#[test]
fn a_link_is_followed_to_what_is_in_the_way() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = guarded();
    home.shell("mv secret hidden && mkdir secret && ln -s ../hidden/token secret/token");
    let (_, report) = json_of(&home, &["-user", "nobody"]);
    let told = messages(&report).into_iter().find(|message| message.contains("token")).unwrap();
    assert!(told.contains("it has no x on ") && told.contains("/hidden ("), "{told}");
}

#[test]
fn what_the_sandbox_of_the_unit_hides_is_told() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    let hook = |id: &str, program: &str, folder: &str| json!({ "id": id, "run": program, "command-working-directory": folder });
    let hooks = [
        hook("sees", "/bin/true", "/var/lib/bell/x"),
        hook("writes", "/bin/true", "/usr"),
        hook("home", "/bin/true", "/root"),
    ];
    home.write("hooks.json", &json!({ "hooks": hooks }).to_string());
    home.write(
        "bell.service",
        "[Unit]\n[Service]\nUser=root\nProtectHome=yes\nProtectSystem=strict\nStateDirectory=bell\n",
    );
    let unit = home.path("bell.service").display().to_string();
    let (_, report) = json_of(&home, &["-unit", &unit]);
    let all = messages(&report);
    assert_eq!((&report["unit"], &report["user"]), (&json!("bell.service"), &json!("root")), "{report:#}");
    let has = |words: &str| all.iter().any(|message| message.contains(words));
    assert!(has("bell.service does not see /root, for it has ProtectHome=yes"), "{all:?}");
    assert!(has("commands of bell.service can't write to /usr, for it has ProtectSystem=strict"), "{all:?}");
    assert!(has("the directory /var/lib/bell/x is not there"), "{all:?}");
    // A drop-in mends it.
    home.shell("mkdir bell.service.d && printf '[Service]\nProtectHome=no\nReadWritePaths=/usr /root\n' > bell.service.d/hooks.conf");
    let (_, report) = json_of(&home, &["-unit", &unit]);
    assert_eq!(messages(&report).len(), 1, "{report:#}");
    assert_eq!(home.output(&["check", "-unit", "no-such.service"]).0, Some(1));
}

#[test]
fn a_user_that_is_made_for_the_run_owns_nothing() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = guarded();
    home.shell("chmod o+x secret work && chmod o+rx run.sh && chmod 600 secret/token");
    home.write("bell.service", "[Service]\nDynamicUser=yes\nBindPaths=/\n");
    let unit = home.path("bell.service").display().to_string();
    let (code, report) = json_of(&home, &["-unit", &unit]);
    let (message, help) = (&report["findings"][0]["message"], &report["findings"][0]["help"]);
    assert_eq!(code, Some(1), "{report:#}");
    assert!(message.as_str().unwrap().starts_with("the user bell can't read "), "{report:#}");
    assert!(help.as_str().unwrap().starts_with("LoadCredential=NAME:"), "{report:#}");
}
