//! Troubles that repeat themselves, mentioned once a while: a flood of them must not become one of lines.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Level;

use crate::hook::HookId;

/// How often one trouble is mentioned.
const EVERY: Duration = Duration::from_secs(60);

/// Callers that are told apart; beyond that all are forgotten and mentioned anew.
const CALLERS: usize = 1024;

/// Calls of one hook that are told of in a second when its rule rejects them; what is beyond that is a flood.
const REJECTIONS: u32 = 10;

/// Hooks whose rejected calls are remembered at a time.
const HOOKS: usize = 1024;

/// Counts a trouble that repeats itself, and says when it is time to mention it.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    last: Option<Instant>,
    times: u64,
}

impl Complaint {
    /// It happened again. How often since it was last mentioned, if it is to be mentioned now.
    pub(super) fn due(&mut self) -> Option<u64> {
        self.times += 1;
        if self.is_fresh() {
            return None;
        }
        self.last = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }

    fn is_fresh(&self) -> bool {
        self.last.is_some_and(|last| last.elapsed() < EVERY)
    }
}

/// A trouble that any stranger can make: one complaint for each of them.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<BTreeMap<Option<IpAddr>, Complaint>>);

impl Complaints {
    /// Somebody made it again. How often since that was last mentioned, if it is to be mentioned now.
    pub(super) fn due(&self, ip: Option<IpAddr>) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let caller = ip.map(network);
        if known.len() >= CALLERS && !known.contains_key(&caller) {
            known.retain(|_, complaint| complaint.is_fresh());
            if known.len() >= CALLERS {
                known.clear();
            }
        }
        known.entry(caller).or_default().due()
    }
}

/// Who an address belongs to: a network of IPv6 is one caller, who may use another of its addresses for every call.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Calls that a rule rejected. Each is told of, by its own line or, in a flood, by a line with the number of those that have
/// none: a busy repository sends one event that a hook is for among hundreds that it is not.
#[derive(Debug, Default)]
pub(super) struct Rejections(Mutex<BTreeMap<HookId, Second>>);

/// What was rejected since the second began.
#[derive(Debug)]
struct Second {
    began: Instant,
    told: u32,
    untold: u64,
}

impl Rejections {
    /// One more call of `hook` is rejected. Whether it has a line of its own; with `-verbose` all have, as with the peer.
    pub(super) fn tell(&self, hook: &HookId) -> bool {
        if tracing::enabled!(Level::DEBUG) {
            return true;
        }
        let mut hooks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let second = match hooks.get_mut(hook) {
            Some(second) => second,
            None => {
                if hooks.len() >= HOOKS {
                    hooks.clear();
                }
                hooks.entry(hook.clone()).or_insert_with(Second::begin)
            }
        };
        let (is_told, untold) = second.next();
        if untold > 0 {
            tracing::warn!(%hook, untold, "more calls were rejected than are told of one by one");
        }
        is_told
    }
}

/// Of what comes in floods, so much as is told of one by one.
#[derive(Debug, Default)]
pub(super) struct Trickle(Mutex<Option<Second>>);

impl Trickle {
    /// One more. If it is to be told: how many before it were not.
    pub(super) fn next(&self) -> Option<u64> {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (is_told, untold) = second.get_or_insert_with(Second::begin).next();
        is_told.then_some(untold)
    }
}

impl Second {
    fn begin() -> Second {
        Second { began: Instant::now(), told: 0, untold: 0 }
    }

    /// One more: whether it is among the first of its second, and how many were not when that began anew.
    fn next(&mut self) -> (bool, u64) {
        let over = self.began.elapsed() >= Duration::from_secs(1);
        let before = if over { std::mem::replace(self, Second::begin()).untold } else { 0 };
        let is_told = self.told < REJECTIONS;
        self.told += u32::from(is_told);
        self.untold += u64::from(!is_told);
        (is_told, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn of_a_flood_of_rejected_calls_ten_a_second_are_told() {
        let rejections = Rejections::default();
        let told = |hook: &str| (0..50).filter(|_| rejections.tell(&HookId::new(hook))).count();
        assert_eq!((told("a"), told("a"), told("b")), (10, 0, 10));
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(told("a"), 0);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(told("a"), 10);
        for number in 0..3 * HOOKS {
            assert!(rejections.tell(&HookId::new(&number.to_string())));
            assert!(rejections.0.lock().unwrap().len() <= HOOKS);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_trickle_kept_back_is_told_with_the_next() {
        let trickle = Trickle::default();
        let told: Vec<u64> = (0..50).filter_map(|_| trickle.next()).collect();
        assert_eq!(told, [0; 10]);
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!((trickle.next(), trickle.next()), (Some(40), Some(0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trouble_is_mentioned_once_a_while_with_its_count() {
        let mut complaint = Complaint::default();
        assert_eq!(complaint.due(), Some(1));
        assert_eq!(complaint.due(), None);
        tokio::time::advance(EVERY).await;
        assert_eq!(complaint.due(), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn each_caller_is_mentioned_and_a_network_is_one() {
        let complaints = Complaints::default();
        let due = |ip: &str| complaints.due(Some(ip.parse().unwrap()));
        assert_eq!((due("10.0.0.1"), due("10.0.0.1"), due("10.0.0.2")), (Some(1), None, Some(1)));
        assert_eq!((due("2001:db8::1"), due("2001:db8::2"), due("2001:db8:0:1::1")), (Some(1), None, Some(1)));
        assert_eq!((complaints.due(None), complaints.due(None)), (Some(1), None));
        tokio::time::advance(EVERY).await;
        assert_eq!((due("2001:db8::3"), due("10.0.0.1")), (Some(2), Some(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_costs_no_more_memory_than_a_few() {
        let complaints = Complaints::default();
        for number in 0..3 * CALLERS {
            let ip = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            assert_eq!(complaints.due(Some(ip)), Some(1));
            assert!(complaints.0.lock().unwrap().len() <= CALLERS);
        }
    }
}
