//! The only place that starts programs.
//!
//! Every program is started by `posix_spawn`, whose cost does not grow with the daemon: the standard library does so
//! as long as the program is given with a slash, no `pre_exec` is used, and no user or group is changed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, CWD};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout_at};

/// Read from a program's output at once.
const CHUNK_BYTES: usize = 8 * 1024;

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

/// Why a program was not started. The words are Go's, for adnanh/webhook's log has them.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such file, or no such name in `$PATH`.
    #[error("exec: \"{program}\": {why}")]
    NotFound {
        /// As it was named.
        program: String,
        /// In words.
        why: &'static str,
    },
    /// There is such a file, but it can't be executed.
    #[error("exec: \"{program}\": {why}")]
    NotExecutable {
        /// As it was named.
        program: String,
        /// In words.
        why: &'static str,
    },
    /// An argument or all of them together are longer than the system allows (on Linux 128 KiB for one).
    #[error("fork/exec {program}: argument list too long")]
    TooLong {
        /// As it was named.
        program: String,
    },
    /// There is a NUL character in an argument or in a variable.
    #[error("fork/exec {program}: invalid argument")]
    Nul {
        /// As it was named.
        program: String,
    },
    /// Something else.
    #[error("fork/exec {program}: {source}")]
    Failed {
        /// As it was named.
        program: String,
        /// What the system says.
        source: io::Error,
    },
}

/// The file that a command's name means, as Go's `exec.LookPath` finds it: a name with a slash is a file's; another is
/// searched in the folders of `path` (the value of `$PATH`), of which relative ones are passed over.
pub fn look_path(name: &str, path: Option<&OsStr>) -> Result<PathBuf, SpawnError> {
    if name.contains('/') {
        return executable(Path::new(name)).map(|()| PathBuf::from(name)).map_err(|why| why.about(name));
    }
    std::env::split_paths(path.unwrap_or_default())
        .filter(|folder| folder.is_absolute() && !name.is_empty())
        .map(|folder| folder.join(name))
        .find(|file| executable(file).is_ok())
        .ok_or_else(|| SpawnError::NotFound { program: name.to_owned(), why: "executable file not found in $PATH" })
}

enum Unfit {
    Missing,
    Directory,
    Forbidden,
}

impl Unfit {
    fn about(self, program: &str) -> SpawnError {
        let program = program.to_owned();
        match self {
            Unfit::Missing => SpawnError::NotFound { program, why: "no such file or directory" },
            Unfit::Directory => SpawnError::NotExecutable { program, why: "is a directory" },
            Unfit::Forbidden => SpawnError::NotExecutable { program, why: "permission denied" },
        }
    }
}

fn executable(file: &Path) -> Result<(), Unfit> {
    let found = std::fs::metadata(file).map_err(|e| match e.kind() {
        io::ErrorKind::PermissionDenied => Unfit::Forbidden,
        _ => Unfit::Missing,
    })?;
    if found.is_dir() {
        return Err(Unfit::Directory);
    }
    // By the rights that the kernel will look at, the effective ones.
    let allowed = rustix::fs::accessat(CWD, file, Access::EXEC_OK, AtFlags::EACCESS);
    if found.is_file() && allowed.is_ok() { Ok(()) } else { Err(Unfit::Forbidden) }
}

/// Runs a program and waits until it has ended and its output is closed, as Go's `CombinedOutput` does: a child of the
/// program that keeps the output open is waited for too, but not once the limit has ended them.
/// A caller that stops waiting leaves the program running.
pub async fn run(spec: Spec) -> Result<Ended, SpawnError> {
    let trouble = |source| failure(&spec, source);
    let (reader, writer) = io::pipe().map_err(trouble)?;
    let mut child = spawn(&spec, writer).map_err(trouble)?;
    let mut output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(trouble)?;
    let stdin = child.stdin.take();
    let mut kept = Kept { bytes: Vec::new(), most: spec.output_bytes, dropped: 0 };

    let talk = async {
        tokio::join!(feed(stdin, spec.stdin.as_deref().unwrap_or_default()), kept.read(&mut output));
    };
    let (status, timed_out) = match spec.limit {
        None => {
            let ((), status) = tokio::join!(talk, child.wait());
            (status, false)
        }
        Some(limit) => within(limit, &mut child, talk).await,
    };
    let status = status.map_err(trouble)?;
    let Kept { bytes, dropped, .. } = kept;
    Ok(Ended { code: status.code(), signal: status.signal(), timed_out, output: bytes, dropped })
}

