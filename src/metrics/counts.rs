//! Counters in sets: one for each word of a closed list, and one set for each name of a configuration.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// A closed list of words: the values of one label.
pub(super) trait Word: Copy + 'static {
    /// All words, each at its place.
    const WORDS: &'static [&'static str];

    /// The place of this one.
    fn place(self) -> usize;
}

/// A counter for each word.
#[derive(Debug)]
pub(super) struct Counts<W>(Box<[AtomicU64]>, PhantomData<W>);

impl<W: Word> Default for Counts<W> {
    fn default() -> Counts<W> {
        Counts(W::WORDS.iter().map(|_| AtomicU64::new(0)).collect(), PhantomData)
    }
}

impl<W: Word> Counts<W> {
    /// Counts one.
    pub(super) fn add(&self, word: W) {
        if let Some(count) = self.0.get(word.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Every word with its count.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        W::WORDS.iter().zip(&self.0).map(|(word, count)| (*word, count.load(Ordering::Relaxed)))
    }
}

/// A set of counters for each name that the configuration has. No other name ever gets one.
#[derive(Debug)]
pub(super) struct Named<T>(RwLock<BTreeMap<Arc<str>, Arc<T>>>);

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named(RwLock::default())
    }
}

impl<T: Default> Named<T> {
    /// Has these names from now on: new ones begin at zero, those of before go on, and what is gone is forgotten.
    pub(super) fn follow<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        *known = names.map(|name| before.remove_entry(name).unwrap_or_else(|| (name.into(), Arc::default()))).collect();
    }

    /// The counters of a name, if the configuration has it.
    pub(super) fn of(&self, name: &str) -> Option<Arc<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All names with their counters, in order.
    pub(super) fn all(&self) -> Vec<(Arc<str>, Arc<T>)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(name, counts)| (Arc::clone(name), Arc::clone(counts))).collect()
    }
}
