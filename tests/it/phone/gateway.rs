//! A stand-in for every provider that speaks HTTP: it says what the provider's own fixture says, after such faults as real
//! ones have.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hookbell::tasks::Tasks;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::daemon::exchange;
use super::graph::reset;

/// What goes wrong before all goes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The request is read, and no answer comes.
    Hang,
    /// The request is read, and the connection is reset.
    Reset,
    /// The answer breaks off in the middle.
    Cut,
    /// So many tries are told to come again in a moment.
    TooMany(u32),
    /// The report that it arrived comes before the answer.
    EarlyReport,
}

/// A request to the provider's own API, and its answer.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) method: String,
    /// How the path of the request ends, and its query. A star stands for the key of the message.
    pub(crate) target: String,
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Turn {
    fn is_asked_by(&self, target: &str) -> bool {
        match self.target.split_once('*') {
            None => target.ends_with(&self.target),
            Some((before, after)) => target.contains(before) && target.ends_with(after),
        }
    }
}

/// What one account's provider does.
pub(crate) struct Part {
    pub(crate) turns: Vec<Turn>,
    pub(crate) fault: Fault,
    /// The call by which it reports that the message arrived: what follows `/callbacks/`, headers, and the body.
    pub(crate) report: Option<(String, BTreeMap<String, String>, String)>,
}

struct Playing {
    part: Part,
    at: usize,
    faults: u32,
    wrong: Vec<String>,
}

/// The server: each account has its own path. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Gateway {
    address: SocketAddr,
    parts: Arc<Mutex<BTreeMap<String, Playing>>>,
    /// Where reports go.
    daemon: Arc<Mutex<Option<SocketAddr>>>,
}

impl Gateway {
    pub(crate) async fn open() -> Gateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway =
            Gateway { address: listener.local_addr().unwrap(), parts: Arc::default(), daemon: Arc::default() };
        let (tasks, serving) = (Tasks::new(), gateway.clone());
        tasks.clone().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tasks.spawn(serving.clone().serve(stream));
            }
        });
        gateway
    }

    /// Plays this part for the account of this name, whose `base-url` is yielded.
    pub(crate) fn play(&self, account: &str, part: Part) -> String {
        let faults = match part.fault {
            Fault::None | Fault::EarlyReport => 0,
            Fault::Hang | Fault::Reset | Fault::Cut => 1,
            Fault::TooMany(times) => times,
        };
        let playing = Playing { part, at: 0, faults, wrong: Vec::new() };
        self.parts.lock().unwrap().insert(account.to_owned(), playing);
        format!("http://{}/{account}", self.address)
    }

    pub(crate) fn reports_go_to(&self, daemon: SocketAddr) {
        *self.daemon.lock().unwrap() = Some(daemon);
    }

    /// What was asked otherwise than the fixture says.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.parts.lock().unwrap().values().flat_map(|playing| playing.wrong.clone()).collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some((method, target)) = request(&mut stream).await else { return };
        let account = target.split('/').nth(1).unwrap_or_default().to_owned();
        let (fault, turn, report) = {
            let mut parts = self.parts.lock().unwrap();
            let Some(playing) = parts.get_mut(&account) else { return };
            let turn = &playing.part.turns[playing.at];
            if method != turn.method || !turn.is_asked_by(&target) {
                playing.wrong.push(format!("{account}: {method} {target} instead of {} {}", turn.method, turn.target));
            }
            let turn = turn.clone();
            if playing.faults > 0 {
                playing.faults -= 1;
                (playing.part.fault, turn, None)
            } else {
                playing.at = (playing.at + 1) % playing.part.turns.len();
                let is_last = playing.at == 0;
                (Fault::None, turn, playing.part.report.clone().filter(|_| is_last))
            }
        };
        match fault {
            // Until the other side has enough of it.
            Fault::Hang => drop(stream.read(&mut [0]).await),
            Fault::Reset => reset(stream),
            Fault::Cut => drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{\"id").await),
            Fault::TooMany(_) => {
                let told = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.write_all(told.as_bytes()).await.ok();
            }
            Fault::None | Fault::EarlyReport => {
                if let Some(report) = report {
                    self.report(&account, report).await;
                }
                let Turn { status, headers, body, .. } = turn;
                let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                stream.write_all(answer.as_bytes()).await.ok();
            }
        }
    }

    async fn report(&self, account: &str, (path, headers, body): (String, BTreeMap<String, String>, String)) {
        let daemon = self.daemon.lock().unwrap().unwrap();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let call = format!(
            "POST /callbacks/{path} HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let (status, answer) = exchange(daemon, &call).await.unwrap();
        if status != 200 {
            let mut parts = self.parts.lock().unwrap();
            parts.get_mut(account).unwrap().wrong.push(format!("{account}: a report got {status} {answer}"));
        }
    }
}

/// The method and the target of a request, which is read whole.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut read = Vec::new();
    let head = loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    while read.len() < head + length {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let line = String::from_utf8_lossy(&read[..head]);
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

/// The turns of a fixture's case, where all of them are HTTP.
pub(crate) fn turns(talk: &Value) -> Option<Vec<Turn>> {
    let turn = |turn: &Value| {
        let (_, target) = turn["ask"]["url"].as_str()?.split_once("://")?.1.split_once('/')?;
        let answer = &turn["answer"];
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some(Turn {
            method: turn["ask"]["method"].as_str().unwrap_or("POST").to_owned(),
            target: format!("/{target}"),
            status: answer["status"].as_u64()?.try_into().ok()?,
            headers: serde_json::from_value(answer["headers"].clone()).unwrap_or_default(),
            body: if answer["body"].is_null() { String::new() } else { text(&answer["body"]) },
        })
    };
    talk.as_array()?.iter().map(turn).collect()
}
