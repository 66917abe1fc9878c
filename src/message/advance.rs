//! The whole life of a delivery: no clock, no socket, no database.

use super::delivery::{
    Advanced, Class, Delivery, DeliveryState, Event, Form, Hold, OnUnknown, Receipt, Report, Scope, SendError,
};
use super::retry;
use super::ways::Circumstances;
use crate::clock::Timestamp;

impl Delivery {
    /// What `event` makes of this delivery: the only way a state changes.
    ///
    /// States go forward only; but a late *delivered* beats an early *failed* or *expired*, and a delivery returns to
    /// *queued* for another try, way or form. An event that no longer fits changes nothing.
    pub fn advance(self, event: Event, at: &Circumstances) -> Advanced {
        let before = (self.state, self.way);
        let Advanced { delivery, hold } = self.moved_by(event, at);
        Advanced { delivery: delivery.at_rest(before, at.now), hold }
    }

    fn moved_by(self, event: Event, at: &Circumstances) -> Advanced {
        use DeliveryState::{Canceled, Delivered, Queued, Read, Sending, Sent};
        let after = match (self.state, event) {
            (Queued, Event::Claimed) => Delivery { state: Sending, ..self },
            (Sending, Event::Refused(error, policy)) => return self.refused(&error, policy, at),
            // What the provider wants to be left alone with holds all the same, and the try may have arrived, too.
            (Sending, Event::RefusedAfterArrival(error, report)) => {
                let arrived = self.clone().reported(report, at);
                let Advanced { delivery, hold } = self.refused(&error, OnUnknown::Retry, at);
                let possible_duplicate = delivery.possible_duplicate;
                return Advanced { delivery: Delivery { possible_duplicate, ..arrived }, hold };
            }
            (Sending | Sent, Event::RefusedTogether(error)) => Delivery { late: true, ..self.queued(&error, at.now) },
            (Sending, Event::LeaseVoid(policy)) => {
                let detail = "the daemon ended while the try was under way".to_owned();
                let error = SendError { class: Class::Unknown, code: String::new(), detail };
                return self.refused(&error, policy, at);
            }
            (Queued | Sending | Sent | Delivered | Read | Canceled, Event::Accepted(receipt)) => {
                self.accepted(receipt, at.now)
            }
            // Whoever must act now, must have when the try itself was refused: it is of the same classes.
            (Sent, Event::Reported(Report::Failed(error))) => return self.refused(&error, OnUnknown::GiveUp, at),
            (_, Event::Reported(report)) => self.reported(report, at),
            (Queued, Event::NoAccount) => self.without_account(at),
            (Queued | Sent, Event::PatienceOver) => self.patience_over(at),
            (Queued, Event::MustWait(until)) => self.must_wait(until, at),
            (Queued, Event::WayOpened) => self.left_if_overdue(at),
            (Queued | Sending, Event::SteppedAside) => Delivery { late: true, ..self },
            (Queued, Event::Expired) => self.expired(),
            (Queued | Sending, Event::Canceled) => {
                Delivery { state: Canceled, reason: Some("canceled by an operator".to_owned()), ..self }
            }
            (DeliveryState::Failed | DeliveryState::Expired | Canceled, Event::Retried { until }) => {
                self.anew(until, at)
            }
            (_, _) => self,
        };
        Advanced { delivery: after, hold: None }
    }

    /// What follows from where it came to stand.
    fn at_rest(self, before: (DeliveryState, usize), now: Timestamp) -> Delivery {
        use DeliveryState::{Queued, Sending, Sent};
        match self.state {
            Queued if (self.state, self.way) != before && self.expires_at <= now => {
                Delivery { patience_until: None, ..self.expired() }
            }
            // Back from where nobody was impatient any more.
            Queued if before == (Sent, self.way) && self.patience_until.is_none() => {
                Delivery { patience_until: self.fresh_patience(now), ..self }
            }
            Queued | Sending | Sent => self,
            _ => Delivery { patience_until: None, ..self },
        }
    }

    fn accepted(self, receipt: Receipt, now: Timestamp) -> Delivery {
        let receipt = receipt.id.or(self.receipt.clone());
        match self.state {
            // Queued: its lease had run out before the answer came.
            DeliveryState::Queued | DeliveryState::Sending => Delivery { receipt, ..self }.taken(now),
            DeliveryState::Canceled => {
                let reason = Some("canceled by an operator, but it had already gone out".to_owned());
                Delivery { receipt, reason, ..self }
            }
            // A report outran the answer.
            _ => Delivery { receipt, ..self },
        }
    }

