//! A damaged file: how it is found, and how its place is taken by a new one.
//!
//! It is judged only at a start. The old files stay as they are until the new one is whole on disk; then they are moved
//! aside together. A kill at any moment leaves either all as it was, or something that the next start completes.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::{Connection, InterruptHandle, OpenFlags};

use super::error::OutboxError;
use super::place::{self, FILE, trouble};
use super::salvage;
use crate::clock::Timestamp;

/// Files up to this size, in bytes, are looked through before anything is served: that takes some 10 ms per 10 MB. Larger
/// ones are looked through while the daemon works: an hour's outage must not last longer for a check that nearly always
/// finds nothing.
const CHECKED_AT_ONCE: u64 = 32 << 20;

/// Its presence makes the next start look through the whole file, whatever its size.
const MARK: &str = "outbox.db.suspect";

/// The new file while it is made, and once it is whole.
const NEW: &str = "outbox.db.new";
const RECOVERED: &str = "outbox.db.recovered";

/// The files of a database besides the first, which bears no such ending.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What became of a damaged outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// What was wrong.
    pub why: String,
    /// Where the damaged database is now; its `-wal` and `-shm` are beside it.
    pub moved_to: PathBuf,
    /// Deliveries that had not ended, and are in the new file.
    pub recovered: u64,
    /// Those that are not; `None` where nobody can count them.
    pub lost: Option<u64>,
}

/// Loudly: somebody may have been promised a message that is gone.
impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recovery { why, moved_to, recovered, lost } = self;
        write!(
            f,
            "the outbox was damaged ({why}) and is now at {}; of what waited {recovered} were saved",
            moved_to.display()
        )?;
        match lost {
            Some(lost) => write!(f, ", {lost} are lost"),
            None => write!(f, ", and nobody can tell how many are lost"),
        }
    }
}

/// Looks through the file: at once if it is small or suspect, else on a thread of its own.
pub(super) fn check(dir: &Path, db: &Connection) -> Result<Option<Check>, OutboxError> {
    let size = fs::metadata(dir.join(FILE)).map_or(0, |file| file.len());
    if size > CHECKED_AT_ONCE && !dir.join(MARK).exists() {
        return Ok(Check::start(dir));
    }
    look_through(db)?;
    match fs::remove_file(dir.join(MARK)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(trouble(dir, &e)),
        _ => Ok(None),
    }
}

fn look_through(db: &Connection) -> Result<(), OutboxError> {
    let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    // SQLite puts the name of the database on a line of its own.
    let found = found.lines().filter(|line| !line.starts_with("***")).collect::<Vec<_>>().join("; ");
    if found == "ok" { Ok(()) } else { Err(OutboxError::Corrupt(found)) }
}

/// Notes that the file is to be looked through at the next start.
pub(super) fn suspect(file: &Path, why: &str) {
    if let Err(e) = fs::write(file.with_file_name(MARK), format!("{why}\n")) {
        tracing::warn!("that the outbox may be damaged can't be noted for the next start: {e}");
    }
}

/// A look through a large file, while it is used. Dropping it ends it.
pub(super) struct Check {
    stop: InterruptHandle,
    thread: Option<JoinHandle<()>>,
}

impl Check {
    fn start(dir: &Path) -> Option<Check> {
        let file = dir.join(FILE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&file, flags).ok()?;
        let stop = db.get_interrupt_handle();
        let look = move || {
            if let Err(OutboxError::Corrupt(why)) = look_through(&db) {
                tracing::error!("the outbox is damaged ({why}): restart the daemon, and it recovers what can be read");
                suspect(&file, &why);
            }
        };
        let thread = std::thread::Builder::new().name("outbox-check".to_owned()).spawn(look).ok()?;
        Some(Check { stop, thread: Some(thread) })
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.stop.interrupt();
        self.thread.take().map(JoinHandle::join);
    }
}

/// Puts a new file in the place of a damaged one, with what can be read of it.
pub(super) fn recover(dir: &Path, why: String, now: Timestamp) -> Result<Recovery, OutboxError> {
    tracing::error!("the outbox is damaged ({why}): what waits in it is recovered into a new file");
    let new = dir.join(NEW);
    // Of a recovery that was broken off.
    if let Err(e) = fs::remove_file(&new)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(trouble(&new, &e));
    }
    let salvaged = salvage::salvage(&dir.join(FILE), &new, now)?;
    fs::rename(&new, dir.join(RECOVERED)).map_err(|e| trouble(&new, &e))?;
    place::sync(dir)?;
    let moved_to = complete(dir)?.unwrap_or_else(|| dir.join(FILE));
    Ok(Recovery { why, moved_to, recovered: salvaged.recovered, lost: salvaged.lost })
}

/// Completes a recovery whose new file is whole. Yields where the damaged one is.
pub(super) fn complete(dir: &Path) -> Result<Option<PathBuf>, OutboxError> {
    let recovered = dir.join(RECOVERED);
    let Ok(made) = fs::metadata(&recovered) else { return Ok(None) };
    // By the new file's time, so that all get the same name, also should this be done in two goes.
    let stamp = stamp(made.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default());
    let aside = |end: &str| dir.join(format!("{FILE}.broken-{stamp}{end}"));
    for end in BESIDE.into_iter().chain([""]) {
        let from = dir.join(format!("{FILE}{end}"));
        match fs::rename(&from, aside(end)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(trouble(&from, &e)),
            _ => {}
        }
    }
    place::sync(dir)?;
    fs::rename(&recovered, dir.join(FILE)).map_err(|e| trouble(&recovered, &e))?;
    fs::remove_file(dir.join(MARK)).ok();
    place::sync(dir)?;
    Ok(Some(aside("")))
}

/// `20261121T053012Z`
fn stamp(since_epoch: Duration) -> String {
    let written = Timestamp::default().plus(since_epoch).to_string();
    let digits: String = written.chars().take("2026-11-21T05:30:12".len()).filter(|c| c.is_alphanumeric()).collect();
    format!("{digits}Z")
}
