//! Commands: from a hook and a call to a program's arguments, environment and output.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::files::{self, Content, Written};
use super::send::render_words;
use crate::clock::Timestamp;
use crate::go::print;
use crate::hook::{Capture, CommandLine, Hook, Run};
use crate::metrics::{CommandEnd, Metrics};
use crate::process::{self, Ended, Leftover, SpawnError, Spec};
use crate::request::HookRequest;
use crate::request::mask::Mask;
use crate::request::parameter::Parameter;
use crate::tasks::Tasks;

mod log;

pub use log::Answered;
use log::missing;

/// Children at one time: each costs a process and a pipe, and a small container has a few hundred of both to spare.
const RUNNING: usize = 512;

/// Runs that may wait for a free place: a storm of calls is worked off, a flood is answered 503.
const WAITING: usize = 20_000;

/// What the arguments, variables, files and secrets of the waiting ones may take, in bytes.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

/// After its end, so long a command's output is read for the log. A daemon that it started may hold it open for years.
const LINGER: Duration = Duration::from_secs(2);

/// Outputs that are held open by what ended commands have started, each with a file of ours. Beyond that they are closed.
const LEFT_OPEN: usize = 256;

/// Output that is kept for a caller, in bytes.
const OUTPUT_BYTES: usize = 64 * 1024 * 1024;

/// Output that is kept only for the log, in bytes.
const LOGGED_BYTES: usize = 64 * 1024;

/// What became of a command.
#[derive(Debug)]
pub enum Ran {
    /// It runs, or will once this is dropped; the caller does not wait for it.
    Started(Option<Answered>),
    /// It ended well, and this is its output.
    Well(Vec<u8>),
    /// It ended badly or never started; its output, where the caller may have it.
    Badly(Option<Vec<u8>>),
}

/// Why a command was not even tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunRefusal {
    /// Too many wait already.
    #[error("{WAITING} commands, or {WAITING_BYTES} bytes of their arguments and files, wait already")]
    Overloaded,
    /// The command line's templates don't render for this call.
    #[error("{0}")]
    Template(String),
}

/// The runner of commands: all hooks share its bounds.
#[derive(Clone, Debug)]
pub struct Commands {
    running: Arc<Semaphore>,
    waiting: Arc<Waiting>,
    tasks: Tasks,
    left: Left,
    metrics: Metrics,
}

/// Who reads what ended commands have left open. Nobody waits for these tasks: they end when a stranger does.
#[derive(Clone, Debug)]
struct Left {
    places: Arc<Semaphore>,
    tasks: Tasks,
}

impl Left {
    /// Reads on what is still open, and takes the files away once it is closed: whoever holds it may still read them.
    async fn take(&self, leftover: Leftover, written: Written, hook: &Hook) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            tracing::warn!(hook = %hook.id, "the output of an ended command is closed, though something that it started \
                still holds it: {LEFT_OPEN} others are open already; redirect the output of what is to run on");
            return written.remove(&hook.id).await;
        };
        let hook = hook.id.clone();
        self.tasks.spawn(async move {
            leftover.drain().await;
            drop(place);
            written.remove(&hook).await;
        });
    }
}

#[derive(Debug, Default)]
struct Waiting {
    runs: AtomicUsize,
    bytes: AtomicUsize,
}

/// A place among the waiting, given back when dropped.
struct Place {
    waiting: Arc<Waiting>,
    bytes: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.runs.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A free place among the running; the semaphore is never closed, so that there is always one in it.
type Permit = Result<OwnedSemaphorePermit, AcquireError>;

/// A command ready to run.
struct Invocation {
    hook: Arc<Hook>,
    program: String,
    file: Result<PathBuf, SpawnError>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    files: Vec<Content>,
    directory: Option<PathBuf>,
    capture: Capture,
    mask: Mask,
}

impl Commands {
    /// A runner whose commands belong to `tasks`: who stops can wait for them.
    pub fn new(tasks: Tasks, metrics: Metrics) -> Commands {
        let left = Left { places: Arc::new(Semaphore::new(LEFT_OPEN)), tasks: Tasks::new() };
        Commands { running: Arc::new(Semaphore::new(RUNNING)), waiting: Arc::default(), tasks, left, metrics }
    }

