//! What is counted, for Prometheus and its like.
//!
//! Whoever counts calls a typed method with a word of a closed list, and never says a label: so no contact, no address and
//! no text can become one. The names of hooks and accounts are those of the configuration; a call of any other id is
//! counted without its name. What is in the store is not counted here but read when somebody asks: see [`Snapshot`].
//!
//! Counting is an addition in memory. [`HookCounts`] is found when a configuration is read, and kept beside the hook.

mod counts;
mod expose;
mod page;
mod plain;
mod process;
mod snapshot;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use counts::{Counts, Named};

pub use expose::Format;
pub use process::Process;
pub use snapshot::{AccountNow, ConfigNow, OutboxNow, Snapshot};
pub use words::{CallEnd, CommandEnd, Face, Limit, MessageEnd, ReloadEnd, Stage, TryEnd};

/// Seconds until a message was sent or arrived: a rate, a dead network, and a day (the usual time to live) have their place.
const ON_THE_WAY: [f64; 14] =
    [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0];

/// Seconds that a command takes.
const COMMAND: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 1800.0];

/// Seconds that a commit takes: from a good SSD to a disk that dies.
const COMMIT: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

/// All that is counted in this process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<All>);

#[derive(Debug)]
struct All {
    hooks: Named<HookCounts>,
    unknown_hooks: AtomicU64,
    commands: Named<CommandCounts>,
    command_time: Histogram,
    messages: Counts<MessageEnd>,
    accounts: Named<AccountCounts>,
    /// What still happens to deliveries by accounts that the configuration no longer has.
    gone: Arc<AccountCounts>,
    connections: [Connections; 4],
    reloads: Counts<ReloadEnd>,
    /// Whether the last one was refused, and when one was last taken, in milliseconds since the epoch.
    refused: AtomicBool,
    taken_at: AtomicI64,
    commit_time: Histogram,
    outbox_errors: AtomicU64,
}

impl Default for All {
    fn default() -> All {
        All {
            hooks: Named::default(),
            unknown_hooks: AtomicU64::default(),
            commands: Named::default(),
            command_time: Histogram::new(COMMAND),
            messages: Counts::default(),
            accounts: Named::default(),
            gone: Arc::default(),
            connections: Default::default(),
            reloads: Counts::default(),
            refused: AtomicBool::default(),
            taken_at: AtomicI64::default(),
            commit_time: Histogram::new(COMMIT),
            outbox_errors: AtomicU64::default(),
        }
    }
}

/// What is counted of one hook's calls.
#[derive(Debug, Default)]
pub struct HookCounts {
    calls: Counts<CallEnd>,
}

impl HookCounts {
    /// A call ended so.
    pub fn called(&self, end: CallEnd) {
        self.calls.add(end);
    }
}

#[derive(Debug, Default)]
struct CommandCounts {
    started: AtomicU64,
    ended: Counts<CommandEnd>,
}

/// What is counted of one account.
#[derive(Debug)]
pub struct AccountCounts {
    stages: Counts<Stage>,
    tries: Counts<TryEnd>,
    limited: Counts<Limit>,
    to_sent: Histogram,
    to_delivered: Histogram,
}

impl Default for AccountCounts {
    fn default() -> AccountCounts {
        AccountCounts {
            stages: Counts::default(),
            tries: Counts::default(),
            limited: Counts::default(),
            to_sent: Histogram::new(ON_THE_WAY),
            to_delivered: Histogram::new(ON_THE_WAY),
        }
    }
}

impl AccountCounts {
    /// A delivery came to this state, so long after its message was accepted.
    pub fn came_to(&self, stage: Stage, since_accepted: Duration) {
        self.stages.add(stage);
        match stage {
            Stage::Sent => self.to_sent.observe(since_accepted.as_secs_f64()),
            Stage::Delivered => self.to_delivered.observe(since_accepted.as_secs_f64()),
            _ => {}
        }
    }

    /// A try ended.
    pub fn tried(&self, end: TryEnd) {
        self.tries.add(end);
    }

    /// A delivery had to wait for a rate.
    pub fn waited(&self, limit: Limit) {
        self.limited.add(limit);
    }
}

impl Metrics {
    /// Has these hooks and accounts from now on, and forgets what was counted of others. Of each hook it is told whether it
    /// runs a command.
    pub fn follow<'n>(
        &self,
        hooks: impl Iterator<Item = (&'n str, bool)> + Clone,
        accounts: impl Iterator<Item = &'n str>,
    ) {
        self.0.hooks.follow(hooks.clone().map(|(id, _)| id));
        self.0.commands.follow(hooks.filter(|(_, runs)| *runs).map(|(id, _)| id));
        self.0.accounts.follow(accounts);
    }

    /// Where the calls of a hook are counted; of one that is not followed, nowhere that is shown.
    pub fn hook(&self, id: &str) -> Arc<HookCounts> {
        self.0.hooks.of(id).unwrap_or_default()
    }

    /// Somebody called an id that no hook has.
    pub fn unknown_hook(&self) {
        self.0.unknown_hooks.fetch_add(1, Ordering::Relaxed);
    }

    /// A hook's command begins.
    pub fn command_started(&self, hook: &str) {
        if let Some(counts) = self.0.commands.of(hook) {
            counts.started.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A hook's command ended after that time, or could not begin.
    pub fn command_ended(&self, hook: &str, end: CommandEnd, took: Duration) {
        if let Some(counts) = self.0.commands.of(hook) {
            counts.ended.add(end);
        }
        if end != CommandEnd::NotStarted {
            self.0.command_time.observe(took.as_secs_f64());
        }
    }

    /// A message was to be kept.
    pub fn message(&self, end: MessageEnd) {
        self.0.messages.add(end);
    }

    /// Where an account is counted.
    pub fn account(&self, name: &str) -> Arc<AccountCounts> {
        self.0.accounts.of(name).unwrap_or_else(|| Arc::clone(&self.0.gone))
    }

    /// Where the connections of a listener are counted.
    pub fn connections(&self, face: Face) -> Connections {
        let [hooks, callbacks, control, admin] = &self.0.connections;
        match face {
            Face::Hooks => hooks,
            Face::Callbacks => callbacks,
            Face::Control => control,
            Face::Admin => admin,
        }
        .clone()
    }

    /// A configuration is in force, since `now` in milliseconds since the epoch.
    pub fn config_taken(&self, now: i64) {
        self.0.refused.store(false, Ordering::Relaxed);
        self.0.taken_at.store(now, Ordering::Relaxed);
    }

    /// A reload ended.
    pub fn reloaded(&self, end: ReloadEnd) {
        self.0.reloads.add(end);
        self.0.refused.store(end == ReloadEnd::Refused, Ordering::Relaxed);
    }

    /// The outbox wrote something to the disk, and waited so long for it.
    pub fn committed(&self, took: Duration) {
        self.0.commit_time.observe(took.as_secs_f64());
    }

    /// The outbox could not do what it was asked.
    pub fn outbox_failed(&self) {
        self.0.outbox_errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// The connections of a listener. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    open: AtomicI64,
    accepted: AtomicU64,
}

impl Connections {
    /// One more, until what this gives back is dropped.
    pub fn begin(&self) -> Open {
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.0))
    }
}

/// A connection that is open.
#[derive(Debug)]
pub struct Open(Arc<Counted>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
