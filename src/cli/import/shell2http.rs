//! A command line of msoap/shell2http: pairs of a path and a command of the shell.
//!
//! upstream: github.com/msoap/shell2http, config.go and shell2http.go

use std::ffi::OsString;

use super::cgi;
use super::json::Json;
use super::scripts::{named_in, variables};
use super::shell::Word;
use super::shell::parse::parse;
use super::translation::{Program, Translation};
use super::value::{Part, Value};
use crate::cli::parse::{self, Apply, Flag, Stop, Takes, boolean, integer, text};
use crate::cli::quote;
use crate::secret::SECRET_SOURCES;
use Takes::Switch;

/// What was typed.
struct Typed {
    port: i64,
    host: String,
    form: bool,
    form_check: String,
    cgi: bool,
    export_vars: String,
    log: String,
    shell: String,
    cert: String,
    key: String,
    basic_auth: Vec<(String, String)>,
    timeout: i64,
    /// Those of the table that only change what is said.
    given: Vec<&'static str>,
}

const FLAGS: &[Flag<Typed>] = &[
    row("port", Takes::Value("N"), |typed, v| integer(v).map(|port| typed.port = port)),
    row("host", Takes::Value("HOST"), |typed, v| text(v).map(|host| typed.host = host)),
    row("form", Switch, |typed, v| boolean(v).map(|form| typed.form = form)),
    row("form-check", Takes::Value("REGEX"), |typed, v| text(v).map(|regex| typed.form_check = regex)),
    row("cgi", Switch, |typed, v| boolean(v).map(|cgi| typed.cgi = cgi)),
    row("export-vars", Takes::Value("NAMES"), |typed, v| text(v).map(|names| typed.export_vars = names)),
    row("log", Takes::Value("FILE"), |typed, v| text(v).map(|file| typed.log = file)),
    row("shell", Takes::Value("SHELL"), |typed, v| text(v).map(|shell| typed.shell = shell)),
    row("cert", Takes::Value("FILE"), |typed, v| text(v).map(|file| typed.cert = file)),
    row("key", Takes::Value("FILE"), |typed, v| text(v).map(|file| typed.key = file)),
    row("basic-auth", Takes::Value("NAME:PASSWORD"), |typed, v| {
        // A mistake would show the password.
        match text(v)?.split_once(':') {
            Some((name, password)) => typed.basic_auth.push((name.to_owned(), password.to_owned())),
            None => typed.note("half an account", true),
        }
        Ok(())
    }),
    row("timeout", Takes::Value("SECONDS"), |typed, v| integer(v).map(|seconds| typed.timeout = seconds)),
    row("cache", Takes::Value("SECONDS"), |typed, v| integer(v).map(|seconds| typed.note("cache", seconds > 0))),
    row("export-all-vars", Switch, |typed, v| boolean(v).map(|on| typed.note("export-all-vars", on))),
    row("no-index", Switch, |typed, v| boolean(v).map(|on| typed.note("no-index", on))),
    row("add-exit", Switch, |typed, v| boolean(v).map(|on| typed.note("add-exit", on))),
    row("one-thread", Switch, |typed, v| boolean(v).map(|on| typed.note("one-thread", on))),
    row("show-errors", Switch, |typed, v| boolean(v).map(|on| typed.note("show-errors", on))),
    row("include-stderr", Switch, |typed, v| boolean(v).map(|on| typed.note("include-stderr", on))),
    row("500", Switch, |typed, v| boolean(v).map(|on| typed.note("500", on))),
    row("no-log-timestamp", Switch, |typed, v| boolean(v).map(|on| typed.note("no-log-timestamp", on))),
    row("version", Switch, |typed, v| boolean(v).map(|on| typed.note("version", on))),
];

const fn row(name: &'static str, takes: Takes, apply: Apply<Typed>) -> Flag<Typed> {
    Flag { name, takes, help: "", default: "", group: "", ours: false, apply }
}

/// Flags that nothing stands for here: what is to be said, and what to do.
const SAID: &[(&str, &str, &str)] = &[
    ("cache", "-cache: nothing is kept for the next caller", "keep it in the script, or in a proxy in front"),
    ("one-thread", "-one-thread: commands run side by side", "put `flock /run/lock/NAME` in front of the command"),
    ("half an account", "-basic-auth: shell2http wants name:password", ""),
    ("add-exit", "-add-exit: no caller can end the daemon", "systemctl stop hookbell"),
];

impl Typed {
    fn note(&mut self, name: &'static str, on: bool) {
        self.given.retain(|known| *known != name);
        if on {
            self.given.push(name);
        }
    }

    fn has(&self, name: &str) -> bool {
        self.given.contains(&name)
    }
}

