//! Whether calls can be answered now, and if not, why not.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::config::Config;
use crate::hook::catalog::Slot;
use crate::http::site::Site;
use crate::outbox::{AccountState, Outbox, OutboxError};

/// For so long a write to the disk proves that it takes more: probes don't wear it out.
const PROOF_LASTS: Duration = Duration::from_secs(1);

/// Monitors give up after ten seconds; a disk that says nothing for half of that is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether calls can be answered.
#[derive(Debug)]
pub(in crate::http) struct Readiness {
    /// What must be well.
    pub(in crate::http) checks: Vec<Check>,
    /// Whether the asker may read more than which of them is not.
    pub(in crate::http) details: bool,
}

/// One thing that must be well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Check {
    /// Its name.
    pub(in crate::http) name: &'static str,
    /// What is wrong with it, if anything is.
    pub(in crate::http) trouble: Option<String>,
    /// What was found where nothing is.
    pub(in crate::http) found: String,
}

impl Check {
    fn of(name: &'static str, found: Result<String, String>) -> Check {
        match found {
            Ok(found) => Check { name, trouble: None, found },
            Err(why) => Check { name, trouble: Some(why), found: String::new() },
        }
    }
}

impl Readiness {
    /// Whether all of it is well.
    pub(in crate::http) fn is_ready(&self) -> bool {
        self.checks.iter().all(|check| check.trouble.is_none())
    }
}

/// Looks, and remembers the last write for a moment.
#[derive(Default)]
pub(super) struct Probe(Mutex<Option<(Instant, Result<(), String>)>>);

impl Probe {
    /// Looks at everything that must be well.
    pub(super) async fn look(&self, site: &Site) -> Readiness {
        let config = site.live.current();
        let stopping =
            if site.edge.is_stopping() { Err("it is stopping".to_owned()) } else { Ok("it runs".to_owned()) };
        let checks = vec![
            Check::of("process", stopping),
            Check::of("config", Ok(loaded(&config))),
            Check::of("outbox", self.outbox(site, &config).await),
            Check::of("accounts", accounts(site, &config).await),
        ];
        Readiness { checks, details: true }
    }

    async fn outbox(&self, site: &Site, config: &Config) -> Result<String, String> {
        if !config.needs_outbox() {
            return Ok("not needed".to_owned());
        }
        let outbox = site.means.outbox.get().ok_or_else(|| OutboxError::NotOpen.to_string())?;
        // Whoever else asks waits for the same answer.
        let mut last = self.0.lock().await;
        let fresh = last.as_ref().filter(|(at, _)| at.elapsed() < PROOF_LASTS).map(|(_, proof)| proof.clone());
        let proof = match fresh {
            Some(proof) => proof,
            None => {
                let proof = written(outbox).await;
                *last = Some((Instant::now(), proof.clone()));
                proof
            }
        };
        proof.map(|()| "writable".to_owned())
    }
}

fn loaded(config: &Config) -> String {
    let broken = config.hooks.iter().filter(|(_, slot)| matches!(slot, Slot::Broken(_))).count();
    let hooks = config.hooks.len();
    if broken > 0 { format!("{hooks} hooks, {broken} of them broken") } else { format!("{hooks} hooks") }
}

async fn written(outbox: &Outbox) -> Result<(), String> {
    match timeout(PATIENCE, outbox.probe()).await {
        Ok(written) => written.map_err(|why| why.to_string()),
        Err(_elapsed) => Err(format!("the disk does not answer within {PATIENCE:?}")),
    }
}

/// At least one account must be able to send.
async fn accounts(site: &Site, config: &Config) -> Result<String, String> {
    if !config.needs_outbox() {
        return Ok("not needed".to_owned());
    }
    let names: Vec<&str> = config.accounts.keys().map(|name| name.as_str()).collect();
    if config.account_directory.is_empty() {
        return Ok("none are configured".to_owned());
    }
    if names.is_empty() {
        return Err("no account can be used: the log says why".to_owned());
    }
    // Without an outbox there are no breakers: each message is sent straight from memory.
    let Some(outbox) = site.means.outbox.get() else { return Ok(names.join(", ")) };
    let now = site.means.clock.now();
    let looked = timeout(PATIENCE, outbox.look(move |reader| reader.accounts(now))).await;
    let states = looked.unwrap_or(Err(OutboxError::Busy)).map_err(|why| why.to_string())?;
    let is_broken = |name: &&str| {
        let is_it = |state: &AccountState| state.account.as_str() == *name && state.broken.is_some();
        states.iter().any(is_it)
    };
    let (down, up): (Vec<&str>, Vec<&str>) = names.iter().copied().partition(is_broken);
    match (up.as_slice(), down.as_slice()) {
        ([], down) => Err(format!("all are out of order: {}", down.join(", "))),
        (up, []) => Ok(up.join(", ")),
        (up, down) => Ok(format!("{}; out of order: {}", up.join(", "), down.join(", "))),
    }
}
