//! What the outbox can do on this machine, beside what its disk can do: `cargo run --release --example bench-outbox`.
//!
//! Arguments name parts: `accept`, `dispatch`, `million`; without any, each runs in a process of its own. `BENCH_DIR` is
//! where the files go (the system's place for such; a tmpfs has no disk to measure), `QUEUED` how many wait (1,000,000).
#![allow(clippy::disallowed_methods, reason = "it measures, and ends with its process")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use http::Response;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rusqlite::Connection;
use tokio::sync::oneshot;

use hookbell::account::{AccountName, Address, AddressKind};
use hookbell::clock::Clock;
use hookbell::config::load::{Loader, Sources};
use hookbell::contact::{Recipient, Way};
use hookbell::dispatch::{Dispatcher, transport};
use hookbell::message::{DEFAULT_TTL, Message, MessageId, Priority, TextFormat};
use hookbell::outbox::Outbox;
use hookbell::provider::Account;
use hookbell::tasks::Tasks;

/// How long each figure is measured.
const EACH: Duration = Duration::from_secs(4);

/// An alarm as they are.
const TEXT: &str = "disk /var on db1.example.org is 95 % full (9.5 of 10 GB): 500 MB are left, 40 minutes at this rate";

fn main() -> anyhow::Result<()> {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    if parts.is_empty() {
        for part in ["accept", "dispatch", "million"] {
            let status = std::process::Command::new(std::env::current_exe()?).arg(part).status()?;
            if !status.success() {
                bail!("{part} failed");
            }
        }
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for part in parts {
        let dir = Folder::new(&part)?;
        match part.as_str() {
            "accept" => runtime.block_on(accept(&dir.0))?,
            "dispatch" => runtime.block_on(dispatch(&dir.0))?,
            "million" => runtime.block_on(million(&dir.0))?,
            other => bail!("no part is called {other}"),
        }
    }
    Ok(())
}

/// A folder that is gone when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(part: &str) -> anyhow::Result<Folder> {
        let place = std::env::var_os("BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
        let dir = place.join(format!("hookbell-bench-{part}-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Folder(dir))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Durable accepts beside a bare group commit of one row each, in turns, so that both meet the same disk.
async fn accept(dir: &Path) -> anyhow::Result<()> {
    let fsync = fsync(&dir.join("probe"))?;
    println!("one fdatasync of 4 KiB: {:.2} ms", millis(fsync));
    let outbox = Outbox::open(&dir.join("ours"), Clock::system())?;
    let bare = Bare::start(&dir.join("bare.db"))?;
    for callers in [1, 64] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            // Each client rings somebody of its own.
            ours.push(run(callers, EACH / 2, |call| one(outbox.clone(), call % callers)).await?);
            theirs.push(run(callers, EACH / 2, |caller| bare.clone().insert(caller)).await?);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "accept, {callers:>2} callers: {:>6.0}/s, p50 {:.2} ms, p99 {:.2} ms = {:.1} fsyncs; bare SQLite {:>6.0}/s, p50 {:.2} ms, p99 {:.2} ms; ratio {:.2}",
            ours.rate,
            millis(ours.p50),
            millis(ours.p99),
            ours.p99.as_secs_f64() / fsync.as_secs_f64(),
            theirs.rate,
            millis(theirs.p50),
            millis(theirs.p99),
            ours.rate / theirs.rate
        );
    }
    outbox.close().await;
    Ok(())
}

/// The rate and the waits of one run.
struct Figures {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

fn median(mut runs: Vec<Figures>) -> Figures {
    runs.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    let middle = runs.len() / 2;
    runs.swap_remove(middle)
}

/// Callers that ask again as soon as they are answered.
async fn run<F, T>(callers: usize, time: Duration, ask: F) -> anyhow::Result<Figures>
where
    F: Fn(usize) -> T,
    T: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let began = Instant::now();
    let mut tasks = Vec::new();
    let (tell, told) = std::sync::mpsc::channel();
    let mut asked = 0;
    // Each caller is a chain of tasks, so that none is polled for another's answer.
    let (done, mut free) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..callers {
        done.send(()).ok();
    }
    while let Some(()) = free.recv().await {
        if began.elapsed() >= time {
            break;
        }
        let (one, tell, done) = (ask(asked), tell.clone(), done.clone());
        asked += 1;
        tasks.push(tokio::spawn(async move {
            let asked_at = Instant::now();
            let result = one.await;
            tell.send(asked_at.elapsed()).ok();
            done.send(()).ok();
            result
        }));
    }
    for task in tasks {
        task.await??;
    }
    let took = began.elapsed();
    drop(tell);
    let mut waits: Vec<Duration> = told.iter().collect();
    waits.sort();
    let part = |hundredth: usize| waits.get(waits.len() * hundredth / 100).copied().unwrap_or_default();
    Ok(Figures { rate: waits.len() as f64 / took.as_secs_f64(), p50: part(50), p99: part(99) })
}

async fn one(outbox: Outbox, caller: usize) -> anyhow::Result<()> {
    outbox.enqueue(message()?, vec![recipient(caller, "a")]).await?;
    Ok(())
}

fn message() -> anyhow::Result<Message> {
    let now = Clock::system().now();
    Ok(Message {
        id: MessageId::generate(now).map_err(anyhow::Error::msg)?,
        hook: "disk".to_owned(),
        caller: None,
        title: None,
        text: TEXT.to_owned(),
        format: TextFormat::Plain,
        thread: None,
        priority: Priority::Normal,
        accepted_at: now,
        expires_at: now.plus(DEFAULT_TTL),
    })
}

fn recipient(number: usize, account: &str) -> Recipient {
    let address = Address { kind: AddressKind::new("telegram"), text: format!("{}", 10_000_000 + number) };
    Recipient {
        contact: format!("contact-{number}"),
        ways: vec![Way { account: AccountName::new(account), address, patience: None }],
    }
}

/// SQLite alone: a thread that puts what was accepted into two tables, a message and a delivery, as many as wait in one
/// transaction. No queue, no count, no order: what any store would have to write.
#[derive(Clone)]
struct Bare(std::sync::mpsc::SyncSender<oneshot::Sender<()>>);

impl Bare {
    fn start(file: &Path) -> anyhow::Result<Bare> {
        let db = Connection::open(file)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;
             CREATE TABLE messages (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, at INTEGER NOT NULL);
             CREATE TABLE deliveries (id INTEGER PRIMARY KEY, message INTEGER NOT NULL, contact TEXT NOT NULL,
                 ways TEXT NOT NULL, state TEXT NOT NULL, due_at INTEGER NOT NULL);
             CREATE INDEX due ON deliveries (due_at) WHERE state = 'queued'",
        )?;
        let (send, inbox) = sync_channel::<oneshot::Sender<()>>(1024);
        std::thread::spawn(move || -> anyhow::Result<()> {
            while let Ok(first) = inbox.recv() {
                db.execute_batch("BEGIN IMMEDIATE")?;
                let mut waiting = Vec::new();
                for caller in std::iter::once(first).chain(inbox.try_iter()).take(256) {
                    let now = Clock::system().now();
                    let id = MessageId::generate(now).map_err(anyhow::Error::msg)?.to_string();
                    let given = rusqlite::params![id, TEXT, now.millis()];
                    db.prepare_cached("INSERT INTO messages (id, text, at) VALUES (?1, ?2, ?3)")?.execute(given)?;
                    let sql = "INSERT INTO deliveries (message, contact, ways, state, due_at)
                               VALUES (?1, 'contact-1', '[[\"a\",\"telegram\",\"10000001\"]]', 'queued', ?2)";
                    let given = rusqlite::params![db.last_insert_rowid(), now.millis()];
                    db.prepare_cached(sql)?.execute(given)?;
                    waiting.push(caller);
                }
                db.execute_batch("COMMIT")?;
                for caller in waiting {
                    caller.send(()).ok();
                }
            }
            Ok(())
        });
        Ok(Bare(send))
    }

    async fn insert(self, _: usize) -> anyhow::Result<()> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(reply).map_err(|_| anyhow::anyhow!("the bare writer is gone"))?;
        Ok(answer.await?)
    }
}

