//! A hook exactly as users write it: every property optional, every value with its place.

use super::via::{self, RawVia};
use crate::diagnostic::Diagnostic;
use crate::node::{Entry, Form, Node, Placed, Property, Reader, Value};
use crate::rule::raw::{self as rule, RawRule};
use crate::secret::{SECRET_SOURCES, Secret};

/// One hook of a file.
#[derive(Default)]
pub struct RawHook {
    /// `id`
    pub id: Option<Placed<String>>,
    /// `execute-command`
    pub execute_command: Option<Placed<String>>,
    /// `run`
    pub run: Option<Placed<String>>,
    /// `command-working-directory`
    pub command_working_directory: Option<String>,
    /// `pass-arguments-to-command`
    pub pass_arguments: Vec<RawArgument>,
    /// `pass-environment-to-command`
    pub pass_environment: Vec<RawArgument>,
    /// `pass-file-to-command`
    pub pass_files: Vec<Placed<RawArgument>>,
    /// `include-command-output-in-response`
    pub include_output: bool,
    /// `include-command-output-in-response-on-error`
    pub include_output_on_error: bool,
    /// `response-message`
    pub response_message: Option<String>,
    /// `response-headers`
    pub response_headers: Vec<(Placed<String>, Placed<String>)>,
    /// `success-http-response-code`
    pub success_code: Option<Placed<i64>>,
    /// `http-methods`
    pub http_methods: Vec<String>,
    /// `incoming-payload-content-type`
    pub content_type: Option<String>,
    /// `trigger-rule`
    pub trigger_rule: Option<Placed<RawRule>>,
    /// Whether `trigger-rule` stands there, read well or not.
    pub has_rule: bool,
    /// `trigger-rule-mismatch-http-response-code`
    pub mismatch_code: Option<Placed<i64>>,
    /// `trigger-signature-soft-failures`
    pub soft_failures: bool,
    /// `parse-parameters-as-json`
    pub json_parameters: Vec<Placed<RawArgument>>,
    /// `send`
    pub send: Option<Placed<RawSend>>,
    /// `token` and `tokens`
    pub tokens: Vec<(Option<String>, Secret)>,
    /// Whether `token` or `tokens` stands there, read well or not.
    pub asks_for_token: bool,
    /// `require`
    pub require: Vec<Placed<RawArgument>>,
    /// `allow-empty-message`
    pub allow_empty_message: Option<Placed<bool>>,
    /// `charset`
    pub charset: Option<Placed<String>>,
    /// `allow-cross-site`
    pub allow_cross_site: bool,
    /// `enabled`
    pub enabled: Option<bool>,
}

/// A parameter as users write it: `{"source": …, "name": …, "envname": …}`.
#[derive(Clone, Debug, Default)]
pub struct RawArgument {
    /// `source`
    pub source: Option<Placed<String>>,
    /// `name`
    pub name: Option<String>,
    /// `envname`
    pub envname: Option<String>,
    /// `base64decode`, of files only.
    pub base64decode: bool,
    /// `map` of a priority: value and its priority's word.
    pub map: Vec<(String, Placed<String>)>,
}

/// `send` as users write it.
#[derive(Default)]
pub struct RawSend {
    /// `to`
    pub to: Option<RawTo>,
    /// `via`
    pub via: Vec<RawVia>,
    /// `also`
    pub also: Vec<Placed<String>>,
    /// `message`
    pub message: Option<Placed<RawArgument>>,
    /// `title`
    pub title: Option<Placed<RawArgument>>,
    /// `text`
    pub text: Option<Placed<String>>,
    /// `thread`
    pub thread: Option<Placed<RawArgument>>,
    /// `ttl`
    pub ttl: Option<std::time::Duration>,
    /// `priority`
    pub priority: Option<RawPriority>,
    /// `dedupe`
    pub dedupe: Option<std::time::Duration>,
}

