//! Whom an operator's message goes to.

use crate::account::AccountName;
use crate::config::Config;
use crate::contact::{self, Contact, Recipient, Via};

/// Whom a message from the command line goes to.
///
/// # Errors
/// In words for the one who typed it: nobody of that name, no such account, no way.
pub fn recipients(config: &Config, to: &[String], via: &[String]) -> Result<Vec<Recipient>, String> {
    let via: Vec<Via> = via.iter().map(|name| Via::account(AccountName::new(name))).collect();
    if let Some(unknown) = via.iter().find(|via| !config.account_directory.contains_key(&via.account)) {
        return Err(format!("no account is called \"{}\"", unknown.account));
    }
    let mut contacts: Vec<Contact> = Vec::new();
    for name in to {
        contacts.extend(config.directory.called(name)?);
    }
    let accounts = &config.account_directory;
    let undecided = contacts.iter().find(|contact| via.is_empty() && contact.via.is_empty());
    if let Some(contact) = undecided.filter(|_| accounts.len() > 1) {
        let flags: Vec<_> = accounts.keys().map(|account| format!("-via {account}")).collect();
        return Err(format!("no way to {}: name an account: {}", contact.name, flags.join(" or ")));
    }
    contact::recipients(&contacts, &via, &[], accounts)
}
