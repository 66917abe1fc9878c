//! What a device is told that fetches messages.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Bytes;
use serde_json::{Value, json};

/// An answer to a device.
#[derive(Debug)]
pub(in crate::http) enum DeviceReply {
    /// What it asked for; or it is written down.
    Done(Value),
    /// Nothing is due.
    Nothing,
    /// The lease that it names is none, or another's.
    Stale,
    /// There is no such item, or it has ended.
    Gone,
    /// It shows no token, or a wrong one.
    NoToken,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// The response.
pub(super) fn answer(reply: DeviceReply, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let (status, body) = match reply {
        DeviceReply::Done(value) => (StatusCode::OK, value),
        DeviceReply::Nothing => return (StatusCode::NO_CONTENT, Bytes::new()),
        DeviceReply::Stale => (StatusCode::CONFLICT, json!({ "error": "stale_lease" })),
        DeviceReply::Gone => (StatusCode::GONE, json!({ "error": "gone" })),
        DeviceReply::NoToken => (StatusCode::FORBIDDEN, json!({ "error": "token" })),
    };
    headers.insert(CONTENT_TYPE, JSON);
    (status, format!("{body}\n").into())
}
