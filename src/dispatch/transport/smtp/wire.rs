//! Lines to a server and its replies, each in time.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::dispatch::transport::answer::ANSWER_BYTES;

/// A connection, encrypted or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// A connection with what was read of the replies to come.
pub(super) struct Wire {
    io: Box<dyn Io>,
    read: Vec<u8>,
}

/// A server's reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three digits.
    pub(super) code: u16,
    /// Its lines without them.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// 2yz, or the 3yz that asks for more.
    pub(super) fn is_yes(&self) -> bool {
        (200..400).contains(&self.code)
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum Silence {
    /// The connection broke.
    Lost(io::Error),
    /// The server closed it.
    Closed,
    /// It took too long.
    Late,
    /// It was no reply.
    Babble,
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>) -> Wire {
        Wire { io, read: Vec::new() }
    }

    /// The connection itself, to be encrypted. None if the server has said more than it was asked: what came unencrypted,
    /// perhaps from somebody else on the way, must not be taken for what comes encrypted (CVE-2021-38371 and its kin).
    pub(super) fn into_plain(self) -> Option<Box<dyn Io>> {
        self.read.is_empty().then_some(self.io)
    }

    /// Whether nothing has come since the last reply, such as the goodbye of a server that won't wait any longer.
    pub(super) fn is_quiet(&self) -> bool {
        self.read.is_empty()
    }

    /// Writes these bytes, all of them.
    pub(super) async fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), Silence> {
        let writing = async {
            self.io.write_all(bytes).await?;
            self.io.flush().await
        };
        timeout_at(deadline, writing).await.map_err(|_| Silence::Late)?.map_err(Silence::Lost)
    }

    /// Says one line and waits for what the server answers.
    pub(super) async fn ask(&mut self, line: &str, deadline: Instant) -> Result<Reply, Silence> {
        self.write(format!("{line}\r\n").as_bytes(), deadline).await?;
        self.reply(deadline).await
    }

    /// The next reply. One in another charset than UTF-8 is still a reply.
    pub(super) async fn reply(&mut self, deadline: Instant) -> Result<Reply, Silence> {
        let mut lines = Vec::new();
        let mut bytes = 0;
        loop {
            let line = self.line(deadline).await?;
            bytes += line.len();
            let (code, is_last, text) = parts(&line).ok_or(Silence::Babble)?;
            lines.push(text);
            if is_last {
                return Ok(Reply { code, lines });
            }
            if bytes > ANSWER_BYTES {
                return Err(Silence::Babble);
            }
        }
    }

    async fn line(&mut self, deadline: Instant) -> Result<Vec<u8>, Silence> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                return Ok(self.read.drain(..=end).collect());
            }
            if self.read.len() > ANSWER_BYTES {
                return Err(Silence::Babble);
            }
            let more = timeout_at(deadline, self.io.read_buf(&mut self.read)).await;
            if more.map_err(|_| Silence::Late)?.map_err(Silence::Lost)? == 0 {
                return Err(Silence::Closed);
            }
        }
    }

    pub(super) async fn close(&mut self) {
        self.io.shutdown().await.ok();
    }
}

/// A line of a reply in its parts: the digits, whether it is the last, and the text.
fn parts(line: &[u8]) -> Option<(u16, bool, String)> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    let (digits, rest) = text.split_at_checked(3)?;
    let code = digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse::<u16>().ok())??;
    // Some leave out the blank where no text follows.
    let is_last = match rest.chars().next() {
        None | Some(' ') => true,
        Some('-') => false,
        Some(_) => return None,
    };
    (200..600).contains(&code).then(|| (code, is_last, rest.get(1..).unwrap_or_default().to_owned()))
}

/// The bytes of a mail, whole lines, as they travel: a dot that begins a line is doubled, and one alone ends them
/// (RFC 5321, 4.5.2).
pub(super) fn dotted(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 64);
    let mut begins = true;
    for byte in content {
        if begins && *byte == b'.' {
            out.push(b'.');
        }
        out.push(*byte);
        begins = *byte == b'\n';
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_alone_does_not_end_a_mail() {
        for (content, sent) in [
            (&b"a\r\n.\r\n.b\r\nc.\r\n"[..], &b"a\r\n..\r\n..b\r\nc.\r\n.\r\n"[..]),
            (b".\r\n", b"..\r\n.\r\n"),
            (b"\r\n", b"\r\n.\r\n"),
        ] {
            assert_eq!(dotted(content), sent);
        }
    }

    #[tokio::test]
    async fn replies_are_read_however_they_come() {
        let now = || Instant::now() + std::time::Duration::from_secs(5);
        let said = "250-mx.example\r\n250-SIZE 100\r\n250 HELP\r\n220\r\n571 5.7.1 \u{1F4A9}\n";
        let mut wire = Wire::new(Box::new(tokio::io::join(said.as_bytes(), tokio::io::sink())));
        let first = wire.reply(now()).await.unwrap();
        assert_eq!((first.code, first.lines), (250, vec!["mx.example".into(), "SIZE 100".into(), "HELP".into()]));
        assert!(!wire.is_quiet());
        assert_eq!(wire.reply(now()).await.unwrap(), Reply { code: 220, lines: vec![String::new()] });
        assert_eq!(wire.reply(now()).await.unwrap().code, 571);
        assert!(matches!(wire.reply(now()).await, Err(Silence::Closed)));
        for babble in [&b"SSH-2.0-OpenSSH\r\n"[..], b"25\r\n", b"999 x\r\n", b"250_x\r\n", b"\xff\xff\xff\xff\r\n"] {
            let mut wire = Wire::new(Box::new(tokio::io::join(babble, tokio::io::sink())));
            assert!(matches!(wire.reply(now()).await, Err(Silence::Babble)), "{babble:?}");
        }
        let endless = vec![b'2'; 2 * ANSWER_BYTES];
        let mut wire = Wire::new(Box::new(tokio::io::join(std::io::Cursor::new(endless), tokio::io::sink())));
        assert!(matches!(wire.reply(now()).await, Err(Silence::Babble)));
    }
}
