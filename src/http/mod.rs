//! The edge of the house: who calls, what answers, and within which limits.

pub mod admin;
pub mod api;
mod asked;
mod body;
pub mod call_log;
mod callback;
mod complaint;
pub mod edge;
pub mod first_line;
mod hooks;
mod host;
pub mod listener;
pub mod operator;
mod outcome;
pub mod prefix;
mod pull;
pub mod recipients;
mod refusals;
pub mod request_id;
pub mod respond;
mod router;
pub mod site;
mod stall;
mod stream;
pub mod tls;
mod wait;

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use http::Response;
use http::request::Parts;
use http_body_util::Full;
use hyper::body::Bytes;

pub use body::{Body, BodyFault};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Address and port, for logs and hooks: `127.0.0.1:4711`, `[::1]:9`; an IPv4 caller of an IPv6 socket is shown as
    /// IPv4. `@` for a unix socket.
    pub shown: String,
    /// The same as an address to compare, IPv4 where it can be; none for a unix socket.
    pub ip: Option<IpAddr>,
    /// Whether the control socket was called: who may open it needs no token.
    pub operator: bool,
}

/// Whatever answers requests.
pub trait Respond: Clone + Send + Sync + 'static {
    /// The answer to one request. The future is dropped where the connection breaks: what must not stop halfway
    /// belongs into a task of its own.
    fn respond(&self, parts: &Parts, body: Body, peer: &Peer) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// What a listener grants its clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at a time; further ones wait in the kernel.
    pub connections: usize,
    /// How long a client may take for request line and headers, and a kept connection may stay silent.
    pub head: Duration,
    /// How long a client may take none of its answer.
    pub stall: Duration,
    /// How long a client may take for the handshake of TLS.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // An idle connection keeps the parser's first buffer of 8 KiB: 32 MiB for this many. With TLS it is 26 KiB.
            connections: 4096,
            head: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
        }
    }
}
