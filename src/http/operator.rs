//! `/api/v1` for the operator: what there is in the outbox, and what can be done about it.

mod accounts;
pub(super) mod json;
mod query;
mod tried;

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use self::query::Query;
use super::outcome::Outcome;
use super::site::Site;
use super::wait::until;
use crate::clock::Timestamp;
use crate::dispatch::log_end;
use crate::hook::admit::Refusal;
use crate::message::MessageId;
use crate::message::delivery::{DeliveryId, DeliveryState};
use crate::outbox::{MessageStatus, Named, Outbox, OutboxError, Reader, Touched};

/// For how long a cancel waits for a try that is under way: most providers answer sooner, and the command line waits for
/// longer.
const CANCEL_WAITS: Duration = Duration::from_secs(20);

/// Refused calls of one answer: all that are kept.
const REFUSED: u32 = 10_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nothing is called so.
    #[error("there is nothing of that name in /api/v1")]
    Nowhere,
    /// It must be asked otherwise; how.
    #[error("{0}")]
    Wrong(String),
    /// There is no such message.
    #[error("there is no such message")]
    UnknownMessage,
    /// The outbox can't be asked.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

impl From<String> for NoAnswer {
    fn from(how: String) -> NoAnswer {
        NoAnswer::Wrong(how)
    }
}

/// What stands under `path`, which is what follows `/api/v1/`. The daemon answers with it, and the command line where no
/// daemon runs.
pub fn look(reader: &Reader, path: &str, query: &str, now: Timestamp) -> Result<Value, NoAnswer> {
    match path {
        "messages" => {
            let listed = reader.list(&Query::read(query)?.filter(now)?)?;
            Ok(json::listed(&listed))
        }
        "refused" => {
            let refused = reader.refused(Query::read(query)?.only_limit(REFUSED)?)?;
            Ok(json!({ "refused": refused.iter().map(json::refused).collect::<Vec<_>>() }))
        }
        "accounts" => {
            Query::read(query)?.nothing()?;
            Ok(accounts::listed(reader.gauges(now)?, None, now))
        }
        "depth" => {
            Query::read(query)?.nothing()?;
            Ok(json!({ "accounts": reader.accounts(now)?.iter().map(json::account).collect::<Vec<_>>() }))
        }
        "expected" => {
            Query::read(query)?.nothing()?;
            Ok(json!({
                "canaries": reader.canaries()?.iter().map(json::canary).collect::<Vec<_>>(),
                "hooks": reader.expected_calls()?.iter().map(json::expected_call).collect::<Vec<_>>(),
            }))
        }
        _ => {
            let id = path.strip_prefix("messages/").filter(|id| !id.contains('/')).ok_or(NoAnswer::Nowhere)?;
            Query::read(query)?.nothing()?;
            let (status, attempts) = reader.show(named(reader, id)?, now)?.ok_or(NoAnswer::UnknownMessage)?;
            Ok(json::message(&status, &attempts))
        }
    }
}

/// The message whose id begins so.
fn named(reader: &Reader, beginning: &str) -> Result<MessageId, NoAnswer> {
    match reader.named(beginning)? {
        Named::One(id) => Ok(id),
        Named::Nothing => Err(NoAnswer::UnknownMessage),
        Named::Several => {
            Err(NoAnswer::Wrong(format!("several messages' ids begin with {beginning}: give more of it")))
        }
    }
}