/// `send.to` as users write it.
pub enum RawTo {
    /// Names of contacts and lists.
    Names(Vec<Placed<String>>),
    /// A parameter whose value names them.
    Parameter(Placed<RawArgument>),
}

/// `send.priority` as users write it.
pub enum RawPriority {
    /// A word.
    Word(Placed<String>),
    /// A parameter with a map.
    Parameter(Placed<RawArgument>),
}

/// The properties of a hook. Those that this version can't honour refuse the hook: a hook guarded by a rule that nobody
/// judges would be an open door.
const HOOK: &[Property<RawHook>] = &[
    Property { name: "id", read: |hook, node, r| hook.id = r.placed_text(node) },
    Property { name: "execute-command", read: |hook, node, r| hook.execute_command = r.placed_text(node) },
    Property { name: "run", read: |hook, node, r| hook.run = r.placed_text(node) },
    Property { name: "command-working-directory", read: |hook, node, r| hook.command_working_directory = r.text(node) },
    Property { name: "pass-arguments-to-command", read: |hook, node, r| hook.pass_arguments = arguments(node, r) },
    Property { name: "pass-environment-to-command", read: |hook, node, r| hook.pass_environment = arguments(node, r) },
    Property { name: "pass-file-to-command", read: |hook, node, r| hook.pass_files = placed_arguments(node, r) },
    Property {
        name: "include-command-output-in-response",
        read: |hook, node, r| hook.include_output = r.boolean(node).unwrap_or_default(),
    },
    Property {
        name: "include-command-output-in-response-on-error",
        read: |hook, node, r| hook.include_output_on_error = r.boolean(node).unwrap_or_default(),
    },
    Property { name: "response-message", read: |hook, node, r| hook.response_message = r.text(node) },
    Property { name: "response-headers", read: |hook, node, r| hook.response_headers = headers(node, r) },
    Property { name: "success-http-response-code", read: |hook, node, r| hook.success_code = placed_integer(node, r) },
    Property {
        name: "http-methods",
        read: |hook, node, r| hook.http_methods = r.list(node, Reader::text).unwrap_or_default(),
    },
    Property { name: "incoming-payload-content-type", read: |hook, node, r| hook.content_type = r.text(node) },
    Property {
        name: "parse-parameters-as-json",
        read: |hook, node, r| hook.json_parameters = placed_arguments(node, r),
    },
    Property {
        name: "trigger-rule",
        read: |hook, node, r| {
            hook.has_rule = true;
            hook.trigger_rule = rule::read(node, r);
        },
    },
    Property {
        name: "trigger-rule-mismatch-http-response-code",
        read: |hook, node, r| hook.mismatch_code = placed_integer(node, r),
    },
    Property {
        name: "trigger-signature-soft-failures",
        read: |hook, node, r| hook.soft_failures = r.boolean(node).unwrap_or_default(),
    },
    Property { name: "send", read: |hook, node, r| hook.send = node.placed(r.record(node, SEND)) },
    Property { name: "token", read: read_token },
    Property { name: "tokens", read: read_tokens },
    Property { name: "require", read: require },
    Property {
        name: "allow-empty-message",
        read: |hook, node, r| hook.allow_empty_message = node.placed(r.boolean(node)),
    },
    Property { name: "charset", read: |hook, node, r| hook.charset = r.placed_text(node) },
    Property {
        name: "allow-cross-site",
        read: |hook, node, r| hook.allow_cross_site = r.boolean(node).unwrap_or_default(),
    },
    Property { name: "enabled", read: |hook, node, r| hook.enabled = r.boolean(node) },
];

/// Whether a hook has a property of this name.
pub fn is_known(name: &str) -> bool {
    HOOK.iter().any(|property| property.name == name)
}

/// Keys that guard a hook: with an empty value they would guard nothing, and nobody would notice.
const GUARDS: [&str; 4] = ["token", "tokens", "require", RULE];

