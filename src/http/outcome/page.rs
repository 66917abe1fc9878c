//! What whoever was sent a link sees: a stranger wrote it, so that a browser must take it for no more than it is.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use hyper::body::Bytes;

use crate::message::media::Label;
use crate::url::encode_value;

/// Types that browsers show without running anything in them.
const SHOWN: [&str; 8] =
    ["audio/mpeg", "audio/ogg", "image/gif", "image/jpeg", "image/png", "image/webp", "video/mp4", "video/webm"];

/// Headers of all that only those see who have a link to it.
pub(super) fn dress(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
}

/// What a message brought. What is no picture or the like is only saved.
pub(super) fn media((label, bytes): (Label, Arc<[u8]>), headers: &mut HeaderMap) -> Bytes {
    dress(headers);
    headers.insert("content-security-policy", HeaderValue::from_static("default-src 'none'; sandbox"));
    let mime = HeaderValue::from_str(&label.mime).ok();
    headers.insert(CONTENT_TYPE, mime.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    let how = if SHOWN.contains(&label.mime.as_str()) { "inline" } else { "attachment" };
    // RFC 6266 and 8187.
    let disposition = format!("{how}; filename*=UTF-8''{}", encode_value(label.name.as_bytes()));
    headers.extend(HeaderValue::from_str(&disposition).ok().map(|value| (CONTENT_DISPOSITION, value)));
    Bytes::from_owner(bytes)
}
