//! The watch over a configuration's files, on a real folder.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hookbell::config::watch::Watch;
use hookbell::tasks::Tasks;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Less than the slow look takes, so that what arrives was seen as it happened; more than the quiet time.
const AT_ONCE: Duration = Duration::from_millis(1500);

/// Enough for the slow look and the quiet time after it, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

struct Scene {
    folder: TempDir,
    changed: mpsc::Receiver<()>,
    watch: Watch,
    tasks: Tasks,
}

impl Scene {
    /// A watch that covers nothing yet.
    fn on(folder: TempDir) -> Scene {
        let tasks = Tasks::new();
        let (tell, changed) = mpsc::channel(1);
        let watch = Watch::start(&tasks, tell);
        Scene { folder, changed, watch, tasks }
    }

    /// A folder with `files`, all of them covered, and the news of that already heard.
    async fn of(files: &[&str]) -> Scene {
        let mut scene = Scene::on(tempfile::tempdir().unwrap());
        for file in files {
            fs::write(scene.path(file), "old").unwrap();
        }
        scene.cover(files).await;
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn cover(&mut self, files: &[&str]) {
        self.watch.cover(files.iter().map(|file| self.path(file)).collect());
        self.told(PATIENCE, "what is covered anew").await;
    }

    async fn told(&mut self, within: Duration, what: &str) -> Duration {
        let start = Instant::now();
        let told = timeout(within, self.changed.recv()).await;
        assert!(told.unwrap_or_else(|_| panic!("not told: {what}")).is_some(), "the watch ended: {what}");
        start.elapsed()
    }

    /// Nothing is told for longer than an event, or the slow look, takes.
    async fn silent(&mut self, what: &str) {
        assert!(timeout(Duration::from_millis(2600), self.changed.recv()).await.is_err(), "told: {what}");
    }
}

fn shell(folder: &Path, script: &str) {
    assert!(Command::new("sh").current_dir(folder).args(["-ec", script]).status().unwrap().success(), "{script}");
}

#[tokio::test]
async fn every_way_to_change_a_file_is_told_at_once() {
    let mut scene = Scene::of(&["hooks.json", "secret"]).await;
    for script in [
        "echo new > hooks.json",
        "echo newer > .tmp && mv .tmp hooks.json",
        "echo newest > .tmp && mv .tmp hooks.json",
        "sed -i s/new/old/ hooks.json",
        "sed -i s/old/new/ hooks.json",
        "echo more >> hooks.json",
        "rm hooks.json",
        "echo back > hooks.json",
        "mv hooks.json hooks.old && cp hooks.old hooks.json",
        "echo other > secret",
        "chmod 600 secret",
    ] {
        shell(scene.folder.path(), script);
        let after = scene.told(AT_ONCE, script).await;
        assert!(after > Duration::from_millis(200), "{script}: told after {after:?}, before it was quiet");
    }
}

#[tokio::test]
async fn a_slow_write_is_told_once_it_is_over() {
    let mut scene = Scene::of(&["hooks.json"]).await;
    let mut file = File::create(scene.path("hooks.json")).unwrap();
    let mut last = Instant::now();
    for _ in 0..16 {
        sleep(Duration::from_millis(50)).await;
        let told = scene.changed.try_recv().is_ok();
        // On a machine that stood still for as long as the quiet time there was quiet.
        assert!(!told || last.elapsed() > Duration::from_millis(250), "told in the middle");
        last = Instant::now();
        file.write_all(b"piece").unwrap();
    }
    drop(file);
    scene.told(AT_ONCE, "the whole").await;
}

#[tokio::test]
async fn a_file_written_without_end_does_not_keep_the_news_back() {
    let mut scene = Scene::of(&["hooks.json"]).await;
    let path = scene.path("hooks.json");
    let storm = async {
        loop {
            fs::write(&path, "again").unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = storm => {}
        _ = scene.told(PATIENCE, "in the storm") => {}
    }
}

/// Runs in a process of its own, for it takes every descriptor there is but two: the kernel's watches need three.
#[tokio::test]
#[ignore = "run by the test below"]
async fn alone_without_watches() {
    let mut scene = Scene::on(tempfile::tempdir().unwrap());
    let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut held: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    held.truncate(held.len() - 2);
    let path = scene.path("hooks.json");
    scene.cover(&["hooks.json"]).await;
    while fs::write(&path, "new").is_err() {
        sleep(Duration::from_millis(10)).await;
    }
    scene.told(PATIENCE, "found by looking").await;
}

#[test]
fn without_watches_changes_are_found_by_looking() {
    let test = ["watch::alone_without_watches", "--exact", "--ignored"];
    let output = Command::new(std::env::current_exe().unwrap()).args(test).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn links_are_followed_when_they_are_turned() {
    let folder = tempfile::tempdir().unwrap();
    shell(folder.path(), "mkdir one two; echo 1 > one/hooks.json; echo 2 > two/hooks.json");
    symlink("one", folder.path().join("..data")).unwrap();
    symlink("..data/hooks.json", folder.path().join("hooks.json")).unwrap();
    let mut scene = Scene::on(folder);
    scene.cover(&["hooks.json", "..data/absent"]).await;
    for script in [
        "ln -s two new; mv -T new ..data",
        "echo 3 > two/hooks.json",
        "ln -s one new; mv -T new ..data; rm -r two",
        "echo 4 > one/new; mv one/new one/hooks.json",
        "echo 5 > one/absent",
        "mv one gone; mkdir one; echo 6 > one/hooks.json",
        "echo 7 > one/hooks.json",
    ] {
        shell(scene.folder.path(), script);
        scene.told(AT_ONCE, script).await;
    }
}

#[tokio::test]
async fn a_covered_folder_tells_of_new_files_and_of_old_ones() {
    let mut scene = Scene::on(tempfile::tempdir().unwrap());
    fs::create_dir(scene.path("hooks.d")).unwrap();
    scene.cover(&["hooks.d", "later/hooks.json"]).await;
    for script in [
        "echo 1 > hooks.d/a.json",
        "echo 2 > hooks.d/a.json",
        "rm hooks.d/a.json",
        "rm -r hooks.d",
        "mkdir hooks.d",
        "echo 3 > hooks.d/b.json",
        "mkdir later",
        "echo 4 > later/hooks.json",
    ] {
        shell(scene.folder.path(), script);
        scene.told(AT_ONCE, script).await;
    }
}

#[tokio::test]
async fn reading_and_other_people_s_files_are_no_news() {
    let mut scene = Scene::of(&["hooks.json"]).await;
    shell(scene.folder.path(), "cat hooks.json; ls -l; echo line >> hooks.log; mkdir state; echo x > state/outbox.db");
    scene.watch.cover(vec![scene.path("hooks.json")]);
    scene.silent("no change of ours").await;
    fs::write(scene.path("hooks.json"), "new").unwrap();
    scene.told(AT_ONCE, "a change of ours").await;
    scene.silent("the same change again").await;
}

#[tokio::test]
async fn what_is_no_longer_covered_is_no_news_and_what_is_new_is() {
    let mut scene = Scene::of(&["a", "b"]).await;
    fs::write(scene.path("c"), "old").unwrap();
    scene.cover(&["b", "c"]).await;
    fs::write(scene.path("a"), "new").unwrap();
    scene.silent("not covered any more").await;
    fs::write(scene.path("c"), "new").unwrap();
    scene.told(AT_ONCE, "covered now").await;
    scene.tasks.stop();
    timeout(PATIENCE, scene.tasks.ended()).await.unwrap();
}

#[tokio::test]
async fn a_watch_ends_when_it_is_dropped() {
    let scene = Scene::of(&["a"]).await;
    drop(scene.watch);
    timeout(PATIENCE, scene.tasks.ended()).await.unwrap();
}
