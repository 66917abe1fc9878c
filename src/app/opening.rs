//! Opening the outbox: at the first configuration that needs it, and again and again for as long as it can't be opened.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::dispatch::log_end;
use crate::message::retry;
use crate::metrics::Metrics;
use crate::outbox::{Outbox, OutboxError};
use crate::tasks::Tasks;

/// Why the outbox is not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The outbox can't be used.
    #[error("the outbox in {} can't be opened: {why}", path.display())]
    Outbox {
        /// Its folder.
        path: PathBuf,
        /// Why not.
        why: OutboxError,
    },
    /// There can be no state directory.
    #[error("the state directory {} can't be made: {why}; name another with -state-dir", path.display())]
    State {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
    /// A mistake of ours.
    #[error("opening the outbox failed where it can't fail; please report the lines above")]
    Internal,
}

impl OpenError {
    /// Whether another hookbell has the state directory: then this one is too many. Anything else may pass, and alarms
    /// must be sent meanwhile.
    pub fn is_in_use(&self) -> bool {
        matches!(self, OpenError::Outbox { why: OutboxError::InUse(_), .. })
    }
}

/// Opens the outbox, once.
pub(super) struct Opening {
    state: PathBuf,
    clock: Clock,
    /// For how long messages that ended are kept; `None`: for ever.
    keep: Option<Duration>,
    outbox: Arc<OnceLock<Outbox>>,
    metrics: Metrics,
    failures: u32,
    again_at: Option<Instant>,
}

impl Opening {
    /// Nothing is opened or made yet.
    pub(super) fn new(
        state: PathBuf,
        keep: Option<Duration>,
        clock: Clock,
        outbox: Arc<OnceLock<Outbox>>,
        metrics: Metrics,
    ) -> Opening {
        Opening { state, clock, keep, outbox, metrics, failures: 0, again_at: None }
    }

    /// Opens the outbox, where it is not open yet, and yields it if it is new. The error is one that nothing can be done
    /// about but to end; every other is told here, and the outbox tried again at `again_at`.
    pub(super) async fn open(&mut self, tasks: &Tasks) -> Result<Option<Outbox>, OpenError> {
        if self.outbox.get().is_some() {
            return Ok(None);
        }
        match self.try_open().await {
            Ok(outbox) => {
                self.again_at = None;
                if let Some(recovery) = outbox.recovery() {
                    tracing::error!("{recovery}");
                }
                if let Some(keep) = self.keep {
                    let (outbox, stopping) = (outbox.clone(), tasks.stopping());
                    tasks.spawn(async move {
                        tokio::select! {
                            () = stopping => {}
                            () = outbox.forget_after(keep) => {}
                        }
                    });
                }
                // There is only this one writer, and it looked first.
                self.outbox.set(outbox.clone()).ok();
                if self.failures > 0 {
                    tracing::info!("the outbox is open: messages are stored again");
                }
                Ok(Some(outbox))
            }
            Err(why) if why.is_in_use() && self.failures == 0 => Err(why),
            Err(why) => {
                let wait = retry::step(self.failures);
                tracing::error!(
                    "{why}. Until then each message is sent straight from memory, or refused; next look in {wait:?}"
                );
                self.failures = self.failures.saturating_add(1);
                self.again_at = Some(Instant::now() + wait);
                Ok(None)
            }
        }
    }

    /// Resolves when the outbox is to be tried again; never, if it is open or not needed.
    pub(super) async fn due(&self) {
        match self.again_at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    async fn try_open(&self) -> Result<Outbox, OpenError> {
        let (state, clock, metrics) = (self.state.clone(), self.clock.clone(), self.metrics.clone());
        // The disk may be slow, and another process may hold the lock for a while.
        let opened = tokio::task::spawn_blocking(move || {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&state);
            made.map_err(|why| OpenError::State { path: state.clone(), why })?;
            Outbox::open_counted(&state, clock, metrics).map_err(|why| OpenError::Outbox { path: state, why })
        });
        let outbox = opened.await.map_err(|_| OpenError::Internal)??;
        match outbox.void_leases().await {
            Ok(ended) => {
                ended.iter().for_each(log_end);
                Ok(outbox)
            }
            Err(why) => {
                // It gives the lock back, for the next try.
                outbox.close().await;
                Err(OpenError::Outbox { path: self.state.clone(), why })
            }
        }
    }
}
