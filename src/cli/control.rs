//! Talking to the running daemon through its control socket.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::state;

/// What became of a request.
pub(super) enum Asked {
    /// The daemon's answer: status and JSON.
    Answered(u16, Value),
    /// There is none; the text says where it was looked for.
    NoDaemon(String),
}

/// Asks the daemon. An answer may take as long as `patience`.
///
/// # Errors
/// The answer can't be understood.
pub(super) fn ask(
    state_dir: Option<&OsString>,
    request: &str,
    body: &str,
    patience: Duration,
) -> anyhow::Result<Asked> {
    call(state_dir, request, "Content-Type: application/json\r\n", body.as_bytes(), patience)
}

/// The same with any body; `headers` are those that describe it, each with its line end.
///
/// # Errors
/// The answer can't be understood.
pub(super) fn call(
    state_dir: Option<&OsString>,
    request: &str,
    headers: &str,
    body: &[u8],
    patience: Duration,
) -> anyhow::Result<Asked> {
    let Some(folder) = state::directory(state_dir.cloned(), "control.sock") else {
        let given = state_dir.map(PathBuf::from);
        let looked = state::looked_at(given.as_deref());
        return Ok(Asked::NoDaemon(format!("no daemon found: no control.sock in {looked}")));
    };
    let path = folder.join("control.sock");
    match exchange(&path, request, headers, body, patience) {
        Ok(answer) => {
            let (status, json) = parse(&answer).context("the daemon's answer can't be read")?;
            Ok(Asked::Answered(status, json))
        }
        Err(why) => Ok(Asked::NoDaemon(format!("the daemon at {} can't be reached: {why}", path.display()))),
    }
}

/// `request` is method and target.
fn exchange(
    path: &std::path::Path,
    request: &str,
    headers: &str,
    body: &[u8],
    patience: Duration,
) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Status and JSON of an answer of ours, which is never chunked.
fn parse(answer: &[u8]) -> Option<(u16, Value)> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}
