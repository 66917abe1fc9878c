//! A hook as written → a hook that can be called, or all that is wrong with it.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::raw::{RawArgument, RawHook, RawPriority, RawSend, RawTo};
use super::reach::{accounts_of, recipients};
use super::{Action, Capture, CommandLine, Hook, HookId, Known, PriorityRule, Reply, Run, Send, To, Token};
use crate::account::AccountName;
use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::go;
use crate::message::Priority;
use crate::node::{Form, Placed, Reader};
use crate::request::parameter::{Parameter, Source};
use crate::request::{Reading, text};
use crate::template::{Template, TemplateError, Words};
use crate::url::Broken;

/// Deliveries of a hook that sets no `ttl` are given up after a day.
const DEFAULT_TTL: Duration = Duration::from_secs(24 * 60 * 60);

impl Hook {
    /// Compiles a hook. Mistakes go to the reader; `None` where the hook is disabled or can't be made at all.
    pub fn compile(raw: RawHook, place: &Place, known: &Known, reader: &mut Reader<'_>) -> Option<Hook> {
        // No `..` here: a property added to the wire type does not build until it has a home.
        let RawHook {
            id,
            execute_command,
            run,
            command_working_directory,
            pass_arguments,
            pass_environment,
            include_output,
            include_output_on_error,
            response_message,
            response_headers,
            success_code,
            http_methods,
            content_type,
            send,
            tokens,
            asks_for_token,
            require,
            allow_empty_message,
            charset,
            allow_cross_site,
            enabled,
        } = raw;
        if enabled == Some(false) {
            return None;
        }
        let allow_empty = allow_empty_message.as_ref().is_some_and(|allowed| allowed.value);
        if let (Some(allowed), None) = (&allow_empty_message, &send) {
            reader.warn(&allowed.place, "this says something about messages, and the hook sends none");
        }
        let sends = send.is_some();
        let send = send.and_then(|send| compile_send(send, asks_for_token, allow_empty, known, reader));
        let arguments = pass_arguments.iter().filter_map(|raw| parameter(raw, place, reader)).collect();
        let environment = pass_environment.iter().filter_map(|raw| variable(raw, place, reader)).collect();
        let command = command_line(execute_command, run, arguments, reader);
        let directory = command_working_directory.filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let capture = match (include_output, include_output_on_error) {
            (false, _) => Capture::Nothing,
            (true, false) => Capture::Output,
            (true, true) => Capture::OutputAlsoOnError,
        };
        // All of these are looked at before the hook is given up, so that all mistakes are told.
        let charset = charset.and_then(|name| compile_charset(&name, reader));
        let require = require.iter().filter_map(|raw| parameter(raw, place, reader)).collect();
        let reply = compile_reply(success_code, response_message, &response_headers, reader);
        if sends && send.is_none() {
            return None;
        }
        let run = command.map(|command| Run { command, environment, directory, capture });
        let action = match (send, run) {
            (Some(send), Some(run)) => Action::Both(send, run),
            (Some(send), None) => Action::Send(send),
            (None, Some(run)) => Action::Run(run),
            (None, None) if reader.form == Form::Classic => {
                // What the peer loads, loads: each call fails as the peer's does.
                reader.warn(place, "nothing to do: each call will fail; give it an \"execute-command\" or a \"send\"");
                Action::Run(nothing_to_run(capture))
            }
            (None, None) if reader.findings.iter().any(Diagnostic::is_error) => return None,
            (None, None) => {
                return reader
                    .wrong(place, "nothing to do: a hook needs a \"send\", a \"run\" or an \"execute-command\"");
            }
        };
        let broken = if action.send().is_some() { Broken::Kept } else { Broken::Dropped };
        Some(Hook {
            id: HookId::new(&id.map(|id| id.value).unwrap_or_default()),
            methods: methods(http_methods, known),
            tokens: tokens.into_iter().map(|(caller, secret)| Token { caller, secret }).collect(),
            allow_cross_site,
            reading: Reading { broken, content_type: content_type.filter(|given| !given.is_empty()) },
            charset,
            require,
            action,
            reply,
        })
    }
}

