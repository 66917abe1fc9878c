//! What every answer is made with.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::body::Bytes;

use super::complaint::Complaints;
use super::prefix::Prefix;
use super::request_id::RequestIds;
use super::router::Router;
use crate::action::Means;
use crate::config::LiveConfig;

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

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
    /// Who guesses.
    pub(super) wrong_tokens: Complaints,
}

impl Site {
    /// A site with its hooks under `prefix`.
    pub fn new(
        live: LiveConfig,
        means: Means,
        prefix: Prefix,
        headers: Vec<(HeaderName, HeaderValue)>,
        ids: RequestIds,
    ) -> Arc<Site> {
        Arc::new(Site { live, means, router: Router::new(prefix), headers, ids, wrong_tokens: Complaints::default() })
    }
}
