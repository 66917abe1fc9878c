//! The promise of order: B is not begun before A is answered, unless A is late or B has the higher priority.
//!
//! Random calls, claims, answers, waits, restarts and reloads on the real outbox and paused time; `judge` sees the begin
//! and the answer of each try and tells what was not to be. `ORDER_CASES` asks for more than the few runs of each day.

mod judge;

use std::collections::BTreeSet;
use std::time::Duration;

use hookbell::account::{Limits, Rate};
use hookbell::clock::Clock;
use hookbell::contact::Recipient;
use hookbell::message::delivery::{Class, Delivery, OnUnknown, Receipt, Report, Scope};
use hookbell::message::news::{News, Told};
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Claim, Outbox, Settlement, Terms};
use proptest::prelude::*;

use crate::outbox::{START, account, error, message, opened_with, recipient, standstill};
use judge::Judge;

#[derive(Clone, Debug)]
enum Step {
    Accept {
        contact: usize,
        hook: usize,
        priority: usize,
        ways: usize,
        brief: bool,
    },
    Claim {
        account: usize,
        free: usize,
    },
    Answer {
        which: usize,
        class: Option<Class>,
    },
    /// A try whose end nobody learns: its lease has to run out.
    Lose {
        which: usize,
    },
    Pass {
        seconds: u64,
    },
    /// The process dies, and another begins.
    Restart,
    /// An operator takes a message back.
    Cancel {
        which: usize,
    },
    /// A provider reports of something that it took, or that is under way; perhaps once more.
    Report {
        which: usize,
        report: Report,
    },
    /// Somebody sets the clock by so many hours.
    SetClock {
        hours: i64,
    },
    /// A reload that takes an account away, or gives it back.
    Reload {
        b_is_there: bool,
    },
}

const ACCOUNTS: [&str; 2] = ["a", "b"];
const WAYS: [&[&str]; 4] = [&["a", "b"], &["b", "a"], &["a"], &["b"]];
const LONG: Duration = Duration::from_secs(7 * 24 * 3600);
const LEASE: Duration = Duration::from_secs(100);

/// Three people on two phones.
fn person(which: usize, ways: &[&str]) -> Recipient {
    let (name, phone) = [("ana", "ana"), ("bo", "bo"), ("ana's son", "ana")][which];
    Recipient { contact: name.to_owned(), ..recipient(phone, ways) }
}

