//! The daemon under torture: killed, stopped, reloaded, its disk full, its provider down or out of its mind, and 64 callers
//! who go on. Afterwards every promise of the outbox must have been kept.
//!
//! Read from the environment: `SEED` (else the clock's), `TORTURE_SECONDS` (60), `HOOKBELL` (another binary).

mod answer;
mod callbacks;
mod callers;
mod chaos;
mod daemon;
mod disk;
mod faults;
mod house;
mod ledger;
mod order;
mod provider;
mod talk;
mod verify;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hookbell::clock::Clock;
use hookbell::tasks::Tasks;

use callers::{CALLERS, Memory};
use daemon::Daemon;
use disk::SmallDisk;
use house::Edition;
use ledger::{Delivery, Ledger};
use provider::Provider;
use verify::Evidence;

/// Room on the small disk: what a minute and what each second of torture needs, with the filler's share beside it.
const DISK: u64 = 16 << 20;
const DISK_PER_SECOND: u64 = 256 << 10;

/// How long the queue may take to empty once nothing is due any more.
const DRAIN: Duration = Duration::from_secs(90);

/// The longest that anything may have to wait for: a delivery that was late several times.
const LONGEST_WAIT: Duration = Duration::from_secs(20 * 60);

/// What the whole show shares.
pub(crate) struct Stage {
    pub(crate) seed: u64,
    over: AtomicBool,
}

impl Stage {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// How often what happened.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<BTreeMap<String, usize>>>);

impl Counts {
    pub(crate) fn add(&self, what: impl Into<String>) {
        *self.0.lock().unwrap().entry(what.into()).or_default() += 1;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lock().unwrap().iter().try_for_each(|(what, count)| writeln!(f, "  {count:>7} {what}"))
    }
}

/// Tortures a daemon for so many seconds, and tells what came of it; or what went wrong, and how to see that again.
pub(crate) async fn run(seed: u64, seconds: u64) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let (tasks, counts) = (Tasks::new(), Counts::default());
    let begun = Instant::now();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let disk = match SmallDisk::mount(&state, DISK + DISK_PER_SECOND * seconds) {
        Ok(disk) => Some(Arc::new(disk)),
        Err(why) => {
            println!("skipped: a full disk, for no small one can be mounted here: {why}");
            None
        }
    };
    let mut daemon = Daemon::new(folder.path());
    let found = torture(seed, seconds, folder.path(), disk.clone(), &mut daemon, &counts, &tasks).await;
    let told =
        format!("torture: SEED={seed} TORTURE_SECONDS={seconds}, {} s in all\n{counts}", begun.elapsed().as_secs());
    tasks.stop();
    tasks.ended().await;
    drop(daemon);
    let Err(faults) = found else { return Ok(told) };
    let kept = keep(folder, disk.is_some());
    std::fs::write(kept.join("faults"), faults.join("\n")).ok();
    let more = faults.len().saturating_sub(SHOWN);
    let faults: String = faults.into_iter().take(SHOWN).map(|fault| format!("  {fault}\n")).collect();
    Err(format!(
        "{told}{faults}  … and {more} more\nonce more: SEED={seed} TORTURE_SECONDS={seconds}; kept: {}",
        kept.display()
    ))
}

/// How many faults are shown.
const SHOWN: usize = 20;

