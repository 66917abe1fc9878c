//! What would be sent, to look at: nothing here sends it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::mail::Mail;
use super::{Account, HttpRequest, Next, Outgoing, Request};
use crate::account::AccountName;
use crate::contact::Recipient;
use crate::message::Message;
use crate::message::media::Media;
use crate::url::{Broken, pairs};

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
        Ok(Next::Ask(request)) => Ok(shown(&request, &outgoing, account)),
        Ok(Next::Done(_)) => Ok(Vec::new()),
        Err(why) => Err(why.to_string()),
    }
}

/// A request by which an account sends something, for people: a line each, secrets masked.
pub fn shown(request: &Request, outgoing: &Outgoing, account: &Account) -> Vec<String> {
    let lines = match request {
        Request::Http(request) => http_shown(request),
        Request::Mail(mail) => mail_shown(mail),
        Request::Login(server) => vec![format!("log in to {server}")],
        Request::Exec(command) if command.stdin.is_empty() => vec![format!("{:?}", command.argv)],
        Request::Exec(command) => {
            vec![format!("{:?} < {:?}", command.argv, String::from_utf8_lossy(&command.stdin))]
        }
        Request::Print { line, .. } => vec![line.clone()],
        Request::Offer(item) => vec![format!("a device would fetch {item}")],
    };
    lines.into_iter().map(|line| account.masked(&cut(line), outgoing.callback.as_ref())).collect()
}

/// As much as a terminal can show: a picture in base64 is nothing to read.
fn cut(line: String) -> String {
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Method and address, a line for each header, and the body; a form with a line for each field.
fn http_shown(request: &HttpRequest) -> Vec<String> {
    let HttpRequest { method, shown_url, headers, body, .. } = request;
    let value = |value: &HeaderValue| match value.is_sensitive() {
        true => "[secret]".to_owned(),
        false => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    let mut lines = vec![format!("{method} {shown_url}")];
    lines.extend(headers.iter().map(|(name, text)| format!("{name}: {}", value(text))));
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/x-www-form-urlencoded") {
        let (fields, _) = pairs(body, Broken::Kept);
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        lines.extend(fields.iter().map(|(name, value)| format!("{} = {}", text(name), text(value))));
    } else if !body.is_empty() {
        let bytes = || format!("({} bytes that are no text)", body.len());
        lines.push(std::str::from_utf8(body).map_or_else(|_| bytes(), str::to_owned));
    }
    lines
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
