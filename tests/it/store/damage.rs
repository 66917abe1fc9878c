//! Damaged files: what can be read comes back, what can't is counted, and the old files are kept.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hookbell::account::Limits;
use hookbell::message::alarm::Cause;
use hookbell::message::delivery::{DeliveryState, OnUnknown, Receipt, Report};
use hookbell::message::news::{News, Told};
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Outbox, Settlement, Terms};
use rusqlite::Connection;

use super::{HOUR, accept, open};
use crate::outbox::{START, account, message, recipient, standstill};

const PAGE: u64 = 4096;
const MESSAGES: usize = 600;

/// A store with 600 messages, of which some were sent and one is under way.
struct Filled {
    dir: tempfile::TempDir,
    waiting: Vec<MessageId>,
    leased: MessageId,
    _standstill: std::sync::mpsc::Sender<()>,
}

impl Filled {
    async fn new() -> Filled {
        let (dir, _standstill) = (tempfile::tempdir().unwrap(), standstill());
        let outbox = open(dir.path()).unwrap();
        let mut ids = Vec::new();
        for n in 0..MESSAGES {
            ids.push(accept(&outbox, &format!("{n}: {}", "full ".repeat(20)), &format!("+1555{n:04}")).await.unwrap());
        }
        let claims = outbox.claim(&account("a"), terms(16)).await.unwrap().claims;
        let mut gone = BTreeSet::new();
        let mut leased = None;
        for claim in claims {
            let id = claim.delivery().message;
            gone.insert(id);
            if leased.is_none() {
                leased = Some(id);
                continue;
            }
            let settlement = Settlement { outcome: Ok(Receipt::default()), on_unknown: OnUnknown::Retry };
            outbox.settle(claim, settlement).await.unwrap();
        }
        outbox.close().await;
        let waiting = ids.into_iter().filter(|id| !gone.contains(id)).collect();
        Filled { dir, waiting, leased: leased.unwrap(), _standstill }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Pages of a table or an index that hold its rows.
    fn pages(&self, name: &str) -> Vec<u64> {
        let db = Connection::open(self.file("outbox.db")).unwrap();
        let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path";
        let mut statement = db.prepare(sql).unwrap();
        statement.query_map([name], |row| row.get::<_, i64>(0)).unwrap().map(|page| page.unwrap() as u64).collect()
    }

    fn overwrite(&self, page: u64, with: u8) {
        let file = fs::OpenOptions::new().write(true).open(self.file("outbox.db")).unwrap();
        file.write_all_at(&[with; PAGE as usize], (page - 1) * PAGE).unwrap();
    }

    /// Opens it again, and finds how many of those that wait are still there and in their order.
    async fn reopened(&self) -> (Outbox, usize) {
        let outbox = open(self.dir.path()).unwrap();
        outbox.void_leases().await.unwrap();
        let mut there = 0;
        for id in &self.waiting {
            let Some(found) = outbox.find(*id).await.unwrap() else { continue };
            assert_eq!(found.deliveries[0].delivery.state, DeliveryState::Queued);
            assert_eq!(found.deliveries[0].delivery.recipient.ways.len(), 2);
            there += 1;
        }
        (outbox, there)
    }

    fn moved_aside(&self) -> Vec<String> {
        let names = fs::read_dir(self.dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("broken")).collect()
    }
}

fn terms(free: usize) -> Terms {
    Terms { free, limits: Limits::NONE, lease: HOUR, on_unknown: OnUnknown::Retry }
}

/// It takes messages and sends them, oldest first.
async fn works(outbox: &Outbox, oldest: Option<MessageId>) {
    let new = accept(outbox, "new", "+19990000").await.unwrap();
    let claims = outbox.claim(&account("a"), terms(1000)).await.unwrap().claims;
    let ids: Vec<_> = claims.iter().map(|claim| claim.delivery().message).collect();
    assert_eq!((ids.first().copied(), ids.last().copied()), (oldest.or(Some(new)), Some(new)));
}

fn sound(dir: &Path) {
    let db = Connection::open(dir.join("outbox.db")).unwrap();
    let told: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(told, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_page_costs_what_stood_on_it_and_no_more() {
    for with in [0, 0xFF, b'x'] {
        let filled = Filled::new().await;
        let pages = filled.pages("deliveries");
        assert!(pages.len() > 10, "{}", pages.len());
        filled.overwrite(pages[pages.len() / 2], with);
        let (outbox, there) = filled.reopened().await;
        let recovery = outbox.recovery().unwrap();
        let lost = recovery.lost.unwrap();
        assert!((1..60).contains(&lost), "{recovery:?}");
        assert_eq!(
            (recovery.recovered + lost, recovery.recovered),
            (filled.waiting.len() as u64 + 1, there as u64 + 1)
        );
        assert!(recovery.moved_to.exists() && recovery.moved_to.to_str().unwrap().contains("outbox.db.broken-20"));
        let unknown = outbox.find(filled.leased).await.unwrap().unwrap().deliveries.remove(0);
        assert!(unknown.delivery.possible_duplicate && unknown.attempts == 1, "its lease is unknown");
        works(&outbox, Some(filled.waiting[0])).await;
        outbox.close().await;
        sound(filled.dir.path());
        assert!(open(filled.dir.path()).unwrap().recovery().is_none(), "once is enough");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_index_costs_nothing() {
    for name in
        ["address_queue", "deliveries_in_order", "deliveries_expiring", "sqlite_autoindex_messages_1", "accounts"]
    {
        let filled = Filled::new().await;
        filled.overwrite(filled.pages(name)[0], 0);
        let (outbox, there) = filled.reopened().await;
        let recovery = outbox.recovery().unwrap_or_else(|| panic!("{name}"));
        assert_eq!((there, recovery.lost), (filled.waiting.len(), Some(0)), "{name}: {recovery:?}");
        assert_eq!(recovery.recovered, filled.waiting.len() as u64 + 1, "{name}: and the leased one");
        let accounts = outbox.look(|reader| reader.accounts(START)).await.unwrap();
        let queued: i64 = accounts.iter().map(|account| account.queued + account.sending).sum();
        assert_eq!(queued, filled.waiting.len() as i64 + 1, "{name}: {accounts:?}");
        works(&outbox, Some(filled.waiting[0])).await;
    }
}

/// Its provider took it, and who was written a patience is still to be told if nothing more is heard.
#[tokio::test(start_paused = true)]
async fn what_was_taken_and_not_told_of_yet_is_saved_with_its_receipt() {
    for (taken, expected) in [(Some(Duration::from_secs(600)), Some(DeliveryState::Delivered)), (None, None)] {
        let filled = Filled::new().await;
        let outbox = open(filled.dir.path()).unwrap();
        let message = message("disk", Priority::High, START, HOUR);
        let id = message.id;
        let mut to = recipient("+1999", &["wa", "sms"]);
        to.ways[0].patience = taken;
        outbox.enqueue(message, vec![to]).await.unwrap();
        let claim = outbox.claim(&account("wa"), terms(1)).await.unwrap().claims.remove(0);
        let receipt = Receipt { id: Some("r1".to_owned()), ..Receipt::default() };
        let settlement = Settlement { outcome: Ok(receipt), on_unknown: OnUnknown::Retry };
        assert_eq!(outbox.settle(claim, settlement).await.unwrap()[0].state, DeliveryState::Sent);
        outbox.close().await;
        filled.overwrite(filled.pages("deliveries_in_order")[0], 0);

        let (outbox, there) = filled.reopened().await;
        let recovery = outbox.recovery().unwrap();
        assert_eq!((there, recovery.lost), (filled.waiting.len(), Some(0)), "{recovery:?}");
        let told = Told { receipt: "r1".to_owned(), key: None, report: Report::Delivered, at: START };
        outbox.report(&account("wa"), vec![News::Told(told)]).await.unwrap();
        let found = outbox.find(id).await.unwrap();
        assert_eq!(found.map(|found| found.deliveries[0].delivery.state), expected, "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_first_page_is_made_anew() {
    for length in [16, 100, PAGE as usize] {
        let filled = Filled::new().await;
        let file = fs::OpenOptions::new().write(true).open(filled.file("outbox.db")).unwrap();
        file.write_all_at(&vec![b'x'; length], 0).unwrap();
        let (outbox, there) = filled.reopened().await;
        let recovery = outbox.recovery().unwrap();
        assert_eq!((there, recovery.lost), (filled.waiting.len(), Some(0)), "{recovery:?}");
        works(&outbox, Some(filled.waiting[0])).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_file_that_was_cut_short_the_rest_is_saved() {
    let filled = Filled::new().await;
    let file = fs::OpenOptions::new().write(true).open(filled.file("outbox.db")).unwrap();
    let pages = file.metadata().unwrap().len() / PAGE;
    file.set_len(pages * 2 / 3 * PAGE).unwrap();
    let (outbox, there) = filled.reopened().await;
    let recovery = outbox.recovery().unwrap();
    assert!(there > 100 && there < filled.waiting.len(), "{there}: {recovery:?}");
    assert_eq!(recovery.recovered + recovery.lost.unwrap(), filled.waiting.len() as u64 + 1);
    let mut oldest = None;
    for id in filled.waiting.iter().rev() {
        oldest = outbox.find(*id).await.unwrap().map(|_| *id).or(oldest);
    }
    works(&outbox, oldest).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_database_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("outbox.db"), "this is no database, whatever its name says\n".repeat(300)).unwrap();
    let outbox = open(dir.path()).unwrap();
    let recovery = outbox.recovery().unwrap();
    assert_eq!(recovery.recovered, 0);
    assert!(fs::read_to_string(&recovery.moved_to).unwrap().starts_with("this is no database"));
    works(&outbox, None).await;
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_was_broken_off_is_completed_or_begun_anew() {
    let filled = Filled::new().await;
    filled.overwrite(filled.pages("deliveries")[3], 0);
    fs::write(filled.file("outbox.db.new"), "half of a file").unwrap();
    let (outbox, there) = filled.reopened().await;
    assert!(outbox.recovery().is_some() && there > 500);
    outbox.close().await;
    // Killed when the new file was whole, and the old one not yet out of its way.
    let aside: PathBuf = filled.moved_aside().into_iter().map(|name| filled.file(&name)).min().unwrap();
    fs::rename(filled.file("outbox.db"), filled.file("outbox.db.recovered")).unwrap();
    fs::rename(aside, filled.file("outbox.db")).unwrap();
    let (_, again) = filled.reopened().await;
    assert_eq!((again, filled.moved_aside().iter().filter(|name| name.ends_with('Z')).count()), (there, 1));
}

#[tokio::test(start_paused = true)]
async fn who_dies_before_he_can_tell_of_a_recovery_leaves_that_to_the_next() {
    let filled = Filled::new().await;
    filled.overwrite(filled.pages("deliveries")[3], 0);
    // Recovered, and killed before the contacts of `on-failure` could be told.
    let outbox = open(filled.dir.path()).unwrap();
    let counts = outbox.recovery().unwrap().to_string().split_once("; ").unwrap().1.to_owned();
    outbox.close().await;
    let alarms = open(filled.dir.path()).unwrap().due_alarms().await.unwrap().alarms;
    assert_eq!(alarms.len(), 1);
    assert!(alarms[0].cause == Cause::Store && alarms[0].text().contains(&counts), "{alarms:?}");
}

#[tokio::test(start_paused = true)]
async fn trouble_while_it_runs_keeps_the_file_and_the_next_start_looks() {
    let filled = Filled::new().await;
    let outbox = open(filled.dir.path()).unwrap();
    // Behind the back of the daemon, so that it is not judged at a start.
    for page in filled.pages("deliveries") {
        filled.overwrite(page, 0);
    }
    // Whoever sees that another has written forgets what it had in memory.
    let other = Connection::open(filled.file("outbox.db")).unwrap();
    other.execute("UPDATE accounts SET held_at = held_at + 1", []).unwrap();
    let refused = outbox.claim(&account("a"), terms(16)).await.map(drop).unwrap_err();
    assert!(refused.to_string().contains("damaged"), "{refused}");
    drop(other);
    assert!(filled.moved_aside().is_empty() && filled.file("outbox.db.suspect").exists());
    outbox.close().await;
    let outbox = open(filled.dir.path()).unwrap();
    assert_eq!(outbox.recovery().unwrap().lost, Some(filled.waiting.len() as u64 + 1));
    assert!(!filled.file("outbox.db.suspect").exists());
}

/// No page is broken by a bit that flips inside of a text.
#[tokio::test(start_paused = true)]
async fn a_row_that_can_not_be_understood_costs_itself_and_no_other() {
    let spoilt = [
        ("UPDATE deliveries SET ways = 'none' WHERE id = ", "(SELECT min(id) FROM deliveries WHERE state = 'queued')"),
        ("UPDATE deliveries SET ways = 'none' WHERE id = ", "(SELECT id FROM deliveries WHERE state = 'sending')"),
        (
            "UPDATE messages SET id = 'none' WHERE seq = ",
            "(SELECT min(message) FROM deliveries WHERE state = 'queued')",
        ),
    ];
    for (change, which) in spoilt {
        let filled = Filled::new().await;
        let db = Connection::open(filled.file("outbox.db")).unwrap();
        assert_eq!(db.execute(&format!("{change}{which}"), []).unwrap(), 1);
        drop(db);
        let outbox = open(filled.dir.path()).unwrap();
        let refused = match outbox.void_leases().await {
            Ok(_) => outbox.claim(&account("a"), terms(1000)).await.map(drop),
            Err(why) => Err(why),
        };
        assert!(refused.is_err_and(|why| why.to_string().contains("damaged")));
        outbox.close().await;
        // It stands in the way of all others; the next start takes it out.
        let outbox = open(filled.dir.path()).unwrap();
        assert_eq!(outbox.recovery().unwrap().lost, Some(1), "{which}");
        outbox.void_leases().await.unwrap();
        let there = outbox.claim(&account("a"), terms(1000)).await.unwrap().claims.len();
        assert!(there >= filled.waiting.len() - 1, "{which}: {there}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_log_hides_nothing_that_was_written_after_it() {
    let (dir, _standstill) = (tempfile::tempdir().unwrap(), standstill());
    let outbox = open(dir.path()).unwrap();
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(accept(&outbox, &format!("{n}: {}", "full ".repeat(40)), &format!("+1555{n:04}")).await.unwrap());
    }
    let log = fs::read(dir.path().join("outbox.db-wal")).unwrap();
    let frames = (log.len() - 32) / (24 + PAGE as usize);
    assert!(frames > 200, "{frames}");
    for (part, length) in [(1, 4096), (2, 10), (3, 4120), (4, 8192)] {
        let broken = tempfile::tempdir().unwrap();
        fs::copy(dir.path().join("outbox.db"), broken.path().join("outbox.db")).unwrap();
        let mut log = log.clone();
        let at = 32 + frames * part / 5 * (24 + PAGE as usize);
        log[at + 24..at + 24 + length].fill(7);
        fs::write(broken.path().join("outbox.db-wal"), &log).unwrap();
        let reopened = open(broken.path()).unwrap();
        let mut there = 0;
        for id in &ids {
            there += usize::from(reopened.find(*id).await.unwrap().is_some());
        }
        assert!(there + 30 > ids.len(), "{part}: {there} of {}: {:?}", ids.len(), reopened.recovery());
        assert!(reopened.find(ids[59]).await.unwrap().is_some(), "the newest is there");
        works(&reopened, None.or(ids.first().copied().filter(|_| there == ids.len()))).await;
        reopened.close().await;
        sound(broken.path());
    }
    // A commit that a power cut broke off is not made whole.
    let broken = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join("outbox.db"), broken.path().join("outbox.db")).unwrap();
    fs::write(broken.path().join("outbox.db-wal"), &log[..log.len() - 5000]).unwrap();
    let reopened = open(broken.path()).unwrap();
    assert!(reopened.find(ids[59]).await.unwrap().is_none() && reopened.find(ids[58]).await.unwrap().is_some());
    assert!(reopened.recovery().is_none());
}
