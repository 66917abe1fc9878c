//! Telling the contacts of `on-failure`.

use std::sync::Arc;

use tokio::sync::watch;

use super::lane::{AFTER_TROUBLE, SLOW_POLL};
use crate::account::AccountName;
use crate::clock::Clock;
use crate::contact::{Recipient, Way};
use crate::message::alarm::{Alarm, Cause};
use crate::message::{DEFAULT_TTL, Message, MessageId, Priority, thread};
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
}

impl Alarms {
    /// Starts to tell, once it knows to whom.
    pub(super) fn start(outbox: Outbox, clock: Clock, tasks: &Tasks) -> Alarms {
        let (hearers, heard_by) = watch::channel(None);
        tasks.spawn(keep_telling(outbox.clone(), clock, heard_by, tasks.clone()));
        Alarms { outbox, hearers: Arc::new(hearers) }
    }

    /// From now on these hear of failures; nobody, where the list is empty.
    pub fn heard_by(&self, recipients: Vec<Recipient>) {
        self.hearers.send_replace(Some(Arc::new(recipients)));
    }

    /// Tells of trouble that is no delivery's own. `account` may be empty; `text` says what happened, for people.
    pub async fn tell(&self, cause: Cause, account: &AccountName, text: String) {
        if let Err(e) = self.outbox.raise_alarm(cause, account.clone(), text).await {
            tracing::error!(cause = cause.as_str(), "on-failure does not hear of this: {e}");
        }
    }
}

async fn keep_telling(outbox: Outbox, clock: Clock, mut hearers: watch::Receiver<Hearers>, tasks: Tasks) {
    let bell = outbox.alarm_bell();
    loop {
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
async fn tell_all(
    outbox: &Outbox,
    clock: &Clock,
    recipients: &[Recipient],
) -> Result<Option<crate::clock::Timestamp>, OutboxError> {
    let due = outbox.due_alarms().await?;
    for alarms in due.alarms.chunk_by(Alarm::goes_with) {
        let now = clock.now();
        let message = Message {
            id: MessageId::generate(now).map_err(OutboxError::Unavailable)?,
            hook: HOOK.to_owned(),
            caller: None,
            title: None,
            text: Alarm::text_of(alarms),
            thread: alarms.first().map(|alarm| thread(HOOK, alarm.about())),
            priority: Priority::High,
            accepted_at: now,
            expires_at: now.plus(DEFAULT_TTL),
        };
        let recipients = around(recipients, alarms);
        outbox.tell(alarms.to_vec(), message, recipients).await?;
    }
    // What was just told may have had companions meanwhile, which wait for the end of its silence.
    Ok(outbox.due_alarms().await?.next_at)
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
