//! The life of a delivery over random events: forward only, never stuck, each end with its reason.

use std::time::Duration;

use hookbell::clock::Timestamp;
use hookbell::message::Priority;
use hookbell::message::delivery::DeliveryState::{
    self, Canceled, Delivered, Expired, Failed, Queued, Read, Sending, Sent,
};
use hookbell::message::delivery::{Class, Delivery, DeliveryId, Event, OnUnknown, Receipt, Report, Scope};
use hookbell::message::ways::{Circumstances, Standing};
use proptest::prelude::*;

use crate::outbox::{START, error, message};
use crate::world::house::to;

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

fn delivery(patience: &[Option<u64>]) -> Delivery {
    let ways: Vec<_> = ["a", "b", "c", "d"].into_iter().zip(patience.iter().copied()).collect();
    let message = message("full", Priority::Normal, START, Duration::from_secs(1800));
    Delivery::new(DeliveryId(1), &message, to("ana", &ways))
}

fn event() -> impl Strategy<Value = Event> {
    let wait = |scope| Class::Wait { scope, after: None };
    let classes = [
        Class::Network,
        Class::Unknown,
        Class::Fault,
        Class::Recipient,
        Class::Content,
        Class::Form,
        Class::Account,
        wait(Scope::Recipient),
        wait(Scope::Account),
    ];
    let policy = prop::sample::select(vec![OnUnknown::Retry, OnUnknown::GiveUp]);
    let reports = [
        Report::Sent,
        Report::Delivered,
        Report::Read,
        Report::Failed(error(Class::Content)),
        Report::Failed(error(Class::Form)),
    ];
    let plain = [
        Event::Claimed,
        Event::Claimed,
        Event::Accepted(Receipt::default()),
        Event::NoAccount,
        Event::PatienceOver,
        Event::PatienceOver,
        Event::MustWait(NEVER),
        Event::WayOpened,
        Event::SteppedAside,
        Event::Expired,
        Event::Canceled,
        Event::Retried { until: NEVER },
    ];
    prop_oneof![
        6 => prop::sample::select(plain.to_vec()),
        4 => (prop::sample::select(classes.to_vec()), policy.clone()).prop_map(|(class, on)| Event::Refused(error(class), on)),
        1 => policy.prop_map(Event::LeaseVoid),
        2 => prop::sample::select(reports.to_vec()).prop_map(Event::Reported),
    ]
}

fn standing() -> impl Strategy<Value = Standing> {
    prop::sample::select(vec![Standing::Open, Standing::Open, Standing::Broken, Standing::Missing])
}

