//! What a mail is before it is written down as RFC 5322 has it, and which server is to take it.

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::message::Priority;
use crate::message::media::Media;
use crate::secret::Secret;

/// A mail to one recipient.
pub struct Mail {
    /// Who is to take it.
    pub server: Arc<Server>,
    /// Whom it is from.
    pub from: Mailbox,
    /// Who gets the answers, where that is somebody else.
    pub reply_to: Option<Mailbox>,
    /// The address it goes to.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// A file that goes along.
    pub attachment: Option<Arc<Media>>,
    /// Its id, without the angle brackets: the same for every try, so that one who gets it twice sees it once.
    pub message_id: String,
    /// The id that all mails of its thread refer to, without the angle brackets. No mail has it.
    pub thread: Option<String>,
    /// When what it tells was accepted.
    pub date: Timestamp,
    /// How urgent it is.
    pub priority: Priority,
}

impl Mail {
    /// What it says in `X-Priority` and `Importance`, by which most mail programs show a mark; none where it is as usual.
    pub fn importance(&self) -> Option<(&'static str, &'static str)> {
        match self.priority {
            Priority::High => Some(("1 (Highest)", "high")),
            Priority::Normal => None,
            Priority::Low => Some(("5 (Lowest)", "low")),
        }
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mail { server, from, to, message_id, text, .. } = self;
        write!(f, "{server}: mail {message_id} from {} to {to}, {} bytes", from.address, text.len())
    }
}

/// An address and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name to show, in any script.
    pub name: Option<String>,
    /// The address, its domain in ASCII.
    pub address: String,
}

impl Mailbox {
    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

/// A server that takes mails.
#[derive(Debug)]
pub struct Server {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When the connection is to be encrypted.
    pub tls: Tls,
    /// User and password, where it wants to know who sends.
    pub login: Option<Login>,
    /// Whether the password may travel unencrypted.
    pub plain_login: bool,
    /// What this host calls itself; none: by its own name, if that has a domain.
    pub hello: Option<String>,
}

impl Server {
    /// Whether it is this very host, so that nobody listens on the way.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether a host's name means this very host.
pub fn is_loopback(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Server {
    /// `HOST:PORT`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// When a connection is encrypted. Where it is, the server's certificate must be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From its first byte on: port 465.
    Implicit,
    /// By STARTTLS, and without that nothing is sent.
    StartTls,
    /// By STARTTLS where the server offers it.
    Opportunistic,
    /// Never.
    None,
}

impl Tls {
    /// Every policy with its word.
    pub const ALL: [(&'static str, Tls); 4] = [
        ("starttls", Tls::StartTls),
        ("implicit", Tls::Implicit),
        ("opportunistic", Tls::Opportunistic),
        ("none", Tls::None),
    ];

    /// The policy that `word` means.
    pub fn named(word: &str) -> Option<Tls> {
        Tls::ALL.iter().find(|(name, _)| *name == word).map(|(_, tls)| *tls)
    }
}

/// Who sends.
#[derive(Debug)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How far a session with a server had come when it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The connection stands; the server speaks first.
    Greeting,
    /// `EHLO`
    Hello,
    /// `STARTTLS`
    StartTls,
    /// `AUTH`
    Login,
    /// `MAIL FROM`
    Sender,
    /// `RCPT TO`
    Recipient,
    /// `DATA`
    Data,
    /// The mail itself, whole.
    Content,
}

impl Stage {
    /// Every stage with the words for it.
    pub const ALL: [(&'static str, Stage); 8] = [
        ("greeting", Stage::Greeting),
        ("EHLO", Stage::Hello),
        ("STARTTLS", Stage::StartTls),
        ("AUTH", Stage::Login),
        ("MAIL FROM", Stage::Sender),
        ("RCPT TO", Stage::Recipient),
        ("DATA", Stage::Data),
        ("content", Stage::Content),
    ];

    /// Its words.
    pub fn as_str(self) -> &'static str {
        Stage::ALL.iter().find(|(_, stage)| *stage == self).map_or("", |(name, _)| name)
    }
}
