//! What would be sent, to look at: nothing here sends it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::mail::Mail;
use super::{Account, Next, Outgoing, Request};
use crate::account::AccountName;
use crate::contact::Recipient;
use crate::message::Message;
use crate::message::media::Media;

/// Characters of a request that are shown: longer than any text.
const SHOWN: usize = 16 * 1024;

/// What one recipient would get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The contact's name.
    pub contact: String,
    /// The ways, in order: account and address.
    pub ways: Vec<(AccountName, String)>,
    /// The first request to the provider of the first way, secrets masked, a line each; the error says why there is none.
    pub request: Result<Vec<String>, String>,
}

impl Preview {
    /// What `recipient` would get of a message and what it brings.
    pub fn of(
        recipient: &Recipient,
        accounts: &BTreeMap<AccountName, Arc<Account>>,
        message: &Message,
        media: Option<&Media>,
    ) -> Preview {
        let ways = recipient.ways.iter().map(|way| (way.account.clone(), way.address.text.clone())).collect();
        let request = first_request(recipient, accounts, message, media);
        Preview { contact: recipient.contact.clone(), ways, request }
    }
}

impl fmt::Display for Preview {
    /// The ways in one line, and below it the request.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways: Vec<_> = self.ways.iter().map(|(account, address)| format!("{account} to {address}")).collect();
        writeln!(f, "{}: {}", self.contact, ways.join(", then "))?;
        match &self.request {
            Ok(lines) => lines.iter().try_for_each(|line| writeln!(f, "  {line}")),
            Err(why) => writeln!(f, "  refused: {why}"),
        }
    }
}

fn first_request(
    recipient: &Recipient,
    accounts: &BTreeMap<AccountName, Arc<Account>>,
    message: &Message,
    media: Option<&Media>,
) -> Result<Vec<String>, String> {
    let Some(way) = recipient.ways.first() else { return Err("there is no way to reach it".to_owned()) };
    let account = accounts.get(&way.account).ok_or_else(|| format!("the account {} is broken", way.account))?;
    let (contact, key, now) = (&recipient.contact, "dry-run".to_owned(), message.accepted_at);
    let outgoing = Outgoing::of(message, media, contact, way, account, key, now);
    match account.provider.converse(&outgoing, &[]) {
        Ok(Next::Ask(request)) => Ok(shown(&request)),
        Ok(Next::Done(_)) => Ok(Vec::new()),
        Err(why) => Err(why.to_string()),
    }
}

fn shown(request: &Request) -> Vec<String> {
    match request {
        Request::Http(request) => vec![format!("{request:?}"), body_shown(&request.body)],
        Request::Mail(mail) => mail_shown(mail),
        Request::Login(server) => vec![format!("log in to {server}")],
        Request::Exec(command) if command.stdin.is_empty() => vec![format!("{:?}", command.argv)],
        Request::Exec(command) => {
            vec![format!("{:?} < {:?}", command.argv, String::from_utf8_lossy(&command.stdin))]
        }
        Request::Print { line, .. } => vec![line.clone()],
        Request::Offer(item) => vec![format!("a device would fetch {item}")],
    }
}

/// A body as a terminal can show it: a picture is no text, and one in base64 is nothing to read.
fn body_shown(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) if text.chars().nth(SHOWN).is_some() => {
            format!("{}… ({} bytes)", text.chars().take(SHOWN).collect::<String>(), body.len())
        }
        Ok(text) => text.to_owned(),
        Err(_) => format!("({} bytes that are no text)", body.len()),
    }
}

/// The mail as its reader sees it, below the server that would take it.
fn mail_shown(mail: &Mail) -> Vec<String> {
    let Mail { server, from, reply_to, to, subject, text, attachment, .. } = mail;
    let mut lines = vec![format!("by {server}"), format!("From: {from}")];
    lines.extend(reply_to.iter().map(|mailbox| format!("Reply-To: {mailbox}")));
    lines.extend([format!("To: {to}"), format!("Subject: {subject}"), text.clone()]);
    lines.extend(attachment.as_ref().map(|media| format!("attached: {}", media.label())));
    lines
}
