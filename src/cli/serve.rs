//! Serve until told to stop.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;
use super::log::LogFile;
use crate::app::admin::AdminListener;
use crate::app::pidfile::Pidfile;
use crate::app::privileges::Identity;
use crate::app::settings::{RawSettings, Settings};
use crate::app::systemd::{self, Inherited, Systemd};
use crate::app::{App, Running, StartError};
use crate::clock::Clock;
use crate::http::listener::Listener;
use crate::process;

/// The main one, that of `-callbacks`, and that of `-admin`.
type Listeners = (Listener, Option<Listener>, Option<AdminListener>);

/// Serves as these flags say until a signal ends it.
pub(super) fn serve(raw: RawSettings) -> anyhow::Result<Exit> {
    // Before the first thread, for it changes the environment.
    let inherited = systemd::inherited().map_err(anyhow::Error::msg).context("error listening on socket");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    process::leave_ends_to_others();
    let (log, identity) = (raw.log(), Identity::named(raw.uid, raw.gid));
    let exit = runtime.block_on(async {
        let listening = listen(raw, inherited).await;
        // upstream: also where that failed, the log is opened by whom the process becomes, and has why. A file that
        // another user made would be in the way of the next start.
        let became = identity.ok().flatten().map_or(Ok(()), Identity::assume);
        let begun = super::log::start(&log);
        let (settings, listeners) = listening?;
        became?;
        run(settings, listeners, begun?).await
    });
    if let Err(why) = &exit {
        Systemd::from_env().failed(&format!("{why:#}"));
    }
    // What hangs in a file system that is gone can't be waited for.
    runtime.shutdown_background();
    match (exit, &log.file) {
        // upstream: why it ends stands in the log file. A service manager keeps stderr, which has it from `main`.
        (Err(why), Some(_)) => {
            tracing::error!("{why:#}");
            Err(why)
        }
        // Who searches the journal by priority, or reads one object a line, finds it there.
        (Err(why), None) if super::log::is_for_programs(log.format) => {
            tracing::error!("{why:#}");
            Ok(Exit::Trouble)
        }
        (exit, _) => exit,
    }
}

async fn listen(
    raw: RawSettings,
    inherited: anyhow::Result<Option<Inherited>>,
) -> anyhow::Result<(Settings, Listeners)> {
    let settings = raw.compile(std::env::var_os("STATE_DIRECTORY")).map_err(anyhow::Error::msg)?;
    let listener = App::listen(&settings, inherited?).await?;
    let callbacks = App::listen_for_callbacks(&settings).await?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let admin = AdminListener::bind(&settings, credentials).await?;
    Ok((settings, (listener, callbacks, admin)))
}

async fn run(
    settings: Settings,
    (listener, callbacks, admin): Listeners,
    log_file: Option<LogFile>,
) -> anyhow::Result<Exit> {
    // Signals from now on are ours, also those that come while the files are read.
    let (mut signals, reloads) = (Signals::new()?, Reloads::new()?);
    let pidfile = settings.pidfile.as_deref().map(Pidfile::create).transpose()?;
    tracing::info!("hookbell version {} starting", env!("CARGO_PKG_VERSION"));
    let app = tokio::select! {
        app = App::build(settings, listener, Clock::system()) => Some(app),
        name = signals.end() => {
            tracing::info!("caught {name} signal; exiting before serving");
            None
        }
    };
    let exit = match app {
        None => Exit::Fine,
        // upstream: this one goes to stdout.
        Some(Err(why @ StartError::NoHooks)) => {
            writeln!(std::io::stdout(), "{why}").ok();
            return Ok(Exit::Trouble);
        }
        Some(app) => {
            until_stopped(app?.with_callbacks(callbacks).with_admin(admin).start(), signals, reloads, log_file.as_ref())
                .await
        }
    };
    if let Some(Err(why)) = pidfile.map(Pidfile::remove) {
        tracing::error!("{why}");
    }
    Ok(exit)
}

/// What ends the process.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next of them, by Go's name.
    async fn end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "terminated",
            _ = self.quit.recv() => "quit",
        }
    }
}

/// What asks for a reload.
struct Reloads {
    hangup: Signal,
    user1: Signal,
}

impl Reloads {
    fn new() -> std::io::Result<Reloads> {
        Ok(Reloads { hangup: signal(SignalKind::hangup())?, user1: signal(SignalKind::user_defined1())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.hangup.recv() => {}
            _ = self.user1.recv() => {}
        }
    }
}

async fn until_stopped(
    running: Running,
    mut signals: Signals,
    mut reloads: Reloads,
    log_file: Option<&LogFile>,
) -> Exit {
    let name = loop {
        tokio::select! {
            () = reloads.next() => {
                log_file.inspect(|file| file.reopen());
                running.ask_for_reload();
            }
            name = signals.end() => break name,
        }
    };
    if name == "quit" {
        return Exit::Trouble;
    }
    tracing::info!("caught {name} signal; exiting");
    let stopped = running.stop();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return Exit::Fine,
            again = signals.end() => match again {
                // systemd sends a second one after `ExecStop=pkill`: it changes nothing.
                "terminated" => {}
                _ => {
                    tracing::warn!("caught {again} signal again: leaving at once");
                    return Exit::Trouble;
                }
            },
        }
    }
}
