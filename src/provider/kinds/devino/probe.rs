//! Whether Devino would take messages: the key, and the money. <https://docs.devino.online/en/http/account/>

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;

use crate::message::delivery::SendError;
use crate::provider::probe::Learned;
use crate::provider::reply::{bare_refusal, lenient};
use crate::provider::{Answer, HttpRequest, Probe, Request};
use crate::secret::Secret;

/// What Devino is asked by.
pub(super) struct Asker {
    /// Where the account is told of.
    pub(super) url: String,
    pub(super) authorization: HeaderValue,
}

#[derive(Deserialize)]
struct Reply {
    result: Found,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    account: Account,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    #[serde(default, deserialize_with = "lenient")]
    account_type: String,
    balance: f64,
    #[serde(default, deserialize_with = "lenient")]
    credit: f64,
    #[serde(default, deserialize_with = "lenient")]
    is_blocked: bool,
    #[serde(default, deserialize_with = "lenient")]
    disable_threshold: f64,
    #[serde(default, deserialize_with = "lenient")]
    notify_threshold: f64,
}

impl Asker {
    pub(super) fn next(&self, answers: &[Answer]) -> Result<Probe, SendError> {
        let Some(answer) = answers.last() else {
            return Ok(Probe::Ask(Request::Http(HttpRequest {
                method: Method::GET,
                url: Secret::new(&*self.url),
                shown_url: self.url.clone(),
                headers: HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone())]),
                body: Vec::new(),
            })));
        };
        let Answer::Http { status, headers, body } = answer else {
            return Err(bare_refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[]));
        };
        match serde_json::from_slice::<Reply>(body) {
            Ok(reply) if status.is_success() => Ok(Probe::Done(reply.result.account.learned())),
            _ => Err(bare_refusal(*status, headers, body)),
        }
    }
}

impl Account {
    fn learned(&self) -> Learned {
        let Account { account_type, balance, credit, is_blocked, disable_threshold, notify_threshold } = self;
        let mut learned = Learned::well(format!("balance {balance}"));
        let is_prepaid = account_type != "POSTPAID";
        if *is_blocked {
            learned.error("Devino has blocked the account", "pay, or ask Devino's support".to_owned());
        } else if is_prepaid && balance + credit <= *disable_threshold {
            learned.error(
                format!("the balance is {balance}: Devino stops the account at {disable_threshold}"),
                "pay".to_owned(),
            );
        } else if is_prepaid && balance <= notify_threshold {
            learned.warning(format!("the balance is {balance}: it runs low"), "pay soon".to_owned());
        }
        learned
    }
}