fn class() -> impl Strategy<Value = Option<Class>> {
    let wait = |scope, after: Option<u64>| Class::Wait { scope, after: after.map(Duration::from_secs) };
    let fixed =
        [Class::Network, Class::Unknown, Class::Fault, Class::Recipient, Class::Content, Class::Form, Class::Account];
    let waits =
        [(Scope::Recipient, Some(50)), (Scope::Recipient, None), (Scope::Account, Some(50)), (Scope::Sender, None)];
    prop_oneof![
        3 => Just(None),
        5 => prop::sample::select(fixed.to_vec()).prop_map(Some),
        2 => Just([Class::Fault, Class::Unknown]).prop_flat_map(|two| prop::sample::select(two.to_vec())).prop_map(Some),
        2 => prop::sample::select(waits.to_vec()).prop_map(move |(scope, after)| Some(wait(scope, after))),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    prop_oneof![
        1 => Just(Report::Sent),
        2 => Just(Report::Delivered),
        1 => Just(Report::Read),
        4 => class().prop_filter_map("a failure", |class| class.map(|class| Report::Failed(error(class)))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let accept = (0..3usize, 0..2usize, 0..3usize, 0..WAYS.len(), prop::bool::weighted(0.1));
    prop_oneof![
        12 => accept.prop_map(|(contact, hook, priority, ways, brief)| Step::Accept { contact, hook, priority, ways, brief }),
        18 => (0..2usize, 1..6usize).prop_map(|(account, free)| Step::Claim { account, free }),
        15 => (0..6usize, class()).prop_map(|(which, class)| Step::Answer { which, class }),
        1 => (0..4usize).prop_map(|which| Step::Lose { which }),
        9 => prop::sample::select(vec![1, 2, 5, 20, 61, 1000]).prop_map(|seconds| Step::Pass { seconds }),
        1 => (0..20usize).prop_map(|which| Step::Cancel { which }),
        4 => (0..9usize, report()).prop_map(|(which, report)| Step::Report { which, report }),
        1 => Just(Step::Restart),
        1 => prop::sample::select(vec![-30, -1, 1, 30]).prop_map(|hours| Step::SetClock { hours }),
        1 => any::<bool>().prop_map(|b_is_there| Step::Reload { b_is_there }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let some = |count, seconds| Some(Rate::per(count, Duration::from_secs(seconds)));
    let each = move |fold_after| Limits { per_recipient: some(1, 5), fold_after, ..Limits::NONE };
    prop_oneof![
        3 => Just(Limits::NONE),
        1 => Just(Limits { rate: some(1, 2), ..Limits::NONE }),
        2 => (0..3u32).prop_map(each),
        1 => Just(Limits { rate: some(1, 1), ..each(1) }),
    ]
}

struct Run {
    outbox: Outbox,
    dir: tempfile::TempDir,
    clock: Clock,
    limits: Limits,
    b_is_there: bool,
    /// Messages, of one delivery each, that had not come to their end when they were looked at.
    accepted: Vec<MessageId>,
    held: Vec<Claim>,
    /// What providers took, the newest last: the account, its receipt, and all that went in it.
    taken: Vec<(&'static str, String, Vec<Delivery>)>,
    judge: Judge,
}

impl Run {
    fn new(limits: Limits) -> Run {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START));
        let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
        let judge = Judge::default();
        let (accepted, held, taken) = Default::default();
        Run { outbox, dir, clock, limits, b_is_there: true, accepted, held, taken, judge }
    }

    async fn take(mut self, step: Step) -> Run {
        match step {
            Step::Accept { contact, hook, priority, ways, brief } => {
                let ttl = if brief { Duration::from_secs(90) } else { LONG };
                let mut message = message("text", Priority::ALL[priority].1, self.clock.now(), ttl);
                message.hook = ["disk", "load"][hook].to_owned();
                self.accepted.push(message.id);
                self.outbox.enqueue(message, vec![person(contact, WAYS[ways])]).await.unwrap();
            }
            Step::Claim { account, free } if account == 0 || self.b_is_there => self.claim(account, free).await,
            Step::Answer { which, class } if which < self.held.len() => {
                let claim = self.held.remove(which);
                let tried: Vec<Delivery> = std::iter::once(claim.delivery()).chain(claim.folded()).cloned().collect();
                let outcome = class.map_or_else(|| Ok(self.takes(&claim, &tried)), |class| Err(error(class)));
                let settlement = Settlement { outcome, on_unknown: OnUnknown::Retry };
                let settled = self.outbox.settle(claim, settlement).await.unwrap();
                self.judge.answered(&tried, class, &settled, self.clock.now());
            }
            Step::Lose { which } if which < self.held.len() => drop(self.held.remove(which)),
            Step::Cancel { which } if which < self.accepted.len() => {
                self.outbox.cancel(self.accepted[which]).await.unwrap().unwrap();
            }
            Step::Report { which, report } => self.report(which, report).await,
            Step::Pass { seconds } => tokio::time::advance(Duration::from_secs(seconds)).await,
            Step::Restart => {
                self.held.clear();
                let Run { outbox, dir, clock, .. } = self;
                drop(outbox);
                let outbox = opened_with(dir.path(), &clock);
                outbox.void_leases().await.unwrap();
                self.judge.restarted();
                return Run { outbox, dir, clock, ..self };
            }
            Step::SetClock { hours } => {
                self.clock.set_by(hours * 3_600_000);
                // The process is there to see it. What is set while none runs is another test's.
                self.outbox.next_sweep().await.unwrap();
            }
            Step::Reload { b_is_there } => {
                self.b_is_there = b_is_there;
                let names = if b_is_there { &ACCOUNTS[..] } else { &ACCOUNTS[..1] };
                let known: BTreeSet<_> = names.iter().map(|name| account(name)).collect();
                self.outbox.keep_accounts(known).await.unwrap();
            }
            Step::Claim { .. } | Step::Answer { .. } | Step::Lose { .. } | Step::Cancel { .. } => {}
        }
        self
    }

    async fn claim(&mut self, which: usize, free: usize) {
        let terms = Terms { free, limits: self.limits, lease: LEASE, on_unknown: OnUnknown::Retry };
        let found = self.outbox.claim(&account(ACCOUNTS[which]), terms).await.unwrap();
        let all = self.open().await;
        self.judge.began(ACCOUNTS[which], &found, &all);
        let all_could_go = found.claims.len() < free && found.next_at.is_none_or(|at| at > self.clock.now());
        if all_could_go && self.limits == Limits::NONE {
            self.judge.the_rest_waits_with_reason(ACCOUNTS[which], &all, self.clock.now());
        }
        self.held.extend(found.claims);
    }

    /// The receipt that a provider gives for a try.
    fn takes(&mut self, claim: &Claim, tried: &[Delivery]) -> Receipt {
        let way = claim.delivery().current_way().unwrap();
        let name = ACCOUNTS.into_iter().find(|name| *name == way.account.as_str()).unwrap();
        let receipt = receipt_of(claim);
        self.taken.push((name, receipt.clone(), tried.to_vec()));
        Receipt { id: Some(receipt), advice: None }
    }

    /// Of the newest first: what is under way, whose answer a report may outrun, then what was taken.
    async fn report(&mut self, which: usize, report: Report) {
        let told = |receipt: String, key| vec![News::Told(Told { receipt, key, report: report.clone(), at: START })];
        if let Some(claim) = self.held.get(which) {
            // A hold that is told early begins with the answer. The judge would have to know for how long it is kept.
            if matches!(&report, Report::Failed(why) if !matches!(why.class, Class::Recipient | Class::Content)) {
                return;
            }
            let name = claim.delivery().current_way().unwrap().account.clone();
            let heard = self.outbox.report(&name, told(receipt_of(claim), Some(claim.key()))).await.unwrap();
            assert!(heard.changed.is_empty(), "an answer is on its way: {:#?}", heard.changed);
            return;
        }
        let Some((name, receipt, sent)) = self.taken.iter().rev().nth(which - self.held.len()).cloned() else { return };
        let heard = self.outbox.report(&account(name), told(receipt, None)).await.unwrap();
        for after in heard.changed {
            let before = sent.iter().find(|sent| sent.id == after.id).unwrap();
            if let Report::Failed(why) = &report {
                self.judge.reported(before, why.class, &after, self.clock.now());
            }
            if !after.state.is_end() && !self.accepted.contains(&after.message) {
                self.accepted.push(after.message);
            }
        }
    }

    /// Everything that has not come to its end.
    async fn open(&mut self) -> Vec<Delivery> {
        let mut open = Vec::new();
        for id in std::mem::take(&mut self.accepted) {
            let delivery = self.outbox.find(id).await.unwrap().unwrap().deliveries.remove(0).delivery;
            if !delivery.state.is_end() {
                self.accepted.push(id);
                open.push(delivery);
            }
        }
        open
    }

    /// Answers well from now on: everything must come to an end.
    async fn finish(mut self) {
        self = self.take(Step::Reload { b_is_there: true }).await;
        for _ in 0..400 {
            for account in 0..2 {
                self = self.take(Step::Claim { account, free: 16 }).await;
            }
            while !self.held.is_empty() {
                self = self.take(Step::Answer { which: 0, class: None }).await;
            }
            if self.open().await.is_empty() {
                return;
            }
            self = self.take(Step::Pass { seconds: 60 }).await;
        }
        panic!("something waits for ever: {:#?}", self.open().await);
    }
}

/// Another one for each try.
fn receipt_of(claim: &Claim) -> String {
    format!("{}-{}", claim.key(), claim.ticket())
}

fn cases() -> u32 {
    std::env::var("ORDER_CASES").map_or(20, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nobody_overtakes_and_nobody_waits_for_ever(steps in prop::collection::vec(step(), 1..110), limits in limits()) {
        walk(steps, limits);
    }
}

/// Runs these steps from the beginning, then everything to its end.
fn walk(steps: Vec<Step>, limits: Limits) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let still = standstill();
        let mut run = Run::new(limits);
        for step in steps {
            run = run.take(step).await;
        }
        run.finish().await;
        drop(still);
    });
}

#[test]
fn what_failed_together_with_the_first_that_broke_an_account_breaks_it_no_second_time() {
    let accept = |contact| Step::Accept { contact, hook: 0, priority: 1, ways: 2, brief: false };
    let claim = || Step::Claim { account: 0, free: 5 };
    let broken = || Step::Answer { which: 0, class: Some(Class::Account) };
    let steps = vec![
        accept(0),
        accept(1),
        claim(),
        broken(),
        Step::Pass { seconds: 61 },
        // It began before the breaker opened, and changes nothing; at the same moment the account is probed, and well.
        broken(),
        claim(),
        Step::Answer { which: 0, class: None },
        accept(0),
        claim(),
    ];
    walk(steps, Limits::NONE);
}

#[test]
fn a_provider_that_wants_to_be_left_alone_is_though_the_message_has_arrived() {
    let accept = || Step::Accept { contact: 0, hook: 0, priority: 0, ways: 0, brief: false };
    let wait = |scope| Some(Class::Wait { scope, after: Some(Duration::from_secs(50)) });
    for class in [wait(Scope::Recipient), wait(Scope::Account), Some(Class::Network), Some(Class::Account)] {
        let steps = vec![
            accept(),
            Step::Claim { account: 0, free: 1 },
            accept(),
            Step::Report { which: 0, report: Report::Delivered },
            Step::Answer { which: 0, class },
            accept(),
            Step::Claim { account: 0, free: 1 },
        ];
        walk(steps, Limits::NONE);
    }
}

/// Two come back late to one phone: that the first must let an older one of its own pass is nothing to the other person.
#[test]
fn a_late_one_that_waits_for_an_older_one_holds_nobody_else() {
    let accept = |contact, ways| Step::Accept { contact, hook: 0, priority: 1, ways, brief: false };
    let claim = |account| Step::Claim { account, free: 1 };
    let failed = |which| Step::Report { which, report: Report::Failed(error(Class::Recipient)) };
    let steps = vec![
        accept(0, 0),
        claim(0),
        accept(0, 1),
        claim(1),
        Step::Answer { which: 1, class: None },
        accept(2, 1),
        claim(1),
        Step::Answer { which: 1, class: None },
        failed(2),
        failed(1),
        Step::Pass { seconds: 61 },
        claim(0),
        Step::Answer { which: 0, class: Some(Class::Content) },
        Step::Claim { account: 0, free: 5 },
    ];
    walk(steps, Limits::NONE);
}
