//! One account as it is written: the properties that all accounts share, and those of its kind.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use self::fingerprint::fingerprint;
use super::canary::CANARIES;
use super::{Account, Kind, Open, Opened, Providers, Transport};
use crate::account::{AccountName, Limits, Rate};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::message::delivery::OnUnknown;
use crate::node::Shape::{self, File, Integer, Object, OneOrMore, Pattern, SomeTime, Text, Words};
use crate::node::{About, Entry, Needed, Node, Placed, Property, Reader, Value, needed, property, rows, usual};
use crate::secret::Secret;
use crate::url::encode_segment;

mod calls;
mod fingerprint;
mod mask;

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
    base_url: Option<Placed<String>>,
    proxy: Option<Uri>,
    extra_ca: Option<Arc<str>>,
}

const HTTP: &[Property<Http>] = &[
    property(
        "base-url",
        Pattern("^https?://[^/@?#]+(/[^?#]*)?$"),
        "Where the API is, without its version and path.",
        |http, node, reader| http.base_url = node.placed(base_url(node, reader)),
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
    let http = |base_url: Option<&'static str>, needed| -> Vec<About> {
        let rows = rows(HTTP).into_iter().filter(|row| row.name != "base-url" || base_url.is_some());
        let known = |row: About| match row.name {
            "base-url" => About { default: base_url.unwrap_or_default(), needed, ..row },
            _ => row,
        };
        rows.map(known).collect()
    };
    let (http, own) = match kind.open {
        Open::Http { base_url, .. } => (http(Some(base_url), Needed::No), (kind.properties)()),
        Open::Described(file) => {
            let needed = if file.needs_base_url() { Needed::Always } else { Needed::No };
            (http(file.base_url(), needed), file.rows())
        }
        Open::Mail(_) => (http(None, Needed::No), (kind.properties)()),
        Open::Local(_) => (Vec::new(), (kind.properties)()),
    };
    [rows(SHARED), http, own].concat()
}

