//! The promise of order: B is not begun before A is answered, unless A is late or B has the higher priority.

use std::time::Duration;

use hookbell::account::Limits;
use hookbell::clock::Clock;
use hookbell::message::delivery::{Class, Delivery, DeliveryState, OnUnknown, Receipt, Scope};
use hookbell::message::{MessageId, Priority};
use hookbell::outbox::{Claim, Outbox, Settlement, Terms};
use proptest::prelude::*;

use crate::outbox::{START, account, error, message, recipient, standstill};

#[derive(Clone, Debug)]
enum Step {
    Accept { contact: usize, hook: usize, priority: usize },
    Claim { account: usize },
    Answer { which: usize, class: Option<Class> },
    Pass { seconds: u64 },
}

const ACCOUNTS: [&str; 2] = ["a", "b"];
const LONG: Duration = Duration::from_secs(7 * 24 * 3600);

fn class() -> impl Strategy<Value = Option<Class>> {
    let wait = |scope| Class::Wait { scope, after: Some(Duration::from_secs(70)) };
    let fixed =
        [Class::Network, Class::Unknown, Class::Fault, Class::Recipient, Class::Content, Class::Form, Class::Account];
    prop_oneof![
        3 => Just(None),
        5 => prop::sample::select(fixed.to_vec()).prop_map(Some),
        1 => Just(Some(wait(Scope::Recipient))),
        1 => Just(Some(wait(Scope::Account))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2usize, 0..2usize, 0..3usize).prop_map(|(contact, hook, priority)| Step::Accept { contact, hook, priority }),
        5 => (0..2usize).prop_map(|account| Step::Claim { account }),
        5 => (0..8usize, class()).prop_map(|(which, class)| Step::Answer { which, class }),
        3 => prop::sample::select(vec![1, 2, 5, 20, 61, 1000]).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

struct Run {
    outbox: Outbox,
    clock: Clock,
    accepted: Vec<MessageId>,
    held: Vec<Claim>,
}

impl Run {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Accept { contact, hook, priority } => {
                let priority = Priority::ALL[priority].1;
                let mut message = message("text", priority, self.clock.now(), LONG);
                message.hook = ["disk", "load"][hook].to_owned();
                self.accepted.push(message.id);
                self.outbox.enqueue(message, vec![recipient(["ana", "bo"][contact], &ACCOUNTS)]).await.unwrap();
            }
            Step::Claim { account: which } => {
                let terms = Terms { free: 4, limits: Limits::NONE, lease: LONG, on_unknown: OnUnknown::Retry };
                let found = self.outbox.claim(&account(ACCOUNTS[which]), terms).await.unwrap();
                for claim in found.claims {
                    self.judge(claim.delivery()).await;
                    self.held.push(claim);
                }
            }
            Step::Answer { which, class } if which < self.held.len() => {
                let outcome = class.map_or_else(|| Ok(Receipt::default()), |class| Err(error(class)));
                let settlement = Settlement { outcome, on_unknown: OnUnknown::Retry };
                self.outbox.settle(self.held.remove(which), settlement).await.unwrap();
            }
            Step::Answer { .. } => {}
            Step::Pass { seconds } => tokio::time::advance(Duration::from_secs(seconds)).await,
        }
    }

    async fn all(&self) -> Vec<Delivery> {
        let mut all = Vec::new();
        for id in &self.accepted {
            all.extend(
                self.outbox.find(*id).await.unwrap().unwrap().deliveries.into_iter().map(|status| status.delivery),
            );
        }
        all
    }

    /// Whether `younger` might begin.
    async fn judge(&self, younger: &Delivery) {
        for other in self.held.iter().map(Claim::delivery) {
            assert_ne!(other.current_way(), younger.current_way(), "two at once at one address");
        }
        for older in self.all().await.iter().filter(|older| older.id < younger.id && !older.late) {
            let unanswered = matches!(older.state, DeliveryState::Queued | DeliveryState::Sending);
            let same_place = older.current_way() == younger.current_way() && older.priority >= younger.priority;
            let same_sort = older.recipient.contact == younger.recipient.contact
                && older.hook == younger.hook
                && older.priority == younger.priority;
            assert!(!(unanswered && (same_place || same_sort)), "{younger:#?}\novertook\n{older:#?}");
        }
    }

    /// Answers well from now on: everything must come to an end.
    async fn finish(&mut self) {
        for _ in 0..400 {
            for account in 0..2 {
                self.take(Step::Claim { account }).await;
            }
            while !self.held.is_empty() {
                self.take(Step::Answer { which: 0, class: None }).await;
            }
            if self.all().await.iter().all(|delivery| delivery.state.is_end()) {
                return;
            }
            self.take(Step::Pass { seconds: 30 }).await;
        }
        panic!("something waits for ever: {:#?}", self.all().await);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nobody_overtakes_and_nobody_waits_for_ever(steps in prop::collection::vec(step(), 1..70)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (dir, clock, still) = (tempfile::tempdir().unwrap(), Clock::following_runtime(START), standstill());
            let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
            let mut run = Run { outbox, clock, accepted: Vec::new(), held: Vec::new() };
            for step in steps {
                run.take(step).await;
            }
            run.finish().await;
            drop(still);
        });
    }
}
