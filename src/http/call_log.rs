//! What `-verbose` and `-debug` tell about a call, in adnanh/webhook's words. Where neither is on it costs a look.

use std::sync::{Arc, OnceLock};

use http::header::{HOST, TRAILER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, Version};
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use tracing::{Level, Span};

use super::Peer;
use super::request_id::RequestIds;
use super::site::Answer;
use crate::action::command::Answered;
use crate::go::header::canonical;
use crate::go::print::{duration, size};
use crate::hook::Hook;
use crate::request::body::{BodyError, BodyFormat};
use crate::request::mask::{self, Mask, is_secret_name};
use crate::request::{Head, HookRequest};
use crate::url::masked_query;

/// The target of dumped lines: `>` or `<` comes first in them, and the call's name second.
pub const DUMP: &str = "hookbell::dump";

/// What is dumped of a body, in bytes: more than people read, less than fills a disk.
const DUMP_BYTES: usize = 64 * 1024;

/// What all lines of a call are told in: a span that has its name. `None` where nobody reads them.
pub(super) fn span(ids: RequestIds, headers: &HeaderMap) -> Option<Span> {
    if !tracing::enabled!(Level::DEBUG) {
        return None;
    }
    Some(tracing::debug_span!("call", request = %ids.name(headers)))
}

/// A call of something that is there, while it is answered.
pub(super) struct CallLog {
    began: Instant,
    /// By what the head says.
    mask: Mask,
    /// By what the body says as well, once it was read.
    whole: OnceLock<Mask>,
}

impl CallLog {
    /// Dumps the head of a request, and begins to count the time. `hook` is what it calls, if that is there.
    pub(super) fn begin(parts: &Parts, peer: &Peer, hook: Option<&Arc<Hook>>) -> CallLog {
        let head = Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers, remote: &peer.shown };
        let guarded = hook.map(|hook| hook.guarded.as_slice()).unwrap_or_default();
        let log = CallLog { began: Instant::now(), mask: Mask::of_head(head, guarded), whole: OnceLock::new() };
        if tracing::enabled!(target: DUMP, Level::TRACE) {
            log.dump_head(parts);
        }
        log
    }

    /// upstream: net/http/httputil DumpRequest: the host first, then the other headers in the order of their names.
    fn dump_head(&self, parts: &Parts) {
        dump('>', &format!("{} {} {}", parts.method, self.mask.target(&parts.uri), version(parts.version)));
        for name in [HOST, TRANSFER_ENCODING] {
            for value in parts.headers.get_all(&name) {
                dump('>', &format!("{}: {}", canonical(name.as_str()), self.mask.header(&name, value)));
            }
        }
        self.dump_headers('>', &parts.headers, |name| ![HOST, TRANSFER_ENCODING, TRAILER].contains(name));
        dump('>', "");
    }

    fn dump_headers(&self, mark: char, headers: &HeaderMap, wanted: impl Fn(&http::HeaderName) -> bool) {
        let mut names: Vec<_> = headers.keys().filter(|name| wanted(name)).collect();
        names.sort_by_key(|name| canonical(name.as_str()));
        for name in names {
            for value in headers.get_all(name) {
                dump(mark, &format!("{}: {}", canonical(name.as_str()), self.mask.header(name, value)));
            }
        }
    }

    /// Dumps the body of a request.
    pub(super) fn body(&self, hook: &Hook, request: &HookRequest) {
        if request.body.is_empty() || !tracing::enabled!(target: DUMP, Level::TRACE) {
            return;
        }
        let mask = self.whole.get_or_init(|| Mask::of(request, &hook.guarded));
        dump_body('>', &shown_body(hook, request, mask));
    }

    /// Dumps the answer, tells how the call ended, and lets a command begin that the caller does not wait for.
    pub(super) async fn end(self, parts: &Parts, answer: &mut Answer) {
        let Ok(body) = answer.body().clone().collect().await;
        let body = body.to_bytes();
        if tracing::enabled!(target: DUMP, Level::TRACE) {
            dump('<', &answer.status().to_string());
            self.dump_headers('<', answer.headers(), |_| true);
            dump('<', "");
            // What the caller said may come back.
            let mask = self.whole.get().unwrap_or(&self.mask);
            dump_body('<', &mask.text(&String::from_utf8_lossy(&body)));
        }
        let (status, length, took) = (answer.status().as_u16(), size(body.len()), duration(self.began.elapsed()));
        let (host, target) = (host(parts), self.mask.target(&parts.uri));
        tracing::debug!("{status:03} | {length} | {took} | {host} | {} {target}", parts.method);
        drop(answer.extensions_mut().remove::<Answered>());
    }
}

/// Go's `Request.Host`: of an absolute target, else the header.
fn host(parts: &Parts) -> String {
    match (parts.uri.authority(), parts.headers.get(HOST)) {
        (Some(authority), _) => mask::host(authority.as_str()).to_owned(),
        (None, Some(host)) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
        (None, None) => String::new(),
    }
}

fn version(version: Version) -> String {
    format!("{version:?}")
}

/// What there is to say about a body that was read.
pub(super) fn log_body_errors(hook: &Hook, request: &HookRequest) {
    match &request.body_error {
        // A hook that sends reads text/plain, and needs no body. The peer says so about every GET.
        Some(why @ BodyError::Unsupported(_)) if hook.action.send().is_none() => tracing::debug!("{why}"),
        Some(BodyError::Unsupported(_)) | None => {}
        Some(why @ BodyError::Multipart(_)) => tracing::warn!(hook = %hook.id, "refused: {why}"),
        Some(why) if request.body.is_empty() => tracing::debug!("{why}"),
        Some(why) => tracing::warn!(hook = %hook.id, "{why}"),
    }
    for why in &request.file_errors {
        tracing::warn!(hook = %hook.id, "{why}");
    }
}

/// A body as it may stand in a log.
fn shown_body(hook: &Hook, request: &HookRequest, mask: &Mask) -> String {
    let hidden = |why: &str| format!("[{} bytes, not shown: {why}]", request.body.len());
    let text = String::from_utf8_lossy(&request.body);
    if !hook.tokens.is_empty() {
        return hidden("the hook has a token");
    }
    match (request.format, &request.body_error) {
        (BodyFormat::Form, None) => mask.text(&masked_query(&text, is_secret_name)).into_owned(),
        (BodyFormat::Json, None) => {
            let payload = request.whole_payload();
            let shown = mask.value(&payload);
            // Escapes hide a secret in the text as it came, so that the payload stands in for it.
            if shown == *payload { text } else { String::from_utf8_lossy(&shown.to_json()).into_owned().into() }
                .into_owned()
        }
        (BodyFormat::Form | BodyFormat::Json, Some(_)) if is_secret_name(&text) => hidden("it may hold a secret"),
        _ => mask.text(&text).into_owned(),
    }
}

fn dump_body(mark: char, text: &str) {
    let end = (DUMP_BYTES.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (shown, left) = text.split_at(end);
    shown.lines().for_each(|line| dump(mark, line));
    if !left.is_empty() {
        dump(mark, &format!("[{} more bytes]", left.len()));
    }
}

fn dump(mark: char, line: &str) {
    tracing::trace!(target: DUMP, "{mark} {line}");
}
