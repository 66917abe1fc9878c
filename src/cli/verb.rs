//! Subcommands: their words become a command.

use std::ffi::OsString;

use super::exit::Exit;
use super::flags::accounts::{ACCOUNTS, AccountsArgs};
use super::flags::callers::{OMPROG, OmprogArgs, ZABBIX_MEDIA, ZabbixMediaArgs};
use super::flags::check::{CHECK, CheckArgs};
use super::flags::first::{From, IMPORT, INIT, ImportArgs, InitArgs};
use super::flags::link::{LINK, LinkArgs};
use super::flags::messages::{MESSAGES, MessagesArgs};
use super::flags::send::{SEND, SendArgs, Text};
use super::flags::{TOKEN, TokenArgs};
use super::parse::Stop;
use super::{Command, Refusal, accounts, generate, help, import, messages, omprog, parse, refused};
use crate::config::schema::schema;
use crate::diagnostic::did_you_mean;

impl Command {
    /// Reads the arguments of a subcommand.
    pub(super) fn verb(word: &str, args: &[OsString]) -> Result<Command, Refusal> {
        let wrong = |text: String| Refusal { text: format!("hookbell {word}: {text}"), exit: Exit::Usage };
        let stopped = |stop| refused(stop, &help::verb_usage(word));
        match word {
            "init" => {
                let mut init = InitArgs::default();
                init.target = match &parse::anywhere(INIT, args, &mut init).map_err(stopped)?[..] {
                    [] => None,
                    [target] => Some(target.clone()),
                    [_, second, ..] => return Err(wrong(format!("one file at a time: {second:?} is one too many"))),
                };
                Ok(Command::Init(init))
            }
            "import" => {
                let mut import = ImportArgs::default();
                let ours = args.iter().position(|word| word == "--").unwrap_or(args.len());
                let files = parse::anywhere(IMPORT, &args[..ours], &mut import).map_err(stopped)?;
                let command: Option<Vec<String>> =
                    args.get(ours + 1..).map(|words| words.iter().map(|word| word.to_string_lossy().into()).collect());
                import.from = match (&files[..], command) {
                    ([file], None) => From::File(file.clone()),
                    ([], Some(command)) => {
                        import::program::known(&command).map_err(wrong)?;
                        From::Command(command)
                    }
                    ([], None) => return Err(wrong("what? give a unit's FILE, or -- and a command line".to_owned())),
                    ([_, second, ..], _) => return Err(wrong(format!("one at a time: {second:?} is one too many"))),
                    ([file], Some(_)) => {
                        return Err(wrong(format!("{file:?} or the command line behind --, not both")));
                    }
                };
                Ok(Command::Import(import))
            }
            "check" => {
                let mut check = CheckArgs::default();
                let more = parse::anywhere(CHECK, args, &mut check).map_err(stopped)?;
                check.files.extend(more);
                Ok(Command::Check(check))
            }
            "token" => {
                let mut token = TokenArgs::default();
                token.name = match &parse::anywhere(TOKEN, args, &mut token).map_err(stopped)?[..] {
                    [name] => parse::text(name).map_err(wrong)?,
                    [] => return Err(wrong("which one? give the NAME of {\"generated\": NAME}".to_owned())),
                    [_, second, ..] => return Err(wrong(format!("one at a time: {second:?} is one too many"))),
                };
                Ok(Command::Token(token))
            }
            "send" => {
                let mut send = SendArgs::default();
                let texts = parse::anywhere(SEND, args, &mut send).map_err(stopped)?;
                send.text = match &texts[..] {
                    [text] if text == "-" => Text::Stdin,
                    [text] => Text::Given(text.to_string_lossy().into_owned()),
                    [] => return Err(wrong("give a TEXT, or - to read it from standard input".to_owned())),
                    [_, second, ..] => return Err(wrong(format!("put the text in quotes: {second:?} is left over"))),
                };
                if send.to.is_empty() {
                    return Err(wrong("to whom? give -to NAME or -to PHONE".to_owned()));
                }
                if !send.dry_run && !send.hooks.is_empty() {
                    return Err(wrong("-hooks goes with -dry-run: the daemon sends by what it has loaded".to_owned()));
                }
                Ok(Command::Send(send))
            }
            "link" => {
                let mut link = LinkArgs::default();
                nothing_left(&parse::anywhere(LINK, args, &mut link).map_err(stopped)?).map_err(wrong)?;
                Ok(Command::Link(link))
            }
            "accounts" => {
                let mut accounts = AccountsArgs::default();
                let words = parse::anywhere(ACCOUNTS, args, &mut accounts).map_err(stopped)?;
                accounts.act = accounts::act(&words).map_err(wrong)?;
                accounts::check(&accounts).map_err(wrong)?;
                Ok(Command::Accounts(accounts))
            }
            "messages" => {
                let mut messages = MessagesArgs::default();
                let words = parse::anywhere(MESSAGES, args, &mut messages).map_err(stopped)?;
                messages.act = messages::act(&words).map_err(wrong)?;
                messages::check(&messages).map_err(wrong)?;
                Ok(Command::Messages(messages))
            }
            "schema" => match args {
                [] => serde_json::to_string_pretty(&schema()).map(|text| Command::Print(text + "\n")),
                [first, ..] if matches!(first.to_str(), Some("-h" | "-help" | "--help")) => {
                    return Err(stopped(Stop::Help));
                }
                [first, ..] => return Err(wrong(format!("it takes nothing, and {first:?} is too much"))),
            }
            .map_err(|e| wrong(e.to_string())),
            "omprog" => {
                let mut omprog = OmprogArgs::default();
                let words = parse::anywhere(OMPROG, args, &mut omprog).map_err(stopped)?;
                nothing_left(&words).and_then(|()| omprog::check(&omprog)).map_err(wrong)?;
                Ok(Command::Omprog(omprog))
            }
            "zabbix-media" => {
                let mut media = ZabbixMediaArgs::default();
                nothing_left(&parse::anywhere(ZABBIX_MEDIA, args, &mut media).map_err(stopped)?).map_err(wrong)?;
                Ok(Command::ZabbixMedia(media))
            }
            "generate" => {
                let words = parse::anywhere(&[], args, &mut ()).map_err(stopped)?;
                generate::generate(&words).map(Command::Print).map_err(wrong)
            }
            "help" => match args {
                [] => help::help(None),
                [topic, ..] => help::help(Some(&topic.to_string_lossy())),
            }
            .map(Command::Print)
            .map_err(wrong),
            _ => {
                let names: Vec<_> = help::VERBS.iter().map(|verb| verb.name).collect();
                let advice = if word.contains(['.', '/']) {
                    format!("to serve a file write hookbell -hooks {word}")
                } else {
                    did_you_mean(word, names.iter().copied())
                        .unwrap_or_else(|| format!("there are {}; without one it serves", names.join(", ")))
                };
                let text = format!("hookbell: no command is called {word:?}: {advice}");
                Err(Refusal { text, exit: Exit::Usage })
            }
        }
    }
}

/// For commands that take flags only.
fn nothing_left(words: &[OsString]) -> Result<(), String> {
    words.first().map_or(Ok(()), |word| Err(format!("{word:?} is left over")))
}