    /// How many run, and how many wait for a free place.
    pub fn running_and_waiting(&self) -> (usize, usize) {
        let running = RUNNING.saturating_sub(self.running.available_permits());
        (running, self.waiting.runs.load(Ordering::Relaxed))
    }

    /// Runs a hook's command, and says what to wait for: nothing where the hook does not want the output. The call itself
    /// is read by then, and need not be kept. A caller that goes away does not end the command.
    pub fn run(
        &self,
        hook: &Arc<Hook>,
        run: &Run,
        request: &HookRequest,
        now: Timestamp,
    ) -> Result<impl Future<Output = Ran> + use<>, RunRefusal> {
        let invocation = Invocation::of(hook, run, request, now)?;
        let place = self.place(&invocation)?;
        let (running, left, metrics) = (self.running.clone(), self.left.clone(), self.metrics.clone());
        let (tell, told) = oneshot::channel();
        let waits = invocation.capture != Capture::Nothing;
        let (answered, awaited) = if waits { (None, None) } else { Answered::awaited() };
        self.tasks.spawn(async move {
            if let Some(answered) = awaited {
                answered.await;
            }
            let permit = running.acquire_owned().await;
            drop(place);
            // Nobody listens any more if the caller has gone.
            tell.send(invocation.execute(permit, &left, &metrics).await).ok();
        });
        Ok(async move {
            match waits {
                true => told.await.unwrap_or(Ran::Badly(None)),
                false => Ran::Started(answered),
            }
        })
    }

    fn place(&self, invocation: &Invocation) -> Result<Place, RunRefusal> {
        let bytes = invocation.arguments.iter().map(|argument| argument.len()).sum::<usize>()
            + invocation.environment.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
            + invocation.files.iter().map(Content::bytes).sum::<usize>()
            + invocation.mask.bytes();
        let runs = self.waiting.runs.fetch_add(1, Ordering::Relaxed);
        let waiting = self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        let place = Place { waiting: self.waiting.clone(), bytes };
        // One alone is always taken, however long its arguments: the system bounds those.
        if runs >= WAITING || (runs > 0 && waiting + bytes > WAITING_BYTES) {
            return Err(RunRefusal::Overloaded);
        }
        Ok(place)
    }
}

impl Invocation {
    fn of(hook: &Arc<Hook>, run: &Run, request: &HookRequest, now: Timestamp) -> Result<Invocation, RunRefusal> {
        let (program, arguments) = match &run.command {
            CommandLine::Execute { program, arguments } => {
                let arguments = arguments.iter().map(|argument| value_or_empty(argument, request, hook)).collect();
                (program.clone(), arguments)
            }
            CommandLine::Line(words) => {
                let mut words = render_words(words, hook, request, now).map_err(RunRefusal::Template)?.into_iter();
                let program = words.next().unwrap_or_default();
                (program, words.map(OsString::from).collect())
            }
        };
        let environment = run.environment.iter().filter_map(|(name, parameter)| match parameter.resolve(request) {
            Ok(value) => Some((OsString::from(name), OsString::from_vec(value))),
            Err(_) => {
                // upstream: `envname` as it is written; none is the usual name.
                let given = if name.strip_prefix("HOOK_") == Some(&parameter.name) { "" } else { name };
                let what = missing(parameter, given);
                tracing::warn!(hook = %hook.id, "error extracting command arguments for environment: {what}");
                None
            }
        });
        let environment = environment.collect();
        let files = files::contents(&run.files, request, hook);
        let (hook, directory, capture) = (hook.clone(), run.directory.clone(), run.capture);
        let file = run.file(&program);
        let mask = Mask::of(request, &hook.guarded);
        Ok(Invocation { hook, program, file, arguments, environment, files, directory, capture, mask })
    }

