//! One account's desk: who waits for items, and whether the device is there at all.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::dispatch::conversation;
use crate::dispatch::lane::{AFTER_TROUBLE, BREATH, Common, SLOW_POLL, outgoing};
use crate::message::delivery::{Class, SendError};
use crate::message::news::{News, Standing};
use crate::outbox::{Claim, Claims, OutboxError, Settlement, Terms};
use crate::provider::pull::Item;
use crate::provider::{Account, Request};
use crate::tasks::Tasks;

/// Claims that a desk without its device refuses at once: one is enough to find out whether it still stands.
const REFUSED_AT_ONCE: usize = 4;

/// How long a lease lasts that nobody is to hold.
const NO_TIME: Duration = Duration::from_secs(60);

/// What a device asks its desk.
pub(super) enum Asked {
    /// It is there.
    Nothing,
    /// It wants items.
    Fetch(Fetch),
}

/// A device that waits for items.
pub(super) struct Fetch {
    pub(super) most: usize,
    pub(super) lease: Duration,
    pub(super) until: Instant,
    pub(super) reply: oneshot::Sender<Vec<Item>>,
}

/// Whether the device is there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// As far as anybody knows.
    Here,
    /// It has been silent for too long, and the breaker is open for that.
    Silent,
    /// It was, and has asked again.
    Back,
}

pub(super) struct Desk {
    account: Arc<Account>,
    common: Common,
    bell: Arc<Notify>,
    asks: mpsc::Receiver<Asked>,
    /// The last one has the device; those before it are its calls that broke off unnoticed.
    waiting: Vec<Fetch>,
    presence: Presence,
    /// When the device asked last, or the desk was opened; by the time that passes, and by the time of day.
    seen: (Instant, Timestamp),
    silent_after: Duration,
    /// When the outbox wants to be asked again: a lease may run out then.
    next_at: Option<Timestamp>,
}

impl Desk {
    pub(super) fn new(account: Arc<Account>, common: Common, asks: mpsc::Receiver<Asked>) -> Desk {
        let bell = common.outbox.bell(&account.name);
        let silent_after = account.provider.pull().map_or(SLOW_POLL, |pull| pull.silent_after());
        let seen = (Instant::now(), common.clock.now());
        let (presence, waiting, next_at) = (Presence::Here, Vec::new(), Some(seen.1));
        Desk { account, common, bell, asks, waiting, presence, seen, silent_after, next_at }
    }

    pub(super) async fn run(mut self, tasks: &Tasks) {
        self.recall().await;
        let mut wake = Instant::now();
        loop {
            tokio::select! {
                biased;
                // Whoever waits is answered: nothing.
                () = tasks.stopping() => return,
                asked = self.asks.recv() => match asked {
                    Some(asked) => self.hear(asked),
                    None => return,
                },
                // A ring between asking and listening is remembered.
                () = self.bell.notified() => self.next_at = Some(self.common.clock.now()),
                () = sleep_until(wake) => {}
            }
            wake = Instant::now() + self.round().await.max(BREATH);
        }
    }

    /// New, or mended: it is tried at once. A silence that was noticed before a restart lasts until the device asks.
    async fn recall(&mut self) {
        let outbox = &self.common.outbox;
        let known = match outbox.try_now(&self.account.name).await {
            Ok(()) => outbox.accounts().await,
            Err(e) => Err(e),
        };
        let broken = known.map(|all| all.into_iter().find(|state| state.account == self.account.name));
        match broken.map(|state| state.and_then(|state| state.broken)) {
            Ok(Some((_, why))) if why.starts_with(&silence(&self.account.name)) => self.presence = Presence::Silent,
            Ok(_) => {}
            Err(e) => self.trouble(&e),
        }
    }

    fn hear(&mut self, asked: Asked) {
        self.seen = (Instant::now(), self.common.clock.now());
        if self.presence == Presence::Silent {
            self.presence = Presence::Back;
        }
        if let Asked::Fetch(fetch) = asked {
            self.waiting.push(fetch);
        }
    }

    /// Does what is to be done now. Yields how long there is nothing more, should nobody ask and no bell ring.
    async fn round(&mut self) -> Duration {
        let done = match self.judge().await {
            Ok(()) if self.presence == Presence::Silent => self.refuse().await,
            Ok(()) => self.offer().await,
            Err(e) => Err(e),
        };
        let now = Instant::now();
        self.waiting.retain(|fetch| fetch.until > now && !fetch.reply.is_closed());
        if let Err(e) = done {
            self.trouble(&e);
            return AFTER_TROUBLE;
        }
        let due = self.next_at.map(|at| at.since(self.common.clock.now()));
        let over = self.waiting.iter().map(|fetch| fetch.until - now);
        let silent = (self.presence == Presence::Here).then(|| self.silent_after.saturating_sub(self.seen.0.elapsed()));
        over.chain(due).chain(silent).min().unwrap_or(SLOW_POLL).min(SLOW_POLL)
    }

