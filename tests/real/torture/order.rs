//! The promise: per account and address, B is not begun before A is answered, unless A is late or B has higher priority.

use std::collections::{BTreeMap, HashMap};

use super::ledger::Delivery;
use super::provider::Request;

/// For how long younger ones of the same contact, hook and priority wait for one that changed its way.
const WAITS_FOR_MOVED: i64 = 60_000;

/// A request may reach the provider so many milliseconds after it was claimed: until then it may have missed a move.
const ON_ITS_WAY: i64 = 2_000;

/// What a request was about.
pub(crate) type Match<'a> = (&'a Request, &'a Delivery);

/// Every breach of the promise. `history` is in the order in which the requests began.
pub(crate) fn breaches(history: &[Match<'_>]) -> Vec<String> {
    let mut places: HashMap<(&str, &str), Vec<Match<'_>>> = HashMap::new();
    let mut circles: HashMap<(&str, &str, i64), Vec<Match<'_>>> = HashMap::new();
    for (request, delivery) in history {
        places.entry((request.account, &request.address)).or_default().push((request, delivery));
        let circle = (delivery.contact.as_str(), delivery.hook.as_str(), delivery.priority);
        circles.entry(circle).or_default().push((request, delivery));
    }
    let mut found: Vec<String> = places.values().flat_map(|place| overtakers(place)).collect();
    found.extend(circles.values().flat_map(|circle| deserters(circle)));
    found
}

/// Who was begun at a place while an older one was still to come there.
fn overtakers(place: &[Match<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    // Those that come later than the one looked at, by their place in the order; and not as late ones.
    let mut to_come: BTreeMap<i64, Match<'_>> = BTreeMap::new();
    for (request, delivery) in place.iter().rev() {
        let passed = to_come.range(..delivery.id).map(|(_, older)| older);
        let passed = passed.filter(|(_, older)| older.priority >= delivery.priority && !came_later(older, request));
        for (later, older) in passed {
            let at = format!("at {} {}", request.account, request.address);
            let times = format!("{} before {}", request.began_at, later.began_at);
            found.push(format!("{} was begun before {} was answered, {at}: {times}", delivery.named(), older.named()));
        }
        if !request.late {
            to_come.entry(delivery.id).or_insert((request, delivery));
        }
    }
    found
}

/// Whether a delivery came to this place, from another way, only when a request here was begun.
fn came_later(delivery: &Delivery, request: &Request) -> bool {
    let first = delivery.ways.first().is_some_and(|(account, _)| account == request.account);
    !first && delivery.moved_at.is_some_and(|moved_at| request.began_at < moved_at + ON_ITS_WAY)
}

/// Who did not wait for an older one of the same contact, hook and priority that changed its way.
fn deserters(circle: &[Match<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    let moved: BTreeMap<i64, &Delivery> = circle.iter().map(|(_, delivery)| (delivery.id, *delivery)).collect();
    let moved = moved.into_values().filter(|delivery| !delivery.late);
    for older in moved {
        let (Some(moved_at), Some(settled_at)) = (older.moved_at, older.settled_at()) else { continue };
        let waits = moved_at + ON_ITS_WAY..settled_at.min(moved_at + WAITS_FOR_MOVED);
        let left =
            circle.iter().filter(|(request, younger)| younger.id > older.id && waits.contains(&request.began_at));
        for (request, younger) in left {
            let times = format!("begun at {}, moved at {moved_at}, ended at {settled_at}", request.began_at);
            found.push(format!("{} did not wait for {}: {times}", younger.named(), older.named()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::faults::Fate;
    use super::super::ledger::Attempt;
    use super::*;

    fn delivery(id: i64, priority: i64) -> Delivery {
        Delivery {
            id,
            message: String::new(),
            text: format!("text {id}"),
            hook: "disk".to_owned(),
            contact: "ana".to_owned(),
            ways: vec![("wa".to_owned(), "1".to_owned()), ("tg".to_owned(), "1".to_owned())],
            priority,
            state: "sent".to_owned(),
            late: false,
            possible_duplicate: false,
            moved_at: None,
            expires_at: i64::MAX,
            reason: None,
            attempts: vec![Attempt { account: "wa".to_owned(), class: "accepted".to_owned(), ended_at: 50_000 }],
        }
    }

    /// At this account and time.
    fn request(account: &'static str, began_at: i64, late: bool) -> Request {
        let (address, text) = ("1".to_owned(), String::new());
        let (ended_at, fate, told) = (None, Fate::Taken, None);
        Request { account, address, text, late, began_at, ended_at, was_heard: true, fate, told, failed_later: false }
    }

    /// How many breaches there are when these deliveries are asked for at `wa` in this order.
    fn count(order: &[(&Delivery, bool)]) -> usize {
        let requests: Vec<_> = order.iter().zip(0..).map(|((_, late), at)| request("wa", at, *late)).collect();
        breaches(&requests.iter().zip(order).map(|(request, (delivery, _))| (request, *delivery)).collect::<Vec<_>>())
            .len()
    }

    #[test]
    fn nobody_passes_but_by_priority_or_when_the_older_is_late() {
        let (one, two, high) = (&delivery(1, 1), &delivery(2, 1), &delivery(3, 2));
        assert_eq!(count(&[(one, false), (one, false), (two, false)]), 0);
        assert_eq!(count(&[(two, false), (one, false)]), 1, "passed before its first try");
        assert_eq!(count(&[(one, false), (two, false), (one, false)]), 1, "passed between two tries");
        assert_eq!(count(&[(one, false), (two, false), (one, true)]), 0, "it was late");
        assert_eq!(count(&[(one, true), (two, false), (one, false)]), 1, "late once, and then not");
        assert_eq!(count(&[(high, false), (one, false), (two, false)]), 0);
        let (low, late) = (&delivery(4, 0), &delivery(5, 1));
        assert_eq!(count(&[(low, false), (high, false)]), 1, "the younger one is lower, too");
        assert_eq!(count(&[(late, false), (low, false)]), 0);
    }

    #[test]
    fn places_have_an_order_each() {
        let (one, two) = (delivery(1, 1), delivery(2, 1));
        let requests = [request("wa", 1, false), request("tg", 2, false)];
        assert_eq!(breaches(&[(&requests[0], &two), (&requests[1], &one)]).len(), 0);
    }

    #[test]
    fn whoever_moved_is_waited_for_from_then_on() {
        let (moved, younger) = (Delivery { moved_at: Some(10_000), ..delivery(1, 1) }, delivery(2, 1));
        let breaches_with = |began_at, moved: &Delivery| {
            let requests = [request("tg", began_at, false), request("tg", 49_000, false)];
            breaches(&[(&requests[0], &younger), (&requests[1], moved)]).len()
        };
        assert_eq!(breaches_with(9_000, &moved), 0, "it was not there yet");
        assert_eq!(breaches_with(20_000, &moved), 2, "at its place, and in its circle");
        assert_eq!(breaches_with(20_000, &Delivery { late: true, ..moved }), 1, "only at its place");
    }

    #[test]
    fn whoever_moved_is_waited_for_elsewhere_too() {
        let (moved, younger) = (Delivery { moved_at: Some(10_000), ..delivery(1, 1) }, delivery(2, 1));
        let breaches_with = |began_at, moved: &Delivery| {
            let requests = [request("wa", began_at, false), request("tg", began_at + 1, false)];
            breaches(&[(&requests[0], &younger), (&requests[1], moved)]).len()
        };
        assert_eq!(breaches_with(20_000, &moved), 1);
        assert_eq!(breaches_with(51_000, &moved), 0, "it had been answered");
        let never = Attempt { ended_at: i64::MAX, ..moved.attempts[0].clone() };
        let stuck = Delivery { attempts: vec![never], ..moved };
        assert_eq!(breaches_with(71_000, &stuck), 0, "a minute is enough");
        assert_eq!(breaches_with(69_000, &stuck), 1);
    }
}
