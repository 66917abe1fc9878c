//! One account's sending: claim, converse, settle.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

use super::carry::Carry;
use super::conversation;
use super::quiet::Quiet;
use crate::account::AccountName;
use crate::clock::{Clock, Timestamp};
use crate::contact::Directory;
use crate::message::delivery::{Class, Delivery, DeliveryState, Receipt, SendError};
use crate::message::link::Links;
use crate::outbox::{Claim, Outbox, Settlement, Terms};
use crate::provider::attach::Along;
use crate::provider::{Account, Outgoing};
use crate::tasks::Tasks;

/// Addresses that one account sends to at once: enough to hide a slow provider, few enough to stop within a drain.
const IN_FLIGHT: usize = 16;

/// Of those that send more than a text: each holds that in memory, and its request once more.
const MEDIA_IN_FLIGHT: usize = 4;

/// So often a message is tried with what it brings: where files go to a host of their own, that one may be what is not reached.
/// It is six minutes of holds, and costs the first in line its picture after a longer outage.
const TRIES_WITH_MEDIA: u64 = 12;

/// What a lease lasts beyond its conversation: the time that writing the result may take.
const LEASE_SLACK: Duration = Duration::from_secs(120);

/// The wait after the outbox refused.
pub(super) const AFTER_TROUBLE: Duration = Duration::from_secs(5);

/// The shortest wait between two claims.
pub(super) const BREATH: Duration = Duration::from_millis(1);

/// How often to look for what no bell tells: expiry while there is no lane.
pub(super) const SLOW_POLL: Duration = Duration::from_secs(60);

/// The names of all accounts of the configuration.
pub(super) type Known = Arc<BTreeSet<AccountName>>;

/// What every lane needs.
#[derive(Clone)]
pub(super) struct Common {
    pub outbox: Outbox,
    pub clock: Clock,
    /// The accounts there are, for deliveries that change their way.
    pub known: watch::Receiver<Known>,
    /// Rung when a delivery waits at an account that is not there.
    pub stray: Arc<Notify>,
    /// Links to whole texts.
    pub links: Option<Arc<Links>>,
    /// The contacts there are, for who writes to us.
    pub contacts: watch::Receiver<Arc<Directory>>,
}

impl Common {
    /// Tells of deliveries that ended. One must not wait unseen at an account that is gone: the one it left for, or its
    /// own, which may have gone while the try was under way.
    pub(super) fn see_off(&self, settled: &[Delivery]) {
        for delivery in settled {
            if delivery.state.is_end() {
                log_end(delivery);
            } else if delivery.current_way().is_some_and(|way| !self.known.borrow().contains(&way.account)) {
                self.stray.notify_one();
            }
        }
    }
}

struct Lane {
    account: Arc<Account>,
    carrier: Arc<dyn Carry>,
    common: Common,
    bell: Arc<Notify>,
    slots: Arc<Semaphore>,
    media: Semaphore,
    quiet: Mutex<Quiet>,
}

/// Starts a lane. It claims nothing before its predecessor has settled all it holds.
pub(super) fn start(
    account: Arc<Account>,
    carrier: Arc<dyn Carry>,
    common: Common,
    tasks: Tasks,
    predecessor: Option<Tasks>,
) {
    let bell = common.outbox.bell(&account.name);
    let slots = Arc::new(Semaphore::new(IN_FLIGHT));
    let media = Semaphore::new(MEDIA_IN_FLIGHT);
    let lane = Arc::new(Lane { account, carrier, common, bell, slots, media, quiet: Mutex::default() });
    let family = tasks.clone();
    tasks.spawn(async move {
        if let Some(predecessor) = predecessor {
            predecessor.ended().await;
        }
        lane.run(&family).await;
    });
}

