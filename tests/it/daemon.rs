//! The real binary on a port of its own: its folder, its log, its signals, and a client.

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Long enough for a busy machine, short enough for a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Waits a moment, between two looks at something.
pub(crate) fn pause() {
    #[allow(clippy::disallowed_methods, reason = "a test's own thread, which has no runtime")]
    std::thread::sleep(Duration::from_millis(10));
}

/// Looks until there is something to see.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        pause();
    }
}

/// A port that nobody else is given while the socket lives: bound, but not listened on. Whoever names it may bind it, too.
pub(crate) fn kept_port() -> (tokio::net::TcpSocket, SocketAddr) {
    let held = tokio::net::TcpSocket::new_v4().unwrap();
    held.set_reuseaddr(true).unwrap();
    held.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = held.local_addr().unwrap();
    (held, address)
}

/// The program, which knows of nothing around it but `$PATH`.
pub(crate) fn hookbell() -> Command {
    alone(Path::new(env!("CARGO_BIN_EXE_hookbell")))
}

/// Any program in such surroundings.
pub(crate) fn alone(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command
}

/// Both outputs as one text.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A folder with hooks files, where a daemon runs.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    /// A folder whose `hooks.json` is `text`.
    pub(crate) fn with(text: &str) -> Home {
        let home = Home::new();
        home.write("hooks.json", text);
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn shell(&self, script: &str) {
        let status = Command::new("sh").current_dir(self.0.path()).args(["-ec", script]).status().unwrap();
        assert!(status.success(), "{script}");
    }

    /// The program in this folder, not yet started.
    pub(crate) fn hookbell(&self, args: &[&str]) -> Command {
        let mut command = hookbell();
        command.current_dir(self.0.path()).args(args);
        command
    }

    /// What it says and how it ends.
    pub(crate) fn output(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.hookbell(args).output().unwrap();
        (output.status.code(), said(&output))
    }

    /// A daemon that serves `hooks.json`.
    pub(crate) fn serve(&self) -> Daemon {
        self.serve_with(&[])
    }

    /// A daemon with more flags.
    pub(crate) fn serve_with(&self, args: &[&str]) -> Daemon {
        Daemon::start(self.hookbell(&["-ip", "127.0.0.1", "-port", "0"]).args(args))
    }
}

/// A daemon. Dropping it kills it.
pub(crate) struct Daemon {
    child: Child,
    log: Arc<Mutex<Vec<u8>>>,
    /// Host and port.
    pub(crate) address: String,
}

impl Daemon {
    /// Starts a command and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command) -> Daemon {
        let mut daemon = Daemon::begin(command);
        daemon.address = daemon.told("listening on ").split(['"', ' ']).next().unwrap().to_owned();
        daemon
    }

    /// Starts a command and listens to both its outputs.
    pub(crate) fn begin(command: &mut Command) -> Daemon {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::default();
        listen(child.stdout.take().unwrap(), &log);
        listen(child.stderr.take().unwrap(), &log);
        Daemon { child, log, address: String::new() }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap()).into_owned()
    }

    /// Waits for a line of the log that has all `words`.
    pub(crate) fn logged(&self, words: &[&str]) -> String {
        self.logged_times(1, words)
    }

    /// Waits until there are so many such lines, and yields the last of them.
    pub(crate) fn logged_times(&self, times: usize, words: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let mut lines = log.lines().filter(|line| words.iter().all(|word| line.contains(word)));
            if let Some(line) = lines.nth(times - 1) {
                return line.to_owned();
            }
            assert!(Instant::now() < deadline, "no {words:?} ({times}) in\n{log}");
            pause();
        }
    }

    /// Waits for these words and yields what follows them on their line.
    pub(crate) fn told(&self, words: &str) -> String {
        let line = self.logged(&[words]);
        line.split_once(words).unwrap().1.trim().to_owned()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end and tells the exit code; `None` after a signal.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                eventually("its last words", || (Arc::strong_count(&self.log) == 1).then_some(()));
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            pause();
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Stops it, waits for its end, and yields all that it said.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        assert_eq!(self.ends(), Some(0), "{}", self.log());
        self.log()
    }

    pub(crate) fn connect(&self) -> Call {
        Call(TcpStream::connect(&self.address).unwrap())
    }

    pub(crate) fn get(&self, target: &str) -> Reply {
        self.request("GET", target, "", "")
    }

    /// The answer to one request; `head` is more header lines, each with its line end.
    pub(crate) fn request(&self, method: &str, target: &str, head: &str, body: &str) -> Reply {
        let mut call = self.connect();
        call.send(&request(method, target, head, body));
        call.reply()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Line by line, so that nobody reads half of one.
fn listen(output: impl Read + Send + 'static, log: &Arc<Mutex<Vec<u8>>>) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        let (mut output, mut line) = (BufReader::new(output), Vec::new());
        while let Ok(1..) = output.read_until(b'\n', &mut line) {
            log.lock().unwrap().append(&mut line);
        }
    });
}

/// A whole request on a connection of its own.
pub(crate) fn request(method: &str, target: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nHost: bell\r\nConnection: close\r\n{head}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A connection with a request under way.
pub(crate) struct Call(pub(crate) TcpStream);

impl Call {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Everything up to the end of the connection.
    pub(crate) fn reply(mut self) -> Reply {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        Reply { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn is(&self, status: u16, body: &str) -> bool {
        self.status == status && self.body == body
    }
}

/// A command hook that answers with a word of its own.
pub(crate) fn says(id: &str, word: &str) -> String {
    format!(r#"{{ "id": "{id}", "execute-command": "true", "response-message": "{word}" }}"#)
}
