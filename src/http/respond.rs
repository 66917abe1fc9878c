//! The two faces of a site: hooks for everybody, control for this host.

use std::sync::Arc;

use http::Method;
use http::request::Parts;
use tracing::Instrument as _;

use super::call_log::{self, CallLog};
use super::outcome::{Dress, Outcome, wants_json};
use super::router::{Known, Route};
use super::site::{Answer, Site};
use super::{Body, Peer, Respond, api, callback, hooks, pull};
use crate::config::Config;
use crate::hook::HookId;
use crate::hook::catalog::Slot;
use crate::message::{Message, MessageId};
use crate::request::mask;
use crate::url::{Broken, decode_path, pairs, values_of};

/// The main listener: hooks, and where their messages stand.
#[derive(Clone)]
pub struct Front(pub Arc<Site>);

/// The listener of `-callbacks`: what providers call, and nothing else.
#[derive(Clone)]
pub struct Callbacks(pub Arc<Site>);

/// The control socket: `/api/v1`.
#[derive(Clone)]
pub struct Control(pub Arc<Site>);

impl Respond for Front {
    async fn respond(&self, parts: &Parts, body: Body, peer: &Peer) -> Answer {
        match call_log::span(self.0.ids, &parts.headers) {
            Some(span) => self.answer_and_log(parts, body, peer).instrument(span).await,
            None => {
                let config = self.0.live.current();
                let route = self.route(&config, parts);
                self.answer(&config, route, parts, body, peer, None).await
            }
        }
    }
}

impl Front {
    /// upstream: what the router answers by itself passes no log.
    async fn answer_and_log(&self, parts: &Parts, body: Body, peer: &Peer) -> Answer {
        let config = self.0.live.current();
        let route = self.route(&config, parts);
        let by_router = matches!(route, Route::Redirect(_) | Route::Server | Route::Nowhere | Route::Malformed);
        // A callback's path is a secret, a device may show its own in the URL, and behind a link is what people read.
        let private = matches!(route, Route::Callback(_) | Route::Pull(_))
            || matches!(route, Route::Message(_) | Route::Media(_) if key_in(parts).is_some());
        if by_router || private {
            return self.answer(&config, route, parts, body, peer, None).await;
        }
        let hook = match &route {
            Route::Hook(id) => config.hooks.find(id),
            _ => None,
        };
        let hook = hook.and_then(|slot| if let Slot::Ready(hook) = slot { Some(hook) } else { None });
        let log = CallLog::begin(parts, peer, hook);
        let mut answer = self.answer(&config, route, parts, body, peer, Some(&log)).await;
        log.end(parts, &mut answer).await;
        answer
    }

    fn route(&self, config: &Config, parts: &Parts) -> Route {
        let known = |id: &HookId| match config.hooks.find(id) {
            Some(Slot::Ready(hook)) if hook.action.send().is_some() => Known::Sends,
            Some(_) => Known::Runs,
            None => Known::No,
        };
        self.0.router.route(&parts.method, parts.uri.path(), parts.uri.query(), known)
    }

    async fn answer(
        &self,
        config: &Arc<Config>,
        route: Route,
        parts: &Parts,
        body: Body,
        peer: &Peer,
        log: Option<&CallLog>,
    ) -> Answer {
        let site = &*self.0;
        let outcome = match route {
            Route::Hook(id) => return hooks::serve(site, config, &id, parts, body, peer, log).await,
            Route::Message(id) if config.sends() && matches!(parts.method, Method::GET | Method::HEAD) => {
                let dress = Dress { json: wants_json(&parts.headers), ..Dress::NONE };
                return self.message(&id, key_in(parts)).await.into_response(dress);
            }
            Route::Media(id) if config.sends() && matches!(parts.method, Method::GET | Method::HEAD) => {
                return self.media(&id, key_in(parts)).await.into_response(Dress::NONE);
            }
            Route::Callback(called) if callback::is_expected(config) && !site.callbacks.apart => {
                return callback::serve(site, config, &called, parts, body, peer).await.into_response(Dress::NONE);
            }
            Route::Pull(called) if pull::is_expected(config) && !site.callbacks.apart => {
                return pull::serve(site, config, &called, parts, body, peer).await.into_response(Dress::NONE);
            }
            Route::Root => {
                return Outcome::Alive.into_response(Dress { global: &site.headers, ..Dress::NONE });
            }
            Route::Server => return Outcome::Server.into_response(Dress::NONE),
            Route::Redirect(to) => Outcome::Moved(to),
            Route::Callback(_) => {
                tracing::warn!(peer = peer.shown, "refused: callbacks are not heard here");
                return Outcome::Nowhere.into_response(Dress::NONE);
            }
            Route::Pull(_) => {
                tracing::warn!(peer = peer.shown, "refused: phones are not heard here");
                return Outcome::Nowhere.into_response(Dress::NONE);
            }
            Route::Message(_) | Route::Media(_) | Route::Nowhere => Outcome::Nowhere,
            Route::Malformed => Outcome::Malformed,
        };
        if !matches!(outcome, Outcome::Moved(_)) {
            let target = callback::masked(config, mask::target(&parts.uri));
            tracing::warn!(peer = peer.shown, target, "refused: there is nothing at this path");
        }
        outcome.into_response(Dress::NONE)
    }

