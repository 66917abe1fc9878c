//! One binary for all tests that cross rooms.

/// Connections are accepted, limited and ended gracefully, over real sockets.
mod edge;
/// Changes of a configuration's files are told at once, however they are made.
mod watch;
