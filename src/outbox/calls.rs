//! Calls of hooks that are expected to be called, until they are written down: a call costs no disk.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The last call of each hook that was called since the last writing. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Calls {
    noted: Arc<Mutex<Noted>>,
    bell: Arc<Notify>,
}

#[derive(Default)]
struct Noted {
    /// By the time that passes: the time of day may be set before this is written.
    last: HashMap<String, Instant>,
    /// Hooks whose silence was told: their next call is news.
    silent: HashSet<String>,
}

impl Calls {
    /// Notes a call that was accepted now.
    pub(super) fn note(&self, hook: &str) {
        let mut noted = self.noted();
        match noted.last.get_mut(hook) {
            Some(last) => *last = Instant::now(),
            None => drop(noted.last.insert(hook.to_owned(), Instant::now())),
        }
        if noted.silent.contains(hook) {
            self.bell.notify_one();
        }
    }

    /// The bell that rings when a silent hook is called.
    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// What there is to write. It stays until it is `written`.
    pub(super) fn unwritten(&self) -> HashMap<String, Instant> {
        self.noted().last.clone()
    }

    /// Forgets what was written; what came since is newer.
    pub(super) fn written(&self, written: &HashMap<String, Instant>) {
        self.noted().last.retain(|hook, at| written.get(hook) != Some(at));
    }

    /// From now on the bell rings for these. Says whether one of them was called already.
    pub(super) fn listen_for(&self, silent: HashSet<String>) -> bool {
        let mut noted = self.noted();
        noted.silent = silent;
        noted.silent.iter().any(|hook| noted.last.contains_key(hook))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
