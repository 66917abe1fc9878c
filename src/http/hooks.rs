//! The straight line: one call of a hook from its head to its outcome.

use std::time::Duration;

use super::asked::Asked;
use super::call_log::{CallLog, log_body_errors};
use super::outcome::{Dress, Outcome, wants_json};
use super::site::{Answer, Site};
use super::wait::until_known;
use super::{Body, BodyFault, Peer};
use crate::action::command::{Ran, RunRefusal};
use crate::action::send::{Composed, SendRefusal, compose};
use crate::action::{ActionError, Done, perform};
use crate::config::Config;
use crate::hook::admit::{Admission, Refusal, WRONG_TOKEN_DELAY};
use crate::hook::catalog::Slot;
use crate::hook::{Action, Hook, HookId, ReplyStatus, Send};
use crate::provider::preview::Preview;
use crate::request::body::BodyError;
use crate::request::json_parameter::read_as_json;
use crate::request::{Head, HookRequest};
use crate::rule::RuleFault;
use crate::rule::error::RuleError;
use http::request::Parts;

/// The largest body of a hook call, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(60);

/// One call of a hook, answered; a refused one is written down.
pub(super) async fn serve(
    site: &Site,
    config: &Config,
    id: &HookId,
    parts: &Parts,
    body: Body,
    peer: &Peer,
    log: Option<&CallLog>,
) -> Answer {
    let (slot, counts) = config.hooks.find_counted(id).unzip();
    let (outcome, dress) = call(site, config, (id, slot), parts, body, peer, log).await;
    match counts {
        Some(counts) => counts.called(outcome.end()),
        None => site.means.metrics.unknown_hook(),
    }
    let refused = outcome.refusal();
    let answer = outcome.into_response(dress);
    if let Some(reason) = refused {
        site.refusals.note(&site.means, id, peer, answer.status(), &reason);
    }
    answer
}

/// One call of a hook. Each step is a statement; none is hidden elsewhere.
async fn call<'a>(
    site: &'a Site,
    config: &'a Config,
    (id, slot): (&HookId, Option<&'a Slot>),
    parts: &Parts,
    body: Body,
    peer: &Peer,
    log: Option<&CallLog>,
) -> (Outcome, Dress<'a>) {
    tracing::debug!("incoming HTTP {} request from {}", parts.method, peer.shown);
    let head = Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers, remote: &peer.shown };
    let bare = Dress { base: site.base(), ..Dress::NONE };
    let hook = match slot {
        Some(Slot::Ready(hook)) => hook,
        Some(Slot::Broken(why)) => {
            let why = why.iter().find(|finding| finding.is_error()).map(ToString::to_string);
            tracing::error!(hook = %id, peer = peer.shown, why, "refused: the hook's definition is broken");
            return (Outcome::Quarantined, bare);
        }
        None => {
            tracing::warn!(hook = %id, peer = peer.shown, "refused: no hook has this id");
            return (Outcome::UnknownHook, bare);
        }
    };
    let sends = hook.action.send().is_some();
    let dress = Dress { global: &site.headers, sends, json: sends && wants_json(head.headers), ..bare };
    // Method, token and site are for strangers.
    let admitted = if peer.operator { Ok(Admission::Granted(None)) } else { hook.admit(head) };
    let admission = match admitted {
        Ok(admission) => admission,
        Err(refusal) => return (refuse(site, hook, refusal, head, peer).await, dress),
    };
    tracing::debug!("{id} got matched");
    let asked = if dress.sends { Asked::of(hook, head) } else { Asked::default() };
    let names = !hook.tokens.is_empty();
    if asked.dry_run && !names {
        tracing::warn!(hook = %id, peer = peer.shown, "refused: a dry run is asked for, and the hook has no token");
        return (Outcome::NoDryRun, dress);
    }
    let is_known = peer.operator || !hook.tokens.is_empty() && matches!(admission, Admission::Granted(_));
    let body = match body.known_if(is_known).read(MAX_BODY, BODY_TIME).await {
        Ok(body) => body,
        Err(fault) => return (refuse_body(hook, fault, peer), dress),
    };
    let mut request = HookRequest::read(head, body, &hook.reading);
    log_body_errors(hook, &request);
    // Whoever has shown no token yet is told of that first.
    if let (Some(BodyError::Multipart(why)), Admission::Granted(_)) = (&request.body_error, &admission) {
        return (Outcome::NoForm(*why), dress);
    }
    for why in read_as_json(&mut request, &hook.json_parameters) {
        tracing::warn!(hook = %id, "error parsing JSON parameters: {why}");
    }
    log.inspect(|log| log.body(hook, &request));
    let caller = match hook.accept(&request, admission) {
        Ok(caller) => caller,
        Err(refusal) => return (refuse(site, hook, refusal, head, peer).await, dress),
    };
    if let Some(outcome) = misfit(site, hook, &request, peer) {
        return (outcome, dress);
    }
    hook.forget_credentials(&mut request);
    if let (true, Some(send)) = (asked.dry_run, hook.action.send()) {
        return (preview(site, config, hook, send, &request, peer), dress);
    }
    let dress = Dress { reply: Some(&hook.reply), ..dress };
    tracing::debug!("{id} hook triggered successfully");
    match perform(hook, request, caller, &site.means).await {
        Ok(Done { kept, ran: Some(ran) }) => {
            // upstream: webhook.go writeHttpResponseCode, which is asked only where the answer is the success code.
            if !matches!(ran, Ran::Badly(_)) {
                log_status(hook, hook.reply.status);
            }
            (Outcome::Ran(ran, kept), dress)
        }
        Ok(Done { kept: Some(kept), ran: None }) => {
            let status = match (asked.wait, kept.stored()) {
                (Some(time), Some(stored)) => until_known(site, stored.id, time).await.map(Box::new),
                _ => None,
            };
            (Outcome::Kept { kept, names, status }, dress)
        }
        // A hook does one or the other: this is for the compiler.
        Ok(Done { kept: None, ran: None }) => (Outcome::Ran(Ran::Started(None), None), dress),
        Err(why) => (failed(hook, why, peer), Dress { reply: None, ..dress }),
    }
}

