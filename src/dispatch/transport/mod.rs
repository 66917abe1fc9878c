//! How requests travel: the only outbound sockets.
