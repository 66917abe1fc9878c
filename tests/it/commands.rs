//! What becomes of commands whose callers don't wait, and of the files they were given.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use hookbell::app::settings::RawSettings;
use serde_json::json;

use crate::world::{Folder, PATIENCE, World};

async fn open(hooks: serde_json::Value) -> World {
    let folder = Folder::new();
    let hooks = folder.fill_in(&hooks.to_string());
    World::open(folder, &[("hooks.json", hooks)], RawSettings::default()).await
}

fn shell(id: &str, script: &str) -> serde_json::Value {
    let arguments = json!([{ "source": "string", "name": "-c" }, { "source": "string", "name": script }]);
    json!({ "id": id, "execute-command": "/bin/sh", "command-working-directory": "@DIR@", "pass-arguments-to-command": arguments })
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(std::time::Duration::from_millis(4)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect(what);
}

fn files_of(folder: &Path, prefix: &str) -> usize {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(prefix)).count()
}

/// compat 7.4: 119
#[tokio::test(flavor = "multi_thread")]
async fn a_command_goes_on_when_its_caller_has_gone() {
    let mut hook = shell("h", "echo > begun; until [ -e gone ]; do sleep 0.01; done; echo > done");
    hook["include-command-output-in-response"] = json!(true);
    let world = open(json!([hook])).await;
    let mut caller = TcpStream::connect(world.address()).unwrap();
    caller.write_all(b"GET /hooks/h HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    until("it does not begin", || world.path().join("begun").exists()).await;
    drop(caller);
    fs::write(world.path().join("gone"), "").unwrap();
    until("it ended with its caller", || world.path().join("done").exists()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_there_as_long_as_its_command_runs() {
    let mut hook = shell("h", "cat \"$F\" > begun; until [ -e go ]; do sleep 0.01; done; cp \"$F\" done");
    hook["pass-file-to-command"] = json!([{ "source": "raw-request-body", "envname": "F" }]);
    let world = open(json!([hook])).await;
    let mut caller = TcpStream::connect(world.address()).unwrap();
    let request = b"POST /hooks/h HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 7\r\n\r\ncontent";
    caller.write_all(request).unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    until("it does not begin", || world.path().join("begun").exists()).await;
    assert_eq!(files_of(world.path(), "F"), 1);
    fs::write(world.path().join("go"), "").unwrap();
    until("the file is left behind", || files_of(world.path(), "F") == 0).await;
    assert_eq!(fs::read_to_string(world.path().join("done")).unwrap(), "content");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_can_not_start_leaves_no_file() {
    // It is found, and then its interpreter is not.
    let hook = json!({ "id": "h", "execute-command": "@PROGRAMS@/no-interpreter", "command-working-directory": "@DIR@",
        "include-command-output-in-response": true,
        "pass-file-to-command": [{ "source": "string", "name": "x", "envname": "F" }] });
    let world = open(json!([hook])).await;
    let answer = world.ask(b"GET /hooks/h HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert_eq!((answer.status, files_of(world.path(), "F")), (500, 0));
    world.stop().await;
}
