//! hookbell beside the real adnanh/webhook: both are asked the same, and must answer and run the same.
//!
//! And hookbell alone, under torture.
//!
//! `tests/real/run` runs it, or `cargo test --test real -- --ignored --nocapture`. Read from the environment:
//! `FIXTURE` (a part of a file's name), `SEED` and `CASES` (of the random part), `TORTURE_SECONDS`, `WEBHOOK` and `HOOKBELL`
//! (other programs).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

/// Programs that call, from rsyslog to Zabbix.
mod callers;
/// Chance that can be had again.
mod dice;
/// The format of `fixtures/hooks`, which the program `it` reads, too.
#[path = "../it/fixture.rs"]
mod fixture;
/// The two programs.
mod program;
/// Random hooks and requests, fired at both.
mod random;
/// The fixtures, fired at both.
mod table;
/// Kills, full disks, reloads, a provider out of its mind, and 64 callers; and what must be true afterwards.
mod torture;
/// A client that writes the bytes it is given.
mod wire;

use program::Kind;

/// Whether there is anything to compare with. Where it must be, its absence is a failure.
fn peer_is_here() -> bool {
    let here = Kind::Peer.program().exists();
    assert!(here || std::env::var_os("CI").is_none(), "webhook is missing, and CI is set");
    if !here {
        println!("skipped: webhook is not installed");
    }
    here
}

#[test]
#[ignore = "needs Debian's webhook: tests/real/run"]
fn fixtures_are_facts_about_the_peer() {
    if peer_is_here() {
        println!("{}", table::run().unwrap_or_else(|faults| panic!("{faults}")));
    }
}

/// Calls of the part that is the same in every run, and of the part that is not.
const CASES: (usize, usize) = (1_200, 4_800);

#[test]
#[ignore = "needs Debian's webhook: tests/real/run"]
fn random_calls_are_answered_alike() {
    if !peer_is_here() {
        return;
    }
    let runs = match (number("SEED"), number("CASES").map(|cases| cases as usize)) {
        (Some(seed), cases) => vec![(seed, cases.unwrap_or(CASES.1))],
        (None, Some(cases)) => vec![(random::seed_of_now(), cases)],
        (None, None) => vec![(1, CASES.0), (random::seed_of_now(), CASES.1)],
    };
    for (seed, cases) in runs {
        println!("{}", random::run(seed, cases).unwrap_or_else(|faults| panic!("{faults}")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: tests/real/run"]
async fn torture_breaks_no_promise() {
    let seed = number("SEED").unwrap_or_else(random::seed_of_now);
    let seconds = number("TORTURE_SECONDS").unwrap_or(60);
    if seconds > 0 {
        println!("{}", torture::run(seed, seconds).await.unwrap_or_else(|faults| panic!("{faults}")));
    }
}

/// What the environment says, where it says anything.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect(name))
}
