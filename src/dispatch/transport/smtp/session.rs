//! One connection to a mail server, from its greeting to the goodbye.
//!
//! It is our own and not lettre's: that one would keep what came unencrypted behind STARTTLS, can't tell whether the last
//! dot has left, takes no reply that isn't UTF-8, and goes by no proxy.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::http::Uri;
use data_encoding::BASE64;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service as _;

use super::wire::{Io, Reply, Silence, Wire, dotted};
use crate::dispatch::transport::answer::{causes, no_answer};
use crate::dispatch::transport::dial::Dial;
use crate::dispatch::transport::trust;
use crate::message::delivery::{Class, SendError};
use crate::provider::Answer;
use crate::provider::mail::{Login, Mail, Server, Stage, Tls};

/// How long a server may take to tell that a connection still stands.
const ALIVE: Duration = Duration::from_secs(5);

/// A connection that is open, encrypted and logged in, as its server has it.
pub(super) struct Session {
    server: Arc<Server>,
    wire: Wire,
    encrypted: bool,
    /// What it said to `EHLO`.
    offers: Vec<String>,
    mails: u32,
}

/// Why it goes no further.
pub(super) enum Stop {
    /// The server said no.
    Refused(Box<Answer>),
    /// There was no answer, or none is asked for.
    Failed(SendError),
}

impl Stop {
    /// As a carrier tells it.
    pub(super) fn told(self) -> Result<Answer, SendError> {
        match self {
            Stop::Refused(answer) => Ok(*answer),
            Stop::Failed(error) => Err(error),
        }
    }
}

impl From<SendError> for Stop {
    fn from(error: SendError) -> Stop {
        Stop::Failed(error)
    }
}

impl Session {
    /// Connects and does all that comes before the first mail. `tls` is asked for where it is needed.
    pub(super) async fn open<F>(
        server: &Arc<Server>,
        dial: Dial,
        tls: impl Fn() -> F,
        deadline: Instant,
    ) -> Result<Session, Stop>
    where
        F: Future<Output = Result<Arc<ClientConfig>, SendError>>,
    {
        // A proxy's own host is not this one.
        let is_near = server.is_loopback() && !dial.has_proxy();
        let mut io = connected(server, &dial, deadline).await?;
        let encrypted = server.tls == Tls::Implicit;
        if encrypted {
            io = handshake(server, tls().await?, io, deadline).await?;
        }
        let server = Arc::clone(server);
        let mut session = Session { server, wire: Wire::new(io), encrypted, offers: Vec::new(), mails: 0 };
        let greeting = session.wire.reply(deadline).await;
        session.accepted(Stage::Greeting, greeting)?;
        session.hello(deadline).await?;
        if session.is_to_encrypt()? {
            session = session.encrypt(tls().await?, deadline).await?;
        }
        session.log_in(is_near, deadline).await?;
        Ok(session)
    }

    /// How many mails it has brought.
    pub(super) fn mails(&self) -> u32 {
        self.mails
    }

    /// Whether it is with this server, in this account's name.
    pub(super) fn is_with(&self, server: &Arc<Server>) -> bool {
        Arc::ptr_eq(&self.server, server)
    }

    /// Whether it still stands, after a rest.
    pub(super) async fn is_alive(&mut self, deadline: Instant) -> bool {
        let soon = deadline.min(Instant::now() + ALIVE);
        self.wire.is_quiet()
            && self.wire.ask("RSET", soon).await.is_ok_and(|reply| reply.is_yes())
            && self.wire.is_quiet()
    }

    /// Does nothing, which shows that the server would do something.
    pub(super) async fn noop(&mut self, deadline: Instant) -> Result<Answer, Stop> {
        let reply = self.wire.ask("NOOP", deadline).await;
        let reply = self.accepted(Stage::Hello, reply)?;
        Ok(answered(Stage::Hello, &reply))
    }

    /// Hands in one mail.
    pub(super) async fn submit(&mut self, mail: &Mail, content: &[u8], deadline: Instant) -> Result<Answer, Stop> {
        let options = self.options(mail, content)?;
        let (from, to) = (&mail.from.address, &mail.to);
        self.step(Stage::Sender, &format!("MAIL FROM:<{from}>{options}"), deadline).await?;
        self.step(Stage::Recipient, &format!("RCPT TO:<{to}>"), deadline).await?;
        self.step(Stage::Data, "DATA", deadline).await?;
        let content = dotted(content);
        // Until the last line has left, the server can't have taken it.
        let (most, end) = content.split_at(content.len().saturating_sub(b".\r\n".len()));
        let written = self.wire.write(most, deadline).await;
        written.map_err(|silence| self.lost(Stage::Content, &silence))?;
        let reply = match self.wire.write(end, deadline).await {
            Ok(()) => self.wire.reply(deadline).await,
            Err(silence) => Err(silence),
        };
        self.mails += 1;
        match reply {
            Ok(reply) if (200..300).contains(&reply.code) => Ok(answered(Stage::Content, &reply)),
            Ok(reply) => Err(refused(Stage::Content, &reply)),
            Err(silence) => {
                let detail = format!("{} got the mail, but no answer came: {}", self.server, words(&silence));
                Err(no_answer(Class::Unknown, code(&silence), detail).into())
            }
        }
    }

