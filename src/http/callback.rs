//! What providers call: `/callbacks/<account>/<secret>`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::sync::oneshot;

use super::outcome::Outcome;
use super::site::Site;
use super::{Body, Peer};
use crate::account::{AccountName, Address};
use crate::config::Config;
use crate::contact::{Directory, line};
use crate::dispatch::log_end;
use crate::hook::admit::{Refusal, WRONG_TOKEN_DELAY};
use crate::message::news::{Inbound, News};
use crate::outbox::{Heard, Outbox, OutboxError};
use crate::provider::Account;
use crate::provider::callback::{Callback, Proof};
use crate::request::mask;
use crate::url::{Broken, pairs};

/// The largest call of a provider, in bytes. Meta's webhooks have up to 3 MB.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// How long its body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Whether anybody may call: else there is no such route.
pub(super) fn is_expected(config: &Config) -> bool {
    config.accounts.values().any(|account| !account.callback_secrets.is_empty())
}

/// A request target as it may stand in a log: a provider may be told a path with the secret in the wrong place.
pub(super) fn masked(config: &Config, target: String) -> String {
    let secrets = config.accounts.values().flat_map(|account| &account.callback_secrets);
    secrets.fold(target, |target, secret| target.replace(secret.expose(), mask::SHOWN))
}

/// One call of a provider. `called` is what follows `/callbacks/` in its path.
pub(super) async fn serve(
    site: &Site,
    config: &Arc<Config>,
    called: &str,
    parts: &Parts,
    body: Body,
    peer: &Peer,
) -> Outcome {
    let Some((account, callback)) = account_of(config, called) else {
        if let Some(times) = site.wrong_tokens.due(peer.ip) {
            tracing::warn!(peer = peer.shown, times, "refused: a callback for no account, or with a wrong secret");
        }
        tokio::time::sleep(WRONG_TOKEN_DELAY).await;
        return Outcome::Nowhere;
    };
    let name = &account.name;
    if parts.method == Method::GET {
        return challenged(name, callback, parts, peer);
    }
    if parts.method != Method::POST {
        tracing::warn!(account = %name, peer = peer.shown, method = %parts.method, "refused: a callback is a POST");
        return Outcome::Refused(Refusal::Method);
    }
    let body = match body.read(MAX_BODY, BODY_TIME).await {
        Ok(body) => body,
        Err(fault) => {
            tracing::warn!(account = %name, peer = peer.shown, "refused: a callback: {fault}");
            return Outcome::Body(fault);
        }
    };
    match callback.verify(&parts.headers, &body) {
        Ok(Proof::Signature) => {}
        Ok(Proof::Path) => tracing::debug!(account = %name, "a callback is believed by its path alone"),
        Err(why) => {
            tracing::warn!(account = %name, peer = peer.shown, "refused: a callback: {why}");
            return Outcome::Unproven;
        }
    }
    let news = match all_news(config, account, &parts.headers, &body) {
        Ok(news) => news,
        Err(why) => {
            tracing::warn!(account = %name, peer = peer.shown, "a callback can't be read: {why}");
            return Outcome::Wrong("this is no callback that can be read".to_owned());
        }
    };
    take(site, news).await
}

/// The account that is called, if the secret is right. Every account is looked at, for a name may hold a slash.
fn account_of<'c>(config: &'c Config, called: &str) -> Option<(&'c Arc<Account>, &'c dyn Callback)> {
    let is_called = |account: &&Arc<Account>| {
        let secret = called.strip_prefix(account.name.as_str()).and_then(|rest| rest.strip_prefix('/'));
        secret.is_some_and(|secret| account.callback_secrets.iter().any(|known| known.matches(secret)))
    };
    let account = config.accounts.values().find(is_called)?;
    account.provider.callback().map(|callback| (account, callback))
}

/// A provider asks whether it reaches us.
fn challenged(account: &AccountName, callback: &dyn Callback, parts: &Parts, peer: &Peer) -> Outcome {
    let (query, _) = pairs(parts.uri.query().unwrap_or_default().as_bytes(), Broken::Kept);
    match callback.challenge(&query) {
        Some(answer) => {
            tracing::info!(%account, peer = peer.shown, "its provider reaches us: callbacks are set up");
            if callback.verify(&HeaderMap::new(), &[]) == Ok(Proof::Path) {
                tracing::warn!(%account, "callbacks are not signed: whoever learns their URL is believed");
            }
            Outcome::Challenge(answer)
        }
        None => {
            tracing::warn!(%account, peer = peer.shown, "refused: a callback's GET without the right verify-token");
            Outcome::Unproven
        }
    }
}

/// What a call tells each account. A provider may know one address for several of them: those that have its signature, too,
/// take from the call what is theirs.
fn all_news(
    config: &Config,
    called: &Arc<Account>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Vec<(AccountName, Vec<News>)>, String> {
    let is_signed = |account: &&Arc<Account>| {
        let callback = account.provider.callback().filter(|_| account.kind == called.kind);
        callback.is_some_and(|callback| callback.verify(headers, body) == Ok(Proof::Signature))
    };
    let others = config.accounts.values().filter(|account| account.name != called.name).filter(is_signed);
    let mut all = Vec::new();
    for account in std::iter::once(called).chain(others) {
        let Some(callback) = account.provider.callback() else { continue };
        let mut news = callback.parse(body)?;
        for piece in &mut news {
            if let News::Inbound(inbound) = piece {
                inbound.contact = contact_of(&config.directory, &inbound.address);
            }
        }
        if !news.is_empty() {
            all.push((account.name.clone(), news));
        }
    }
    Ok(all)
}

/// The contact with this address.
fn contact_of(directory: &Directory, address: &str) -> Option<String> {
    let has_it = |known: &Address| line(&known.text) == line(address);
    directory.contacts.values().find(|contact| contact.addresses.iter().any(has_it)).map(|contact| contact.name.clone())
}

/// Writes the news down. Only then is the provider told that we have it: else it comes again.
async fn take(site: &Site, news: Vec<(AccountName, Vec<News>)>) -> Outcome {
    if news.is_empty() {
        return Outcome::Heard;
    }
    let Some(outbox) = site.means.outbox.get().cloned() else { return Outcome::NotStored };
    let (tell, told) = oneshot::channel();
    // The provider may hang up; what was heard is told all the same.
    site.means.tasks.spawn(async move {
        tell.send(hear(&outbox, news).await).ok();
    });
    match told.await {
        Ok(Ok(())) => Outcome::Heard,
        Ok(Err(why)) => {
            tracing::error!("a callback could not be stored, and is asked for again: {why}");
            Outcome::NotStored
        }
        Err(_) => Outcome::NotStored,
    }
}

async fn hear(outbox: &Outbox, news: Vec<(AccountName, Vec<News>)>) -> Result<(), OutboxError> {
    for (account, news) in news {
        let Heard { changed, inbound } = outbox.report(&account, news).await?;
        for delivery in &changed {
            match delivery.state.is_end() {
                true => log_end(delivery),
                false => {
                    let (id, contact, reason) = (&delivery.message, &delivery.recipient.contact, &delivery.reason);
                    tracing::warn!(%id, contact, %account, reason, "it was sent, and did not arrive: it is sent again");
                }
            }
        }
        for Inbound { contact, kind, .. } in &inbound {
            let contact = contact.as_deref().unwrap_or("nobody we know");
            tracing::info!(%account, contact, kind, "a message came in");
        }
    }
    Ok(())
}
