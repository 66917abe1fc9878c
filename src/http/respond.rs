//! The two faces of a site: hooks for everybody, control for this host.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use super::outcome::{Dress, Outcome, wants_json};
use super::router::{Known, Route};
use super::site::{Answer, Site};
use super::{Body, Peer, Respond, api, hooks};
use crate::hook::HookId;
use crate::hook::catalog::Slot;
use crate::message::MessageId;

/// The main listener: hooks, and where their messages stand.
#[derive(Clone)]
pub struct Front(pub Arc<Site>);

/// The control socket: `/api/v1`.
#[derive(Clone)]
pub struct Control(pub Arc<Site>);

impl Respond for Front {
    async fn respond(&self, request: Request<Body>, peer: Arc<Peer>) -> Answer {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        hooks::log_head(&parts, &peer);
        let answer = self.answer(&parts, body, &peer).await;
        let (status, took) = (answer.status().as_u16(), began.elapsed());
        log_answer(&answer).await;
        tracing::debug!(peer = peer.shown, "{status} | {took:?} | {} {}", parts.method, hooks::masked_target(&parts));
        answer
    }
}

/// The peer's dump of an answer.
async fn log_answer(answer: &Answer) {
    if !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    tracing::trace!("< {}", answer.status());
    for (name, value) in answer.headers() {
        tracing::trace!("< {name}: {}", hooks::masked_header(name, value));
    }
    let Ok(body) = answer.body().clone().collect().await;
    let body = body.to_bytes();
    if !body.is_empty() {
        tracing::trace!("< {}", String::from_utf8_lossy(&body));
    }
}

impl Front {
    async fn answer(&self, parts: &Parts, body: Body, peer: &Peer) -> Answer {
        let site = &*self.0;
        let config = site.live.current();
        let known = |id: &HookId| match config.hooks.find(id) {
            Some(Slot::Ready(hook)) if hook.action.send().is_some() => Known::Sends,
            Some(_) => Known::Runs,
            None => Known::No,
        };
        let route = site.router.route(&parts.method, parts.uri.path(), parts.uri.query(), known);
        let outcome = match route {
            Route::Hook(id) => return hooks::serve(site, &config, &id, parts, body, peer).await,
            Route::Message(id) if config.sends && matches!(parts.method, Method::GET | Method::HEAD) => {
                let dress = Dress { json: wants_json(&parts.headers), ..Dress::NONE };
                return self.message(&id).await.into_response(dress);
            }
            Route::Root => {
                return Outcome::Alive.into_response(Dress { global: &site.headers, ..Dress::NONE });
            }
            Route::Server => return Outcome::Server.into_response(Dress::NONE),
            Route::Redirect(to) => Outcome::Moved(to),
            Route::Message(_) | Route::Nowhere => Outcome::Nowhere,
            Route::Malformed => Outcome::Malformed,
        };
        if !matches!(outcome, Outcome::Moved(_)) {
            let target = hooks::masked_target(parts);
            tracing::warn!(peer = peer.shown, target, "refused: there is nothing at this path");
        }
        outcome.into_response(Dress::NONE)
    }

    async fn message(&self, id: &str) -> Outcome {
        let (Ok(id), Some(outbox)) = (id.parse::<MessageId>(), self.0.means.outbox.get()) else {
            return Outcome::UnknownMessage;
        };
        match outbox.find(id).await {
            Ok(Some(status)) => Outcome::Status(Box::new(status)),
            Ok(None) => Outcome::UnknownMessage,
            Err(why) => {
                tracing::error!(%id, "the outbox could not be asked: {why}");
                Outcome::Unavailable
            }
        }
    }
}

impl Respond for Control {
    async fn respond(&self, request: Request<Body>, _peer: Arc<Peer>) -> Answer {
        let (parts, body) = request.into_parts();
        let outcome = api::control(&self.0, &parts.method, parts.uri.path(), body).await;
        outcome.into_response(Dress { json: true, sends: true, ..Dress::NONE })
    }
}