fn fsync(file: &Path) -> anyhow::Result<Duration> {
    let mut file = std::fs::File::create(file)?;
    let mut times = Vec::new();
    for _ in 0..100 {
        file.write_all(&[7; 4096])?;
        let began = Instant::now();
        file.sync_data()?;
        times.push(began.elapsed());
    }
    times.sort();
    Ok(times.get(50).copied().unwrap_or_default())
}

/// From the queue to a fast provider, over real HTTP on this host.
async fn dispatch(dir: &Path) -> anyhow::Result<()> {
    const COUNT: usize = 30_000;
    let provider = Provider::start().await?;
    let accounts = accounts(dir, provider.port)?;
    let outbox = Outbox::open(&dir.join("state"), Clock::system())?;
    fill(&outbox, COUNT).await?;
    let began = Instant::now();
    let _dispatcher = start(&outbox, &accounts);
    while depth(&outbox).await? > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = COUNT as f64 / began.elapsed().as_secs_f64();
    println!("dispatch to a provider that answers at once: {rate:.0}/s ({} requests)", provider.asked());
    Ok(())
}

fn start(outbox: &Outbox, accounts: &BTreeMap<AccountName, Arc<Account>>) -> Dispatcher {
    let mut dispatcher = Dispatcher::start(outbox.clone(), Clock::system(), &Tasks::new(), transport::carriers());
    dispatcher.reconcile(accounts);
    dispatcher
}

