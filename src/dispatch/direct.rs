//! Straight from memory: one try for a message that can't be stored.
//!
//! No queue, no order, no second try: what this can't send is not sent, and its caller hears so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::alarm;
use super::carry::{Carriers, Carry};
use super::conversation;
use super::probe::{probe, set_up};
use crate::account::AccountName;
use crate::clock::Clock;
use crate::contact::{Recipient, Way};
use crate::message::Message;
use crate::message::alarm::QUIET;
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::message::media::Media;
use crate::provider::probe::{Inquiry, Learned};
use crate::provider::{Account, Outgoing};
use crate::secret::Secret;
use crate::tasks::Tasks;

/// For how long a caller waits at most: less than the half minute after which most of them give up.
const TIME: Duration = Duration::from_secs(20);

/// Conversations at once, of all messages together: a broken disk in a storm must not become a storm for providers.
const AT_ONCE: usize = 16;

/// Sends what can't be stored. Clones are the same.
#[derive(Clone)]
pub struct Direct(Arc<Shared>);

struct Shared {
    seats: RwLock<BTreeMap<AccountName, Seat>>,
    /// The contacts of `on-failure`.
    hearers: RwLock<Vec<Recipient>>,
    /// When they were told of the disk.
    told_at: Mutex<Option<Instant>>,
    slots: Semaphore,
    clock: Clock,
    tasks: Tasks,
}

/// An account, and what carries for it once it was needed.
#[derive(Clone)]
struct Seat {
    account: Arc<Account>,
    carriers: Carriers,
    carrier: Arc<OnceLock<Arc<dyn Carry>>>,
}

impl Seat {
    fn carrier(&self) -> &dyn Carry {
        &**self.carrier.get_or_init(|| (self.carriers)(&self.account.transport))
    }
}

/// What came of the try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Recipients whose provider took it.
    pub sent: usize,
    /// The others.
    pub missed: Vec<Missed>,
}

/// A recipient that it was not sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The contact's name.
    pub contact: String,
    /// Whether it may have arrived all the same: bytes left, and no answer came.
    pub maybe: bool,
    /// Why not, by the last way.
    pub why: String,
}

impl Tried {
    /// How many recipients there are.
    pub fn recipients(&self) -> usize {
        self.sent + self.missed.len()
    }

