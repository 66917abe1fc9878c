//! The admin listener: `/api/v1` as on the control socket, and what monitors and Prometheus ask.
//!
//! On loopback the probes and the metrics need no token, and the `Host` header must be an address or localhost: else a page
//! of any site could read them, by a name of its own that leads here. Where other hosts reach it, the metrics need the
//! token, too, and `/readyz` tells only which check fails.

pub mod gate;
pub(super) mod health;
mod seen;

use std::sync::Arc;

use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Method};

use self::gate::{Denial, Gate};
use self::health::{Probe, Readiness};
use super::outcome::{Dress, Outcome, wants_json};
use super::site::{Answer, Site};
use super::{Body, Peer, Respond, api};
use crate::hook::admit::{Refusal, WRONG_TOKEN_DELAY};
use crate::metrics::Format;

/// The admin listener.
#[derive(Clone)]
pub struct Admin {
    site: Arc<Site>,
    gate: Arc<Gate>,
    probe: Arc<Probe>,
}

impl Admin {
    /// One that lets in whom `gate` does.
    pub fn new(site: Arc<Site>, gate: Gate) -> Admin {
        Admin { site, gate: Arc::new(gate), probe: Arc::default() }
    }
}

impl Respond for Admin {
    async fn respond(&self, parts: &Parts, body: Body, peer: &Peer) -> Answer {
        let outcome = match self.gate.host(parts) {
            Ok(()) => self.answer(parts, body, peer).await,
            Err(denial) => self.deny(denial, parts, peer).await,
        };
        let is_api = parts.uri.path().starts_with("/api/");
        let json = is_api || wants_json(&parts.headers);
        // Nothing of all this may be kept by a cache.
        outcome.into_response(Dress { json, sends: true, base: self.site.base(), ..Dress::NONE })
    }
}

impl Admin {
    async fn answer(&self, parts: &Parts, body: Body, peer: &Peer) -> Outcome {
        let (path, local) = (parts.uri.path(), self.gate.is_local());
        let only_asks = matches!(parts.method, Method::GET | Method::HEAD);
        match path {
            "/healthz" | "/readyz" | "/metrics" if !only_asks => Outcome::Refused(Refusal::Method),
            "/healthz" => Outcome::Alive,
            "/readyz" => Outcome::Readiness(Readiness { details: local, ..self.probe.look(&self.site).await }),
            "/metrics" if local => self.metrics(parts).await,
            _ => match self.gate.token(&parts.headers).await {
                Ok(()) if path == "/metrics" => self.metrics(parts).await,
                Ok(()) => api::control(&self.site, &parts.method, &parts.uri, body).await,
                Err(denial) => self.deny(denial, parts, peer).await,
            },
        }
    }

    async fn metrics(&self, parts: &Parts) -> Outcome {
        let format = format(&parts.headers);
        let seen = seen::now(&self.site).await;
        Outcome::Metrics(self.site.means.metrics.expose(seen, format), format)
    }

    /// Logs it, and lets whoever guesses wait.
    async fn deny(&self, denial: Denial, parts: &Parts, peer: &Peer) -> Outcome {
        let (peer_shown, path) = (&peer.shown, parts.uri.path());
        let times = match denial {
            Denial::TokenWrong => self.site.wrong_tokens.due(peer.ip),
            _ => Some(1),
        };
        if let Some(times) = times {
            tracing::warn!(peer = peer_shown, path, times, "refused by the admin listener: {denial}");
        }
        if denial == Denial::TokenWrong {
            tokio::time::sleep(WRONG_TOKEN_DELAY).await;
        }
        Outcome::Denied(denial)
    }
}

/// What a scraper would rather read: OpenMetrics, where it names that without refusing it.
fn format(headers: &HeaderMap) -> Format {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(','));
    let takes_open = ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_open = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
        let refused = |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        is_open && !parts.any(refused)
    });
    if takes_open { Format::Open } else { Format::Plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_what_it_asks_for() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, expected) in [
            (prometheus, Format::Open),
            ("Application/OpenMetrics-Text", Format::Open),
            ("text/plain, application/openmetrics-text; q=0", Format::Plain),
            ("*/*", Format::Plain),
            ("", Format::Plain),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(format(&headers), expected, "{accept}");
        }
        assert_eq!(format(&HeaderMap::new()), Format::Plain);
    }
}
