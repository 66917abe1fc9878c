//! Requests to Wazzup, all by one key.

use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::refused;
use crate::message::delivery::{Class, SendError};
use crate::provider::reply::refusal;
use crate::provider::{Answer, HttpRequest, Request};
use crate::secret::Secret;

/// Where the API is, and the key to it.
pub(super) struct Api {
    pub(super) base_url: String,
    pub(super) authorization: HeaderValue,
}

impl Api {
    pub(super) fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path, Vec::new())
    }

    /// A request with a body of JSON.
    pub(super) fn send(&self, method: Method, path: &str, body: &impl Serialize) -> Request {
        // Texts and booleans can't fail to be written as JSON.
        self.request(method, path, serde_json::to_vec(body).unwrap_or_default())
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Request {
        let url = format!("{}/v3/{path}", self.base_url);
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone())]);
        if !body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Request::Http(HttpRequest { method, url: Secret::new(&*url), shown_url: url, headers, body })
    }

    /// What a successful answer says.
    pub(super) fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, SendError> {
        let Answer::Http { status, headers, body } = answer else { return Err(self.strange()) };
        match serde_json::from_slice(body) {
            Ok(read) if status.is_success() => Ok(read),
            _ => Err(refused(*status, headers, body)),
        }
    }

    /// An answer that counts by its status alone.
    pub(super) fn accepted(&self, answer: &Answer) -> Result<(), SendError> {
        match answer {
            Answer::Http { status, .. } if status.is_success() => Ok(()),
            Answer::Http { status, headers, body } => Err(refused(*status, headers, body)),
            _ => Err(self.strange()),
        }
    }

    fn strange(&self) -> SendError {
        refusal(Class::Unknown, "", "the answer is not one to an HTTP request")
    }
}
