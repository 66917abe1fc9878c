//! How things stand at the moment of a scrape. It is read beside the writer, which goes on meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Timestamp;
use crate::config::Config;
use crate::hook::catalog::Slot;
use crate::http::site::Site;
use crate::metrics::{AccountNow, ConfigNow, OutboxNow, Process, Snapshot};
use crate::outbox::{AccountGauges, CanaryState, Reader};

/// Prometheus gives up after ten seconds; what is counted shall reach it also where the disk does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at everything that is not counted.
pub(super) async fn now(site: &Site) -> Snapshot {
    let config = site.live.current();
    let (commands_running, commands_waiting) = site.means.commands.running_and_waiting();
    let process = tokio::task::spawn_blocking(Process::look).await.unwrap_or_default();
    let now = site.means.clock.now();
    let found = match site.means.outbox.get() {
        Some(outbox) => {
            let look = move |reader: &Reader| Ok((reader.gauges(now)?, reader.canaries()?, reader.bytes()?));
            timeout(PATIENCE, outbox.look(look)).await.ok().and_then(Result::ok)
        }
        None => None,
    };
    let (open, (gauges, canaries, bytes)) = (found.is_some(), found.unwrap_or_default());
    let outbox = (config.needs_outbox() || open).then_some(OutboxNow { open, bytes });
    let accounts = accounts(&config, gauges, &canaries, now);
    let config = config_now(&config);
    Snapshot { config, commands_running, commands_waiting, accounts, outbox, process }
}

fn config_now(config: &Config) -> ConfigNow {
    let broken_hooks = config.hooks.iter().filter(|(_, slot)| matches!(slot, Slot::Broken(_))).count();
    ConfigNow { hooks: config.hooks.len() - broken_hooks, broken_hooks, accounts: config.accounts.len() }
}

/// Those of the configuration, and whatever else has something that waits.
fn accounts(config: &Config, gauges: Vec<AccountGauges>, canaries: &[CanaryState], now: Timestamp) -> Vec<AccountNow> {
    let named = |name: &str| AccountNow { name: name.to_owned(), ..AccountNow::default() };
    let mut all: BTreeMap<String, AccountNow> = config
        .accounts
        .iter()
        .map(|(name, account)| {
            let windows = account.provider.callback().map(|_| 0);
            (name.as_str().to_owned(), AccountNow { windows, ..named(name.as_str()) })
        })
        .collect();
    for AccountGauges { state, oldest, windows, waits: _ } in gauges {
        let name = state.account.as_str();
        let waits = state.queued + state.sending > 0;
        if !waits && !all.contains_key(name) {
            continue;
        }
        let seen = all.entry(name.to_owned()).or_insert_with(|| named(name));
        seen.queued = u64::try_from(state.queued).unwrap_or(0);
        seen.sending = u64::try_from(state.sending).unwrap_or(0);
        seen.oldest = oldest.map_or(0.0, |accepted| now.since(accepted).as_secs_f64());
        seen.broken_since = state.broken.map(|(since, _)| since.since(Timestamp::default()).as_secs_f64());
        seen.windows = seen.windows.map(|_| windows);
    }
    for CanaryState { account, record } in canaries {
        let back_at = record.back_at.map(|back| back.since(Timestamp::default()).as_secs_f64());
        if let (Some(seen), Some(back_at)) = (all.get_mut(account.as_str()), back_at) {
            seen.canary_back_at = Some(back_at);
        }
    }
    all.into_values().collect()
}
