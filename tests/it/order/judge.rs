//! What may begin when, told apart from how the outbox decides it: by the begin and the answer of each try alone, and
//! what the outbox says of where a delivery stands.

use std::collections::BTreeMap;
use std::time::Duration;

use hookbell::clock::Timestamp;
use hookbell::message::delivery::{Class, Delivery, DeliveryId, DeliveryState, Scope};
use hookbell::outbox::Claims;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The longest wait that a step or a provider of these tests asks for.
const LONGEST_HOLD: Duration = Duration::from_secs(70);

/// An account, or one of its addresses.
#[derive(Clone, Copy, Debug)]
struct Held {
    since: Instant,
    /// Nothing may begin before.
    until: Instant,
    /// Also after a restart.
    asked_until: Option<Instant>,
    /// One at a time, until one is answered well.
    on_trial: bool,
    /// Out of order: it is probed now and then, and that everything ends shows that it is.
    is_broken: bool,
}

/// Account and address.
type Place = (String, String);

#[derive(Default)]
pub(crate) struct Judge {
    accounts: BTreeMap<String, Held>,
    addresses: BTreeMap<Place, Held>,
    began: BTreeMap<DeliveryId, Instant>,
    /// The first failure that counts, by the way.
    failed: BTreeMap<(DeliveryId, usize), Instant>,
}

fn place(delivery: &Delivery) -> Place {
    let way = delivery.current_way().unwrap();
    (way.account.as_str().to_owned(), way.address.text.clone())
}

fn waits(delivery: &Delivery) -> bool {
    matches!(delivery.state, DeliveryState::Queued | DeliveryState::Sending)
}

/// Whether `younger` has to let `older` go first.
fn goes_first(older: &Delivery, younger: &Delivery) -> bool {
    let same_place = place(older) == place(younger) && older.priority >= younger.priority;
    let same_sort = older.recipient.contact == younger.recipient.contact
        && older.hook == younger.hook
        && older.priority == younger.priority;
    older.id < younger.id && waits(older) && !older.late && (same_place || same_sort && older.moved_at.is_some())
}

impl Judge {
    /// Tries of an account begin; `all` is where everything stands with that.
    pub(crate) fn began(&mut self, account: &str, found: &Claims, all: &[Delivery]) {
        let now = Instant::now();
        let under_way = |delivery: &&Delivery| delivery.state == DeliveryState::Sending && place(delivery).0 == account;
        for claim in &found.claims {
            let together: Vec<&Delivery> = std::iter::once(claim.delivery()).chain(claim.folded()).collect();
            let apart = |other: &&Delivery| together.iter().all(|delivery| delivery.id != other.id);
            for begun in &together {
                for other in all.iter().filter(apart) {
                    let two_at_once = other.state == DeliveryState::Sending && place(other) == place(begun);
                    assert!(!two_at_once, "at one address with\n{other:#?}\ngoes\n{begun:#?}");
                    assert!(!goes_first(other, begun), "{begun:#?}\novertook\n{other:#?}");
                }
                self.began.insert(begun.id, now);
            }
            let (first, held) = (claim.delivery(), self.accounts.get(account));
            assert!(held.is_none_or(|held| held.until <= now), "{first:#?}\nby an account that is held: {held:?}");
            let alone = || all.iter().filter(under_way).filter(apart).count() == 0;
            assert!(held.is_none_or(|held| !held.on_trial || alone()), "{first:#?}\nis not the only one: {held:?}");
            let held = self.addresses.get(&place(first));
            assert!(held.is_none_or(|held| held.until <= now), "{first:#?}\nto an address that is held: {held:?}");
        }
    }

    /// A try was answered. `settled` is what became of those that were in it.
    pub(crate) fn answered(&mut self, tried: &[Delivery], class: Option<Class>, settled: &[Delivery], wall: Timestamp) {
        let (account, address) = place(&tried[0]);
        let began = self.began[&tried[0].id];
        match class {
            None | Some(Class::Recipient | Class::Content | Class::Form) => {
                self.accounts.retain(|name, held| *name != account || held.since >= began);
            }
            Some(Class::Wait { scope: Scope::Recipient, after }) => self.hold_address((account, address), after),
            Some(Class::Wait { after, .. }) => self.hold(account, began, after),
            Some(Class::Network) => self.hold(account, began, None),
            Some(Class::Account) => self.breaks(account, began),
            Some(Class::Fault | Class::Unknown) => self.failed(tried, settled, wall),
        }
    }

