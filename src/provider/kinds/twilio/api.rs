//! Requests to Twilio's REST API, all for one account of it.

use data_encoding::BASE64;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;

use super::errors::refused;
use crate::message::delivery::{Class, SendError};
use crate::node::{Node, Reader};
use crate::provider::reply::refusal;
use crate::provider::{Answer, HttpRequest, Request};
use crate::secret::Secret;
use crate::url::encode_value;

/// Where the account is, and the key to it.
pub(super) struct Api {
    /// The account's own resource, without `.json`.
    pub(super) account: String,
    pub(super) authorization: HeaderValue,
}

impl Api {
    /// A request for what is at `path` below the account's resource, with a form where it has one.
    pub(super) fn request(&self, method: Method, path: &str, form: Option<&[(&str, String)]>) -> Request {
        let url = format!("{}{path}", self.account);
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone())]);
        if form.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        }
        let pairs = form.unwrap_or_default().iter();
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encode_value(value.as_bytes()))).collect();
        let body = pairs.join("&").into_bytes();
        Request::Http(HttpRequest { method, url: Secret::new(&*url), shown_url: url, headers, body })
    }

    /// What a successful answer says.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, SendError> {
        let Answer::Http { status, headers, body } = answer else {
            return Err(refusal(Class::Unknown, "", "the answer is not one to an HTTP request"));
        };
        match serde_json::from_slice(body) {
            Ok(read) if status.is_success() => Ok(read),
            _ => Err(refused(*status, headers, body)),
        }
    }
}

/// One of Twilio's ids: two letters and 32 hexadecimal digits.
pub(super) fn sid(node: &Node, letters: &str, reader: &mut Reader<'_>) -> Option<String> {
    let sid = reader.text(node)?;
    let is_sound = |digits: &str| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sid.strip_prefix(letters).is_some_and(is_sound) {
        return Some(sid);
    }
    reader.wrong(&node.place, format!("expected {letters} and 32 hexadecimal digits, as Twilio's Console shows it"))
}

/// What stands in `Authorization`.
pub(super) fn basic(user: &str, password: &Secret) -> Option<HeaderValue> {
    let login = BASE64.encode(format!("{user}:{}", password.expose()).as_bytes());
    let mut value = HeaderValue::from_str(&format!("Basic {login}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
