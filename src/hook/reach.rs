//! Names in a hook → accounts, contacts, and the ways between them.

use super::Known;
use crate::account::{AccountDirectory, AccountName};
use crate::contact::{Contact, Recipient, Way};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::node::{Placed, Reader};

/// The accounts that these names mean; none after a mistake.
pub(super) fn accounts_of(
    names: &[Placed<String>],
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Vec<AccountName>> {
    let found = names.iter().map(|name| {
        let account = AccountName::new(&name.value);
        if known.accounts.contains_key(&account) {
            return Some(account);
        }
        let finding = Diagnostic::error(&name.place, format!("no account is called \"{}\"", name.value));
        let help = did_you_mean(&name.value, known.accounts.keys().map(AccountName::as_str));
        reader.note(Diagnostic { help, ..finding })
    });
    // All of them are looked at, so that all mistakes are told.
    found.collect::<Vec<_>>().into_iter().collect()
}

/// The recipients that these names mean, by the accounts of `via` and `also`; without those only the names are judged.
/// None after a mistake.
pub(super) fn recipients(
    names: &[Placed<String>],
    via_and_also: Option<(&[AccountName], &[AccountName])>,
    known: &Known,
    reader: &mut Reader<'_>,
) -> Option<Vec<Recipient>> {
    let mut contacts: Vec<&Contact> = Vec::new();
    let mut whole = true;
    for name in names {
        let Some(found) = known.directory.named(&name.value) else {
            whole = false;
            if known.directory.broken.contains(&name.value) {
                let _: Option<()> = reader.wrong(&name.place, format!("\"{}\" has mistakes of its own", name.value));
                continue;
            }
            let message = format!("nobody is called \"{}\": neither a contact nor a list", name.value);
            let help = did_you_mean(&name.value, known.directory.names());
            let _: Option<()> = reader.note(Diagnostic { help, ..Diagnostic::error(&name.place, message) });
            continue;
        };
        for contact in found {
            if contacts.iter().any(|known| known.name == contact.name) {
                continue;
            }
            if let Some((via, _)) = via_and_also
                && let Err(why) = contact.ways(via, &known.accounts)
            {
                let _: Option<()> = reader.wrong(&name.place, why);
                whole = false;
            }
            contacts.push(contact);
        }
    }
    let (via, also) = via_and_also.filter(|_| whole)?;
    match ways_of(contacts, via, also, &known.accounts) {
        Ok(recipients) => Some(recipients),
        Err(why) => names.first().and_then(|name| reader.wrong(&name.place, why)),
    }
}

/// The recipients that these contacts make, copies included; those with equal ways are one.
/// The error names a contact that can't be reached.
pub fn ways_of<'a>(
    contacts: impl IntoIterator<Item = &'a Contact>,
    via: &[AccountName],
    also: &[AccountName],
    accounts: &AccountDirectory,
) -> Result<Vec<Recipient>, String> {
    let mut recipients: Vec<Recipient> = Vec::new();
    let mut add = |contact: &str, ways: Vec<Way>| match recipients.iter_mut().find(|known| known.ways == ways) {
        Some(known) if known.contact.split(", ").any(|name| name == contact) => {}
        Some(known) => known.contact = format!("{}, {contact}", known.contact),
        None => recipients.push(Recipient { contact: contact.to_owned(), ways }),
    };
    for contact in contacts {
        add(&contact.name, contact.ways(via, accounts)?);
        for account in also {
            // A copy that finds no address is no reason to refuse the message itself.
            if let Ok(ways) = contact.ways(std::slice::from_ref(account), accounts) {
                add(&contact.name, ways);
            }
        }
    }
    Ok(recipients)
}
