//! What would be sent, to look at: nothing here sends it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::mail::Mail;
use super::{Account, Next, Outgoing, Request};
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::contact::Recipient;
use crate::message::Priority;
use crate::message::delivery::Form;

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
    /// What `recipient` would get at `now`.
    pub fn of(
        recipient: &Recipient,
        accounts: &BTreeMap<AccountName, Arc<Account>>,
        title: Option<&str>,
        text: &str,
        now: Timestamp,
    ) -> Preview {
        let ways = recipient.ways.iter().map(|way| (way.account.clone(), way.address.text.clone())).collect();
        let request = first_request(recipient, accounts, title, text, now);
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
    title: Option<&str>,
    text: &str,
    now: Timestamp,
) -> Result<Vec<String>, String> {
    let Some(way) = recipient.ways.first() else { return Err("there is no way to reach it".to_owned()) };
    let account = accounts.get(&way.account).ok_or_else(|| format!("the account {} is broken", way.account))?;
    let outgoing = Outgoing {
        key: "dry-run".to_owned(),
        contact: recipient.contact.clone(),
        address: way.address.clone(),
        title: title.map(str::to_owned),
        text: text.to_owned(),
        priority: Priority::default(),
        thread: None,
        accepted_at: now,
        form: Form::Best,
        window_open: false,
        link: None,
        now,
    };
    match account.provider.converse(&outgoing, &[]) {
        Ok(Next::Ask(request)) => Ok(shown(&request)),
        Ok(Next::Done(_)) => Ok(Vec::new()),
        Err(why) => Err(why.to_string()),
    }
}

fn shown(request: &Request) -> Vec<String> {
    match request {
        Request::Http(request) => vec![format!("{request:?}"), String::from_utf8_lossy(&request.body).into_owned()],
        Request::Mail(mail) => mail_shown(mail),
        Request::Login(server) => vec![format!("log in to {server}")],
        Request::Exec(command) if command.stdin.is_empty() => vec![format!("{:?}", command.argv)],
        Request::Exec(command) => {
            vec![format!("{:?} < {:?}", command.argv, String::from_utf8_lossy(&command.stdin))]
        }
        Request::Print { line, .. } => vec![line.clone()],
    }
}

/// The mail as its reader sees it, below the server that would take it.
fn mail_shown(mail: &Mail) -> Vec<String> {
    let Mail { server, from, reply_to, to, subject, text, .. } = mail;
    let mut lines = vec![format!("by {server}"), format!("From: {from}")];
    lines.extend(reply_to.iter().map(|mailbox| format!("Reply-To: {mailbox}")));
    lines.extend([format!("To: {to}"), format!("Subject: {subject}"), text.clone()]);
    lines
}
