//! What every answer is made with.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::body::Bytes;

use super::complaint::{Complaints, Rejections};
use super::prefix::Prefix;
use super::refusals::Refusals;
use super::request_id::RequestIds;
use super::router::Router;
use crate::action::Means;
use crate::config::LiveConfig;
use crate::message::link::Links;
use crate::metrics::Metrics;
use crate::tasks::Tasks;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// Where providers' calls are heard.
#[derive(Clone, Debug, Default)]
pub struct CallbackFace {
    /// Whether they have a listener of their own.
    pub apart: bool,
    /// What stands before the paths of their URLs, where somebody said how the world reaches us.
    pub base: Option<String>,
}

/// Everything that answers are made with; shared by all listeners.
pub struct Site {
    /// The configuration of the moment.
    pub(super) live: LiveConfig,
    /// What actions are done with.
    pub(super) means: Means,
    /// The paths.
    pub(super) router: Router,
    /// `-header`: on everything that a hook answers.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// How calls are named in the log.
    pub(super) ids: RequestIds,
    /// Where providers' calls are heard.
    pub(super) callbacks: CallbackFace,
    /// Who guesses.
    pub(super) wrong_tokens: Complaints,
    /// Whose rules reject calls.
    pub(super) rejections: Rejections,
    /// What is written down of refused calls.
    pub(super) refusals: Refusals,
    /// The connections' family: once it is told to stop nobody waits for anything any more.
    pub(super) edge: Tasks,
}

impl Site {
    /// A site with its hooks under `prefix`.
    pub fn new(
        live: LiveConfig,
        means: Means,
        prefix: Prefix,
        headers: Vec<(HeaderName, HeaderValue)>,
        ids: RequestIds,
        callbacks: CallbackFace,
        edge: Tasks,
    ) -> Arc<Site> {
        let (router, wrong_tokens, rejections) = (Router::new(prefix), Complaints::default(), Rejections::default());
        let refusals = Refusals::default();
        Arc::new(Site { live, means, router, headers, ids, callbacks, wrong_tokens, rejections, refusals, edge })
    }

    /// What stands before the paths of our own links: nothing, where nobody said how the world reaches us.
    pub(super) fn base(&self) -> &str {
        self.means.links.get().map_or("", |links| links.base())
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.means.metrics
    }

    /// Has links answered from now on.
    pub fn answer_links(&self, links: Arc<Links>) {
        self.means.links.set(links).ok();
    }
}
