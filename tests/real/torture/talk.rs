//! HTTP/1.1 as little as both sides of this test need: heads, lengths, keep-alive; and every way to end a connection.

use std::io;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// A request or an answer.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The first line.
    pub(crate) first: String,
    /// Lines as they came, names in small letters.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The second word of the first line: the target of a request, the status of an answer.
    pub(crate) fn second(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }
}

/// The next message on a connection; `rest` is what was read beyond the last one. An error, too, is the end.
pub(crate) async fn next(stream: &mut TcpStream, rest: &mut Vec<u8>) -> io::Result<Heard> {
    let head = loop {
        if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
            break String::from_utf8(rest.drain(..end + 4).collect()).map_err(io::Error::other)?;
        }
        more(stream, rest).await?;
    };
    let mut lines = head.trim_end().split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let pairs = lines.filter_map(|line| line.split_once(':'));
    let headers = pairs.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
    let mut heard = Heard { first, headers, body: Vec::new() };
    let length = heard.header("content-length").map_or(Ok(0), str::parse::<usize>).map_err(io::Error::other)?;
    while rest.len() < length {
        more(stream, rest).await?;
    }
    heard.body = rest.drain(..length).collect();
    Ok(heard)
}

async fn more(stream: &mut TcpStream, rest: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(rest).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Resolves when the other side has gone: nothing more is to be said to it.
pub(crate) async fn gone(stream: &mut TcpStream) {
    // Both sides ask one thing at a time: whatever comes now is the end.
    stream.read_u8().await.ok();
}

/// Ends a connection the hard way: with RST.
pub(crate) fn reset(stream: TcpStream) {
    stream.set_zero_linger().ok();
}
