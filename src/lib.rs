//! hookbell: a hook is called, a bell rings.

pub mod account;
pub mod clock;
pub mod contact;
pub mod diagnostic;
pub mod dispatch;
pub mod message;
pub mod node;
pub mod outbox;
pub mod provider;
pub mod secret;
pub mod tasks;
