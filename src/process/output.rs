//! What a program reads and writes.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::ChildStdin;

/// Read from a program's output at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// The output of a program that has ended, still held open by one that it started, such as a daemon.
#[derive(Debug)]
pub struct Leftover(pub(super) pipe::Receiver);

impl Leftover {
    /// Reads all that comes and forgets it, until nobody holds it open.
    pub async fn drain(mut self) {
        Kept::new(0).read(&mut self.0).await;
    }
}

/// Writes all that the program reads. One that does not read it all is free to.
pub(super) async fn feed(stdin: Option<ChildStdin>, bytes: &[u8]) {
    if let Some(mut stdin) = stdin {
        stdin.write_all(bytes).await.ok();
    }
}

/// What is kept of an output: the first bytes. The rest is read and counted.
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    most: usize,
    pub(super) dropped: u64,
}

impl Kept {
    pub(super) fn new(most: usize) -> Kept {
        Kept { bytes: Vec::new(), most, dropped: 0 }
    }

    pub(super) async fn read(&mut self, output: &mut pipe::Receiver) {
        let mut chunk = vec![0; CHUNK_BYTES];
        // A pipe gives no error but at its end.
        while let Ok(read @ 1..) = output.read(&mut chunk).await {
            let room = self.most.saturating_sub(self.bytes.len()).min(read);
            self.bytes.extend_from_slice(chunk.get(..room).unwrap_or_default());
            self.dropped += u64::try_from(read - room).unwrap_or(0);
        }
    }
}
