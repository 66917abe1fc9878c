//! What providers tell, by a call or when asked: written down, and then the log is told what it changed.

use super::lane::log_end;
use crate::account::{AccountName, Address};
use crate::contact::{Directory, line};
use crate::message::news::{Inbound, News, Noted};
use crate::outbox::{Heard, Outbox, OutboxError};

/// Takes an account's news. Once this returns, the provider may forget it.
///
/// # Errors
/// It is not written down, and should be asked for again: what comes twice is known by its id.
pub async fn hear(
    outbox: &Outbox,
    contacts: &Directory,
    account: &AccountName,
    mut news: Vec<News>,
) -> Result<Heard, OutboxError> {
    for piece in &mut news {
        match piece {
            News::Inbound(inbound) => {
                inbound.contact = contact_of(contacts, &inbound.address).or(inbound.contact.take());
            }
            News::Noted(noted) => log_noted(contacts, account, noted),
            News::Told(_) | News::Standing(_) => {}
        }
    }
    let heard = outbox.report(account, news).await?;
    for delivery in &heard.changed {
        match delivery.state.is_end() {
            true => log_end(delivery),
            false => {
                let (id, contact, reason) = (&delivery.message, &delivery.recipient.contact, &delivery.reason);
                tracing::warn!(%id, contact, %account, reason, "it was sent, and did not arrive: it is sent again");
            }
        }
    }
    for Inbound { contact, address, kind, .. } in &heard.inbound {
        match contact {
            Some(contact) => tracing::info!(%account, contact, kind, "a message came in"),
            // The address is what the operator would write into a contact.
            None => tracing::info!(%account, address, kind, "a message came in, from nobody we know"),
        }
    }
    Ok(heard)
}

/// The contact with this address.
fn contact_of(contacts: &Directory, address: &str) -> Option<String> {
    let has_it = |known: &Address| line(&known.text) == line(address);
    contacts.contacts.values().find(|contact| contact.addresses.iter().any(has_it)).map(|contact| contact.name.clone())
}

fn log_noted(contacts: &Directory, account: &AccountName, noted: &Noted) {
    let Noted { address, what, lost } = noted;
    match (contact_of(contacts, address), lost) {
        (Some(contact), true) => tracing::warn!(%account, contact, address, "not reached any more: {what}"),
        (Some(contact), false) => tracing::info!(%account, contact, address, "{what}"),
        (None, true) => tracing::info!(%account, address, "{what}"),
        (None, false) => tracing::info!(%account, address, "{what}: to reach it, write this address into a contact"),
    }
}