impl Lane {
    async fn run(self: Arc<Lane>, tasks: &Tasks) {
        // New, or mended.
        if let Err(e) = self.common.outbox.try_now(&self.account.name).await {
            self.warn("outbox", &e.to_string());
        }
        while !tasks.is_stopping() {
            let wait = self.round(tasks).await.clamp(BREATH, SLOW_POLL);
            tokio::select! {
                biased;
                () = tasks.stopping() => return,
                // A ring between asking and listening is remembered.
                () = self.bell.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Claims what may go now and starts it. Yields how long to wait, should no bell ring.
    async fn round(self: &Arc<Lane>, tasks: &Tasks) -> Duration {
        let free = self.slots.available_permits();
        if free == 0 {
            // The next free one rings.
            return SLOW_POLL;
        }
        let terms = Terms {
            free,
            limits: self.account.limits,
            lease: conversation::longest(&self.account).saturating_add(LEASE_SLACK),
            on_unknown: self.account.on_unknown,
        };
        let asked = self.common.outbox.claim(&self.account.name, terms).await;
        let found = match asked {
            Ok(found) => found,
            Err(e) => {
                self.warn("outbox", &e.to_string());
                return AFTER_TROUBLE;
            }
        };
        found.ended.iter().for_each(log_end);
        for claim in found.claims {
            let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
            tasks.spawn(Arc::clone(self).attempt(claim, slot));
        }
        found.next_at.map_or(SLOW_POLL, |at| at.since(self.common.clock.now()))
    }

    /// One try of one delivery, to the written result.
    async fn attempt(self: Arc<Lane>, claim: Claim, slot: Option<OwnedSemaphorePermit>) {
        let outcome = match outgoing(&self.account, &claim, self.common.links.as_deref(), self.common.clock.now()) {
            Ok(mut outgoing) => {
                let _room = self.bring(&mut outgoing, &claim).await;
                conversation::hold(&self.account, &*self.carrier, &mut outgoing).await
            }
            Err(error) => Err(error),
        };
        match &outcome {
            Ok(Receipt { advice: Some(advice), .. }) => {
                let (account, contact) = (&self.account.name, &claim.delivery().recipient.contact);
                tracing::warn!(%account, contact, "it was sent, but {advice}");
            }
            Ok(_) => {}
            Err(error) => self.warn(error.class.as_str(), &error.detail),
        }
        let settlement = Settlement { outcome, on_unknown: self.account.on_unknown };
        let message = claim.delivery().message;
        match self.common.outbox.settle(claim, settlement).await {
            Ok(settled) => self.common.see_off(&settled),
            Err(e) => tracing::error!(id = %message, account = %self.account.name, "a try's result is lost: {e}"),
        }
        drop(slot);
        self.bell.notify_one();
    }

    /// Lets what a message brings go with the text. Yields the room that it takes in memory.
    async fn bring(&self, out: &mut Outgoing, claim: &Claim) -> Option<SemaphorePermit<'_>> {
        let (message, label) = claim.media()?;
        let page = self.common.links.as_deref().map(|links| links.to_media(*message));
        let mut carriage = self.account.can.carriage(label, page.as_deref());
        // It failed for a minute, which may be what it brings: more than the line or the provider takes.
        if claim.delivery().late_tries > 0 || claim.tries() > TRIES_WITH_MEDIA {
            carriage.along = None;
        }
        let (mut bytes, mut room) = (None, None);
        if matches!(carriage.along, Some((_, Along::Bytes))) {
            room = self.media.acquire().await.ok();
            bytes = self.common.outbox.media(*message).await.unwrap_or_else(|why| {
                // The text goes all the same.
                self.warn("outbox", &format!("what a message brings can't be read: {why}"));
                None
            });
        }
        out.bring(label, carriage, bytes, self.account.can.text);
        room
    }

    /// Logs trouble unless the same sort of it was logged just now. Never a text, never a secret.
    fn warn(&self, class: &'static str, detail: &str) {
        let silent = self.quiet.lock().unwrap_or_else(PoisonError::into_inner).note(class, Instant::now());
        let account = &self.account.name;
        match silent {
            Some(0) => tracing::warn!(%account, class, "a try failed: {detail}"),
            Some(more) => tracing::warn!(%account, class, more, "a try failed, and others before it: {detail}"),
            None => {}
        }
    }
}

/// What a claim is to send.
pub(super) fn outgoing(
    account: &Account,
    claim: &Claim,
    links: Option<&Links>,
    now: Timestamp,
) -> Result<Outgoing, SendError> {
    let delivery = claim.delivery();
    let Some(way) = delivery.current_way() else {
        let detail = "the delivery has no way".to_owned();
        return Err(SendError { class: Class::Content, code: String::new(), detail });
    };
    let text = match delivery.late {
        // To the minute: nobody reads the seconds of an old alarm.
        true => format!("[{:.16}Z] {}", delivery.accepted_at.to_string(), claim.text()),
        false => claim.text().to_owned(),
    };
    Ok(Outgoing {
        key: claim.key(),
        contact: delivery.recipient.contact.clone(),
        address: way.address.clone(),
        title: claim.title().map(str::to_owned),
        text,
        priority: delivery.priority,
        thread: claim.thread().map(str::to_owned),
        reply_to: claim.reply_to().map(str::to_owned),
        accepted_at: delivery.accepted_at,
        format: claim.format(),
        media: None,
        in_words: None,
        form: delivery.form,
        window_open: claim.window_open(),
        // Of several in one text no single page has all.
        link: links.filter(|_| claim.folded().next().is_none()).map(|links| links.to(delivery.message)),
        callback: links.and_then(|links| account.callback_url(links.base())),
        now,
    })
}

/// One line for every delivery that came to its end. Whoever is told of ends by the outbox calls it.
pub fn log_end(delivery: &Delivery) {
    let Delivery { message, recipient, state, reason, .. } = delivery;
    let account = delivery.current_way().map_or("", |way| way.account.as_str());
    let (contact, state, reason) = (&recipient.contact, state.as_str(), reason.as_deref());
    match delivery.state {
        DeliveryState::Failed | DeliveryState::Expired => {
            tracing::error!(id = %message, contact, account, state, reason, "message ended")
        }
        _ => tracing::info!(id = %message, contact, account, state, reason, "message ended"),
    }
}
