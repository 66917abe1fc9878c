//! A mail account as it is written.

use http::Uri;

use super::address::mailbox;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::node::Shape::{self, Boolean, Pattern, Text, Words};
use crate::node::{Node, Placed, Property, Reader, Value, needed, property, usual};
use crate::provider::account;
use crate::provider::mail::{Login, Mailbox, Server, Tls, is_loopback};
use crate::secret::Secret;

/// The port where a mail server takes what its own users send, after STARTTLS (RFC 6409).
const SUBMISSION: u16 = 587;
/// The same, encrypted from the first byte on (RFC 8314).
const SUBMISSIONS: u16 = 465;
/// Where servers take mails from servers, and a host's own from its programs.
const RELAY: u16 = 25;

/// What is written of an account.
#[derive(Default)]
pub(super) struct Properties {
    server: Option<Placed<Url>>,
    tls: Option<Placed<Tls>>,
    username: Option<Placed<String>>,
    password: Option<Placed<Secret>>,
    plain_login: Option<Placed<bool>>,
    from: Option<Mailbox>,
    reply_to: Option<Mailbox>,
    hello: Option<String>,
}

/// The rows.
pub(super) const PROPERTIES: &[Property<Properties>] = &[
    needed(
        "server",
        Pattern("^smtps?://[^/@?#]+/?$"),
        "The server that takes the mails: `smtp://HOST:PORT`, or `smtps://` where it is encrypted from the first byte on.",
        |p, node, reader| p.server = node.placed(url(node, reader)),
    ),
    property(
        "tls",
        Words(policies),
        "When the connection is encrypted. Default: by STARTTLS, or it is not used; at port 25 of this host: not.",
        |p, node, reader| p.tls = node.placed(tls(node, reader)),
    ),
    property("username", Text, "The name to log in with.", |p, node, reader| p.username = reader.placed_text(node)),
    property("password", Shape::Secret, "The password for it.", |p, node, reader| {
        p.password = node.placed(reader.secret(node))
    }),
    usual(
        "allow-plain-auth",
        Boolean,
        "false",
        "Whether the password may travel unencrypted to another host.",
        |p, node, reader| p.plain_login = node.placed(reader.boolean(node)).filter(|allowed| allowed.value),
    ),
    needed("from", Text, "Whom mails are from: an address, or `Name <address>`.", |p, node, reader| {
        p.from = someone(node, reader)
    }),
    property("reply-to", Text, "Who gets the answers, where that is somebody else.", |p, node, reader| {
        p.reply_to = someone(node, reader)
    }),
    property("hello", Text, "The name that this host gives itself. Default: its own.", |p, node, reader| {
        p.hello = hello(node, reader)
    }),
];

/// A server's address as written.
struct Url {
    /// `smtps://`
    encrypted: bool,
    host: String,
    port: Option<u16>,
}

/// The server, whom mails are from, and who gets the answers.
pub(super) fn read(node: &Node, reader: &mut Reader<'_>) -> Option<(Server, Mailbox, Option<Mailbox>)> {
    let properties = account::own(node, PROPERTIES, reader)?;
    if !has(node, "server") {
        reader.error(&node.place, "no \"server\", such as \"smtp://mail.example.org:587\"");
    }
    if !has(node, "from") {
        reader.error(&node.place, "no \"from\": the address that mails are from");
    }
    let Properties { server, tls, username, password, plain_login, from, reply_to, hello } = properties;
    let login = login(username, password, node, reader);
    let server = server?;
    let policy = policy(&server, tls.as_ref(), reader)?;
    let Placed { value: Url { host, port, .. }, place } = server;
    let port = port.unwrap_or(match policy {
        Tls::Implicit => SUBMISSIONS,
        _ if is_loopback(&host) => RELAY,
        _ => SUBMISSION,
    });
    let plain = policy == Tls::None && login.is_some() && !is_loopback(&host);
    if let Some(allowed) = &plain_login {
        reader.warn(&allowed.place, of_plain_login(policy));
    } else if plain {
        let place = tls.as_ref().map_or(&place, |tls| &tls.place);
        let finding = Diagnostic::error(place, "the password would travel unencrypted");
        let help = "write \"starttls\"; if the server has no TLS and you trust the way: \"allow-plain-auth\": true";
        reader.note::<()>(finding.help(help));
    }
    let server = Server { host, port, tls: policy, login, plain_login: plain_login.is_some(), hello };
    Some((server, from?, reply_to))
}