    /// Takes its leave.
    pub(super) async fn goodbye(&mut self) {
        let soon = Instant::now() + ALIVE;
        self.wire.ask("QUIT", soon).await.ok();
        self.wire.close().await;
    }

    /// What `MAIL FROM` needs to say about this mail.
    fn options(&self, mail: &Mail, content: &[u8]) -> Result<String, SendError> {
        let mut options = String::new();
        if self.offer("SIZE").is_some() {
            options.push_str(&format!(" SIZE={}", content.len()));
        }
        if content.is_ascii() {
            return Ok(options);
        }
        if self.offer("SMTPUTF8").is_none() {
            let (class, address) =
                if mail.to.is_ascii() { (Class::Account, &mail.from.address) } else { (Class::Recipient, &mail.to) };
            let detail = format!("{} takes no address that is not ASCII, such as {address}", self.server);
            return Err(no_answer(class, "no smtputf8", detail));
        }
        options.push_str(" BODY=8BITMIME SMTPUTF8");
        Ok(options)
    }

    async fn hello(&mut self, deadline: Instant) -> Result<(), Stop> {
        let line = format!("EHLO {}", name(&self.server));
        let reply = self.wire.ask(&line, deadline).await;
        self.offers = self.accepted(Stage::Hello, reply)?.lines;
        Ok(())
    }

    /// What the server offers under this keyword: the words behind it.
    fn offer(&self, keyword: &str) -> Option<&str> {
        self.offers.iter().skip(1).find_map(|line| {
            let (word, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
            word.trim().eq_ignore_ascii_case(keyword).then_some(rest)
        })
    }

    /// Whether STARTTLS comes next.
    fn is_to_encrypt(&self) -> Result<bool, SendError> {
        let is_offered = self.offer("STARTTLS").is_some();
        match self.server.tls {
            Tls::StartTls if !is_offered => {
                let server = &self.server;
                let detail = format!(
                    "{server} offers no STARTTLS, and nothing is sent unencrypted: is this the right port? set \"tls\""
                );
                Err(no_answer(Class::Account, "no starttls", detail))
            }
            Tls::StartTls | Tls::Opportunistic => Ok(is_offered),
            Tls::Implicit | Tls::None => Ok(false),
        }
    }

    async fn encrypt(mut self, tls: Arc<ClientConfig>, deadline: Instant) -> Result<Session, Stop> {
        self.step(Stage::StartTls, "STARTTLS", deadline).await?;
        let Session { server, wire, mails, .. } = self;
        let Some(io) = wire.into_plain() else {
            let detail = format!("{server} went on unencrypted after STARTTLS: is somebody on the way?");
            return Err(no_answer(Class::Network, "starttls", detail).into());
        };
        let io = handshake(&server, tls, io, deadline).await?;
        // Nothing counts that was said before.
        let mut session = Session { server, wire: Wire::new(io), encrypted: true, offers: Vec::new(), mails };
        session.hello(deadline).await?;
        Ok(session)
    }

    /// Tells who sends, if the account says so. `is_near`: nobody listens on the way.
    async fn log_in(&mut self, is_near: bool, deadline: Instant) -> Result<(), Stop> {
        let server = Arc::clone(&self.server);
        let Some(Login { username, password }) = &server.login else { return Ok(()) };
        if !self.encrypted && !is_near && !server.plain_login {
            let detail =
                format!("the connection to {server} is not encrypted, and the password is not sent unencrypted");
            return Err(no_answer(Class::Account, "no starttls", detail).into());
        }
        let offered = self.offer("AUTH").unwrap_or_default().to_uppercase();
        let offers = |mechanism: &str| offered.split_whitespace().any(|word| word == mechanism);
        let steps = if offers("PLAIN") {
            let both = BASE64.encode(format!("\0{username}\0{}", password.expose()).as_bytes());
            vec![format!("AUTH PLAIN {both}")]
        } else if offers("LOGIN") {
            let [username, password] =
                [username.as_str(), password.expose()].map(|text| BASE64.encode(text.as_bytes()));
            vec!["AUTH LOGIN".to_owned(), username, password]
        } else {
            let others = if offered.is_empty() { "nothing" } else { &offered };
            let detail = format!("{server} can't be logged in to by PLAIN or LOGIN: it offers {others}");
            return Err(no_answer(Class::Account, "no auth", detail).into());
        };
        for line in steps {
            self.step(Stage::Login, &line, deadline).await?;
        }
        Ok(())
    }

    async fn step(&mut self, stage: Stage, line: &str, deadline: Instant) -> Result<(), Stop> {
        let reply = self.wire.ask(line, deadline).await;
        self.accepted(stage, reply).map(drop)
    }

    /// The reply, if it is a yes.
    fn accepted(&self, stage: Stage, reply: Result<Reply, Silence>) -> Result<Reply, Stop> {
        match reply {
            Ok(reply) if reply.is_yes() => Ok(reply),
            Ok(reply) => Err(refused(stage, &reply)),
            Err(silence) => Err(self.lost(stage, &silence).into()),
        }
    }

    /// Nothing has been handed in. A server that has taken the sender works: what it is silent to is this mail's own, its
    /// recipient or its size, and holds no other back.
    fn lost(&self, stage: Stage, silence: &Silence) -> SendError {
        let class = match (silence, stage) {
            (Silence::Babble, _) => Class::Account,
            (_, Stage::Recipient | Stage::Data | Stage::Content) => Class::Fault,
            _ => Class::Network,
        };
        let detail = format!("{} at {}: {}", self.server, stage.as_str(), words(silence));
        no_answer(class, code(silence), detail)
    }
}

fn answered(stage: Stage, reply: &Reply) -> Answer {
    Answer::Mail { stage, code: reply.code, text: reply.lines.join(" ") }
}

fn refused(stage: Stage, reply: &Reply) -> Stop {
    Stop::Refused(Box::new(answered(stage, reply)))
}

fn code(silence: &Silence) -> &'static str {
    match silence {
        Silence::Lost(_) | Silence::Closed => "lost",
        Silence::Late => "timeout",
        Silence::Babble => "no smtp",
    }
}