/// Whether a state may follow another on the same way.
fn may_follow(from: DeliveryState, to: DeliveryState) -> bool {
    match from {
        _ if from == to => true,
        Queued | Sending => true,
        Sent => to != Sending && to != Canceled,
        Delivered => to == Read,
        Failed | Expired => matches!(to, Delivered | Read),
        Read | Canceled => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_delivery_goes_forward_and_is_never_stuck(
        steps in prop::collection::vec((event(), 0u64..200, prop::collection::vec(standing(), 4)), 1..60),
        patience in prop::collection::vec(prop::option::of(1u64..400), 1..5),
    ) {
        let (mut before, mut now) = (delivery(&patience), START);
        for (event, seconds, standings) in steps {
            now = now.plus(Duration::from_secs(seconds));
            let at = Circumstances { now, jitter: 0.3, standings };
            let after = before.clone().advance(event.clone(), &at).delivery;
            // An operator begins it anew, where it had ended in vain.
            let anew = matches!(event, Event::Retried { .. }) && matches!(before.state, Failed | Expired | Canceled);
            prop_assert!((after.way >= before.way || anew) && after.way < patience.len() && after.late >= before.late);
            prop_assert!(may_follow(before.state, after.state) || (anew && after.state == Queued && after.late),
                "{:?} {event:?} {:?}", before.state, after.state);
            if after.way != before.way && !anew {
                prop_assert!(after.state == Queued || after.state == Expired);
                prop_assert!(after.moved_at == Some(now) && after.tries == 0 && after.receipt.is_none());
            }
            match after.state {
                Queued => {
                    // Whatever it waits for has an end.
                    prop_assert!(after.due_at <= now.plus(Duration::from_secs(15 * 60)));
                    let late = Circumstances::at(after.expires_at.max(now));
                    prop_assert_eq!(after.clone().advance(Event::Expired, &late).delivery.state, Expired);
                    let all_open = Circumstances::at(after.patience_until.unwrap_or(now).max(now));
                    let news = if after.is_overdue() { Event::WayOpened } else { Event::PatienceOver };
                    prop_assert!(after.ways_left() == 0 || after.clone().advance(news, &all_open).delivery.way > after.way);
                }
                Sending => {}
                // Somebody waits for its report.
                Sent => prop_assert_eq!(after.patience_until.is_some(), patience[after.way].is_some()),
                Delivered | Read => prop_assert!(after.patience_until.is_none() && after.reason.is_none()),
                Failed | Expired | Canceled => prop_assert!(after.patience_until.is_none() && after.reason.is_some()),
            }
            // What a sweep finds, it does not find again.
            let over = Circumstances { now: after.patience_until.unwrap_or(now), ..at.clone() };
            if after.patience_until.is_some() && after.state != Sending {
                let ended = after.clone().advance(Event::PatienceOver, &over).delivery;
                prop_assert!(ended.patience_until != after.patience_until, "{after:?}");
                let gone = after.clone().advance(Event::MustWait(NEVER), &at).delivery;
                prop_assert!(after.state == Sent || gone.way > after.way || gone.patience_until.is_none());
            }
            let arrived = after.clone().advance(Event::Reported(Report::Delivered), &at).delivery;
            prop_assert!(matches!(arrived.state, Delivered | Read) || after.state == Canceled, "late, but it counts");
            before = after;
        }
    }

    #[test]
    fn it_leaves_only_for_a_way_that_is_open_unless_refused_for_good(
        standings in prop::collection::vec(standing(), 4),
        sent in any::<bool>(),
    ) {
        let at = Circumstances { now: START.plus(Duration::from_secs(120)), jitter: 0.0, standings: standings.clone() };
        let state = if sent { Sent } else { Queued };
        let held = Delivery { state, ..delivery(&[Some(120), None, None, None]) };
        let open = (1..4).find(|way| standings[*way] == Standing::Open);
        let after = held.clone().advance(Event::PatienceOver, &at).delivery;
        match (open, sent) {
            (Some(open), _) => prop_assert_eq!(after.way, open),
            (None, false) => prop_assert!(after.is_overdue() && after.way == 0),
            (None, true) => prop_assert!(after.way > 0 && after.possible_duplicate),
        }
        let refused = Delivery { state: Sending, ..held };
        let refused = refused.advance(Event::Refused(error(Class::Content), OnUnknown::Retry), &at).delivery;
        let broken = (1..4).find(|way| standings[*way] == Standing::Broken);
        prop_assert_eq!(refused.way, open.or(broken).unwrap_or(1));
    }
}

#[test]
fn a_late_report_after_a_move_ends_it_where_it_is() {
    let at = Circumstances::at(START.plus(Duration::from_secs(60)));
    let sent = Delivery { state: Sent, ..delivery(&[Some(60), None]) };
    let moved = sent.advance(Event::PatienceOver, &at).delivery;
    assert_eq!((moved.state, moved.way, moved.receipt.as_deref()), (Queued, 1, None));
    for state in [Queued, Sending, Sent] {
        let arrived = Delivery { state, ..moved.clone() }.advance(Event::Reported(Report::Delivered), &at).delivery;
        assert_eq!((arrived.state, arrived.reason), (Delivered, None));
    }
}
