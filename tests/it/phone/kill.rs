//! Whatever was accepted survives: the program is killed again and again under load, and every message still arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hookbell::tasks::Tasks;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::daemon::{Daemon, Plan, SECRET, ring};
use super::graph::{Call, Graph, Reply};
use super::phone;

/// How many contacts there are. Each has a caller of its own.
const CONTACTS: usize = 8;

/// Callers who write to three of them at once.
const LISTS: usize = 2;

/// How long it may take, after the last kill, until the last message has arrived: some wait for a retry.
const DRAIN: Duration = Duration::from_secs(300);

/// Numbers that nobody foresees.
#[derive(Clone)]
struct Dice(Arc<AtomicU64>);

impl Dice {
    fn new() -> Dice {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        Dice(Arc::new(AtomicU64::new(u64::from_le_bytes(seed))))
    }

    /// A number below `bound` (splitmix64).
    fn below(&self, bound: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn time(&self, milliseconds: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(milliseconds.start + self.below(milliseconds.end - milliseconds.start))
    }
}

/// A provider on a bad day.
fn moody(dice: &Dice) -> Reply {
    let answer = match dice.below(1000) {
        0..3 => Reply::Fault(429, 130_429),
        3..13 => Reply::Fault(400, 131_056),
        13..25 => Reply::Fault(500, 131_000),
        25..30 => Reply::Fault(503, 2),
        30..36 => return Reply::Hang,
        36..44 => Reply::Reset,
        44..50 => Reply::Raw(200, "", "<html>".to_owned()),
        _ => Reply::Taken,
    };
    let takes = if dice.below(4) == 0 { dice.time(20..150) } else { dice.time(1..15) };
    Reply::After(takes, Box::new(answer))
}

/// A text says who wrote it, its number there, and whether the provider wants it.
fn text(caller: usize, number: u64, wanted: bool) -> String {
    format!("{caller}/{number}/{}", if wanted { "fine" } else { "unwanted" })
}

fn is_wanted(text: &str) -> bool {
    !text.ends_with("unwanted")
}

/// The text as it was written: a late one has its time before it.
fn written(text: &str) -> (&str, bool) {
    text.split_once("Z] ").map_or((text, false), |(_, text)| (text, true))
}

/// What the callers remember.
#[derive(Default)]
struct Memory {
    /// Id and text of all that was accepted.
    accepted: Vec<(String, String)>,
    /// Calls that got no answer, or another.
    unanswered: u64,
    refused: u64,
}

/// Calls as long as the show goes on; whatever was not accepted is left, and the next text is another.
async fn call(
    caller: usize,
    mut door: watch::Receiver<Option<SocketAddr>>,
    over: Arc<AtomicBool>,
    dice: Dice,
    memory: Arc<Mutex<Memory>>,
) {
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(address) = door.wait_for(Option::is_some).await.map(|address| address.unwrap()) else { return };
        let text = text(caller, number, dice.below(50) > 0);
        let hook = if caller < CONTACTS { format!("c{caller}") } else { format!("list{caller}") };
        let answer = ring(address, &hook, &text).await;
        {
            let mut memory = memory.lock().unwrap();
            match answer {
                Ok((202, body)) => {
                    let id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned();
                    memory.accepted.push((id, text));
                }
                Ok(_) => memory.refused += 1,
                Err(_) => memory.unanswered += 1,
            }
        }
        tokio::time::sleep(dice.time(10..80)).await;
    }
}

fn plan(url: &str) -> Plan {
    let mut plan = Plan::new().whatsapp("wa", 1, url, json!({ "timeout": "1s" }));
    for n in 0..CONTACTS {
        plan = plan.contact(&format!("c{n}"), phone(&format!("7999000000{n}")), &["wa"]);
    }
    for n in 0..LISTS {
        let to: Vec<_> = (0..3).map(|k| format!("c{}", n * 3 + k)).collect();
        plan = plan.hook(&format!("list{}", CONTACTS + n), json!(to), &["wa"]);
    }
    plan
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_any_number_of_kills() {
    let kills: u64 = std::env::var("KILLS").map_or(50, |kills| kills.parse().unwrap());
    let (dice, folder, begun) = (Dice::new(), tempfile::tempdir().unwrap(), Instant::now());
    let moods = dice.clone();
    let graph = Graph::open(move |call, _| match is_wanted(call.text()) {
        true => moody(&moods),
        false => Reply::Fault(400, 131_026),
    });
    let graph = graph.await;
    plan(&graph.url()).write(folder.path());

    let (tasks, over, memory) =
        (Tasks::new(), Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Memory::default())));
    let (open, door) = watch::channel(None);
    for caller in 0..CONTACTS + LISTS {
        tasks.spawn(call(caller, door.clone(), over.clone(), dice.clone(), memory.clone()));
    }
    for _ in 0..kills {
        // Rarely: nothing is sent for a second or more after it.
        if dice.below(20) == 0 {
            graph.be_deaf(1);
        }
        let mut daemon = Daemon::spawn(folder.path());
        if dice.below(10) == 0 {
            // Not even up.
            tokio::time::sleep(dice.time(0..60)).await;
        } else {
            open.send_replace(Some(daemon.listens().await));
            tokio::time::sleep(dice.time(20..700)).await;
        }
        let log = daemon.kill();
        open.send_replace(None);
        let trouble = log.lines().find(|line| line.contains(" ERROR ") && !line.contains("state=failed"));
        assert!(!log.contains(SECRET) && !log.contains("panicked") && trouble.is_none(), "{log}");
    }
    over.store(true, Ordering::Relaxed);
    let mut daemon = Daemon::spawn(folder.path());
    open.send_replace(Some(daemon.listens().await));
    tasks.stop();
    tasks.ended().await;
    let killing = begun.elapsed();
    graph.script(|call, _| if is_wanted(call.text()) { Reply::Taken } else { Reply::Fault(400, 131_026) });

    let memory = std::mem::take(&mut *memory.lock().unwrap());
    let ended = all_ended(&daemon, &memory, &graph).await;
    let calls = graph.calls();
    let (deliveries, duplicates, late) = assert_nothing_lost(&memory, &ended, &calls);
    assert_order(&calls);
    graph.assert_orderly();
    println!(
        "{kills} kills in {killing:.1?}, drained after {:.1?}: {} accepted, {} unanswered, {} refused; {deliveries} \
         deliveries, {} requests, {duplicates} came twice or more and are marked, {late} late",
        begun.elapsed() - killing,
        memory.accepted.len(),
        memory.unanswered,
        memory.refused,
        calls.len(),
    );
    daemon.stop().await;
}

