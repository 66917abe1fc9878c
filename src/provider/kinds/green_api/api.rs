//! Requests to an instance: its id and its token stand in every path.

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::refused;
use crate::message::delivery::{Class, SendError};
use crate::provider::reply::refusal;
use crate::provider::{Answer, HttpRequest, Request};
use crate::secret::Secret;

/// Where the instance is, and the key to it.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) base_url: String,
    /// Where files are uploaded.
    pub(super) media_url: String,
    pub(super) instance: String,
    pub(super) token: Secret,
}

impl Api {
    pub(super) fn get(&self, method: &str, more: &str) -> Request {
        self.request(Method::GET, &self.base_url, method, more, None)
    }

    pub(super) fn delete(&self, method: &str, more: &str) -> Request {
        self.request(Method::DELETE, &self.base_url, method, more, None)
    }

    /// A request with a body of JSON.
    pub(super) fn post(&self, method: &str, body: &impl Serialize) -> Request {
        // Texts and booleans can't fail to be written as JSON.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        self.request(Method::POST, &self.base_url, method, "", Some((json, body)))
    }

    /// A request with a form and its file.
    pub(super) fn upload(&self, method: &str, form: (HeaderValue, Vec<u8>)) -> Request {
        self.request(Method::POST, &self.media_url, method, "", Some(form))
    }

    fn request(
        &self,
        verb: Method,
        host: &str,
        method: &str,
        more: &str,
        body: Option<(HeaderValue, Vec<u8>)>,
    ) -> Request {
        let url = |token: &str| format!("{host}/waInstance{}/{method}/{token}{more}", self.instance);
        let (headers, body) = match body {
            Some((content_type, body)) => (HeaderMap::from_iter([(CONTENT_TYPE, content_type)]), body),
            None => Default::default(),
        };
        let (shown_url, url) = (url("[secret]"), Secret::new(url(self.token.expose())));
        Request::Http(HttpRequest { method: verb, url, shown_url, headers, body })
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
