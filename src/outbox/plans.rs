//! For tests: no statement walks through a table that grows with what waits, and none is planned twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Statement, StatementStatus};
use tokio::time::Instant;

use super::{Answered, Content, Filter, Named, Once, Outbox, Reader, Refused, Settlement, Terms};
use crate::account::{AccountName, Address, AddressKind, Limits, Rate};
use crate::clock::{Clock, Timestamp};
use crate::contact::{Recipient, Way};
use crate::message::canary::{Canary, Until};
use crate::message::delivery::{Class, OnUnknown, Receipt, Report, Scope, SendError};
use crate::message::expected::Expectations;
use crate::message::media::Media;
use crate::message::news::{Inbound, News, Told};
use crate::message::{Message, MessageId, Priority, TextFormat};

/// Statements seen, the steps of their plans that walk, and those that were planned again for other values.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static WALKS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static AGAIN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Notes the plan of a statement.
pub(super) fn look(db: &Connection, sql: &str, statement: &Statement<'_>) {
    if statement.get_status(StatementStatus::RePrepare) > 0 {
        AGAIN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
    }
    let verb = sql.split_whitespace().next().unwrap_or_default();
    let new = SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
    if !new || !["SELECT", "UPDATE", "DELETE"].contains(&verb) {
        return;
    }
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut steps = plan.raw_query();
    while let Some(step) = steps.next().unwrap() {
        let step: String = step.get(3).unwrap();
        // There are as many accounts and expected calls as somebody wrote into a file, of alarms a few for each, and as many
        // leases as lanes have slots.
        let bounded = step == "SCAN CONSTANT ROW"
            || ["accounts", "alarms", "canaries", "expected_calls"]
                .iter()
                .any(|few| step.contains(&format!("SCAN {few}")))
            || step.contains("INDEX deliveries_leased");
        if (step.starts_with("SCAN") && !bounded) || step.contains("TEMP B-TREE") {
            WALKS.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{step}: {sql}"));
        }
    }
}

fn recipient(contact: String, accounts: &[&str]) -> Recipient {
    let address = Address { kind: AddressKind::new("phone"), text: contact.clone() };
    let ways =
        accounts.iter().map(|name| Way { account: AccountName::new(name), address: address.clone(), patience: None });
    Recipient { contact, ways: ways.collect() }
}

/// Reports of what is known and of what is not, and somebody who writes.
fn news(n: usize, at: Timestamp) -> Vec<News> {
    let failed = SendError { class: Class::Form, code: String::new(), detail: "no".to_owned() };
    let told = |receipt: String, report| News::Told(Told { receipt, key: Some("01J-7".to_owned()), report, at });
    let inbound = Inbound {
        id: n.to_string(),
        address: format!("+1555{n:05}"),
        contact: None,
        kind: "text".to_owned(),
        text: String::new(),
        at,
        window: Some(Duration::from_secs(600)),
    };
    vec![
        told(format!("r{n}"), Report::Failed(failed)),
        told(format!("r{n}"), Report::Delivered),
        told(format!("unknown{n}"), Report::Sent),
        News::Inbound(inbound),
    ]
}

fn message(n: u8, start: Timestamp) -> Message {
    Message {
        id: MessageId::new(start, [n; 10]),
        hook: "disk".to_owned(),
        caller: None,
        title: None,
        text: "full".to_owned(),
        format: TextFormat::Plain,
        thread: Some("t".to_owned()),
        priority: Priority::Normal,
        accepted_at: start,
        expires_at: start.plus(Duration::from_secs(600)),
    }
}