/// Translates the arguments. `environment` is its unit's.
pub(super) fn translate(args: &[String], place: &str, environment: &[(String, String)], into: &mut Translation) {
    let mut typed = Typed {
        port: 8080,
        host: String::new(),
        form: false,
        form_check: String::new(),
        cgi: false,
        export_vars: String::new(),
        log: String::new(),
        shell: "sh".to_owned(),
        cert: String::new(),
        key: String::new(),
        basic_auth: Vec::new(),
        timeout: 0,
        given: Vec::new(),
    };
    let args: Vec<OsString> = args.iter().map(Into::into).collect();
    let left = match parse::flags(FLAGS, &args, &mut typed) {
        Ok(left) => left,
        Err(Stop::Help) => return into.left(place, "it only asks for help", ""),
        Err(Stop::Wrong(what)) => {
            return into.left(place, format!("shell2http does not start so: {}", what.replace('\n', "; ")), "");
        }
    };
    if typed.basic_auth.is_empty()
        && let Some((_, given)) = environment.iter().rev().find(|(name, _)| name == "SH_BASIC_AUTH")
        && let Some((name, password)) = given.split_once(':')
    {
        typed.basic_auth.push((name.to_owned(), password.to_owned()));
    }
    let words: Vec<String> = left.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (pairs, rest) = words.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        into.left(place, "it needs pairs of a path and a command", "");
    }
    for [path, command] in pairs {
        hook(path, command, &typed, place, into);
    }
    daemon(&typed, into);
    said(&typed, place, environment, into);
}

/// The flags of the daemon that keep every URL.
fn daemon(typed: &Typed, into: &mut Translation) {
    let mut add = |name: &str, value: &str| into.flags.extend([name.to_owned(), value.to_owned()]);
    if !typed.host.is_empty() {
        add("-ip", &typed.host);
    }
    add("-port", &typed.port.to_string());
    add("-urlprefix", "");
    if !typed.log.is_empty() {
        add("-logfile", &typed.log);
    }
    if !typed.cert.is_empty() {
        add("-cert", &typed.cert);
        add("-key", &typed.key);
        into.flags.push("-secure".to_owned());
    }
}

fn said(typed: &Typed, place: &str, environment: &[(String, String)], into: &mut Translation) {
    for (_, what, advice) in SAID.iter().filter(|(name, ..)| typed.has(name)) {
        into.left(place, *what, *advice);
    }
    if !typed.has("500") {
        into.differs(place, "a command that fails answers 500, not 200 (as with -500)", "");
    }
    if !typed.has("include-stderr") {
        into.differs(
            place,
            "what a command writes to stderr is in the answer, too",
            "2>/dev/null in the command keeps it out",
        );
    }
    into.differs(place, "no header X-Shell2http-Exit-Code, and no index page", "");
    if !typed.has("export-all-vars") {
        into.differs(place, "commands see the whole environment of the service", "");
    }
    let known = |name: &&str| environment.iter().any(|(own, _)| own == *name);
    let missing: Vec<&str> = typed.export_vars.split(',').filter(|name| !name.is_empty() && !known(name)).collect();
    if !missing.is_empty() {
        let advice = format!("systemctl edit hookbell: Environment={}=VALUE", missing.join("=VALUE "));
        into.left(place, format!("-export-vars: {} must be set for the service", missing.join(", ")), advice);
    }
}

fn hook(path: &str, command: &str, typed: &Typed, place: &str, into: &mut Translation) {
    let (method, path) = match path.split_once(':') {
        Some((method, path)) if method.chars().all(|c| c.is_ascii_uppercase()) => (method, path),
        _ => ("", path),
    };
    let id = path.trim_start_matches('/');
    if id.is_empty() {
        return into.left(place, "the path /: hookbell answers OK there", "give it a path of its own");
    }
    if id.ends_with('/') {
        into.differs(place, format!("{path} answers there only, not at what is below it"), "");
    }
    if into.hooks.iter().any(|(_, hook)| hook.get("id").and_then(Json::as_text) == Some(id)) {
        let advice = "give it a path of its own, or look at $REQUEST_METHOD in one command";
        return into.left(place, format!("a second command for {path}: a hook has one for all its methods"), advice);
    }
    let sources = named_in(command);
    let mut entries = vec![("id".to_owned(), Json::text(id))];
    if !method.is_empty() {
        entries.push(("http-methods".to_owned(), Json::List(vec![Json::text(method)])));
    }
    entries.extend(tokens(typed));
    let fields = if typed.form { variables(&sources, "v_") } else { Vec::new() };
    entries.extend(rule(&fields, method, typed));
    let Some(words) = words(command, typed) else {
        let advice = "a quote is not closed, or the shell fills something in";
        return into.left(place, format!("the command of {path} is no line of words"), advice);
    };
    entries.push(("run".to_owned(), Json::text(run(&words, &fields, method))));
    let place_of_path = format!("{place}: {path}");
    let passed = match typed.cgi {
        true => cgi::passed(
            &cgi::Served { path, method, host: &typed.host, port: typed.port, form: typed.form },
            &sources,
            &place_of_path,
            into,
        ),
        false => Vec::new(),
    };
    if typed.form && !variables(&sources, "filepath_").is_empty() {
        into.left(
            place,
            format!("{path} takes uploaded files"),
            "\"pass-file-to-command\" hands a field over as a file",
        );
    }
    if !passed.is_empty() {
        entries.push(("pass-environment-to-command".to_owned(), Json::List(passed)));
    }
    entries.push(("include-command-output-in-response".to_owned(), Json::Flag(true)));
    entries.push(("include-command-output-in-response-on-error".to_owned(), Json::Flag(true)));
    into.hooks.push((place.to_owned(), Json::Object(entries)));
    into.programs.push(Program { words, script: Some(sources.join("\n")), place: place_of_path, directory: None });
}