/// The one of them that adnanh/webhook has, too: there, an empty one is none.
const RULE: &str = "trigger-rule";

/// Reads one hook. `null` leaves a default, but not where the default is an open door.
pub fn read(node: &Node, reader: &mut Reader<'_>) -> Option<RawHook> {
    if let Value::Map(entries) = &node.value {
        let is_guard = |entry: &&Entry| GUARDS.iter().any(|guard| guard.eq_ignore_ascii_case(&entry.key));
        for entry in entries.iter().filter(is_guard).filter(|entry| matches!(entry.value.value, Value::Null)) {
            let message = format!("\"{}\" is empty; leave it out if the hook is meant to be open", entry.key);
            match reader.form {
                Form::Classic if entry.key.eq_ignore_ascii_case(RULE) => reader.warn(&entry.key_place, message),
                _ => reader.error(&entry.key_place, message),
            }
        }
    }
    reader.record(node, HOOK)
}

const SEND: &[Property<RawSend>] = &[
    Property { name: "to", read: |send, node, r| send.to = to(node, r) },
    Property { name: "via", read: |send, node, r| send.via = r.one_or_more(node, via::read) },
    Property { name: "also", read: |send, node, r| send.also = r.one_or_more(node, Reader::placed_text) },
    Property { name: "message", read: |send, node, r| send.message = parameter(node, r) },
    Property { name: "title", read: |send, node, r| send.title = parameter(node, r) },
    Property { name: "text", read: |send, node, r| send.text = r.text_or_file(node) },
    Property { name: "thread", read: |send, node, r| send.thread = parameter(node, r) },
    Property { name: "ttl", read: |send, node, r| send.ttl = ttl(node, r) },
    Property { name: "priority", read: |send, node, r| send.priority = priority(node, r) },
    Property { name: "dedupe", read: |send, node, r| send.dedupe = r.duration(node) },
];

const ARGUMENT: &[Property<RawArgument>] = &[
    Property { name: "source", read: |argument, node, r| argument.source = r.placed_text(node) },
    Property { name: "name", read: |argument, node, r| argument.name = r.text(node) },
    Property { name: "envname", read: |argument, node, r| argument.envname = r.text(node) },
    // adnanh/webhook has it on every argument and looks at it for files only.
    Property {
        name: "base64decode",
        read: |argument, node, r| argument.base64decode = r.boolean(node).unwrap_or_default(),
    },
];

/// Our own parameters.
const PARAMETER: &[Property<RawArgument>] = &[
    Property { name: "source", read: |parameter, node, r| parameter.source = r.placed_text(node) },
    Property { name: "name", read: |parameter, node, r| parameter.name = r.text(node) },
];

const PRIORITY: &[Property<RawArgument>] = &[
    Property { name: "source", read: |parameter, node, r| parameter.source = r.placed_text(node) },
    Property { name: "name", read: |parameter, node, r| parameter.name = r.text(node) },
    Property { name: "map", read: |parameter, node, r| parameter.map = map(node, r) },
];

/// One of our own parameters.
fn parameter(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<RawArgument>> {
    node.placed(reader.record(node, PARAMETER))
}

/// One argument of the peer's lists.
fn argument(node: &Node, reader: &mut Reader<'_>) -> Option<RawArgument> {
    reader.record(node, ARGUMENT)
}

fn arguments(node: &Node, reader: &mut Reader<'_>) -> Vec<RawArgument> {
    reader.list(node, |r, node| argument(node, r)).unwrap_or_default()
}

fn placed_arguments(node: &Node, reader: &mut Reader<'_>) -> Vec<Placed<RawArgument>> {
    reader.list(node, |r, node| node.placed(argument(node, r))).unwrap_or_default()
}

fn headers(node: &Node, reader: &mut Reader<'_>) -> Vec<(Placed<String>, Placed<String>)> {
    #[derive(Default)]
    struct Header(Option<Placed<String>>, Option<Placed<String>>);
    const HEADER: &[Property<Header>] = &[
        Property { name: "name", read: |header, node, r| header.0 = r.placed_text(node) },
        Property { name: "value", read: |header, node, r| header.1 = r.placed_text(node) },
    ];
    let each = |r: &mut Reader<'_>, node: &Node| match r.record(node, HEADER)? {
        Header(Some(name), value) => {
            Some((name, value.unwrap_or_else(|| Placed { value: String::new(), place: node.place.clone() })))
        }
        // upstream: net/http leaves a header without a name out.
        Header(None, _) => {
            r.mistake(Diagnostic::error(&node.place, "a header without a \"name\" can't be sent"));
            None
        }
    };
    reader.list(node, each).unwrap_or_default()
}

