//! What devices call: `/pull/v1/...`, to fetch what their account is to send, and to say what became of it.
//!
//! | call | says | answer |
//! |---|---|---|
//! | `POST lease` | `max`, `wait_s`, `lease_s`, `accept` | 200 `{"items": [...]}`, or 204 |
//! | `POST items/ID/ack` | `lease`, `state`, `at`, `provider_id` | 200; 409 `stale_lease`; 410 `gone` |
//! | `POST items/ID/nack` | `lease`, `reason`, `detail`, `retry_after_s` | the same |
//! | `POST items/ID/extend` | `lease`, `lease_s` | 200 `{"expires_at"}`; 409 |
//! | `POST items/ID/status` | `state`, `at`, `reason`, `detail` | 200 |
//! | `POST inbound` | `dedupe`, `from`, `name`, `text`, `at` | 200 |
//! | `POST heartbeat` | `battery`, `screen`, `app_version`, `queue_blocked` | 200 `{"pause_s"}` |
//! | `GET next` | `k`, `wait_s`, `lease_s` | 200 `{"send": true, ...}` or `{"send": false}` |
//! | `POST done` | `k`, `id`, `lease`, `status`: 1 or 2, `reason`, `front` | as `ack` and `nack` |
//!
//! Bodies are JSON or forms. The token comes by `Authorization: Bearer` or as `k`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::request::Parts;
use serde_json::json;
use tokio::sync::oneshot;

use self::fields::Fields;
use super::outcome::{DeviceReply, Outcome};
use super::site::Site;
use super::{Body, Peer};
use crate::account::AccountName;
use crate::config::Config;
use crate::dispatch::pull::{Seat, Wants};
use crate::hook::admit::{Refusal, WRONG_TOKEN_DELAY, in_authorization};
use crate::outbox::{Answered, OutboxError, Ticket};
use crate::provider::Account;
use crate::provider::pull::{Item, Said};
use crate::url::{Broken, Pair, pairs, values_of};

mod fields;
mod tells;

/// The largest body, in bytes: a text of WhatsApp has 65,536 characters, and escapes.
const MAX_BODY: usize = 1024 * 1024;

/// How long it may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The longest that a device may wait for something to do: proxies on the way break off after half a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// How long a device has for what it fetched, should it not say: some five seconds a text, and a slow phone.
const LEASE: Duration = Duration::from_secs(90);

/// The shortest and the longest that it may have.
const LEASES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60 * 60));

/// Items that one call fetches at most.
const MOST_ITEMS: u64 = 10;

