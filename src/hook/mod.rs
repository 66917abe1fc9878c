//! A hook, compiled: everything that could be wrong with it was found when its file was read.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use crate::account::{AccountDirectory, AccountName};
use crate::contact::{Directory, Recipient, Via};
use crate::go::path::clean;
use crate::message::{Priority, TextFormat};
use crate::process::{self, SpawnError};
use crate::request::Reading;
use crate::request::parameter::{Parameter, Source};
use crate::rule::Rule;
use crate::secret::Secret;
use crate::template::{Template, Words};

pub mod admit;
mod argument;
pub mod catalog;
mod compile;
pub mod media;
pub mod properties;
pub mod raw;
pub mod reach;
pub mod via;

use media::{Brings, Whence};

/// The name of a hook: the part of the URL behind the prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookId(Arc<str>);

impl HookId {
    /// The id `text`.
    pub fn new(text: &str) -> HookId {
        HookId(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to do where nobody hears of failures, for findings.
pub const SET_ON_FAILURE: &str = "set \"defaults\": {\"on-failure\": {\"to\": …, \"via\": …}}";

/// What a hook may refer to.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Contacts and lists.
    pub directory: Arc<Directory>,
    /// Accounts and the addresses they take.
    pub accounts: Arc<AccountDirectory>,
    /// Those of them that report when a message arrives.
    pub reporting: Arc<BTreeSet<AccountName>>,
    /// `-http-methods`, for hooks that name none; none said: all.
    pub methods: Option<Vec<String>>,
    /// `-max-multipart-mem`, in bytes, where it is said.
    pub form_memory: Option<i64>,
    /// Whether anybody hears of failures.
    pub on_failure: bool,
}

/// A hook, ready to be called.
#[derive(Debug)]
pub struct Hook {
    /// Its name.
    pub id: HookId,
    /// The methods it answers to, in upper case; none said: all.
    pub methods: Option<Vec<String>>,
    /// The tokens that open it; empty: it is open.
    pub tokens: Vec<Token>,
    /// Parameters whose values prove who calls, whatever they are called, and texts that a template took from outside:
    /// no log shows them.
    pub guarded: Vec<Parameter>,
    /// Whether pages of other sites may call it.
    pub allow_cross_site: bool,
    /// How its calls are read.
    pub reading: Reading,
    /// Parameters that are read as JSON before anything else looks at them.
    pub json_parameters: Vec<Parameter>,
    /// Parameters without which a call is refused.
    pub require: Vec<Parameter>,
    /// When it does what it does; none: always.
    pub rule: Option<Rule>,
    /// The status of the answer where its rule is not satisfied.
    pub mismatch: ReplyStatus,
    /// What it does.
    pub action: Action,
    /// What it answers when that went well.
    pub reply: Reply,
    /// The longest time between two calls, where silence is trouble.
    pub expect_every: Option<Duration>,
}

/// A token and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The caller's name, where the hook's `tokens` names its callers.
    pub caller: Option<String>,
    /// The token.
    pub secret: Secret,
}

/// What a called hook does.
#[derive(Debug)]
pub enum Action {
    /// Runs a command.
    Run(Run),
    /// Sends a message.
    Send(Send),
    /// Sends a message, then runs a command and answers with that.
    Both(Send, Run),
}

impl Hook {
    /// Whether the hook reads this one of the query, or may: a `run` line reads what it likes.
    pub fn reads_from_url(&self, name: &str) -> bool {
        let is_it = |parameter: &&Parameter| parameter.source == Source::Url && parameter.name == name;
        let send = self.action.send();
        let link = send.and_then(|send| send.brings.as_ref()).and_then(|brings| match &brings.whence {
            Whence::Link(link) => Some(link),
            Whence::Call(_) => None,
        });
        let mut templates = send.and_then(|send| send.text.as_ref()).into_iter().chain(link);
        templates.any(|template| template.may_read_query(name))
            || self.parameters().is_none_or(|read| read.iter().any(is_it))
    }

