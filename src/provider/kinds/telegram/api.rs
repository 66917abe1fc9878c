//! How the Bot API is asked, and how its answers are read. <https://core.telegram.org/bots/api#making-requests>

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::errors::{Parameters, classify};
use crate::message::delivery::SendError;
use crate::provider::reply::{bare_refusal, lenient, refusal};
use crate::provider::{Answer, HttpRequest, Request};
use crate::secret::Secret;

/// Where a bot's calls go.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) base_url: String,
    pub(super) token: Secret,
}

#[derive(Deserialize)]
struct Reply {
    ok: bool,
    #[serde(default, deserialize_with = "lenient")]
    error_code: Option<u16>,
    #[serde(default, deserialize_with = "lenient")]
    description: String,
    #[serde(default, deserialize_with = "lenient")]
    parameters: Parameters,
}

/// Beside the reply: what is not as expected there spoils no `ok`.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned + Default")]
struct Yield<T> {
    #[serde(default, deserialize_with = "lenient")]
    result: T,
}

/// A call that was refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// Why, for who must act.
    pub(super) error: SendError,
    /// Telegram's own words, in small letters.
    pub(super) description: String,
    /// The new number of a group that has become a supergroup.
    pub(super) moved_to: Option<i64>,
}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> SendError {
        refused.error
    }
}

impl Api {
    /// A call with these arguments.
    pub(super) fn call(&self, method: &str, arguments: &impl Serialize) -> Request {
        // Texts and numbers can't fail to be written as JSON.
        let body = serde_json::to_vec(arguments).unwrap_or_default();
        self.post(method, HeaderValue::from_static("application/json"), body)
    }

    /// A call with a body that is written already.
    pub(super) fn post(&self, method: &str, content_type: HeaderValue, body: Vec<u8>) -> Request {
        let url = |token: &str| format!("{}/bot{token}/{method}", self.base_url);
        Request::Http(HttpRequest {
            method: Method::POST,
            url: Secret::new(url(self.token.expose())),
            shown_url: url("[secret]"),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
            body,
        })
    }

    /// What a call yielded; what is missing from that is left at its default.
    pub(super) fn read<T: DeserializeOwned + Default>(&self, answer: &Answer) -> Result<T, Refused> {
        let (status, headers, body) = match answer {
            Answer::Http { status, headers, body } => (*status, headers, body.as_slice()),
            _ => (StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[][..]),
        };
        let Ok(Reply { ok, error_code, description, parameters }) = serde_json::from_slice(body) else {
            let error = bare_refusal(status, headers, body);
            return Err(Refused { error, description: String::new(), moved_to: None });
        };
        if ok {
            return Ok(serde_json::from_slice(body).map(|Yield { result }| result).unwrap_or_default());
        }
        let code = error_code.unwrap_or(status.as_u16());
        let lower = description.to_lowercase();
        let error = refusal(classify(code, &lower, &parameters, headers), code, &description);
        Err(Refused { error, description: lower, moved_to: parameters.migrate_to_chat_id })
    }
}