    /// What was taken has failed after all, as the provider reports: that begins with the report.
    pub(crate) fn reported(&mut self, sent: &Delivery, class: Class, after: &Delivery, wall: Timestamp) {
        let now = Instant::now();
        match class {
            Class::Wait { scope: Scope::Recipient, after } => self.hold_address(place(sent), after),
            Class::Wait { after, .. } => self.hold(place(sent).0, now, after),
            Class::Network => self.hold(place(sent).0, now, None),
            Class::Account => self.breaks(place(sent).0, now),
            Class::Fault => self.failed(std::slice::from_ref(sent), std::slice::from_ref(after), wall),
            // On to the next way, or to another form.
            Class::Recipient | Class::Content | Class::Form | Class::Unknown => {}
        }
    }

    fn hold_address(&mut self, place: Place, asked: Option<Duration>) {
        let now = Instant::now();
        let until = now + asked.unwrap_or(SECOND);
        let held = Held { since: now, until, asked_until: None, on_trial: false, is_broken: false };
        self.addresses.insert(place, held);
    }

    /// A breaker opens: who has no other way waits for its probes. What began before it opened failed together with the
    /// first, and says nothing new.
    fn breaks(&mut self, account: String, began: Instant) {
        let now = Instant::now();
        if self.accounts.get(&account).is_some_and(|held| held.is_broken && began <= held.since) {
            return;
        }
        self.hold(account.clone(), began, Some(Duration::ZERO));
        self.accounts.entry(account).and_modify(|held| *held = Held { since: now, is_broken: true, ..*held });
    }

    fn hold(&mut self, account: String, began: Instant, asked: Option<Duration>) {
        let now = Instant::now();
        let known = self.accounts.get(&account).copied();
        // What was under way together with the first that failed says nothing new.
        let new = known.is_none_or(|held| began > held.since);
        let until = match asked {
            Some(asked) => now + asked,
            None if new => now + SECOND,
            None => now,
        };
        let known = known.unwrap_or(Held { since: now, until, asked_until: None, on_trial: true, is_broken: false });
        let held = Held {
            since: if new { now } else { known.since },
            until: known.until.max(until),
            asked_until: known.asked_until.max(asked.map(|asked| now + asked)),
            on_trial: true,
            is_broken: known.is_broken,
        };
        self.accounts.insert(account, held);
    }

    /// Others wait for a minute, counted from the first failure.
    fn failed(&mut self, tried: &[Delivery], settled: &[Delivery], wall: Timestamp) {
        for (before, after) in tried.iter().zip(settled) {
            assert_eq!(before.id, after.id);
            let first = *self.failed.entry((before.id, before.way)).or_insert_with(Instant::now);
            if after.state != DeliveryState::Queued {
                continue;
            }
            let wait = after.due_at.since(wall);
            if after.late {
                let minutes = [1, 2, 4, 8, 15][usize::try_from(after.late_tries.clamp(1, 5) - 1).unwrap()];
                assert!(wait <= MINUTE * minutes, "{wait:?} is long for {after:#?}");
            } else {
                let holds_for = first.elapsed() + wait;
                assert!(
                    first.elapsed() < MINUTE && holds_for <= MINUTE,
                    "it holds others for {holds_for:?}: {after:#?}"
                );
            }
        }
    }

    /// After a claim that took all it could: whatever still waits at the account has one of the reasons that there are.
    pub(crate) fn the_rest_waits_with_reason(&self, account: &str, all: &[Delivery], wall: Timestamp) {
        let now = Instant::now();
        let recent = |held: Option<&Held>| {
            held.is_some_and(|held| held.is_broken || held.until.max(held.since + LONGEST_HOLD) > now)
        };
        let of_account: Vec<_> = all.iter().filter(|delivery| place(delivery).0 == account).collect();
        let sending = |delivery: &&&Delivery| delivery.state == DeliveryState::Sending;
        let on_trial = self.accounts.get(account).is_some_and(|held| held.on_trial);
        if recent(self.accounts.get(account)) || on_trial && of_account.iter().any(|one| sending(&one)) {
            return;
        }
        for waiting in of_account.iter().filter(|delivery| delivery.state == DeliveryState::Queued) {
            let turn_of_another = |other: &&&Delivery| {
                let passes = other.priority > waiting.priority || other.priority == waiting.priority && waiting.late;
                place(other) == place(waiting) && (sending(other) || waits(other) && !other.late && passes)
            };
            let has_reason = waiting.due_at > wall
                || recent(self.addresses.get(&place(waiting)))
                || of_account.iter().any(|other| turn_of_another(&other))
                || all.iter().any(|older| goes_first(older, waiting));
            assert!(has_reason, "why does it wait?\n{waiting:#?}\namong\n{all:#?}");
        }
    }

    /// Another process knows of the holds what the providers asked for.
    pub(crate) fn restarted(&mut self) {
        let now = Instant::now();
        for held in self.accounts.values_mut() {
            held.until = held.asked_until.unwrap_or(now);
        }
    }
}
