//! Programs as carriers.

use std::time::Duration;

use super::answer::{ANSWER_BYTES, no_answer};
use crate::message::delivery::{Class, SendError};
use crate::process::{self, Ended, Limit, SpawnError, Spec};
use crate::provider::{Answer, Command};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the program for at most `timeout`.
pub(super) async fn carry(command: Command, timeout: Duration) -> Result<Answer, SendError> {
    let Command { argv, stdin } = command;
    let name = argv.first().cloned().unwrap_or_default();
    let path = std::env::var_os("PATH");
    let program = process::look_path(&name, path.as_deref()).map_err(not_started)?;
    let spec = Spec {
        program,
        arg0: name.clone().into(),
        args: argv.into_iter().skip(1).map(Into::into).collect(),
        environment: Vec::new(),
        directory: None,
        stdin: Some(stdin),
        output_bytes: ANSWER_BYTES,
        limit: Some(Limit { timeout, grace: GRACE }),
    };
    let Ended { code, timed_out, output, .. } = process::run(spec, || ()).await.map_err(not_started)?;
    let output = String::from_utf8_lossy(&output).into_owned();
    // Nowhere else: it may repeat the message.
    tracing::debug!(code, "{name} ended; its output: {output}");
    if timed_out {
        let detail = format!("{name} did not end within {timeout:?} and was ended; perhaps it has sent the message");
        return Err(no_answer(Class::Unknown, "timeout", detail));
    }
    Ok(Answer::Exec { code, output })
}

fn not_started(error: SpawnError) -> SendError {
    let (class, code) = match &error {
        // The same for every message, until the operator does something.
        SpawnError::NotFound { .. } => (Class::Account, "not found"),
        SpawnError::NotExecutable { .. } => (Class::Account, "not executable"),
        // This text can't be an argument.
        SpawnError::TooLong { .. } => (Class::Content, "too long"),
        SpawnError::Nul { .. } => (Class::Content, "nul"),
        SpawnError::Directory { .. } => (Class::Account, "no directory"),
        // Processes or memory are short, most likely.
        SpawnError::Failed { .. } => (Class::Fault, "spawn"),
    };
    let advice = if code == "too long" { "; give a long text by \"stdin\"" } else { "" };
    no_answer(class, code, format!("{error}{advice}"))
}
