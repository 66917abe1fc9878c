//! What the files say.

pub mod watch;
