//! The file of `-logfile`, which may be moved away under our hands.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tracing_subscriber::fmt::MakeWriter;

/// A log file. Every line is one write, so that a kill loses none; what can't be written is lost, and nothing else.
#[derive(Clone)]
pub struct LogFile {
    path: PathBuf,
    file: Arc<RwLock<Arc<File>>>,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> io::Result<LogFile> {
        let file = Arc::new(append(path)?);
        Ok(LogFile { path: path.to_owned(), file: Arc::new(RwLock::new(file)) })
    }

    /// Opens the path again where another file, or none, stands there by now: logrotate moved ours away. If it can't be
    /// opened, ours goes on.
    pub fn reopen(&self) {
        let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
        let ours = self.current().metadata().map(identity);
        // The same one may be a pipe, which can't be opened twice.
        if let (Ok(ours), Ok(there)) = (ours, fs::metadata(&self.path).map(identity))
            && ours == there
        {
            return;
        }
        match append(&self.path) {
            Ok(file) => *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file),
            Err(why) => {
                tracing::error!("the log file {:?} can't be opened again: {why}; the old one goes on", self.path)
            }
        }
    }

    fn current(&self) -> Arc<File> {
        self.file.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.current())
    }
}

/// The file that a line goes to.
pub struct Line(Arc<File>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