    fn refused(mut self, error: &SendError, policy: OnUnknown, at: &Circumstances) -> Advanced {
        self.possible_duplicate |= error.class == Class::Unknown;
        let now = at.now;
        let mut hold = None;
        let after = match error.class {
            Class::Recipient | Class::Content => self.next_way(error, at),
            Class::Form if self.form == Form::Template => self.next_way(error, at),
            Class::Form => self.again_as_template(error, now),
            Class::Unknown if policy == OnUnknown::GiveUp => self.next_way(error, at),
            Class::Unknown | Class::Fault => self.tried_again(error, at).left_if_overdue(at),
            Class::Wait { scope: Scope::Recipient, after } => {
                hold = Some(Hold::Address(after));
                self.queued(error, now).left_if_overdue(at)
            }
            Class::Wait { after, .. } => {
                hold = Some(Hold::Account(after));
                self.queued(error, now).left_if_overdue(at)
            }
            Class::Network => {
                hold = Some(Hold::Account(None));
                self.queued(error, now).left_if_overdue(at)
            }
            Class::Account => {
                hold = Some(Hold::Breaker);
                self.queued(error, now).leave_if_open(error.detail.clone(), at)
            }
        };
        Advanced { delivery: after, hold }
    }

    /// On to an open way, if that is what it waited for besides its turn.
    fn left_if_overdue(self, at: &Circumstances) -> Delivery {
        if self.is_overdue() {
            let why = self.reason.clone().unwrap_or_else(|| "another way is open again".to_owned());
            return self.leave_if_open(why, at);
        }
        self
    }

    /// Back to the queue, due at once. What it waits for is not its own affair.
    fn queued(self, error: &SendError, now: Timestamp) -> Delivery {
        let reason = Some(error.detail.clone());
        // Reports of this try are none of the next one.
        Delivery { state: DeliveryState::Queued, due_at: now, reason, receipt: None, ..self }
    }

    fn again_as_template(self, error: &SendError, now: Timestamp) -> Delivery {
        Delivery { form: Form::Template, ..self.queued(error, now) }
    }

    /// Back to the queue for a counted try: soon and in order for a minute, then late and alone.
    fn tried_again(self, error: &SendError, at: &Circumstances) -> Delivery {
        let now = at.now;
        // Not later than now: the clock may have been set back.
        let first = self.first_failed_at.unwrap_or(now).min(now);
        let steps_aside = first.plus(retry::HOLDS_OTHERS_FOR);
        let late = self.late || steps_aside <= now;
        let due_at = if late {
            now.plus(retry::late(self.late_tries, at.jitter))
        } else {
            now.plus(retry::step(self.tries)).min(steps_aside)
        };
        let (tries, late_tries) = (self.tries.saturating_add(1), self.late_tries.saturating_add(u32::from(late)));
        Delivery { due_at, late, tries, late_tries, first_failed_at: Some(first), ..self.queued(error, now) }
    }

    fn expired(self) -> Delivery {
        let reason = match &self.reason {
            Some(why) => format!("its time ran out; the last trouble: {why}"),
            None => "its time ran out before its turn came".to_owned(),
        };
        Delivery { state: DeliveryState::Expired, reason: Some(reason), ..self }
    }

    /// As it was accepted, but late: younger ones have gone meanwhile.
    fn anew(self, until: Timestamp, at: &Circumstances) -> Delivery {
        let anew = Delivery {
            state: DeliveryState::Queued,
            way: 0,
            form: Form::Best,
            due_at: at.now,
            expires_at: until,
            tries: 0,
            late_tries: 0,
            first_failed_at: None,
            moved_at: None,
            late: true,
            // What may have arrived before may then have arrived twice.
            possible_duplicate: self.possible_duplicate || self.receipt.is_some(),
            receipt: None,
            reason: None,
            ..self
        };
        anew.beginning(at)
    }