fn nothing_to_run(capture: Capture) -> Run {
    let command = CommandLine::Execute { program: String::new(), arguments: Vec::new() };
    Run { command, environment: Vec::new(), directory: None, capture }
}

fn methods(own: Vec<String>, known: &Known) -> Option<Vec<String>> {
    let own: Vec<String> = own.iter().map(|method| method.trim().to_uppercase()).collect();
    if own.is_empty() { known.methods.clone() } else { Some(own) }
}

fn command_line(
    execute: Option<Placed<String>>,
    run: Option<Placed<String>>,
    arguments: Vec<Parameter>,
    reader: &mut Reader<'_>,
) -> Option<CommandLine> {
    match (execute, run) {
        (Some(_), Some(run)) => reader.wrong(&run.place, "a hook has either \"run\" or \"execute-command\", not both"),
        (Some(program), None) => Some(CommandLine::Execute { program: program.value, arguments }),
        (None, Some(run)) if !arguments.is_empty() => {
            let message =
                "\"pass-arguments-to-command\" goes with \"execute-command\"; in \"run\" write {{ msg }} and the like";
            reader.wrong(&run.place, message)
        }
        (None, Some(run)) => match Words::parse(&run.value) {
            Ok(words) => Some(CommandLine::Line(words)),
            Err(why) => reader.wrong(&run.place, told(&why)),
        },
        (None, None) => None,
    }
}

