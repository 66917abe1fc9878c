//! The terminal's face: what was typed becomes a command, and a command becomes an exit code.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;

use exit::{Exit, say};
use flags::accounts::AccountsArgs;
use flags::callers::{OmprogArgs, ZabbixMediaArgs};
use flags::check::CheckArgs;
use flags::first::{ImportArgs, InitArgs};
use flags::link::LinkArgs;
use flags::messages::MessagesArgs;
use flags::send::SendArgs;
use flags::{SERVE, TokenArgs};
use parse::Stop;

use crate::app::access;
use crate::app::privileges::Identity;
use crate::app::settings::RawSettings;
use crate::http::tls::policy::MinVersion;

mod accounts;
mod check;
pub mod compat;
mod control;
pub mod exit;
pub mod flags;
mod fresh;
pub mod generate;
pub mod help;
mod import;
mod init;
mod link;
pub mod log;
mod messages;
mod omprog;
mod operator;
pub mod parse;
mod quote;
mod rows;
mod send;
mod serve;
mod state;
mod token;
mod verb;
mod zabbix_media;

/// The version of webhook that we stand in for.
const PEER_VERSION: &str = "2.8.2";

/// What we were called as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Ourselves.
    Hookbell,
    /// `webhook`: no subcommands, and its version.
    Webhook,
}

impl Program {
    /// By argv[0].
    pub fn named(path: &OsStr) -> Program {
        if Path::new(path).file_name() == Some(OsStr::new("webhook")) { Program::Webhook } else { Program::Hookbell }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Program::Hookbell => "hookbell",
            Program::Webhook => "webhook",
        }
    }

    fn version(self) -> String {
        match self {
            Program::Hookbell => format!("hookbell {}", env!("CARGO_PKG_VERSION")),
            Program::Webhook => format!("webhook version {PEER_VERSION}"),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve hooks until told to stop.
    Serve {
        /// The flags.
        raw: Box<RawSettings>,
        /// What stood behind them and means nothing.
        ignored: Vec<OsString>,
    },
    /// Write a first file.
    Init(InitArgs),
    /// Translate what another program did.
    Import(ImportArgs),
    /// Tell what is wrong with files.
    Check(CheckArgs),
    /// Print a generated secret.
    Token(TokenArgs),
    /// Send one message.
    Send(SendArgs),
    /// Print a link that opens a chat.
    Link(LinkArgs),
    /// List accounts, or try one.
    Accounts(AccountsArgs),
    /// List messages, or act on them.
    Messages(MessagesArgs),
    /// Send what rsyslog brings.
    Omprog(OmprogArgs),
    /// Print a media type for Zabbix.
    ZabbixMedia(ZabbixMediaArgs),
    /// Print this.
    Print(String),
}

/// Why there is no command: what to print on stderr, and how to exit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to print.
    pub text: String,
    /// How to exit.
    pub exit: Exit,
}

/// Does what the arguments say; the first is the name we were called by.
pub fn run(args: &[OsString]) -> anyhow::Result<Exit> {
    let (called, args) = match args.split_first() {
        Some((called, args)) => (called.as_os_str(), args),
        None => (OsStr::new("hookbell"), args),
    };
    let program = Program::named(called);
    if let Some((_, asked)) =
        args.split_first().filter(|(word, _)| program == Program::Hookbell && *word == access::VERB)
    {
        let told = access::judge(asked).map_err(anyhow::Error::msg)?;
        std::io::stdout().write_all(told.as_bytes())?;
        return Ok(Exit::Fine);
    }
    let command = match Command::parse(called, args, &|name| std::env::var_os(name)) {
        Ok(command) => command,
        Err(Refusal { text, exit }) => {
            say(&text);
            return Ok(exit);
        }
    };
    match command {
        Command::Serve { raw, ignored } => {
            if let Some(warning) = warning(program, &ignored) {
                say(&warning);
            }
            if (raw.uid == 0) != (raw.gid == 0) {
                // upstream: to stdout.
                writeln!(std::io::stdout(), "{}", Identity::TOGETHER).ok();
                return Ok(Exit::Trouble);
            }
            serve::serve(*raw)
        }
        Command::Init(args) => init::init(args),
        Command::Import(args) => import::import(args),
        Command::Check(args) => check::check(args),
        Command::Token(args) => token::token(args),
        Command::Send(args) => send::send(args),
        Command::Link(args) => link::link(&args),
        Command::Accounts(args) => Ok(accounts::accounts(args)),
        Command::Messages(args) => Ok(messages::messages(args)),
        Command::Omprog(args) => omprog::omprog(&args),
        Command::ZabbixMedia(args) => zabbix_media::zabbix_media(args),
        Command::Print(text) => {
            // A reader that has seen enough (`| head`) is no reason to complain.
            std::io::stdout().write_all(text.as_bytes()).ok();
            Ok(Exit::Fine)
        }
    }
}