/// What a device called for.
enum Asks<'a> {
    Lease,
    Ack(&'a str),
    Nack(&'a str),
    Extend(&'a str),
    Status(&'a str),
    Inbound,
    Heartbeat,
    Next,
    Done,
}

/// Whether any device may call: else there is no such route.
pub(super) fn is_expected(config: &Config) -> bool {
    config.accounts.values().any(|account| account.provider.pull().is_some())
}

/// One call of a device. `called` is what follows `/pull/v1/` in its path.
pub(super) async fn serve(
    site: &Site,
    config: &Arc<Config>,
    called: &str,
    parts: &Parts,
    body: Body,
    peer: &Peer,
) -> Outcome {
    let Some(asks) = Asks::of(called) else { return Outcome::Nowhere };
    if parts.method != asks.method() {
        return Outcome::Refused(Refusal::Method);
    }
    let (query, _) = pairs(parts.uri.query().unwrap_or_default().as_bytes(), Broken::Kept);
    let in_head = account_of(config, &tokens_in(parts, &query));
    // Whoever shows a token in a form shows it late.
    if in_head.is_none() && !matches!(asks, Asks::Done) {
        return refuse(site, peer).await;
    }
    let body = match body.known_if(in_head.is_some()).read(MAX_BODY, BODY_TIME).await {
        Ok(body) => body,
        Err(fault) => {
            tracing::warn!(peer = peer.shown, "refused: what a phone says: {fault}");
            return Outcome::Body(fault);
        }
    };
    let fields = Fields::read(&body, &query);
    let in_body = || account_of(config, &[fields.as_ref().ok()?.text("k")?]);
    let Some(account) = in_head.or_else(in_body) else { return refuse(site, peer).await };
    let Some(seat) = site.means.desks.of(&account.name) else { return Outcome::Unavailable };
    let call = fields.and_then(|fields| Call::of(asks, fields));
    match call {
        Ok(call) => answer(site, config, account, seat, call).await,
        Err(why) => {
            tracing::warn!(account = %account.name, peer = peer.shown, "refused: what a phone says: {why}");
            Outcome::Wrong(why)
        }
    }
}

impl Asks<'_> {
    fn of(called: &str) -> Option<Asks<'_>> {
        Some(match called {
            "lease" => Asks::Lease,
            "inbound" => Asks::Inbound,
            "heartbeat" => Asks::Heartbeat,
            "next" => Asks::Next,
            "done" => Asks::Done,
            _ => match called.strip_prefix("items/")?.split_once('/')? {
                (item, "ack") => Asks::Ack(item),
                (item, "nack") => Asks::Nack(item),
                (item, "extend") => Asks::Extend(item),
                (item, "status") => Asks::Status(item),
                _ => return None,
            },
        })
    }

    fn method(&self) -> Method {
        if matches!(self, Asks::Next) { Method::GET } else { Method::POST }
    }
}

/// A call that can be answered.
enum Call {
    /// What is due; the flag says whether a tool asks that wants one item, and never an empty answer.
    Fetch(Wants, bool),
    Says(String, Ticket, Said),
    Extend(String, Ticket, Duration),
    /// It tells what comes to the outbox as a provider's news does.
    Tells(tells::Tells),
    Heartbeat(Fields),
}

impl Call {
    fn of(asks: Asks<'_>, fields: Fields) -> Result<Call, String> {
        let ticket = || fields.required("lease")?.parse::<Ticket>().map_err(|why| format!("\"lease\": {why}"));
        Ok(match asks {
            Asks::Lease => Call::Fetch(wants(&fields)?, false),
            Asks::Next => Call::Fetch(Wants { most: 1, ..wants(&fields)? }, true),
            Asks::Ack(item) => match fields.text("state").as_deref() {
                None | Some("sent") => Call::Says(item.to_owned(), ticket()?, Said::Sent),
                Some(_) => return Err("\"state\" is \"sent\"; later ones go to status".to_owned()),
            },
            Asks::Nack(item) => {
                let said = refused(&fields, &fields.required("reason")?)?;
                Call::Says(item.to_owned(), ticket()?, said)
            }
            Asks::Done => Call::Says(fields.required("id")?, ticket()?, done(&fields)?),
            Asks::Extend(item) => Call::Extend(item.to_owned(), ticket()?, lease(&fields)?),
            Asks::Status(item) => Call::Tells(tells::Tells::status(item.to_owned(), fields)?),
            Asks::Inbound => Call::Tells(tells::Tells::inbound(fields)?),
            Asks::Heartbeat => Call::Heartbeat(fields),
        })
    }
}

fn wants(fields: &Fields) -> Result<Wants, String> {
    let most = fields.number("max")?.unwrap_or(1).clamp(1, MOST_ITEMS);
    let takes_texts = fields
        .get("accept")
        .and_then(|accept| accept.as_array())
        .is_none_or(|all| all.iter().any(|kind| kind == "text"));
    Ok(Wants {
        most: if takes_texts { usize::try_from(most).unwrap_or(1) } else { 0 },
        lease: lease(fields)?,
        wait: fields.seconds("wait_s")?.unwrap_or_default().min(LONGEST_WAIT),
    })
}

fn lease(fields: &Fields) -> Result<Duration, String> {
    Ok(fields.seconds("lease_s")?.unwrap_or(LEASE).clamp(LEASES.0, LEASES.1))
}

fn refused(fields: &Fields, reason: &str) -> Result<Said, String> {
    let detail = fields.text("detail").unwrap_or_default();
    Said::refused(reason, &detail, fields.seconds("retry_after_s")?)
}

/// The result of <https://habr.com/ru/articles/487182/>: 1 for sent, 2 for the number that has no WhatsApp, unless the app
/// was not in front.
fn done(fields: &Fields) -> Result<Said, String> {
    let reason = fields.text("reason");
    match fields.required("status")?.as_str() {
        "1" => Ok(Said::Sent),
        "2" if reason.is_some() => refused(fields, &reason.unwrap_or_default()),
        "2" if fields.text("front").as_deref() == Some("0") => refused(fields, "ui_error"),
        "2" => refused(fields, "not_registered"),
        _ => Err("\"status\" is 1 (sent) or 2 (not sent)".to_owned()),
    }
}

/// The tokens in header and query.
fn tokens_in(parts: &Parts, query: &[Pair<'_>]) -> Vec<String> {
    let mut tokens = in_authorization(&parts.headers);
    tokens.extend(values_of(query, "k").map(|key| String::from_utf8_lossy(key).into_owned()));
    tokens
}

/// The account whose device shows one of these. Every secret is looked at.
fn account_of<'c>(config: &'c Config, shown: &[String]) -> Option<&'c Arc<Account>> {
    let knows = |account: &&Arc<Account>| {
        let known = account.provider.pull().map_or(&[][..], |pull| pull.tokens());
        shown.iter().any(|shown| known.iter().any(|known| known.matches(shown)))
    };
    config.accounts.values().find(knows)
}