async fn fill(outbox: &Outbox, count: usize) -> anyhow::Result<()> {
    for first in (0..count).step_by(1000) {
        let to = (first..count.min(first + 1000)).map(|number| recipient(number, "a")).collect();
        outbox.enqueue(message()?, to).await?;
    }
    Ok(())
}

async fn depth(outbox: &Outbox) -> anyhow::Result<i64> {
    let accounts = outbox.look(|reader| reader.accounts(Clock::system().now())).await?;
    Ok(accounts.iter().map(|account| account.queued + account.sending).sum())
}

/// A server that takes everything, as Telegram would.
struct Provider {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Provider {
    async fn start() -> anyhow::Result<Provider> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let (port, asked) = (listener.local_addr()?.port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).ok();
                let count = Arc::clone(&count);
                let answer = service_fn(move |request: http::Request<Incoming>| {
                    let count = Arc::clone(&count);
                    async move {
                        drop(request.into_body().collect().await);
                        let id = count.fetch_add(1, Ordering::Relaxed);
                        let body = format!("{{\"ok\":true,\"result\":{{\"message_id\":{id}}}}}");
                        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body)))
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
            }
        });
        Ok(Provider { port, asked })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn accounts(dir: &Path, port: u16) -> anyhow::Result<BTreeMap<AccountName, Arc<Account>>> {
    let file = dir.join("hooks.json");
    let account = format!(
        r#"{{ "accounts": {{ "a": {{ "provider": "telegram", "bot-token": "1:x", "base-url": "http://127.0.0.1:{port}",
               "rate": "1000000/s burst 1000", "per-recipient": "1000/s" }} }},
             "contacts": {{ "ana": {{ "telegram": "1" }} }},
             "hooks": [ {{ "id": "bell", "send": {{ "to": "ana", "via": "a" }} }} ] }}"#
    );
    std::fs::write(&file, account)?;
    let compiled = Loader::new(Sources { named: vec![file], ..Sources::default() }).start();
    if let Some(finding) = compiled.all_findings().into_iter().find(|finding| finding.is_error()) {
        bail!("{finding}");
    }
    Ok(compiled.config.accounts)
}

/// A million that wait: memory, accepts, and how soon the first is sent after a start.
async fn million(dir: &Path) -> anyhow::Result<()> {
    let count = std::env::var("QUEUED").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let provider = Provider::start().await?;
    let accounts = accounts(dir, provider.port)?;
    let state = dir.join("state");
    let outbox = Outbox::open(&state, Clock::system())?;
    let empty = run(64, EACH, |call| one(outbox.clone(), call % 1000)).await?;
    let began = Instant::now();
    fill(&outbox, count).await?;
    let size = std::fs::metadata(state.join("outbox.db"))?.len() >> 20;
    println!("{count} queued in {:.0} s: {size} MiB", began.elapsed().as_secs_f64());
    let full = run(64, EACH, |call| one(outbox.clone(), call % 1000)).await?;
    println!(
        "accept, 64 callers: {:.0}/s when empty, {:.0}/s with {count} queued: ratio {:.2}; p99 {:.2} and {:.2} ms",
        empty.rate,
        full.rate,
        full.rate / empty.rate,
        millis(empty.p99),
        millis(full.p99)
    );
    outbox.close().await;
    drop(outbox);
    memory("before the restart")?;
    let began = Instant::now();
    let outbox = Outbox::open(&state, Clock::system())?;
    let opened = began.elapsed();
    outbox.void_leases().await?;
    let dispatcher = start(&outbox, &accounts);
    while provider.asked() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("start to first send: {:.0} ms, of which opening {:.0} ms", millis(began.elapsed()), millis(opened));
    tokio::time::sleep(EACH).await;
    println!("dispatch with {count} queued: {:.0}/s", provider.asked() as f64 / began.elapsed().as_secs_f64());
    memory("while it sends")?;
    dispatcher.stop().await;
    let began = Instant::now();
    outbox.close().await;
    println!("closing: {:.0} ms", millis(began.elapsed()));
    Ok(())
}

/// What this process holds, the fake provider and the bench included.
fn memory(when: &str) -> anyhow::Result<()> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").context("/proc/self/smaps_rollup")?;
    let figure = |name: &str| {
        let line = rollup.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
    };
    println!("memory {when}: RSS {:.1} MiB, PSS {:.1} MiB", figure("Rss:"), figure("Pss:"));
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
