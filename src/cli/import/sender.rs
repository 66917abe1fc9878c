//! A hook whose script sends its arguments to a phone → an account, a contact, and a hook that sends.
//!
//! The pattern of many how-tos: `admin.sh` hands its text to yowsup-cli, or to another program that takes a phone and a
//! text as words. A script that does anything else stays what it is: a command.

use std::collections::BTreeMap;
use std::path::Path;

use super::classic::beside;
use super::json::Json;
use super::phone::Phone;
use super::script::{Reading, Sent};
use super::scripts;
use super::shell::parse::parse;
use super::translation::{Program, Translation};
use super::value::{Part, Value, base, is_plain};
use crate::cli::quote::quoted;

/// What a hook that sends has from the one that ran the script.
const KEPT: [&str; 12] = [
    "id",
    "http-methods",
    "incoming-payload-content-type",
    "parse-parameters-as-json",
    "trigger-rule",
    "trigger-rule-mismatch-http-response-code",
    "trigger-signature-soft-failures",
    "success-http-response-code",
    "response-message",
    "response-headers",
    "token",
    "require",
];

/// Words before a phone.
const BEFORE_PHONE: [&str; 9] = ["-s", "--send", "-t", "--to", "-n", "--number", "--phone", "-r", "--recipient"];
/// What a parameter with a phone is called.
const PHONE_NAMES: [&str; 8] = ["phone", "number", "to", "tel", "recipient", "msisdn", "num", "telephone"];

/// What a program is told, with the phone and the text found in it.
struct Sender {
    /// The account's command line.
    command: String,
    stdin: bool,
    phone: Phone,
    message: Value,
    line: usize,
}

/// The same hook as one that sends, if its script does nothing else; its accounts and contacts go into the translation.
pub(super) fn translated(
    place: &str,
    hook: &Json,
    variables: &[(String, String)],
    into: &mut Translation,
) -> Option<Json> {
    let program = hook.get("execute-command")?.as_text()?;
    let directory = hook.get("command-working-directory").and_then(Json::as_text).map(Path::new);
    let path = beside(directory, program).to_string_lossy().into_owned();
    let arguments = passed(hook, "pass-arguments-to-command").into_iter().map(|(_, value)| value).collect();
    let folder = directory.map(|directory| directory.to_string_lossy().into_owned());
    let mut reading = Reading::new(&path, folder, arguments, environment(hook, variables));
    let script = script(&path);
    let place = match &script {
        Some(text) => match parse(text) {
            Ok(chains) => {
                reading.follow(&chains);
                path.clone()
            }
            Err(unknown) => {
                if text.contains("yowsup") {
                    let what = format!("{} is not understood: the hook still runs the script", unknown.what);
                    into.left(&format!("{path}:{}", unknown.line), what, BY_HAND);
                }
                return None;
            }
        },
        None => {
            reading.call(program);
            place.to_owned()
        }
    };
    sending(hook, &reading, script.as_deref(), &path, &place, into)
}

/// The hook that sends what a script was read to send, if that is one text to phones. `path` is the script's.
pub(super) fn sending(
    hook: &Json,
    reading: &Reading,
    script: Option<&str>,
    path: &str,
    place: &str,
    into: &mut Translation,
) -> Option<Json> {
    let at = |line: usize| if line == 0 { place.to_owned() } else { format!("{place}:{line}") };
    let (mut senders, mut others) = (Vec::new(), Vec::new());
    for sent in &reading.sent {
        match sender(sent) {
            Ok(Some(sender)) => senders.push(sender),
            Ok(None) => others.push(sent),
            Err(why) => {
                into.left(&at(sent.line), format!("{why}: the hook still runs the script"), BY_HAND);
                return None;
            }
        }
    }
    let first = senders.first()?;
    if let Some(why) = unlike(first, &senders) {
        into.left(&at(first.line), format!("{why}: the hook still runs the script"), BY_HAND);
        return None;
    }
    for note in &reading.notes {
        into.remark(note.weight, &at(note.line), note.what.clone(), note.advice.clone());
    }
    for sent in others {
        let name = sent.words.first().and_then(Value::literal).unwrap_or_default();
        let what = format!("`{}` gets the text, too, and is not run any more", base(&name));
        into.left(&at(sent.line), what, "make it an account of the provider \"command\", and name that in \"also\"");
    }
    Some(send(hook, &senders, script, path, &at, into))
}

