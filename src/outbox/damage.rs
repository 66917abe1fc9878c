//! How damage is found: by a look through the file, at a start.

use std::fs;
use std::path::Path;
use std::thread::JoinHandle;

use rusqlite::{Connection, InterruptHandle, OpenFlags};

use super::error::OutboxError;
use super::place::{FILE, MARK, suspect, trouble};

/// Files up to this size, in bytes, are looked through before anything is served: that takes some 10 ms per 10 MB. Larger
/// ones are looked through while the daemon works: an hour's outage must not last longer for a check that nearly always
/// finds nothing.
const CHECKED_AT_ONCE: u64 = 32 << 20;

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
