//! What the log tells about a command, in adnanh/webhook's words and without the secrets of its call.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Level;

use super::{Invocation, LOGGED_BYTES};
use crate::go::print;
use crate::process::{Ended, SpawnError};
use crate::request::mask::{SHOWN, is_secret_name};
use crate::request::parameter::Parameter;

/// Held until a call is answered. Its command then begins: so the log of a call ends before that of its command begins, as
/// with the peer. Only made where somebody reads such a log.
#[derive(Clone, Debug)]
pub struct Answered(#[expect(dead_code, reason = "its end is what it tells")] Arc<oneshot::Sender<()>>);

impl Answered {
    /// The answer, and what waits for it.
    pub(super) fn awaited() -> (Option<Answered>, Option<impl Future<Output = ()>>) {
        if !tracing::enabled!(Level::DEBUG) {
            return (None, None);
        }
        let (tell, told) = oneshot::channel();
        // Never told, only dropped.
        (Some(Answered(Arc::new(tell))), Some(async move { drop(told.await) }))
    }
}

impl Invocation {
    pub(super) fn log_start(&self, file: &Path) {
        if !tracing::enabled!(Level::DEBUG) {
            return;
        }
        tracing::debug!(
            "executing {} ({}) with arguments [{}] and environment [{}] using {} as cwd",
            self.mask.text(&self.program),
            self.mask.text(&file.to_string_lossy()),
            self.shown_arguments(),
            self.shown_environment(),
            self.directory.as_deref().unwrap_or(Path::new("")).display()
        );
    }

    /// As Go writes a list of quoted texts.
    fn shown_arguments(&self) -> String {
        let all = std::iter::once(OsStr::new(&self.program)).chain(self.arguments.iter().map(OsString::as_os_str));
        let shown = all.map(|argument| {
            let shown = self.mask.passed(argument.as_bytes());
            let (text, more) = clipped(&shown, 0);
            format!("{}{more}", print::quoted(text))
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    fn shown_environment(&self) -> String {
        let shown = self.environment.iter().map(|(name, value)| {
            let name = name.to_string_lossy();
            // A secret may be too short to be looked for.
            let is_secret = is_secret_name(&name);
            let value = if is_secret { SHOWN.as_bytes().into() } else { self.mask.passed(value.as_bytes()) };
            let (text, more) = clipped(&value, 0);
            format!("{name}={}{more}", String::from_utf8_lossy(text))
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    pub(super) fn log_output(&self, ended: &Ended) {
        if !tracing::enabled!(Level::DEBUG) {
            return;
        }
        let (kept, more) = clipped(&ended.output, ended.dropped);
        let shown = self.mask.passed(kept.strip_suffix(b"\n").unwrap_or(kept));
        tracing::debug!("command output: {}{more}", String::from_utf8_lossy(&shown));
    }

    /// What the system did not start has no output, and is finished all the same.
    pub(super) fn log_no_start(&self, why: &SpawnError) {
        tracing::debug!("command output: ");
        tracing::error!(hook = %self.hook.id, "error occurred: {}", self.mask.text(&why.to_string()));
    }

    pub(super) fn log_failure(&self, ended: &Ended, how: &str) {
        // With -verbose it stands in the line before.
        let output = (!tracing::enabled!(Level::DEBUG)).then(|| {
            // Masked before it is cut: half a secret is not found.
            let end = &ended.output[ended.output.len().saturating_sub(LOGGED_BYTES)..];
            tail(&String::from_utf8_lossy(&self.mask.passed(end))).to_owned()
        });
        tracing::error!(hook = %self.hook.id, output = output.as_deref(), "error occurred: {how}");
    }

    pub(super) fn log_lookup(&self, why: &SpawnError) {
        let hook = &self.hook.id;
        // The words of the lookup begin with `exec: `.
        tracing::error!(%hook, "error in {}", self.mask.text(&why.to_string()));
        let program = self.mask.text(&self.program);
        if program.contains(' ') {
            let first = program.split_whitespace().next().unwrap_or_default();
            tracing::error!(%hook, "use 'pass-arguments-to-command' to specify args for '{first}'");
        }
    }
}

/// upstream: internal/hook/errors.go ArgumentError.
pub(super) fn missing(parameter: &Parameter, envname: &str) -> String {
    let (source, name) = (parameter.source.as_str(), &parameter.name);
    format!("couldn't retrieve argument for {{Source:{source} Name:{name} EnvName:{envname} Base64Decode:false}}")
}

/// What is shown of a text, and how much more there is, of which `dropped` bytes are not in it.
fn clipped(text: &[u8], dropped: u64) -> (&[u8], String) {
    let (shown, rest) = text.split_at(text.len().min(LOGGED_BYTES));
    let left = dropped + rest.len() as u64;
    (shown, if left > 0 { format!(" [{left} more bytes]") } else { String::new() })
}

/// The end of a failed command's output: enough to see why.
fn tail(output: &str) -> &str {
    const SHOWN: usize = 500;
    let start = output.len().saturating_sub(SHOWN);
    let start = (start..=output.len()).find(|at| output.is_char_boundary(*at)).unwrap_or(output.len());
    output[start..].trim()
}
