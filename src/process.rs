//! The only place that starts programs.
//!
//! Every program is started by `posix_spawn`, whose cost does not grow with the daemon: the standard library does so
//! as long as the program is given with a slash, no `pre_exec` is used, and no user or group is changed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout, timeout_at};

mod ends;
mod error;
mod lookup;
mod output;

pub use ends::leave_ends_to_others;
pub use error::SpawnError;
pub use lookup::look_path;
pub use output::Leftover;

use output::{Kept, feed};

/// A program to run. There is no shell in between.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The program's file, as `look_path` found it; with a slash in it.
    pub program: PathBuf,
    /// What it is told to be called: its argument 0.
    pub arg0: OsString,
    /// Its other arguments.
    pub args: Vec<OsString>,
    /// Variables besides the inherited ones; of a name given twice the last counts.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs; the daemon's own directory if none. A relative `program` is looked for from there.
    pub directory: Option<PathBuf>,
    /// What it reads; `/dev/null` if none.
    pub stdin: Option<Vec<u8>>,
    /// How many bytes of its output are kept: the first ones. The rest is read and counted.
    pub output_bytes: usize,
    /// When it is ended; never, if none.
    pub limit: Option<Limit>,
}

/// When a program is ended. One with a limit leads a process group of its own, and the whole group is ended.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// After this it gets SIGTERM.
    pub timeout: Duration,
    /// After this, counted from there, SIGKILL.
    pub grace: Duration,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it had to be ended because of its limit.
    pub timed_out: bool,
    /// What it wrote to both its outputs, in the order of writing.
    pub output: Vec<u8>,
    /// How many bytes it wrote besides those.
    pub dropped: u64,
}

/// Runs a program and waits until it has ended and its output is closed, as Go's `CombinedOutput` does: a child of the
/// program that keeps the output open is waited for too, but not once the limit has ended them. Calls `exited` as soon
/// as the program itself has ended.
/// A caller that stops waiting leaves the program running.
pub async fn run(spec: Spec, exited: impl FnOnce()) -> Result<Ended, SpawnError> {
    let mut program = Program::start(&spec)?;
    Ok(program.finish(&spec, exited, None).await)
}

/// The same, but once the program itself has ended, its output is waited for no longer than `linger`. What is still open
/// then comes back too: to close it would end those that write to it.
pub async fn run_alone(
    spec: Spec,
    exited: impl FnOnce(),
    linger: Duration,
) -> Result<(Ended, Option<Leftover>), SpawnError> {
    let mut program = Program::start(&spec)?;
    let ended = program.finish(&spec, exited, Some(linger)).await;
    Ok((ended, (!program.closed).then_some(Leftover(program.output))))
}

/// A program that runs.
struct Program {
    child: Child,
    output: pipe::Receiver,
    /// Its output has come to its end.
    closed: bool,
}

impl Program {
    fn start(spec: &Spec) -> Result<Program, SpawnError> {
        let trouble = |source| failure(spec, source);
        let (reader, writer) = io::pipe().map_err(trouble)?;
        // First all that can fail besides the start: a program that was started must not be called not started.
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(trouble)?;
        let child = spawn(spec, writer).map_err(trouble)?;
        Ok(Program { child, output, closed: false })
    }

    async fn finish(&mut self, spec: &Spec, exited: impl FnOnce(), linger: Option<Duration>) -> Ended {
        let Program { child, output, closed } = self;
        let stdin = child.stdin.take();
        let mut kept = Kept::new(spec.output_bytes);
        let talk = async {
            tokio::join!(feed(stdin, spec.stdin.as_deref().unwrap_or_default()), kept.read(output));
        };
        let (status, timed_out) = match spec.limit {
            None => (unlimited(child, talk, closed, exited, linger).await, false),
            Some(limit) => {
                let ended = within(limit, child, talk).await;
                *closed = true;
                exited();
                ended
            }
        };
        let Kept { bytes, dropped, .. } = kept;
        // It was started, so it has ended; that the system doesn't say how is no reason to call it not started.
        let (code, signal) = status.map_or((None, None), |status| (status.code(), status.signal()));
        Ended { code, signal, timed_out, output: bytes, dropped }
    }
}

async fn unlimited(
    child: &mut Child,
    talk: impl Future<Output = ()>,
    closed: &mut bool,
    exited: impl FnOnce(),
    linger: Option<Duration>,
) -> io::Result<ExitStatus> {
    tokio::pin!(talk);
    let early = tokio::select! {
        status = child.wait() => Some(status),
        () = &mut talk => None,
    };
    *closed = early.is_none();
    let status = match early {
        Some(status) => status,
        None => child.wait().await,
    };
    exited();
    if !*closed {
        *closed = match linger {
            Some(linger) => timeout(linger, talk).await.is_ok(),
            None => {
                talk.await;
                true
            }
        };
    }
    status
}

