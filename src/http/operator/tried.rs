//! What an operator does with one account: asks whether it would work, tries it, and has its provider call us.

use std::time::Duration;

use http::{Method, Uri};
use serde_json::{Value, json};

use super::query::Query;
use crate::account::{AccountName, Takes};
use crate::action::media::Brought;
use crate::action::send::{Composed, Kept, SendRefusal, keep};
use crate::config::Config;
use crate::contact::Recipient;
use crate::diagnostic::did_you_mean;
use crate::dispatch::host;
use crate::hook::admit::Refusal;
use crate::http::outcome::Outcome;
use crate::http::recipients::recipients;
use crate::http::site::Site;
use crate::message::canary::Until;
use crate::message::delivery::SendError;
use crate::message::{Message, MessageId, Priority, TextFormat};
use crate::provider::Account;
use crate::provider::probe::{Fault, Inquiry, Learned};
use crate::request::mask;
use crate::secret::Secret;
use crate::url::{decode_path, encode_segment};

/// What stands as the hook of such a test.
const HOOK: &str = "accounts-test";

/// A test is given up after this: one that arrives when its sender has left would only puzzle.
const TTL: Duration = Duration::from_secs(15 * 60);

/// Why nothing was done.
enum No {
    /// The operator must say it otherwise; how.
    Wrong(String),
    /// It can't be stored now.
    NotStored,
}

impl From<String> for No {
    fn from(how: String) -> No {
        No::Wrong(how)
    }
}

/// Answers one request; `asked` is what follows `/api/v1/accounts/`.
pub(super) async fn answer(site: &Site, method: &Method, asked: &str, query: &str) -> Outcome {
    let named = asked.rsplit_once('/').and_then(|(name, verb)| Some((decode_path(name)?, verb)));
    let Some((name, verb)) = named else { return Outcome::Nowhere };
    if *method != Method::POST {
        return Outcome::Refused(Refusal::Method);
    }
    let config = site.live.current();
    let done = match (account(&config, &String::from_utf8_lossy(&name)), verb) {
        (Err(why), _) => Err(No::Wrong(why)),
        (Ok(account), "probe") => ask(site, &config, account, query).await.map_err(No::from),
        (Ok(account), "setup") => set_up(site, account, query).await.map_err(No::from),
        (Ok(account), "test") => test(site, &config, account, query).await,
        _ => return Outcome::Nowhere,
    };
    match done {
        Ok(told) => Outcome::Told(told),
        Err(No::Wrong(how)) => Outcome::Wrong(how),
        Err(No::NotStored) => Outcome::NotStored,
    }
}

/// The account called so; the error says why there is none to use.
fn account<'c>(config: &'c Config, name: &str) -> Result<&'c Account, String> {
    let name = AccountName::new(name);
    if let Some(account) = config.accounts.get(&name) {
        return Ok(account);
    }
    if config.account_directory.get(&name) == Some(&Takes::Nothing) {
        return Err(format!("the definition of {name} has a mistake: hookbell check tells it"));
    }
    let names = config.account_directory.keys().map(AccountName::as_str);
    let help = did_you_mean(name.as_str(), names.clone())
        .unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
    Err(format!("no account is called \"{name}\": {help}"))
}

/// The one contact that is named, by this account alone.
fn recipient(config: &Config, account: &Account, to: String) -> Result<Recipient, String> {
    let mut found = recipients(config, &[to], &[account.name.to_string()])?;
    match (found.pop(), found.is_empty()) {
        (Some(recipient), true) => Ok(recipient),
        _ => Err("to one contact: a list would be too many".to_owned()),
    }
}

/// Whether it would work, as far as its provider can be asked without sending.
async fn ask(site: &Site, config: &Config, account: &Account, query: &str) -> Result<Value, String> {
    let to = Query::read(query)?.only("to")?.map(|to| recipient(config, account, to)).transpose()?;
    let contacts = to.map(|to| to.ways.into_iter().map(move |way| (to.contact.clone(), way.address.text)));
    let about = Inquiry { contacts: contacts.into_iter().flatten().collect(), now: site.means.clock.now() };
    Ok(learned(site.means.direct.probe(&account.name, &about).await))
}

