//! The two programs: each in a folder of its own, on a port of its own, with the same flags and the same environment.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use regex::Regex;

use crate::fixture::{Answer, Ran, fixtures, parse_ran};
use crate::wire::{PATIENCE, exchange};

/// How often something is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(3);

/// How long a command may take that does next to nothing.
const COMMAND_TIME: Duration = Duration::from_secs(20);

/// Ports below those that the kernel gives to clients.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// adnanh/webhook, as Debian packages it.
    Peer,
    /// hookbell
    Ours,
}

impl Kind {
    pub(crate) fn program(self) -> PathBuf {
        match self {
            Kind::Peer => std::env::var_os("WEBHOOK").map_or_else(|| "/usr/bin/webhook".into(), PathBuf::from),
            Kind::Ours => {
                std::env::var_os("HOOKBELL").map_or_else(|| env!("CARGO_BIN_EXE_hookbell").into(), PathBuf::from)
            }
        }
    }
}

/// The folder of one program. It is gone when this is dropped.
pub(crate) struct House(tempfile::TempDir);

impl House {
    pub(crate) fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        // A link, not a copy: a file that was written a moment ago may still be busy for a child.
        std::os::unix::fs::symlink(fixtures().join("programs/dump"), folder.path().join("dump")).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        House(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A fixture's text with `@DIR@` and `@PROGRAMS@` filled in.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        let programs = fixtures().join("programs");
        text.replace("@DIR@", self.path().to_str().unwrap()).replace("@PROGRAMS@", programs.to_str().unwrap())
    }

    /// Text without what no two houses have in common: the folder, the client's port, the random part of a file's name.
    pub(crate) fn leave_out(&self, text: &str) -> String {
        static PORT: std::sync::LazyLock<Regex> =
            std::sync::LazyLock::new(|| Regex::new(r"127\.0\.0\.1:\d{4,5}").unwrap());
        static NAME: std::sync::LazyLock<Regex> =
            std::sync::LazyLock::new(|| Regex::new(r#"(@DIR@[^\x00\n" ]*?)\d{5,12}"#).unwrap());
        let text = text.replace(self.path().to_str().unwrap(), "@DIR@");
        let text = PORT.replace_all(&text, "127.0.0.1:PORT");
        NAME.replace_all(&text, "${1}RANDOM").into_owned()
    }

    /// Waits until so many dumps ran since the last call, and takes what there is.
    pub(crate) fn ran(&self, count: usize) -> Vec<Ran> {
        let mut taken = Vec::new();
        until(COMMAND_TIME, || {
            let (done, under_way) = self.dumps();
            taken.extend(done.iter().map(|path| {
                let ran = parse_ran(path);
                fs::remove_dir_all(path).unwrap();
                ran
            }));
            taken.len() >= count && under_way == 0
        });
        taken
    }

    /// The dumps that are done, and how many are under way.
    fn dumps(&self) -> (Vec<PathBuf>, usize) {
        let all = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let named = |path: &PathBuf, prefix: &str| path.file_name().unwrap().to_string_lossy().starts_with(prefix);
        let (done, others): (Vec<_>, Vec<_>) = all.partition(|path| named(path, "ran-"));
        (done, others.iter().filter(|path| named(path, "new-")).count())
    }
}

/// A running program. It is killed when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Daemon {
    /// One that answers. `arguments` come after those that every daemon here has.
    pub(crate) fn start(kind: Kind, house: &House, arguments: &[String]) -> Result<Daemon, String> {
        let mut why = String::new();
        // A port may be taken in the moment between the look and the start.
        for _ in 0..5 {
            let mut daemon = Daemon::spawn(kind, house, arguments, free_port());
            match daemon.wait_until_ready() {
                Ok(()) => return Ok(daemon),
                Err(fault) => why = format!("{kind:?} {fault}\n{}", daemon.log()),
            }
        }
        Err(why)
    }

    fn spawn(kind: Kind, house: &House, arguments: &[String], port: u16) -> Daemon {
        let log = house.path().join("log");
        let file = File::options().append(true).create(true).open(&log).unwrap();
        let mut command = Command::new(kind.program());
        // The folder that `it` runs in: fixtures name programs relative to it.
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.env_clear().env("TMPDIR", house.path().join("tmp")).env("HOME", "/nonexistent");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(["-ip", "127.0.0.1", "-port", &port.to_string(), "-verbose", "-nopanic"]);
        if kind == Kind::Ours {
            command.arg("-hotreload=false").arg("-state-dir").arg(house.path().join("state"));
        }
        command.args(arguments).stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", kind.program().display()));
        Daemon { child, port, log }
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let mut up = false;
        until(PATIENCE, || {
            up = exchange(self.port, b"GET / HTTP/1.0\r\n\r\n").is_ok_and(|answer| answer.status == 200);
            up || self.is_gone()
        });
        if up { Ok(()) } else { Err("does not answer".to_owned()) }
    }

    pub(crate) fn ask(&self, request: &[u8]) -> Result<Answer, String> {
        exchange(self.port, request)
    }

    pub(crate) fn is_gone(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for an end that must come.
    pub(crate) fn dies(&mut self) -> bool {
        until(PATIENCE, || self.is_gone())
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Looks again and again until it is so, for at most this time. Tells whether it was.
#[allow(clippy::disallowed_methods, reason = "there is no runtime here whose worker it could block")]
pub(crate) fn until(time: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = PORTS.end - PORTS.start;
    // Two runs at one time begin in different places.
    let start = u16::try_from(std::process::id() % u32::from(count)).unwrap();
    loop {
        let port = PORTS.start + (start + NEXT.fetch_add(1, Ordering::Relaxed) % count) % count;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
