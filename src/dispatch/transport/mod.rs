//! How requests travel: the only outbound sockets.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use crate::dispatch::{BoxFuture, Carriers, Carry};
use crate::message::delivery::{Class, SendError};
use crate::provider::{Answer, Request, Transport};

mod dial;
mod exec;
mod http;

use http::Client;

/// Of an answer, so many bytes are kept: a provider's reply has a few hundred.
const ANSWER_BYTES: usize = 64 * 1024;

/// Which proxies the surroundings name, as curl reads them: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in
/// capitals or not. The values are addresses, or empty. Its `Debug` is left out: a proxy may hold a password.
#[derive(Clone, Default)]
pub struct Proxies {
    /// For requests to `http://`.
    pub http: String,
    /// For requests to `https://`.
    pub https: String,
    /// For both.
    pub all: String,
    /// Hosts, domains and networks that are reached directly, with commas between.
    pub none: String,
}

impl Proxies {
    /// Those of this process.
    pub fn of_process() -> Proxies {
        let read = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        Proxies {
            http: read(["HTTP_PROXY", "http_proxy"]),
            https: read(["HTTPS_PROXY", "https_proxy"]),
            all: read(["ALL_PROXY", "all_proxy"]),
            none: read(["NO_PROXY", "no_proxy"]),
        }
    }
}

/// Carries the requests of one account. It keeps idle connections, and loads certificates when first it needs them.
pub struct Carrier {
    transport: Transport,
    http: Client,
}

impl Carrier {
    /// A carrier for an account, with the proxies of this process where the account has none of its own. The error
    /// says what is wrong with `ca-file`.
    pub fn new(transport: &Transport) -> Result<Carrier, String> {
        Carrier::through(transport, &Proxies::of_process())
    }

    /// The same with other proxies.
    pub fn through(transport: &Transport, proxies: &Proxies) -> Result<Carrier, String> {
        Ok(Carrier { transport: transport.clone(), http: Client::new(transport, proxies)? })
    }

    /// Carries one request and brings the answer, whatever it says; the error says why there is none.
    pub async fn carry(&self, request: Request) -> Result<Answer, SendError> {
        match request {
            Request::Http(request) => self.http.carry(request, self.transport.timeout).await,
            Request::Exec(command) => exec::carry(command, self.transport.timeout).await,
            Request::Print { terminal, line } => Ok(print(&terminal, &line)),
        }
    }
}

impl Carry for Carrier {
    fn carry<'a>(&'a self, request: Request, _: &'a Transport) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(Carrier::carry(self, request))
    }
}

/// In place of a carrier that can't be made: the account can't send, and says why.
struct NoCarrier(String);

impl Carry for NoCarrier {
    fn carry<'a>(&'a self, _: Request, _: &'a Transport) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(std::future::ready(Err(no_answer(Class::Account, "transport", self.0.clone()))))
    }
}

/// Carriers to the world outside.
pub fn carriers() -> Carriers {
    Arc::new(|transport| match Carrier::new(transport) {
        Ok(carrier) => Arc::new(carrier),
        Err(why) => Arc::new(NoCarrier(why)),
    })
}

/// Rings on the terminal, if there is one; else, or if it is gone, in the log.
fn print(terminal: &str, line: &str) -> Answer {
    let mut stdout = std::io::stdout();
    let rung = stdout.is_terminal() && stdout.write_all(terminal.as_bytes()).and_then(|()| stdout.flush()).is_ok();
    if !rung {
        tracing::info!("{line}");
    }
    Answer::Printed
}

/// Why there is no answer.
fn no_answer(class: Class, code: &str, detail: String) -> SendError {
    SendError { class, code: code.to_owned(), detail }
}
