//! One binary for all tests that cross rooms.

/// The plan of the house is kept: floors, doors, nevers, sizes, tables.
mod architecture;
/// The source as text: which files there are, and which module uses which.
mod source;
/// The units are sound and hardened, and the socket of a service manager is taken over.
mod systemd;
