//! Every caller's folder in `examples/`: its requests, as they were recorded, make the messages that stand beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hookbell::app::settings::RawSettings;
use serde_json::{Value, json};

use crate::source::{root, tracked};
use crate::world::{Folder, World};

/// What a recorded request has in place of the token that it showed.
const TOKEN: &str = "@TOKEN@";

/// How many contacts each example has. A hook that answers with words of its own does not say how many it told.
const EVERYBODY: u64 = 2;

/// The folders that have a recorded request.
fn callers() -> BTreeSet<PathBuf> {
    let files = tracked().into_iter().filter(|file| file.starts_with("examples/") && file.ends_with("/request.http"));
    files.map(|file| root().join(file).parent().unwrap().to_owned()).collect()
}

/// Its `request*.http`, each with the `message*.txt` that comes of it.
fn recorded(caller: &Path) -> Vec<(PathBuf, PathBuf)> {
    let files = fs::read_dir(caller).unwrap().map(|entry| entry.unwrap().path());
    let requests = files.filter(|file| file.extension().is_some_and(|end| end == "http"));
    let mut pairs: Vec<_> = requests
        .map(|request| {
            let name = request.file_stem().unwrap().to_str().unwrap().replacen("request", "message", 1);
            (request.clone(), request.with_file_name(format!("{name}.txt")))
        })
        .collect();
    pairs.sort();
    pairs
}

/// The example's own configuration, but that every account leaves what it sends in the world's folder.
async fn open(caller: &Path) -> World {
    let folder = Folder::new();
    for file in fs::read_dir(caller).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "txt") {
            fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    let mut config: Value = serde_json::from_slice(&fs::read(caller.join("hooks.json")).unwrap()).unwrap();
    for (name, account) in config["accounts"].as_object_mut().unwrap() {
        let command = format!("@PROGRAMS@/sink @DIR@ {name} {{{{ to }}}} {{{{ title }}}} {{{{ msg }}}}");
        *account = json!({ "provider": "command", "command": folder.fill_in(&command) });
    }
    let secrets = folder.path().join("state/secrets");
    fs::create_dir_all(&secrets).unwrap();
    for hook in config["hooks"].as_array().unwrap() {
        if let Some(name) = hook["token"]["generated"].as_str() {
            fs::write(secrets.join(name), "the-token").unwrap();
        }
    }
    World::open(folder, &[("hooks.json", config.to_string())], RawSettings::default()).await
}

/// Makes one recorded request, and yields what is seen on a phone: the heading above the text.
async fn message(world: &World, request: &Path) -> String {
    let recorded = fs::read(request).unwrap();
    let split = recorded.windows(4).position(|end| end == b"\r\n\r\n").expect("a head with its end");
    let (head, body) = recorded.split_at(split);
    let head = String::from_utf8(head.to_vec()).unwrap();
    let shown = request.display();
    assert!(head.contains(TOKEN), "{shown}: the hook of an example has a token");
    let answer = world.ask(&[head.replace(TOKEN, "the-token").as_bytes(), body].concat()).await.unwrap();
    // A form sends its visitor on to a page.
    assert!([202, 303].contains(&answer.status), "{shown}: {} {}", answer.status, answer.body);
    let recipients = serde_json::from_str::<Value>(&answer.body).map_or_else(
        |_| answer.body.split(' ').nth(3).map_or(EVERYBODY, |count| count.parse().unwrap()),
        |answer| answer["recipients"].as_u64().unwrap(),
    );
    let sent = world.sent(usize::try_from(recipients).unwrap()).await;
    let seen = sent.iter().map(|sent| match sent.title.as_str() {
        "" => sent.text.clone(),
        title => format!("{title}\n{}", sent.text),
    });
    let seen: BTreeSet<String> = seen.collect();
    assert_eq!(seen.len(), 1, "{shown}: everybody gets the same, but {sent:#?}");
    seen.into_iter().next().unwrap()
}

/// `WRITE_MESSAGES=1 cargo test --test it callers` writes the messages anew. Read what it wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorded_request_makes_the_message_beside_it() {
    let (mut found, mut made) = (Vec::new(), 0);
    for caller in callers() {
        let world = open(&caller).await;
        for (request, expected) in recorded(&caller) {
            let seen = message(&world, &request).await + "\n";
            if std::env::var_os("WRITE_MESSAGES").is_some() {
                fs::write(&expected, &seen).unwrap();
            }
            let expected = fs::read_to_string(&expected).unwrap_or_default();
            if seen != expected {
                found.push(format!("{}\n  expected {expected:?}\n  found    {seen:?}", request.display()));
            }
            made += 1;
        }
        world.stop().await;
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    assert!(made >= 40, "only {made} requests were found");
}

#[test]
fn a_caller_s_folder_is_whole_and_its_scripts_let_curl_try_again() {
    let flags = "curl -fsS --retry 5 --retry-connrefused --max-time 20 ";
    let mut found = Vec::new();
    for caller in callers() {
        for name in ["README.md", "hooks.json", "message.txt", "test.sh"] {
            if !caller.join(name).is_file() {
                found.push(format!("{}: no {name}", caller.display()));
            }
        }
        for file in tracked().iter().map(|file| root().join(file)).filter(|file| file.starts_with(&caller)) {
            let text = fs::read_to_string(&file).unwrap_or_default();
            // What curl is called with in scripts; in prose it may stand for itself.
            let is_script = text.starts_with("#!");
            let calls = text.lines().filter(|line| is_script && line.trim_start().starts_with("curl ")).count();
            if calls != text.matches(flags).count() && is_script {
                found.push(format!("{}: curl without `{flags}`", file.display()));
            }
            if text.contains("-H \"Authorization") || text.contains("-H 'Authorization") {
                found.push(format!("{}: a token in the list of processes", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