fn spawn(spec: &Spec, writer: io::PipeWriter) -> io::Result<Child> {
    let mut command = Command::new(&spec.program);
    command.arg0(&spec.arg0).args(&spec.args);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_systemds(name)) {
        command.env_remove(name);
    }
    command.envs(spec.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &spec.directory {
        command.current_dir(directory);
    }
    if spec.limit.is_some() {
        command.process_group(0);
    }
    command.stdin(if spec.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
    // One pipe for both, so that lines stand in the order of writing. The daemon's own ends go with `command`.
    command.stdout(writer.try_clone()?).stderr(writer);
    command.spawn()
}

/// What systemd tells the daemon about itself, and no program that it runs.
fn is_systemds(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name == b"NOTIFY_SOCKET" || name == b"MAINPID" || name.starts_with(b"LISTEN_") || name.starts_with(b"WATCHDOG_")
}

fn failure(spec: &Spec, source: io::Error) -> SpawnError {
    let program = spec.program.display().to_string();
    // The system says "not found" about a missing directory too, and names neither.
    if let Some(directory) = spec.directory.as_ref().filter(|directory| !directory.is_dir()) {
        return SpawnError::Failed {
            program,
            source: io::Error::other(format!("chdir {}: {source}", directory.display())),
        };
    }
    match source.kind() {
        io::ErrorKind::NotFound => Unfit::Missing.about(&program),
        io::ErrorKind::PermissionDenied => Unfit::Forbidden.about(&program),
        io::ErrorKind::ArgumentListTooLong => SpawnError::TooLong { program },
        io::ErrorKind::InvalidInput => SpawnError::Nul { program },
        _ => SpawnError::Failed { program, source },
    }
}

/// Writes all that the program reads. One that does not read it all is free to.
async fn feed(stdin: Option<ChildStdin>, bytes: &[u8]) {
    if let Some(mut stdin) = stdin {
        stdin.write_all(bytes).await.ok();
    }
}

struct Kept {
    bytes: Vec<u8>,
    most: usize,
    dropped: u64,
}

impl Kept {
    async fn read(&mut self, output: &mut pipe::Receiver) {
        let mut chunk = vec![0; CHUNK_BYTES];
        // A pipe gives no error but at its end.
        while let Ok(read @ 1..) = output.read(&mut chunk).await {
            let room = self.most.saturating_sub(self.bytes.len()).min(read);
            self.bytes.extend_from_slice(chunk.get(..room).unwrap_or_default());
            self.dropped += u64::try_from(read - room).unwrap_or(0);
        }
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
        String::from_utf8(run(spec).await.unwrap().output).unwrap()
    }

    const fn limit(timeout: u64, grace: u64) -> Option<Limit> {
        Some(Limit { timeout: Duration::from_millis(timeout), grace: Duration::from_millis(grace) })
    }

    #[test]
    fn a_name_is_looked_up_as_go_does() {
        let found = |name: &str, path: &str| look_path(name, Some(path.as_ref())).map_err(|e| e.to_string());
        assert_eq!(found("sh", "bin:/nowhere:/bin"), Ok("/bin/sh".into()));
        assert_eq!(found("sh", "").unwrap_err(), "exec: \"sh\": executable file not found in $PATH");
        assert_eq!(found("", "/bin").unwrap_err(), "exec: \"\": executable file not found in $PATH");
        assert_eq!(found("/bin/../bin/sh", ""), Ok("/bin/../bin/sh".into()));
        assert_eq!(found("/nowhere/x", "").unwrap_err(), "exec: \"/nowhere/x\": no such file or directory");
        assert_eq!(found("/bin/", "").unwrap_err(), "exec: \"/bin/\": is a directory");
        assert_eq!(found("/etc/passwd", "").unwrap_err(), "exec: \"/etc/passwd\": permission denied");
    }

    #[tokio::test]
    async fn both_outputs_are_one_in_the_order_of_writing() {
        let ended = run(shell("echo one; echo two >&2; echo three; exit 3")).await.unwrap();
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

    #[tokio::test]
    async fn more_output_than_is_kept_blocks_nobody() {
        let ended = run(Spec { output_bytes: 10, ..shell("head -c 300000 /dev/zero") }).await.unwrap();
        assert_eq!((ended.output.len(), ended.dropped), (10, 299_990));
    }

    #[tokio::test]
    async fn an_output_that_a_grandchild_holds_is_waited_for() {
        assert_eq!(output(shell("(sleep 0.2; echo late) & echo early")).await, "early\nlate\n");
    }

    #[tokio::test]
    async fn at_its_limit_the_whole_group_is_ended() {
        let ended = run(Spec { limit: limit(100, 5000), ..shell("echo begun; sleep 60 | sleep 60") }).await.unwrap();
        assert_eq!((ended.signal, ended.timed_out, ended.output), (Some(15), true, b"begun\n".to_vec()));
        let stubborn = "trap '' TERM; while :; do sleep 1; done";
        let ended = run(Spec { limit: limit(100, 100), ..shell(stubborn) }).await.unwrap();
        assert_eq!((ended.signal, ended.timed_out), (Some(9), true));
    }

    #[tokio::test]
    async fn one_that_ended_in_time_is_not_blamed_for_those_it_left() {
        for escaping in ["sleep 60 & exit 7", "setsid sleep 2 & exit 7"] {
            let begun = Instant::now();
            let ended = run(Spec { limit: limit(300, 100), ..shell(escaping) }).await.unwrap();
            assert_eq!((ended.code, ended.timed_out), (Some(7), false), "{escaping}");
            assert!(begun.elapsed() < Duration::from_millis(1500));
        }
    }

    #[tokio::test]
    async fn what_can_not_be_started_says_why() {
        let error = async |spec: Spec| run(spec).await.unwrap_err();
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
