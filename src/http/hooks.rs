//! The straight line: one call of a hook from its head to its outcome.

use std::time::Duration;

use super::outcome::{Dress, Outcome, wants_json};
use super::site::{Answer, Site};
use super::{Body, BodyFault, Peer};
use crate::action::command::{Ran, RunRefusal};
use crate::action::send::SendRefusal;
use crate::action::{ActionError, Done, perform};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::hook::admit::{Admission, Refusal, WRONG_TOKEN_DELAY};
use crate::hook::catalog::Slot;
use crate::hook::{Hook, HookId};
use crate::request::body::BodyError;
use crate::request::json_parameter::read_as_json;
use crate::request::{Head, HookRequest, TOKEN};
use crate::rule::RuleFault;
use crate::rule::error::RuleError;
use crate::url::{Broken, masked_query, masked_url, pairs};
use http::request::Parts;
use http::{HeaderName, HeaderValue};

/// The largest body of a hook call, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The query parameter that asks to try without ringing.
const DRY_RUN: &str = "dry-run";

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// One call of a hook. Each step is a statement; none is hidden elsewhere.
pub(super) async fn serve(site: &Site, config: &Config, id: &HookId, parts: &Parts, body: Body, peer: &Peer) -> Answer {
    let head = Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers, remote: &peer.shown };
    let bare = Dress { json: wants_json(head.headers), ..Dress::NONE };
    let hook = match config.hooks.find(id) {
        Some(Slot::Ready(hook)) => hook,
        Some(Slot::Broken(why)) => {
            let why = why.iter().find(|finding| finding.is_error()).map(ToString::to_string);
            tracing::error!(hook = %id, peer = peer.shown, why, "refused: the hook's definition is broken");
            return Outcome::Quarantined.into_response(bare);
        }
        None => {
            tracing::warn!(hook = %id, peer = peer.shown, "refused: no hook has this id");
            return Outcome::UnknownHook.into_response(bare);
        }
    };
    tracing::debug!("{id} got matched");
    let dress = Dress { global: &site.headers, sends: hook.action.send().is_some(), ..bare };
    let admission = match hook.admit(head) {
        Ok(admission) => admission,
        Err(refusal) => return refuse(site, hook, refusal, peer, dress).await,
    };
    if dress.sends && asks_for_dry_run(hook, head) {
        tracing::warn!(hook = %id, peer = peer.shown, "refused: a dry run is asked for, and this version has none");
        return Outcome::NotInThisVersion("dry run").into_response(dress);
    }
    let body = match body.read(MAX_BODY, BODY_TIME).await {
        Ok(body) => body,
        Err(fault) => return refuse_body(hook, fault, peer, dress),
    };
    let mut request = HookRequest::read(head, body.into(), &hook.reading);
    log_body(hook, &request);
    // Whoever has shown no token yet is told of that first.
    if let (Some(BodyError::Multipart(why)), Admission::Granted(_)) = (&request.body_error, &admission) {
        return Outcome::NoForm(*why).into_response(dress);
    }
    for why in read_as_json(&mut request, &hook.json_parameters) {
        tracing::warn!(hook = %id, "error parsing JSON parameters: {why}");
    }
    let caller = match hook.accept(&request, admission) {
        Ok(caller) => caller,
        Err(refusal) => return refuse(site, hook, refusal, peer, dress).await,
    };
    if let Some(outcome) = misfit(hook, &request, site.means.clock.now(), peer) {
        return outcome.into_response(dress);
    }
    hook.forget_credentials(&mut request);
    let dress = Dress { reply: Some(&hook.reply), ..dress };
    tracing::debug!("{id} hook triggered successfully");
    let names = !hook.tokens.is_empty();
    match perform(hook, request, caller, &site.means).await {
        Ok(Done { stored, ran: Some(ran) }) => Outcome::Ran(ran, stored).into_response(dress),
        Ok(Done { stored: Some(stored), ran: None }) => Outcome::Stored { stored, names }.into_response(dress),
        // A hook does one or the other: this is for the compiler.
        Ok(Done { stored: None, ran: None }) => Outcome::Ran(Ran::Started, None).into_response(dress),
        Err(why) => failed(hook, why, peer).into_response(Dress { reply: None, ..dress }),
    }
}

/// Logs a refusal once, with hook, address and reason; a wrong token is answered late.
async fn refuse(site: &Site, hook: &Hook, refusal: Refusal, peer: &Peer, dress: Dress<'_>) -> Answer {
    let (hook, peer_shown) = (&hook.id, &peer.shown);
    match &refusal {
        Refusal::OnlyAsks => tracing::debug!(%hook, peer = peer_shown, "HEAD or OPTIONS: nothing is sent"),
        Refusal::Method => {
            tracing::warn!(peer = peer_shown, "refused: HTTP method not allowed for hook \"{hook}\"");
        }
        Refusal::TokenWrong => {
            if let Some(times) = site.wrong_tokens.due(peer.ip) {
                tracing::warn!(%hook, peer = peer_shown, times, "refused: a wrong token");
            }
            tokio::time::sleep(WRONG_TOKEN_DELAY).await;
        }
        Refusal::Missing(parameter) => {
            tracing::warn!(%hook, peer = peer_shown, parameter = parameter.name, "refused: a required parameter is missing");
        }
        Refusal::Prefetch | Refusal::Previewer | Refusal::CrossSite | Refusal::TokenMissing => {
            let reason = match refusal {
                Refusal::Prefetch => "a browser's prefetch",
                Refusal::Previewer => "the preview of a link",
                Refusal::CrossSite => "a page of another site",
                _ => "no token",
            };
            tracing::warn!(%hook, peer = peer_shown, reason, "refused");
        }
    }
    Outcome::Refused(refusal).into_response(dress)
}

