//! A problem and its end: whole, from two calls to two mails of one conversation.

use serde_json::json;

use super::*;
use crate::world::{Folder, World};

async fn called(world: &World, target: &str) {
    let answer = world.ask(format!("GET /hooks/{target} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(answer.status, 202, "{answer:?}");
}

fn header(mail: &str, name: &str) -> Option<String> {
    let line =
        mail.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.map(str::to_owned)
}

#[tokio::test]
async fn a_problem_and_its_end_are_one_conversation() {
    let server = Server::plain().await;
    let hook = |id: &str| {
        json!({ "id": id, "send": {
            "to": "ivan", "title": { "source": "url", "name": "title" }, "thread": { "source": "url", "name": "event" },
        } })
    };
    let hooks = json!({
        "accounts": { "mail": {
            "provider": "smtp", "server": format!("smtp://{}", server.address), "tls": "none", "from": "alarm@example.org",
        } },
        "contacts": { "ivan": { "email": "ivan@example.org" } },
        "hooks": [hook("disk"), hook("load")],
    });
    let world = World::open(Folder::new(), &[("hooks.json", hooks.to_string())], Default::default()).await;
    for (call, count) in [
        ("disk?title=PROBLEM&msg=full&event=17", 1),
        ("disk?title=OK&msg=well&event=17", 2),
        ("disk?title=PROBLEM&msg=full&event=18", 3),
        ("load?title=PROBLEM&msg=high&event=17", 4),
        ("disk?title=PROBLEM&msg=full&event=", 5),
    ] {
        called(&world, call).await;
        wait_until(|| server.mails().len() == count).await;
    }
    let mails = server.mails();
    let threads: Vec<_> = mails.iter().map(|mail| header(mail, "References")).collect();
    let [Some(problem), Some(end), Some(other), Some(elsewhere), None] = threads.as_slice() else {
        panic!("{threads:?}")
    };
    assert_eq!(problem, end);
    assert!(other != problem && elsewhere != problem && other != elsewhere, "{threads:?}");
    assert!(
        problem.starts_with("<thread-") && problem.ends_with("@example.org>") && !problem.contains("17"),
        "{problem}"
    );
    assert!(mails.iter().all(|mail| header(mail, "In-Reply-To") == header(mail, "References")));
    let ids: std::collections::BTreeSet<_> = mails.iter().map(|mail| header(mail, "Message-ID").unwrap()).collect();
    assert!(ids.len() == 5 && !ids.contains(problem), "{ids:?}");
    assert_eq!(world.last("thread"), json!(null));
    world.stop().await;
}

#[tokio::test]
async fn a_mail_that_nobody_knows_of_comes_again_as_the_same() {
    let script = |number, line: &str| if number == 0 && line == "<mail>" { Say::Close } else { Say::Usual };
    let server = Server::open(Encrypts::Never, script).await;
    let hooks = json!({
        "accounts": { "mail": {
            "provider": "smtp", "server": format!("smtp://{}", server.address), "tls": "none", "from": "alarm@example.org",
        } },
        "contacts": { "ivan": { "email": "ivan@example.org" } },
        "hooks": [{ "id": "disk", "send": { "to": "ivan" } }],
    });
    let world = World::open(Folder::new(), &[("hooks.json", hooks.to_string())], Default::default()).await;
    called(&world, "disk?msg=full").await;
    wait_until(|| server.mails().len() == 2).await;
    let mails = server.mails();
    assert_eq!(mails[0], mails[1]);
    let id = header(&mails[0], "Message-ID").unwrap();
    let message = world.last("id");
    assert!(id.starts_with(&format!("<{}-", message.as_str().unwrap())), "{id}");
    world.stop().await;
}
