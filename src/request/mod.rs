//! One call of a hook, read and parsed: never the raw HTTP request.

use std::borrow::Cow;

use bytes::Bytes;
use encoding_rs::Encoding;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::go::header::canonical;
use crate::url::{Broken, masked_url, pairs};

pub mod body;
pub mod json_parameter;
pub mod map;
pub mod mask;
pub mod number;
pub mod parameter;
pub mod small;
pub mod text;
pub mod value;

use body::multipart::{self, DEFAULT_MEMORY, MultipartError};
use body::{BodyError, BodyFormat, FileError, fields, is_multipart, multipart_payload};
use map::Map;
use small::Text;
use value::Value;

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
    /// Files of a form in parts that are JSON whatever they say they are.
    pub json_files: Vec<String>,
    /// Memory that such a form may take besides 10 MiB, in bytes (`-max-multipart-mem`).
    pub form_memory: i64,
    /// The keys of a payload of JSON that the hook asks for, where it asks for no others.
    pub keys: Option<Vec<String>>,
    /// What JSON and XML are decoded from that is no UTF-8. (Elsewhere each value is, by whoever shows it.)
    pub charset: Option<&'static Encoding>,
}

impl Default for Reading {
    /// As adnanh/webhook reads where nothing is said.
    fn default() -> Reading {
        Reading {
            broken: Broken::Dropped,
            content_type: None,
            json_files: Vec::new(),
            form_memory: DEFAULT_MEMORY,
            keys: None,
            charset: None,
        }
    }
}

impl Reading {
    /// Whether a key of a payload is one that the hook asks for.
    fn wants(&self, key: &[u8]) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.iter().any(|wanted| wanted.as_bytes() == key))
    }

    /// A document in another charset than its format has, as that.
    fn decoded(&self, format: BodyFormat, body: &[u8]) -> Option<String> {
        let charset = self.charset.filter(|_| matches!(format, BodyFormat::Json | BodyFormat::Xml))?;
        if std::str::from_utf8(body).is_ok() {
            return None;
        }
        let text = charset.decode_without_bom_handling(body).0;
        // What XML says of its charset is true no more.
        let end = text.find("?>").filter(|_| text.starts_with("<?xml")).map_or(0, |end| end + 2);
        Some(text[end..].to_owned())
    }
}

/// One call of a hook.
#[derive(Clone, Debug)]
pub struct HookRequest {
    /// The method, as sent.
    pub method: Method,
    /// The caller: `ip:port`, or `@` over a Unix socket.
    pub remote: String,
    /// The headers under their canonical names, the first of each, as Go's net/http has them.
    pub headers: Value,
    /// The query, the first value of each key.
    pub query: Value,
    /// The parsed body, as far as the hook asks for it. `null` where there is nothing parsed.
    pub payload: Value,
    /// Whether that is not all of it.
    is_part: bool,
    /// The body as it came; empty where it is a form in parts, as adnanh/webhook has it.
    pub body: Bytes,
    /// The body that `body` does not have.
    in_parts: Bytes,
    /// What the body was taken for.
    pub format: BodyFormat,
    /// Why the body gave no payload; adnanh/webhook goes on without one, and so do we, but for a form in parts.
    pub body_error: Option<BodyError>,
    /// Files of a form in parts that should be JSON and are not.
    pub file_errors: Vec<FileError>,
}

