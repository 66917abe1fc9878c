//! The real program, with a folder and a configuration of its own, and those who call it.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Long enough for a busy machine; a test that waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Stands in every secret of these tests, and must stand in no log.
pub(crate) const SECRET: &str = "s3cret";

/// A configuration in the making.
pub(crate) struct Plan(Value);

impl Plan {
    pub(crate) fn new() -> Plan {
        Plan(json!({ "accounts": {}, "contacts": {}, "hooks": [] }))
    }

    /// An account of `whatsapp-cloud` at `url`; `more` adds or overrides.
    pub(crate) fn whatsapp(self, name: &str, id: u64, url: &str, more: Value) -> Plan {
        let account = json!({
            "provider": "whatsapp-cloud", "phone-number-id": id.to_string(), "access-token": format!("EAA{SECRET}"),
            "base-url": url, "timeout": "15s", "rate": "1000/s burst 1000", "per-recipient": "1000/s burst 1000",
        });
        self.account(name, account, more)
    }

    /// The same for `telegram`.
    pub(crate) fn telegram(self, name: &str, url: &str, more: Value) -> Plan {
        let token = format!("123456:{SECRET}");
        let account = json!({ "provider": "telegram", "bot-token": token, "base-url": url, "timeout": "15s" });
        self.account(name, account, more)
    }

    pub(crate) fn account(mut self, name: &str, mut account: Value, more: Value) -> Plan {
        account.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.0["accounts"][name] = account;
        self
    }

    /// A contact, and a hook of the same name that sends to it.
    pub(crate) fn contact(mut self, name: &str, addresses: Value, via: &[&str]) -> Plan {
        self.0["contacts"][name] = addresses;
        self.hook(name, json!(name), via)
    }

    pub(crate) fn hook(mut self, id: &str, to: Value, via: &[&str]) -> Plan {
        self.0["hooks"].as_array_mut().unwrap().push(json!({ "id": id, "send": { "to": to, "via": via } }));
        self
    }

    /// Writes it down and starts the program on it.
    pub(crate) async fn start(&self, folder: &Path) -> Daemon {
        self.start_with(folder, &[]).await
    }

    /// The same with more flags.
    pub(crate) async fn start_with(&self, folder: &Path, flags: &[&str]) -> Daemon {
        self.write(folder);
        let mut daemon = Daemon::spawn_with(folder, flags);
        daemon.listens().await;
        daemon
    }

    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("hooks.json"), self.0.to_string()).unwrap();
    }
}

/// The program at work. When this is dropped, it is killed.
pub(crate) struct Daemon {
    child: Child,
    address: Option<SocketAddr>,
    log: Arc<Mutex<String>>,
}

impl Daemon {
    /// Starts the program in `folder` and waits for nothing.
    pub(crate) fn spawn(folder: &Path) -> Daemon {
        Daemon::spawn_with(folder, &[])
    }

    fn spawn_with(folder: &Path, flags: &[&str]) -> Daemon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hookbell"));
        // Nothing of the surroundings but where programs are: no proxy, no service manager.
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", path)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.args(["-ip", "127.0.0.1", "-port", "0", "-hooks", "hooks.json", "-state-dir", "state", "-debug"]);
        command.args(flags);
        let mut child = command.spawn().unwrap();
        let (stderr, log) = (child.stderr.take().unwrap(), Arc::new(Mutex::new(String::new())));
        let told = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut told = told.lock().unwrap();
                told.push_str(&line);
                told.push('\n');
            }
        });
        Daemon { child, address: None, log }
    }

    /// Waits until it listens.
    pub(crate) async fn listens(&mut self) -> SocketAddr {
        let line = self.logged("listening on ").await;
        let address = line.rsplit_once("listening on ").unwrap().1.split(' ').next().unwrap().parse().unwrap();
        self.address = Some(address);
        address
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The log without what only `-debug` tells.
    pub(crate) fn main_log(&self) -> String {
        let log = self.log();
        let lines = log.lines().filter(|line| !line.contains(" DEBUG ") && !line.contains(" TRACE "));
        lines.flat_map(|line| [line, "\n"]).collect()
    }

    /// Waits for a line of the log.
    pub(crate) async fn logged(&self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "no {words:?} in:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Calls a hook; the message is accepted. Yields its id.
    pub(crate) async fn ring(&self, hook: &str, text: &str) -> String {
        let (status, body) = ring(self.address(), hook, text).await.unwrap();
        assert_eq!(status, 202, "{hook}: {body}\n{}", self.main_log());
        serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Where the deliveries of a message stand.
    pub(crate) async fn deliveries(&self, id: &str) -> Vec<Value> {
        let (status, body) = ask(self.address(), id).await.unwrap();
        assert_eq!(status, 200, "{id}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()["deliveries"].as_array().unwrap().clone()
    }

    /// Waits until the first delivery of a message is in `state`, and yields it.
    pub(crate) async fn reached(&self, id: &str, state: &str) -> Value {
        self.reached_one_of(id, &[state]).await
    }

    /// The same for several states.
    pub(crate) async fn reached_one_of(&self, id: &str, states: &[&str]) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let delivery = self.deliveries(id).await.remove(0);
            if states.iter().any(|state| delivery["state"] == *state) {
                return delivery;
            }
            assert!(Instant::now() < deadline, "not {states:?}: {delivery}\n{}", self.main_log());
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    /// Kills it as a power cut would, and waits until it is gone.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.log()
    }

    /// Asks it to end, which it does well; and no secret is in its log.
    pub(crate) async fn stop(mut self) -> String {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        // The thread that reads its log has read all of it.
        while Arc::strong_count(&self.log) > 1 {
            assert!(Instant::now() < deadline, "its output stays open");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let log = self.log();
        assert!(status.success(), "{status}:\n{log}");
        assert!(!log.contains(SECRET) && !log.contains("panicked"), "{log}");
        log
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Calls a hook with a plain text; status and body of the answer.
pub(crate) async fn ring(address: SocketAddr, hook: &str, text: &str) -> io::Result<(u16, String)> {
    let head = format!("POST /hooks/{hook} HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n", text.len());
    exchange(address, &format!("{head}{COMMON}{text}")).await
}

/// Asks where a message stands.
pub(crate) async fn ask(address: SocketAddr, id: &str) -> io::Result<(u16, String)> {
    exchange(address, &format!("GET /messages/{id} HTTP/1.1\r\n{COMMON}")).await
}

const COMMON: &str = "Host: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n";

/// Sends these bytes and reads the answer: its status and body.
pub(crate) async fn exchange(address: SocketAddr, request: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if length != Some(body.len()) {
        return Err(cut());
    }
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    Ok((status, body.to_owned()))
}
