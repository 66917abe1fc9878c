//! The properties of a hook: the tables that it is read by.

use super::argument::{
    ARGUMENTS, HEADERS, PARAMETERS, PRIORITIES, arguments, headers, parameter, placed_arguments, priorities, priority,
};
use super::raw::{RawHook, RawSend, RawTo};
use super::{media, via};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::message::TextFormat;
use crate::message::expected::MOST_OFTEN;
use crate::node::Shape::{
    self, Boolean, Callers, Directory, Duration, Either, Integer, List, Object, OneOrMore, Program, SomeTime, Text,
    TextOrFile, Words,
};
use crate::node::{
    Entry, Form, Node, Placed, Property, Reader, Table, Value, guard, needed, needed_in_full, property, rows, usual,
};
use crate::rule::raw as rule;
use crate::secret::{SECRET_SOURCES, Secret};

/// The tables by their names in the schema.
pub const HOOKS: Table = Table { name: "hook", rows: || rows(HOOK) };
const SENDS: Table = Table { name: "send", rows: || rows(SEND) };

/// The properties of a hook. Those that this version can't honour refuse the hook: a hook guarded by a rule that nobody
/// judges would be an open door.
const HOOK: &[Property<RawHook>] = &[
    needed_in_full("id", Text, "The hook's name in the URL: it is served at /hooks/ID.", |hook, node, r| {
        hook.id = r.placed_text(node)
    }),
    property(
        "execute-command",
        Program,
        "The program to run, with a slash or looked up in $PATH. Its arguments are `pass-arguments-to-command`.",
        |hook, node, r| hook.execute_command = r.placed_text(node),
    ),
    property(
        "run",
        Program,
        "A command line, split once by words; each word is a template over msg, title, query, payload, headers, \
         hook, now. No shell is involved.",
        |hook, node, r| hook.run = r.placed_text(node),
    ),
    property("command-working-directory", Directory, "The directory that the command runs in.", |hook, node, r| {
        hook.command_working_directory = r.text(node)
    }),
    property(
        "pass-arguments-to-command",
        List(&ARGUMENTS),
        "The command's arguments, in order, each a value of the call.",
        |hook, node, r| hook.pass_arguments = arguments(node, r),
    ),
    property(
        "pass-environment-to-command",
        List(&ARGUMENTS),
        "Values that the command gets as environment variables: HOOK_ and the name, or `envname`.",
        |hook, node, r| hook.pass_environment = arguments(node, r),
    ),
    property(
        "pass-file-to-command",
        List(&ARGUMENTS),
        "Values that the command gets in files of their own, whose paths are in environment variables.",
        |hook, node, r| hook.pass_files = placed_arguments(node, r),
    ),
    usual(
        "include-command-output-in-response",
        Boolean,
        "false",
        "Wait for the command, and answer with what it writes.",
        |hook, node, r| hook.include_output = r.boolean(node).unwrap_or_default(),
    ),
    usual(
        "include-command-output-in-response-on-error",
        Boolean,
        "false",
        "Answer with what the command writes also where it fails.",
        |hook, node, r| hook.include_output_on_error = r.boolean(node).unwrap_or_default(),
    ),
    property("response-message", Text, "The body of the answer where all went well.", |hook, node, r| {
        hook.response_message = r.text(node)
    }),
    property("response-headers", List(&HEADERS), "Headers of the answer.", |hook, node, r| {
        hook.response_headers = headers(node, r)
    }),
    property(
        "success-http-response-code",
        Integer(0, 999),
        "The status of the answer where all went well; the usual one is 200, or 202 where a message is sent.",
        |hook, node, r| hook.success_code = placed_integer(node, r),
    ),
    property(
        "http-methods",
        List(&Text),
        "The methods that the hook takes; any other is answered with 405. None given: those of -http-methods, \
         else any.",
        |hook, node, r| hook.http_methods = r.list(node, method).unwrap_or_default(),
    ),
    property(
        "incoming-payload-content-type",
        Text,
        "Read the body as this type, whatever the call says.",
        |hook, node, r| hook.content_type = r.text(node),
    ),
    property(
        "parse-parameters-as-json",
        List(&ARGUMENTS),
        "Values that are JSON in a text, to be read before anything else looks at them.",
        |hook, node, r| hook.json_parameters = placed_arguments(node, r),
    ),
    guard("trigger-rule", Object(rule::RULES), "When the hook fires: only if this is satisfied.", |hook, node, r| {
        hook.has_rule = true;
        hook.trigger_rule = rule::read(node, r);
    }),
    property(
        "trigger-rule-mismatch-http-response-code",
        Integer(0, 999),
        "The status of the answer where the rule is not satisfied; the usual one is 200.",
        |hook, node, r| hook.mismatch_code = placed_integer(node, r),
    ),
    usual(
        "trigger-signature-soft-failures",
        Boolean,
        "false",
        "A wrong signature only fails its own match, instead of ending the call with an error.",
        |hook, node, r| hook.soft_failures = r.boolean(node).unwrap_or_default(),
    ),
    property("send", Object(SENDS), "The message to send when the hook fires.", |hook, node, r| {
        hook.send = node.placed(r.record(node, SEND))
    }),
    guard(
        "token",
        OneOrMore(&Shape::Secret),
        "What a caller must show: a secret, or several while it is being changed. By `Authorization: Bearer`, \
         Basic, `X-Hook-Token` or the parameter `token`.",
        read_token,
    ),
    guard("tokens", Callers, "Tokens by the names of their callers, so that the log says who called.", read_tokens),
    guard(
        "require",
        OneOrMore(&PARAMETERS),
        "Parameters that must be there and not blank, else the call is answered with 400.",
        require,
    ),
    usual("allow-empty-message", Boolean, "false", "Send a blank message all the same.", |hook, node, r| {
        hook.allow_empty_message = node.placed(r.boolean(node))
    }),
    property(
        "charset",
        Text,
        "What bytes that are not UTF-8 are decoded from, such as windows-1251.",
        |hook, node, r| hook.charset = r.placed_text(node),
    ),
    usual(
        "allow-cross-site",
        Boolean,
        "false",
        "Let foreign web pages call it: a hook that sends and asks for no token, or one that a browser knows the token of.",
        |hook, node, r| hook.allow_cross_site = r.boolean(node).unwrap_or_default(),
    ),
    usual("enabled", Boolean, "true", "Whether there is such a hook at all.", |hook, node, r| {
        hook.enabled = r.boolean(node)
    }),
    property(
        "expect-every",
        SomeTime,
        "The longest time between two accepted calls: `on-failure` hears of a longer silence.",
        |hook, node, r| hook.expect_every = node.placed(expect_every(node, r)),
    ),
];

