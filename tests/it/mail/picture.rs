//! A picture by `curl -F`, through the real program: attached to a mail, and as a link where that can't be.

use std::fs;

use data_encoding::BASE64;
use serde_json::json;

use super::server::Server;
use crate::daemon::{Home, alone, eventually};

const MIB: usize = 1024 * 1024;

/// Runs curl and yields what it printed.
fn curl(home: &Home, args: &[&str]) -> String {
    let output = alone("curl".as_ref()).current_dir(home.path("")).arg("-sS").args(args).output().expect("curl");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The file in a mail, decoded.
fn attached(mail: &str) -> Vec<u8> {
    let (_, part) = mail.split_once("Content-Disposition: attachment; filename=\"graph.png\"").expect("an attachment");
    let (_, content) = part.split_once("\r\n\r\n").unwrap();
    let (content, _) = content.split_once("\r\n--").unwrap();
    BASE64.decode(content.replace("\r\n", "").as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn three_megabytes_arrive_whole() {
    let server = Server::plain().await;
    let url = format!("smtp://127.0.0.1:{}", server.address.port());
    let config = json!({
        "accounts": {
            "mail": { "provider": "smtp", "server": url, "tls": "none", "from": "alarm@example.org" },
            "desk": { "provider": "console" },
        },
        "contacts": { "ivan": { "email": "ivan@example.org" } },
        "hooks": [{
            "id": "graph",
            "send": { "to": "ivan", "via": "mail", "also": "desk", "media": { "source": "payload", "name": "image" } },
        }],
    });
    let home = Home::with(&config.to_string());
    let graph: Vec<u8> = b"\x89PNG\r\n\x1a\n".iter().copied().cycle().take(3 * MIB).collect();
    fs::write(home.path("graph.png"), &graph).unwrap();
    let daemon = home.serve_with(&["-state-dir", "state", "-public-url", "https://bell.example.org"]);
    let at = |path: &str| format!("http://{}{path}", daemon.address);
    let said = curl(&home, &["-F", "msg=disk full", "-F", "image=@graph.png", &at("/hooks/graph")]);
    let id = said.strip_prefix("queued ").and_then(|rest| rest.get(..26)).expect(&said).to_owned();
    let mail = |number: usize| eventually("a mail", || server.mails().get(number).cloned());
    let first = mail(0);
    assert!(first.contains("multipart/mixed") && first.contains("disk full"), "{}", &first[..800]);
    assert!(attached(&first) == graph, "another file");

    let line = daemon.logged(&["graph.png: https://bell.example.org/messages/"]);
    let link = line.split_once("https://bell.example.org").unwrap().1.split(['"', ' ']).next().unwrap();
    assert!(link.starts_with(&format!("/messages/{id}/media?key=")), "{link}");
    let head = curl(&home, &["-D", "-", "-o", "got.png", &at(link)]);
    assert!(fs::read(home.path("got.png")).unwrap() == graph, "another file");
    for words in ["200 OK", "content-type: image/png", "nosniff", "inline; filename*=UTF-8''graph.png", "sandbox"] {
        assert!(head.contains(words), "no {words} in {head}");
    }
    let guessed = curl(&home, &["-w", "%{http_code}", &at(&format!("/messages/{id}/media?key=guess"))]);
    assert_eq!(guessed, "Message not found.404");
    let (_, shown) = home.output(&["messages", "show", &id, "-state-dir", "state"]);
    assert!(shown.contains("media     image graph.png, image/png, 3.0 MiB\n"), "{shown}");
    let (_, listed) = home.output(&["messages", "show", &id, "-json", "-state-dir", "state"]);
    assert!(listed.contains("\"bytes\": 3145728") && listed.len() < 10_000, "{}", listed.len());

    let send =
        |more: &[&str]| home.output(&[&["send", "-state-dir", "state", "-to", "ivan", "-via", "mail"], more].concat());
    let (code, said) = send(&["-file", "graph.png", "by hand"]);
    assert!(code == Some(0) && said.starts_with("queued "), "{said}");
    assert!(attached(&mail(1)) == graph, "another file");
    let (code, said) = send(&["-file", "nowhere.png", "-format", "markup", "*all* the same"]);
    assert!(code == Some(0) && said.contains("only the text goes: nowhere.png can't be read"), "{said}");
    assert!(mail(2).contains("all the same\r\n[nowhere.png can't be read: No such file"), "{}", mail(2));
    let (code, said) = send(&["-file", "https://h/a.png", "look"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(mail(3).contains("look\r\nhttps://h/a.png"), "{}", mail(3));
    fs::write(home.path("large.bin"), vec![0; 8 * MIB]).unwrap();
    let (code, said) = send(&["-file", "large.bin", "-dry-run", "-hooks", "hooks.json", "dump"]);
    let why = "warning: only the text goes: document large.bin, application/octet-stream, 8.0 MiB: mail takes";
    assert!(code == Some(0) && said.contains(why) && said.contains("[large.bin: 8.0 MiB, left out]"), "{said}");
    daemon.stop();
}

#[test]
fn no_log_tells_what_is_behind_a_link() {
    let config = json!({
        "accounts": { "desk": { "provider": "console" } },
        "contacts": { "ivan": { "via": "desk" } },
        "hooks": [{
            "id": "log", "send": { "to": "ivan", "media": { "source": "payload", "name": "log" } }, "token": "s3cret-token",
        }],
    });
    let home = Home::with(&config.to_string());
    fs::write(home.path("db.log"), "kept-to-ourselves").unwrap();
    let daemon = home.serve_with(&["-state-dir", "state", "-public-url", "https://bell.example.org", "-debug"]);
    let at = |path: &str| format!("http://{}{path}", daemon.address);
    curl(&home, &["-H", "X-Hook-Token: s3cret-token", "-F", "msg=look", "-F", "log=@db.log", &at("/hooks/log")]);
    let line = daemon.logged(&["db.log: https://bell.example.org/messages/"]);
    let link = line.split_once("https://bell.example.org").unwrap().1.split(['"', ' ']).next().unwrap();
    assert_eq!(curl(&home, &[&at(link)]), "kept-to-ourselves");
    let log = daemon.stop();
    assert!(!log.contains("kept-to-ourselves"), "{log}");
}
