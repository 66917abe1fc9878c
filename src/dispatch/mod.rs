//! All sending: one lane for each account, kept in step with the configuration.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::account::AccountName;
use crate::clock::Clock;
use crate::message::delivery::{Delivery, DeliveryState, SendError};
use crate::outbox::Outbox;
use crate::provider::{Account, Answer, Request, Transport};
use crate::tasks::Tasks;

mod lane;
pub mod transport;

/// How often to look for what no bell tells: expiry while there is no lane.
const SLOW_POLL: Duration = Duration::from_secs(60);

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries a provider's requests: the only thing here that touches the world outside.
pub trait Carry: Send + Sync {
    /// Carries one request, within the transport's timeout.
    fn carry<'a>(&'a self, request: Request, transport: &'a Transport) -> BoxFuture<'a, Result<Answer, SendError>>;
}

/// Makes the carrier of an account.
pub type Carriers = Arc<dyn Fn(&Transport) -> Arc<dyn Carry> + Send + Sync>;

/// The names of all accounts of the configuration.
type Known = Arc<BTreeSet<AccountName>>;

/// What every lane needs.
#[derive(Clone)]
struct Surroundings {
    outbox: Outbox,
    clock: Clock,
    /// The accounts there are, for deliveries that change their way.
    known: watch::Receiver<Known>,
    /// Rung when a delivery came to an account that is not there.
    stray: Arc<Notify>,
}

/// A lane that runs, as its owner sees it.
struct Running {
    fingerprint: u64,
    tasks: Tasks,
}

/// The owner of all lanes.
pub struct Dispatcher {
    surroundings: Surroundings,
    carriers: Carriers,
    tasks: Tasks,
    accounts: watch::Sender<Known>,
    lanes: HashMap<AccountName, Running>,
    /// Lanes that finish what they hold; a successor must wait for them.
    ending: HashMap<AccountName, Tasks>,
}

impl Dispatcher {
    /// A dispatcher without lanes. Before the first `reconcile`, void the leases of the process before this one
    /// (`Outbox::void_leases`).
    pub fn start(outbox: Outbox, clock: Clock, tasks: &Tasks, carriers: Carriers) -> Dispatcher {
        let (accounts, known) = watch::channel(Known::default());
        let surroundings = Surroundings { outbox, clock, known, stray: Arc::default() };
        let tasks = tasks.child();
        tasks.spawn(keep_accounts(surroundings.clone(), tasks.clone()));
        Dispatcher { surroundings, carriers, tasks, accounts, lanes: HashMap::new(), ending: HashMap::new() }
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
            self.ending.insert(name, lane.tasks);
        }
        self.accounts.send_replace(Arc::new(accounts.keys().cloned().collect()));
        for (name, account) in accounts {
            if !self.lanes.contains_key(name) {
                let tasks = self.tasks.child();
                let carrier = (self.carriers)(&account.transport);
                let predecessor = self.ending.get(name).cloned();
                lane::start(Arc::clone(account), carrier, self.surroundings.clone(), tasks.clone(), predecessor);
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

/// Tells the outbox which accounts there are, and sees to what has no lane.
async fn keep_accounts(mut surroundings: Surroundings, tasks: Tasks) {
    loop {
        let Surroundings { outbox, known, stray, .. } = &mut surroundings;
        let look = tokio::select! {
            biased;
            () = tasks.stopping() => return,
            changed = known.changed() => changed.is_ok(),
            () = stray.notified() => true,
            () = tokio::time::sleep(SLOW_POLL) => false,
        };
        let names = BTreeSet::clone(&known.borrow_and_update());
        let kept = if look { outbox.keep_accounts(names).await } else { Ok(()) };
        match (kept, outbox.sweep().await) {
            (Ok(()), Ok(ended)) => ended.iter().for_each(log_end),
            (Err(e), _) | (_, Err(e)) => {
                tracing::error!("the outbox could not be looked through: {e}");
                // What was not done is asked for again.
                if look {
                    stray.notify_one();
                    tokio::select! {
                        () = tasks.stopping() => return,
                        () = tokio::time::sleep(lane::AFTER_TROUBLE) => {}
                    }
                }
            }
        }
    }
}

/// One line for every delivery that came to its end.
fn log_end(delivery: &Delivery) {
    let Delivery { message, recipient, state, reason, .. } = delivery;
    let account = delivery.current_way().map_or("", |way| way.account.as_str());
    let (contact, state, reason) = (&recipient.contact, state.as_str(), reason.as_deref().unwrap_or_default());
    match delivery.state {
        DeliveryState::Failed => tracing::error!(%message, contact, account, state, reason, "message ended"),
        _ => tracing::info!(%message, contact, account, state, reason, "message ended"),
    }
}
