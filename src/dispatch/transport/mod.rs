//! How requests travel: the only outbound sockets.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use crate::dispatch::carry::{BoxFuture, Carriers, Carry};
use crate::message::delivery::{Class, SendError};
use crate::provider::{Answer, Request, Transport};

mod answer;
mod dial;
mod exec;
mod http;

use answer::no_answer;
pub use dial::Proxies;
use http::Client;

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
    fn carry(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(Carrier::carry(self, request))
    }
}

/// In place of a carrier that can't be made: the account can't send, and says why.
struct NoCarrier(String);

impl Carry for NoCarrier {
    fn carry(&self, _: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
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
