//! The daemon under torture: one folder, one port, any number of lives.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::talk;
use crate::program::{Kind, free_port};

/// How long a start may take, with a disk that is full for a while.
const START: Duration = Duration::from_secs(60);

/// How long it may take to answer, once it can.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// How long a stop may take. It is asked to do it in `DRAIN`.
const STOP: Duration = Duration::from_secs(20);
const DRAIN: &str = "5s";

/// Where it lives, and the process while there is one.
pub(crate) struct Daemon {
    folder: PathBuf,
    port: u16,
    process: Option<Child>,
}

impl Daemon {
    /// One that is not started yet.
    pub(crate) fn new(folder: &Path) -> Daemon {
        Daemon { folder: folder.to_owned(), port: free_port(), process: None }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn spawn(&mut self) {
        let log = File::options().append(true).create(true).open(self.log()).unwrap();
        let mut command = Command::new(Kind::Ours.program());
        // Nothing of the surroundings but where programs are: no proxy, no service manager.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(&self.folder);
        command.args(["-ip", "127.0.0.1", "-port", &self.port.to_string(), "-hooks", "hooks.json"]);
        command.args(["-state-dir", "state", "-drain", DRAIN]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    /// Starts it until it listens, again and again where the disk does not let it, as a service manager does. Yields how
    /// many starts failed. The error is for people.
    pub(crate) async fn start(&mut self) -> Result<usize, String> {
        let (begun, mut failed) = (Instant::now(), 0);
        self.spawn();
        while begun.elapsed() < START {
            if let Some(status) = self.has_ended() {
                failed += 1;
                if status.code().is_none() {
                    return Err(format!("it died at its start: {status}"));
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                self.spawn();
            } else if matches!(timeout(SIGN_OF_LIFE, self.answers()).await, Ok(Ok(()))) {
                return Ok(failed);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("it does not listen after {START:?} and {failed} starts that failed"))
    }

    /// Gives a sign of life. It listens before it is sure that it can start.
    async fn answers(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        talk::next(&mut stream, &mut Vec::new()).await.map(drop)
    }

    /// Its status, if it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(|process| process.try_wait().unwrap())
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }

    /// Asks it to end, and waits until it has. The error is for people.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        loop {
            match self.has_ended() {
                Some(status) if status.success() => break self.process = None,
                Some(status) => return Err(format!("asked to stop, it ended with {status}")),
                None if begun.elapsed() > STOP => return Err(format!("it does not stop within {STOP:?}")),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        Ok(())
    }

    /// Has it read its configuration again.
    pub(crate) fn reload(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            kill_process(Pid::from_child(process), signal).ok();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
