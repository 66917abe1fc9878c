//! The durable store of messages and deliveries.
//!
//! What it promises:
//! 1. Accepted means on disk: `enqueue` returns after the commit, and a message and all its deliveries are one
//!    transaction. A claim is committed before the first byte leaves.
//! 2. At least once: a claim is a lease; what a dead process held is tried again, or given up as the account wants it.
//! 3. One owner at a time: each lease has a number, and only the last one's result counts.
//! 4. Nothing is silent: every end has a reason and a row in `attempts`.
//! 5. Per account and address one request at a time, in order of priority and acceptance; nobody overtakes but whoever
//!    has a higher priority, and whoever finds the older one marked late.

mod bells;
mod claim;
mod damage;
mod error;
mod first_page;
mod handle;
mod held;
mod orphans;
mod place;
#[cfg(test)]
mod plans;
mod queue;
mod recovery;
mod retention;
mod rows;
mod salvage;
mod sqlite;
mod status;
mod step;
mod wal;
mod writer;

pub use claim::{Claim, Claims, Settlement, Terms};
pub use error::OutboxError;
pub use handle::Outbox;
pub use recovery::Recovery;
pub use status::{AccountDepth, DeliveryStatus, Depth, MessageStatus};
