//! What is not counted but looked at when somebody asks.

use super::process::Process;

/// How things stand at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The configuration in force.
    pub config: ConfigNow,
    /// Commands that run.
    pub commands_running: usize,
    /// Commands that wait for a free place.
    pub commands_waiting: usize,
    /// The accounts of the configuration, and others that something waits for.
    pub accounts: Vec<AccountNow>,
    /// The outbox; none where nothing is to be sent.
    pub outbox: Option<OutboxNow>,
    /// This process; none where the system does not tell.
    pub process: Option<Process>,
}

/// The configuration in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfigNow {
    /// Hooks that can be called.
    pub hooks: usize,
    /// Hooks that answer 503 until their definition is mended.
    pub broken_hooks: usize,
    /// Accounts that can be used.
    pub accounts: usize,
}

/// How an account stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountNow {
    /// Its name.
    pub name: String,
    /// Deliveries that wait.
    pub queued: u64,
    /// Tries under way.
    pub sending: u64,
    /// How long ago the oldest of the waiting was accepted, in seconds; 0 where none waits.
    pub oldest: f64,
    /// Since when its breaker is open, in seconds since the epoch.
    pub broken_since: Option<f64>,
    /// When a canary came back by it, the last time, in seconds since the epoch.
    pub canary_back_at: Option<f64>,
    /// Contacts whose window for free text is open; none where it has no such thing.
    pub windows: Option<u64>,
}

/// How the outbox stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxNow {
    /// Whether it is open and can be read.
    pub open: bool,
    /// What its files take, in bytes.
    pub bytes: u64,
}
