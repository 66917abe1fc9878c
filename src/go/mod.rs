//! What of Go we imitate, so that the rest of the house reads as Rust.
//!
//! adnanh/webhook is written in Go, and some of its behaviour is Go's library showing through: how it names headers, which
//! status codes it knows, which type it guesses for an answer. Each such rule lives here, with its source.

pub mod base64;
pub mod cipher_suite;
pub mod date;
pub mod header;
pub mod media_type;
pub mod number;
pub mod path;
pub mod print;
pub mod quoted_printable;
pub mod regex;
pub mod sniff;
pub mod status;
pub mod template;
