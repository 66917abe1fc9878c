//! Sending: what is due is claimed, carried to its provider, and settled.

pub mod transport;
