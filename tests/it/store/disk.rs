//! Disks that do not take it: each says what it is, where, and what to do.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hookbell::message::Priority;
use hookbell::message::media::Media;
use hookbell::outbox::{Accepted, OutboxError};
use rusqlite::Connection;

use super::{accept, open, refused};
use crate::outbox::{START, message, recipient};

/// A file system of its own, where the tests run as root.
pub(crate) struct Mount(tempfile::TempDir);

impl Mount {
    pub(crate) fn new(size: &str) -> Option<Mount> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(dir.path());
        if !mount.output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: this takes root, and the right to mount");
            return None;
        }
        Some(Mount(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room there is.
    pub(crate) fn fill(&self) {
        let ballast = format!("of={}/ballast", self.path().display());
        Command::new("dd").args(["if=/dev/zero", "bs=4096", &ballast]).output().unwrap();
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }

    pub(crate) fn remount(&self, how: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(self.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.path()).status().ok();
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_passes() {
    let Some(disk) = Mount::new("1m") else { return };
    disk.fill();
    let state = disk.path().join("state");
    assert!(matches!(open(&state), Err(OutboxError::Full)));
    disk.empty();
    let outbox = open(&state).unwrap();
    accept(&outbox, "one", "+15550001").await.unwrap();
    disk.fill();
    let mut stored = 1;
    let refused = loop {
        match accept(&outbox, &"x".repeat(3000), "+15550002").await {
            Ok(_) => stored += 1,
            Err(why) => break why,
        }
    };
    assert!(refused == OutboxError::Full && refused.to_string().contains("make room"), "{refused}");
    disk.empty();
    accept(&outbox, "room again", "+15550003").await.unwrap();
    let accounts = outbox.look(|reader| reader.accounts(START)).await.unwrap();
    assert_eq!(accounts[0].queued, stored + 1, "what was refused is not there");
}

#[tokio::test]
async fn where_a_picture_has_no_room_its_text_may() {
    let Some(disk) = Mount::new("4m") else { return };
    let outbox = open(&disk.path().join("state")).unwrap();
    let graph = Arc::new(Media::file("graph.png", None, vec![7; 6 << 20].into(), None));
    let message = message("full", Priority::Normal, START, Duration::from_secs(3600));
    let id = message.id;
    let to = vec![recipient("ana", &["a"])];
    assert_eq!(outbox.enqueue_bringing(message, Some(graph), to, Vec::new()).await, Ok(Accepted::NewAlone));
    let kept = outbox.find(id).await.unwrap().unwrap();
    assert_eq!((kept.deliveries.len(), outbox.media(id).await), (1, Ok(None)));
}

#[tokio::test]
async fn a_file_system_that_became_read_only_is_told() {
    let Some(disk) = Mount::new("4m") else { return };
    let state = disk.path().join("state");
    open(&state).unwrap().close().await;
    disk.remount("ro");
    let said = refused(&state);
    assert!(said.contains("read-only") && said.contains(state.to_str().unwrap()), "{said}");
    disk.remount("rw");
    open(&state).unwrap();
}

#[tokio::test]
async fn somebody_elses_lock_is_waited_for_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let outbox = open(dir.path()).unwrap();
    let other = Connection::open(dir.path().join("outbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let refused = accept(&outbox, "one", "+15550001").await.unwrap_err();
    assert!(refused == OutboxError::Locked && refused.to_string().contains("backup"), "{refused}");
    assert!(began.elapsed() >= Duration::from_secs(4), "a backup may end soon");
    other.execute_batch("ROLLBACK").unwrap();
    accept(&outbox, "two", "+15550001").await.unwrap();
}

#[test]
fn what_is_in_the_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir_all(path("a/outbox.db")).unwrap();
    let said = refused(&path("a"));
    assert!(said.contains("a/outbox.db is a directory"), "{said}");
    fs::write(path("file"), "").unwrap();
    let said = refused(&path("file/state"));
    assert!(said.contains("file/state is no directory"), "{said}");
    fs::create_dir(path("b")).unwrap();
    let theirs = Connection::open(path("b/outbox.db")).unwrap();
    theirs.execute_batch("CREATE TABLE photos (x)").unwrap();
    let said = refused(&path("b"));
    assert!(said.contains("some other program's database"), "{said}");
    fs::create_dir(path("c")).unwrap();
    symlink("/nonexistent/outbox.db", path("c/outbox.db")).unwrap();
    let said = refused(&path("c"));
    assert!(said.contains("c/outbox.db") && said.contains("No such file"), "{said}");
}

#[test]
fn without_the_right_to_write_the_user_is_named() {
    if rustix::process::geteuid().is_root() {
        eprintln!("skipped: root may write anywhere; the daemon's test of this becomes another user");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let said = refused(dir.path());
    assert!(said.contains("may not be written by user"), "{said}");
}
