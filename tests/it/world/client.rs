//! A client that writes the bytes it is given: duplicate headers, raw text in the target, broken ends.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::PATIENCE;
use crate::fixture::{Answer, parse_answer};

/// Sends, says that this was all, and reads to the end.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer, String> {
    let talk = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request).await?;
        stream.shutdown().await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let bytes = tokio::time::timeout(PATIENCE, talk).await.map_err(|_| "no answer in time".to_owned())?;
    let bytes = bytes.map_err(|error| format!("no answer: {error}"))?;
    parse_answer(&bytes).ok_or_else(|| format!("no answer in {:?}", String::from_utf8_lossy(&bytes)))
}
