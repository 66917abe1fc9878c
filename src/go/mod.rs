//! What of Go we imitate, so that the rest of the house reads as Rust.
//!
//! adnanh/webhook is written in Go, and some of its behaviour is Go's library showing through: how it names headers, which
//! status codes it knows, which type it guesses for an answer. Each such rule lives here, with its source.

pub mod header;
pub mod path;
pub mod sniff;
pub mod status;
pub mod template;
