//! What every provider is: a pure answer to "what do we say next?".
//!
//! A provider has no client, no clock and no socket. It is asked for the next request, given all answers so far, until it
//! says `Done` or why not. So a dry run prints the requests, and a test is a list of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Uri};

use self::callback::Callback;
use self::capabilities::Capabilities;
use self::mail::{Mail, Server, Stage};
use self::probe::{Inquiry, Learned};
use self::pull::{Item, Pull, Said};
use crate::account::{AccountName, Address, Limits, Takes};
use crate::clock::Timestamp;
use crate::message::delivery::{Form, OnUnknown, Receipt, SendError};
use crate::message::media::Media;
use crate::message::{Priority, TextFormat};
use crate::node::{About, Node, Placed, Reader};
use crate::secret::Secret;

pub mod account;
pub mod attach;
pub mod callback;
pub mod canary;
pub mod capabilities;
pub mod dialect;
pub mod dialects;
pub mod kinds;
pub mod mail;
mod markup;
mod multipart;
mod named_template;
mod parameters;
pub mod poll;
pub mod preview;
pub mod probe;
pub mod pull;
mod reply;
pub mod table;
mod text;

pub use self::poll::Poll;
pub use self::table::table;

/// One system that carries messages.
pub trait Provider: Send + Sync {
    /// Given what must be sent and all answers so far: the next request, the receipt, or why not.
    fn converse(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError>;

    /// What to ask next to learn whether the account would work, given all answers so far; or what was learned. Nothing
    /// that it asks reaches anybody. A provider that can't be asked without sending says so.
    ///
    /// # Errors
    /// Why it would not work.
    fn probe(&self, _about: &Inquiry, _answers: &[Answer]) -> Result<Probe, SendError> {
        Ok(Probe::Done(Learned::well("can't be asked without sending")))
    }

    /// Is told, when its account is opened, how long one of its requests may take: a question that the provider holds
    /// until there is news must be shorter.
    fn within(&mut self, _timeout: Duration) {}

    /// What its account can do and how often it may, where that is not the same for all accounts of its kind.
    fn differs(&self) -> Option<(Capabilities, Limits)> {
        None
    }

    /// The program that it runs, where it runs one whose name is known before there is a message.
    fn program(&self) -> Option<&str> {
        None
    }

    /// What to ask next to have the provider call us at `url`, given all answers so far; or what came of it. A provider
    /// that has no call for that says where a person sets it up.
    ///
    /// # Errors
    /// Why it could not be set up.
    fn setup(&self, _url: &Secret, _answers: &[Answer]) -> Result<Probe, SendError> {
        Ok(Probe::Done(Learned::well("nothing can be set up by a call")))
    }

    /// Its calls of us, for those that call: reports, and messages from people.
    fn callback(&self) -> Option<&dyn Callback> {
        None
    }

    /// How it is asked for the same, for those that keep it until then, where the account wants that.
    fn poll(&self) -> Option<&dyn Poll> {
        None
    }

    /// Who fetches its messages, where nothing here can send them: `converse` then says what is offered, and understands
    /// what the device says of it.
    fn pull(&self) -> Option<&dyn Pull> {
        None
    }
}

/// A row of the table of providers.
#[derive(Clone)]
pub struct Kind {
    /// Its name in `"provider": …`.
    pub name: &'static str,
    /// Limits that the provider documents, for accounts that set none.
    pub limits: Limits,
    /// What its accounts can do.
    pub can: Capabilities,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// The properties that its accounts have besides the shared ones.
    pub properties: fn() -> Vec<About>,
    /// Makes a provider of an account.
    pub open: Open,
}

/// How a kind reads an account's own properties, by what its requests are. Each function gives `None` after a mistake,
/// which the reader has noted.
#[derive(Clone, Copy)]
pub enum Open {
    /// HTTP: its accounts may have `base-url`, `proxy` and `ca-file`.
    Http {
        /// Where the API is for accounts without a `base-url`; no slash at its end.
        base_url: &'static str,
        /// Is handed the account's `base-url` or the one above.
        open: fn(&Node, &str, &mut Reader<'_>) -> Option<Opened>,
    },
    /// HTTP as a file describes it: its accounts may have the same.
    Described(&'static dyn Described),
    /// Mail: its accounts may have `proxy` and `ca-file`.
    Mail(fn(&Node, &mut Reader<'_>) -> Option<Opened>),
    /// Something on this host.
    Local(fn(&Node, &mut Reader<'_>) -> Option<Opened>),
}

/// A kind whose accounts a file describes.
pub trait Described: Send + Sync {
    /// Where the API is for accounts without a `base-url`, empty where nobody knows; `None` where they may have none.
    fn base_url(&'static self) -> Option<&'static str>;

    /// Whether its accounts must have a `base-url`.
    fn needs_base_url(&self) -> bool {
        false
    }

    /// The properties that its accounts have besides the shared ones.
    fn rows(&'static self) -> Vec<About>;

    /// Whether they have others, too, which only a file of theirs tells.
    fn is_open(&self) -> bool {
        false
    }

    /// Reads an account; `None` after a mistake, which the reader has noted.
    fn open(&self, node: &Node, base_url: Option<&Placed<String>>, reader: &mut Reader<'_>) -> Option<Opened>;
}

/// Where accounts look up their providers.
#[derive(Clone, Copy)]
pub struct Providers {
    /// The names of all.
    pub names: fn() -> Vec<&'static str>,
    /// The one of this name.
    pub named: fn(&str) -> Option<Kind>,
}

/// What a kind makes of an account's own properties.
pub struct Opened {
    /// The addresses it takes.
    pub takes: Takes,
    /// The provider itself.
    pub provider: Box<dyn Provider>,
}

/// One configured use of a provider.
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// The kind's name.
    pub kind: &'static str,
    /// The addresses it takes.
    pub takes: Takes,
    /// What it can do.
    pub can: Capabilities,
    /// The provider.
    pub provider: Box<dyn Provider>,
    /// How often it may send.
    pub limits: Limits,
    /// What to do when nobody knows.
    pub on_unknown: OnUnknown,
    /// How its requests travel.
    pub transport: Transport,
    /// What stands in the path of its provider's calls, any of them; empty where those are not taken.
    pub callback_secrets: Vec<Secret>,
    /// What the first of those is called, where it was made: `hookbell token` prints it.
    pub callback_token: Option<String>,
    /// All its secrets: nobody is to see them.
    pub secrets: Vec<Secret>,
    /// A hash over everything the account was made of, secrets included: equal accounts need no new lane.
    pub fingerprint: u64,
}

/// How an account's requests travel. Its `Debug` hides the proxy, which may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Transport {
    /// For one request, connecting and answer included.
    pub timeout: Duration,
    /// `proxy`: `http://…`, `socks5://…` or `socks5h://…`; without it the environment's proxy settings hold.
    pub proxy: Option<Uri>,
    /// PEM text of certificate authorities to trust besides the system's, for this account only.
    pub extra_ca: Option<Arc<str>>,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxy = self.proxy.as_ref().and_then(Uri::host);
        write!(f, "timeout {:?}, proxy {proxy:?}, extra CA {}", self.timeout, self.extra_ca.is_some())
    }
}

/// What is to be sent, with all that a pure provider may need to know.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The same for every try of one delivery: an idempotency key where a provider takes one.
    pub key: String,
    /// The contact's name.
    pub contact: String,
    /// Where to.
    pub address: Address,
    /// A heading, where there is one.
    pub title: Option<String>,
    /// The text.
    pub text: String,
    /// How its characters are meant.
    pub format: TextFormat,
    /// What goes along with it: never more than the account can carry.
    pub media: Option<Arc<Media>>,
    /// What a form that can't bring that (a template) says instead: a link to it, or a note.
    pub in_words: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// What makes messages one conversation, where it belongs to one: a problem and its end.
    pub thread: Option<String>,
    /// The provider's id of what was sent last of that to the same address by the same account: it may be shown as the
    /// answer to it.
    pub reply_to: Option<String>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The form it is to have.
    pub form: Form,
    /// Whether the contact is known to have written to this account lately enough for free text.
    pub window_open: bool,
    /// A link to the whole text, for where it must be cut; none without `-public-url`.
    pub link: Option<String>,
    /// Where the account's provider calls us, for those that are told so with each message; none without `-public-url`.
    pub callback: Option<Secret>,
    /// The time of this try.
    pub now: Timestamp,
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Carry this and come back with the answer.
    Ask(Request),
    /// The provider took it.
    Done(Receipt),
}

/// What to do next to learn whether an account would work.
#[derive(Debug)]
pub enum Probe {
    /// Carry this and come back with the answer.
    Ask(Request),
    /// Nothing is left to ask.
    Done(Learned),
}

/// Something to be carried for a provider.
#[derive(Debug)]
pub enum Request {
    /// An HTTP request.
    Http(HttpRequest),
    /// A mail.
    Mail(Mail),
    /// To log in there, and send nothing.
    Login(Arc<Server>),
    /// A program to run.
    Exec(Command),
    /// Text for the daemon's own terminal or log.
    Print {
        /// For a terminal: may have several lines and a bell.
        terminal: String,
        /// For a log: one line.
        line: String,
    },
    /// Something that waits until a device fetches it.
    Offer(Item),
}

/// An HTTP request to a provider. Its `Debug` hides the secrets.
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Where to, secrets included.
    pub url: Secret,
    /// The same for people: secrets masked.
    pub shown_url: String,
    /// Headers; those that are secret are marked sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}, {} bytes", self.method, self.shown_url, self.headers, self.body.len())
    }
}

/// A program to run: no shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
}

/// The answer to one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// To an HTTP request.
    Http {
        /// The status.
        status: StatusCode,
        /// The headers.
        headers: HeaderMap,
        /// The body, cut at the transport's bound.
        body: Vec<u8>,
    },
    /// A mail server's, to what decided: it took the mail, or it refused a step on the way there.
    Mail {
        /// What it answered to.
        stage: Stage,
        /// The three digits.
        code: u16,
        /// Its lines, without the digits before each.
        text: String,
    },
    /// A program ended.
    Exec {
        /// Its exit code; none if a signal ended it.
        code: Option<i32>,
        /// What it wrote to both its outputs, cut at the transport's bound.
        output: String,
    },
    /// It stands on the terminal.
    Printed,
    /// What a device says of what it fetched.
    Device(Said),
}
