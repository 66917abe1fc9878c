//! Trouble that goes on is logged now and then, not each time.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Failures of one class are logged once in this time, with the count of those between.
const QUIET: Duration = Duration::from_secs(60);

/// When which class of trouble was logged last, and how many were kept silent since.
#[derive(Default)]
pub(super) struct Quiet(HashMap<&'static str, (Instant, u32)>);

impl Quiet {
    /// Whether to log: with how many others since the last time.
    pub(super) fn note(&mut self, class: &'static str, now: Instant) -> Option<u32> {
        match self.0.get_mut(class) {
            Some((logged, silent)) if now.duration_since(*logged) < QUIET => {
                *silent = silent.saturating_add(1);
                None
            }
            known => {
                let silent = known.map_or(0, |(_, silent)| *silent);
                self.0.insert(class, (now, 0));
                Some(silent)
            }
        }
    }
}