const BY_HAND: &str = "write the hook by hand: examples/providers";

/// Why several calls of programs are not one message to several people.
fn unlike(first: &Sender, senders: &[Sender]) -> Option<&'static str> {
    let alike = |sender: &Sender| {
        sender.message == first.message && sender.command == first.command && sender.stdin == first.stdin
    };
    let chosen = senders.iter().any(|sender| matches!(sender.phone, Phone::Called { .. }));
    match () {
        () if !senders.iter().all(alike) => Some("it sends several texts, or in several ways"),
        () if chosen && senders.len() > 1 => Some("its caller chooses one of several phones"),
        () => None,
    }
}

/// A file's text, if it is a script of the shell.
fn script(path: &str) -> Option<String> {
    scripts::text(path).filter(|text| text.lines().next().unwrap_or_default().contains("sh"))
}

/// What a hook hands to its command: the name in the environment, and the value.
fn passed(hook: &Json, key: &str) -> Vec<(String, Value)> {
    let Some(Json::List(arguments)) = hook.get(key) else { return Vec::new() };
    let each = arguments.iter().map(|argument| {
        let text = |key: &str| argument.get(key).and_then(Json::as_text).unwrap_or_default().to_owned();
        let (source, name) = (text("source"), text("name"));
        let variable = match text("envname") {
            unnamed if unnamed.is_empty() => format!("HOOK_{name}"),
            named => named,
        };
        let value = match source.as_str() {
            "string" => Value::text(name),
            "url" | "query" | "payload" | "header" => Value(vec![Part::Parameter { source, name }]),
            _ => Value::unknown(format!("the source \"{source}\"")),
        };
        (variable, value)
    });
    each.collect()
}

fn environment(hook: &Json, variables: &[(String, String)]) -> BTreeMap<String, Value> {
    let of_unit = variables.iter().map(|(name, value)| (name.clone(), Value::text(value)));
    of_unit.chain(passed(hook, "pass-environment-to-command")).collect()
}

/// The phone and the text among a program's words. None: it is no sender. The error says why it can't be one.
fn sender(Sent { words, stdin, directory, line }: &Sent) -> Result<Option<Sender>, String> {
    let names_phone = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).and_then(Value::literal);
        before.is_some_and(|word| BEFORE_PHONE.contains(&word.as_str()))
    };
    let mut phone = None;
    for (at, word) in words.iter().enumerate().skip(1) {
        let fixed = word.literal().and_then(|text| Phone::fixed(&text));
        let called = word.parameter().filter(|(_, name)| names_phone(at) || PHONE_NAMES.contains(name));
        let found =
            fixed.or_else(|| called.map(|(source, name)| Phone::Called { source: source.into(), name: name.into() }));
        if let Some(found) = found
            && phone.replace((at, found)).is_some()
        {
            return Ok(None);
        }
    }
    let is_yowsup = words.iter().filter_map(Value::literal).any(|word| base(&word) == "yowsup-cli");
    let Some((phone_at, phone)) = phone else {
        return match (is_yowsup, words.iter().find_map(Value::mystery)) {
            (true, Some(what)) => Err(format!("it depends on {what}, which is known at a call only")),
            (true, None) => Err("it sends to something that is no phone".to_owned()),
            (false, _) => Ok(None),
        };
    };
    let mut message: Option<Value> = None;
    let mut command = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at == phone_at {
            command.push(phone.template());
            continue;
        }
        if let Some(text) = word.literal() {
            let text = if at == 0 { program(&text, directory.as_deref()) } else { file(text, directory.as_deref()) };
            if !is_plain(&text) {
                return Err("a word of it would be a template".to_owned());
            }
            command.push(quoted(&text));
            continue;
        }
        if let Some(what) = word.mystery() {
            return Err(format!("it depends on {what}, which is known at a call only"));
        }
        let (before, text) = split(word);
        if message.replace(text.clone()).is_some_and(|other| other != text) {
            return Err("it is told several texts".to_owned());
        }
        let before = if before.is_empty() { String::new() } else { quoted(&before) };
        command.push(before + "{{ msg }}");
    }
    if let Some(text) = stdin {
        if let Some(what) = text.mystery() {
            return Err(format!("it depends on {what}, which is known at a call only"));
        }
        if message.is_some() {
            return Err("it is told several texts".to_owned());
        }
        message = Some(text.clone());
    }
    let Some(message) = message.filter(Value::is_called) else { return Ok(None) };
    Ok(Some(Sender { command: command.join(" "), stdin: stdin.is_some(), phone, message, line: *line }))
}