/// Whether a hook has a property of this name.
pub fn is_known(name: &str) -> bool {
    HOOK.iter().any(|property| property.about.name == name)
}

/// The guard that adnanh/webhook has, too: there, an empty one is none.
const RULE: &str = "trigger-rule";

/// Reads one hook. `null` leaves a default, but not where the default is an open door.
pub fn read(node: &Node, reader: &mut Reader<'_>) -> Option<RawHook> {
    if let Value::Map(entries) = &node.value {
        let is_guard =
            |entry: &&Entry| HOOK.iter().any(|row| row.about.guards && row.about.name.eq_ignore_ascii_case(&entry.key));
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
    needed(
        "to",
        Either(&[Text, List(&Text), PARAMETERS]),
        "To whom: a contact, a list, or several; or a parameter of the call that names them, and then the hook \
         needs a token.",
        |send, node, r| send.to = to(node, r),
    ),
    property("via", OneOrMore(&via::SHAPE), "The accounts to send by, in order of preference.", |send, node, r| {
        send.via = r.one_or_more(node, via::read)
    }),
    property("also", OneOrMore(&Text), "Accounts that get a copy in any case.", |send, node, r| {
        send.also = r.one_or_more(node, Reader::placed_text)
    }),
    property(
        "message",
        PARAMETERS,
        "Where in the call the text is. Default: msg in the URL, or msg, message or text in the body, or a body \
         of plain text.",
        |send, node, r| send.message = parameter(node, r),
    ),
    property("title", PARAMETERS, "Where in the call a heading is.", |send, node, r| send.title = parameter(node, r)),
    property(
        "text",
        TextOrFile,
        "The text as a template over msg, title, query, payload, headers, hook, now.",
        |send, node, r| send.text = r.text_or_file(node),
    ),
    usual(
        "format",
        Words(formats),
        "plain",
        "How the text's characters are meant: as they stand; or markup, where *bold*, _italic_, ~strike~ and `code` are \
         written as each channel has them.",
        |send, node, r| send.format = r.placed_text(node),
    ),
    property(
        "media",
        media::SHAPE,
        "What goes along with the text: a file of a form in parts, or a link; a text here is a link as a template. Who \
         can't get it gets a link to it in the text. A call without it sends the text alone.",
        |send, node, r| send.media = media::read(node, r),
    ),
    property(
        "thread",
        PARAMETERS,
        "A value that a problem and its end have in common: where the messenger shows answers the end is one, in mail they \
         are one conversation.",
        |send, node, r| send.thread = parameter(node, r),
    ),
    usual("ttl", SomeTime, "24h", "How long it is tried before it is given up.", |send, node, r| {
        send.ttl = ttl(node, r)
    }),
    usual(
        "priority",
        Either(&[Words(priorities), PRIORITIES]),
        "normal",
        "What goes first: high, normal or low; or a parameter of the call, with a map from its values.",
        |send, node, r| send.priority = priority(node, r),
    ),
    usual(
        "dedupe",
        Duration,
        "0s",
        "For so long, the same text from the same hook to the same recipients is accepted once.",
        |send, node, r| send.dedupe = r.duration(node),
    ),
];

fn formats() -> Vec<&'static str> {
    TextFormat::ALL.iter().map(|(word, _)| *word).collect()
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

/// Any word may be a method; one that is nearly one of these is a slip.
fn method(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = reader.text(node)?;
    let meant = did_you_mean(method.trim(), USUAL).filter(|_| !USUAL.contains(&method.trim().to_uppercase().as_str()));
    if let Some(meant) = meant {
        let told = format!("nobody calls with the method \"{}\"", method.trim());
        reader.findings.push(Diagnostic::warning(&node.place, told).help(meant));
    }
    Some(method)
}

fn require(hook: &mut RawHook, node: &Node, reader: &mut Reader<'_>) {
    if matches!(&node.value, Value::List(parameters) if parameters.is_empty()) {
        reader.error(&node.place, "nothing is required here; leave this out if that is meant");
    }
    hook.require = reader.one_or_more(node, |r, node| parameter(node, r));
}

fn expect_every(node: &Node, reader: &mut Reader<'_>) -> Option<std::time::Duration> {
    let every = reader.duration(node)?;
    if every < MOST_OFTEN {
        return reader.wrong(&node.place, "too often: a call can be expected every 1m at most");
    }
    Some(every)
}

fn ttl(node: &Node, reader: &mut Reader<'_>) -> Option<std::time::Duration> {
    let ttl = reader.duration(node)?;
    if ttl.is_zero() {
        reader.wrong(&node.place, "no time at all: every message would expire unsent")
    } else {
        Some(ttl)
    }
}

fn placed_integer(node: &Node, reader: &mut Reader<'_>) -> Option<Placed<i64>> {
    node.placed(reader.integer(node))
}