    /// Notices that the device has gone, or come back.
    async fn judge(&mut self) -> Result<(), OutboxError> {
        let (presence, news) = match self.presence {
            Presence::Here if self.seen.0.elapsed() >= self.silent_after => {
                (Presence::Silent, Standing::Down { why: self.silence() })
            }
            Presence::Back => (Presence::Here, Standing::Well),
            Presence::Here | Presence::Silent => return Ok(()),
        };
        self.common.outbox.report(&self.account.name, vec![News::Standing(news)]).await?;
        self.presence = presence;
        self.next_at = Some(self.common.clock.now());
        Ok(())
    }

    /// Why nothing goes while the device is silent.
    fn silence(&self) -> String {
        format!("{}{:.19}Z", silence(&self.account.name), self.seen.1.to_string())
    }

    /// Without its device the account can't send: what is due hears so, as often as the breaker lets it ask.
    async fn refuse(&mut self) -> Result<(), OutboxError> {
        if !self.is_due() {
            return Ok(());
        }
        let Claims { claims, next_at, ended } =
            self.common.outbox.claim(&self.account.name, self.terms(REFUSED_AT_ONCE, NO_TIME)).await?;
        self.common.see_off(&ended);
        self.next_at = next_at;
        for claim in claims {
            let error = SendError { class: Class::Account, code: "silent".to_owned(), detail: self.silence() };
            self.give_back(claim, error).await;
        }
        Ok(())
    }

    /// Lends what is due to the device that waits; the calls before its last one are over.
    async fn offer(&mut self) -> Result<(), OutboxError> {
        self.waiting.retain(|fetch| !fetch.reply.is_closed());
        let Some(Fetch { most, lease, .. }) = self.waiting.last() else { return self.sweep().await };
        let Claims { claims, next_at, ended } =
            self.common.outbox.lend(&self.account.name, self.terms(*most, *lease)).await?;
        let until = self.common.clock.now().plus(*lease);
        self.common.see_off(&ended);
        self.next_at = next_at;
        let mut lent = Vec::new();
        for claim in claims {
            match self.item(&claim, until).await {
                Ok(item) => lent.push((claim, item)),
                Err(error) => self.give_back(claim, error).await,
            }
        }
        if lent.is_empty() {
            return Ok(());
        }
        let (claims, items): (Vec<_>, Vec<_>) = lent.into_iter().unzip();
        let last = self.waiting.pop();
        let taken = last.is_some_and(|fetch| fetch.reply.send(items).is_ok());
        if taken {
            self.waiting.clear();
            return Ok(());
        }
        for claim in claims {
            let detail = "the phone hung up before it got it".to_owned();
            self.give_back(claim, SendError { class: Class::Network, code: String::new(), detail }).await;
        }
        Ok(())
    }

    /// Nobody waits for items, but leases run out.
    async fn sweep(&mut self) -> Result<(), OutboxError> {
        if !self.is_due() {
            return Ok(());
        }
        self.common.see_off(&self.common.outbox.sweep().await?);
        self.next_at = self.common.outbox.next_sweep().await?;
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.next_at.is_some_and(|at| at <= self.common.clock.now())
    }

    fn terms(&self, free: usize, lease: Duration) -> Terms {
        Terms { free, limits: self.account.limits, lease, on_unknown: self.account.on_unknown }
    }

    /// What the device is given: what the provider says, and the lease.
    async fn item(&self, claim: &Claim, until: Timestamp) -> Result<Item, SendError> {
        let links = self.common.links.as_deref();
        let mut out = outgoing(&self.account, claim, links, self.common.clock.now())?;
        if let Some((message, label)) = claim.media() {
            let page = links.map(|links| links.to_media(*message));
            out.bring(label, self.account.can.carriage(label, page.as_deref()), None, self.account.can.text);
        }
        let Request::Offer(Item(mut fields)) = conversation::opening(&self.account, &out).await? else {
            let detail = "the provider has nothing that a phone could fetch".to_owned();
            return Err(SendError { class: Class::Fault, code: String::new(), detail });
        };
        let lease: [(&str, Value); 6] = [
            ("id", json!(claim.key())),
            ("lease", json!(claim.ticket().to_string())),
            ("attempt", json!(claim.number())),
            ("expires_at", json!(until.millis())),
            ("contact", json!(claim.delivery().recipient.contact)),
            ("possible_duplicate", json!(claim.delivery().possible_duplicate)),
        ];
        fields.extend(lease.map(|(name, value)| (name.to_owned(), value)));
        Ok(Item(fields))
    }

    /// Settles what no device got.
    async fn give_back(&self, claim: Claim, error: SendError) {
        let settlement = Settlement { outcome: Err(error), on_unknown: self.account.on_unknown };
        match self.common.outbox.settle(claim, settlement).await {
            Ok(settled) => self.common.see_off(&settled),
            Err(e) => self.trouble(&e),
        }
    }

    fn trouble(&self, error: &OutboxError) {
        tracing::error!(account = %self.account.name, "the outbox could not be asked for the phone: {error}");
    }
}

/// How the reason begins why nothing goes by the account of a silent device.
fn silence(account: &AccountName) -> String {
    format!("the phone {account} has not asked since ")
}