    /// Where a message stands; whoever was sent its link sees the whole of it.
    async fn message(&self, id: &str, key: Option<Vec<u8>>) -> Outcome {
        let Ok(id) = id.parse::<MessageId>() else { return Outcome::UnknownMessage };
        let Some(outbox) = self.0.means.outbox.get() else { return Outcome::Unavailable };
        match outbox.find(id).await {
            Ok(Some(status)) if key.zip(self.0.means.links.get()).is_some_and(|(key, links)| links.admit(id, &key)) => {
                let Message { title, text, .. } = status.message;
                Outcome::Whole(title.map_or_else(|| text.clone(), |title| format!("{title}\n{text}")) + "\n")
            }
            Ok(Some(status)) => Outcome::Status(Box::new(status)),
            Ok(None) => Outcome::UnknownMessage,
            Err(why) => {
                tracing::error!(%id, "the outbox could not be asked: {why}");
                Outcome::Unavailable
            }
        }
    }

    /// What a message brought, for whoever was sent the link to it. To others there is nothing of the kind.
    async fn media(&self, id: &str, key: Option<Vec<u8>>) -> Outcome {
        let Ok(id) = id.parse::<MessageId>() else { return Outcome::UnknownMessage };
        let Some(outbox) = self.0.means.outbox.get() else { return Outcome::Unavailable };
        if !key.zip(self.0.means.links.get()).is_some_and(|(key, links)| links.admit_to_media(id, &key)) {
            return Outcome::UnknownMessage;
        }
        let found = match outbox.find(id).await {
            Ok(status) => outbox.media(id).await.map(|bytes| status.and_then(|status| status.media).zip(bytes)),
            Err(why) => Err(why),
        };
        match found {
            Ok(Some(media)) => Outcome::Media(Box::new(media)),
            Ok(None) => Outcome::UnknownMessage,
            Err(why) => {
                tracing::error!(%id, "the outbox could not be asked: {why}");
                Outcome::Unavailable
            }
        }
    }
}

/// What a link to our pages has.
fn key_in(parts: &Parts) -> Option<Vec<u8>> {
    let (query, _) = pairs(parts.uri.query()?.as_bytes(), Broken::Kept);
    values_of(&query, "key").next().map(<[u8]>::to_vec)
}

impl Respond for Callbacks {
    async fn respond(&self, parts: &Parts, body: Body, peer: &Peer) -> Answer {
        let config = self.0.live.current();
        let (path, query) = (parts.uri.path(), parts.uri.query());
        let outcome = match self.0.router.route(&parts.method, path, query, |_| Known::No) {
            Route::Callback(called) => callback::serve(&self.0, &config, &called, parts, body, peer).await,
            Route::Pull(called) if pull::is_expected(&config) => {
                pull::serve(&self.0, &config, &called, parts, body, peer).await
            }
            _ => {
                tracing::warn!(peer = peer.shown, "refused: only callbacks are heard here");
                Outcome::Nowhere
            }
        };
        outcome.into_response(Dress::NONE)
    }
}

/// The hook of `POST /api/v1/hooks/ID`: a call of it by somebody on this host, as a caller with a token would make it.
fn called(parts: &Parts) -> Option<HookId> {
    let id = parts.uri.path().strip_prefix("/api/v1/hooks/").filter(|_| parts.method == Method::POST)?;
    Some(HookId::new(std::str::from_utf8(&decode_path(id)?).ok()?))
}

impl Respond for Control {
    async fn respond(&self, parts: &Parts, body: Body, _peer: &Peer) -> Answer {
        if let Some(id) = called(parts) {
            let operator = Peer { shown: "the control socket".to_owned(), ip: None, operator: true };
            return hooks::serve(&self.0, &self.0.live.current(), &id, parts, body, &operator, None).await;
        }
        let outcome = api::control(&self.0, &parts.method, &parts.uri, body).await;
        outcome.into_response(Dress { json: true, sends: true, base: self.0.base(), ..Dress::NONE })
    }
}