/// Answers one request; `path` is what follows `/api/v1/`.
pub(super) async fn answer(site: &Site, method: &Method, path: &str, query: &str) -> Outcome {
    if let Some(asked) = path.strip_prefix("accounts/") {
        return tried::answer(site, method, asked, query).await;
    }
    let verb = path.rsplit('/').next().unwrap_or_default();
    let acts = matches!(verb, "retry" | "cancel" | "purge");
    if *method != if acts { Method::POST } else { Method::GET } {
        return Outcome::Refused(Refusal::Method);
    }
    // Nothing was ever to be sent: nothing there is no trouble.
    let Some(outbox) = site.means.outbox.get() else { return Outcome::Unavailable };
    let done = if acts { act(site, outbox, path, query).await } else { looked(site, outbox, path, query).await };
    match done {
        Ok(value) => Outcome::Told(value),
        Err(NoAnswer::Nowhere) => Outcome::Nowhere,
        Err(NoAnswer::Wrong(how)) => Outcome::Wrong(how),
        Err(NoAnswer::UnknownMessage) => Outcome::UnknownMessage,
        Err(NoAnswer::Outbox(why)) => {
            tracing::error!("the outbox could not do what the operator asked: {why}");
            Outcome::Unavailable
        }
    }
}

async fn looked(site: &Site, outbox: &Outbox, path: &str, query: &str) -> Result<Value, NoAnswer> {
    if path == "expected" {
        // Whoever looks may just have called.
        outbox.write_calls().await?;
    }
    let now = site.means.clock.now();
    if path == "accounts" {
        Query::read(query)?.nothing()?;
        let gauges = outbox.look(move |reader| reader.gauges(now)).await?;
        return Ok(accounts::listed(gauges, Some(&site.live.current()), now));
    }
    let (path, query) = (path.to_owned(), query.to_owned());
    outbox.look(move |reader| Ok(look(reader, &path, &query, now))).await?
}

async fn act(site: &Site, outbox: &Outbox, path: &str, query: &str) -> Result<Value, NoAnswer> {
    let query = Query::read(query)?;
    if path == "purge" {
        let count = outbox.purge(query.older(site.means.clock.now())?).await?;
        tracing::info!(count, "messages purged by an operator");
        return Ok(json!({ "purged": count }));
    }
    let (id, verb) = path.strip_prefix("messages/").and_then(|path| path.split_once('/')).ok_or(NoAnswer::Nowhere)?;
    let beginning = id.to_owned();
    let id = outbox.look(move |reader| Ok(named(reader, &beginning))).await??;
    let touched = match verb {
        "retry" => outbox.retry(id, query.force()?).await?,
        "cancel" => {
            query.nothing()?;
            cancel(site, outbox, id).await?
        }
        _ => return Err(NoAnswer::Nowhere),
    };
    let touched = touched.ok_or(NoAnswer::UnknownMessage)?;
    let count = touched.iter().filter(|touched| touched.done.is_ok()).count();
    tracing::info!(%id, count, "{verb} by an operator");
    Ok(json!({ "id": id.to_string(), "deliveries": touched.iter().map(json::touched).collect::<Vec<_>>() }))
}

/// Takes back what is queued at once, and what is being tried as soon as that has ended without success.
async fn cancel(site: &Site, outbox: &Outbox, id: MessageId) -> Result<Option<Vec<Touched>>, OutboxError> {
    let deadline = Instant::now() + CANCEL_WAITS;
    let mut canceled: BTreeSet<DeliveryId> = BTreeSet::new();
    loop {
        let Some(mut touched) = outbox.cancel(id).await? else { return Ok(None) };
        for Touched { delivery, done } in &mut touched {
            if done.is_ok() {
                log_end(delivery);
                canceled.insert(delivery.id);
            } else if canceled.contains(&delivery.id) {
                *done = Ok(());
            }
        }
        let is_trying = touched.iter().any(|touched| touched.delivery.state == DeliveryState::Sending);
        let left = deadline.saturating_duration_since(Instant::now());
        if !is_trying || left.is_zero() || site.edge.is_stopping() {
            return Ok(Some(touched));
        }
        let rests =
            |status: &MessageStatus| status.deliveries.iter().all(|row| row.delivery.state != DeliveryState::Sending);
        if until(site, outbox, id, left, rests).await.is_none() {
            return Ok(Some(touched));
        }
    }
}
