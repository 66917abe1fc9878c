//! All hooks of a configuration, by id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Hook, HookId};
use crate::diagnostic::Diagnostic;
use crate::metrics::{HookCounts, Metrics};

/// The place of one id.
#[derive(Clone, Debug)]
pub enum Slot {
    /// Ready to be called.
    Ready(Arc<Hook>),
    /// Its definition has mistakes: it answers 503, and the others live.
    Broken(Arc<[Diagnostic]>),
}

/// One id of a catalog.
#[derive(Clone, Debug)]
struct Row {
    slot: Slot,
    fingerprint: u64,
    counts: Arc<HookCounts>,
}

/// id → hook.
#[derive(Clone, Debug, Default)]
pub struct HookCatalog(BTreeMap<HookId, Row>);

/// What became different from one catalog to the next, by hook id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New ids.
    pub added: Vec<HookId>,
    /// Ids whose definition is another text now.
    pub changed: Vec<HookId>,
    /// Ids that are gone.
    pub removed: Vec<HookId>,
}

impl HookCatalog {
    /// Puts a hook under its id; `fingerprint` is a hash of its text.
    pub fn insert(&mut self, id: HookId, slot: Slot, fingerprint: u64) {
        self.0.insert(id, Row { slot, fingerprint, counts: Arc::default() });
    }

    /// The hook called `id`.
    pub fn find(&self, id: &HookId) -> Option<&Slot> {
        self.0.get(id).map(|row| &row.slot)
    }

    /// The same, and where its calls are counted.
    pub fn find_counted(&self, id: &HookId) -> Option<(&Slot, &HookCounts)> {
        self.0.get(id).map(|row| (&row.slot, &*row.counts))
    }

    /// Has calls counted where `metrics` shows them; it follows these hooks already.
    pub fn count_in(&mut self, metrics: &Metrics) {
        for (id, row) in &mut self.0 {
            row.counts = metrics.hook(id.as_str());
        }
    }

    /// All ids with their hooks, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&HookId, &Slot)> + Clone {
        self.0.iter().map(|(id, row)| (id, &row.slot))
    }

    /// Hooks that are expected to be called, each with the longest time between two calls; of a broken one nobody knows
    /// that.
    pub fn expected_calls(&self) -> BTreeMap<String, Option<Duration>> {
        let every = |slot: &Slot| match slot {
            Slot::Ready(hook) => hook.expect_every.map(Some),
            Slot::Broken(_) => Some(None),
        };
        self.iter().filter_map(|(id, slot)| Some((id.as_str().to_owned(), every(slot)?))).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is different since `before`.
    pub fn changes_since(&self, before: &HookCatalog) -> Changes {
        let mut changes = Changes::default();
        for (id, row) in &self.0 {
            match before.0.get(id) {
                None => changes.added.push(id.clone()),
                Some(earlier) if earlier.fingerprint != row.fingerprint => changes.changed.push(id.clone()),
                Some(_) => {}
            }
        }
        changes.removed = before.0.keys().filter(|id| !self.0.contains_key(*id)).cloned().collect();
        changes
    }
}