/// When the connection is to be encrypted: as it is written, or as the address has it.
fn policy(server: &Placed<Url>, tls: Option<&Placed<Tls>>, reader: &mut Reader<'_>) -> Option<Tls> {
    let Url { encrypted, host, port } = &server.value;
    match (tls, encrypted) {
        (Some(tls), true) if tls.value != Tls::Implicit => {
            reader.wrong(&tls.place, "smtps:// is encrypted from the first byte on: write smtp:// for this")
        }
        (_, true) => Some(Tls::Implicit),
        (Some(tls), false) => Some(tls.value),
        (None, false) if *port == Some(SUBMISSIONS) => {
            let finding = Diagnostic::error(&server.place, "at port 465 a server waits for TLS before it says a word");
            reader.note(finding.help(format!("write smtps://{host}")))
        }
        (None, false) if is_loopback(host) && port.unwrap_or(RELAY) == RELAY => Some(Tls::None),
        (None, false) => Some(Tls::StartTls),
    }
}

/// What to say about a password that may travel unencrypted.
fn of_plain_login(policy: Tls) -> &'static str {
    match policy {
        Tls::None | Tls::Opportunistic => {
            "the password may travel unencrypted: whoever listens on the way can send in this account's name"
        }
        Tls::StartTls | Tls::Implicit => "of no use: nothing is sent before the connection is encrypted",
    }
}

fn has(node: &Node, name: &str) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.iter().any(|entry| entry.key == name))
}

fn login(
    username: Option<Placed<String>>,
    password: Option<Placed<Secret>>,
    node: &Node,
    reader: &mut Reader<'_>,
) -> Option<Login> {
    match (username, password) {
        (Some(username), Some(password)) => {
            // It separates them on the wire (RFC 4616).
            if username.value.contains('\0') || password.value.expose().contains('\0') {
                return reader.wrong(&username.place, "a NUL can't stand in a user's name or password");
            }
            Some(Login { username: username.value, password: password.value })
        }
        (Some(username), None) if !has(node, "password") => {
            reader.wrong(&username.place, "a user without \"password\"")
        }
        (None, Some(password)) if !has(node, "username") => {
            reader.wrong(&password.place, "a password without \"username\": most often that is the address itself")
        }
        _ => None,
    }
}

fn url(node: &Node, reader: &mut Reader<'_>) -> Option<Url> {
    let text = reader.text(node)?;
    let help = "as in smtp://mail.example.org:587, smtps://mail.example.org:465 or smtp://localhost:25";
    let parsed = text.parse::<Uri>().ok();
    if parsed.as_ref().and_then(Uri::authority).is_some_and(|authority| authority.as_str().contains('@')) {
        node.place.source.hide(node.place.span.clone());
        let message = "who sends stands in \"username\" and \"password\", not in the address";
        return reader.note(Diagnostic::error(&node.place, message).help(help));
    }
    let found = parsed.as_ref().and_then(|url| {
        let encrypted = match url.scheme_str()? {
            "smtp" => false,
            "smtps" => true,
            _ => return None,
        };
        let host = url.host()?.trim_matches(['[', ']']);
        let plain = !host.is_empty() && matches!(url.path(), "" | "/") && url.query().is_none();
        // A port that is none is no address.
        let sound = plain && (url.port().is_some() || !url.authority()?.as_str().ends_with(':'));
        sound.then(|| Url { encrypted, host: host.to_owned(), port: url.port_u16() })
    });
    found.or_else(|| reader.note(Diagnostic::error(&node.place, "expected smtp://HOST[:PORT] or smtps://").help(help)))
}

fn policies() -> Vec<&'static str> {
    Tls::ALL.iter().map(|(word, _)| *word).collect()
}

fn tls(node: &Node, reader: &mut Reader<'_>) -> Option<Tls> {
    let word = reader.text(node)?;
    let found = Tls::named(&word);
    if found.is_none() {
        let words = || Tls::ALL.iter().map(|(word, _)| *word);
        let message = format!("expected {}", words().collect::<Vec<_>>().join(", "));
        let help = did_you_mean(&word, words());
        return reader.note(Diagnostic { help, ..Diagnostic::error(&node.place, message) });
    }
    found
}

fn someone(node: &Node, reader: &mut Reader<'_>) -> Option<Mailbox> {
    let text = reader.text(node)?;
    let found = mailbox(&text);
    found.or_else(|| {
        let message = format!("\"{text}\" is no mail address: expected NAME@DOMAIN, or somebody <NAME@DOMAIN>");
        reader.wrong(&node.place, message)
    })
}

/// A name of this host for a server to see.
fn hello(node: &Node, reader: &mut Reader<'_>) -> Option<String> {
    let name = reader.text(node)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
    if !name.is_empty() && name.chars().all(plain) {
        return Some(name);
    }
    reader.wrong(&node.place, "expected this host's name, such as db1.example.org, or [ADDRESS]")
}