    /// Runs it. `permit` is given back when the program itself has ended, whoever still holds its output.
    async fn execute(mut self, permit: Permit, left: &Left, metrics: &Metrics) -> Ran {
        let hook = self.hook.id.clone();
        metrics.command_started(hook.as_str());
        let file = match &self.file {
            Ok(file) => file.clone(),
            Err(why) => {
                self.log_lookup(why);
                metrics.command_ended(hook.as_str(), CommandEnd::NotStarted, Duration::ZERO);
                return self.badly(Vec::new());
            }
        };
        // Only now, for those that wait would fill the disk.
        let files = std::mem::take(&mut self.files);
        let written = files::write(files, self.directory.as_deref(), &self.hook.id).await;
        self.environment.extend(written.variables());
        let (began, exited) = (Instant::now(), Arc::new(OnceLock::new()));
        let note = Arc::clone(&exited);
        let has_exited = move || {
            drop(permit);
            note.set(began.elapsed()).ok();
        };
        let (ended, leftover) = self.start(file, has_exited).await;
        let took = exited.get().copied().unwrap_or_default();
        metrics.command_ended(hook.as_str(), end_of(&ended), took);
        let ran = match ended {
            Ok(ended) => self.ended(ended),
            Err(why) => {
                self.log_no_start(&why);
                self.badly(Vec::new())
            }
        };
        match leftover {
            Some(leftover) => left.take(leftover, written, &self.hook).await,
            None => written.remove(&self.hook.id).await,
        }
        tracing::debug!("finished handling {}", self.hook.id);
        ran
    }

    /// Starts the program and waits for its end, which `exited` hears of first. What is left over of its output is the
    /// caller's.
    async fn start(
        &self,
        file: PathBuf,
        exited: impl FnOnce() + Send + 'static,
    ) -> (Result<Ended, SpawnError>, Option<Leftover>) {
        let program = self.program.as_str();
        self.log_start(&file);
        let spec = Spec {
            program: file,
            // upstream: argv[0] is the text as configured, not the file that was found.
            arg0: OsStr::new(program).to_owned(),
            args: self.arguments.clone(),
            environment: self.environment.clone(),
            directory: self.directory.clone(),
            stdin: None,
            output_bytes: if self.capture == Capture::Nothing { LOGGED_BYTES } else { OUTPUT_BYTES },
            limit: None,
        };
        // upstream: a caller that wants the output gets all of it, so that it waits until the output is closed.
        match self.capture {
            Capture::Nothing => process::run_alone(spec, exited, LINGER)
                .await
                .map_or_else(|why| (Err(why), None), |(ended, leftover)| (Ok(ended), leftover)),
            Capture::Output | Capture::OutputAlsoOnError => (process::run(spec, exited).await, None),
        }
    }

    fn ended(&self, ended: Ended) -> Ran {
        let hook = &self.hook.id;
        if ended.dropped > 0 && self.capture != Capture::Nothing {
            tracing::warn!(%hook, dropped = ended.dropped, "the output was longer than {OUTPUT_BYTES} bytes: its end is cut off");
        }
        self.log_output(&ended);
        let how = match (ended.code, ended.signal) {
            (Some(0), _) => None,
            (Some(code), _) => Some(format!("exit status {code}")),
            (None, signal) => Some(format!("signal: {}", print::signal(signal.unwrap_or_default()))),
        };
        match how {
            None => Ran::Well(ended.output),
            Some(how) => {
                self.log_failure(&ended, &how);
                self.badly(ended.output)
            }
        }
    }

    fn badly(&self, output: Vec<u8>) -> Ran {
        Ran::Badly((self.capture == Capture::OutputAlsoOnError).then_some(output))
    }
}

fn end_of(ended: &Result<Ended, SpawnError>) -> CommandEnd {
    match ended {
        Ok(Ended { code: Some(0), .. }) => CommandEnd::Well,
        Ok(Ended { code: Some(_), .. }) => CommandEnd::Badly,
        Ok(Ended { code: None, .. }) => CommandEnd::Killed,
        Err(_) => CommandEnd::NotStarted,
    }
}

/// upstream: an argument that is not there is an empty one, and the command runs all the same.
fn value_or_empty(parameter: &Parameter, request: &HookRequest, hook: &Hook) -> OsString {
    let value = parameter.resolve(request).unwrap_or_else(|_| {
        tracing::warn!(hook = %hook.id, "error extracting command arguments: {}", missing(parameter, ""));
        Vec::new()
    });
    OsString::from_vec(value)
}
