//! A hook as written → a hook that can be called, or all that is wrong with it.

use std::path::PathBuf;

use http::HeaderName;

use super::media::Brings;
use super::raw::{RawArgument, RawHook, RawPriority, RawSend, RawTo};
use super::reach::{accounts_of, fixed, preferences};
use super::{
    Action, Capture, CommandLine, FileParameter, Hook, HookId, Known, PriorityRule, Reply, ReplyStatus, Run,
    SET_ON_FAILURE, Send, To, Token,
};
use crate::contact::Via;
use crate::diagnostic::{Diagnostic, Place, did_you_mean};
use crate::go;
use crate::message::{DEFAULT_TTL, Priority, TextFormat};
use crate::node::{Form, Placed, Reader};
use crate::request::body::multipart::DEFAULT_MEMORY;
use crate::request::mask::may_prove;
use crate::request::parameter::{Parameter, Source};
use crate::request::{Reading, text};
use crate::rule::Rule;
use crate::template::{Template, TemplateError, Words, word_for_a_shell};
use crate::url::Broken;

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
            pass_files,
            include_output,
            include_output_on_error,
            response_message,
            response_headers,
            success_code,
            http_methods,
            content_type,
            trigger_rule,
            has_rule,
            mismatch_code,
            soft_failures,
            json_parameters,
            send,
            tokens,
            asks_for_token,
            require,
            allow_empty_message,
            charset,
            allow_cross_site,
            enabled,
            expect_every,
        } = raw;
        if enabled == Some(false) {
            if let Some(expected) = &expect_every {
                reader.warn(&expected.place, "the hook is switched off: nobody waits for its calls");
            }
            return None;
        }
        if let Some(expected) = expect_every.as_ref().filter(|_| !known.on_failure) {
            reader.warn(&expected.place, format!("nobody would hear of its silence: {SET_ON_FAILURE}"));
        }
        // A token that could not be read has been told, and must not leave the door open.
        if asks_for_token && tokens.is_empty() && !reader.findings.iter().any(Diagnostic::is_error) {
            return reader.wrong(place, "the hook asks for a token and has none");
        }
        let allow_empty = allow_empty_message.as_ref().is_some_and(|allowed| allowed.value);
        if let (Some(allowed), None) = (&allow_empty_message, &send) {
            reader.warn(&allowed.place, "this says something about messages, and the hook sends none");
        }
        // All parts are looked at before the first of them ends it, so that all mistakes are told.
        let sends = send.is_some();
        let rule = trigger_rule.map(|rule| Rule::compile(rule, soft_failures, reader));
        // A rule with mistakes has been told, and is no reason to tell of an open relay.
        let knows_caller = asks_for_token || has_rule && rule.iter().flatten().all(Rule::proves_caller);
        let send = send.and_then(|send| compile_send(send, knows_caller, allow_empty, known, reader));
        let arguments = pass_arguments.iter().filter_map(|raw| parameter(raw, place, reader)).collect();
        let environment = pass_environment.iter().filter_map(|raw| variable(raw, place, reader)).collect();
        let files = pass_files.iter().filter_map(|raw| file(raw, reader)).collect();
        let json_parameters: Vec<_> = json_parameters.iter().filter_map(|raw| json_parameter(raw, reader)).collect();
        let execute_command = execute_command.filter(|program| !program.value.is_empty());
        let idle = execute_command.is_none() && run.is_none();
        let run_place = run.as_ref().or(execute_command.as_ref()).map(|command| command.place.clone());
        let passes = !(pass_arguments.is_empty() && pass_environment.is_empty() && pass_files.is_empty());
        if idle && (passes || include_output) {
            reader.warn(place, "arguments, environment, files or output of a command are set, and the hook runs none");
        }
        let command = command_line(execute_command, run, arguments, reader);
        let directory = command_working_directory.filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let capture = match (include_output, include_output_on_error) {
            (false, _) => Capture::Nothing,
            (true, false) => Capture::Output,
            (true, true) => Capture::OutputAlsoOnError,
        };
        let run = command.map(|command| Run { command, environment, files, directory, capture });
        if let (Some(run), Some(place)) = (&run, &run_place)
            && let Some(why) = run.missing()
        {
            reader.warn(place, format!("{why}; it is looked up again at each call"));
        }
        let charset = charset.and_then(|name| compile_charset(&name, reader));
        let require: Option<Vec<_>> = require.iter().map(|raw| own_parameter(raw, reader)).collect();
        let reply = compile_reply(success_code, response_message, &response_headers, reader);
        let action = match (send, run) {
            (None, Some(_)) if sends => return None,
            (Some(send), Some(run)) => Action::Both(send, run),
            (Some(send), None) => Action::Send(send),
            (None, Some(run)) => Action::Run(run),
            (None, None) if !idle || sends => return None,
            (None, None) if reader.form == Form::Classic => {
                // What the peer loads, loads: each call fails as the peer's does.
                reader.warn(place, "nothing to do: each call will fail; give it an \"execute-command\" or a \"send\"");
                Action::Run(nothing_to_run(capture))
            }
            (None, None) => {
                return reader
                    .wrong(place, "nothing to do: a hook needs a \"send\", a \"run\" or an \"execute-command\"");
            }
        };
        let broken = if action.send().is_some() { Broken::Kept } else { Broken::Dropped };
        let mut hook = Hook {
            id: HookId::new(&id.map(|id| id.value).unwrap_or_default()),
            methods: methods(http_methods, known),
            tokens: tokens.into_iter().map(|(caller, secret)| Token { caller, secret }).collect(),
            guarded: rule.iter().flatten().flat_map(Rule::parameters).filter(|it| may_prove(it)).cloned().collect(),
            allow_cross_site,
            reading: Reading {
                broken,
                content_type: content_type.filter(|given| !given.is_empty()),
                json_files: json_files(&json_parameters),
                form_memory: known.form_memory.unwrap_or(DEFAULT_MEMORY),
                keys: None,
                charset,
            },
            json_parameters,
            require: require?,
            rule: settled(rule)?,
            mismatch: status(mismatch_code, reader),
            action,
            reply,
            expect_every: expect_every.map(|every| every.value),
        };
        hook.reading.keys = hook.payload_keys();
        Some(hook)
    }
}

