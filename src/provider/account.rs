//! One account as it is written: the properties that all accounts share, and those of its kind.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::canary::CANARIES;
use super::{Account, Kind, Open, Opened, Provider, Transport};
use crate::account::{AccountName, Limits, Rate};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::message::delivery::OnUnknown;
use crate::node::Shape::{self, File, Integer, Object, OneOrMore, Pattern, SomeTime, Text, Words};
use crate::node::{About, Entry, Node, Placed, Property, Reader, Value, needed, property, rows, usual};
use crate::secret::{Secret, SecretRef};
use crate::url::encode_segment;

/// Time for one request where an account sets none.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The same for mail: a server may look through what it takes before it answers (RFC 5321, 4.5.3.2.6, has ten minutes).
const MAIL_TIMEOUT: Duration = Duration::from_secs(60);

/// The properties that every account may have.
#[derive(Default)]
struct Shared {
    provider: Option<Placed<String>>,
    timeout: Option<Duration>,
    rate: Option<Rate>,
    per_recipient: Option<Rate>,
    fold_after: Option<u32>,
    on_unknown: OnUnknown,
    callback_secret: Option<Placed<Vec<Secret>>>,
}

const SHARED: &[Property<Shared>] = &[
    needed("provider", Text, "What carries the messages: the company or protocol.", |shared, node, reader| {
        shared.provider = reader.placed_text(node)
    }),
    usual(
        "timeout",
        SomeTime,
        "15s",
        "How long one request may take, connecting and answer included.",
        |shared, node, reader| shared.timeout = timeout(node, reader),
    ),
    property(
        "rate",
        Shape::Rate,
        "How often the account may send, over all recipients. Default: what the provider documents.",
        |shared, node, reader| shared.rate = reader.rate(node),
    ),
    property(
        "per-recipient",
        Shape::Rate,
        "How often it may send to one address. Default: what the provider documents.",
        |shared, node, reader| shared.per_recipient = reader.rate(node),
    ),
    usual(
        "fold-after",
        Integer(0, u32::MAX as i64),
        "10",
        "When more texts than this wait for one address's own limit, they go as one; 0 for never.",
        |shared, node, reader| shared.fold_after = fold_after(node, reader),
    ),
    usual(
        "on-unknown",
        Words(unknowns),
        "retry",
        "What to do when nobody knows whether a message went out: rather twice, or rather never.",
        |shared, node, reader| shared.on_unknown = on_unknown(node, reader).unwrap_or_default(),
    ),
    property(
        "callback-secret",
        OneOrMore(&Shape::Secret),
        "What stands in the path of the provider's calls. Default: one that is made; `hookbell token \
         callbacks-ACCOUNT` prints it.",
        |shared, node, reader| {
            let secrets = reader.one_or_more(node, Reader::secret);
            shared.callback_secret = node.placed(Some(secrets));
        },
    ),
    // Read by `config` once it is known who can be reached: a mistake in it breaks no account.
    property(
        "canary",
        Object(CANARIES),
        "A small message that the account sends again and again; `on-failure` hears of one that does not come back.",
        |_, _, _| {},
    ),
];

/// The properties that accounts may have whose requests are HTTP.
#[derive(Default)]
struct Http {
    base_url: Option<String>,
    proxy: Option<Uri>,
    extra_ca: Option<Arc<str>>,
}

const HTTP: &[Property<Http>] = &[
    property(
        "base-url",
        Pattern("^https?://[^/@?#]+(/[^?#]*)?$"),
        "Where the API is, without its version and path.",
        |http, node, reader| http.base_url = base_url(node, reader),
    ),
    property(
        "proxy",
        Shape::Secret,
        "The proxy to go by: http://[USER:PASSWORD@]HOST:PORT, or socks5://. Default: what the environment says.",
        |http, node, reader| http.proxy = proxy(node, reader),
    ),
    property("ca-file", File, "Certificate authorities to trust besides the system's, PEM.", |http, node, reader| {
        http.extra_ca = ca_file(node, reader)
    }),
];

/// Every property that an account of this kind may have: the shared ones, those of its transport, and its own.
pub fn properties_of(kind: &Kind) -> Vec<About> {
    let http = match kind.open {
        Open::Http { base_url, .. } => rows(HTTP)
            .into_iter()
            .map(|row| match row.name {
                "base-url" => About { default: base_url, ..row },
                _ => row,
            })
            .collect(),
        Open::Mail(_) => rows(HTTP).into_iter().filter(|row| row.name != "base-url").collect(),
        Open::Local(_) => Vec::new(),
    };
    [rows(SHARED), http, (kind.properties)()].concat()
}