fn read_tokens(hook: &mut RawHook, node: &Node, reader: &mut Reader<'_>) {
    let Value::Map(_) = node.value else { return read_token(hook, node, reader) };
    let entries = reader.entries(node).unwrap_or_default();
    if let [only] = entries.as_slice()
        && SECRET_SOURCES.contains(&only.key.as_str())
    {
        // Not a caller of that name with a token that everybody can guess.
        return read_token(hook, node, reader);
    }
    hook.asks_for_token = true;
    if entries.is_empty() {
        no_token(node, reader);
    }
    for entry in entries {
        for secret in some_tokens(&entry.value, reader) {
            hook.tokens.push((Some(entry.key.clone()), secret));
        }
    }
}

fn read_token(hook: &mut RawHook, node: &Node, reader: &mut Reader<'_>) {
    hook.asks_for_token = true;
    hook.tokens.extend(some_tokens(node, reader).into_iter().map(|token| (None, token)));
}

fn some_tokens(node: &Node, reader: &mut Reader<'_>) -> Vec<Secret> {
    if matches!(&node.value, Value::List(tokens) if tokens.is_empty()) {
        no_token(node, reader);
    }
    reader.one_or_more(node, |r, node| r.secret(node))
}

/// A hook without tokens is open to everybody, which is hardly what an empty list of them means.
fn no_token(node: &Node, reader: &mut Reader<'_>) {
    let message = "no token stands here, which would open the hook to everybody; leave this out if that is meant";
    reader.error(&node.place, message)
}

fn to(node: &Node, reader: &mut Reader<'_>) -> Option<RawTo> {
    match node.value {
        Value::Map(_) => parameter(node, reader).map(RawTo::Parameter),
        _ => Some(RawTo::Names(reader.one_or_more(node, Reader::placed_text))),
    }
}

fn priority(node: &Node, reader: &mut Reader<'_>) -> Option<RawPriority> {
    match node.value {
        Value::Map(_) => node.placed(reader.record(node, PRIORITY)).map(RawPriority::Parameter),
        _ => reader.placed_text(node).map(RawPriority::Word),
    }
}

fn require(hook: &mut RawHook, node: &Node, reader: &mut Reader<'_>) {
    if matches!(&node.value, Value::List(parameters) if parameters.is_empty()) {
        reader.error(&node.place, "nothing is required here; leave this out if that is meant");
    }
    hook.require = reader.one_or_more(node, |r, node| parameter(node, r));
}

fn ttl(node: &Node, reader: &mut Reader<'_>) -> Option<std::time::Duration> {
    let ttl = reader.duration(node)?;
    if ttl.is_zero() {
        reader.wrong(&node.place, "no time at all: every message would expire unsent")
    } else {
        Some(ttl)
    }
}

fn map(node: &Node, reader: &mut Reader<'_>) -> Vec<(String, Placed<String>)> {
    let entries = reader.entries(node).unwrap_or_default();
    entries.into_iter().filter_map(|entry| Some((entry.key.clone(), reader.placed_text(&entry.value)?))).collect()
}

fn placed_integer(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<i64>> {
    node.placed(reader.integer(node))
}
