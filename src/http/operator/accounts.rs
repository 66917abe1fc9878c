//! How accounts stand: what the store knows of them, and what the configuration says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::{AccountName, Rate, Takes};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::node::units;
use crate::outbox::AccountGauges;
use crate::provider::Account;
use crate::provider::capabilities::Hears;

/// Every account: those of the configuration, where one is known, and whatever else has something that waits.
pub(super) fn listed(gauges: Vec<AccountGauges>, config: Option<&Config>, now: Timestamp) -> Value {
    let mut all: BTreeMap<AccountName, Option<AccountGauges>> = BTreeMap::new();
    let configured = config.map(|config| config.account_directory.keys());
    all.extend(configured.into_iter().flatten().map(|name| (name.clone(), None)));
    for gauges in gauges {
        let waits = gauges.state.queued + gauges.state.sending > 0;
        let is_known = all.contains_key(&gauges.state.account) || (config.is_none() && !gauges.state.missing);
        if waits || is_known {
            all.insert(gauges.state.account.clone(), Some(gauges));
        }
    }
    let rows = all.iter().map(|(name, gauges)| row(name, gauges.as_ref(), config, now));
    json!({ "accounts": rows.collect::<Vec<_>>() })
}

fn row(name: &AccountName, gauges: Option<&AccountGauges>, config: Option<&Config>, now: Timestamp) -> Value {
    let account = config.and_then(|config| config.accounts.get(name)).map(AsRef::as_ref);
    let oldest = gauges.and_then(|gauges| gauges.oldest);
    let mut row = json!({
        "account": name.as_str(),
        "queued": gauges.map_or(0, |gauges| gauges.state.queued),
        "sending": gauges.map_or(0, |gauges| gauges.state.sending),
        "oldest": oldest.map(|at| at.to_string()),
        "oldest-age": oldest.map(|at| units::shown(units::coarse(now.since(at)))),
        "sent": gauges.and_then(|gauges| gauges.state.sent_at).map(|at| at.to_string()),
        "provider": account.map(|account| account.kind),
        "rate": account.map(|account| rate(account.limits.rate)),
        "per-recipient": account.map(|account| rate(account.limits.per_recipient)),
        "per-group": account.map(|account| rate(account.limits.per_group)),
        "reports": account.map(|account| account.can.reports()),
        "hears": account.map(hears),
        "windows": windows(gauges, account),
    });
    let health = health(name, gauges, config);
    for (key, value) in ["state", "since", "until", "why"].into_iter().zip(health) {
        row[key] = value;
    }
    row
}

fn rate(rate: Option<Rate>) -> Option<String> {
    rate.map(units::shown_rate)
}

/// How its provider's news reaches us; nothing where we never hear from it again.
fn hears(account: &Account) -> Vec<&'static str> {
    let speaks = |how: Hears| account.can.reports == how || account.can.inbound == how;
    let is_called = !account.callback_secrets.is_empty() && (speaks(Hears::Callback) || speaks(Hears::Both));
    let ways = [(is_called, "callback"), (account.provider.poll().is_some(), "poll")];
    ways.into_iter().filter_map(|(is_so, word)| is_so.then_some(word)).collect()
}

/// To how many free text may be sent, where that has an end: only then are there templates.
fn windows(gauges: Option<&AccountGauges>, account: Option<&Account>) -> Option<u64> {
    let open = gauges.map_or(0, |gauges| gauges.windows);
    let has_windows = account.is_some_and(|account| account.can.template);
    (has_windows || open > 0).then_some(open)
}

/// A word for how it fares, since when, until when, and why.
fn health(name: &AccountName, gauges: Option<&AccountGauges>, config: Option<&Config>) -> [Value; 4] {
    let is_missing = match config {
        Some(config) => !config.account_directory.contains_key(name),
        None => gauges.is_some_and(|gauges| gauges.state.missing),
    };
    if is_missing {
        return [json!("gone"), Value::Null, Value::Null, json!("it is not in the configuration")];
    }
    let is_mistaken = config.is_some_and(|config| config.account_directory.get(name) == Some(&Takes::Nothing));
    if is_mistaken {
        return [
            json!("mistaken"),
            Value::Null,
            Value::Null,
            json!("its definition has a mistake: see hookbell check"),
        ];
    }
    let state = gauges.map(|gauges| &gauges.state);
    let until = state.and_then(|state| state.held_until).map(|until| until.to_string());
    match (state.and_then(|state| state.broken.as_ref()), until) {
        (Some((since, why)), until) => [json!("out of order"), json!(since.to_string()), json!(until), json!(why)],
        (None, Some(until)) => {
            [json!("holding"), Value::Null, json!(until), json!(gauges.and_then(|gauges| gauges.waits.as_ref()))]
        }
        (None, None) => [json!("ok"), Value::Null, Value::Null, Value::Null],
    }
}