fn spawn(spec: &Spec, writer: io::PipeWriter) -> io::Result<Child> {
    // upstream: a NUL is refused even in a variable that a later one of its name replaces.
    let has_nul = |text: &OsStr| text.as_encoded_bytes().contains(&0);
    if spec.environment.iter().any(|(name, value)| has_nul(name) || has_nul(value)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut command = Command::new(&spec.program);
    command.arg0(&spec.arg0).args(&spec.args);
    for name in SYSTEMDS.iter() {
        command.env_remove(name);
    }
    command.envs(spec.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &spec.directory {
        command.current_dir(directory);
    }
    if spec.limit.is_some() {
        command.process_group(0);
    }
    command.stdin(if spec.stdin.is_some() { Stdio::piped() } else { nothing() });
    // One pipe for both, so that lines stand in the order of writing. The daemon's own ends go with `command`.
    command.stdout(writer.try_clone()?).stderr(writer);
    ends::hear_ends();
    command.spawn()
}

/// What a program reads to which nothing is said. `/dev/null` is opened once: for each of them it would cost a search.
fn nothing() -> Stdio {
    static NOTHING: LazyLock<Option<File>> = LazyLock::new(|| File::open("/dev/null").ok());
    let another = NOTHING.as_ref().and_then(|file| file.try_clone().ok());
    another.map_or_else(Stdio::null, Stdio::from)
}

/// What programs don't inherit. Looked for once: the environment is settled before the first of them is started.
static SYSTEMDS: LazyLock<Vec<OsString>> =
    LazyLock::new(|| std::env::vars_os().map(|(name, _)| name).filter(|name| is_systemds(name)).collect());

/// What systemd tells the daemon about itself, and no program that it runs. `CREDENTIALS_DIRECTORY` is none of it: scripts
/// read their own credentials there, and could find it anyway.
fn is_systemds(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    matches!(name, b"NOTIFY_SOCKET" | b"MAINPID") || name.starts_with(b"LISTEN_") || name.starts_with(b"WATCHDOG_")
}

fn failure(spec: &Spec, source: io::Error) -> SpawnError {
    let program = spec.program.display().to_string();
    // The system says "not found" about a missing directory too, and names neither.
    if let Some(directory) = spec.directory.as_ref().filter(|directory| !directory.is_dir()) {
        return SpawnError::Directory { directory: directory.display().to_string(), source };
    }
    match source.kind() {
        io::ErrorKind::NotFound => {
            SpawnError::NotFound { said: format!("fork/exec {program}: no such file or directory") }
        }
        io::ErrorKind::PermissionDenied => {
            SpawnError::NotExecutable { said: format!("fork/exec {program}: permission denied") }
        }
        io::ErrorKind::ArgumentListTooLong => SpawnError::TooLong { program },
        io::ErrorKind::InvalidInput => SpawnError::Nul { program },
        _ => SpawnError::Failed { program, source },
    }
}

/// How often a program that is being ended is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits for the end of the talk and of the program, and ends both at the limit. Says whether it had to.
///
/// The program is not reaped before its output is closed or its group is killed: until then its id, which is the
/// group's, can't be given to another.
async fn within(limit: Limit, child: &mut Child, talk: impl Future<Output = ()>) -> (io::Result<ExitStatus>, bool) {
    let deadline = Instant::now() + limit.timeout;
    tokio::pin!(talk);
    let mut closed = timeout_at(deadline, &mut talk).await.is_ok();
    if closed && let Ok(status) = timeout_at(deadline, child.wait()).await {
        return (status, false);
    }
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // It may have ended in time, and only left somebody behind who keeps the output open.
    let in_time = group.is_some_and(has_ended);
    signal(group, Signal::TERM);
    let deadline = Instant::now() + limit.grace;
    while Instant::now() < deadline && !(closed && group.is_none_or(has_ended)) {
        match closed {
            true => sleep(LOOK_EVERY).await,
            false => closed = timeout_at(deadline, &mut talk).await.is_ok(),
        }
    }
    signal(group, Signal::KILL);
    (child.wait().await, !in_time)
}

/// Whether the child has ended, without reaping it.
fn has_ended(child: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(rustix::process::waitid(WaitId::Pid(child), options), Ok(Some(_)))
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // The one error there is: nobody is left.
        rustix::process::kill_process_group(group, signal).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Spec {
        Spec {
            program: "/bin/sh".into(),
            arg0: "sh".into(),
            args: vec!["-c".into(), script.into()],
            environment: Vec::new(),
            directory: None,
            stdin: None,
            output_bytes: 1024,
            limit: None,
        }
    }

    async fn output(spec: Spec) -> String {
        String::from_utf8(run(spec, || ()).await.unwrap().output).unwrap()
    }

    const fn limit(timeout: u64, grace: u64) -> Option<Limit> {
        Some(Limit { timeout: Duration::from_millis(timeout), grace: Duration::from_millis(grace) })
    }

    #[tokio::test]
    async fn both_outputs_are_one_in_the_order_of_writing() {
        let ended = run(shell("echo one; echo two >&2; echo three; exit 3"), || ()).await.unwrap();
        let output = b"one\ntwo\nthree\n".to_vec();
        assert_eq!(ended, Ended { code: Some(3), signal: None, timed_out: false, output, dropped: 0 });
    }

    #[tokio::test]
    async fn a_program_gets_its_surroundings() {
        let environment = [("A", "1"), ("A", "2"), ("LISTEN_FDS", "mine")].map(|(k, v)| (k.into(), v.into())).to_vec();
        let spec = Spec { environment, directory: Some("/usr".into()), stdin: Some(b"read".to_vec()), ..shell("") };
        let args = ["-c", "echo $0 $A $LISTEN_FDS; pwd; cat", "me"].map(OsString::from).to_vec();
        assert_eq!(output(Spec { args, ..spec }).await, "me 2 mine\n/usr\nread");
        assert_eq!(output(shell("cat; cat /proc/$$/cmdline | tr '\\0' ' '")).await.split(' ').next(), Some("sh"));
    }

    #[test]
    fn what_systemd_tells_the_daemon_stays_here() {
        let names = ["NOTIFY_SOCKET", "MAINPID", "LISTEN_FDS", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY", "PATH"];
        assert_eq!(names.map(|name| is_systemds(name.as_ref())), [true, true, true, true, false, false]);
    }

    #[tokio::test]
    async fn more_output_than_is_kept_blocks_nobody() {
        let ended = run(Spec { output_bytes: 10, ..shell("head -c 300000 /dev/zero") }, || ()).await.unwrap();
        assert_eq!((ended.output.len(), ended.dropped), (10, 299_990));
    }

    #[tokio::test]
    async fn an_output_that_a_grandchild_holds_is_waited_for() {
        assert_eq!(output(shell("(sleep 0.2; echo late) & echo early")).await, "early\nlate\n");
    }

    #[tokio::test]
    async fn an_end_is_told_though_the_output_stays_open() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let script = "(read go < \"$1\"; echo late) & echo early";
        let folder = tempfile::tempdir().unwrap();
        let gate = folder.path().join("gate");
        rustix::fs::mknodat(rustix::fs::CWD, &gate, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        let spec =
            || Spec { args: ["-c", script, "sh", gate.to_str().unwrap()].map(OsString::from).to_vec(), ..shell("") };
        let open_it = async |said: tokio::sync::oneshot::Receiver<()>| {
            said.await.unwrap();
            // Opening it for both never blocks; the reader has then what it waits for.
            let opened = std::fs::OpenOptions::new().read(true).write(true).open(&gate).unwrap();
            io::Write::write_all(&mut &opened, b"go\n").unwrap();
            opened
        };
        let (ended, _gate) = tokio::join!(run(spec(), || tell.send(()).unwrap()), open_it(told));
        assert_eq!(ended.unwrap().output, b"early\nlate\n");

        let (ended, leftover) = run_alone(spec(), || (), Duration::from_millis(10)).await.unwrap();
        assert_eq!((ended.code, ended.output), (Some(0), b"early\n".to_vec()));
        let (tell, told) = tokio::sync::oneshot::channel();
        tell.send(()).unwrap();
        tokio::join!(leftover.unwrap().drain(), open_it(told));
        assert!(run_alone(shell("echo"), || (), Duration::from_secs(60)).await.unwrap().1.is_none());
    }

    #[tokio::test]
    async fn at_its_limit_the_whole_group_is_ended() {
        let ended =
            run(Spec { limit: limit(2000, 20_000), ..shell("echo begun; sleep 60 | sleep 60") }, || ()).await.unwrap();
        assert_eq!((ended.signal, ended.timed_out, ended.output), (Some(15), true, b"begun\n".to_vec()));
        let stubborn = "trap '' TERM; while :; do sleep 1; done";
        let ended = run(Spec { limit: limit(2000, 100), ..shell(stubborn) }, || ()).await.unwrap();
        assert_eq!((ended.signal, ended.timed_out), (Some(9), true));
    }

    #[tokio::test]
    async fn one_that_ended_in_time_is_not_blamed_for_those_it_left() {
        for escaping in ["sleep 60 & exit 7", "setsid sleep 30 & exit 7"] {
            let begun = Instant::now();
            let ended = run(Spec { limit: limit(2000, 100), ..shell(escaping) }, || ()).await.unwrap();
            assert_eq!((ended.code, ended.timed_out), (Some(7), false), "{escaping}");
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
    }

    #[tokio::test]
    async fn what_can_not_be_started_says_why() {
        let error = async |spec: Spec| run(spec, || ()).await.unwrap_err();
        let missing = Spec { program: "/nowhere/x".into(), ..shell("") };
        assert!(matches!(error(missing).await, SpawnError::NotFound { .. }));
        assert!(matches!(
            error(Spec { program: "/etc/passwd".into(), ..shell("") }).await,
            SpawnError::NotExecutable { .. }
        ));
        assert!(matches!(error(shell(&"x".repeat(200_000))).await, SpawnError::TooLong { .. }));
        assert!(matches!(error(shell("a\0b")).await, SpawnError::Nul { .. }));
        let nowhere = error(Spec { directory: Some("/nowhere".into()), ..shell("") }).await.to_string();
        assert!(nowhere.contains("chdir /nowhere"), "{nowhere}");
    }
}
