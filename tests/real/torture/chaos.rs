//! What is done to the daemon, its provider and its disk while the callers call.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::daemon::Daemon;
use super::disk::SmallDisk;
use super::faults::Spell;
use super::house::{ACCOUNTS, Edition};
use super::provider::Provider;
use super::{Counts, Stage};
use crate::dice::Dice;

/// Kills, stops and reloads the daemon until the chaos is over. The error tells of a daemon that did not come back, or
/// went by itself.
pub(crate) async fn of_daemon(
    daemon: &mut Daemon,
    folder: &Path,
    provider: &Provider,
    stage: &Stage,
    counts: &Counts,
) -> Result<(), String> {
    let mut dice = Dice::new(stage.seed ^ 0xdae0);
    while !stage.is_over() {
        pause(&mut dice, 300, 3000).await;
        if let Some(status) = daemon.has_ended() {
            return Err(format!("it ended by itself: {status}"));
        }
        match dice.below(10) {
            0..4 => {
                daemon.kill();
                counts.add("kill -9");
                pause(&mut dice, 1, 700).await;
                while dice.chance(25) {
                    // Not even up.
                    daemon.spawn();
                    pause(&mut dice, 1, 120).await;
                    daemon.kill();
                    counts.add("kill -9");
                }
                started(daemon, counts).await?;
            }
            4..6 => {
                daemon.stop().await?;
                counts.add("SIGTERM");
                started(daemon, counts).await?;
            }
            _ => {
                let rate = [1000, 200, 60][dice.below(3)];
                let edition = Edition { with_wb: dice.chance(60), with_extra: dice.chance(50), rate };
                edition.write(folder, &provider.url()).map_err(|error| error.to_string())?;
                daemon.reload();
                counts.add("reloads");
            }
        }
    }
    Ok(())
}

/// Starts it and counts what went wrong with that.
pub(crate) async fn started(daemon: &mut Daemon, counts: &Counts) -> Result<(), String> {
    let failed = daemon.start().await?;
    (0..failed).for_each(|_| counts.add("starts that failed"));
    Ok(())
}

/// Lets the provider, or an account of it, be in trouble for a while.
pub(crate) async fn of_provider(provider: Provider, stage: Arc<Stage>, counts: Counts) {
    let mut dice = Dice::new(stage.seed ^ 0x9804);
    while !stage.is_over() {
        pause(&mut dice, 1500, 5000).await;
        let spell = match dice.below(8) {
            0..3 => {
                counts.add("outages of the provider");
                provider.be_up(false);
                pause(&mut dice, 500, 3000).await;
                provider.be_up(true);
                continue;
            }
            3..5 => Spell::Unauthorized,
            5..7 => Spell::Broken,
            _ => Spell::Silent,
        };
        let (account, ..) = ACCOUNTS[dice.below(ACCOUNTS.len())];
        counts.add(format!("spells of an account: {spell:?}").to_lowercase());
        provider.spell(account, Some(spell));
        pause(&mut dice, 500, 3000).await;
        provider.spell(account, None);
    }
}

/// Fills the disk for a while.
pub(crate) async fn of_disk(disk: Arc<SmallDisk>, stage: Arc<Stage>, counts: Counts) {
    let mut dice = Dice::new(stage.seed ^ 0xd15c);
    while !stage.is_over() {
        pause(&mut dice, 4000, 12_000).await;
        disk.fill();
        counts.add("disk full");
        pause(&mut dice, 1000, 4000).await;
        disk.free();
    }
}

async fn pause(dice: &mut Dice, least: u64, most: u64) {
    tokio::time::sleep(Duration::from_millis(least + dice.next() % (most - least))).await;
}