/// Waits until every message that anybody knows of is at its end; yields where their deliveries stand.
async fn all_ended(daemon: &Daemon, memory: &Memory, graph: &Graph) -> BTreeMap<String, Vec<Value>> {
    let deadline = Instant::now() + DRAIN;
    let mut ended = BTreeMap::new();
    loop {
        // Also those whose caller got no answer: they may have been stored, and then the same holds for them.
        let told = graph.calls().into_iter().map(|call| id_and_number(&call).0);
        let known: BTreeSet<_> = memory.accepted.iter().map(|(id, _)| id.clone()).chain(told).collect();
        let open: Vec<_> = known.into_iter().filter(|id| !ended.contains_key(id)).collect();
        if open.is_empty() {
            return ended;
        }
        for id in open {
            let deliveries = loop {
                let deliveries = daemon.deliveries(&id).await;
                if deliveries.iter().all(|delivery| delivery["state"] == "sent" || delivery["state"] == "failed") {
                    break deliveries;
                }
                assert!(Instant::now() < deadline, "{id} is not at its end: {deliveries:?}\n{}", daemon.main_log());
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            ended.insert(id, deliveries);
        }
    }
}

/// The message's id, and the delivery's number in the outbox.
fn id_and_number(call: &Call) -> (String, u64) {
    let (id, number) = call.key().split_once('-').unwrap();
    (id.to_owned(), number.parse().unwrap())
}

/// Every accepted message reached every phone it was for, and what may have rung twice says so. Yields how many
/// deliveries there are, and how many of them came twice, and late.
fn assert_nothing_lost(memory: &Memory, ended: &BTreeMap<String, Vec<Value>>, calls: &[Call]) -> (usize, usize, usize) {
    let mut of: BTreeMap<String, BTreeMap<u64, Vec<&Call>>> = BTreeMap::new();
    for call in calls {
        let (id, number) = id_and_number(call);
        of.entry(id).or_default().entry(number).or_default().push(call);
    }
    for (id, text) in &memory.accepted {
        let came = &of[id];
        let caller: usize = text.split('/').next().unwrap().parse().unwrap();
        let phones: BTreeSet<_> = came.values().map(|calls| calls[0].to()).collect();
        let wanted = if caller < CONTACTS { 1 } else { 3 };
        assert_eq!((phones.len(), ended[id].len()), (wanted, wanted), "{text}");
        assert!(came.values().flatten().all(|call| written(call.text()).0 == text), "{text}");
    }
    let (mut all, mut duplicates, mut late) = (0, 0, 0);
    for (id, deliveries) in ended {
        for (delivery, calls) in deliveries.iter().zip(of[id].values()) {
            let (text, rang) = (calls[0].text(), calls.iter().filter(|call| call.rang).count());
            let state = if is_wanted(text) { "sent" } else { "failed" };
            assert_eq!(delivery["state"], state, "{text}");
            assert!(rang > 0 || state == "failed", "{text} is called sent and never came");
            assert!(rang < 2 || delivery["possible-duplicate"] == true, "{text} rang {rang} times: {delivery}");
            all += 1;
            duplicates += usize::from(rang > 1);
            late += usize::from(delivery["late"] == true);
        }
    }
    (all, duplicates, late)
}

/// Of one caller's texts, none came to a phone before all requests for the one before were over, unless that was late.
fn assert_order(calls: &[Call]) {
    let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
    for call in calls {
        let (text, late) = written(call.text());
        let (caller, rest) = text.split_once('/').unwrap();
        let number: u64 = rest.split('/').next().unwrap().parse().unwrap();
        let last = last.entry((call.to(), caller.to_owned())).or_default();
        assert!(late || number >= *last, "`{text}` came to {} after number {last}", call.to());
        *last = number.max(*last);
    }
}