/// `text=$msg`: what stands before the text, and the text.
fn split(word: &Value) -> (String, Value) {
    match &word.0[..] {
        [Part::Text(before), rest @ ..] if before.ends_with(['=', ':']) && !before.contains(' ') => {
            (before.clone(), Value(rest.to_vec()))
        }
        _ => (String::new(), word.clone()),
    }
}

/// A program's path, from where it runs.
fn program(word: &str, directory: Option<&str>) -> String {
    match directory {
        Some(directory) if word.contains('/') => Path::new(directory).join(word).to_string_lossy().into_owned(),
        _ => word.to_owned(),
    }
}

/// A file beside the script by its whole path: an account's command runs elsewhere.
fn file(word: String, directory: Option<&str>) -> String {
    let beside =
        directory.map(|directory| Path::new(directory).join(&word)).filter(|path| !word.is_empty() && path.exists());
    beside.map_or(word, |path| path.to_string_lossy().into_owned())
}

fn send(
    hook: &Json,
    senders: &[Sender],
    script: Option<&str>,
    path: &str,
    at: &dyn Fn(usize) -> String,
    into: &mut Translation,
) -> Json {
    let id = hook.get("id").and_then(Json::as_text).unwrap_or_default().to_owned();
    let mut entries: Vec<(String, Json)> = Vec::new();
    if let Json::Object(properties) = hook {
        entries.extend(properties.iter().filter(|(key, _)| KEPT.contains(&key.as_str())).cloned());
    }
    let mut to = Vec::new();
    let mut via = Vec::new();
    let mut chosen = None;
    for sender in senders {
        let account = Json::text(account(sender, at(sender.line), into));
        if !via.contains(&account) {
            via.push(account);
        }
        match &sender.phone {
            Phone::Called { source, name } => {
                chosen = Some(Json::object([("source", Json::text(source)), ("name", Json::text(name))]));
            }
            Phone::Fixed { phone, written } => {
                let stem = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
                let own = if script.is_some_and(|text| text.contains(written)) { &*stem } else { id.as_str() };
                to.push(Json::text(contact(own, phone, into)));
            }
        }
    }
    if chosen.is_some() && !entries.iter().any(|(key, _)| key == "token") {
        entries.push(("token".to_owned(), token(hook, &id, &at(0), into)));
    }
    let one = |mut list: Vec<Json>| if list.len() == 1 { list.remove(0) } else { Json::List(list) };
    let mut send = vec![("to".to_owned(), chosen.unwrap_or_else(|| one(to))), ("via".to_owned(), one(via))];
    match senders.first().map(|sender| &sender.message) {
        Some(message) if message.parameter() == Some(("url", "msg")) => {}
        Some(message) => match message.parameter() {
            Some((source, name)) => {
                let parameter = Json::object([("source", Json::text(source)), ("name", Json::text(name))]);
                send.push(("message".to_owned(), parameter));
            }
            None => send.push(("text".to_owned(), Json::text(message.template().unwrap_or_default()))),
        },
        None => {}
    }
    entries.push(("send".to_owned(), Json::Object(send)));
    let what = "it answers 202 and \"queued\" at once, not 200: the message is stored, and tried until it is sent";
    into.differs(
        "every hook that sends",
        what,
        "callers that must know add wait=20s; \"success-http-response-code\": 200 brings 200 back",
    );
    Json::Object(entries)
}