fn nothing_to_run(capture: Capture) -> Run {
    let command = CommandLine::Execute { program: String::new(), arguments: Vec::new() };
    Run { command, environment: Vec::new(), files: Vec::new(), directory: None, capture }
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
        (None, Some(run)) => {
            let words = read_template(Words::parse(&run.value), &run.place, reader)?;
            if let Some(word) = word_for_a_shell(&run.value) {
                let help = "what needs a shell says so: sh -c 'sort \"$1\" | uniq' sh {{ msg }}";
                let told = format!("there is no shell: \"{word}\" goes to the program as it is");
                reader.findings.push(Diagnostic::warning(&run.place, told).help(help));
            }
            Some(CommandLine::Line(words))
        }
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

fn status(code: Option<Placed<i64>>, reader: &mut Reader<'_>) -> ReplyStatus {
    let Some(code) = code.filter(|code| code.value != 0) else { return ReplyStatus::Usual };
    if let Some(known) = go::status::known(code.value) {
        return ReplyStatus::Set(known);
    }
    let message = format!("{} is no status code that adnanh/webhook knows: the usual one is sent", code.value);
    reader.warn(&code.place, message);
    ReplyStatus::Unknown(code.value)
}

fn compile_reply(
    code: Option<Placed<i64>>,
    message: Option<String>,
    headers: &[(Placed<String>, Placed<String>)],
    reader: &mut Reader<'_>,
) -> Reply {
    let status = status(code, reader);
    let headers = headers.iter().filter_map(|(name, value)| {
        let parsed = (HeaderName::from_bytes(name.value.as_bytes()), go::header::sent(&value.value));
        if let (Ok(name), Some(value)) = parsed {
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

/// One of the peer's arguments.
fn parameter(raw: &RawArgument, place: &Place, reader: &mut Reader<'_>) -> Option<Parameter> {
    Parameter::of_peer(raw.source.as_ref(), raw.name.as_deref(), place, reader)
}

/// One of our own parameters: a mistake in it is an error in both forms.
fn own_parameter(raw: &Placed<RawArgument>, reader: &mut Reader<'_>) -> Option<Parameter> {
    let Placed { value: RawArgument { source, name, .. }, place } = raw;
    let parameter = Parameter::compile(source.as_ref(), name.as_deref(), place, Form::Full);
    parameter.map_or_else(|finding| reader.note(finding), Some)
}

/// A template or command line; of several lines the one with the mistake is named.
fn read_template<T>(parsed: Result<T, TemplateError>, place: &Place, reader: &mut Reader<'_>) -> Option<T> {
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(why) => reader.wrong(place, why.to_string()),
    }
}

/// upstream: internal/hook/hook.go ExtractCommandArgumentsForEnv: `HOOK_` and the name as it is written.
fn variable(raw: &RawArgument, place: &Place, reader: &mut Reader<'_>) -> Option<(String, Parameter)> {
    let parameter = parameter(raw, place, reader)?;
    let given = raw.envname.clone().filter(|name| !name.is_empty());
    Some((given.unwrap_or_else(|| format!("HOOK_{}", parameter.name)), parameter))
}

/// upstream: internal/hook/hook.go ExtractCommandArgumentsForFile: `HOOK_` and the name in upper case.
fn file(raw: &Placed<RawArgument>, reader: &mut Reader<'_>) -> Option<FileParameter> {
    let parameter = parameter(&raw.value, &raw.place, reader)?;
    let given = raw.value.envname.clone().filter(|name| !name.is_empty());
    let name = given.unwrap_or_else(|| format!("HOOK_{}", parameter.name.to_uppercase()));
    if name.contains(['/', '\0']) {
        let message = format!("no file can be called \"{name}\": set an \"envname\" without a slash");
        reader.mistake(Diagnostic::error(&raw.place, message))?;
    }
    Some(FileParameter { name, parameter, base64: raw.value.base64decode })
}

fn json_parameter(raw: &Placed<RawArgument>, reader: &mut Reader<'_>) -> Option<Parameter> {
    let parameter = parameter(&raw.value, &raw.place, reader)?;
    if !matches!(parameter.source, Source::Header | Source::Url | Source::Payload | Source::Nowhere) {
        let message = format!(
            "a parameter of the source \"{}\" can't be read as JSON: header, url and payload can",
            parameter.source.as_str()
        );
        reader.mistake(Diagnostic::error(&raw.place, message))?;
    }
    Some(parameter)
}

/// upstream: webhook.go hookHandler. A file of a form that is to be read as JSON is read so whatever its type.
fn json_files(parameters: &[Parameter]) -> Vec<String> {
    let of_payload = parameters.iter().filter(|parameter| parameter.source == Source::Payload);
    of_payload.map(|parameter| parameter.name.clone()).collect()
}

fn compile_send(
    raw: Placed<RawSend>,
    knows_caller: bool,
    allow_empty: bool,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Send> {
    let Placed { value, place } = raw;
    let RawSend { to, via, also, message, title, text, format, media, thread, ttl, priority, dedupe } = value;
    let via = preferences(&via, known, reader);
    let also = accounts_of(&also, known, reader);
    let to = match to {
        Some(RawTo::Names(names)) => {
            let ways = via.as_deref().zip(also.as_deref());
            fixed(&names, &place, ways, known, reader).map(To::Fixed)
        }
        Some(RawTo::Parameter(named)) => called(&named, via, knows_caller, known, reader),
        None => reader.wrong(&place, "to whom? \"send\" needs a \"to\": a contact, a list, or several"),
    };
    let text = text.map(|text| read_template(Template::parse(&text.value), &text.place, reader));
    let message = message.map(|raw| own_parameter(&raw, reader));
    let title = title.map(|raw| own_parameter(&raw, reader));
    let thread = thread.map(|raw| own_parameter(&raw, reader));
    let brings = media.map(|raw| Brings::compile(&raw, reader));
    let format = format.map_or(Some(TextFormat::Plain), |word| compile_format(&word, reader));
    let priority = compile_priority(priority, reader);
    let (ttl, dedupe) = (ttl.unwrap_or(DEFAULT_TTL), dedupe.unwrap_or_default());
    let (text, message, title, thread) = (settled(text)?, settled(message)?, settled(title)?, settled(thread)?);
    let (to, also, format, brings, priority) = (to?, also?, format?, settled(brings)?, priority?);
    Some(Send { to, also, message, title, text, format, brings, thread, ttl, dedupe, priority, allow_empty })
}

fn compile_format(word: &Placed<String>, reader: &mut Reader<'_>) -> Option<TextFormat> {
    let found = TextFormat::named(&word.value);
    if found.is_none() {
        return reader.wrong(&word.place, format!("\"{}\" is no format of texts: plain or markup", word.value));
    }
    found
}

/// What is not there is well; what is there must be.
fn settled<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

fn called(
    named: &Placed<RawArgument>,
    via: Option<Vec<Via>>,
    knows_caller: bool,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<To> {
    let parameter = own_parameter(named, reader);
    if !knows_caller {
        let message = "no open relay: a hook that lets its caller choose the recipient needs a \"token\", or a \"trigger-rule\" that can't be satisfied without a signature or an ip match";
        return reader.wrong(&named.place, message);
    }
    let via = via?;
    let contacts_have = known.directory.contacts.values().any(|contact| !contact.via.is_empty());
    if via.is_empty() && known.accounts.len() != 1 && !contacts_have {
        return reader.wrong(&named.place, "a recipient chosen by the caller needs a \"via\" to reach it by");
    }
    let (directory, accounts) = (known.directory.clone(), known.accounts.clone());
    Some(To::Called { parameter: parameter?, via, directory, accounts })
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
            Some(PriorityRule::ByValue { parameter: own_parameter(&raw, reader)?, map: map? })
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
