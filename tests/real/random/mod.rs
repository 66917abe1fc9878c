//! Random hooks and random requests, fired at both programs.
//!
//! Read from the environment: `SEED` (else the clock's), `CASES` (calls; 0 for none).

mod bodies;
mod calls;
mod hooks;
mod known;
mod node;
mod pair;
mod regex;
mod rules;
mod shrink;
mod words;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use crate::dice::Dice;
use calls::Request;
use hooks::Hook;
use pair::{Flags, Pair};

/// Hooks that one pair of processes serves, each in a file of its own: a mistake takes its own file only.
const HOOKS: usize = 40;

/// Calls of each.
const CALLS: usize = 3;

/// Pairs of processes at one time.
const AT_ONCE: usize = 4;

/// How many failures are made small and shown.
const SHOWN: usize = 8;

/// One call and what it is made of.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) flags: Flags,
    pub(crate) hook: Hook,
    pub(crate) request: Request,
}

/// A call that was answered otherwise by hookbell than by the peer.
pub(crate) struct Failure {
    pub(crate) case: Case,
    /// In words.
    pub(crate) difference: String,
    /// Of which sort: failures of one sort most often have one cause.
    pub(crate) sort: String,
}

/// What the calls so far came to.
#[derive(Default)]
struct Tally {
    calls: usize,
    /// Answers that differ as they should, by row of the README's table.
    known: BTreeMap<&'static str, usize>,
    /// What the peer made of the calls.
    outcomes: BTreeMap<String, usize>,
    failures: Vec<Failure>,
    /// What can't go on.
    broken: Vec<String>,
}

/// Fires `count` calls that this seed makes, and tells what came of them.
pub(crate) fn run(seed: u64, count: usize) -> Result<String, String> {
    let started = Instant::now();
    let batches = count.div_ceil(HOOKS * CALLS);
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= batches {
                        return;
                    }
                    let done = batch(seed.wrapping_add(number as u64 * 1_000_003));
                    tally.lock().unwrap().add(done);
                }
            });
        }
    });
    let Tally { calls, known, outcomes, failures, broken } = tally.into_inner().unwrap();
    let list = |counts: Vec<String>| counts.join(", ");
    let known = list(known.iter().map(|(row, count)| format!("{row} ({count})")).collect());
    let outcomes = list(outcomes.iter().map(|(outcome, count)| format!("{outcome} ({count})")).collect());
    let told = format!(
        "{calls} random calls, SEED={seed}, in {} s\n  webhook's outcomes: {outcomes}\n  rows seen: {known}",
        started.elapsed().as_secs(),
    );
    if failures.is_empty() && broken.is_empty() {
        return Ok(told);
    }
    let shown: Vec<String> = broken.iter().cloned().chain(shrink::examples(&failures, SHOWN)).collect();
    Err(format!("{told}\n{} calls differ\n\n{}", failures.len(), shown.join("\n\n")))
}

/// A seed of now, for those who name none.
pub(crate) fn seed_of_now() -> u64 {
    let now = now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Dice::new(u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap()).next() % 1_000_000_000
}

#[allow(clippy::disallowed_methods, reason = "the two programs have no other clock either")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// One pair of processes and all its calls.
fn batch(seed: u64) -> Tally {
    let mut dice = Dice::new(seed);
    let mut tally = Tally::default();
    let flags = Flags::thrown(&mut dice);
    let hooks: Vec<Hook> = (0..HOOKS)
        .map(|number| {
            let form = dice.pick(&["h{}", "h{}", "h{}", "a/b{}", "a b{}", "ü{}", "{}+", "{}/", "h.{}"]);
            hooks::hook(&mut dice, &form.replace("{}", &number.to_string()))
        })
        .collect();
    let mut pair = match Pair::open(&flags, &hooks) {
        Ok(pair) => pair,
        Err(why) => {
            tally.broken.push(format!("batch {seed}: {why}"));
            return tally;
        }
    };
    for hook in &hooks {
        for _ in 0..CALLS {
            let request = calls::request(&mut dice, hook, flags.prefix());
            tally.calls += 1;
            let case = Case { flags: flags.clone(), hook: hook.clone(), request };
            let did = pair.ask(&case.request.bytes());
            *tally.outcomes.entry(did.outcome()).or_default() += 1;
            if let Some(difference) = did.difference() {
                match known::row(&case, &did) {
                    Some(row) => *tally.known.entry(row).or_default() += 1,
                    None => tally.failures.push(Failure { case, difference, sort: did.sort() }),
                }
            }
            if let Err(why) = pair.revive(&did) {
                tally.broken.push(format!("batch {seed}: {why}"));
                return tally;
            }
        }
    }
    tally
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.calls += other.calls;
        for (row, count) in other.known {
            *self.known.entry(row).or_default() += count;
        }
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.failures.extend(other.failures);
        self.broken.extend(other.broken);
    }
}
