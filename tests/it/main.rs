//! One binary for all tests that cross rooms.

mod delivery;
mod order;
mod outbox;