/// What callers and operators ask for beside sending.
/// All that a device does with what it fetched, and what becomes of what it forgets.
async fn lend(outbox: &Outbox, terms: Terms) {
    let account = AccountName::new("b");
    let lent = outbox.lend(&account, terms).await.unwrap().claims;
    let (item, ticket) = lent.first().map(|claim| (claim.key(), claim.ticket())).unwrap();
    drop(lent);
    outbox.extend(&account, item.clone(), ticket.clone(), terms.lease).await.unwrap().unwrap();
    let said = || Settlement { outcome: Ok(Receipt::default()), on_unknown: OnUnknown::Retry };
    let answered = outbox.answer(&account, item.clone(), ticket.clone(), said()).await.unwrap();
    assert!(matches!(answered, Answered::Settled(_)), "{answered:?}");
    assert_eq!(outbox.answer(&account, item, ticket, said()).await.unwrap(), Answered::Already);
    tokio::time::advance(terms.lease * 2).await;
    outbox.sweep().await.unwrap();
}

async fn operate(outbox: &Outbox, start: Timestamp) {
    let message = move |n| Message { text: "once".to_owned(), ..message(n, start) };
    let to = || vec![recipient("ana".to_owned(), &["a"])];
    let content = Content::of(None, "once", &to());
    let onces = vec![Once::by_key("disk", None, "k", content), Once::within(Duration::from_secs(9), "disk", content)];
    for n in [100, 101] {
        outbox.enqueue_once(message(n), to(), onces.clone()).await.unwrap();
    }
    let graph = Arc::new(Media::file("graph.png", None, vec![0; 9].into(), None));
    for n in [102, 103] {
        outbox.enqueue_bringing(message(n), Some(Arc::clone(&graph)), to(), Vec::new()).await.unwrap();
    }
    assert_eq!(outbox.media(message(102).id).await.unwrap(), graph.bytes());
    outbox.cancel(message(100).id).await.unwrap().unwrap();
    outbox.retry(message(100).id, false).await.unwrap().unwrap();
    let refused = Refused {
        at: start,
        hook: "disk".to_owned(),
        address: "192.0.2.1:9".to_owned(),
        status: 403,
        reason: "a wrong token".to_owned(),
        untold: 0,
    };
    outbox.note_refused(refused).await.unwrap();
    let looks = move |reader: &Reader| {
        let filter = Filter {
            since: Some(start),
            until: Some(start.plus(Duration::from_secs(1))),
            limit: 5,
            ..Filter::default()
        };
        assert_eq!(reader.list(&filter)?.deliveries.len(), 5);
        assert_eq!((reader.refused(5)?.len(), reader.accounts(start)?.len()), (1, 3));
        assert!(reader.gauges(start)?.iter().any(|account| account.oldest.is_some()));
        let Named::One(id) = reader.named(&message(100).id.to_string())? else { panic!("not found") };
        assert!(reader.show(id, start)?.is_some());
        Ok(())
    };
    outbox.look(looks).await.unwrap();
    outbox.purge(start.plus(Duration::from_secs(1))).await.unwrap();
}

