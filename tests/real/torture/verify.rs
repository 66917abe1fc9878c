//! What must be true after the torture, judged from three books: the callers', the provider's, and the outbox itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::callers::{Call, Told};
use super::faults::Fate;
use super::ledger::Delivery;
use super::order::{self, Match};
use super::provider::{Overlap, Request};

/// The three books.
pub(crate) struct Evidence {
    pub(crate) calls: Vec<Call>,
    /// Ids and texts.
    pub(crate) messages: Vec<(String, String)>,
    pub(crate) deliveries: Vec<Delivery>,
    /// In the order in which they began.
    pub(crate) requests: Vec<Request>,
    pub(crate) overlaps: Vec<Overlap>,
}

impl Evidence {
    /// Everything that is not as it was promised.
    pub(crate) fn faults(&self) -> Vec<String> {
        let (history, strays) = self.history();
        let mut tries: HashMap<i64, Vec<&Request>> = HashMap::new();
        for (request, delivery) in &history {
            tries.entry(delivery.id).or_default().push(request);
        }
        let tried = |delivery: &Delivery| tries.get(&delivery.id).map_or(&[][..], Vec::as_slice);
        let each = self.deliveries.iter();
        let mut found = self.lost();
        found.extend(self.stored_twice());
        found.extend(self.unasked(&strays));
        found.extend(self.side_by_side());
        found.extend(each.clone().filter_map(|delivery| false_end(delivery, tried(delivery))));
        found.extend(each.filter_map(|delivery| unmarked_duplicate(delivery, tried(delivery))));
        found.extend(self.deliveries.iter().filter_map(|delivery| unheard_report(delivery, tried(delivery))));
        found.extend(order::breaches(&history));
        found
    }

    /// Each request with its delivery; and those that have none.
    fn history(&self) -> (Vec<Match<'_>>, Vec<&Request>) {
        let mut places = HashMap::new();
        for delivery in &self.deliveries {
            for (account, address) in &delivery.ways {
                places.insert((delivery.text.as_str(), account.as_str(), address.as_str()), delivery);
            }
        }
        let (mut history, mut strays) = (Vec::new(), Vec::new());
        for request in &self.requests {
            match places.get(&(request.text.as_str(), request.account, request.address.as_str())) {
                Some(delivery) => history.push((request, *delivery)),
                None => strays.push(request),
            }
        }
        (history, strays)
    }

    /// Accepted, and not there: the worst that can be.
    fn lost(&self) -> Vec<String> {
        let texts: HashMap<&str, &str> = self.messages.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        self.deliveries.iter().for_each(|delivery| *counts.entry(&delivery.message).or_default() += 1);
        let mut found = Vec::new();
        for Call { text, told, recipients, .. } in &self.calls {
            match told {
                Told::Accepted(id) if texts.get(id.as_str()) != Some(&text.as_str()) => {
                    found.push(format!("`{text}` was accepted as {id}, and is not in the outbox"));
                }
                Told::Accepted(id) if counts.get(id.as_str()) != Some(recipients) => {
                    let count = counts.get(id.as_str()).unwrap_or(&0);
                    found.push(format!("`{text}` is for {recipients}, and has {count} deliveries"));
                }
                Told::SentOnly(count) if self.reached(text) < *count || *count == 0 => {
                    let reached = self.reached(text);
                    found.push(format!("`{text}` was called sent to {count}, and the provider took it for {reached}"));
                }
                _ => {}
            }
        }
        found
    }

    /// Two at one address at one time. Straight from memory goes what the outbox can't put in order.
    fn side_by_side(&self) -> Vec<String> {
        let stored: BTreeSet<&str> = self.messages.iter().map(|(_, text)| text.as_str()).collect();
        let both = |one: &&Overlap| stored.contains(one.older.as_str()) && stored.contains(one.younger.as_str());
        let words = |Overlap { place, older, younger }: &Overlap| {
            format!("`{younger}` was begun before `{older}` was answered, at {place:?}")
        };
        self.overlaps.iter().filter(both).map(words).collect()
    }

    /// At how many addresses the provider took a text.
    fn reached(&self, text: &str) -> u64 {
        let taken = self.requests.iter().filter(|one| one.text == text && one.fate == Fate::Taken);
        taken.map(|one| one.address.as_str()).collect::<BTreeSet<_>>().len() as u64
    }

    /// Each text was called once, whatever its caller heard.
    fn stored_twice(&self) -> Vec<String> {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        self.messages.iter().for_each(|(_, text)| *times.entry(text).or_default() += 1);
        let twice = times.into_iter().filter(|(_, times)| *times > 1);
        twice.map(|(text, times)| format!("`{text}` was called once and stored {times} times")).collect()
    }