impl HookRequest {
    /// Reads a call. A body that can't be parsed is noted, not refused.
    pub fn read(head: Head<'_>, body: Bytes, reading: &Reading) -> HookRequest {
        let (query, query_is_whole) = pairs(head.raw_query(), reading.broken);
        let headers = headers(head.headers);
        let sent = headers.at(b"Content-Type").map(Value::text).unwrap_or_default();
        let sent = String::from_utf8_lossy(&sent);
        let content_type = reading.content_type.as_deref().unwrap_or(&sent);
        let format = BodyFormat::of(content_type);
        let (body, in_parts) = if is_multipart(content_type) { (Bytes::new(), body) } else { (body, Bytes::new()) };
        let mut file_errors = Vec::new();
        let decoded = reading.decoded(format, &body);
        let payload = match (format, decoded.as_deref()) {
            (BodyFormat::Json, Some(text)) => body::json::parse(text.as_bytes()).map_err(BodyError::Json),
            (BodyFormat::Json, None) => body::json::parse_for(&body, |key| reading.wants(key)).map_err(BodyError::Json),
            (BodyFormat::Xml, text) => body::xml::parse(text.map_or(&body, str::as_bytes)).map_err(BodyError::Xml),
            (BodyFormat::Form, _) => body::form(&body, reading.broken),
            (BodyFormat::Multipart, _) => read_form(&in_parts, head.headers, query_is_whole, reading)
                .map_err(BodyError::Multipart)
                .map(|(payload, errors)| {
                    file_errors = errors;
                    payload
                }),
            (BodyFormat::Text | BodyFormat::Unknown, _) => Err(BodyError::Unsupported(content_type.to_owned())),
        };
        let (payload, body_error) = match payload {
            Ok(payload) => (payload, None),
            Err(why) => (Value::Null, Some(why)),
        };
        let is_part = format == BodyFormat::Json && reading.keys.is_some() && decoded.is_none();
        HookRequest {
            method: head.method.clone(),
            remote: head.remote.to_owned(),
            headers,
            query: fields(query),
            payload,
            is_part,
            body,
            in_parts,
            format,
            body_error,
            file_errors,
        }
    }

    /// What a signature of the call is over: the body as it came, a form in parts, too (adnanh/webhook signs nothing then).
    pub fn signed_body(&self) -> &[u8] {
        if self.in_parts.is_empty() { &self.body } else { &self.in_parts }
    }

    /// A file of a form in parts: what its sender calls it, its type if that is said, and what is in it. `memory` is as the
    /// form was read with.
    pub fn file(&self, name: &str, memory: i64) -> Option<(String, Option<String>, Vec<u8>)> {
        let Value::Map(headers) = &self.headers else { return None };
        if self.in_parts.is_empty() {
            return None;
        }
        let content_type = headers.get(b"Content-Type")?.to_text();
        let mut form = multipart::parse(&self.in_parts, &content_type, memory).ok()?;
        let file = form.files.remove(name.as_bytes())?;
        Some((String::from_utf8_lossy(&file.name).into_owned(), file.mime, file.content.into_owned()))
    }

    /// All of the payload, for whoever asks for more than the hook does.
    pub fn whole_payload(&self) -> Cow<'_, Value> {
        let whole = self.is_part.then(|| body::json::parse(&self.body).ok()).flatten();
        whole.map_or(Cow::Borrowed(&self.payload), Cow::Owned)
    }

    /// Where the fields of a message are looked for: in the payload, and of XML in its one element.
    pub fn fields(&self) -> Option<&Map<Value>> {
        match (&self.payload, self.format) {
            (Value::Map(payload), BodyFormat::Xml) => match payload.iter().next() {
                Some((_, Value::Map(element))) => Some(element),
                _ => Some(payload),
            },
            (Value::Map(payload), _) => Some(payload),
            _ => None,
        }
    }

    /// The token in the body, if there is one; an empty one is none.
    pub fn token_in_body(&self) -> Option<String> {
        let fields = self.fields()?;
        let token = self.token_names().iter().find_map(|name| fields.get(name))?.to_text();
        Some(String::from_utf8_lossy(&token).into_owned()).filter(|token| !token.is_empty())
    }

    /// What a token's field is called: in XML it may be an attribute.
    fn token_names(&self) -> &'static [&'static [u8]] {
        if self.format == BodyFormat::Xml { &[b"token", b"-token"] } else { &[b"token"] }
    }

    /// Takes what proves who calls out of the request, so that no action can pass it on. A `token` in the body that is
    /// none of the hook's (Slack sends its own) stays.
    pub fn forget_credentials(&mut self, is_ours: impl Fn(&String) -> bool) {
        if let Value::Map(query) = &mut self.query {
            query.retain(|key| key != TOKEN.as_bytes());
        }
        if self.token_in_body().is_some_and(|token| is_ours(&token)) {
            let (names, below) = (self.token_names(), self.format == BodyFormat::Xml);
            forget(&mut self.payload, names, below);
            // The body as it came has it too, and perhaps in escapes: the payload stands in for it.
            self.body = match self.format {
                BodyFormat::Form => without_token(&self.body).into(),
                BodyFormat::Json => self.payload.to_json().into(),
                _ => Bytes::new(),
            };
        }
        if let Value::Map(headers) = &mut self.headers {
            headers.retain(|key| {
                ![AUTHORIZATION.as_str(), TOKEN_HEADER].iter().any(|name| key.eq_ignore_ascii_case(name.as_bytes()))
            });
            // A browser tells where it comes from, token and all.
            if let Some(Value::Text(referer)) = headers.get_mut(b"Referer") {
                let masked = masked_url(&String::from_utf8_lossy(referer), |key| key.eq_ignore_ascii_case(TOKEN));
                *referer = masked.into_bytes().into();
            }
        }
    }
}

