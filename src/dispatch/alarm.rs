//! Telling the contacts of `on-failure`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::lane::{AFTER_TROUBLE, SLOW_POLL};
use crate::clock::{Clock, Timestamp};
use crate::contact::{Recipient, Way};
use crate::message::alarm::{Alarm, Cause};
use crate::message::{DEFAULT_TTL, Message, MessageId, Priority, TextFormat, thread};
use crate::outbox::{Outbox, OutboxError};
use crate::tasks::Tasks;

/// What stands as the hook of a message that tells of a failure.
const HOOK: &str = "on-failure";

/// Who hears of failures; none before the first configuration.
type Hearers = Option<Arc<Vec<Recipient>>>;

/// The way to the contacts of `on-failure`. What is told here is on disk first: it survives a restart.
#[derive(Clone)]
pub struct Alarms {
    outbox: Outbox,
    hearers: Arc<watch::Sender<Hearers>>,
    /// Why a reload was refused, as long as that could not be written down.
    untold: Untold,
}

type Untold = Arc<Mutex<Option<String>>>;

impl Alarms {
    /// Starts to tell, once it knows to whom.
    pub(super) fn start(outbox: Outbox, clock: Clock, tasks: &Tasks) -> Alarms {
        let (hearers, heard_by) = watch::channel(None);
        let untold = Untold::default();
        tasks.spawn(keep_telling(outbox.clone(), clock, heard_by, Arc::clone(&untold), tasks.clone()));
        Alarms { outbox, hearers: Arc::new(hearers), untold }
    }

    /// From now on these hear of failures; nobody, where the list is empty.
    pub fn heard_by(&self, recipients: Vec<Recipient>) {
        self.hearers.send_replace(Some(Arc::new(recipients)));
    }

    /// Tells of a reload that was refused, and why.
    pub async fn refused_reload(&self, why: String) {
        raise(&self.outbox, &self.untold, why).await;
    }
}

/// Writes down why a reload was refused, or remembers that for the next time.
async fn raise(outbox: &Outbox, untold: &Untold, why: String) {
    if let Err(e) = outbox.raise_alarm(Cause::Reload, why.clone()).await {
        tracing::error!("on-failure does not hear of the refused reload yet: {e}");
        *untold.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

async fn keep_telling(
    outbox: Outbox,
    clock: Clock,
    mut hearers: watch::Receiver<Hearers>,
    untold: Untold,
    tasks: Tasks,
) {
    let bell = outbox.alarm_bell();
    loop {
        let late = untold.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(why) = late {
            raise(&outbox, &untold, why).await;
        }
        let known = hearers.borrow_and_update().clone();
        let wait = match known {
            Some(recipients) => match tell_all(&outbox, &clock, &recipients).await {
                Ok(next) => next.map_or(SLOW_POLL, |at| at.since(clock.now()).min(SLOW_POLL)),
                Err(e) => {
                    tracing::error!("on-failure could not be told: {e}");
                    AFTER_TROUBLE
                }
            },
            None => SLOW_POLL,
        };
        tokio::select! {
            biased;
            () = tasks.stopping() => return,
            changed = hearers.changed() => if changed.is_err() { return },
            () = bell.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Tells what is due. Yields when more is.
async fn tell_all(outbox: &Outbox, clock: &Clock, recipients: &[Recipient]) -> Result<Option<Timestamp>, OutboxError> {
    let due = outbox.due_alarms().await?;
    for alarms in due.alarms.chunk_by(Alarm::goes_with) {
        let about = alarms.first().map(Alarm::thread_key);
        let message = message(Alarm::text_of(alarms), about, clock.now()).map_err(OutboxError::Unavailable)?;
        let recipients = around(recipients, alarms);
        outbox.tell(alarms.to_vec(), message, recipients).await?;
    }
    // What was just told may have had companions meanwhile, which wait for the end of its silence.
    Ok(outbox.due_alarms().await?.next_at)
}

/// What the contacts of `on-failure` are told. The error says why it can't be made.
pub(super) fn message(text: String, about: Option<&str>, now: Timestamp) -> Result<Message, String> {
    Ok(Message {
        id: MessageId::generate(now)?,
        hook: HOOK.to_owned(),
        caller: None,
        title: None,
        text,
        format: TextFormat::Plain,
        thread: about.map(|about| thread(HOOK, about)),
        priority: Priority::High,
        accepted_at: now,
        expires_at: now.plus(DEFAULT_TTL),
    })
}

/// The recipients by other accounts than those that the alarms are about, as far as they have any. One that works is there
/// for when no other does.
fn around(recipients: &[Recipient], alarms: &[Alarm]) -> Vec<Recipient> {
    let is_other = |way: &Way| alarms.iter().all(|alarm| way.account != alarm.account);
    let works = alarms.iter().all(|alarm| alarm.cause.shows_life());
    let other = |recipient: &Recipient| {
        let (mut ways, own): (Vec<Way>, Vec<Way>) = recipient.ways.iter().cloned().partition(is_other);
        if works || ways.is_empty() {
            ways.extend(own);
        }
        Recipient { contact: recipient.contact.clone(), ways }
    };
    recipients.iter().map(other).collect()
}
