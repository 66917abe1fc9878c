//! Serve until told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use crate::app::settings::Settings;
use crate::app::{App, Running, systemd};
use crate::clock::Clock;

/// Serves with these settings until a signal ends it.
pub(super) fn serve(settings: Settings) -> anyhow::Result<Exit> {
    // Before the first thread, for it changes the environment.
    let inherited = systemd::inherited().map_err(anyhow::Error::msg).context("error listening on socket")?;
    super::log::start(&settings.log)?;
    let has_file = settings.log.file.is_some();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(async {
        tracing::info!("hookbell {} starting", env!("CARGO_PKG_VERSION"));
        // Signals from now on are ours, also those that come while the files are read.
        let signals = Signals::new()?;
        let app = App::build(settings, inherited, Clock::system()).await?;
        until_stopped(app.start(), signals).await
    });
    if let (Err(why), true) = (&exit, has_file) {
        // upstream: why it ends stands in the log file. Elsewhere stderr is the log, and has it from `main`.
        tracing::error!("{why:#}");
    }
    // What hangs in a file system that is gone can't be waited for.
    runtime.shutdown_background();
    exit
}

struct Signals {
    hangup: tokio::signal::unix::Signal,
    user1: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
        })
    }
}

async fn until_stopped(running: Running, mut signals: Signals) -> anyhow::Result<Exit> {
    let name = loop {
        tokio::select! {
            _ = signals.hangup.recv() => running.reload().await,
            _ = signals.user1.recv() => running.reload().await,
            _ = signals.interrupt.recv() => break "interrupt",
            _ = signals.terminate.recv() => break "terminated",
            _ = signals.quit.recv() => return Ok(Exit::Trouble),
        }
    };
    tracing::info!("caught {name} signal; exiting");
    let stopped = running.stop();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return Ok(Exit::Fine),
            // systemd sends a second one after `ExecStop=pkill`: it changes nothing.
            _ = signals.terminate.recv() => {}
            _ = signals.interrupt.recv() => {
                tracing::warn!("a second interrupt: leaving at once");
                return Ok(Exit::Trouble);
            }
            _ = signals.quit.recv() => return Ok(Exit::Trouble),
        }
    }
}
