//! Whether Twilio would take messages: the account, and its money.

use http::Method;
use serde::Deserialize;

use super::api::Api;
use crate::message::delivery::{Class, SendError};
use crate::provider::probe::Learned;
use crate::provider::reply::lenient;
use crate::provider::{Answer, Probe};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    #[serde(deserialize_with = "lenient")]
    friendly_name: String,
    #[serde(deserialize_with = "lenient")]
    status: String,
    #[serde(deserialize_with = "lenient")]
    r#type: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Balance {
    #[serde(deserialize_with = "lenient")]
    balance: String,
    #[serde(deserialize_with = "lenient")]
    currency: String,
}

/// First the account, then its balance, which an account of another account has none of.
pub(super) fn next(api: &Api, answers: &[Answer]) -> Result<Probe, SendError> {
    let Some((first, rest)) = answers.split_first() else {
        return Ok(Probe::Ask(api.request(Method::GET, ".json", None)));
    };
    let account: Account = api.read(first)?;
    let Some(second) = rest.first() else { return Ok(Probe::Ask(api.request(Method::GET, "/Balance.json", None))) };
    let balance = match api.read::<Balance>(second) {
        Ok(balance) => balance,
        // An API key may be kept from it, and a subaccount has none.
        Err(error) if matches!(error.class, Class::Account | Class::Content) => Balance::default(),
        Err(error) => return Err(error),
    };
    let money =
        if balance.balance.is_empty() { String::new() } else { format!(", {} {}", balance.balance, balance.currency) };
    let mut learned = Learned::well(format!("{}{money}", account.friendly_name));
    if !matches!(account.status.as_str(), "active" | "") {
        learned.error(format!("Twilio has the account as {}", account.status), None);
    }
    if balance.balance.trim().parse::<f64>().is_ok_and(|balance| balance <= 0.0) {
        learned.error(format!("nothing is left to pay with: {} {}", balance.balance, balance.currency), None);
    }
    if account.r#type == "Trial" {
        let help = "verify each number at Phone Numbers, Verified Caller IDs, or upgrade the account".to_owned();
        learned.warning("a trial account writes to verified numbers only", help);
    }
    Ok(Probe::Done(learned))
}
