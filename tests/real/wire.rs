//! A client that writes the bytes it is given, and reads an answer as any client would.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::time::Duration;

use crate::fixture::{Answer, parse_answer};

/// Long enough for a busy machine, short enough for a run that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Sends on a connection of its own, says that this was all, and reads to the end.
pub(crate) fn exchange(port: u16, request: &[u8]) -> Result<Answer, String> {
    let mut bytes = Vec::new();
    let talked = talk(port, request, &mut bytes);
    let lost = |talked: io::Result<()>| talked.err().map_or_else(|| "closed".to_owned(), |error| error.to_string());
    if bytes.is_empty() {
        return Err(format!("no answer: {}", lost(talked)));
    }
    let bytes = without_interim(&bytes);
    let head = parse_answer(bytes).ok_or_else(|| format!("no answer in {:?}", String::from_utf8_lossy(bytes)))?;
    let at = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let bytes = whole_body(&head, &bytes[at..], request)?;
    Ok(Answer { body: String::from_utf8_lossy(&bytes).into_owned(), bytes, ..head })
}

fn talk(port: u16, request: &[u8], answer: &mut Vec<u8>) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server that refuses a body may close before it has read it: its answer counts all the same.
    let written = stream.write_all(request).and_then(|()| stream.shutdown(Shutdown::Write));
    stream.read_to_end(answer)?;
    written
}

/// What follows `HTTP/1.1 103 Early Hints` and its like.
fn without_interim(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while rest.starts_with(b"HTTP/1.1 1") {
        let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") else { return rest };
        rest = &rest[end + 4..];
    }
    rest
}

/// The body without its framing, which must be sound.
fn whole_body(head: &Answer, rest: &[u8], request: &[u8]) -> Result<Vec<u8>, String> {
    if head.header("transfer-encoding") == ["chunked"] {
        return unchunked(rest).ok_or_else(|| "the chunks are broken".to_owned());
    }
    if request.starts_with(b"HEAD ") {
        // Go sends one to a request that it could not read, whatever its method.
        return Ok(Vec::new());
    }
    match head.header("content-length").as_slice() {
        _ if matches!(head.status, 204 | 304) && rest.is_empty() => {}
        [] => {}
        [length] if **length == rest.len().to_string() => {}
        length => return Err(format!("Content-Length {length:?}, but {} bytes in {head:?}", rest.len())),
    }
    Ok(rest.to_vec())
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}