    /// Whom it did not reach, and why, for the log.
    pub fn failures(&self) -> String {
        let told = self.missed.iter().map(|Missed { contact, maybe, why }| {
            let maybe = if *maybe { "; it may have arrived" } else { "" };
            format!("{contact}: {why}{maybe}")
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

impl Direct {
    /// One that knows no account yet. What it begins belongs to `tasks`: it goes on when its caller has gone.
    pub fn new(clock: Clock, tasks: Tasks) -> Direct {
        let (seats, hearers, told_at) = (RwLock::default(), RwLock::default(), Mutex::default());
        Direct(Arc::new(Shared { seats, hearers, told_at, slots: Semaphore::new(AT_ONCE), clock, tasks }))
    }

    /// From now on these hear that nothing can be stored (`on-failure`); nobody, where the list is empty.
    pub fn heard_by(&self, recipients: &[Recipient]) {
        *self.0.hearers.write().unwrap_or_else(PoisonError::into_inner) = recipients.to_vec();
    }

    /// Takes over the accounts of a configuration.
    pub fn follow(&self, accounts: &BTreeMap<AccountName, Arc<Account>>, carriers: &Carriers) {
        let mut seats = self.0.seats.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *seats);
        *seats = accounts
            .iter()
            .map(|(name, account)| {
                // Idle connections of an account that stays as it was are kept.
                let known = before.get(name).filter(|seat| seat.account.fingerprint == account.fingerprint);
                let carrier = known.map(|seat| Arc::clone(&seat.carrier)).unwrap_or_default();
                (name.clone(), Seat { account: Arc::clone(account), carriers: Arc::clone(carriers), carrier })
            })
            .collect();
    }

    /// An account of the configuration.
    pub fn account(&self, name: &AccountName) -> Option<Arc<Account>> {
        self.0.seat(name).map(|seat| seat.account)
    }

    /// Asks whether an account would work, by the road that its messages take. `None`: it has none.
    pub async fn probe(&self, account: &AccountName, about: &Inquiry) -> Option<Result<Learned, SendError>> {
        let seat = self.0.seat(account)?;
        Some(probe(&seat.account, seat.carrier(), about).await)
    }

    /// Has an account's provider call us at `url`. `None`: there is no such account.
    pub async fn set_up(&self, account: &AccountName, url: &Secret) -> Option<Result<Learned, SendError>> {
        let seat = self.0.seat(account)?;
        Some(set_up(&seat.account, seat.carrier(), url).await)
    }

    /// One try for each recipient, by its ways in order, all within 20 seconds.
    pub async fn send(&self, message: &Message, brings: Option<&Arc<Media>>, recipients: &[Recipient]) -> Tried {
        let deadline = Instant::now() + TIME;
        let message = Arc::new((message.clone(), brings.cloned()));
        let mut answers = Vec::with_capacity(recipients.len());
        for (number, recipient) in recipients.iter().enumerate() {
            let (tell, told) = oneshot::channel();
            let (shared, message, to) = (Arc::clone(&self.0), Arc::clone(&message), recipient.clone());
            self.0.tasks.spawn(async move {
                tell.send(shared.reach(&message, number, &to, deadline).await).ok();
            });
            answers.push((&recipient.contact, told));
        }
        let mut tried = Tried::default();
        for (contact, told) in answers {
            match told.await.unwrap_or_else(|_| Err((true, "it broke off; see the log".to_owned()))) {
                Ok(()) => tried.sent += 1,
                Err((maybe, why)) => tried.missed.push(Missed { contact: contact.clone(), maybe, why }),
            }
        }
        tried
    }

    /// Tells the contacts of `on-failure` why nothing can be stored, and whom this message of a hook did not reach by its
    /// one try: in this way too, once in ten minutes. It goes on when its caller has gone.
    pub fn tell_of_store(&self, why: &str, hook: &str, tried: &Tried) {
        let mut told_at = self.0.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if told_at.is_some_and(|at| at.elapsed() < QUIET) {
            return;
        }
        let hearers = self.0.hearers.read().unwrap_or_else(PoisonError::into_inner).clone();
        if hearers.is_empty() {
            return;
        }
        *told_at = Some(Instant::now());
        drop(told_at);
        let missed = match tried.failures() {
            none if none.is_empty() => String::new(),
            some => format!(" Lost, of the hook {hook}: {some}."),
        };
        let text = format!(
            "hookbell: messages can't be stored: {why}. Each is sent straight from memory, by one try.{missed}"
        );
        let direct = self.clone();
        self.0.tasks.spawn(async move {
            let told = match alarm::message(text, Some("store"), direct.0.clock.now()) {
                Ok(message) => direct.send(&message, None, &hearers).await.failures(),
                Err(why) => why,
            };
            if !told.is_empty() {
                tracing::error!("the contacts of on-failure did not hear that nothing can be stored: {told}");
            }
        });
    }
}

impl Shared {
    /// Tries one recipient's ways, for a message and what it brings. The error says whether it may have arrived, and why it is not known to have.
    async fn reach(
        &self,
        message: &(Message, Option<Arc<Media>>),
        number: usize,
        to: &Recipient,
        deadline: Instant,
    ) -> Result<(), (bool, String)> {
        let Ok(Ok(_slot)) = timeout_at(deadline, self.slots.acquire()).await else {
            return Err((false, "too many others are being sent straight from memory".to_owned()));
        };
        let (mut maybe, mut why) = (false, "it has no way".to_owned());
        for (done, way) in to.ways.iter().enumerate() {
            let Some(seat) = self.seat(&way.account) else {
                why = format!("the account {} is not configured", way.account.as_str());
                continue;
            };
            // A silent way leaves the others their share of the time.
            let left = deadline.saturating_duration_since(Instant::now());
            let ways_left = u32::try_from(to.ways.len() - done).unwrap_or(u32::MAX);
            let until = Instant::now() + left / ways_left;
            match self.try_way(&seat, message, number, to, way, until).await {
                Ok(receipt) => {
                    let (account, contact) = (way.account.as_str(), &to.contact);
                    if let Some(advice) = receipt.advice {
                        tracing::warn!(account, contact, "it was sent, but {advice}");
                    }
                    tracing::info!(id = %message.0.id, contact, account, "sent straight from memory");
                    return Ok(());
                }
                Err(error) => {
                    let why_not = format!("{}: {}", way.account.as_str(), error.detail);
                    (maybe, why) = (maybe || error.class == Class::Unknown, why_not);
                }
            }
        }
        Err((maybe, why))
    }

    /// One conversation; a second one where the first says that the text must go as the approved template.
    async fn try_way(
        &self,
        seat: &Seat,
        (message, brings): &(Message, Option<Arc<Media>>),
        number: usize,
        to: &Recipient,
        way: &Way,
        until: Instant,
    ) -> Result<Receipt, SendError> {
        let (key, now) = (format!("{}-m{number}", message.id), self.clock.now());
        let mut out = Outgoing::of(message, brings.as_deref(), &to.contact, way, &seat.account, key, now);
        let mut form = Form::Best;
        loop {
            out.form = form;
            let conversation = conversation::hold(&seat.account, seat.carrier(), &mut out);
            let outcome = timeout_at(until, conversation).await;
            match outcome.unwrap_or_else(|_| Err(conversation::unknown("no answer came in time"))) {
                Err(error) if error.class == Class::Form && form == Form::Best => form = Form::Template,
                outcome => return outcome,
            }
        }
    }

    fn seat(&self, account: &AccountName) -> Option<Seat> {
        self.seats.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }
}
