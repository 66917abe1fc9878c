//! Opening the store, and putting a new file in the place of a damaged one.
//!
//! The old files stay as they are until the new one is whole on disk; then they are moved aside together. A kill at any
//! moment leaves either all as it was, or something that the next start completes.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::error::OutboxError;
use super::place::{self, FILE, MARK, trouble};
use super::salvage::{self, Salvaged};
use super::sqlite::Store;
use super::wal;
use crate::clock::Timestamp;

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
        let salvaged = Salvaged { recovered: *recovered, lost: *lost };
        write!(f, "the outbox was damaged ({why}) and is now at {}; {salvaged}", moved_to.display())
    }
}

/// Opens the store in `dir`, and makes what is missing.
pub(super) fn open(dir: &Path, now: Timestamp) -> Result<(Store, Option<Recovery>), OutboxError> {
    let lock = Arc::new(place::take(dir)?);
    complete(dir)?;
    mend_log(dir, now)?;
    let suspect = dir.join(MARK).exists();
    let sound = |store: Store| if suspect { salvage::understand_all(&store.db).map(|()| store) } else { Ok(store) };
    match Store::open(dir, Arc::clone(&lock)).and_then(sound) {
        Err(OutboxError::Corrupt(why)) => {
            let recovery = recover(dir, why, now)?;
            Ok((Store::open(dir, lock)?, Some(recovery)))
        }
        opened => Ok((opened?, None)),
    }
}

/// Puts a new file in the place of a damaged one, with what can be read of it.
fn recover(dir: &Path, why: String, now: Timestamp) -> Result<Recovery, OutboxError> {
    tracing::error!("the outbox is damaged ({why}): what waits in it is recovered into a new file");
    let new = dir.join(NEW);
    // Of a recovery that was broken off.
    if let Err(e) = fs::remove_file(&new)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(trouble(&new, &e));
    }
    let salvaged = salvage::salvage(&dir.join(FILE), &new, &why, now)?;
    fs::rename(&new, dir.join(RECOVERED)).map_err(|e| trouble(&new, &e))?;
    place::sync(dir)?;
    let moved_to = complete(dir)?.unwrap_or_else(|| dir.join(FILE));
    Ok(Recovery { why, moved_to, recovered: salvaged.recovered, lost: salvaged.lost })
}

/// Mends a log that would hide commits. Whether what comes of it is sound, the whole look through the file says.
fn mend_log(dir: &Path, now: Timestamp) -> Result<(), OutboxError> {
    let [log, mended] = ["", ".mended"].map(|end| dir.join(format!("{FILE}-wal{end}")));
    let Some(wal::Mended { frames, commits }) = wal::mend(&log, &mended).map_err(|e| trouble(&log, &e))? else {
        return Ok(());
    };
    let aside = dir.join(format!("{FILE}-wal.broken-{}", stamp(now.since(Timestamp::default()))));
    let kept = aside.display();
    tracing::error!(frames, commits, "the outbox's log was damaged; what was written after that is saved, see {kept}");
    place::suspect(&dir.join(FILE), "its log was damaged");
    wal::replace(&log, &mended, &aside).map_err(|e| trouble(&log, &e))?;
    place::sync(dir)
}

/// Completes a recovery whose new file is whole. Yields where the damaged one is.
fn complete(dir: &Path) -> Result<Option<PathBuf>, OutboxError> {
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