async fn refuse(site: &Site, peer: &Peer) -> Outcome {
    if let Some(times) = site.wrong_tokens.due(peer.ip) {
        tracing::warn!(peer = peer.shown, times, "refused: a phone without a token, or with a wrong one");
    }
    tokio::time::sleep(WRONG_TOKEN_DELAY).await;
    Outcome::Device(DeviceReply::NoToken)
}

async fn answer(site: &Site, config: &Arc<Config>, account: &Arc<Account>, seat: Seat, call: Call) -> Outcome {
    let name = account.name.clone();
    if !matches!(call, Call::Fetch(..)) {
        seat.is_seen().await;
    }
    match call {
        Call::Fetch(wants, is_tool) => fetched(fetch(site, &seat, wants).await, is_tool),
        Call::Says(item, ticket, said) => match whole(site, async move { seat.answer(item, ticket, said).await }).await
        {
            Some(Ok(Answered::Settled(_) | Answered::Already)) => Outcome::Device(DeviceReply::Done(json!({}))),
            Some(Ok(Answered::Stale)) => Outcome::Device(DeviceReply::Stale),
            Some(Ok(Answered::Gone)) => Outcome::Device(DeviceReply::Gone),
            Some(Err(why)) => not_written(&name, &why),
            None => Outcome::NotStored,
        },
        Call::Extend(item, ticket, lease) => {
            match whole(site, async move { seat.extend(item, ticket, lease).await }).await {
                Some(Ok(Some(until))) => Outcome::Device(DeviceReply::Done(json!({ "expires_at": until.millis() }))),
                Some(Ok(None)) => Outcome::Device(DeviceReply::Stale),
                Some(Err(why)) => not_written(&name, &why),
                None => Outcome::NotStored,
            }
        }
        Call::Tells(tells) => tells::tell(site, name, tells.news(&config.directory, site.means.clock.now())).await,
        Call::Heartbeat(fields) => tells::heartbeat(site, name, &fields).await,
    }
}

/// What is due, now or within the time that the device waits; nothing, as soon as the house closes.
async fn fetch(site: &Site, seat: &Seat, wants: Wants) -> Vec<Item> {
    if wants.most == 0 {
        seat.is_seen().await;
        return Vec::new();
    }
    tokio::select! {
        biased;
        items = seat.fetch(wants) => items,
        () = site.edge.stopping() => Vec::new(),
    }
}

fn fetched(items: Vec<Item>, is_tool: bool) -> Outcome {
    Outcome::Device(match (items.into_iter().map(|Item(fields)| fields).collect::<Vec<_>>(), is_tool) {
        (items, true) => match items.into_iter().next() {
            Some(mut item) => {
                item.insert("phone".to_owned(), item.get("to").cloned().unwrap_or_default());
                item.insert("send".to_owned(), json!(true));
                DeviceReply::Done(json!(item))
            }
            None => DeviceReply::Done(json!({ "send": false })),
        },
        (items, false) if items.is_empty() => DeviceReply::Nothing,
        (items, false) => DeviceReply::Done(json!({ "items": items })),
    })
}

/// Does it whole, though the device may hang up. `None`: it broke off.
async fn whole<T: Send + 'static>(site: &Site, what: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    site.means.tasks.spawn(async move {
        tell.send(what.await).ok();
    });
    told.await.ok()
}

fn not_written(account: &AccountName, why: &OutboxError) -> Outcome {
    tracing::error!(%account, "what a phone says could not be stored, and is asked for again: {why}");
    Outcome::NotStored
}
