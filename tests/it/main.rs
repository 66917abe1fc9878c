//! One binary for all tests that cross rooms.

/// Connections are accepted, limited and ended gracefully, over real sockets.
mod edge;
