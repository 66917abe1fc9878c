//! The whole life of a delivery: no clock, no socket, no database.

use super::delivery::{
    Advanced, Class, Delivery, DeliveryState, Event, Form, Hold, OnUnknown, Receipt, Report, Scope, SendError,
};
use super::retry;
use crate::clock::Timestamp;

impl Delivery {
    /// What `event` makes of this delivery at `now`: the only way a state changes. `jitter` (0 to 1) spreads late retries.
    ///
    /// States go forward only; but a late *delivered* beats an early *failed* or *expired*, and a delivery returns to
    /// *queued* for another try, way or form. An event that no longer fits changes nothing.
    pub fn advance(self, event: Event, now: Timestamp, jitter: f64) -> Advanced {
        use DeliveryState::{Delivered, Queued, Read, Sending, Sent};
        let after = match (self.state, event) {
            (Queued, Event::Claimed) => Delivery { state: Sending, ..self },
            (Sending, Event::Refused(error, policy)) => return self.refused(&error, policy, now, jitter),
            (Sending, Event::LeaseVoid(policy)) => {
                let detail = "the daemon ended while the try was under way".to_owned();
                let error = SendError { class: Class::Unknown, code: String::new(), detail };
                return self.refused(&error, policy, now, jitter);
            }
            (Queued | Sending | Sent | Delivered | Read | DeliveryState::Canceled, Event::Accepted(receipt)) => {
                self.accepted(receipt)
            }
            (_, Event::Reported(report)) => self.reported(report, now),
            (Queued, Event::NoAccount) => self.without_account(now),
            (Queued | Sending, Event::SteppedAside) => Delivery { late: true, ..self },
            (Queued, Event::Expired) => self.expired(),
            (Queued | Sending, Event::Canceled) => {
                Delivery { state: DeliveryState::Canceled, reason: Some("canceled by an operator".to_owned()), ..self }
            }
            (DeliveryState::Failed | DeliveryState::Expired | DeliveryState::Canceled, Event::Retried { until }) => {
                self.anew(until, now)
            }
            (_, _) => self,
        };
        Advanced { delivery: after, hold: None }
    }

    fn accepted(self, receipt: Receipt) -> Delivery {
        let receipt = receipt.id.or(self.receipt.clone());
        match self.state {
            // Queued: its lease had run out before the answer came.
            DeliveryState::Queued | DeliveryState::Sending => {
                Delivery { state: DeliveryState::Sent, receipt, reason: None, ..self }
            }
            DeliveryState::Canceled => {
                let reason = Some("canceled by an operator, but it had already gone out".to_owned());
                Delivery { receipt, reason, ..self }
            }
            // A report outran the answer.
            _ => Delivery { receipt, ..self },
        }
    }

    fn refused(mut self, error: &SendError, policy: OnUnknown, now: Timestamp, jitter: f64) -> Advanced {
        self.possible_duplicate |= error.class == Class::Unknown;
        let mut hold = None;
        let after = match error.class {
            Class::Recipient | Class::Content => self.next_way(error, now),
            Class::Form if self.form == Form::Template => self.next_way(error, now),
            Class::Form => self.again_as_template(error, now),
            Class::Unknown if policy == OnUnknown::GiveUp => self.next_way(error, now),
            Class::Unknown | Class::Fault => self.tried_again(error, now, jitter),
            Class::Account if self.ways_left() > 0 => self.next_way(error, now),
            Class::Wait { scope: Scope::Recipient, after } => {
                hold = Some(Hold::Address(after));
                self.queued(error, now)
            }
            Class::Wait { after, .. } => {
                hold = Some(Hold::Account(after));
                self.queued(error, now)
            }
            Class::Network | Class::Account => {
                hold = Some(Hold::Account(None));
                self.queued(error, now)
            }
        };
        let ended_meanwhile = after.state == DeliveryState::Queued && after.expires_at <= now;
        Advanced { delivery: if ended_meanwhile { after.expired() } else { after }, hold }
    }

    /// Back to the queue, due at once. What it waits for is not its own affair.
    fn queued(self, error: &SendError, now: Timestamp) -> Delivery {
        Delivery { state: DeliveryState::Queued, due_at: now, reason: Some(error.detail.clone()), ..self }
    }

    fn again_as_template(self, error: &SendError, now: Timestamp) -> Delivery {
        Delivery { form: Form::Template, ..self.queued(error, now) }
    }

    /// Back to the queue for a counted try: soon and in order for a minute, then late and alone.
    fn tried_again(self, error: &SendError, now: Timestamp, jitter: f64) -> Delivery {
        // Not later than now: the clock may have been set back.
        let first = self.first_failed_at.unwrap_or(now).min(now);
        let steps_aside = first.plus(retry::HOLDS_OTHERS_FOR);
        let late = self.late || steps_aside <= now;
        let due_at = if late {
            now.plus(retry::late(self.late_tries, jitter))
        } else {
            now.plus(retry::step(self.tries)).min(steps_aside)
        };
        let (tries, late_tries) = (self.tries.saturating_add(1), self.late_tries.saturating_add(u32::from(late)));
        Delivery { due_at, late, tries, late_tries, first_failed_at: Some(first), ..self.queued(error, now) }
    }

    fn next_way(self, error: &SendError, now: Timestamp) -> Delivery {
        if self.ways_left() == 0 {
            return Delivery { state: DeliveryState::Failed, reason: Some(error.detail.clone()), ..self };
        }
        Delivery {
            way: self.way + 1,
            tries: 0,
            late_tries: 0,
            first_failed_at: None,
            moved_at: Some(now),
            form: Form::Best,
            receipt: None,
            ..self.queued(error, now)
        }
    }