/// What is expected, and what becomes of it.
async fn expect(outbox: &Outbox, start: Timestamp) {
    let every = Duration::from_secs(60);
    let to = vec![recipient("ivan".to_owned(), &["a"])];
    let canary = Canary { recipients: to, every, within: every, until: Until::Sent };
    let calls = ["backup", "beat"].map(|hook| (hook.to_owned(), Some(every)));
    let canaries = BTreeMap::from([(AccountName::new("a"), canary.clone())]);
    let expected = Arc::new(Expectations { canaries, calls: BTreeMap::from(calls) });
    outbox.expect(expected, true).await.unwrap();
    let due = outbox.judge_canaries().await.unwrap().due.unwrap();
    let sent = Message { hook: "canary".to_owned(), priority: Priority::Low, ..message(150, start) };
    outbox.send_canary(&due, canary, sent).await.unwrap();
    outbox.cancel(message(150, start).id).await.unwrap().unwrap();
    outbox.retry(message(150, start).id, false).await.unwrap().unwrap();
    let began = Instant::now();
    for _ in 0..2 {
        tokio::time::advance(every * 2).await;
        outbox.judge_canaries().await.unwrap();
        outbox.judge_calls(began).await.unwrap();
        outbox.note_call("beat");
    }
    outbox.judge_calls(began).await.unwrap();
    let look = |reader: &Reader| Ok((reader.canaries()?.len(), reader.expected_calls()?.len()));
    assert_eq!(outbox.look(look).await.unwrap(), (1, 2));
    outbox.expect(Arc::default(), false).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_never_walked_through() {
    let start = Timestamp::from_millis(1_795_216_500_000);
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(start));
    let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
    for n in 0..10u8 {
        let recipients = (0..500u32).map(|to| recipient(format!("+1555{:05}", to + 250 * u32::from(n)), &["a", "b"]));
        outbox.enqueue(message(n, start), recipients.collect()).await.unwrap();
    }
    outbox.enqueue(message(10, start), vec![recipient("+1777".to_owned(), &["c"]); 10]).await.unwrap();
    let terms = |free| Terms {
        free,
        limits: Limits {
            rate: Some(Rate::per(100, Duration::from_secs(1)).burst(100)),
            per_recipient: Some(Rate::per(1, Duration::from_secs(3))),
            fold_after: 2,
            ..Limits::NONE
        },
        lease: Duration::from_secs(60),
        on_unknown: OnUnknown::Retry,
    };
    let wait = |scope| Class::Wait { scope, after: None };
    let classes = [
        Class::Fault,
        wait(Scope::Recipient),
        Class::Recipient,
        Class::Content,
        Class::Unknown,
        Class::Network,
        Class::Account,
    ];
    for (n, account) in ["a", "b", "c"].into_iter().cycle().take(150).enumerate() {
        let claims = outbox.claim(&AccountName::new(account), terms(16)).await.unwrap().claims;
        for (claim, class) in claims.into_iter().zip(classes.into_iter().cycle().skip(n)) {
            let failed = SendError { class, code: String::new(), detail: "no".to_owned() };
            let id = Some(format!("r{}", n / 2));
            let outcome = if n % 3 == 0 { Ok(Receipt { id, advice: None }) } else { Err(failed) };
            outbox.settle(claim, Settlement { outcome, on_unknown: OnUnknown::Retry }).await.unwrap();
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    for (n, account) in ["a", "b"].into_iter().cycle().take(60).enumerate() {
        outbox.report(&AccountName::new(account), news(n, start)).await.unwrap();
    }
    outbox.sweep().await.unwrap();
    for account in ["a", "b"] {
        outbox.try_now(&AccountName::new(account)).await.unwrap();
    }
    assert!(!outbox.claim(&AccountName::new("a"), terms(5)).await.unwrap().claims.is_empty());
    lend(&outbox, terms(2)).await;
    outbox.void_leases().await.unwrap();
    outbox.keep_accounts(BTreeSet::from([AccountName::new("a")])).await.unwrap();
    outbox.purge(start.plus(Duration::from_secs(300))).await.unwrap();
    outbox.find(MessageId::new(start, [1; 10])).await.unwrap().unwrap();
    outbox.next_sweep().await.unwrap();
    outbox.accounts().await.unwrap();
    let alarm = outbox.due_alarms().await.unwrap().alarms.remove(0);
    outbox.tell(vec![alarm], message(200, start), vec![recipient("boss".to_owned(), &["a", "b"])]).await.unwrap();
    operate(&outbox, start).await;
    expect(&outbox, start).await;
    let accounts = outbox.look(move |reader| reader.accounts(start)).await.unwrap();
    let waiting: i64 = accounts.iter().map(|account| account.queued).sum();
    assert!(waiting > 2_000, "{accounts:?}");
    let seen = SEEN.lock().unwrap();
    assert!(seen.len() > 30, "{} statements looked at", seen.len());
    assert!(seen.iter().any(|sql| sql.contains("AND NOT (account = ?5")), "something was folded");
    assert_eq!(*WALKS.lock().unwrap(), Vec::<String>::new());
    assert_eq!(*AGAIN.lock().unwrap(), BTreeSet::new());
}
