//! What the caller of a command hears.

use http::StatusCode;
use hyper::body::Bytes;

use crate::action::command::Ran;
use crate::hook::Reply;

/// upstream: webhook.go hookHandler and handleHook.
pub(super) fn answer(ran: Ran, reply: Option<&Reply>) -> (StatusCode, Bytes) {
    let success = reply.and_then(|reply| reply.status.set()).unwrap_or(StatusCode::OK);
    match ran {
        Ran::Started(_) => (success, message_of(reply).unwrap_or_default()),
        Ran::Well(output) => (success, output.into()),
        Ran::Badly(Some(output)) => (StatusCode::INTERNAL_SERVER_ERROR, output.into()),
        Ran::Badly(None) => {
            let text = "Error occurred while executing the hook's command. Please check your logs for more details.";
            (StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(text.as_bytes()))
        }
    }
}

/// The hook's own words.
pub(super) fn message_of(reply: Option<&Reply>) -> Option<Bytes> {
    reply.and_then(|reply| reply.message.clone()).map(Bytes::from)
}
