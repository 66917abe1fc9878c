//! One binary for all tests that cross rooms.

mod providers;
mod transport;
mod delivery;
mod outbox;
