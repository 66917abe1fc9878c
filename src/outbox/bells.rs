//! Waking the lanes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A bell for each account: it rings after a commit that may give its lane something to do.
#[derive(Clone, Debug, Default)]
pub(super) struct Bells(Arc<Mutex<BTreeMap<String, Arc<Notify>>>>);

impl Bells {
    /// The bell of an account.
    pub(super) fn of(&self, account: &str) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(account.to_owned()).or_default())
    }

    /// Rings for these accounts.
    pub(super) fn ring(&self, accounts: &BTreeSet<String>) {
        for account in accounts {
            self.of(account).notify_one();
        }
    }
}