    fn reported(self, report: Report, at: &Circumstances) -> Delivery {
        use DeliveryState::{Canceled, Delivered, Expired, Failed, Queued, Read, Sending, Sent};
        let arrived = |state| Delivery { state, reason: None, ..self.clone() };
        match (report, self.state) {
            (Report::Sent, Queued | Sending) => self.taken(at.now),
            (Report::Delivered, Queued | Sending | Sent | Failed | Expired) => arrived(Delivered),
            (Report::Read, Queued | Sending | Sent | Delivered | Failed | Expired) => arrived(Read),
            (_, Queued | Sending | Sent | Delivered | Read | Failed | Expired | Canceled) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::{AccountName, Address, AddressKind};
    use crate::contact::{Recipient, Way};
    use crate::message::delivery::DeliveryId;
    use crate::message::{Message, MessageId, Priority, TextFormat};

    /// A moment when all accounts are open.
    fn at(now: Timestamp, jitter: f64) -> Circumstances {
        Circumstances { now, jitter, standings: Vec::new() }
    }

    const START: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn delivery(ways: usize) -> Delivery {
        let way = |n: usize| Way {
            account: AccountName::new(&format!("account-{n}")),
            address: Address { kind: AddressKind::new("phone"), text: "+15550100".to_owned() },
            patience: None,
        };
        let message = Message {
            id: MessageId::new(START, [7; 10]),
            hook: "disk".to_owned(),
            caller: None,
            title: None,
            text: "full".to_owned(),
            format: TextFormat::Plain,
            thread: None,
            priority: Priority::Normal,
            accepted_at: START,
            expires_at: START.plus(Duration::from_secs(3600)),
        };
        let recipient = Recipient { contact: "ana".to_owned(), ways: (0..ways).map(way).collect() };
        Delivery { state: DeliveryState::Sending, ..Delivery::new(DeliveryId(1), &message, recipient) }
    }

    fn refused(class: Class) -> Event {
        Event::Refused(SendError { class, code: String::new(), detail: "no".to_owned() }, OnUnknown::Retry)
    }

    #[test]
    fn a_fault_holds_its_address_for_a_minute_and_then_steps_aside() {
        let (mut delivery, mut now, mut waits) = (delivery(1), START, Vec::new());
        while !delivery.late {
            delivery = delivery.advance(refused(Class::Fault), &at(now, 0.5)).delivery;
            waits.push(delivery.due_at.since(now).as_secs());
            now = delivery.due_at;
            delivery = delivery.advance(Event::Claimed, &at(now, 0.5)).delivery;
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 30, 30], "the last is half of a minute, by the jitter");
    }

    #[test]
    fn who_must_act_decides_what_happens() {
        let asked = Some(Duration::from_secs(9));
        let wait = |scope| Class::Wait { scope, after: asked };
        for (class, one_way, two_ways, hold) in [
            (Class::Recipient, DeliveryState::Failed, 1, None),
            (Class::Content, DeliveryState::Failed, 1, None),
            (Class::Account, DeliveryState::Queued, 1, Some(Hold::Breaker)),
            (Class::Network, DeliveryState::Queued, 0, Some(Hold::Account(None))),
            (wait(Scope::Sender), DeliveryState::Queued, 0, Some(Hold::Account(asked))),
            (wait(Scope::Recipient), DeliveryState::Queued, 0, Some(Hold::Address(asked))),
            (Class::Unknown, DeliveryState::Queued, 0, None),
            (Class::Form, DeliveryState::Queued, 0, None),
        ] {
            let alone = delivery(1).advance(refused(class), &at(START, 0.0));
            assert_eq!((alone.delivery.state, alone.hold), (one_way, hold), "{class:?}");
            assert_eq!(delivery(2).advance(refused(class), &at(START, 0.0)).delivery.way, two_ways, "{class:?}");
            assert_eq!(alone.delivery.possible_duplicate, class == Class::Unknown);
            assert_eq!(alone.delivery.form == Form::Template, class == Class::Form);
        }
        let template = Delivery { form: Form::Template, ..delivery(1) };
        assert_eq!(template.advance(refused(Class::Form), &at(START, 0.0)).delivery.state, DeliveryState::Failed);
        let given_up = delivery(1).advance(Event::LeaseVoid(OnUnknown::GiveUp), &at(START, 0.0)).delivery;
        assert_eq!((given_up.state, given_up.possible_duplicate), (DeliveryState::Failed, true));
    }

    #[test]
    fn what_was_refused_together_goes_alone() {
        for state in [DeliveryState::Sending, DeliveryState::Sent] {
            let error = SendError { class: Class::Content, code: String::new(), detail: "no".to_owned() };
            let together = Delivery { state, ..delivery(2) };
            let after = together.advance(Event::RefusedTogether(error), &at(START, 0.0)).delivery;
            assert_eq!((after.state, after.way, after.due_at, after.late), (DeliveryState::Queued, 0, START, true));
        }
    }

    #[test]
    fn a_late_report_wins_over_an_early_failure() {
        let failed = delivery(1).advance(refused(Class::Recipient), &at(START, 0.0)).delivery;
        let arrived = failed.advance(Event::Reported(Report::Delivered), &at(START, 0.0)).delivery;
        assert_eq!((arrived.state, arrived.reason), (DeliveryState::Delivered, None));
    }
}
