//! All sending: one lane for each account, kept in step with the configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use alarm::Alarms;
use carry::Carriers;
use expected::{Wanted, keep_expecting};
use lane::{BREATH, Common, Known, SLOW_POLL};
use pull::Desks;

use crate::account::AccountName;
use crate::clock::Clock;
use crate::contact::Directory;
use crate::message::expected::Expectations;
use crate::message::link::Links;
use crate::outbox::Outbox;
use crate::provider::Account;
use crate::tasks::Tasks;

pub mod alarm;
mod canary;
pub mod carry;
mod conversation;
pub mod direct;
mod expected;
pub mod hear;
pub mod host;
mod lane;
mod poll;
pub mod probe;
pub mod pull;
mod quiet;
pub mod transport;

pub use lane::log_end;

/// A lane that runs, as its owner sees it.
struct Running {
    fingerprint: u64,
    tasks: Tasks,
}

/// The owner of all lanes.
pub struct Dispatcher {
    common: Common,
    carriers: Carriers,
    tasks: Tasks,
    alarms: Alarms,
    accounts: watch::Sender<Known>,
    expected: watch::Sender<Wanted>,
    contacts: watch::Sender<Arc<Directory>>,
    desks: Desks,
    lanes: HashMap<AccountName, Running>,
    /// Lanes that finish what they hold; a successor must wait for them.
    ending: HashMap<AccountName, Tasks>,
}

impl Dispatcher {
    /// A dispatcher without lanes. Before the first `reconcile`, void the leases of the process before this one
    /// (`Outbox::void_leases`).
    pub fn start(outbox: Outbox, clock: Clock, tasks: &Tasks, carriers: Carriers) -> Dispatcher {
        let (accounts, known) = watch::channel(Known::default());
        let tasks = tasks.child();
        let alarms = Alarms::start(outbox.clone(), clock.clone(), &tasks);
        let (contacts, directory) = watch::channel(Arc::default());
        let common = Common { outbox, clock, known, stray: Arc::default(), links: None, contacts: directory };
        tasks.spawn(keep_accounts(common.clone(), tasks.clone()));
        let (expected, wanted) = watch::channel(None);
        tasks.spawn(keep_expecting(common.outbox.clone(), common.clock.clone(), wanted, tasks.clone()));
        let (desks, lanes, ending) = Default::default();
        Dispatcher { common, carriers, tasks, alarms, accounts, expected, contacts, desks, lanes, ending }
    }

    /// From now on this is expected.
    pub fn expect(&self, expected: Arc<Expectations>) {
        self.expected.send_replace(Some(expected));
    }

    /// From now on these are the contacts: who writes to us is looked for among them.
    pub fn knows(&self, contacts: Arc<Directory>) {
        self.contacts.send_replace(contacts);
    }

    /// The way to the contacts of `on-failure`.
    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// The same, whose cut texts end with a link to the whole. Before the first `reconcile`.
    pub fn with_links(mut self, links: Option<Arc<Links>>) -> Dispatcher {
        self.common.links = links;
        self
    }

    /// The same, whose desks for devices are found there.
    pub fn with_desks(self, desks: Desks) -> Dispatcher {
        Dispatcher { desks, ..self }
    }

    /// Brings the lanes in step with the accounts: starts new ones, and lets those that changed or are gone finish what
    /// they hold. What waits for accounts that are gone moves on.
    pub fn reconcile(&mut self, accounts: &BTreeMap<AccountName, Arc<Account>>) {
        self.ending.retain(|_, tasks| tasks.alive() > 0);
        let stays = |name: &AccountName, lane: &Running| {
            accounts.get(name).is_some_and(|account| account.fingerprint == lane.fingerprint)
        };
        for (name, lane) in self.lanes.extract_if(|name, lane| !stays(name, lane)) {
            lane.tasks.stop();
            self.desks.close(&name);
            self.ending.insert(name, lane.tasks);
        }
        self.accounts.send_replace(Arc::new(accounts.keys().cloned().collect()));
        for (name, account) in accounts {
            if !self.lanes.contains_key(name) {
                let tasks = self.tasks.child();
                let predecessor = self.ending.get(name).cloned();
                if account.provider.pull().is_some() {
                    self.desks.open(Arc::clone(account), self.common.clone(), tasks.clone(), predecessor);
                } else {
                    let carrier = (self.carriers)(&account.transport);
                    let (asker, common) = (Arc::clone(&carrier), self.common.clone());
                    lane::start(Arc::clone(account), carrier, common.clone(), tasks.clone(), predecessor.clone());
                    poll::start(account, asker, common, &tasks, predecessor);
                }
                self.lanes.insert(name.clone(), Running { fingerprint: account.fingerprint, tasks });
            }
        }
    }

    /// Ends all lanes: they claim nothing more and settle what is in flight. Resolves when that is done.
    pub async fn stop(self) {
        self.tasks.stop();
        for tasks in self.ending.values().chain(self.lanes.values().map(|lane| &lane.tasks)) {
            tasks.ended().await;
        }
        self.tasks.ended().await;
    }
}

/// Tells the outbox again and again which accounts there are, and sees to what has no lane.
async fn keep_accounts(common: Common, tasks: Tasks) {
    let Common { outbox, clock, mut known, stray, .. } = common;
    // Before the first `reconcile` nobody knows which accounts there are.
    let mut wait = Duration::MAX;
    loop {
        tokio::select! {
            biased;
            () = tasks.stopping() => return,
            changed = known.changed() => if changed.is_err() { return },
            () = stray.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        let names = BTreeSet::clone(&known.borrow_and_update());
        // Each time: a call may have been accepted for an account that was just leaving.
        let kept = outbox.keep_accounts(names).await;
        kept.iter().flatten().for_each(log_end);
        // A lane that has used up its rate does not ask, and patience ends all the same.
        let next = outbox.next_sweep().await;
        wait = match kept.and(next) {
            Ok(next) => next.map_or(SLOW_POLL, |at| at.since(clock.now()).clamp(BREATH, SLOW_POLL)),
            Err(e) => {
                tracing::error!("the outbox could not be looked through: {e}");
                lane::AFTER_TROUBLE
            }
        };
    }
}
