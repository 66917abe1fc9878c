//! One process, from its settings to its end.

pub mod settings;
pub mod systemd;
