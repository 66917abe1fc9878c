//! Those who call the hooks, and what they were told.

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::house::{CURSED, Hook, hooks};
use super::talk;
use super::{Counts, Stage};
use crate::dice::Dice;

/// How many there are.
pub(crate) const CALLERS: usize = 64;

/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// 202, and the message's id.
    Accepted(String),
    /// 200: sent to so many, though it could not be stored.
    SentOnly(u64),
    /// 503, or 404 for a hook that is not there just now.
    Refused(u16),
    /// No answer, or half of one.
    Nothing,
}

/// One call. Its text is no other's.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) text: String,
    /// How many people it is for.
    pub(crate) recipients: usize,
    pub(crate) told: Told,
}

/// What all callers write down, and what must not be.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) calls: Arc<Mutex<Vec<Call>>>,
    pub(crate) wrong: Arc<Mutex<Vec<String>>>,
}

/// One caller, with a connection that it keeps while it lasts.
struct Caller {
    number: usize,
    port: u16,
    stage: Arc<Stage>,
    dice: Dice,
    memory: Memory,
    counts: Counts,
    connection: Option<TcpStream>,
}

/// Calls hooks again and again until the chaos is over. Every text is called until it reaches somebody who hears it:
/// as `curl --retry-connrefused` does, and never after a byte was sent.
pub(crate) async fn call(number: usize, port: u16, stage: Arc<Stage>, memory: Memory, counts: Counts) {
    let dice = Dice::new(stage.seed ^ (number as u64 + 1) << 32);
    let hooks = hooks();
    let mut caller = Caller { number, port, stage, dice, memory, counts, connection: None };
    for count in 0.. {
        caller.pause(50, 1600).await;
        if caller.stage.is_over() {
            return;
        }
        let (hook, text) = caller.next(&hooks, count);
        if let Some(told) = caller.ring(&hook, &text).await {
            caller.note(&hook, text, told);
        }
    }
}

impl Caller {
    /// The first callers begin with texts that are cursed; and everybody else's may stand behind them.
    fn next(&mut self, hooks: &[Hook], count: usize) -> (Hook, String) {
        let text = format!("from {} number {count}", self.number);
        if count == 0 && self.number < CURSED {
            let id = format!("cursed-{}", self.number);
            let hook = hooks.iter().find(|hook| hook.id == id).unwrap().clone();
            return (hook, format!("{text} cursed"));
        }
        (hooks[self.dice.below(hooks.len())].clone(), text)
    }

    async fn pause(&mut self, least: u64, most: u64) {
        tokio::time::sleep(Duration::from_millis(least + self.dice.next() % (most - least))).await;
    }

    /// Calls until it is heard, or all is over.
    async fn ring(&mut self, hook: &Hook, text: &str) -> Option<Told> {
        loop {
            match timeout(PATIENCE, self.connected()).await {
                Ok(Ok(())) => break,
                _ if self.stage.is_over() => return None,
                _ => self.counts.add("connections refused"),
            }
            self.pause(20, 200).await;
        }
        let mut stream = self.connection.take()?;
        let answer = timeout(PATIENCE, self.exchange(&mut stream, &hook.id, text)).await;
        let Ok(Ok((status, body))) = answer else { return Some(Told::Nothing) };
        self.connection = Some(stream);
        Some(self.told(&hook.id, text, status, &body))
    }

    async fn connected(&mut self) -> io::Result<()> {
        // One that ended meanwhile is seen before it is used, as every good client does.
        let ended =
            |stream: &TcpStream| !matches!(stream.try_read(&mut [0]), Err(e) if e.kind() == io::ErrorKind::WouldBlock);
        if self.connection.as_ref().is_none_or(ended) {
            self.connection = Some(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?);
        }
        Ok(())
    }

    async fn exchange(&mut self, stream: &mut TcpStream, hook: &str, text: &str) -> io::Result<(u16, Vec<u8>)> {
        let common = "Host: localhost\r\nAccept: application/json\r\n";
        let request = if self.dice.chance(30) {
            format!("GET /hooks/{hook}?msg={} HTTP/1.1\r\n{common}\r\n", text.replace(' ', "%20"))
        } else {
            let length = text.len();
            let head = format!("POST /hooks/{hook} HTTP/1.1\r\n{common}Content-Type: text/plain\r\n");
            format!("{head}Content-Length: {length}\r\n\r\n{text}")
        };
        stream.write_all(request.as_bytes()).await?;
        let answer = talk::next(stream, &mut Vec::new()).await?;
        Ok((answer.second().parse().map_err(io::Error::other)?, answer.body))
    }

    fn told(&self, hook: &str, text: &str, status: u16, body: &[u8]) -> Told {
        let body = String::from_utf8_lossy(body);
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        match (status, said["id"].as_str()) {
            (202, Some(id)) => Told::Accepted(id.to_owned()),
            (200, None) if said["stored"] == false => Told::SentOnly(said["sent"].as_u64().unwrap_or_default()),
            (503, _) => Told::Refused(503),
            (404, _) if hook == "extra" => Told::Refused(404),
            _ => {
                let words = format!("the call of {hook} with `{text}` was answered {status}: {body}");
                self.memory.wrong.lock().unwrap().push(words);
                Told::Refused(status)
            }
        }
    }

    fn note(&self, hook: &Hook, text: String, told: Told) {
        self.counts.add(match &told {
            Told::Accepted(_) => "calls answered 202".to_owned(),
            Told::SentOnly(_) => "calls answered 200, sent and not stored".to_owned(),
            Told::Refused(status) => format!("calls answered {status}"),
            Told::Nothing => "calls without an answer".to_owned(),
        });
        let call = Call { recipients: hook.to.len(), text, told };
        self.memory.calls.lock().unwrap().push(call);
    }
}
