//! The claims that this process holds: their tries have not ended, whatever the clock says of their leases.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::message::delivery::DeliveryId;

/// A delivery, and the number of its lease.
type Lease = (DeliveryId, i64);

/// All leases held. Clones are the same set.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<Mutex<HashSet<Lease>>>);

impl Held {
    /// Notes a lease as held, for as long as what it gives back lives.
    pub(super) fn hold(&self, lease: Lease) -> Hold {
        self.with(|held| held.insert(lease));
        Hold { held: self.clone(), lease }
    }

    /// Whether somebody holds it.
    pub(super) fn has(&self, lease: Lease) -> bool {
        self.with(|held| held.contains(&lease))
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashSet<Lease>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One lease held.
#[derive(Debug)]
pub(super) struct Hold {
    held: Held,
    lease: Lease,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.with(|held| held.remove(&self.lease));
    }
}