impl Account {
    /// Reads one account of one of these kinds. `None` after a mistake, which the reader has noted.
    pub fn open(kinds: &'static [Kind], name: &AccountName, node: &Node, reader: &mut Reader<'_>) -> Option<Account> {
        let earlier = reader.findings.len();
        let entries = reader.entries(node)?;
        let (shared, others) = split(node, entries, SHARED);
        let (http, own) = split(node, entries_of(&others), HTTP);
        let shared = reader.record(&shared, SHARED)?;
        let Some(provider) = shared.provider else {
            hide_all(entries_of(&own));
            if reader.findings.len() == earlier {
                reader.note::<()>(Diagnostic::error(&node.place, "no \"provider\" is named").help(list_of(kinds)));
            }
            return None;
        };
        let Some(kind) = kind(kinds, &provider, reader) else {
            hide_all(entries_of(&own));
            return None;
        };
        let mut transport = Transport { timeout: shared.timeout.unwrap_or(TIMEOUT), proxy: None, extra_ca: None };
        let opened = match kind.open {
            Open::Http { base_url, open } => {
                let http = reader.record(&http, HTTP)?;
                transport.proxy = http.proxy;
                transport.extra_ca = http.extra_ca;
                open(&own, http.base_url.as_deref().unwrap_or(base_url), reader)
            }
            Open::Mail(open) => {
                for entry in entries_of(&http).iter().filter(|entry| entry.key == "base-url") {
                    reader.error(&entry.key_place, "mail has no \"base-url\" but a \"server\"");
                }
                let http = reader.record(&http, HTTP)?;
                transport.timeout = shared.timeout.unwrap_or(MAIL_TIMEOUT);
                transport.proxy = http.proxy;
                transport.extra_ca = http.extra_ca;
                open(&own, reader)
            }
            Open::Local(open) => {
                for entry in entries_of(&http) {
                    let message = format!("\"{}\" is for providers on the net; {} is none", entry.key, kind.name);
                    reader.error(&entry.key_place, message);
                }
                open(&own, reader)
            }
        };
        let fingerprint = fingerprint(node, &transport, reader);
        let sound = !reader.findings.iter().skip(earlier).any(Diagnostic::is_error);
        let Opened { takes, provider } = opened.filter(|_| sound)?;
        let limits = Limits {
            rate: shared.rate.or(kind.limits.rate),
            per_recipient: shared.per_recipient.or(kind.limits.per_recipient),
            // What is written holds for every address.
            per_group: kind.limits.per_group.filter(|_| shared.per_recipient.is_none()),
            fold_after: shared.fold_after.unwrap_or(kind.limits.fold_after),
        };
        let callback_secrets = callback_secrets(name, &*provider, shared.callback_secret, node, reader);
        let (name, kind, on_unknown) = (name.clone(), kind.name, shared.on_unknown);
        let account =
            Account { name, kind, takes, provider, limits, on_unknown, transport, callback_secrets, fingerprint };
        Some(account)
    }
}

/// Reads a kind's own properties. Unlike `Reader::record` it also suggests the properties that all accounts share.
pub(super) fn own<T: Default>(node: &Node, table: &[Property<T>], reader: &mut Reader<'_>) -> Option<T> {
    let (known, unknown) = split(node, entries_of(node), table);
    for entry in entries_of(&unknown) {
        let shared =
            SHARED.iter().map(|property| property.about.name).chain(HTTP.iter().map(|property| property.about.name));
        let help = did_you_mean(&entry.key, table.iter().map(|property| property.about.name).chain(shared));
        let finding = Diagnostic::error(&entry.key_place, format!("unknown key \"{}\"", entry.key));
        reader.note::<()>(Diagnostic { help, ..finding });
    }
    reader.record(&known, table)
}

/// The object in two: what the table knows, and the rest. Accounts stand only in the full form, where a key is
/// exactly its name.
fn split<'n, T>(node: &Node, entries: impl IntoIterator<Item = &'n Entry>, table: &[Property<T>]) -> (Node, Node) {
    let known = |entry: &&Entry| table.iter().any(|property| property.about.name == entry.key);
    let (known, rest): (Vec<&Entry>, Vec<&Entry>) = entries.into_iter().partition(known);
    let part = |entries: Vec<&Entry>| Node {
        place: node.place.clone(),
        value: Value::Map(entries.into_iter().cloned().collect()),
    };
    (part(known), part(rest))
}

/// Without a provider nobody knows which of them is a secret, so that no report may show any.
fn hide_all(entries: &[Entry]) {
    for Entry { value, .. } in entries {
        value.place.source.hide(value.place.span.clone());
    }
}

/// The entries of an object that has been read before, so that nothing is noted twice.
fn entries_of(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

fn kind(kinds: &'static [Kind], name: &Placed<String>, reader: &mut Reader<'_>) -> Option<&'static Kind> {
    let found = kinds.iter().find(|kind| kind.name == name.value);
    if found.is_none() {
        let guess = did_you_mean(&name.value, kinds.iter().map(|kind| kind.name));
        let help = guess.into_iter().chain([list_of(kinds)]).collect::<Vec<_>>().join(" ");
        let message = format!("no provider is called \"{}\"", name.value);
        reader.note::<()>(Diagnostic::error(&name.place, message).help(help));
    }
    found
}

fn list_of(kinds: &[Kind]) -> String {
    format!("there are {}", kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "))
}

fn timeout(node: &Node, reader: &mut Reader<'_>) -> Option<Duration> {
    let timeout = reader.duration(node)?;
    if timeout.is_zero() { reader.wrong(&node.place, "no time at all: nothing could be sent") } else { Some(timeout) }
}

/// The words of `on-unknown`.
const UNKNOWN: [(&str, OnUnknown); 2] = [("retry", OnUnknown::Retry), ("give-up", OnUnknown::GiveUp)];

fn unknowns() -> Vec<&'static str> {
    UNKNOWN.iter().map(|(word, _)| *word).collect()
}