/// `name:password` is a token with its caller's name.
fn tokens(typed: &Typed) -> Option<(String, Json)> {
    let password = |(_, password): &(String, String)| Json::text(password);
    match &typed.basic_auth[..] {
        [] => None,
        // A caller of such a name would be read as a reference.
        [only] if SECRET_SOURCES.contains(&only.0.as_str()) => Some(("token".to_owned(), password(only))),
        users => {
            let tokens = users.iter().map(|user| (user.0.clone(), password(user))).collect();
            Some(("tokens".to_owned(), Json::Object(tokens)))
        }
    }
}

/// The sources that a method's callers can fill in a field by.
fn field_sources(method: &str) -> &'static [&'static str] {
    if matches!(method, "GET" | "HEAD" | "DELETE") { &["url"] } else { &["url", "payload"] }
}

/// A field as a template.
fn field(name: &str, method: &str) -> String {
    let reads: Vec<String> = field_sources(method)
        .iter()
        .filter_map(|source| {
            Value::template(&Value(vec![Part::Parameter { source: (*source).into(), name: name.into() }]))
        })
        .collect();
    reads.join(" or ").replace(" }} or {{ ", " or ")
}

/// `-form-check`: each field that is there must match, where shell2http would leave it out.
fn rule(fields: &[String], method: &str, typed: &Typed) -> Option<(String, Json)> {
    if typed.form_check.is_empty() || fields.is_empty() {
        return None;
    }
    let matches = |regex: &str, source: &str, name: &str| {
        let parameter = Json::object([("source", Json::text(source)), ("name", Json::text(name))]);
        let one = [("type", Json::text("regex")), ("regex", Json::text(regex)), ("parameter", parameter)];
        Json::object([("match", Json::object(one))])
    };
    let rules = fields.iter().flat_map(|name| {
        field_sources(method).iter().map(move |source| {
            let absent = Json::object([("not", matches("(?s).", source, name))]);
            Json::object([("or", Json::List(vec![matches(&typed.form_check, source, name), absent]))])
        })
    });
    Some(("trigger-rule".to_owned(), Json::object([("and", Json::List(rules.collect()))])))
}

/// Words of the shell itself: no programs of these names do the same.
const BUILTINS: [&str; 16] = [
    ".", "alias", "cd", "command", "eval", "exec", "exit", "export", "read", "set", "shift", "trap", "type", "ulimit",
    "umask", "wait",
];

/// The command's words: a shell with its line, where one is needed.
fn words(command: &str, typed: &Typed) -> Option<Vec<String>> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " _-./:@%+,".contains(c);
    let first = command.split_whitespace().next().unwrap_or_default();
    let is_plain = !first.is_empty() && command.chars().all(plain) && !BUILTINS.contains(&first);
    let limit = (typed.timeout > 0).then(|| ["timeout".to_owned(), typed.timeout.to_string()]);
    let own: Vec<String> = match (typed.shell.as_str(), is_plain) {
        ("", _) => literal(command)?,
        ("sh", true) => command.split_whitespace().map(str::to_owned).collect(),
        (shell, _) => vec![shell.to_owned(), "-c".to_owned(), command.to_owned()],
    };
    Some(limit.into_iter().flatten().chain(own).collect())
}

/// The hook's command line. Fields are words of `env`, so that what a caller sends never reaches the shell as text.
fn run(words: &[String], fields: &[String], method: &str) -> String {
    // What looks like a template in the command is none.
    let escaped = |word: &String| {
        let mut text = String::new();
        for c in quote::quoted(word).chars() {
            text.push(c);
            for opening in ["{{", "{%", "{#"] {
                if text.ends_with(opening) {
                    text.truncate(text.len() - opening.len());
                    text.push_str(&format!("{{{{ \"{opening}\" }}}}"));
                }
            }
        }
        text
    };
    let fields = fields.iter().map(|name| format!("v_{name}={}", field(name, method)));
    let env = (fields.len() > 0).then(|| "env".to_owned());
    env.into_iter().chain(fields).chain(words.iter().map(escaped)).collect::<Vec<_>>().join(" ")
}

/// `-shell ""`: words in quotes, and nothing else.
fn literal(command: &str) -> Option<Vec<String>> {
    let chains = parse(command).ok()?;
    let mut simples = Vec::new();
    super::shell::simples(&chains, &mut simples);
    match simples[..] {
        [simple] if simple.assignments.is_empty() => simple.words.iter().map(Word::literal).collect(),
        _ => None,
    }
}
