//! One call of a hook, read and parsed: never the raw HTTP request.

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Uri};

use crate::go::header::canonical;
use crate::url::{Broken, masked_url, pairs};

pub mod body;
pub mod mask;
pub mod parameter;
pub mod text;
pub mod value;

use body::{BodyError, BodyFormat, first_of_each};
use value::{Map, Value};

/// What stands before a body.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method, as sent.
    pub method: &'a Method,
    /// The request target.
    pub uri: &'a Uri,
    /// The headers, in the order they came.
    pub headers: &'a HeaderMap,
    /// The caller: `ip:port`, or `@` over a Unix socket.
    pub remote: &'a str,
}

impl Head<'_> {
    /// The query as it stands in the URL, without the question mark.
    pub fn raw_query(&self) -> &[u8] {
        self.uri.query().unwrap_or_default().as_bytes()
    }
}

/// How a hook wants its calls read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What becomes of pairs with a broken escape.
    pub broken: Broken,
    /// Takes the place of the `Content-Type` header.
    pub content_type: Option<String>,
}

/// One call of a hook.
#[derive(Clone, Debug)]
pub struct HookRequest {
    /// The method, as sent.
    pub method: String,
    /// The caller: `ip:port`, or `@` over a Unix socket.
    pub remote: String,
    /// The headers under their canonical names, the first of each, without `Host`, `Transfer-Encoding` and `Trailer`,
    /// which Go's net/http keeps elsewhere.
    pub headers: Value,
    /// The query, the first value of each key.
    pub query: Value,
    /// The parsed body. `null` where there is nothing parsed.
    pub payload: Value,
    /// The body as it came.
    pub body: Vec<u8>,
    /// What the body was taken for.
    pub format: BodyFormat,
    /// Why the body gave no payload; adnanh/webhook goes on without one, and so do we.
    pub body_error: Option<BodyError>,
}

impl HookRequest {
    /// Reads a call. A body that can't be parsed is noted, not refused.
    pub fn read(head: Head<'_>, body: Vec<u8>, reading: &Reading) -> HookRequest {
        let (query, _) = pairs(head.raw_query(), reading.broken);
        let sent = head.headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = reading.content_type.as_deref().or(sent.as_deref()).unwrap_or_default();
        let format = BodyFormat::of(content_type);
        let payload = match format {
            BodyFormat::Json => body::json::parse(&body).map_err(BodyError::Json),
            BodyFormat::Form => body::form(&body, reading.broken),
            _ => Err(BodyError::Unsupported(content_type.to_owned())),
        };
        let (payload, body_error) = match payload {
            Ok(payload) => (payload, None),
            Err(why) => (Value::Null, Some(why)),
        };
        HookRequest {
            method: head.method.as_str().to_owned(),
            remote: head.remote.to_owned(),
            headers: headers(head.headers),
            query: Value::Map(first_of_each(query)),
            payload,
            body,
            format,
            body_error,
        }
    }

    /// The token in the body, if there is one; an empty one is none.
    pub fn token_in_body(&self) -> Option<String> {
        let token = self.payload.at(TOKEN.as_bytes()).ok()?.to_text();
        Some(String::from_utf8_lossy(&token).into_owned()).filter(|token| !token.is_empty())
    }

    /// Takes what proves who calls out of the request, so that no action can pass it on. A `token` in the body that is
    /// none of the hook's (Slack sends its own) stays.
    pub fn forget_credentials(&mut self, is_ours: impl Fn(&String) -> bool) {
        if let Value::Map(query) = &mut self.query {
            query.remove(TOKEN.as_bytes());
        }
        if self.token_in_body().is_some_and(|token| is_ours(&token)) {
            if let Value::Map(payload) = &mut self.payload {
                payload.remove(TOKEN.as_bytes());
            }
            // The body as it came has it too, and perhaps in escapes: the payload stands in for it.
            self.body = match self.format {
                BodyFormat::Form => without_token(&self.body),
                _ => self.payload.to_json(),
            };
        }
        if let Value::Map(headers) = &mut self.headers {
            for name in [AUTHORIZATION.as_str(), TOKEN_HEADER] {
                headers.remove(canonical(name).as_bytes());
            }
            // A browser tells where it comes from, token and all.
            if let Some(Value::Text(referer)) = headers.get_mut(b"Referer".as_slice()) {
                *referer =
                    masked_url(&String::from_utf8_lossy(referer), |key| key.eq_ignore_ascii_case(TOKEN)).into_bytes();
            }
        }
    }
}

/// The query or payload parameter that carries a hook's token.
pub const TOKEN: &str = "token";

/// The header that carries a hook's token.
pub const TOKEN_HEADER: &str = "x-hook-token";

fn headers(sent: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in sent.keys().filter(|name| ![HOST, TRANSFER_ENCODING, TRAILER].contains(name)) {
        if let Some(value) = sent.get(name) {
            map.insert(canonical(name.as_str()).into_bytes(), Value::Text(value.as_bytes().to_vec()));
        }
    }
    Value::Map(map)
}

/// A form without its tokens, however they are escaped.
fn without_token(body: &[u8]) -> Vec<u8> {
    let is_token =
        |pair: &&[u8]| matches!(pairs(pair, Broken::Kept).0.as_slice(), [(key, _)] if key == TOKEN.as_bytes());
    body.split(|byte| *byte == b'&').filter(|pair| !is_token(pair)).collect::<Vec<_>>().join(&b'&')
}