/// How the call ends if the hook's rule is not satisfied. Nothing of what was compared is told.
fn misfit(hook: &Hook, request: &HookRequest, now: Timestamp, peer: &Peer) -> Option<Outcome> {
    let (id, peer) = (&hook.id, &peer.shown);
    let verdict = match hook.rule.as_ref()?.judge(request, now) {
        Ok(verdict) => verdict,
        Err(RuleFault { at, error }) => {
            tracing::warn!(hook = %id, peer, at, "error evaluating hook: {error}");
            return Some(Outcome::RuleFault);
        }
    };
    if let Some(name) = verdict.missing {
        tracing::debug!(hook = %id, "{}", RuleError::Missing(name));
    }
    if verdict.satisfied {
        return None;
    }
    tracing::warn!(peer, "{id} got matched, but didn't get triggered because the trigger rules were not satisfied");
    Some(Outcome::Unsatisfied(hook.mismatch_status))
}

fn refuse_body(hook: &Hook, fault: BodyFault, peer: &Peer, dress: Dress<'_>) -> Answer {
    tracing::warn!(hook = %hook.id, peer = peer.shown, "refused: {fault}");
    Outcome::Body(fault).into_response(dress)
}

/// What becomes of an action that failed. Logged here, where it stops travelling.
fn failed(hook: &Hook, why: ActionError, peer: &Peer) -> Outcome {
    let (hook, peer) = (&hook.id, &peer.shown);
    match why {
        ActionError::Send(SendRefusal::Caller(how)) => {
            tracing::warn!(%hook, peer, "refused: {how}");
            Outcome::Wrong(how)
        }
        ActionError::Send(SendRefusal::Template(why)) => {
            tracing::error!(%hook, peer, "the hook's template failed: {why}");
            Outcome::TemplateFault
        }
        ActionError::Send(SendRefusal::Outbox(why)) => {
            tracing::error!(%hook, peer, "the message could not be stored: {why}");
            Outcome::NotStored
        }
        ActionError::NoOutbox | ActionError::Lost => {
            tracing::error!(%hook, peer, "the message could not be stored: {why}");
            Outcome::NotStored
        }
        ActionError::Run { refusal, stored } => {
            tracing::error!(%hook, peer, "the command was not started: {refusal}");
            match (refusal, stored) {
                (_, Some(stored)) => Outcome::Ran(Ran::Badly(None), Some(stored)),
                (RunRefusal::Overloaded, None) => Outcome::Overloaded,
                (RunRefusal::Template(_), None) => Outcome::TemplateFault,
            }
        }
    }
}

/// A caller who wants to try without ringing must not ring. A hook that reads a parameter of that name means its own.
fn asks_for_dry_run(hook: &Hook, head: Head<'_>) -> bool {
    let (query, _) = pairs(head.raw_query(), Broken::Kept);
    let in_query = || query.iter().any(|(key, value)| key == DRY_RUN.as_bytes() && value != b"0");
    head.headers.contains_key("hookbell-dry-run") || (!hook.reads_from_url(DRY_RUN) && in_query())
}

/// The peer's dump of a request, without what proves who calls.
pub(super) fn log_head(parts: &Parts, peer: &Peer) {
    tracing::debug!(peer = peer.shown, "incoming HTTP {} request from {}", parts.method, peer.shown);
    if !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    tracing::trace!("> {} {} {:?}", parts.method, masked_target(parts), parts.version);
    for (name, value) in &parts.headers {
        tracing::trace!("> {name}: {}", masked_header(name, value));
    }
}

/// A header's value as it may stand in a log.
pub(super) fn masked_header(name: &HeaderName, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    match name.as_str() {
        "authorization" | "cookie" | "x-hook-token" | "proxy-authorization" => "[secret]".to_owned(),
        // They may be a URL of ours, token and all.
        "location" | "referer" => masked_url(&text, TOKEN),
        _ => text.into_owned(),
    }
}

/// The request target as it may stand in a log.
pub(super) fn masked_target(parts: &Parts) -> String {
    let query = parts.uri.query().map(|query| format!("?{}", masked_query(query, TOKEN))).unwrap_or_default();
    format!("{}{query}", parts.uri.path())
}

fn log_body(hook: &Hook, request: &HookRequest) {
    match &request.body_error {
        // Nobody has to send a body that means something.
        Some(why @ BodyError::Unsupported(_)) => tracing::debug!(hook = %hook.id, "{why}"),
        Some(why @ BodyError::Multipart(_)) => tracing::warn!(hook = %hook.id, "refused: {why}"),
        Some(why) if !request.body.is_empty() => tracing::warn!(hook = %hook.id, "{why}"),
        _ => {}
    }
    for why in &request.file_errors {
        tracing::warn!(hook = %hook.id, "{why}");
    }
    if request.body.is_empty() || !tracing::enabled!(tracing::Level::TRACE) {
        return;
    }
    let holds_token = !hook.tokens.is_empty() || request.token_in_body().is_some();
    if holds_token {
        tracing::trace!("> [{} bytes, not shown: the hook has a token]", request.body.len());
    } else {
        tracing::trace!("> {}", String::from_utf8_lossy(&request.body));
    }
}
