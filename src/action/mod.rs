//! What a satisfied hook does.

use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::hook::{Action, Hook};
use crate::outbox::Outbox;
use crate::request::HookRequest;
use crate::tasks::Tasks;

pub mod command;
mod files;
mod once;
pub mod send;

use command::{Commands, Ran, RunRefusal};
use send::{SendRefusal, Stored};

/// What actions are done with.
#[derive(Clone)]
pub struct Means {
    /// The outbox, once a configuration has needed one.
    pub outbox: Arc<OnceLock<Outbox>>,
    /// The runner of commands.
    pub commands: Commands,
    /// The time.
    pub clock: Clock,
    /// For what must not stop halfway when its caller goes away.
    pub tasks: Tasks,
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// The message that was stored, if the hook sends.
    pub stored: Option<Stored>,
    /// What became of the command, if the hook runs one.
    pub ran: Option<Ran>,
}

/// Why an action was not done, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// No message was stored, and nothing ran.
    #[error(transparent)]
    Send(#[from] SendRefusal),
    /// The hook sends, and there is no outbox.
    #[error("there is no outbox to store the message in: see the log of the last start or reload")]
    NoOutbox,
    /// It broke off; what is done of it nobody knows.
    #[error("it broke off in the middle; see the log above")]
    Lost,
    /// The command did not start. A message, if there was one, is stored.
    #[error("{refusal}")]
    Run {
        /// Why.
        refusal: RunRefusal,
        /// The message that was stored before.
        stored: Option<Stored>,
    },
}

/// Does what the hook does. A hook that sends and runs stores its message first, and does both whole.
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
    let stored = match hook.action.send() {
        Some(send) => {
            let outbox = means.outbox.get().ok_or(ActionError::NoOutbox)?;
            Some(send::send(hook, send, &request, caller, outbox, &means.clock).await?)
        }
        None => None,
    };
    let is_repeated = stored.as_ref().is_some_and(|stored| stored.duplicate);
    let ran = match &hook.action {
        // The first call ran it.
        Action::Both(..) if is_repeated => None,
        Action::Run(run) | Action::Both(_, run) => {
            let started = means.commands.run(hook, run, &request, means.clock.now());
            // It may be large, and the command may take long.
            drop(request);
            match started {
                Ok(ran) => Some(ran.await),
                Err(refusal) => return Err(ActionError::Run { refusal, stored }),
            }
        }
        Action::Send(_) => None,
    };
    Ok(Done { stored, ran })
}