/// What was learned.
fn learned(learned: Option<Result<Learned, SendError>>) -> Value {
    match learned {
        Some(Ok(Learned { well, faults })) => {
            let works = !faults.iter().any(|fault| fault.is_error);
            let told = |Fault { is_error, message, help }: &Fault| json!({ "error": is_error, "message": message, "help": help });
            json!({ "works": works, "says": well, "faults": faults.iter().map(told).collect::<Value>() })
        }
        Some(Err(why)) => json!({ "works": false, "says": why.to_string(), "class": why.class.as_str(), "faults": [] }),
        // It was configured a moment ago.
        None => json!({ "works": false, "says": "it is just being loaded: ask again", "faults": [] }),
    }
}

/// Puts a small message into the queue, which goes by this account alone.
async fn test(site: &Site, config: &Config, account: &Account, query: &str) -> Result<Value, No> {
    let to = Query::read(query)?.only("to")?.ok_or_else(|| "to whom? say to=CONTACT".to_owned())?;
    let recipient = recipient(config, account, to)?;
    let now = site.means.clock.now();
    let (host, name) = (host::name(), &account.name);
    let message = Message {
        id: MessageId::generate(now).map_err(|_| No::NotStored)?,
        hook: HOOK.to_owned(),
        caller: None,
        title: None,
        text: format!("hookbell test from {host} by {name}: nothing happened, somebody looks whether alarms arrive."),
        format: TextFormat::Plain,
        thread: None,
        priority: Priority::High,
        accepted_at: now,
        expires_at: now.plus(TTL),
    };
    let address = recipient.ways.first().map(|way| way.address.text.clone());
    let contact = recipient.contact.clone();
    let hears = account.provider.poll().is_some() || !account.callback_secrets.is_empty();
    let until = if account.can.reports() && hears { Until::Delivered } else { Until::Sent };
    match keep(Composed::new(message, Brought::default(), vec![recipient]), site.means.ways()).await {
        Ok(Kept::Stored(stored)) => {
            tracing::info!(id = %stored.id, account = %name, contact, "a test by an operator");
            // Of an account that is out of order it is the next try.
            if let Some(outbox) = site.means.outbox.get()
                && let Err(why) = outbox.try_now(name).await
            {
                tracing::warn!(account = %name, "it is not tried at once: {why}");
            }
            Ok(json!({
                "id": stored.id.to_string(),
                "contact": contact,
                "address": address,
                "until": until.as_str(),
            }))
        }
        Ok(Kept::Sent { .. }) => Ok(json!({ "id": null, "contact": contact, "address": address, "until": "sent" })),
        Err(SendRefusal::Caller(why)) => Err(No::Wrong(why)),
        Err(why) => {
            tracing::warn!(account = %name, "a test by an operator could not be made: {why}");
            Err(No::NotStored)
        }
    }
}

/// Has the provider call us, where it can be told where; or keep its news until it is asked. What is shown has no secret.
async fn set_up(site: &Site, account: &Account, query: &str) -> Result<Value, String> {
    let given = Query::read(query)?.only("url")?;
    let name = &account.name;
    let nothing = |why| Err(format!("{name}: there is nothing to set up: {why}"));
    let url = match (account.provider.callback(), account.provider.poll()) {
        (Some(_), _) if account.callback_secrets.is_empty() => {
            return nothing("its \"callback-secret\" is empty, so no callbacks are taken");
        }
        (Some(_), _) => Some(base(site, given)?),
        (None, Some(_)) => None,
        (None, None) => return nothing("its provider never calls"),
    };
    let told = url.as_ref().and_then(|base| account.callback_url(base)).unwrap_or_else(|| Secret::new(""));
    let mut answer = learned(site.means.direct.set_up(name, &told).await);
    if answer["works"] == true {
        tracing::info!(account = %name, "an operator had it set up how its provider tells its news");
    }
    if let Some(base) = url {
        answer["url"] = json!(format!("{base}/callbacks/{}/{}", encode_segment(name.as_str()), mask::SHOWN));
        answer["mask"] = json!(mask::SHOWN);
        answer["token"] = json!(account.callback_token);
        answer["help"] = json!((!base.starts_with("https://")).then_some("most providers call by https:// only"));
    }
    Ok(answer)
}

/// What stands before the paths of callbacks.
fn base(site: &Site, given: Option<String>) -> Result<String, String> {
    let Some(base) = given.or_else(|| site.callbacks.base.clone()) else {
        return Err(
            "nobody said how the world reaches us: start the daemon with -public-url https://HOST, or say -url \
                    https://HOST here"
                .to_owned(),
        );
    };
    let base = base.trim_end_matches('/').to_owned();
    let sound = base.parse::<Uri>().is_ok_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some() && url.query().is_none()
    });
    if sound { Ok(base) } else { Err(format!("{base}: expected https://HOST, perhaps with a path")) }
}
