//! What a program reads and writes.

use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::process::ChildStdin;

/// Read from a program's output at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// The output of a program that has ended, still held open by one that it started, such as a daemon.
#[derive(Debug)]
pub struct Leftover(pub(super) pipe::Receiver);

impl Leftover {
    /// Reads all that comes and forgets it, until nobody holds it open.
    pub async fn drain(self) {
        Kept::new(0).read(&self.0).await;
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

    pub(super) async fn read(&mut self, output: &pipe::Receiver) {
        while output.readable().await.is_ok() {
            // Not kept while nothing comes: hundreds of programs may run in silence.
            let mut chunk = [0; CHUNK_BYTES];
            match output.try_read(&mut chunk) {
                Ok(read @ 1..) => self.keep(&chunk[..read]),
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                // A pipe gives no error but at its end.
                Ok(0) | Err(_) => return,
            }
        }
    }

    fn keep(&mut self, fresh: &[u8]) {
        let room = self.most.saturating_sub(self.bytes.len()).min(fresh.len());
        self.bytes.extend_from_slice(&fresh[..room]);
        self.dropped += u64::try_from(fresh.len() - room).unwrap_or(0);
    }
}