fn words(silence: &Silence) -> String {
    match silence {
        Silence::Lost(error) => error.to_string(),
        Silence::Closed => "it closed the connection".to_owned(),
        Silence::Late => "no answer in time".to_owned(),
        Silence::Babble => "it does not speak SMTP".to_owned(),
    }
}

/// What this host calls itself: as the account has it, or by its own name, if that has a domain.
fn name(server: &Server) -> String {
    let own = rustix::system::uname();
    let own = own.nodename().to_str().unwrap_or_default();
    let plain =
        own.contains('.') && own.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    // RFC 5321, 4.1.3: an address, where there is no name.
    server.hello.clone().unwrap_or_else(|| if plain { own.to_owned() } else { "[127.0.0.1]".to_owned() })
}

async fn connected(server: &Server, dial: &Dial, deadline: Instant) -> Result<Box<dyn Io>, SendError> {
    // By this scheme an HTTP proxy makes a tunnel.
    let url: Uri = match format!("https://{server}/").parse() {
        Ok(url) => url,
        Err(_) => return Err(no_answer(Class::Account, "server", format!("{server} can't be called"))),
    };
    let unreachable = |code: &str, why: &str| {
        let detail = match dial.proxy(&url) {
            Some(proxy) => format!("can't reach {server} through the proxy {proxy}: {why}"),
            None => format!("can't reach {server}: {why}; blocked? set \"proxy\""),
        };
        no_answer(Class::Network, code, detail)
    };
    let mut caller = dial.clone();
    match timeout_at(deadline, caller.call(url.clone())).await {
        Ok(Ok(dialed)) => Ok(Box::new(TokioIo::new(dialed))),
        Ok(Err(error)) => Err(unreachable("connect", &causes(&*error))),
        Err(_) => Err(unreachable("timeout", "no connection in time")),
    }
}

async fn handshake(
    server: &Server,
    tls: Arc<ClientConfig>,
    io: Box<dyn Io>,
    deadline: Instant,
) -> Result<Box<dyn Io>, SendError> {
    let Ok(name) = ServerName::try_from(server.host.clone()) else {
        return Err(no_answer(Class::Account, "tls", format!("{server} is no name that a certificate could have")));
    };
    match timeout_at(deadline, TlsConnector::from(tls).connect(name, io)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => {
            let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
            let advice = cause.map_or("", |cause| trust::advice(cause));
            // What rustls itself does not like will not mend itself; a connection that breaks may.
            let (class, code) = match cause {
                Some(_) => (Class::Account, "tls"),
                None => (Class::Network, "lost"),
            };
            Err(no_answer(class, code, format!("{server}: TLS: {error}{advice}")))
        }
        Err(_) => Err(no_answer(Class::Network, "timeout", format!("{server}: TLS: no answer in time"))),
    }
}
