//! The setup of the how-to that sysadmins follow: three hooks that run a script, called from a terminal and a browser,
//! under a unit of their own. The program goes by the peer's name.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::daemon::{Daemon, Home, alone, eventually, said};
use crate::source::root;
use crate::systemd::{analyze, tree_with};

/// Whether each hook has the rule that asks for a token in the URL.
const RULE: &str = r#",
    "trigger-rule":
    {
      "match": { "type": "value", "value": "b3llt0ken", "parameter": { "source": "url", "name": "token" } }
    }"#;

/// `/opt/webhook` with all that the how-to puts there.
fn installed(rule: &str) -> Home {
    let home = Home::new();
    let article = root().join("tests/it/article");
    // Links: a script that was written a moment ago may still be busy for a child.
    for name in ["admin.sh", "client"] {
        symlink(article.join(name), home.path(name)).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_hookbell"), home.path("webhook")).unwrap();
    let hooks = fs::read_to_string(article.join("hooks.json")).unwrap();
    home.write(
        "hooks.json",
        &hooks.replace("/opt/webhook", home.path("webhook").parent().unwrap().to_str().unwrap()).replace("RULE", rule),
    );
    home
}

/// `webhook -hooks hooks.json -verbose`, on a port of its own.
fn started(home: &Home) -> Daemon {
    let flags = ["-hooks", "hooks.json", "-verbose", "-ip", "127.0.0.1", "-port", "0"];
    Daemon::start(alone(&home.path("webhook")).current_dir(home.path("")).args(flags))
}

/// What the stand-in was told to send: so many lines.
fn sent(home: &Home, count: usize) -> Vec<String> {
    eventually("what is sent", || {
        let text = fs::read_to_string(home.path("sent")).unwrap_or_default();
        (text.lines().count() >= count).then(|| text.lines().map(str::to_owned).collect())
    })
}

fn curl(args: &[&str]) -> String {
    let output = alone("curl".as_ref()).args(["-sS", "-g"]).args(args).output().expect("curl");
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What a browser makes of text that is typed behind a `?`.
fn as_browsers_encode(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b' ' | b'"' | b'<' | b'>' | 0x80.. => format!("%{byte:02X}"),
        plain => char::from(plain).to_string(),
    });
    encoded.collect()
}

#[test]
fn both_curl_lines_and_the_browser_ring() {
    let home = installed("");
    let daemon = started(&home);
    let url = |hook: &str| format!("http://{}/hooks/{hook}", daemon.address);
    let text = "Привет, мир! 100% & \"c\" $(id) `id`";
    assert_eq!(curl(&["-G", "--data-urlencode", &format!("msg={text}"), &url("wp-admin")]), "");
    assert_eq!(sent(&home, 1)[0], format!("79001234567|{text}"));

    assert_eq!(curl(&["-X", "POST", &format!("{}?msg=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82", url("wp-list"))]), "");
    assert_eq!(sent(&home, 2)[1], "admins|Привет");

    let typed = as_browsers_encode("msg=диск полон на srv 1&phone=79007654321");
    let browser =
        "User-Agent: Mozilla/5.0\r\nAccept: text/html\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\n";
    let reply = daemon.request("GET", &format!("/hooks/wp-phone?{typed}"), browser, "");
    assert!(reply.is(200, "sent to 79007654321\n"), "{reply:?}");
    assert_eq!(sent(&home, 3)[2], "79007654321|диск полон на srv 1");

    // A terminal encodes nothing.
    let reply = daemon.get("/hooks/wp-phone?msg=диск+полон&phone=1");
    assert!(reply.is(200, "sent to 1\n") && sent(&home, 4)[3] == "1|диск полон", "{reply:?}");

    // The script refuses to say nothing.
    let blank = daemon.get("/hooks/wp-phone?msg=%20%0A&phone=1");
    assert_eq!((blank.status, sent(&home, 4).len()), (500, 4), "{blank:?}");
    let script = home.path("admin.sh");
    let script = script.display();
    for line in [
        &format!(
            "executing {script} ({script}) with arguments [\"{script}\" \"диск полон на srv 1\" \"79007654321\"] and environment [] using "
        ),
        "command output: nothing to send",
        "error occurred: exit status 1",
        "incoming HTTP POST request from 127.0.0.1:",
        "| POST /hooks/wp-list?msg=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82",
    ] {
        daemon.logged(&[line]);
    }
}

#[test]
fn a_call_without_the_token_rings_nobody() {
    let home = installed(RULE);
    let daemon = started(&home);
    let refused = "Hook rules were not satisfied.";
    assert!(daemon.get("/hooks/wp-phone?phone=1&msg=a").is(200, refused));
    assert!(daemon.get("/hooks/wp-phone?phone=1&msg=a&token=b3llt0keN").is(200, refused));
    assert!(daemon.get("/hooks/wp-phone?phone=1&msg=b&token=b3llt0ken").is(200, "sent to 1\n"));
    assert_eq!(sent(&home, 1), ["1|b"]);
    daemon.logged(&["wp-phone got matched, but didn't get triggered because the trigger rules were not satisfied"]);
    daemon.logged(&["parameter node not found", "token"]);
    let log = daemon.stop();
    assert!(!log.contains("b3ll"), "{log}");
}

#[test]
fn its_unit_is_sound_and_its_stop_is_one() {
    let unit = fs::read_to_string(root().join("tests/it/article/webhook.service")).unwrap();
    let tree = tree_with("webhook.service", &unit, &["opt/webhook/webhook", "usr/bin/pkill"]);
    if let Some(output) = analyze(tree.path(), &["verify", "webhook.service"]) {
        assert!(said(&output).is_empty() && output.status.success(), "{}", said(&output));
    }
    let home = installed("");
    let mut daemon = started(&home);
    assert_eq!(daemon.get("/").body, "OK");
    // The unit says `pkill -f webhook`: here with the whole path, so that it finds no other.
    let pattern = home.path("webhook");
    assert!(unit.contains("ExecStop=pkill -f webhook\n"), "{unit}");
    assert!(Command::new("pkill").arg("-f").arg(&pattern).status().unwrap().success());
    // `Restart=on-failure` sees none.
    assert_eq!(daemon.ends(), Some(0), "{}", daemon.log());
    daemon.logged(&["caught terminated signal; exiting"]);
}
