//! What a satisfied hook does.

use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::dispatch::direct::Direct;
use crate::dispatch::pull::Desks;
use crate::hook::{Action, Hook};
use crate::message::link::Links;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::request::HookRequest;
use crate::tasks::Tasks;

pub mod command;
mod files;
pub mod media;
mod once;
pub mod send;
pub mod ways;

use command::{Commands, Ran, RunRefusal};
use send::{Kept, SendRefusal};
use ways::Ways;

/// What actions are done with.
#[derive(Clone)]
pub struct Means {
    /// The outbox, once a configuration has needed one and it could be opened.
    pub outbox: Arc<OnceLock<Outbox>>,
    /// What sends while there is none, or while it can't store.
    pub direct: Direct,
    /// Where devices fetch what their accounts are to send.
    pub desks: Desks,
    /// The runner of commands.
    pub commands: Commands,
    /// What is counted.
    pub metrics: Metrics,
    /// Links to whole texts and what goes along with them, where the configuration sends and the world reaches us.
    pub links: Arc<OnceLock<Arc<Links>>>,
    /// The time.
    pub clock: Clock,
    /// For what must not stop halfway when its caller goes away.
    pub tasks: Tasks,
}

impl Means {
    /// Where messages go.
    pub fn ways(&self) -> Ways<'_> {
        let (direct, metrics) = (&self.direct, &self.metrics);
        Ways { outbox: self.outbox.get(), direct, metrics, has_pages: self.links.get().is_some() }
    }
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// The message that was stored, or sent, if the hook sends.
    pub kept: Option<Kept>,
    /// What became of the command, if the hook runs one.
    pub ran: Option<Ran>,
}

/// Why an action was not done, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// No message was stored or sent, and nothing ran.
    #[error(transparent)]
    Send(#[from] SendRefusal),
    /// It broke off; what is done of it nobody knows.
    #[error("it broke off in the middle; see the log above")]
    Lost,
    /// The command did not start. A message, if there was one, is stored, or sent.
    #[error("{refusal}")]
    Run {
        /// Why.
        refusal: RunRefusal,
        /// The message of before.
        kept: Option<Kept>,
    },
}

/// Does what the hook does. A hook that sends and runs keeps its message first, and does both whole.
pub async fn perform(
    hook: &Arc<Hook>,
    request: HookRequest,
    caller: Option<String>,
    means: &Means,
) -> Result<Done, ActionError> {
    if !matches!(hook.action, Action::Both(..)) {
        return perform_here(hook, request, caller, means).await;
    }
    // The caller's connection may break between the two.
    let (tell, told) = oneshot::channel();
    let (hook, own) = (hook.clone(), means.clone());
    means.tasks.spawn(async move {
        tell.send(perform_here(&hook, request, caller, &own).await).ok();
    });
    told.await.unwrap_or(Err(ActionError::Lost))
}

async fn perform_here(
    hook: &Arc<Hook>,
    request: HookRequest,
    caller: Option<String>,
    means: &Means,
) -> Result<Done, ActionError> {
    let kept = match hook.action.send() {
        Some(send) => Some(send::send(hook, send, &request, caller, means.ways(), &means.clock).await?),
        None => None,
    };
    // A message is kept: whatever becomes of the command, this was a call. A command's counts when it starts, for it may
    // take long.
    if kept.is_some() {
        note_call(hook, means);
    }
    let is_repeated = kept.as_ref().and_then(Kept::stored).is_some_and(|stored| stored.duplicate);
    let ran = match &hook.action {
        // The first call ran it.
        Action::Both(..) if is_repeated => None,
        Action::Run(run) | Action::Both(_, run) => {
            let started = means.commands.run(hook, run, &request, means.clock.now());
            // It may be large, and the command may take long.
            drop(request);
            match started {
                Ok(ran) => {
                    note_call(hook, means);
                    Some(ran.await)
                }
                Err(refusal) => return Err(ActionError::Run { refusal, kept }),
            }
        }
        Action::Send(_) => None,
    };
    Ok(Done { kept, ran })
}

/// Only hooks that are expected to be called pay for being remembered.
fn note_call(hook: &Hook, means: &Means) {
    if let (Some(_), Some(outbox)) = (hook.expect_every, means.outbox.get()) {
        outbox.note_call(hook.id.as_str());
    }
}
