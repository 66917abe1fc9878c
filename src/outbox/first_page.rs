//! A database whose first page is damaged: where its header and its list of tables stood. Every outbox begins alike, so
//! that a copy can be read with the first page of a new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The size of a page, in bytes: SQLite's own choice, in every file that this program makes.
const PAGE: usize = 4096;

/// Where the header has two bytes that say that there is a log, and their value (the file format of SQLite, 1.3).
const LOGGED: (u64, [u8; 2]) = (18, [2, 2]);

/// Where it has the number of pages, and the list of free ones after that.
const PAGES: u64 = 28;

/// The copy. It is gone when this is dropped.
pub(super) struct Mended(PathBuf);

impl Mended {
    /// Copies `damaged` with its log, and puts the first page of `new` into the copy.
    pub(super) fn make(damaged: &Path, new: &Path) -> io::Result<Mended> {
        let mended = Mended(damaged.with_extension("db.mended"));
        let size = fs::copy(damaged, &mended.0)?;
        match fs::copy(beside(damaged, "-wal"), beside(&mended.0, "-wal")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut page = [0; PAGE];
        File::open(new)?.read_exact(&mut page)?;
        let pages = u32::try_from(size / PAGE as u64).unwrap_or(u32::MAX);
        let file = OpenOptions::new().write(true).open(&mended.0)?;
        file.write_all_at(&page, 0)?;
        file.write_all_at(&LOGGED.1, LOGGED.0)?;
        // The number of pages, and no list of free ones: nothing is written to this copy.
        file.write_all_at(&pages.to_be_bytes(), PAGES)?;
        file.write_all_at(&[0; 8], PAGES + 4)?;
        Ok(mended)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mended {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            fs::remove_file(beside(&self.0, end)).ok();
        }
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}
