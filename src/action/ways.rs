//! Where messages go.

use crate::dispatch::direct::Direct;
use crate::metrics::Metrics;
use crate::outbox::Outbox;

/// Where messages go: on disk; and where they can't, straight from memory.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// The outbox, if it is open.
    pub outbox: Option<&'a Outbox>,
    /// What sends without it.
    pub direct: &'a Direct,
    /// What is counted.
    pub metrics: &'a Metrics,
    /// Whether what is stored can be seen at a page of ours.
    pub has_pages: bool,
}
