//! Whether the accounts would work, asked of their providers.

use crate::account::AccountName;
use crate::clock::Clock;
use crate::config::Config;
use crate::config::compile::Compiled;
use crate::diagnostic::{Diagnostic, Severity};
use crate::dispatch::probe::probe;
use crate::dispatch::transport::carriers;
use crate::provider::Account;
use crate::provider::probe::{Inquiry, Learned};

/// What one account's provider says.
pub(super) struct Asked {
    /// The account.
    pub(super) account: AccountName,
    /// Its provider.
    pub(super) provider: &'static str,
    /// Whether a message would go out now, as far as can be told.
    pub(super) works: bool,
    /// What is well, or why nothing is.
    pub(super) says: String,
}

/// Asks about every account that could be opened; nothing reaches anybody. What is wrong becomes findings at the accounts.
pub(super) async fn ask(compiled: &Compiled) -> (Vec<Asked>, Vec<Diagnostic>) {
    let (carriers, now) = (carriers(), Clock::system().now());
    let (mut all, mut findings) = (Vec::new(), Vec::new());
    for (name, account) in &compiled.config.accounts {
        let about = Inquiry { contacts: contacts(&compiled.config, account), now };
        let learned = probe(account, &*carriers(&account.transport), &about).await;
        let place = compiled.account_places.get(name);
        let at = |severity, message: String| match place {
            Some(place) => Diagnostic { severity, ..Diagnostic::error(place, message) },
            None => Diagnostic { severity, ..Diagnostic::without_place(message) },
        };
        let (works, says) = match learned {
            Ok(Learned { well, faults }) => {
                let works = !faults.iter().any(|fault| fault.is_error);
                findings.extend(faults.into_iter().map(|fault| {
                    let severity = if fault.is_error { Severity::Error } else { Severity::Warning };
                    Diagnostic { help: fault.help, ..at(severity, fault.message) }
                }));
                (works, well)
            }
            Err(why) => {
                findings.push(at(Severity::Error, format!("the account would not work: {why}")));
                (false, why.to_string())
            }
        };
        all.push(Asked { account: name.clone(), provider: account.kind, works, says });
    }
    (all, findings)
}

/// Whom the account writes to.
fn contacts(config: &Config, account: &Account) -> Vec<(String, String)> {
    let all = config.directory.contacts.values();
    let addressed = all.filter_map(|contact| Some((contact, contact.address(&account.name, &account.takes)?)));
    addressed.map(|(contact, address)| (contact.name.clone(), address.text)).collect()
}
