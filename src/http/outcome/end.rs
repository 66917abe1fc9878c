//! How an outcome is counted.

use super::Outcome;
use crate::action::command::Ran;
use crate::action::send::Kept;
use crate::hook::admit::Refusal;
use crate::metrics::CallEnd;

impl Outcome {
    /// Under what a hook's call is counted that ended so.
    pub(in crate::http) fn end(&self) -> CallEnd {
        match self {
            Outcome::Ran(Ran::Started(_) | Ran::Well(_), _) => CallEnd::Accepted,
            Outcome::Ran(Ran::Badly(_), _) => CallEnd::Failed,
            Outcome::Kept { kept: Kept::Stored(stored), .. } if stored.duplicate => CallEnd::Duplicate,
            Outcome::Kept { .. } => CallEnd::Accepted,
            Outcome::Unsatisfied(_) => CallEnd::Unsatisfied,
            Outcome::Refused(Refusal::TokenMissing | Refusal::TokenWrong) => CallEnd::Unauthorized,
            Outcome::Refused(Refusal::OnlyAsks) | Outcome::Preview { .. } => CallEnd::Nothing,
            Outcome::UnknownHook
            | Outcome::Body(_)
            | Outcome::NoForm(_)
            | Outcome::Refused(_)
            | Outcome::NoDryRun
            | Outcome::KeyReused
            | Outcome::Wrong(_) => CallEnd::Refused,
            Outcome::Quarantined
            | Outcome::RuleFault
            | Outcome::Overloaded
            | Outcome::NotStored
            | Outcome::NeitherStoredNorSent { .. }
            | Outcome::TemplateFault
            | Outcome::Unavailable => CallEnd::Failed,
            // No hook's.
            Outcome::Alive
            | Outcome::Server
            | Outcome::Moved(_)
            | Outcome::Nowhere
            | Outcome::Malformed
            | Outcome::Told(_)
            | Outcome::Status(_)
            | Outcome::Whole(_)
            | Outcome::Media(_)
            | Outcome::Challenge(_)
            | Outcome::Heard
            | Outcome::Unproven
            | Outcome::Device(_)
            | Outcome::UnknownMessage
            | Outcome::Denied(_)
            | Outcome::Readiness(_)
            | Outcome::Metrics(..) => CallEnd::Nothing,
        }
    }
}