    /// Requests that no delivery asked for. Straight from memory goes only what could not be stored, and what nobody called
    /// accepted.
    fn unasked(&self, strays: &[&Request]) -> Vec<String> {
        let told: HashMap<&str, &Told> = self.calls.iter().map(|call| (call.text.as_str(), &call.told)).collect();
        let stored: BTreeSet<&str> = self.messages.iter().map(|(_, text)| text.as_str()).collect();
        let excused = |request: &&&Request| {
            let text = request.text.as_str();
            !stored.contains(text) && told.get(text).is_some_and(|told| !matches!(told, Told::Accepted(_)))
        };
        let wrong = strays.iter().filter(|request| !excused(request));
        wrong
            .map(|one| format!("`{}` went to {} {}, and nobody wanted that", one.text, one.account, one.address))
            .collect()
    }
}

/// A delivery whose end is not what the provider knows of it, or none, or one that the operator can't explain.
fn false_end(delivery: &Delivery, tries: &[&Request]) -> Option<String> {
    let last = delivery.attempts.last();
    let has_try = |wanted: fn(&Request) -> bool| tries.iter().any(|request| wanted(request));
    // Of what was never answered a report may tell.
    let was_taken = |request: &Request| request.fate == Fate::Taken || request.rang() && request.told.is_some();
    let was_refused = |request: &Request| request.fate.is_final() || request.failed_later;
    let wrong = match delivery.state.as_str() {
        "sent" | "delivered" | "read" if !has_try(was_taken) => "and the provider never took it",
        "sent" | "delivered" | "read" if !delivery.has_attempt(&["accepted"]) => "and no attempt tells of it",
        "sent" | "delivered" | "read" => return None,
        "failed" | "expired" | "canceled" if delivery.reason.is_none() => "and nobody knows why",
        "failed" | "expired" | "canceled" if last.is_none() => "and has no attempt",
        "failed" if !has_try(was_refused) && last.is_some_and(|last| last.account != "gu") => {
            "and the provider never refused it"
        }
        "expired" if last.is_some_and(|last| last.ended_at < delivery.expires_at) => "before its time",
        "failed" | "expired" => return None,
        "canceled" => "and nobody canceled it",
        _ => "and that is no end",
    };
    Some(format!("{} {wrong}: {:?}, {:?}", delivery.named(), delivery.reason, delivery.attempts))
}

/// A phone that may have rung twice for one delivery, which does not say so.
fn unmarked_duplicate(delivery: &Delivery, tries: &[&Request]) -> Option<String> {
    let rang = tries.iter().filter(|request| request.rang()).count();
    let wrong = rang > 1 && !delivery.possible_duplicate;
    wrong.then(|| format!("{} rang {rang} times, and is not marked possible_duplicate", delivery.named()))
}

