//! Asking for the news of one account, for providers that keep it until they are asked.

use std::sync::Arc;
use std::time::Duration;

use super::carry::Carry;
use super::conversation::{self, TURNS};
use super::hear::hear;
use super::lane::{AFTER_TROUBLE, Common};
use super::quiet::Quiet;
use crate::account::AccountName;
use crate::message::delivery::{Class, SendError};
use crate::message::news::{News, Standing};
use crate::message::retry;
use crate::outbox::{Heard, OutboxError};
use crate::provider::poll::{Polled, Round};
use crate::provider::{Account, Answer, Request};
use crate::tasks::Tasks;

/// The shortest rest after a round that changed nothing: whoever answers at once that there is nothing new, or the same
/// again, is not asked in a hot loop.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// Asks for the news of one account, round after round.
struct Poller {
    account: Arc<Account>,
    carrier: Arc<dyn Carry>,
    common: Common,
    /// Where the next round goes on. It is not kept over a restart: then some news comes again, and is known by its id.
    since: Option<String>,
    /// Failed rounds in a row.
    failures: u32,
    /// What this poller told of the account last. Another one may have found it broken before the configuration was mended,
    /// so that the first round tells, too.
    told: Option<Standing>,
    quiet: Quiet,
}

/// Starts asking, if that is how the account's provider tells its news. It begins when the predecessor has ended: many
/// providers let one ask at a time.
pub(super) fn start(
    account: &Arc<Account>,
    carrier: Arc<dyn Carry>,
    common: Common,
    tasks: &Tasks,
    predecessor: Option<Tasks>,
) {
    if account.provider.poll().is_none() {
        return;
    }
    let (account, family) = (Arc::clone(account), tasks.clone());
    let (since, failures, told, quiet) = Default::default();
    let poller = Poller { account, carrier, common, since, failures, told, quiet };
    tasks.spawn(async move {
        if let Some(predecessor) = predecessor {
            predecessor.ended().await;
        }
        poller.run(&family).await;
    });
}

impl Poller {
    async fn run(mut self, tasks: &Tasks) {
        loop {
            // What is dropped in the middle of a question is asked for again by the next process.
            let asked = tokio::select! {
                biased;
                () = tasks.stopping() => return,
                asked = conversation::ended(&self.account, self.ask()) => asked,
            };
            let rest = match asked {
                Ok(round) => self.take(round, tasks).await,
                Err(error) => self.failed(error).await,
            };
            tokio::select! {
                biased;
                () = tasks.stopping() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// One round, as far as the provider has a part in it.
    async fn ask(&self) -> Result<Round, SendError> {
        let mut answers = Vec::new();
        for _ in 0..TURNS {
            let Some(poll) = self.account.provider.poll() else { break };
            match poll.poll(self.since.as_deref(), self.common.clock.now(), &answers)? {
                Polled::Heard(Round { news, receipt, since, rest }) => {
                    let news = news.into_iter().map(|news| self.account.masked_news(news)).collect();
                    return Ok(Round { news, receipt, since, rest });
                }
                Polled::Ask(request) => answers.push(self.carrier.carry(request).await?),
            }
        }
        Err(conversation::unknown("the questions for news have no end"))
    }

    /// Writes down what was heard, and only then gives the receipt. Yields how long to rest.
    async fn take(&mut self, round: Round, tasks: &Tasks) -> Duration {
        let Round { mut news, receipt, since, rest } = round;
        if self.told != Some(Standing::Well) {
            news.insert(0, News::Standing(Standing::Well));
        }
        let heard = match self.hear(news).await {
            Ok(heard) => heard,
            Err(why) => {
                self.warn("outbox", &format!("what was heard is not written down, and is asked for again: {why}"));
                return AFTER_TROUBLE;
            }
        };
        self.told = Some(Standing::Well);
        self.since = since;
        if let Some(receipt) = receipt {
            let given = tokio::select! {
                biased;
                () = tasks.stopping() => return Duration::ZERO,
                given = self.give(receipt) => given,
            };
            if let Err(error) = given {
                return self.failed(error).await;
            }
        }
        if std::mem::take(&mut self.failures) > 0 {
            tracing::info!(account = %self.name(), "its news can be asked for again");
        }
        let is_new = !heard.changed.is_empty() || !heard.inbound.is_empty();
        if is_new { rest } else { rest.max(SHORTEST_REST) }
    }

    /// Carries a receipt. One that does not arrive brings the same news again.
    async fn give(&self, receipt: Request) -> Result<(), SendError> {
        match self.carrier.carry(receipt).await? {
            Answer::Http { status, .. } if !status.is_success() => {
                let detail = format!("the receipt for news was answered by {status}");
                Err(SendError { class: Class::Fault, code: format!("http {}", status.as_u16()), detail })
            }
            _ => Ok(()),
        }
    }

    /// Tells of a round that failed. Yields how long to wait before the next.
    ///
    /// Only an *account* error says something of sending, too: whoever may not ask may not send. It is told when it begins,
    /// so that the lane, which may know better, is not contradicted again and again.
    async fn failed(&mut self, error: SendError) -> Duration {
        self.warn(error.class.as_str(), &error.detail);
        let down = Standing::Down { why: error.detail };
        if error.class == Class::Account && !matches!(self.told, Some(Standing::Down { .. })) {
            match self.hear(vec![News::Standing(down.clone())]).await {
                Ok(_) => self.told = Some(down),
                Err(why) => {
                    self.warn("outbox", &format!("that the account is out of order is not written down: {why}"))
                }
            }
        }
        let earlier = self.failures;
        self.failures = earlier.saturating_add(1);
        match error.class {
            Class::Wait { after: Some(after), .. } => retry::hold(Some(after), earlier),
            // Half of the step at least: many hosts that lost the same provider don't come back at once.
            _ => retry::step(earlier).mul_f64(0.5 + retry::jitter() / 2.0).max(SHORTEST_REST),
        }
    }

    async fn hear(&self, news: Vec<News>) -> Result<Heard, OutboxError> {
        if news.is_empty() {
            return Ok(Heard::default());
        }
        let contacts = Arc::clone(&self.common.contacts.borrow());
        hear(&self.common.outbox, &contacts, self.name(), news).await
    }

    /// Logs trouble unless the same sort of it was logged just now.
    fn warn(&mut self, class: &'static str, detail: &str) {
        let account = &self.account.name;
        match self.quiet.note(class, tokio::time::Instant::now()) {
            Some(0) => tracing::warn!(%account, class, "asking for its news failed: {detail}"),
            Some(more) => {
                tracing::warn!(%account, class, more, "asking for its news failed, again and again: {detail}")
            }
            None => {}
        }
    }

    fn name(&self) -> &AccountName {
        &self.account.name
    }
}