    /// The keys of a payload of JSON that the hook looks at, where it surely looks at no others: a command with arguments and
    /// no token. A path is the name of a key, or begins with one.
    fn payload_keys(&self) -> Option<Vec<String>> {
        let is_plain = self.action.send().is_none() && self.tokens.is_empty() && self.json_parameters.is_empty();
        let read = self.parameters().filter(|_| is_plain)?;
        if read.iter().any(|parameter| parameter.source == Source::EntirePayload) {
            return None;
        }
        let paths =
            read.iter().filter(|parameter| parameter.source == Source::Payload).map(|parameter| &*parameter.name);
        let keys: BTreeSet<&str> = paths.flat_map(|path| [path, path.split('.').next().unwrap_or(path)]).collect();
        Some(keys.into_iter().map(str::to_owned).collect())
    }

    /// Every parameter that the hook reads, but for its text; none where it has a `run` line.
    fn parameters(&self) -> Option<Vec<&Parameter>> {
        let mut read: Vec<&Parameter> = self.require.iter().chain(&self.json_parameters).collect();
        read.extend(self.rule.iter().flat_map(Rule::parameters));
        if let Some(send) = self.action.send() {
            read.extend(send.message.iter().chain(&send.title).chain(&send.thread));
            if let To::Called { parameter, .. } = &send.to {
                read.push(parameter);
            }
            if let Some(Brings { whence: Whence::Call(parameter), .. }) = &send.brings {
                read.push(parameter);
            }
            if let PriorityRule::ByValue { parameter, .. } = &send.priority {
                read.push(parameter);
            }
        }
        if let Action::Run(run) | Action::Both(_, run) = &self.action {
            let CommandLine::Execute { arguments, .. } = &run.command else { return None };
            read.extend(arguments.iter().chain(run.environment.iter().map(|(_, parameter)| parameter)));
            read.extend(run.files.iter().map(|file| &file.parameter));
        }
        Some(read)
    }
}

impl Action {
    /// The message it sends, if it does.
    pub fn send(&self) -> Option<&Send> {
        match self {
            Action::Send(send) | Action::Both(send, _) => Some(send),
            Action::Run(_) => None,
        }
    }

    /// Whether it runs a command.
    pub fn runs(&self) -> bool {
        matches!(self, Action::Run(_) | Action::Both(..))
    }
}

/// A command to run.
#[derive(Debug)]
pub struct Run {
    /// The program and its arguments.
    pub command: CommandLine,
    /// Variables for it: name and value.
    pub environment: Vec<(String, Parameter)>,
    /// Values that it gets in files.
    pub files: Vec<FileParameter>,
    /// The folder it runs in; none: the daemon's own.
    pub directory: Option<PathBuf>,
    /// What of its output the caller gets.
    pub capture: Capture,
}

impl Run {
    /// The file of a program, as it is now.
    ///
    /// upstream: webhook.go handleHook. With a working directory even a bare name is looked for inside it, and a relative
    /// result is found from there again. A `run` line has no such history: bare names are in `$PATH`, and what is found
    /// is the program wherever the command runs.
    pub fn file(&self, program: &str) -> Result<PathBuf, SpawnError> {
        self.file_in(program, std::env::var_os("PATH").as_deref())
    }

    /// The same with another `$PATH`.
    pub fn file_in(&self, program: &str, path: Option<&OsStr>) -> Result<PathBuf, SpawnError> {
        let is_line = matches!(self.command, CommandLine::Line(_));
        let is_relative = !Path::new(program).is_absolute();
        let inside = self.directory.as_deref().filter(|_| is_relative && (!is_line || program.contains('/')));
        let name = match inside {
            Some(folder) => clean(&format!("{}/{program}", folder.display())),
            None => program.to_owned(),
        };
        let found = process::look_path(&name, path)?;
        if is_line { Ok(std::path::absolute(&found).unwrap_or(found)) } else { Ok(found) }
    }

