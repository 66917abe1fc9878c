//! One line a minute for each address that guesses tokens.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whose wrong tokens were logged lately: a flood of guesses makes one line a minute for each address.
#[derive(Debug, Default)]
pub(super) struct WrongTokens(Mutex<HashMap<Option<IpAddr>, Guesses>>);

#[derive(Debug)]
struct Guesses {
    logged: Instant,
    unlogged: u64,
}

/// Addresses that are remembered; beyond that the oldest minute is forgotten whole.
const ADDRESSES: usize = 1024;

/// One line for each address in this time.
const LOG_EVERY: Duration = Duration::from_secs(60);

impl WrongTokens {
    /// How many guesses a line would stand for, if one is due now.
    pub(super) fn due(&self, ip: Option<IpAddr>) -> Option<u64> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if known.len() >= ADDRESSES && !known.contains_key(&ip) {
            known.retain(|_, guesses| now.duration_since(guesses.logged) < LOG_EVERY);
            if known.len() >= ADDRESSES {
                known.clear();
            }
        }
        match known.get_mut(&ip) {
            Some(guesses) if now.duration_since(guesses.logged) < LOG_EVERY => {
                guesses.unlogged += 1;
                None
            }
            Some(guesses) => {
                let times = guesses.unlogged + 1;
                *guesses = Guesses { logged: now, unlogged: 0 };
                Some(times)
            }
            None => {
                known.insert(ip, Guesses { logged: now, unlogged: 0 });
                Some(1)
            }
        }
    }
}
