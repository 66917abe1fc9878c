//! What the admin listener answers.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::message::Said;
use crate::http::admin::gate::Denial;
use crate::http::admin::health::{Check, Readiness};

/// Why somebody is not answered, and what to do about it.
pub(super) fn denied(denial: Denial, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
    let (code, text) = match denial {
        Denial::StrangeHost => (
            StatusCode::MISDIRECTED_REQUEST,
            "This listener is asked by an address or as localhost: its Host header has another name.\n",
        ),
        Denial::NoToken => (
            StatusCode::FORBIDDEN,
            "Nobody may ask this: there is no token. Start hookbell with -admin-token-file FILE, or give its unit \
             LoadCredential=admin-token:FILE.\n",
        ),
        Denial::TokenMissing => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hookbell admin\""));
            (StatusCode::UNAUTHORIZED, "A token is needed: Authorization: Bearer, or Basic with it as password.\n")
        }
        Denial::TokenWrong => (StatusCode::FORBIDDEN, "The token is wrong.\n"),
    };
    (code, Bytes::from_static(text.as_bytes()))
}

/// 503 tells a load balancer to look elsewhere, and a monitor that something is wrong.
pub(super) fn status(readiness: &Readiness) -> StatusCode {
    if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// A line, or an object, for each thing that must be well.
pub(super) fn readiness(Readiness { checks, details }: &Readiness) -> Said {
    let mut text = String::new();
    for Check { name, trouble, found } in checks {
        let word = if trouble.is_some() { "NOT OK" } else { "ok" };
        let why = trouble.as_ref().unwrap_or(found);
        let line = if *details { format!("{word} {name}: {why}\n") } else { format!("{word} {name}\n") };
        text.push_str(&line);
    }
    let is_ready = checks.iter().all(|check| check.trouble.is_none());
    let in_json = |Check { name, trouble, found }: &Check| {
        let why = details.then(|| trouble.as_ref().unwrap_or(found));
        json!({ "name": name, "ok": trouble.is_none(), "found": why })
    };
    let json = json!({ "ready": is_ready, "checks": checks.iter().map(in_json).collect::<Value>() });
    Said { text, json }
}
