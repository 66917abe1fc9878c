//! How requests travel: the only outbound sockets.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::dispatch::carry::{BoxFuture, Carriers, Carry};
use crate::message::delivery::{Class, SendError};
use crate::provider::{Answer, Request, Transport};

mod answer;
mod dial;
mod exec;
mod http;
mod smtp;
mod trust;

use answer::no_answer;
pub use dial::Proxies;
use http::Client;

/// Carries the requests of one account. It keeps idle connections, and loads certificates when first it needs them.
pub struct Carrier {
    transport: Transport,
    http: Client,
    smtp: smtp::Client,
    /// Taken while somebody writes to the terminal, which may have been stopped.
    terminal: Arc<Mutex<()>>,
}

impl Carrier {
    /// A carrier for an account, with the proxies of this process where the account has none of its own. The error
    /// says what is wrong with `ca-file`.
    pub fn new(transport: &Transport) -> Result<Carrier, String> {
        Carrier::through(transport, &Proxies::of_process())
    }

    /// The same with other proxies.
    pub fn through(transport: &Transport, proxies: &Proxies) -> Result<Carrier, String> {
        let (http, smtp) = (Client::new(transport, proxies)?, smtp::Client::new(transport)?);
        Ok(Carrier { transport: transport.clone(), http, smtp, terminal: Arc::default() })
    }

    /// Carries one request and brings the answer, whatever it says; the error says why there is none.
    pub async fn carry(&self, request: Request) -> Result<Answer, SendError> {
        match request {
            Request::Http(request) => self.http.carry(request, self.transport.timeout).await,
            Request::Mail(mail) => self.smtp.carry(mail, self.transport.timeout).await,
            Request::Login(server) => self.smtp.probe(&server, self.transport.timeout).await,
            Request::Exec(command) => exec::carry(command, self.transport.timeout).await,
            Request::Print { terminal, line } => Ok(self.print(terminal, &line).await),
            Request::Offer(_) => {
                let why = "nothing can be sent by it: a device fetches what waits in the outbox";
                Err(no_answer(Class::Network, "offer", why.to_owned()))
            }
        }
    }
}

impl Carrier {
    /// Rings on the terminal, if there is one; else, or if it is gone or stopped (Ctrl-S), in the log.
    async fn print(&self, terminal: String, line: &str) -> Answer {
        let ring = async {
            // One at a time, so that a stopped terminal costs one thread and no more.
            let turn = self.terminal.clone().lock_owned().await;
            let ring = move || {
                let rung = rings(&terminal);
                drop(turn);
                rung
            };
            tokio::task::spawn_blocking(ring).await.unwrap_or(false)
        };
        if !tokio::time::timeout(self.transport.timeout, ring).await.unwrap_or(false) {
            tracing::info!("{line}");
        }
        Answer::Printed
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

/// Carriers to the world outside, with the proxies of this process where an account has none of its own.
pub fn carriers() -> Carriers {
    let proxies = Proxies::of_process();
    for name in proxies.unreadable() {
        // Its value may hold a password.
        tracing::warn!("${name} is no proxy's address, and does nothing: write http://HOST:PORT or socks5://HOST:PORT");
    }
    Arc::new(move |transport| match Carrier::through(transport, &proxies) {
        Ok(carrier) => Arc::new(carrier),
        Err(why) => Arc::new(NoCarrier(why)),
    })
}

/// Whether it rang: there is a terminal, and it took the text.
fn rings(terminal: &str) -> bool {
    let mut stdout = std::io::stdout();
    stdout.is_terminal() && stdout.write_all(terminal.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}
