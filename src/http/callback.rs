//! What providers call: `/callbacks/<account>/<secret>`.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::sync::oneshot;

use super::outcome::Outcome;
use super::site::Site;
use super::{Body, Peer};
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::contact::Directory;
use crate::dispatch::hear::hear;
use crate::hook::admit::{Refusal, WRONG_TOKEN_DELAY};
use crate::message::news::News;
use crate::outbox::{Outbox, OutboxError};
use crate::provider::Account;
use crate::provider::callback::{Call, Callback, Proof};
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
    let of_pull = |account: &Arc<Account>| account.provider.pull().map_or(&[][..], |pull| pull.tokens()).to_vec();
    let accounts = || config.accounts.values();
    let of_pull = accounts().flat_map(of_pull);
    let secrets = accounts().flat_map(|account| account.callback_secrets.clone()).chain(of_pull);
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
    if !matches!(parts.method, Method::GET | Method::POST) {
        tracing::warn!(account = %name, peer = peer.shown, method = %parts.method, "refused: a callback is a POST");
        return Outcome::Refused(Refusal::Method);
    }
    let body = match body.known_if(true).read(MAX_BODY, BODY_TIME).await {
        Ok(body) => body,
        Err(fault) => {
            tracing::warn!(account = %name, peer = peer.shown, "refused: a callback: {fault}");
            return Outcome::Body(fault);
        }
    };
    let (query, _) = pairs(parts.uri.query().unwrap_or_default().as_bytes(), Broken::Kept);
    let url = Some(site.base()).filter(|base| !base.is_empty()).map(|base| format!("{base}{}", parts.uri));
    let now = site.means.clock.now();
    let headers = &parts.headers;
    let call = Call { method: &parts.method, url: url.as_deref(), query: &query, headers, body: &body, now };
    if let Some(answer) = callback.challenge(&call) {
        return challenged(name, callback, answer, peer, now);
    }
    if parts.method == Method::GET && !callback.takes_get() {
        tracing::warn!(account = %name, peer = peer.shown, "refused: a callback's GET without the right verify-token");
        return Outcome::Unproven;
    }
    match callback.verify(&call) {
        Ok(Proof::Signature) => {}
        Ok(Proof::Path) => tracing::debug!(account = %name, "a callback is believed by its path alone"),
        Err(why) => {
            tracing::warn!(account = %name, peer = peer.shown, "refused: a callback: {why}");
            return Outcome::Unproven;
        }
    }
    let news = match all_news(config, account, &call) {
        Ok(news) => news,
        Err(why) => {
            tracing::warn!(account = %name, peer = peer.shown, "a callback can't be read: {why}");
            return Outcome::Wrong("this is no callback that can be read".to_owned());
        }
    };
    take(site, &config.directory, news).await
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

/// A provider asked whether it reaches us.
fn challenged(account: &AccountName, callback: &dyn Callback, answer: String, peer: &Peer, now: Timestamp) -> Outcome {
    tracing::info!(%account, peer = peer.shown, "its provider reaches us: callbacks are set up");
    let bare = Call { method: &Method::POST, url: None, query: &[], headers: &HeaderMap::new(), body: &[], now };
    if callback.verify(&bare) == Ok(Proof::Path) {
        tracing::warn!(%account, "callbacks are not signed: whoever learns their URL is believed");
    }
    Outcome::Challenge(answer)
}

/// What a call tells each account. A provider may know one address for several of them: those that have its signature, too,
/// take from the call what is theirs.
fn all_news(config: &Config, called: &Arc<Account>, call: &Call<'_>) -> Result<Vec<(AccountName, Vec<News>)>, String> {
    let is_signed = |account: &&Arc<Account>| {
        let callback = account.provider.callback().filter(|_| account.kind == called.kind);
        callback.is_some_and(|callback| callback.verify(call) == Ok(Proof::Signature))
    };
    let others = config.accounts.values().filter(|account| account.name != called.name).filter(is_signed);
    let mut all = Vec::new();
    for account in std::iter::once(called).chain(others) {
        let Some(callback) = account.provider.callback() else { continue };
        let news: Vec<News> = callback.parse(call)?.into_iter().map(|news| account.masked_news(news)).collect();
        if !news.is_empty() {
            all.push((account.name.clone(), news));
        }
    }
    Ok(all)
}

/// Writes the news down. Only then is the provider told that we have it: else it comes again.
pub(super) async fn take(site: &Site, contacts: &Arc<Directory>, news: Vec<(AccountName, Vec<News>)>) -> Outcome {
    if news.is_empty() {
        return Outcome::Heard;
    }
    let Some(outbox) = site.means.outbox.get().cloned() else { return Outcome::NotStored };
    let (tell, told) = oneshot::channel();
    let contacts = Arc::clone(contacts);
    // The provider may hang up; what was heard is told all the same.
    site.means.tasks.spawn(async move {
        tell.send(hear_all(&outbox, &contacts, news).await).ok();
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

async fn hear_all(
    outbox: &Outbox,
    contacts: &Directory,
    news: Vec<(AccountName, Vec<News>)>,
) -> Result<(), OutboxError> {
    for (account, news) in news {
        hear(outbox, contacts, &account, news).await?;
    }
    Ok(())
}