impl Account {
    /// Reads one account of one of these providers. `None` after a mistake, which the reader has noted.
    pub fn open(providers: Providers, name: &AccountName, node: &Node, reader: &mut Reader<'_>) -> Option<Account> {
        let (earlier, given) = (reader.findings.len(), reader.surroundings.given().len());
        let entries = reader.entries(node)?;
        let (shared, others) = split(node, entries, SHARED);
        let (http, own) = split(node, entries_of(&others), HTTP);
        let shared = reader.record(&shared, SHARED)?;
        let Some(provider) = shared.provider else {
            hide_all(entries_of(&own));
            if reader.findings.len() == earlier {
                reader.note::<()>(Diagnostic::error(&node.place, "no \"provider\" is named").help(LISTED));
            }
            return None;
        };
        let Some(kind) = kind(providers, &provider, reader) else {
            hide_all(entries_of(&own));
            return None;
        };
        let mut transport = Transport { timeout: shared.timeout.unwrap_or(TIMEOUT), proxy: None, extra_ca: None };
        let opened = match kind.open {
            Open::Http { base_url, open } => {
                let http = reader.record(&http, HTTP)?;
                transport.proxy = http.proxy;
                transport.extra_ca = http.extra_ca;
                open(&own, http.base_url.as_ref().map_or(base_url, |written| &written.value), reader)
            }
            Open::Described(file) => {
                let http = reader.record(&http, HTTP)?;
                transport.proxy = http.proxy;
                transport.extra_ca = http.extra_ca;
                file.open(&own, http.base_url.as_ref(), reader)
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
        // The fingerprint reads whatever is a file as well.
        let mut secrets = reader.surroundings.given().get(given..).unwrap_or_default().to_vec();
        let fingerprint = fingerprint(node, &transport, reader);
        let sound = !reader.findings.iter().skip(earlier).any(Diagnostic::is_error);
        let Opened { takes, mut provider } = opened.filter(|_| sound)?;
        provider.within(transport.timeout);
        let (can, usual) = provider.differs().unwrap_or((kind.can, kind.limits));
        let limits = Limits {
            rate: shared.rate.or(usual.rate),
            per_recipient: shared.per_recipient.or(usual.per_recipient),
            // What is written holds for every address.
            per_group: usual.per_group.filter(|_| shared.per_recipient.is_none()),
            fold_after: shared.fold_after.unwrap_or(usual.fold_after),
        };
        let (callback_secrets, callback_token) = calls::secrets(name, &*provider, shared.callback_secret, node, reader);
        secrets.extend(callback_secrets.iter().cloned());
        Some(Account {
            name: name.clone(),
            kind: kind.name,
            takes,
            can,
            provider,
            limits,
            on_unknown: shared.on_unknown,
            transport,
            callback_secrets,
            callback_token,
            secrets,
            fingerprint,
        })
    }

    /// Where its provider calls us, below `base` (no slash at its end); none where its calls are not taken.
    pub fn callback_url(&self, base: &str) -> Option<Secret> {
        let [name, secret] = [self.name.as_str(), self.callback_secrets.first()?.expose()].map(encode_segment);
        Some(Secret::new(format!("{base}/callbacks/{name}/{secret}")))
    }
}

/// Reads a kind's own properties. Unlike `Reader::record` it also suggests the properties that all accounts share.
pub(super) fn own<T: Default>(node: &Node, table: &[Property<T>], reader: &mut Reader<'_>) -> Option<T> {
    let (known, unknown) = split(node, entries_of(node), table);
    let names: Vec<&str> = table.iter().map(|property| property.about.name).collect();
    entries_of(&unknown).iter().for_each(|entry| unknown_key(entry, &names, reader));
    reader.record(&known, table)
}

/// The entries of an account that have one of these names; the others are noted, as [`own`] does.
pub(super) fn entries_named<'n>(node: &'n Node, names: &[&str], reader: &mut Reader<'_>) -> Vec<&'n Entry> {
    let (known, unknown): (Vec<&Entry>, Vec<&Entry>) =
        entries_of(node).iter().partition(|entry| names.contains(&entry.key.as_str()));
    unknown.into_iter().for_each(|entry| unknown_key(entry, names, reader));
    known
}

/// The account with nothing in it but what has one of these names.
pub(super) fn part_named(node: &Node, names: &[&str]) -> Node {
    let named = entries_of(node).iter().filter(|entry| names.contains(&entry.key.as_str()));
    Node { place: node.place.clone(), value: Value::Map(named.cloned().collect()) }
}

fn unknown_key(entry: &Entry, names: &[&str], reader: &mut Reader<'_>) {
    let shared =
        SHARED.iter().map(|property| property.about.name).chain(HTTP.iter().map(|property| property.about.name));
    let help = did_you_mean(&entry.key, names.iter().copied().chain(shared));
    let finding = Diagnostic::error(&entry.key_place, format!("unknown key \"{}\"", entry.key));
    reader.note::<()>(Diagnostic { help, ..finding });
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

/// Without a provider or its dialect nobody knows which of the properties is a secret, so that no report may show any.
pub(super) fn hide(node: &Node) {
    hide_all(entries_of(node));
}

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

fn kind(providers: Providers, name: &Placed<String>, reader: &mut Reader<'_>) -> Option<Kind> {
    let found = (providers.named)(&name.value);
    if found.is_none() {
        let guess = did_you_mean(&name.value, (providers.names)());
        let help = guess.unwrap_or_else(|| LISTED.to_owned());
        let message = format!("no provider is called \"{}\"", name.value);
        reader.note::<()>(Diagnostic::error(&name.place, message).help(help));
    }
    found
}

/// Where all are told: there are too many for a line.
const LISTED: &str = "`hookbell help accounts` tells of all";

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

pub(super) fn base_url(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
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
    if text.contains('@') {
        node.place.source.hide(node.place.span.clone());
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
            && url.authority().is_some_and(|authority| authority.as_str().matches('@').count() < 2)
    });
    match url {
        Some(url) => Some(url),
        None => reader.note(
            Diagnostic::error(&node.place, "expected http://[USER:PASSWORD@]HOST:PORT or the same with socks5://")
                .help("an @ in the password is written %40"),
        ),
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
