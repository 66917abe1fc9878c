//! The whole program in-process, on a port of its own, with a folder of its own.
//!
//! What it sends goes through `command` accounts to `programs/sink`, what it runs is `programs/dump`: both leave files in
//! the world's folder, so that a test sees what really left the house.

mod client;
pub(crate) mod house;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookbell::app::settings::RawSettings;
use hookbell::app::{App, Running};
use hookbell::clock::Clock;

use crate::fixture::{Answer, Ran, fixtures, parse_ran};

/// Long enough for a busy machine, short enough for a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often something is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// A message as it reached a provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sent {
    pub(crate) via: String,
    pub(crate) to: String,
    pub(crate) title: String,
    pub(crate) text: String,
}

/// A folder that a world is made in. It is gone when this is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let programs = fixtures().join("programs");
        // A link, not a copy: a file that was written a moment ago may still be busy for a child.
        std::os::unix::fs::symlink(programs.join("dump"), folder.path().join("dump")).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A fixture's text with `@DIR@` and `@PROGRAMS@` filled in.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        let programs = fixtures().join("programs");
        text.replace("@DIR@", self.path().to_str().unwrap()).replace("@PROGRAMS@", programs.to_str().unwrap())
    }

    /// Accounts that send into this folder, and people to send to.
    pub(crate) fn people(&self) -> String {
        self.fill_in(&fs::read_to_string(fixtures().join("people.json")).unwrap())
    }
}

/// A running program.
pub(crate) struct World {
    folder: Folder,
    running: Running,
    address: SocketAddr,
}

impl World {
    /// One that has these files as `-hooks`, and otherwise what `flags` say.
    pub(crate) async fn open(folder: Folder, files: &[(&str, String)], flags: RawSettings) -> World {
        let mut hooks = Vec::new();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            hooks.push(path.into_os_string());
        }
        let flags = RawSettings {
            hooks,
            ip: Some("127.0.0.1".to_owned()),
            port: Some(0),
            no_panic: true,
            hot_reload: Some(false),
            state_dir: Some(folder.path().join("state").into_os_string()),
            ..flags
        };
        let settings = flags.compile(None).unwrap();
        let listener = App::listen(&settings, None).await.unwrap();
        let app = App::build(settings, listener, Clock::system()).await.unwrap();
        let running = app.start();
        let address = running.socket_address().unwrap();
        World { folder, running, address }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Sends these bytes on a connection of their own and reads the answer.
    pub(crate) async fn ask(&self, request: &[u8]) -> Result<Answer, String> {
        client::exchange(self.address, request).await
    }

    /// Waits until so many messages were sent since the last call, and takes what there is.
    pub(crate) async fn sent(&self, count: usize) -> Vec<Sent> {
        let mut sent = self.taken(count, "sent-", |path| parse_sent(&fs::read(path).unwrap())).await;
        sent.sort();
        sent
    }

    /// Waits until so many dumps ran since the last call, and takes what there is.
    pub(crate) async fn ran(&self, count: usize) -> Vec<Ran> {
        self.taken(count, "ran-", |path| Some(parse_ran(path))).await
    }

    /// Waits for `count` entries of the folder whose names begin with `prefix`, or for as many as come.
    async fn taken<T>(&self, count: usize, prefix: &str, read: impl Fn(&Path) -> Option<T>) -> Vec<T> {
        let mut taken = Vec::new();
        let gather = async {
            loop {
                for entry in fs::read_dir(self.folder.path()).unwrap() {
                    let path = entry.unwrap().path();
                    if !path.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
                        continue;
                    }
                    if let Some(found) = read(&path) {
                        taken.push(found);
                        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
                    }
                }
                if taken.len() >= count {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(PATIENCE, gather).await.ok();
        taken
    }

    /// How many messages were stored.
    pub(crate) fn stored(&self) -> i64 {
        // Where nothing is to be sent there is no outbox.
        self.ask_outbox("SELECT count(*) FROM messages").map_or(0, |count| count.as_i64().unwrap())
    }

    /// A column of the last message that was stored.
    pub(crate) fn last(&self, column: &str) -> serde_json::Value {
        self.ask_outbox(&format!("SELECT {column} FROM messages ORDER BY seq DESC")).unwrap()
    }

    fn ask_outbox(&self, sql: &str) -> Option<serde_json::Value> {
        let path = self.folder.path().join("state/outbox.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let outbox = path.exists().then(|| rusqlite::Connection::open_with_flags(path, flags).unwrap())?;
        let value = outbox.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        Some(match value {
            rusqlite::types::Value::Integer(number) => number.into(),
            rusqlite::types::Value::Text(text) => text.into(),
            _ => serde_json::Value::Null,
        })
    }

    /// Stops, and tells what was sent and run that nobody had asked for.
    pub(crate) async fn stop(self) -> (Vec<Sent>, Vec<Ran>) {
        let World { folder, running, .. } = self;
        tokio::time::timeout(PATIENCE, running.stop()).await.expect("it does not stop");
        let sent = entries(&folder, "sent-").iter().filter_map(|path| parse_sent(&fs::read(path).unwrap())).collect();
        let ran = entries(&folder, "ran-").iter().map(|path| parse_ran(path)).collect();
        (sent, ran)
    }
}

fn entries(folder: &Folder, prefix: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).collect()
}

/// What the sink left; none while it is still at it.
fn parse_sent(bytes: &[u8]) -> Option<Sent> {
    let fields: Vec<_> = bytes.split(|byte| *byte == 0).map(|f| String::from_utf8_lossy(f).into_owned()).collect();
    match fields.as_slice() {
        [via, to, title, text, end, _] if end == "END" => {
            Some(Sent { via: via.clone(), to: to.clone(), title: title.clone(), text: text.clone() })
        }
        _ => None,
    }
}
