//! One binary for all tests that cross rooms.

mod delivery;
mod edge;
mod outbox;
mod providers;
mod transport;
mod watch;