fn log_status(hook: &Hook, status: ReplyStatus) {
    if let ReplyStatus::Unknown(code) = status {
        let id = &hook.id;
        tracing::debug!("{id} got matched, but the configured return code {code} is unknown - defaulting to 200");
    }
}

/// Logs a refusal once, with hook, address and reason; a wrong token is answered late.
async fn refuse(site: &Site, hook: &Hook, refusal: Refusal, head: Head<'_>, peer: &Peer) -> Outcome {
    let (hook, peer_shown) = (&hook.id, &peer.shown);
    match &refusal {
        Refusal::OnlyAsks => tracing::debug!(%hook, peer = peer_shown, "HEAD or OPTIONS: nothing is sent"),
        Refusal::Method => {
            tracing::warn!(peer = peer_shown, "HTTP {} method not allowed for hook \"{hook}\"", head.method);
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
    Outcome::Refused(refusal)
}

/// How the call ends if the hook's rule is not satisfied. Nothing of what was compared is told.
fn misfit(site: &Site, hook: &Hook, request: &HookRequest, peer: &Peer) -> Option<Outcome> {
    let (id, peer) = (&hook.id, &peer.shown);
    let verdict = match hook.rule.as_ref()?.judge(request, &site.means.clock) {
        Ok(verdict) => verdict,
        Err(RuleFault { at, error }) => {
            if site.rejections.tell(id) {
                tracing::warn!(hook = %id, peer, at, "error evaluating hook: {error}");
            }
            return Some(Outcome::RuleFault);
        }
    };
    if let Some(name) = verdict.missing {
        tracing::debug!(hook = %id, "{}", RuleError::Missing(name));
    }
    if verdict.satisfied {
        return None;
    }
    log_status(hook, hook.mismatch);
    if site.rejections.tell(id) {
        tracing::warn!(peer, "{id} got matched, but didn't get triggered because the trigger rules were not satisfied");
    }
    Some(Outcome::Unsatisfied(hook.mismatch.set()))
}

fn refuse_body(hook: &Hook, fault: BodyFault, peer: &Peer) -> Outcome {
    tracing::warn!(hook = %hook.id, peer = peer.shown, "refused: {fault}");
    Outcome::Body(fault)
}

/// What becomes of an action that failed. Logged here, where it stops travelling.
fn failed(hook: &Hook, why: ActionError, peer: &Peer) -> Outcome {
    let (hook, peer) = (&hook.id, &peer.shown);
    match why {
        ActionError::Send(SendRefusal::Caller(how)) => {
            tracing::warn!(%hook, peer, "refused: {how}");
            Outcome::Wrong(how)
        }
        ActionError::Send(why @ SendRefusal::KeyReused) => {
            tracing::warn!(%hook, peer, "refused: {why}");
            Outcome::KeyReused
        }
        ActionError::Send(SendRefusal::Template(why)) => {
            tracing::error!(%hook, peer, "the hook's template failed: {why}");
            Outcome::TemplateFault
        }
        ActionError::Send(SendRefusal::Outbox(why)) => {
            tracing::error!(%hook, peer, "the message could not be stored: {why}");
            Outcome::NotStored
        }
        ActionError::Send(SendRefusal::Neither { why, tried }) => {
            let failures = tried.failures();
            tracing::error!(%hook, peer, failures, "the message could neither be stored nor sent straight from memory: {why}");
            Outcome::NeitherStoredNorSent { why: why.in_short(), maybe: tried.missed.iter().any(|missed| missed.maybe) }
        }
        ActionError::Lost => {
            tracing::error!(%hook, peer, "the message could not be stored: {why}");
            Outcome::NotStored
        }
        ActionError::Run { refusal, kept } => {
            tracing::error!(%hook, peer, "the command was not started: {refusal}");
            match (refusal, kept) {
                (_, Some(kept)) => Outcome::Ran(Ran::Badly(None), Some(kept)),
                (RunRefusal::Overloaded, None) => Outcome::Overloaded,
                (RunRefusal::Template(_), None) => Outcome::TemplateFault,
            }
        }
    }
}

/// What a call would have sent, had it not been a try.
fn preview(site: &Site, config: &Config, hook: &Hook, send: &Send, request: &HookRequest, peer: &Peer) -> Outcome {
    let now = site.means.clock.now();
    let composed = match compose(hook, send, request, None, &site.means.ways(), now) {
        Ok(composed) => Box::new(composed),
        Err(why) => return failed(hook, why.into(), peer),
    };
    let Composed { message, media, recipients, .. } = &*composed;
    let of = |recipient| Preview::of(recipient, &config.accounts, message, media.as_deref());
    let previews = recipients.iter().map(of).collect();
    let runs = matches!(hook.action, Action::Both(..));
    Outcome::Preview { composed, previews, runs }
}
