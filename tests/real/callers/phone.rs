//! Telegram's Bot API as far as a message needs it, and what rang there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::lab::PATIENCE;
use crate::program::until;

/// A chat and a text.
pub(crate) type Rang = (String, String);

/// The server. It lives as long as the process.
pub(crate) struct Phone {
    address: SocketAddr,
    rang: Arc<Mutex<Vec<Rang>>>,
}

impl Phone {
    pub(crate) fn new() -> Phone {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let phone = Phone { address: listener.local_addr().unwrap(), rang: Arc::default() };
        let rang = Arc::clone(&phone.rang);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let rang = Arc::clone(&rang);
                std::thread::spawn(move || stream.and_then(|stream| answer(stream, &rang)));
            }
        });
        phone
    }

    /// For `base-url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every text that rang at this chat, in order.
    pub(crate) fn texts(&self, chat: &str) -> Vec<String> {
        self.rang.lock().unwrap().iter().filter(|(to, _)| to == chat).map(|(_, text)| text.clone()).collect()
    }

    /// Waits until so many texts rang at this chat, and yields them.
    pub(crate) fn rings(&self, chat: &str, count: usize, why: impl FnOnce() -> String) -> Vec<String> {
        let rung = until(PATIENCE, || self.texts(chat).len() >= count);
        assert!(rung, "{count} texts are not at {chat}, but {:#?}\n{}", self.texts(chat), why());
        self.texts(chat)
    }
}

/// One connection, as long as it lasts.
fn answer(stream: TcpStream, rang: &Mutex<Vec<Rang>>) -> std::io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    loop {
        let (mut length, mut head) = (0, String::new());
        loop {
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(("content-length", value)) = line.to_lowercase().trim().split_once(": ") {
                length = value.parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head += &line;
        }
        let mut body = vec![0; length];
        input.read_exact(&mut body)?;
        assert!(head.starts_with("POST /bot123456789:AA-example/sendMessage "), "{head}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        let text = |name: &str| body[name].as_str().map_or_else(|| body[name].to_string(), str::to_owned);
        let id = {
            let mut rang = rang.lock().unwrap();
            rang.push((text("chat_id"), text("text")));
            rang.len()
        };
        let answer = format!("{{\"ok\":true,\"result\":{{\"message_id\":{id}}}}}");
        write!(output, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len())?;
    }
}
