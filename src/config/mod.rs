//! What the files say, compiled: one immutable snapshot that a request keeps until it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch as channel;

use crate::account::{AccountDirectory, AccountName};
use crate::contact::{Directory, Recipient};
use crate::hook::catalog::HookCatalog;
use crate::message::expected::Expectations;
use crate::provider::Account;

mod canary;
pub mod compile;
mod defaults;
mod found;
pub mod last_good;
pub mod load;
mod raw;
pub mod schema;
mod template;
pub mod uses;
pub mod watch;

/// Everything that the files say.
#[derive(Default)]
pub struct Config {
    /// The hooks.
    pub hooks: HookCatalog,
    /// The accounts that can be used.
    pub accounts: BTreeMap<AccountName, Arc<Account>>,
    /// All accounts that are configured, the broken ones too, with the addresses they take.
    pub account_directory: Arc<AccountDirectory>,
    /// Contacts and lists.
    pub directory: Arc<Directory>,
    /// Who hears of failures (`defaults.on-failure`); nobody, where it is not set.
    pub on_failure: Vec<Recipient>,
    /// What must be heard of again and again.
    pub expected: Arc<Expectations>,
}

impl Config {
    /// Whether messages can be sent.
    pub fn sends(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// Whether something must be stored.
    pub fn needs_outbox(&self) -> bool {
        self.sends() || !self.expected.is_empty()
    }
}

/// The only pen. Not `Clone`: whoever holds it is the one writer.
pub struct ConfigPublisher(channel::Sender<Arc<Config>>);

/// Any number of readers. A reader keeps what it read until its request ends.
#[derive(Clone)]
pub struct LiveConfig(channel::Receiver<Arc<Config>>);

/// A pen and its readers, with an empty configuration until the first is published.
pub fn live() -> (ConfigPublisher, LiveConfig) {
    let (sender, receiver) = channel::channel(Arc::default());
    (ConfigPublisher(sender), LiveConfig(receiver))
}

impl ConfigPublisher {
    /// From now on new requests see `config`.
    pub fn publish(&self, config: Arc<Config>) {
        self.0.send_replace(config);
    }
}

impl LiveConfig {
    /// The configuration of this moment.
    pub fn current(&self) -> Arc<Config> {
        self.0.borrow().clone()
    }
}