fn on_unknown(node: &Node, reader: &mut Reader<'_>) -> Option<OnUnknown> {
    let text = reader.text(node)?;
    match UNKNOWN.iter().find(|(word, _)| *word == text) {
        Some((_, meant)) => Some(*meant),
        None => reader.wrong(&node.place, "expected \"retry\" or \"give-up\""),
    }
}

fn fold_after(node: &Node, reader: &mut Reader<'_>) -> Option<u32> {
    let count = reader.integer(node)?;
    match u32::try_from(count) {
        Ok(count) => Some(count),
        Err(_) => reader.wrong(&node.place, "expected how many texts may wait before they go as one, or 0 for never"),
    }
}

fn base_url(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let text = reader.text(node)?;
    let url = text.parse::<Uri>().ok();
    let sound = url.as_ref().is_some_and(|url| {
        let authority = url.authority().map_or("", |authority| authority.as_str());
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.host().is_some_and(|host| !host.is_empty())
            && !authority.contains('@')
            && url.query().is_none()
    });
    if sound {
        return Some(text.trim_end_matches('/').to_owned());
    }
    reader.note(
        Diagnostic::error(&node.place, "expected an http:// or https:// address, without a query and credentials")
            .help("as in https://api.example.org, without the API's version and path"),
    )
}

/// A proxy may stand as a secret does, for it may hold a password; so the findings don't repeat it.
fn proxy(node: &Node, reader: &mut Reader<'_>) -> Option<Uri> {
    let text = reader.secret(node)?;
    let url = text.expose().parse::<Uri>().ok().filter(|url| {
        matches!(url.scheme_str(), Some("http" | "socks5" | "socks5h"))
            && url.host().is_some_and(|host| !host.is_empty())
            && matches!(url.path(), "" | "/")
    });
    match url {
        Some(url) => Some(url),
        None => reader.wrong(&node.place, "expected http://[USER:PASSWORD@]HOST:PORT or the same with socks5://"),
    }
}

fn ca_file(node: &Node, reader: &mut Reader<'_>) -> Option<Arc<str>> {
    let path = reader.path(node)?;
    match reader.surroundings.file(&path) {
        Ok(text) if text.contains("-----BEGIN CERTIFICATE-----") => Some(text.into()),
        Ok(_) => reader.wrong(&node.place, format!("{} has no certificate in PEM form", path.display())),
        Err(why) => reader.wrong(&node.place, why),
    }
}

/// The secrets in the path of the provider's calls: those that are written, else one that is made.
fn callback_secrets(
    name: &AccountName,
    provider: &dyn Provider,
    written: Option<Placed<Vec<Secret>>>,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Vec<Secret> {
    match (written, provider.callback()) {
        (Some(written), Some(_)) => written.value,
        (Some(Placed { place, .. }), None) => {
            reader.warn(&place, "this provider never calls: the secret is of no use");
            Vec::new()
        }
        (None, None) => Vec::new(),
        (None, Some(_)) => {
            let generated = SecretRef::Generated(generated_name(name));
            let made = reader.surroundings.secret(&generated);
            // Only its callbacks need it: the account still sends.
            made.map_err(|why| reader.warn(&node.place, format!("callbacks are not taken: {why}")))
                .into_iter()
                .collect()
        }
    }
}

/// The name of the secret that is made for an account's callbacks, for `hookbell token`.
fn generated_name(account: &AccountName) -> String {
    format!("callbacks-{}", encode_segment(account.as_str()))
}

/// Equal for accounts made of the same: of what is written, and of what that refers to.
fn fingerprint(node: &Node, transport: &Transport, reader: &mut Reader<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(node, reader, &mut hasher);
    transport.proxy.hash(&mut hasher);
    transport.extra_ca.hash(&mut hasher);
    hasher.finish()
}

fn hash(node: &Node, reader: &mut Reader<'_>, hasher: &mut DefaultHasher) {
    std::mem::discriminant(&node.value).hash(hasher);
    match &node.value {
        Value::Null => {}
        Value::Scalar { text, plain } => (text, plain).hash(hasher),
        Value::List(elements) => {
            elements.len().hash(hasher);
            elements.iter().for_each(|element| hash(element, reader, hasher));
        }
        Value::Map(entries) => {
            entries.len().hash(hasher);
            for entry in entries {
                entry.key.hash(hasher);
                hash(&entry.value, reader, hasher);
            }
            if let [Entry { key, .. }] = entries.as_slice()
                && matches!(key.as_str(), "env" | "file" | "credential" | "generated")
            {
                // What can't be read was noted when the property was.
                let mut quiet =
                    Reader { form: reader.form, findings: &mut Vec::new(), surroundings: reader.surroundings };
                quiet.secret(node).map(|secret| secret.expose().to_owned()).hash(hasher);
            }
        }
    }
}