/// The account's name; the same command is the same account.
fn account(sender: &Sender, place: String, into: &mut Translation) -> String {
    let mut entries = vec![("provider", Json::text("command")), ("command", Json::text(&sender.command))];
    if sender.stdin {
        entries.push(("stdin", Json::text("{{ msg }}")));
    }
    let is_yowsup = sender.command.contains("yowsup-cli");
    if is_yowsup {
        // It ends with 0 whether it could send or not; only its words tell.
        entries.extend([("success-pattern", Json::text("Message sent")), ("timeout", Json::text("60s"))]);
    }
    let account = Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
    if let Some((name, _)) = into.accounts.iter().find(|(_, known)| *known == account) {
        return name.clone();
    }
    let words: Vec<String> = sender.command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect();
    let stem = if is_yowsup { "yowsup" } else { base(words.first().map_or("", String::as_str)) };
    let name = unused(stem, |name| into.accounts.iter().any(|(known, _)| known == name));
    into.accounts.push((name.clone(), account));
    into.programs.push(Program { words, place, ..Program::default() });
    name
}

fn contact(own: &str, phone: &str, into: &mut Translation) -> String {
    let contact = Json::object([("phone", Json::text(phone))]);
    if let Some((name, _)) = into.contacts.iter().find(|(_, known)| *known == contact) {
        return name.clone();
    }
    let name = unused(own, |name| into.contacts.iter().any(|(known, _)| known == name));
    into.contacts.push((name.clone(), contact));
    name
}

fn unused(stem: &str, is_used: impl Fn(&str) -> bool) -> String {
    let names = std::iter::once(stem.to_owned()).chain((2..).map(|number| format!("{stem}-{number}")));
    names.into_iter().find(|name| !is_used(name)).unwrap_or_default()
}

/// The token of a hook whose caller chooses the phone: what its rule asks for, or a new one.
fn token(hook: &Json, id: &str, place: &str, into: &mut Translation) -> Json {
    let asked = hook.get("trigger-rule").and_then(|rule| rule.get("match")).and_then(|one| {
        let text = |of: &Json, key: &str| of.get(key).and_then(Json::as_text).map(str::to_lowercase);
        let parameter = one.get("parameter")?;
        let known = [("url", "token"), ("header", "x-hook-token")];
        let is_token = known.iter().any(|(source, name)| {
            text(parameter, "source").as_deref() == Some(source) && text(parameter, "name").as_deref() == Some(name)
        });
        one.get("value").filter(|_| is_token && text(one, "type").as_deref() == Some("value")).cloned()
    });
    if let Some(token) = asked {
        into.covered(place, format!("hook \"{id}\": the value that its rule asks for is its \"token\", too, as a hook needs whose caller chooses the phone"));
        return token;
    }
    let name = id.replace('/', "-");
    let what =
        format!("hook \"{id}\" lets its caller choose the phone, and so needs a \"token\" now: there is no open relay");
    into.left(place, what, format!("after the first start `hookbell token {}` prints it; callers send it as Authorization: Bearer, or as token=", quoted(&name)));
    Json::object([("generated", Json::text(name))])
}

/// The program of a hook that stays a command.
pub(super) fn program_of(place: &str, hook: &Json) -> Option<Program> {
    let program = hook.get("execute-command")?.as_text()?.to_owned();
    let directory = hook.get("command-working-directory").and_then(Json::as_text).map(str::to_owned);
    let path = beside(directory.as_deref().map(Path::new), &program).to_string_lossy().into_owned();
    let fixed = passed(hook, "pass-arguments-to-command").into_iter().filter_map(|(_, value)| value.literal());
    let words = std::iter::once(path.clone()).chain(fixed).collect();
    Some(Program { words, directory, script: scripts::text(&path), place: place.to_owned() })
}
