//! The durable store of messages and deliveries.
//!
//! What it promises:
//! 1. Accepted means on disk: `enqueue` returns after the commit, and a message and all its deliveries are one
//!    transaction. A claim is committed before the first byte leaves.
//! 2. At least once: a claim is a lease; what a dead process held is tried again, or given up as the account wants it.
//! 3. One owner at a time: each lease has a number, and only the last one's result counts.
//! 4. Nothing is silent: every end has a reason and a row in `attempts`.
//! 5. The same key, the same answer: a call that is made again within its key's day, or its hook's window, stores nothing
//!    and is answered with the first message's id, also after a restart.
//! 6. Per account and address one request at a time, in order of priority and acceptance; nobody overtakes but whoever
//!    has a higher priority, and whoever finds the older one marked late.

mod alarms;
mod attempts;
mod bells;
mod breaker;
mod calls;
mod canaries;
mod claim;
mod counted;
mod damage;
mod error;
mod expected;
mod expects;
mod first_page;
mod fold;
mod gauges;
mod handle;
mod held;
mod hold;
mod lent;
mod list;
mod media;
mod news;
mod once;
mod operator;
mod orphans;
mod parked;
mod place;
#[cfg(test)]
mod plans;
mod probe;
mod queue;
mod rate;
mod reader;
mod recovery;
mod refused;
mod relimit;
mod retention;
mod rows;
mod salvage;
mod sqlite;
mod standing;
mod status;
mod step;
mod tally;
mod thread;
mod ticket;
mod void;
mod wal;
mod ways;
mod windows;
mod writer;

pub use alarms::Due;
pub use bells::Watch;
pub use canaries::CanaryState;
pub use claim::{Claim, Claims, Settlement, Terms};
pub use error::OutboxError;
pub use expected::ExpectedCall;
pub use gauges::AccountGauges;
pub use handle::Outbox;
pub use lent::Answered;
pub use list::{AccountState, Attempt, Filter, Listed, Named};
pub use news::Heard;
pub use once::{Accepted, Content, Once};
pub use operator::Touched;
pub use reader::Reader;
pub use recovery::Recovery;
pub use refused::Refused;
pub use status::{DeliveryStatus, MessageStatus};
pub use ticket::Ticket;
