//! Waking the lanes, and whoever waits for a message.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::counted::Counted;
use crate::message::MessageId;

/// A bell for each account, which rings after a commit that may give its lane something to do, and one for each message
/// that somebody waits for, which rings after a commit that changed one of its deliveries.
#[derive(Clone, Debug, Default)]
pub(super) struct Bells {
    lanes: Arc<Mutex<BTreeMap<String, Arc<Notify>>>>,
    watched: Arc<Mutex<HashMap<MessageId, Arc<Notify>>>>,
}

/// What one transaction rings for, once it is committed.
#[derive(Debug, Default)]
pub(super) struct Rung {
    pub(super) accounts: BTreeSet<String>,
    pub(super) messages: BTreeSet<MessageId>,
    pub(super) counted: Vec<Counted>,
}

impl Bells {
    /// The bell of an account.
    pub(super) fn of(&self, account: &str) -> Arc<Notify> {
        let mut bells = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(account.to_owned()).or_default())
    }

    /// Watches a message for as long as what it gives back lives.
    pub(super) fn watch(&self, message: MessageId) -> Watch {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        Watch { bell: Arc::clone(watched.entry(message).or_default()), bells: self.clone(), message }
    }

    /// Rings.
    pub(super) fn ring(&self, rung: &Rung) {
        for account in &rung.accounts {
            self.of(account).notify_one();
        }
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.is_empty() {
            return;
        }
        for bell in rung.messages.iter().filter_map(|message| watched.get(message)) {
            bell.notify_waiters();
        }
    }
}

/// Somebody waits for news of one message.
#[derive(Debug)]
pub struct Watch {
    bell: Arc<Notify>,
    bells: Bells,
    message: MessageId,
}

impl Watch {
    /// Resolves after the next change of one of the message's deliveries. What happens between this call and the first
    /// look at its future counts, too: so call it, then look where the message stands, then wait.
    pub fn changed(&self) -> Notified<'_> {
        self.bell.notified()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.bells.watched.lock().unwrap_or_else(PoisonError::into_inner);
        // The registry's and this one: clones are made under the lock only.
        if Arc::strong_count(&self.bell) == 2 {
            watched.remove(&self.message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[tokio::test]
    async fn a_watch_hears_its_message_and_leaves_nothing_behind() {
        let bells = Bells::default();
        let [one, other] = [1, 2].map(|n| MessageId::new(Timestamp::default(), [n; 10]));
        let (first, second) = (bells.watch(one), bells.watch(one));
        let ring = |message| bells.ring(&Rung { messages: BTreeSet::from([message]), ..Rung::default() });
        let early = first.changed();
        ring(other);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, early).await.is_err());
        let (one_hears, so_does_the_other) = (first.changed(), second.changed());
        ring(one);
        // Each is used up here.
        one_hears.await;
        so_does_the_other.await;
        drop(first);
        assert_eq!(bells.watched.lock().unwrap().len(), 1);
        drop(second);
        assert!(bells.watched.lock().unwrap().is_empty());
    }
}
