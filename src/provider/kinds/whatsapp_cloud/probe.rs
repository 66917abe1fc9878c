//! Whether Meta would take messages: the number, the token, and the approved template.
//!
//! Source: <https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates/>, and
//! `debug_token` of the same API, which tells what a token is good for, and for how long.

use std::collections::BTreeSet;

use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::approved::{Approved, Wanted};
use super::errors::{Fault, classify};
use crate::clock::Timestamp;
use crate::message::delivery::{Class, SendError};
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::reply::{bare_refusal, lenient, refusal};
use crate::provider::{Answer, HttpRequest, Probe, Request};
use crate::secret::Secret;
use crate::url::encode_segment;

/// A token that ends within this is told of: two weeks, in milliseconds.
const SOON: i64 = 14 * 24 * 3600 * 1000;

/// How many business accounts are looked through for the template.
const BUSINESSES: usize = 4;

/// What Meta is asked by.
pub(super) struct Asker {
    /// The API with its version.
    pub(super) api: String,
    pub(super) phone_number_id: String,
    /// Where the templates are; else it is asked which business accounts the token is for.
    pub(super) business: Option<String>,
    pub(super) token: Secret,
    pub(super) authorization: HeaderValue,
    pub(super) template: Option<Wanted>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Number {
    display_phone_number: String,
    verified_name: String,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    quality_rating: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Token {
    #[serde(deserialize_with = "lenient")]
    data: TokenData,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenData {
    /// In seconds; 0: never.
    #[serde(deserialize_with = "lenient")]
    expires_at: i64,
    #[serde(deserialize_with = "lenient")]
    granular_scopes: Vec<Scope>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Scope {
    scope: String,
    target_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Templates {
    data: Vec<Approved>,
}

impl Asker {
    /// The number; then the token; then, for each business account, the template by its name and, where that is not
    /// there, all templates.
    pub(super) fn next(&self, about: &Inquiry, answers: &[Answer]) -> Result<Probe, SendError> {
        let Some((first, rest)) = answers.split_first() else {
            let fields = "fields=display_phone_number,verified_name,status,quality_rating";
            return Ok(self.get(&self.phone_number_id, fields));
        };
        let number: Number = self.read(first).map_err(|error| self.explained(error))?;
        let Some((second, rest)) = rest.split_first() else {
            return Ok(self.get_secret("debug_token", "input_token=", self.token.expose()));
        };
        let token = self.read::<Token>(second).unwrap_or_default().data;
        let mut learned = Learned::default();
        of_number(&number, &mut learned);
        of_token(&token, about.now, &mut learned);
        let Some(wanted) = &self.template else { return Ok(Probe::Done(learned)) };
        let businesses = self.businesses(token);
        let mut others: BTreeSet<String> = BTreeSet::new();
        let mut refused = None;
        let mut rest = rest.iter();
        for business in &businesses {
            let edge = format!("{business}/message_templates");
            let Some(answer) = rest.next() else {
                let name = encode_segment(&wanted.name);
                let fields = "fields=name,language,status,parameter_format,components&limit=50&name=";
                return Ok(self.get(&edge, &format!("{fields}{name}")));
            };
            let named: Vec<Approved> = match self.read::<Templates>(answer) {
                Ok(found) => found.data.into_iter().filter(|template| template.name == wanted.name).collect(),
                Err(error) => {
                    refused = Some(error);
                    continue;
                }
            };
            if !named.is_empty() {
                wanted.judge(&named, &mut learned);
                return Ok(Probe::Done(learned));
            }
            let Some(answer) = rest.next() else {
                return Ok(self.get(&edge, "fields=name,language,status&limit=200"));
            };
            let all = self.read::<Templates>(answer).unwrap_or_default().data;
            others.extend(all.into_iter().map(|template| format!("{} ({})", template.name, template.language)));
        }
        match refused {
            _ if businesses.is_empty() => learned.warning(
                format!(
                    "whether the template {} is approved can't be told: nobody says which business account it is in",
                    wanted.name
                ),
                "set \"business-account-id\": WhatsApp Manager shows it".to_owned(),
            ),
            Some(error) => learned.warning(
                format!("whether the template {} is approved can't be told: {error}", wanted.name),
                "the token needs whatsapp_business_management for that".to_owned(),
            ),
            None => {
                let list = others.into_iter().collect::<Vec<_>>().join(", ");
                let help =
                    if list.is_empty() { "there is none at all".to_owned() } else { format!("there are {list}") };
                learned.error(
                    format!("no template is called \"{}\": messages outside of the 24 hours will fail", wanted.name),
                    help,
                );
            }
        }
        Ok(Probe::Done(learned))
    }

    /// The business accounts that may have the template.
    fn businesses(&self, token: TokenData) -> Vec<String> {
        if let Some(business) = &self.business {
            return vec![business.clone()];
        }
        let scopes = token.granular_scopes.into_iter().filter(|scope| scope.scope == "whatsapp_business_management");
        let digits = |id: &String| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        scopes.flat_map(|scope| scope.target_ids).filter(digits).take(BUSINESSES).collect()
    }

    /// In words of who set it up.
    fn explained(&self, error: SendError) -> SendError {
        let words = match error.code.as_str() {
            "190" | "0" => {
                "the access-token is not valid (any more): make a new one, of a system user, that never expires"
            }
            "100" | "33" => "Meta knows no such phone-number-id, or the token is not for it",
            "3" | "10" | "131005" => "the token lacks a permission: it needs whatsapp_business_messaging",
            code if code.parse().is_ok_and(|code: i64| (200..=299).contains(&code)) => {
                "the token lacks a permission: it needs whatsapp_business_messaging"
            }
            _ => return error,
        };
        SendError { detail: format!("{words} ({error})"), ..error }
    }

    fn read<T: DeserializeOwned + Default>(&self, answer: &Answer) -> Result<T, SendError> {
        #[derive(Deserialize)]
        struct Refused {
            error: Fault,
        }
        let Answer::Http { status, headers, body } = answer else {
            return Err(bare_refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[]));
        };
        if let Ok(Refused { error }) = serde_json::from_slice(body) {
            let class = error.code.map_or(Class::Account, |code| classify(code, error.error_subcode, Some(*status)));
            return Err(refusal(class, error.code.unwrap_or_default(), &error.words("")));
        }
        match serde_json::from_slice(body) {
            Ok(read) if status.is_success() => Ok(read),
            _ => Err(bare_refusal(*status, headers, body)),
        }
    }

    fn get(&self, edge: &str, query: &str) -> Probe {
        let url = format!("{}/{edge}?{query}", self.api);
        self.request(Secret::new(&*url), url)
    }

    fn get_secret(&self, edge: &str, query: &str, secret: &str) -> Probe {
        let url = |value: &str| format!("{}/{edge}?{query}{value}", self.api);
        self.request(Secret::new(url(&encode_segment(secret))), url("[secret]"))
    }

    fn request(&self, url: Secret, shown_url: String) -> Probe {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone())]);
        Probe::Ask(Request::Http(HttpRequest { method: Method::GET, url, shown_url, headers, body: Vec::new() }))
    }
}

fn of_number(number: &Number, learned: &mut Learned) {
    learned.well = format!("{} \"{}\"", number.display_phone_number, number.verified_name);
    match number.status.as_str() {
        "" | "CONNECTED" => {}
        status => learned.error(
            format!(
                "the number {} is not registered for the Cloud API: its status is {status}",
                number.display_phone_number
            ),
            "register it: POST /PHONE-NUMBER-ID/register, or in WhatsApp Manager".to_owned(),
        ),
    }
    match number.quality_rating.as_str() {
        "RED" => learned.warning("the number's quality is RED: Meta may stop it", None),
        "" | "NA" | "UNKNOWN" => {}
        rating => learned.well += &format!(", quality {rating}"),
    }
}

fn of_token(token: &TokenData, now: Timestamp, learned: &mut Learned) {
    let ends = token.expires_at.saturating_mul(1000);
    if ends > 0 && ends - now.millis() < SOON {
        let message = format!("the access-token expires at {}", Timestamp::from_millis(ends));
        learned.warning(message, "make one of a system user, that never expires".to_owned());
    }
}
