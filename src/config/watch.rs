//! Tells that files of a configuration have changed: at once where the kernel reports it, by looking every two seconds
//! where it does not (network file systems, mounts into containers, no watches left).
//!
//! Watched are folders, never files: an editor that saves by renaming leaves a watch on a file behind with the old one.

mod reach;

use std::collections::BTreeSet;
use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::reach::{Print, Reach, print};
use crate::tasks::Tasks;

/// How long nothing must have happened before it is told: long enough for an editor, a `git checkout` or a ConfigMap to
/// get through all its files, short enough to feel immediate.
const QUIET: Duration = Duration::from_millis(300);

/// After which time it is told although something still happens: a file that is written without pause must not keep the
/// others' changes back.
const STORM: Duration = Duration::from_secs(2);

/// How often all files are looked at. Only where no event comes does anyone wait for this.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Bells waiting to be heard: one is enough, for it says no more than "look".
const BELLS: usize = 1;

/// How often arming starts again because a link was turned meanwhile; then the next look will find it.
const ARMING_TRIES: usize = 3;

/// A watch over the files of a configuration. Dropping it ends it.
#[derive(Debug)]
pub struct Watch(watch::Sender<Vec<PathBuf>>);

impl Watch {
    /// Starts watching, as yet over nothing. `changed` gets an item after each change; capacity 1 is enough, for while
    /// one waits there, no second is needed.
    pub fn start(tasks: &Tasks, changed: mpsc::Sender<()>) -> Watch {
        let (watch, covered) = watch::channel(Vec::new());
        let mut stopping = Box::pin(tasks.stopping());
        tasks.spawn(async move {
            tokio::select! {
                biased;
                () = &mut stopping => {}
                () = Watching::new(changed).run(covered) => {}
            }
        });
        Watch(watch)
    }

    /// Watches these files from now on, and no others. They need not exist. A folder stands for itself and every file
    /// directly inside. Files that were not covered before are reported as changed once: they may have been between the
    /// time they were read and now.
    pub fn cover(&self, files: Vec<PathBuf>) {
        self.0.send_replace(files);
    }
}

/// A change that has been seen and not been told.
#[derive(Clone, Copy, Debug)]
struct Unrest {
    first: Instant,
    last: Instant,
}

#[derive(Debug)]
struct Watching {
    changed: mpsc::Sender<()>,
    files: Vec<PathBuf>,
    seen: Print,
    native: Option<Native>,
    unrest: Option<Unrest>,
    /// What has been complained about, so that it is logged once.
    complaints: BTreeSet<String>,
}

/// The kernel's watches, and the bell that they ring. The sender lives inside the watcher: when that dies, so does the
/// bell, and we hear it.
#[derive(Debug)]
struct Native {
    _watcher: RecommendedWatcher,
    bell: mpsc::Receiver<()>,
}

impl Watching {
    fn new(changed: mpsc::Sender<()>) -> Watching {
        Watching {
            changed,
            files: Vec::new(),
            seen: Print::new(),
            native: None,
            unrest: None,
            complaints: BTreeSet::new(),
        }
    }

    async fn run(mut self, mut covered: watch::Receiver<Vec<PathBuf>>) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.unrest.map(|unrest| (unrest.last + QUIET).min(unrest.first + STORM));
            tokio::select! {
                biased;
                () = async { match due { Some(due) => sleep_until(due).await, None => pending().await } } => {
                    // Armed anew first, for a folder may have been replaced; then told, so that whoever reads the files
                    // now reads them later than `seen`.
                    self.unrest = None;
                    self.arm().await;
                    if let Err(mpsc::error::TrySendError::Closed(())) = self.changed.try_send(()) {
                        return;
                    }
                }
                news = covered.changed() => {
                    if news.is_err() {
                        return;
                    }
                    self.files = covered.borrow_and_update().clone();
                    if self.arm().await {
                        self.stir();
                    }
                }
                rung = ring(&mut self.native) => {
                    if !rung {
                        tracing::warn!("the file watcher died; a new one is made");
                        self.native = None;
                    }
                    self.stir();
                }
                _ = look.tick() => self.look().await,
            }
        }
    }

    /// Something happened.
    fn stir(&mut self) {
        let now = Instant::now();
        self.unrest = Some(Unrest { first: self.unrest.map_or(now, |unrest| unrest.first), last: now });
    }

    /// Looks at every file.
    async fn look(&mut self) {
        if self.native.is_none() && !self.files.is_empty() {
            if self.arm().await {
                self.stir();
            }
            return;
        }
        let files = self.files.clone();
        let found = apart(move || print(&files)).await;
        if let Some(found) = found.filter(|found| *found != self.seen) {
            self.seen = found;
            self.stir();
        }
    }

    /// Makes new watches for what the files' names mean now, then looks. Whether a file looks different than last time.
    async fn arm(&mut self) -> bool {
        let files = self.files.clone();
        // The old watches stay until the new ones are there.
        let Some((found, native, troubles)) = apart(move || arm(&files)).await else { return true };
        self.native = native;
        for trouble in troubles {
            if !self.complaints.contains(&trouble) {
                tracing::warn!("{trouble}; changes are found by looking every {} s", LOOK_EVERY.as_secs());
                self.complaints.insert(trouble);
            }
        }
        let differs = found.iter().any(|(path, stamp)| self.seen.get(path) != Some(stamp));
        self.seen = found;
        differs
    }
}

/// Resolves to true when the watcher rings, to false when it has died; never without one.
async fn ring(native: &mut Option<Native>) -> bool {
    match native {
        Some(native) => native.bell.recv().await.is_some(),
        None => pending().await,
    }
}

/// Runs what may block: a file system can be a network's. None if it panicked, as the watcher's library does when its
/// thread can't be made.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn arm(files: &[PathBuf]) -> (Print, Option<Native>, Vec<String>) {
    let mut reach = Reach::of(files);
    let (mut native, mut troubles) = (None, Vec::new());
    for _ in 0..ARMING_TRIES {
        troubles.clear();
        native = native_watch(&reach, &mut troubles);
        let now = Reach::of(files);
        if now == reach {
            break;
        }
        reach = now;
    }
    (print(files), native, troubles)
}

fn native_watch(reach: &Reach, troubles: &mut Vec<String>) -> Option<Native> {
    let (ringer, bell) = mpsc::channel(BELLS);
    let relevant = reach.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_news = match event {
            Ok(event) => event.need_rescan() || is_change(event.kind) && event.paths.iter().any(|p| relevant.holds(p)),
            // Events may have been lost.
            Err(_) => true,
        };
        if is_news {
            // Full: it rings already.
            ringer.try_send(()).ok();
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => watcher,
        Err(error) => {
            troubles.push(format!("files can't be watched: {error}"));
            return None;
        }
    };
    for folder in reach.folders() {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            troubles.push(format!("{} can't be watched: {error}", folder.display()));
        }
    }
    Some(Native { _watcher: watcher, bell })
}

/// Whether an event can mean a change. Being opened and read can't; and since we read what changed, taking those for
/// changes would never end.
fn is_change(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, ModifyKind, RenameMode};

    #[test]
    fn reading_is_no_change() {
        for (kind, change) in [
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), false),
            (EventKind::Access(AccessKind::Read), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), true),
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
        ] {
            assert_eq!(is_change(kind), change, "{kind:?}");
        }
    }
}