/// The query or payload parameter that carries a hook's token.
pub const TOKEN: &str = "token";

/// The header that carries a hook's token.
pub const TOKEN_HEADER: &str = "x-hook-token";

/// upstream: net/http keeps `Host` and `Transfer-Encoding` elsewhere, and `Trailer` where it announces one; and HTTP/1.0's way
/// to ask for a fresh answer is put in the new words as well (fixPragmaCacheControl).
fn headers(sent: &HeaderMap) -> Value {
    let is_elsewhere = |name: &HeaderName| match *name {
        HOST | TRANSFER_ENCODING => true,
        TRAILER => sent.contains_key(TRANSFER_ENCODING),
        _ => false,
    };
    let shown = sent.iter().filter(|(name, _)| !is_elsewhere(name));
    let mut pairs: Vec<(Text, Value)> = shown
        .map(|(name, value)| (canonical(name.as_str()).as_bytes().into(), Value::of_text(value.as_bytes())))
        .collect();
    let first = |wanted: &[u8]| pairs.iter().find(|(name, _)| **name == *wanted).map(|(_, value)| value);
    if first(b"Pragma") == Some(&Value::of_text(b"no-cache")) && first(b"Cache-Control").is_none() {
        pairs.push((b"Cache-Control".into(), Value::of_text(b"no-cache")));
    }
    Value::Map(Map::first_of_each(pairs))
}

/// upstream: net/http ParseMultipartForm. What the request itself says counts, not what takes its place, and the query
/// must be whole; for a message that is no reason.
fn read_form(
    body: &[u8],
    headers: &HeaderMap,
    query_is_whole: bool,
    reading: &Reading,
) -> Result<(Value, Vec<FileError>), MultipartError> {
    let sent = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let form = multipart::parse(body, sent, reading.form_memory)?;
    if !query_is_whole && reading.broken == Broken::Dropped {
        return Err(MultipartError::Query);
    }
    Ok(multipart_payload(form, |name| reading.json_files.iter().any(|file| file.as_bytes() == name)))
}

/// Takes the token out of a payload, `below` the one element of XML as well.
fn forget(payload: &mut Value, names: &[&[u8]], below: bool) {
    let Value::Map(payload) = payload else { return };
    payload.retain(|name| !names.contains(&name));
    if let (true, Some(element)) = (below, payload.values_mut().next()) {
        forget(element, names, false);
    }
}

/// A form without its tokens, however they are escaped.
fn without_token(body: &[u8]) -> Vec<u8> {
    let is_token =
        |pair: &&[u8]| matches!(pairs(pair, Broken::Kept).0.as_slice(), [(key, _)] if **key == *TOKEN.as_bytes());
    body.split(|byte| *byte == b'&').filter(|pair| !is_token(pair)).collect::<Vec<_>>().join(&b'&')
}