/// A delivery that does not stand where the provider's reports have put it. Where several tries may have rung it stands
/// where any of them put it.
fn unheard_report(delivery: &Delivery, tries: &[&Request]) -> Option<String> {
    let mut rang = tries.iter().filter(|request| request.fate.rings());
    let (Some(only), None) = (rang.next(), rang.next()) else { return None };
    let wrong = match only.told? {
        "failed" => delivery.state == "sent",
        // Told after its end, as the answer that was never heard: only an arrival undoes an end.
        "sent" if matches!(delivery.state.as_str(), "failed" | "expired") && delivery.has_attempt(&["unknown"]) => {
            false
        }
        told => delivery.state != told,
    };
    wrong.then(|| format!("{} was told {:?}, and the daemon heard that", delivery.named(), only.told))
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Attempt;
    use super::*;

    /// One call for two people, by `gu` after `wa`; all is well with it.
    fn evidence() -> Evidence {
        let told = Told::Accepted("01J".to_owned());
        let call = Call { text: "full".to_owned(), recipients: 1, told };
        Evidence {
            calls: vec![call],
            messages: vec![("01J".to_owned(), "full".to_owned())],
            deliveries: vec![Delivery {
                id: 1,
                message: "01J".to_owned(),
                text: "full".to_owned(),
                hook: "disk".to_owned(),
                contact: "ana".to_owned(),
                ways: vec![("wa".to_owned(), "1".to_owned())],
                priority: 1,
                state: "sent".to_owned(),
                late: false,
                possible_duplicate: false,
                moved_at: None,
                expires_at: 1000,
                reason: None,
                attempts: vec![attempt("accepted")],
            }],
            requests: vec![request(Fate::Broken), request(Fate::Taken)],
            overlaps: Vec::new(),
        }
    }

    fn attempt(class: &str) -> Attempt {
        Attempt { account: "wa".to_owned(), class: class.to_owned(), ended_at: 500 }
    }

    fn request(fate: Fate) -> Request {
        let (address, text) = ("1".to_owned(), "full".to_owned());
        let (began_at, ended_at, told) = (0, None, None);
        let (late, was_heard, failed_later) = (false, true, false);
        Request { account: "wa", address, text, late, began_at, ended_at, was_heard, fate, told, failed_later }
    }

    /// The one fault that is found after a change.
    fn fault(change: impl FnOnce(&mut Evidence)) -> String {
        let mut evidence = evidence();
        change(&mut evidence);
        let found = evidence.faults();
        assert_eq!(found.len(), 1, "{found:#?}");
        found.into_iter().next().unwrap()
    }

    fn ended(evidence: &mut Evidence, state: &str, class: &str) {
        evidence.requests = vec![request(Fate::Broken)];
        let delivery = &mut evidence.deliveries[0];
        (delivery.state, delivery.reason) = (state.to_owned(), Some("why".to_owned()));
        delivery.attempts = vec![attempt(class)];
    }

    #[test]
    fn what_is_well_is_not_complained_of() {
        assert_eq!(evidence().faults(), [""; 0]);
        let mut other = evidence();
        ended(&mut other, "failed", "recipient");
        other.requests.push(request(Fate::NoSuchAddress));
        assert_eq!(other.faults(), [""; 0]);
        let mut unheard = evidence();
        unheard.calls[0].told = Told::Nothing;
        assert_eq!(unheard.faults(), [""; 0], "stored all the same");
    }

    #[test]
    fn what_was_accepted_must_be_there() {
        assert!(fault(|e| e.messages[0].1 = "else".to_owned()).contains("not in the outbox"));
        assert!(fault(|e| e.calls[0].recipients = 2).contains("has 1 deliveries"));
        let stored_nowhere = fault(|e| {
            e.calls[0].told = Told::SentOnly(1);
            (e.messages, e.deliveries, e.requests) = (Vec::new(), Vec::new(), Vec::new());
        });
        assert!(stored_nowhere.contains("took it for 0"));
    }

    #[test]
    fn nothing_is_stored_twice_or_sent_unasked() {
        assert!(fault(|e| e.messages.push(("01K".to_owned(), "full".to_owned()))).contains("stored 2 times"));
        let elsewhere = Request { address: "2".to_owned(), ..request(Fate::Taken) };
        assert!(fault(|e| e.requests.push(elsewhere)).contains("nobody wanted that"));
        let unheard_of = Request { text: "empty".to_owned(), ..request(Fate::Taken) };
        assert!(fault(|e| e.requests.push(unheard_of)).contains("nobody wanted that"));
    }

    #[test]
    fn one_address_has_one_request_at_a_time() {
        let overlap = |older: &str| Overlap {
            place: ("wa", "1".to_owned()),
            older: older.to_owned(),
            younger: "full".to_owned(),
        };
        assert!(fault(|e| e.overlaps.push(overlap("full"))).contains("before"));
        let mut straight = evidence();
        straight.overlaps.push(overlap("never stored"));
        assert_eq!(straight.faults(), [""; 0]);
    }

    #[test]
    fn ends_are_true_and_explained() {
        assert!(fault(|e| e.requests.truncate(1)).contains("never took it"));
        assert!(fault(|e| e.deliveries[0].attempts.clear()).contains("no attempt tells"));
        assert!(fault(|e| e.deliveries[0].state = "queued".to_owned()).contains("is no end"));
        assert!(fault(|e| ended(e, "failed", "fault")).contains("never refused it"));
        assert!(fault(|e| ended(e, "expired", "expired")).contains("before its time"));
        assert!(fault(|e| ended(e, "canceled", "canceled")).contains("nobody canceled"));
        let unexplained = fault(|e| {
            ended(e, "failed", "recipient");
            e.deliveries[0].reason = None;
        });
        assert!(unexplained.contains("nobody knows why"));
        let untold = fault(|e| {
            ended(e, "failed", "recipient");
            e.deliveries[0].attempts.clear();
        });
        assert!(untold.contains("no attempt"));
    }

    #[test]
    fn reports_that_were_heard_count() {
        assert!(fault(|e| e.requests[1].told = Some("read")).contains("was told"));
        assert!(
            fault(|e| (e.requests[1].told, e.requests[1].failed_later) = (Some("failed"), true)).contains("was told")
        );
        let mut read = evidence();
        (read.requests[1].told, read.deliveries[0].state) = (Some("read"), "read".to_owned());
        assert_eq!(read.faults(), [""; 0]);
        let mut late = evidence();
        ended(&mut late, "expired", "unknown");
        late.deliveries[0].expires_at = 0;
        late.requests = vec![Request { told: Some("sent"), ..request(Fate::Reset) }];
        assert_eq!(late.faults(), [""; 0]);
        let mut failed = evidence();
        ended(&mut failed, "failed", "failed");
        failed.requests = vec![Request { told: Some("failed"), failed_later: true, ..request(Fate::Taken) }];
        assert_eq!(failed.faults(), [""; 0]);
    }

    #[test]
    fn a_phone_that_may_ring_twice_is_told() {
        for fate in [Fate::Taken, Fate::Hang, Fate::Reset, Fate::Garbage] {
            assert!(fault(|e| e.requests.insert(0, request(fate))).contains("rang 2 times"));
        }
        let mut marked = evidence();
        marked.requests.push(request(Fate::Taken));
        marked.deliveries[0].possible_duplicate = true;
        assert_eq!(marked.faults(), [""; 0]);
    }
}