fn compile_charset(name: &Placed<String>, reader: &mut Reader<'_>) -> Option<&'static encoding_rs::Encoding> {
    let found = text::charset(&name.value);
    if found.is_none() {
        let known = ["windows-1251", "koi8-r", "ibm866", "iso-8859-5", "windows-1252", "utf-8"];
        let finding = Diagnostic::error(&name.place, format!("no charset is called \"{}\"", name.value));
        return reader.note(Diagnostic { help: did_you_mean(&name.value, known), ..finding });
    }
    found
}

fn compile_reply(
    code: Option<Placed<i64>>,
    message: Option<String>,
    headers: &[(Placed<String>, Placed<String>)],
    reader: &mut Reader<'_>,
) -> Reply {
    let status = code.filter(|code| code.value != 0).and_then(|code| {
        let known = go::status::known(code.value);
        if known.is_none() {
            reader
                .warn(&code.place, format!("{} is no status code that adnanh/webhook knows: 200 is sent", code.value));
        }
        known
    });
    let headers = headers.iter().filter_map(|(name, value)| {
        let parsed = (HeaderName::from_bytes(name.value.as_bytes()), HeaderValue::from_str(&value.value));
        if let (Ok(name), Ok(value)) = parsed {
            return Some((name, value));
        }
        reader.warn(
            &name.place,
            format!("\"{}: {}\" can't be sent as a header and is left out", name.value, value.value),
        );
        None
    });
    let headers = headers.collect();
    Reply { status, message: message.filter(|message| !message.is_empty()), headers }
}

/// A parameter as written → one that can be looked up.
fn parameter(raw: &RawArgument, place: &Place, reader: &mut Reader<'_>) -> Option<Parameter> {
    let name = raw.name.clone().unwrap_or_default();
    let Some(word) = &raw.source else {
        return unknown_source(name, place, "a parameter needs a \"source\"".to_owned(), None, reader);
    };
    let Some(source) = Source::named(&word.value) else {
        let help = did_you_mean(&word.value, Source::ALL.map(|(name, _)| name));
        return unknown_source(name, &word.place, format!("no source is called \"{}\"", word.value), help, reader);
    };
    if source.needs_name() && name.is_empty() && reader.form == Form::Full {
        return reader.wrong(&word.place, format!("the source \"{}\" needs a \"name\" beside it", word.value));
    }
    Some(Parameter { source, name })
}

/// What the peer loads, loads: in the classic form a word that means no source finds nothing at each call.
fn unknown_source(
    name: String,
    place: &Place,
    message: String,
    help: Option<String>,
    reader: &mut Reader<'_>,
) -> Option<Parameter> {
    let finding = Diagnostic { help, ..Diagnostic::error(place, message) };
    match reader.form {
        Form::Full => reader.note(finding),
        Form::Classic => {
            reader.findings.push(Diagnostic { severity: crate::diagnostic::Severity::Warning, ..finding });
            Some(Parameter { source: Source::Nowhere, name })
        }
    }
}

/// upstream: internal/hook/hook.go ExtractCommandArgumentsForEnv: `HOOK_` and the name as it is written.
fn variable(raw: &RawArgument, place: &Place, reader: &mut Reader<'_>) -> Option<(String, Parameter)> {
    let parameter = parameter(raw, place, reader)?;
    let given = raw.envname.clone().filter(|name| !name.is_empty());
    Some((given.unwrap_or_else(|| format!("HOOK_{}", parameter.name)), parameter))
}

fn compile_send(
    raw: Placed<RawSend>,
    has_token: bool,
    allow_empty: bool,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Send> {
    let Placed { value: RawSend { to, via, also, message, title, text, ttl, priority }, place } = raw;
    let via = accounts_of(&via, known, reader);
    let also = accounts_of(&also, known, reader);
    let to = compile_to(to, via, also.as_deref(), has_token, &place, known, reader);
    let text = text.map(|text| (Template::parse(&text.value), text.place));
    let text = match text {
        Some((Ok(template), _)) => Some(Some(template)),
        Some((Err(why), place)) => reader.wrong(&place, told(&why)),
        None => Some(None),
    };
    let mut optional = |raw: Option<Placed<RawArgument>>| match raw {
        Some(raw) => parameter(&raw.value, &raw.place, reader).map(Some),
        None => Some(None),
    };
    let (message, title) = (optional(message), optional(title));
    let priority = compile_priority(priority, reader);
    Some(Send {
        to: to?,
        also: also?,
        message: message?,
        title: title?,
        text: text?,
        ttl: ttl.unwrap_or(DEFAULT_TTL),
        priority: priority?,
        allow_empty,
    })
}

fn told(why: &TemplateError) -> String {
    let TemplateError { message, line } = why;
    if *line == 1 { message.clone() } else { format!("in its line {line}: {message}") }
}

/// To whom; `via` and `also` are none where they have mistakes.
fn compile_to(
    to: Option<RawTo>,
    via: Option<Vec<AccountName>>,
    also: Option<&[AccountName]>,
    has_token: bool,
    place: &Place,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<To> {
    match to {
        Some(RawTo::Names(names)) => {
            let accounts = via.as_deref().zip(also);
            recipients(&names, accounts, known, reader).map(To::Fixed)
        }
        Some(RawTo::Parameter(named)) => {
            if !has_token {
                let message = "no open relay: a hook that lets its caller choose the recipient needs a \"token\"";
                return reader.wrong(&named.place, message);
            }
            let parameter = parameter(&named.value, &named.place, reader)?;
            let (directory, accounts) = (known.directory.clone(), known.accounts.clone());
            let via = via?;
            if via.is_empty() && accounts.len() != 1 {
                return reader.wrong(place, "a recipient chosen by the caller needs a \"via\" to reach it by");
            }
            Some(To::Called { parameter, via, directory, accounts })
        }
        None => reader.wrong(place, "to whom? \"send\" needs a \"to\": a contact, a list, or several"),
    }
}

fn compile_priority(raw: Option<RawPriority>, reader: &mut Reader<'_>) -> Option<PriorityRule> {
    match raw {
        None => Some(PriorityRule::Fixed(Priority::default())),
        Some(RawPriority::Word(word)) => priority_word(&word, reader).map(PriorityRule::Fixed),
        Some(RawPriority::Parameter(raw)) => {
            if raw.value.map.is_empty() {
                return reader.wrong(&raw.place, "a \"map\" of values to high, normal or low is missing here");
            }
            let map: Option<Vec<_>> =
                raw.value.map.iter().map(|(value, word)| Some((value.clone(), priority_word(word, reader)?))).collect();
            Some(PriorityRule::ByValue { parameter: parameter(&raw.value, &raw.place, reader)?, map: map? })
        }
    }
}

fn priority_word(word: &Placed<String>, reader: &mut Reader<'_>) -> Option<Priority> {
    let found = Priority::named(&word.value);
    if found.is_none() {
        return reader.wrong(&word.place, format!("\"{}\" is no priority: high, normal or low", word.value));
    }
    found
}
