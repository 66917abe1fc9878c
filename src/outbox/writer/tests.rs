//! What one transaction does for many, and to them.

use super::*;
use crate::clock::Timestamp;

/// Orders that note what became of them, with one statement each.
fn orders(statements: &[&'static str]) -> (Receiver<Order>, Vec<oneshot::Receiver<Result<(), OutboxError>>>) {
    let (send, inbox) = sync_channel(WAITING_OPS);
    let told = statements.iter().copied().map(|sql| {
        let (reply, told) = oneshot::channel();
        let op: Op = Box::new(move |pen| {
            let result = pen.and_then(|pen| pen.apart(|pen| Ok(pen.db.execute_batch(sql)?)));
            Box::new(move |committed| drop(reply.send(committed.and(result))))
        });
        send.send(Order::Op(Moment { now: Timestamp::default(), steady: Instant::now() }, op)).unwrap();
        told
    });
    let told = told.collect();
    (inbox, told)
}

fn written(store: Store, statements: &[&'static str]) -> Vec<Result<(), OutboxError>> {
    let (inbox, told) = orders(statements);
    write_until_closed(store, &Bells::default(), &Metrics::default(), &inbox);
    told.into_iter().map(|told| told.blocking_recv().unwrap()).collect()
}

#[test]
fn nobody_waits_twice_for_somebody_elses_lock() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), place::take(dir.path()).unwrap().into()).unwrap();
    store.db.busy_timeout(Duration::ZERO).unwrap();
    let other = Connection::open(dir.path().join("outbox.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (inbox, _told) = orders(&["SELECT 1", "SELECT 1", "SELECT 1"]);
    let mut seen = Vec::new();
    let mut apply = |_, db: Result<&Connection, OutboxError>| seen.push(db.map(drop));
    let (steps, mut crowd) = (Steps::default(), Crowd::default());
    batch(&store.db, inbox.recv().unwrap(), &inbox, (&steps, &mut crowd), &RefCell::default(), &mut apply).unwrap();
    assert_eq!(seen, [const { Err(OutboxError::Locked) }; 3]);
}

#[test]
fn what_panics_takes_its_transaction_with_it_and_not_the_thread() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), place::take(dir.path()).unwrap().into()).unwrap();
    let (send, inbox) = sync_channel(WAITING_OPS);
    let ask = |op: fn(&Pen<'_>) -> Result<(), OutboxError>| {
        let (reply, told) = oneshot::channel();
        let moment = Moment { now: Timestamp::default(), steady: Instant::now() };
        send.send(Order::Op(moment, ask::boxed(op, reply))).unwrap();
        told
    };
    let count = |pen: &Pen<'_>| Ok(pen.db.execute_batch("INSERT INTO accounts (account) VALUES ('a')")?);
    let thread = std::thread::spawn(move || {
        write_until_closed(store, &Bells::default(), &Metrics::default(), &inbox);
    });
    let (first, broken) = (ask(count), ask(|_| panic!("on purpose")));
    let after: Vec<_> = std::iter::repeat_with(|| ask(count).blocking_recv().unwrap()).take(2).collect();
    // The first was taken back with the one that broke off, or had a transaction of its own.
    let was_written = first.blocking_recv().unwrap().is_ok();
    assert!(broken.blocking_recv().is_err());
    drop(send);
    thread.join().unwrap();
    assert_eq!(after.iter().filter(|done| done.is_ok()).count(), usize::from(!was_written), "{after:?}");
}

#[test]
fn a_full_disk_is_called_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), place::take(dir.path()).unwrap().into()).unwrap();
    store.db.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 1").unwrap();
    let results =
        written(store, &["INSERT INTO t VALUES (1)", "NO SUCH STATEMENT", "INSERT INTO t VALUES (zeroblob(1000000))"]);
    // All were in the transaction that is gone, and are told why; not that there was none to commit.
    assert_eq!(results, [const { Err(OutboxError::Full) }; 3]);
}

#[test]
fn a_clock_that_is_set_while_operations_wait_is_followed_between_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), place::take(dir.path()).unwrap().into()).unwrap();
    store.db.execute_batch("INSERT INTO accounts (account, hold_until) VALUES ('a', 60000)").unwrap();
    let (send, inbox) = sync_channel(WAITING_OPS);
    let steady = Instant::now();
    let told: Vec<_> = [0, 0, 3_600_000, 3_600_000, 0]
        .map(|now| {
            let (reply, told) = oneshot::channel();
            let sql = "SELECT hold_until - ?1 FROM accounts";
            let read = |pen: &Pen<'_>| Ok(pen.db.query_row(sql, [pen.now.millis()], |row| row.get::<_, i64>(0))?);
            let op = ask::boxed(move |pen| pen.apart(read), reply);
            send.send(Order::Op(Moment { now: Timestamp::from_millis(now), steady }, op)).unwrap();
            told
        })
        .into();
    drop(send);
    write_until_closed(store, &Bells::default(), &Metrics::default(), &inbox);
    let left: Vec<_> = told.into_iter().map(|told| told.blocking_recv().unwrap()).collect();
    assert_eq!(left, [const { Ok(60_000) }; 5], "a minute is a minute");
}

#[test]
fn one_that_finds_damage_tells_no_other_that_there_is_nothing_to_be_done() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), place::take(dir.path()).unwrap().into()).unwrap();
    store.db.execute_batch("CREATE TABLE t (x)").unwrap();
    let (send, inbox) = sync_channel(WAITING_OPS);
    let told = [false, true, false].map(|finds_damage| {
        let (reply, told) = oneshot::channel();
        let write = move |pen: &Pen<'_>| {
            pen.db.execute("INSERT INTO t VALUES (1)", [])?;
            if finds_damage { Err(OutboxError::Corrupt("a page".to_owned())) } else { Ok(()) }
        };
        let op = ask::boxed(move |pen| pen.together(write), reply);
        send.send(Order::Op(Moment { now: Timestamp::default(), steady: Instant::now() }, op)).unwrap();
        told
    });
    drop(send);
    write_until_closed(store, &Bells::default(), &Metrics::default(), &inbox);
    let [before, itself, after] = told.map(|told| told.blocking_recv().unwrap());
    assert!(before.is_err_and(|why| why.may_pass()), "its result must be written again");
    assert_eq!((itself, after), (Err(OutboxError::Corrupt("a page".to_owned())), Ok(())));
}

#[test]
fn what_fails_before_its_first_change_harms_nobody_and_later_it_takes_all_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), place::take(dir.path()).unwrap().into()).unwrap();
    store.db.execute_batch("CREATE TABLE t (x UNIQUE); BEGIN").unwrap();
    let (rung, lost) = (RefCell::default(), RefCell::default());
    let metrics = Metrics::default();
    let pen = Pen { db: &store.db, now: Timestamp::default(), metrics: &metrics, rung: &rung, lost: &lost };
    let insert = |x: i64| pen.together(|pen| Ok(pen.db.execute("INSERT INTO t VALUES (?1)", [x])?));
    assert_eq!(insert(1), Ok(1));
    assert!(insert(1).is_err() && !store.db.is_autocommit() && lost.borrow().is_none());
    let late = pen.together(|pen| {
        pen.db.execute("INSERT INTO t VALUES (2)", [])?;
        Ok(pen.db.execute("INSERT INTO t VALUES (1)", [])?)
    });
    assert_eq!((late.err(), store.db.is_autocommit()), (lost.take(), true));
    let rows: i64 = store.db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}
