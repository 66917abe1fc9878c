//! A small filesystem that can be filled, where this user may mount one.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that is a filesystem of its own. It is unmounted when this is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of so many bytes. The error says why not.
    pub(crate) fn mount(at: &Path, bytes: u64) -> Result<SmallDisk, String> {
        let size = format!("size={bytes},mode=0700");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "hookbell-torture"]).arg(at))?;
        Ok(SmallDisk(at.to_owned()))
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let Ok(mut file) = File::create(self.filler()) else { return };
        // Large pieces first, then what is left of a page.
        for piece in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).ok();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if let Err(why) = run(Command::new("umount").arg(&self.0)) {
            println!("torture: {} stays mounted: {why}", self.0.display());
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()) }
}