/// From the first start to the verdict.
async fn torture(
    seed: u64,
    seconds: u64,
    folder: &Path,
    disk: Option<Arc<SmallDisk>>,
    daemon: &mut Daemon,
    counts: &Counts,
    tasks: &Tasks,
) -> Result<(), Vec<String>> {
    let one = |why: String| vec![why];
    let provider = Provider::open(seed, daemon.port(), counts.clone(), tasks).await;
    Edition::WHOLE.write(folder, &provider.url()).unwrap();
    chaos::started(daemon, counts).await.map_err(one)?;

    let stage = Arc::new(Stage { seed, over: AtomicBool::new(false) });
    let (memory, chaos, public) = (Memory::default(), Tasks::new(), Tasks::new());
    for number in 0..CALLERS {
        public.spawn(callers::call(number, daemon.port(), stage.clone(), memory.clone(), counts.clone()));
    }
    chaos.spawn(chaos::of_provider(provider.clone(), stage.clone(), counts.clone()));
    if let Some(disk) = &disk {
        chaos.spawn(chaos::of_disk(disk.clone(), stage.clone(), counts.clone()));
    }
    let ends = stage.clone();
    chaos.spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        ends.over.store(true, Ordering::Relaxed);
    });
    let survived = chaos::of_daemon(daemon, folder, &provider, &stage, counts).await;
    stage.over.store(true, Ordering::Relaxed);
    chaos.ended().await;
    survived.map_err(one)?;

    provider.be_well();
    public.ended().await;
    Edition::WHOLE.write(folder, &provider.url()).unwrap();
    daemon.reload();
    drained(&folder.join("state")).await.map_err(one)?;
    provider.has_told().await;
    // What was told may have sent something by another way.
    drained(&folder.join("state")).await.map_err(one)?;
    provider.has_told().await;
    daemon.stop().await.map_err(one)?;
    verdict(folder, &memory, &provider, counts, daemon)
}

/// Waits until nothing is queued or under way. What is due later is waited for, up to a bound.
async fn drained(state: &Path) -> Result<(), String> {
    let clock = Clock::system();
    let last = clock.now().plus(LONGEST_WAIT);
    let mut deadline = clock.now().plus(DRAIN);
    loop {
        let look = || -> rusqlite::Result<_> {
            let ledger = Ledger::open(state)?;
            Ok((ledger.left()?, ledger.held_until()?))
        };
        let ((left, due_at), held_until) = look().map_err(|error| format!("outbox.db can't be read: {error}"))?;
        let now = clock.now();
        match left {
            0 => return Ok(()),
            _ if due_at.max(held_until) > now.millis() => deadline = now.plus(DRAIN),
            _ => {}
        }
        if now > deadline.min(last) {
            return Err(format!("{left} deliveries are still queued or under way, and the last was due at {due_at}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Compares the books, when all is over.
fn verdict(
    folder: &Path,
    memory: &Memory,
    provider: &Provider,
    counts: &Counts,
    daemon: &Daemon,
) -> Result<(), Vec<String>> {
    let unreadable = |error: rusqlite::Error| vec![format!("outbox.db can't be read: {error}")];
    let ledger = Ledger::open(&folder.join("state")).map_err(unreadable)?;
    let deliveries = ledger.deliveries().map_err(unreadable)?;
    deliveries.iter().for_each(|delivery| count(delivery, counts));
    let mut found = std::mem::take(&mut *memory.wrong.lock().unwrap());
    found.extend(provider.wrong());
    match ledger.integrity().map_err(unreadable)? {
        sound if sound == "ok" => {}
        broken => found.push(format!("outbox.db is damaged: {broken}")),
    }
    let log = std::fs::read(daemon.log()).unwrap();
    for words in ["panicked", house::SECRET] {
        if String::from_utf8_lossy(&log).contains(words) {
            found.push(format!("the log says {words:?}"));
        }
    }
    let calls = std::mem::take(&mut *memory.calls.lock().unwrap());
    let messages = ledger.messages().map_err(unreadable)?;
    let (requests, overlaps) = (provider.requests(), provider.overlaps());
    found.extend(Evidence { calls, messages, deliveries, requests, overlaps }.faults());
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn count(delivery: &Delivery, counts: &Counts) {
    counts.add(format!("deliveries {}", delivery.state));
    for (is_so, what) in [
        (delivery.late, "deliveries late"),
        (delivery.possible_duplicate, "deliveries marked possible duplicates"),
        (delivery.moved_at.is_some(), "deliveries that changed their way"),
    ] {
        if is_so {
            counts.add(what);
        }
    }
}

/// Takes the folder out of the way of clean-ups, with what lies on the small disk.
fn keep(folder: tempfile::TempDir, on_small_disk: bool) -> PathBuf {
    let folder = folder.keep();
    if on_small_disk {
        let copy = folder.join("state-kept");
        std::fs::create_dir_all(&copy).ok();
        for file in std::fs::read_dir(folder.join("state")).into_iter().flatten().flatten() {
            std::fs::copy(file.path(), copy.join(file.file_name())).ok();
        }
    }
    folder
}