    fn without_account(self, now: Timestamp) -> Delivery {
        if self.ways_left() == 0 {
            return Delivery { reason: Some("no account".to_owned()), ..self };
        }
        let name = self.current_way().map_or("", |way| way.account.as_str());
        let detail = format!("the account {name} is no longer configured");
        self.next_way(&SendError { class: Class::Account, code: String::new(), detail }, now)
    }

    fn expired(self) -> Delivery {
        let reason = match &self.reason {
            Some(why) => format!("its time ran out; the last trouble: {why}"),
            None => "its time ran out before its turn came".to_owned(),
        };
        Delivery { state: DeliveryState::Expired, reason: Some(reason), ..self }
    }

    /// As it was accepted, but late: younger ones have gone meanwhile.
    fn anew(self, until: Timestamp, now: Timestamp) -> Delivery {
        Delivery {
            state: DeliveryState::Queued,
            way: 0,
            form: Form::Best,
            due_at: now,
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
        }
    }

    fn reported(self, report: Report, now: Timestamp) -> Delivery {
        use DeliveryState::{Canceled, Delivered, Expired, Failed, Queued, Read, Sending, Sent};
        let arrived = |state| Delivery { state, reason: None, ..self.clone() };
        match (report, self.state) {
            (Report::Sent, Queued | Sending) => arrived(Sent),
            (Report::Delivered, Queued | Sending | Sent | Failed | Expired) => arrived(Delivered),
            (Report::Read, Queued | Sending | Sent | Delivered | Failed | Expired) => arrived(Read),
            (Report::Failed(error), Sent) if error.class == Class::Form && self.form == Form::Best => {
                self.again_as_template(&error, now)
            }
            (Report::Failed(error), Sent) => self.next_way(&error, now),
            (_, Queued | Sending | Sent | Delivered | Read | Failed | Expired | Canceled) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::account::{AccountName, Address, AddressKind};
    use crate::contact::{Recipient, Way};
    use crate::message::delivery::DeliveryId;
    use crate::message::{Message, MessageId, Priority};

    const START: Timestamp = Timestamp::from_millis(1_795_216_500_000);

    fn delivery(ways: usize) -> Delivery {
        let way = |n: usize| Way {
            account: AccountName::new(&format!("account-{n}")),
            address: Address { kind: AddressKind::new("phone"), text: "+15550100".to_owned() },
        };
        let message = Message {
            id: MessageId::new(START, [7; 10]),
            hook: "disk".to_owned(),
            caller: None,
            title: None,
            text: "full".to_owned(),
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
            delivery = delivery.advance(refused(Class::Fault), now, 0.5).delivery;
            waits.push(delivery.due_at.since(now).as_secs());
            now = delivery.due_at;
            delivery = delivery.advance(Event::Claimed, now, 0.5).delivery;
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
            (Class::Account, DeliveryState::Queued, 1, Some(Hold::Account(None))),
            (Class::Network, DeliveryState::Queued, 0, Some(Hold::Account(None))),
            (wait(Scope::Sender), DeliveryState::Queued, 0, Some(Hold::Account(asked))),
            (wait(Scope::Recipient), DeliveryState::Queued, 0, Some(Hold::Address(asked))),
            (Class::Unknown, DeliveryState::Queued, 0, None),
            (Class::Form, DeliveryState::Queued, 0, None),
        ] {
            let alone = delivery(1).advance(refused(class), START, 0.0);
            assert_eq!((alone.delivery.state, alone.hold), (one_way, hold), "{class:?}");
            assert_eq!(delivery(2).advance(refused(class), START, 0.0).delivery.way, two_ways, "{class:?}");
            assert_eq!(alone.delivery.possible_duplicate, class == Class::Unknown);
            assert_eq!(alone.delivery.form == Form::Template, class == Class::Form);
        }
        let template = Delivery { form: Form::Template, ..delivery(1) };
        assert_eq!(template.advance(refused(Class::Form), START, 0.0).delivery.state, DeliveryState::Failed);
        let given_up = delivery(1).advance(Event::LeaseVoid(OnUnknown::GiveUp), START, 0.0).delivery;
        assert_eq!((given_up.state, given_up.possible_duplicate), (DeliveryState::Failed, true));
    }

    #[test]
    fn a_late_report_wins_over_an_early_failure() {
        let failed = delivery(1).advance(refused(Class::Recipient), START, 0.0).delivery;
        let arrived = failed.advance(Event::Reported(Report::Delivered), START, 0.0).delivery;
        assert_eq!((arrived.state, arrived.reason), (DeliveryState::Delivered, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn what_arrived_stays_arrived(events in prop::collection::vec(0usize..10, 1..40), ways in 1usize..4) {
            let mut at = delivery(ways);
            for (n, event) in events.into_iter().enumerate() {
                let failed = SendError { class: Class::Content, code: String::new(), detail: "no".to_owned() };
                let event = [
                    Event::Claimed, Event::Accepted(Receipt::default()), refused(Class::Fault), refused(Class::Content),
                    Event::Reported(Report::Delivered), Event::Reported(Report::Failed(failed)), Event::Expired,
                    Event::NoAccount, Event::SteppedAside, Event::Retried { until: START.plus(Duration::from_secs(3600)) },
                ][event].clone();
                let anew = matches!(event, Event::Retried { .. });
                let after = at.clone().advance(event, START.plus(Duration::from_secs(n as u64)), 0.3).delivery;
                prop_assert!((after.way >= at.way || anew) && after.way < ways && after.late >= at.late);
                if matches!(at.state, DeliveryState::Delivered | DeliveryState::Read) {
                    prop_assert_eq!(after.state, at.state);
                }
                prop_assert!(!matches!(after.state, DeliveryState::Failed | DeliveryState::Expired) || after.reason.is_some());
                at = after;
            }
        }
    }
}
