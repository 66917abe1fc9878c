//! Which of its ways a delivery takes, and for how long one may hold it.

use std::time::Duration;

use super::Message;
use super::delivery::{Class, Delivery, DeliveryId, DeliveryState, Form, SendError};
use crate::clock::Timestamp;
use crate::contact::Recipient;

/// For how long a way may hold a delivery where no patience is written and a next way exists.
pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(120);

/// What deliveries that choose between ways must know of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It is configured, and nothing is known against it.
    #[default]
    Open,
    /// Its breaker is open.
    Broken,
    /// It is not configured.
    Missing,
}

/// What decides besides the event.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// When it happens.
    pub now: Timestamp,
    /// From 0 to 1; spreads late retries.
    pub jitter: f64,
    /// How the account of each way stands; what is not said is open.
    pub standings: Vec<Standing>,
}

impl Circumstances {
    /// Nothing but the time.
    pub fn at(now: Timestamp) -> Circumstances {
        Circumstances { now, ..Circumstances::default() }
    }

    fn standing(&self, way: usize) -> Standing {
        self.standings.get(way).copied().unwrap_or_default()
    }
}

impl Delivery {
    /// A new delivery, due at once.
    pub fn new(id: DeliveryId, message: &Message, recipient: Recipient) -> Delivery {
        let new = Delivery {
            id,
            message: message.id,
            hook: message.hook.clone(),
            recipient,
            way: 0,
            priority: message.priority,
            state: DeliveryState::Queued,
            form: Form::Best,
            due_at: message.accepted_at,
            accepted_at: message.accepted_at,
            expires_at: message.expires_at,
            tries: 0,
            late_tries: 0,
            first_failed_at: None,
            moved_at: None,
            patience_until: None,
            late: false,
            possible_duplicate: false,
            receipt: None,
            reason: None,
        };
        new.beginning(&Circumstances::at(message.accepted_at))
    }

    /// How many ways are left after the one it is on.
    pub fn ways_left(&self) -> usize {
        self.recipient.ways.len().saturating_sub(self.way + 1)
    }

    /// Whether its way held it for too long, or will, and no later one was open: it leaves as soon as one is.
    pub fn is_overdue(&self) -> bool {
        self.state == DeliveryState::Queued && self.patience_until.is_none() && self.ways_left() > 0
    }

    /// A new one on its first way that is open; on its first where none is.
    pub fn beginning(self, at: &Circumstances) -> Delivery {
        let way = (0..self.recipient.ways.len()).find(|way| at.standing(*way) == Standing::Open).unwrap_or_default();
        // On another than its first, younger ones there and here wait for it as for one that moved.
        let arrived = Delivery { way, moved_at: (way > 0).then_some(at.now), ..self };
        Delivery { patience_until: arrived.fresh_patience(at.now), ..arrived }
    }

    /// Until when its way may hold it if it comes there now.
    pub(super) fn fresh_patience(&self, now: Timestamp) -> Option<Timestamp> {
        let default = (self.ways_left() > 0).then_some(DEFAULT_PATIENCE);
        self.written_patience().or(default).map(|patience| now.plus(patience))
    }

    fn written_patience(&self) -> Option<Duration> {
        self.current_way()?.patience
    }

    /// The provider took it. Where a patience is written, only a report of its arrival is enough; one that ended in vain
    /// while it was queued begins again, for the provider has had no time to report.
    pub(super) fn taken(self, now: Timestamp) -> Delivery {
        let until = self.written_patience().map(|patience| self.patience_until.unwrap_or_else(|| now.plus(patience)));
        Delivery { state: DeliveryState::Sent, patience_until: until, reason: None, ..self }
    }

    /// After a final refusal: to the next way, one that is open if there is one; or to its end.
    pub(super) fn next_way(self, error: &SendError, at: &Circumstances) -> Delivery {
        let next = self.later(at, Standing::Open).or(self.later(at, Standing::Broken)).unwrap_or(self.way + 1);
        if next >= self.recipient.ways.len() {
            return Delivery { state: DeliveryState::Failed, reason: Some(error.detail.clone()), ..self };
        }
        self.on_way(next, error.detail.clone(), at.now)
    }

    /// To a later way if one is open; else it stays, overdue.
    pub(super) fn leave_if_open(self, why: String, at: &Circumstances) -> Delivery {
        match self.later(at, Standing::Open) {
            Some(next) => self.on_way(next, why, at.now),
            None => Delivery { patience_until: None, ..self },
        }
    }

    /// Its way must wait for longer than it would, or will never be free as far as anybody knows.
    pub(super) fn must_wait(self, until: Timestamp, at: &Circumstances) -> Delivery {
        if self.patience_until.is_some_and(|patience| patience >= until) {
            return self;
        }
        let why = self.with_last_trouble(format!("{} can't send it soon enough", self.account()));
        self.leave_if_open(why, at)
    }

    pub(super) fn patience_over(self, at: &Circumstances) -> Delivery {
        if self.patience_until.is_none_or(|until| until > at.now) {
            return self;
        }
        let account = self.account().to_owned();
        if self.state == DeliveryState::Queued {
            let why = self.with_last_trouble(format!("{account} did not send it in time"));
            return self.leave_if_open(why, at);
        }
        let detail = format!("{account} took it, but reported no arrival in time");
        let silence = SendError { class: Class::Unknown, code: String::new(), detail };
        let moves = self.ways_left() > 0;
        // It may have arrived all the same.
        Delivery { possible_duplicate: self.possible_duplicate || moves, ..self }.next_way(&silence, at)
    }

    pub(super) fn without_account(self, at: &Circumstances) -> Delivery {
        match self.later(at, Standing::Open).or(self.later(at, Standing::Broken)) {
            Some(next) => {
                let why = format!("the account {} is no longer configured", self.account());
                self.on_way(next, why, at.now)
            }
            None => Delivery { reason: Some("no account".to_owned()), patience_until: None, ..self },
        }
    }

    /// The first way behind its own whose account stands so.
    fn later(&self, at: &Circumstances, standing: Standing) -> Option<usize> {
        (self.way + 1..self.recipient.ways.len()).find(|way| at.standing(*way) == standing)
    }

    fn on_way(self, way: usize, why: String, now: Timestamp) -> Delivery {
        let arrived = Delivery {
            state: DeliveryState::Queued,
            way,
            due_at: now,
            tries: 0,
            late_tries: 0,
            first_failed_at: None,
            moved_at: Some(now),
            form: Form::Best,
            receipt: None,
            reason: Some(why),
            ..self
        };
        Delivery { patience_until: arrived.fresh_patience(now), ..arrived }
    }

    fn account(&self) -> &str {
        self.current_way().map_or("", |way| way.account.as_str())
    }

    fn with_last_trouble(&self, what: String) -> String {
        match &self.reason {
            Some(why) => format!("{what}: {why}"),
            None => what,
        }
    }
}
