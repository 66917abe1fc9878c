//! Where a real program runs: a folder of its own, children that die with the test, and a hookbell to call.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::phone::Phone;
use crate::program::{Kind, free_port, until};
use crate::wire::exchange;

/// For whatever a busy machine may take its time with.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether these programs are there. Where they must be, their absence is a failure.
pub(crate) fn here(caller: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let missing = programs.iter().find(|program| !folders.iter().any(|folder| folder.join(program).exists()));
    if let Some(program) = missing {
        assert!(std::env::var_os("CI").is_none(), "{program} is missing, and CI is set");
        println!("skipped: {caller}: {program} is not installed");
    }
    missing.is_none()
}

/// A child. It is killed when this is dropped, or when the test is.
pub(crate) struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Ends it as a service manager does, and waits for that.
    pub(crate) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = until(PATIENCE, || self.child.try_wait().unwrap().is_some());
        assert!(ended, "{} does not end: {}", self.name, self.log());
    }

    /// Waits until it listens on this port of this host.
    pub(crate) fn listens(mut self, port: u16) -> Running {
        self.is_up(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        self
    }

    /// Waits until it is so.
    pub(crate) fn is_up(&mut self, mut is_so: impl FnMut() -> bool) {
        let mut up = false;
        until(PATIENCE, || {
            up = is_so();
            up || self.child.try_wait().unwrap().is_some()
        });
        assert!(up, "{} does not come up: {}", self.name, self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The folder of one caller.
pub(crate) struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        Lab { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder's name, for configuration files.
    pub(crate) fn shown(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.path(name)).unwrap();
        self.path(name)
    }

    /// Starts a program that stays in the foreground, with its words in a file called by its name.
    pub(crate) fn start(&self, name: &str, arguments: &[&str], set: impl FnOnce(&mut Command)) -> Running {
        self.start_by(&[], name, arguments, set)
    }

    /// The same as this user, where this one is root.
    pub(crate) fn start_as(&self, user: &str, name: &str, arguments: &[&str]) -> Running {
        let [uid, gid] = [format!("--reuid={user}"), format!("--regid={user}")];
        let become_it = [uid.as_str(), &gid, "--init-groups"];
        let is_root = rustix::process::geteuid().is_root();
        self.start_by(if is_root { &become_it } else { &[] }, name, arguments, |_| ())
    }

    fn start_by(&self, who: &[&str], name: &str, arguments: &[&str], set: impl FnOnce(&mut Command)) -> Running {
        let log = self.path(&format!("{}.out", name.replace('/', "_")));
        let file = File::options().append(true).create(true).open(&log).unwrap();
        // Whoever interrupts the test leaves nobody behind.
        let mut command = Command::new("setpriv");
        command.args(who).args(["--pdeathsig", "KILL", "--", name]).args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        set(&mut command);
        Running { name: name.to_owned(), child: command.spawn().unwrap(), log }
    }

    /// Runs a program to its good end, and yields what it said.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(name);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()));
        let output = command.output().unwrap_or_else(|why| panic!("{name}: {why}"));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{name} {arguments:?}: {said}");
        said
    }
}

/// A file of `examples/`.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Its text, with words in place of others, each of which must be there.
pub(crate) fn filled_in(name: &str, changes: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(example(name)).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, to);
    }
    text
}

/// hookbell with the hooks of an example, which rings at a phone.
pub(crate) struct Bell {
    hook: &'static str,
    port: u16,
    state: PathBuf,
    hooks: PathBuf,
    running: Option<Running>,
}

impl Bell {
    /// One that serves `examples/HOOK/hooks.json`, whose accounts are all Telegram's at this phone.
    pub(crate) fn hang(lab: &Lab, hook: &'static str, phone: &Phone) -> Bell {
        let folder = lab.folder("bell");
        for file in fs::read_dir(example(hook)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|end| end == "txt") {
                fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
            }
        }
        let mut config: Value = serde_json::from_str(&filled_in(&format!("{hook}/hooks.json"), &[])).unwrap();
        let url = phone.url();
        for (_, account) in config["accounts"].as_object_mut().unwrap() {
            *account = json!({ "provider": "telegram", "bot-token": "123456789:AA-example", "base-url": url });
            account["rate"] = json!("1000/s");
            account["per-recipient"] = json!("1000/s");
        }
        let hooks = lab.write("bell/hooks.json", &config.to_string());
        let mut bell = Bell { hook, port: free_port(), state: folder.join("state"), hooks, running: None };
        bell.start(lab);
        bell
    }

    /// Starts it where it was before.
    pub(crate) fn start(&mut self, lab: &Lab) {
        let (program, port) = (Kind::Ours.program(), self.port.to_string());
        let flags = ["-ip", "127.0.0.1", "-port", &port, "-state-dir", self.state.to_str().unwrap(), "-hooks"];
        let flags = [&flags[..], &[self.hooks.to_str().unwrap()]].concat();
        let mut running = lab.start(program.to_str().unwrap(), &flags, |command| {
            command.env_clear();
        });
        // It listens before it has read its hooks.
        running.is_up(|| exchange(self.port, b"GET / HTTP/1.0\r\n\r\n").is_ok_and(|answer| answer.status == 200));
        self.running = Some(running);
    }

    /// Takes it down.
    pub(crate) fn stop(&mut self) {
        self.running.take().unwrap().stop();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/{}", self.port, self.hook)
    }

    /// Where it listens, without any hook.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn state(&self) -> &str {
        self.state.to_str().unwrap()
    }

    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.state.join("secrets").join(self.hook)).unwrap().trim().to_owned()
    }

    /// A file with the header that shows the token.
    pub(crate) fn header(&self, lab: &Lab) -> PathBuf {
        lab.write("hookbell.header", &format!("Authorization: Bearer {}\n", self.token()))
    }

    pub(crate) fn log(&self) -> String {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }
}
