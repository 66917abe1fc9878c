//! TLS on a listener: what is offered, which certificate is shown, and how a connection begins.

pub mod certificate;
pub mod handshake;
pub mod policy;
mod validity;