    /// Why the program is not there now, if it is not. One whose name is a template nobody knows before a call.
    pub fn missing(&self) -> Option<SpawnError> {
        self.file(self.program()?).err()
    }

    /// The program's name, where that is no template.
    pub fn program(&self) -> Option<&str> {
        match &self.command {
            CommandLine::Execute { program, .. } => Some(program),
            CommandLine::Line(words) => words.program(),
        }
    }
}

/// A value that a command gets in a file of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct FileParameter {
    /// The variable that names the file, and the file's own name but for its random part: that takes the place of the
    /// last `*`, or stands at the end.
    pub name: String,
    /// What is in it.
    pub parameter: Parameter,
    /// Whether the value is base64 of that.
    pub base64: bool,
}

/// A program and its arguments.
#[derive(Debug)]
pub enum CommandLine {
    /// `execute-command` with `pass-arguments-to-command`: adnanh/webhook's way.
    Execute {
        /// The program, as configured; may hold blanks.
        program: String,
        /// One argument each.
        arguments: Vec<Parameter>,
    },
    /// `run`: a command line of templates.
    Line(Words),
}

/// What of a command's output the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Nothing: the call is answered at once, while the command runs.
    Nothing,
    /// The output of a command that went well.
    Output,
    /// The output of any command.
    OutputAlsoOnError,
}

/// A message to send.
#[derive(Debug)]
pub struct Send {
    /// To whom.
    pub to: To,
    /// Accounts that get a copy in any case: recipients of one way each, made from the contacts.
    pub also: Vec<AccountName>,
    /// Where its text is; none: the usual places.
    pub message: Option<Parameter>,
    /// Where its heading is.
    pub title: Option<Parameter>,
    /// A template for the text.
    pub text: Option<Template>,
    /// How the text's characters are meant.
    pub format: TextFormat,
    /// What goes along with the text.
    pub brings: Option<Brings>,
    /// Where it says what the message is about: those about the same are one conversation, as a problem and its end.
    pub thread: Option<Parameter>,
    /// Its deliveries are given up after this.
    pub ttl: Duration,
    /// In this time, from the first on, the same content is accepted once; zero: each time.
    pub dedupe: Duration,
    /// What goes first.
    pub priority: PriorityRule,
    /// Whether a blank message is sent all the same.
    pub allow_empty: bool,
}

/// To whom a hook sends.
#[derive(Debug)]
pub enum To {
    /// To these, fixed when the file was read; copies are among them.
    Fixed(Vec<Recipient>),
    /// To whom the caller names.
    Called {
        /// The parameter that names them.
        parameter: Parameter,
        /// The accounts it goes through.
        via: Vec<Via>,
        /// Everybody there is.
        directory: Arc<Directory>,
        /// The accounts there are.
        accounts: Arc<AccountDirectory>,
    },
}

/// How a message's priority is told.
#[derive(Debug)]
pub enum PriorityRule {
    /// Always the same.
    Fixed(Priority),
    /// By a value of the call; a value without a priority means normal.
    ByValue {
        /// Where the value is.
        parameter: Parameter,
        /// What the values mean.
        map: Vec<(String, Priority)>,
    },
}

/// The status that a hook sets for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyStatus {
    /// None: the usual one is sent.
    Usual,
    /// This one.
    Set(StatusCode),
    /// A number that adnanh/webhook does not know: the usual one is sent, and the log says so.
    Unknown(i64),
}

impl ReplyStatus {
    /// The status, if the hook sets one that can be sent.
    pub fn set(self) -> Option<StatusCode> {
        if let ReplyStatus::Set(status) = self { Some(status) } else { None }
    }
}

/// What a hook answers when all went well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: ReplyStatus,
    /// The body, where the hook sets one.
    pub message: Option<String>,
    /// Headers; the last of a name counts.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}