impl Command {
    /// Reads the arguments behind the program's name. `called` is that name, argv[0]; `look_up` is the environment.
    pub fn parse(
        called: &OsStr,
        args: &[OsString],
        look_up: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Command, Refusal> {
        let program = Program::named(called);
        if let (Program::Hookbell, Some((word, after))) = (program, args.split_first())
            && !word.as_encoded_bytes().starts_with(b"-")
        {
            return Command::verb(&word.to_string_lossy(), after);
        }
        let stopped = |stop| match (program, stop) {
            (Program::Hookbell, Stop::Help) => refused(Stop::Help, &help::usage()),
            // All flags would push the mistake off the screen.
            (Program::Hookbell, mistake) => refused(mistake, "every flag: hookbell -h"),
            (Program::Webhook, stop) => refused(stop.as_the_peer(), &help::peer_usage(&called.to_string_lossy())),
        };
        let mut raw = Box::<RawSettings>::default();
        // -version answers also where the environment is wrong: it is asked by people who look for what is wrong.
        let ignored = parse::flags(SERVE, args, &mut raw).map_err(stopped)?.to_vec();
        if raw.version {
            return Ok(Command::Print(program.version() + "\n"));
        }
        if raw.list_cipher_suites {
            let min = MinVersion::named(&raw.tls_min_version.unwrap_or_default(), &mut Vec::new());
            let names: String = min.map_err(trouble)?.suites().map(|name| format!("{name}\n")).collect();
            return Ok(Command::Print(names));
        }
        let mut raw = Box::<RawSettings>::default();
        parse::environment(SERVE, look_up, &mut *raw).map_err(stopped)?;
        parse::flags(SERVE, args, &mut raw).map_err(stopped)?;
        Ok(Command::Serve { raw, ignored })
    }
}

fn trouble(text: String) -> Refusal {
    Refusal { text, exit: Exit::Trouble }
}

/// upstream: how to call it follows a mistake, too.
fn refused(stop: Stop, usage: &str) -> Refusal {
    match stop {
        Stop::Help => Refusal { text: usage.trim_end().to_owned(), exit: Exit::Fine },
        Stop::Wrong(what) => Refusal { text: format!("{what}\n{}", usage.trim_end()), exit: Exit::Usage },
    }
}

/// upstream #296: flags behind a forgotten `-hooks` are ignored in silence. Ignored they stay; the silence ends.
fn warning(program: Program, ignored: &[OsString]) -> Option<String> {
    let (first, more) = ignored.split_first()?;
    let more: String = more.iter().map(|word| format!(" {}", word.to_string_lossy())).collect();
    let (program, first) = (program.as_str(), first.to_string_lossy());
    let why = "flags end at the first word that is none (a hooks file is given as -hooks FILE)";
    Some(format!("{program}: ignored: {first}{more}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::flags::send::Text;
    use super::*;

    fn parsed(line: &[&str]) -> Result<Command, Refusal> {
        let args: Vec<OsString> = line[1..].iter().map(Into::into).collect();
        Command::parse(OsStr::new(line[0]), &args, &|_| None)
    }

    fn refusal(line: &[&str]) -> (Exit, String) {
        let Refusal { text, exit } = parsed(line).unwrap_err();
        (exit, text.lines().next().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_verb_counts_as_the_first_word_and_never_for_webhook() {
        assert!(matches!(parsed(&["hookbell", "check"]), Ok(Command::Check(_))));
        for line in [&["/usr/bin/webhook", "check", "-x"][..], &["hookbell", "-debug", "check", "-x"]] {
            let Ok(Command::Serve { ignored, .. }) = parsed(line) else { panic!("{line:?}") };
            assert_eq!(ignored, ["check", "-x"]);
        }
        let (exit, text) = refusal(&["hookbell", "chekc"]);
        assert_eq!(
            (exit, text.as_str()),
            (Exit::Usage, "hookbell: no command is called \"chekc\": did you mean \"check\"?")
        );
        assert!(refusal(&["hookbell", "hooks.json"]).1.contains("hookbell -hooks hooks.json"));
    }

    #[test]
    fn what_is_ignored_is_named() {
        let said = warning(Program::Webhook, &["hooks.json".into(), "-port".into(), "1".into()]).unwrap();
        assert!(said.starts_with("webhook: ignored: hooks.json -port 1: "), "{said}");
        assert_eq!(warning(Program::Hookbell, &[]), None);
    }

    #[test]
    fn the_version_is_the_peers_under_its_name() {
        let version = |name| parsed(&[name, "-version", "-port", "1"]);
        assert_eq!(version("./webhook"), Ok(Command::Print("webhook version 2.8.2\n".into())));
        assert_eq!(version("hookbell"), Ok(Command::Print(format!("hookbell {}\n", env!("CARGO_PKG_VERSION")))));
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_version_over_its_mistakes() {
        let set = |name: &str| (name == "HOOKBELL_STATE_DIR").then(|| "/env".into());
        let args = ["-state-dir=/flag".into()];
        let Ok(Command::Serve { raw, .. }) = Command::parse(OsStr::new("hookbell"), &args, &set) else { panic!() };
        assert_eq!(raw.state_dir, Some("/flag".into()));
        let bad = |name: &str| (name == "HOOKBELL_STRICT").then(|| "perhaps".into());
        let said = Command::parse(OsStr::new("hookbell"), &[], &bad).unwrap_err().text;
        assert!(said.starts_with("invalid value \"perhaps\" for HOOKBELL_STRICT: parse error\n"), "{said}");
        assert!(Command::parse(OsStr::new("hookbell"), &["-version".into()], &bad).is_ok());
    }

    #[test]
    fn help_is_no_mistake_and_a_mistake_gets_help() {
        assert_eq!(refusal(&["hookbell", "-h"]), (Exit::Fine, "usage: hookbell [flags]".into()));
        assert_eq!(refusal(&["webhook", "--help"]), (Exit::Fine, "Usage of webhook:".into()));
        assert_eq!(refusal(&["hookbell", "-x"]), (Exit::Usage, "flag provided but not defined: -x".into()));
        assert_eq!(refusal(&["hookbell", "send", "-h"]).0, Exit::Fine);
    }

    #[test]
    fn a_message_needs_a_text_and_somebody() {
        let line = ["hookbell", "send", "--to", "ivan", "disk full", "--title=sda", "-dry-run", "-hooks", "x"];
        let Ok(Command::Send(send)) = parsed(&line) else { panic!() };
        assert_eq!((send.text, send.title.as_deref()), (Text::Given("disk full".into()), Some("sda")));
        let Ok(Command::Send(send)) = parsed(&["hookbell", "send", "-", "-to", "ivan"]) else { panic!() };
        assert_eq!(send.text, Text::Stdin);
        for line in [&["x"][..], &["-to", "a"], &["-to", "a", "x", "y"], &["-to", "a", "-hooks", "f", "x"]] {
            assert_eq!(refusal(&[&["hookbell", "send"], line].concat()).0, Exit::Usage, "{line:?}");
        }
    }

    #[test]
    fn a_token_has_one_name() {
        assert!(matches!(parsed(&["hookbell", "token", "a", "-state-dir", "/s"]), Ok(Command::Token(_))));
        assert_eq!(refusal(&["hookbell", "token"]).0, Exit::Usage);
        assert_eq!(refusal(&["hookbell", "token", "a", "b"]).0, Exit::Usage);
    }
}
