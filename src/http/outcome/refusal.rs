//! What of an outcome the operator reads among the refused calls.

use std::borrow::Cow;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::body::Bytes;

use super::{Outcome, come_back};
use crate::hook::admit::Refusal;
use crate::http::BodyFault;

impl Outcome {
    /// Why a call was refused; none where it was not, or is no business of the operator's. Never a text, never a token.
    pub(in crate::http) fn refusal(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Outcome::UnknownHook => "no hook has this id",
            Outcome::Quarantined => "the hook's definition is broken",
            Outcome::Body(BodyFault::TooLarge { .. }) => "the body is too large",
            Outcome::Body(BodyFault::TooSlow) => "the body did not arrive in time",
            Outcome::Body(BodyFault::Crowded) => "too many large bodies were being received",
            Outcome::Body(BodyFault::Cut) => "the body is cut short",
            Outcome::NoForm(_) => "the form can't be read",
            Outcome::Refused(refusal) => return of_refusal(refusal),
            // A status of its own says that the mismatch matters; the usual one is everyday life.
            Outcome::Unsatisfied(status) => {
                status.filter(|status| status.as_u16() >= 400)?;
                "the trigger rule is not satisfied"
            }
            Outcome::RuleFault => "the trigger rule could not be judged",
            Outcome::NoDryRun => "a dry run of a hook without a token",
            Outcome::KeyReused => "the Idempotency-Key was used for another message",
            Outcome::Wrong(how) => return Some(Cow::Owned(how.clone())),
            Outcome::Overloaded => "too much was waiting",
            Outcome::NotStored => "the message could not be stored",
            Outcome::NeitherStoredNorSent { .. } => "the message could neither be stored nor sent",
            Outcome::TemplateFault => "the hook's template failed",
            Outcome::Alive
            | Outcome::Server
            | Outcome::Moved(_)
            | Outcome::Nowhere
            | Outcome::Malformed
            | Outcome::Preview { .. }
            | Outcome::Told(_)
            | Outcome::Ran(..)
            | Outcome::Kept { .. }
            | Outcome::Status(_)
            | Outcome::Whole(_)
            | Outcome::Media(_)
            | Outcome::Challenge(_)
            | Outcome::Heard
            | Outcome::Unproven
            | Outcome::Device(_)
            | Outcome::UnknownMessage
            | Outcome::Unavailable
            | Outcome::Denied(_)
            | Outcome::Readiness(_)
            | Outcome::Metrics(..) => return None,
        }))
    }
}

/// The answer to a refused call.
pub(super) fn answer(refusal: Refusal, headers: &mut HeaderMap) -> (StatusCode, Bytes) {
    use StatusCode as Code;
    let (code, text) = match refusal {
        Refusal::Method => (Code::METHOD_NOT_ALLOWED, ""),
        Refusal::OnlyAsks => (Code::NO_CONTENT, ""),
        Refusal::Prefetch => return come_back(headers, "Nothing was sent: this is a prefetch."),
        Refusal::Previewer => (Code::FORBIDDEN, "Nothing was sent: this looks like the preview of a link."),
        Refusal::CrossSite => (
            Code::FORBIDDEN,
            "Nothing was sent: a page of another site asked for it. Give the hook a token that the call brings, or set allow-cross-site.",
        ),
        Refusal::TokenMissing => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hookbell\""));
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"hookbell\", charset=\"UTF-8\""));
            (Code::UNAUTHORIZED, "A token is needed: Authorization: Bearer, X-Hook-Token, or the parameter token.\n")
        }
        Refusal::TokenWrong => (Code::FORBIDDEN, "The token is wrong.\n"),
        Refusal::Missing(parameter) => {
            return (Code::BAD_REQUEST, format!("the parameter {} is missing or empty\n", parameter.name).into());
        }
    };
    (code, Bytes::from_static(text.as_bytes()))
}

fn of_refusal(refusal: &Refusal) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match refusal {
        Refusal::OnlyAsks => return None,
        Refusal::Method => "the hook does not answer to this method",
        Refusal::Prefetch => "a browser's prefetch",
        Refusal::Previewer => "the preview of a link",
        Refusal::CrossSite => "a page of another site",
        Refusal::TokenMissing => "no token",
        Refusal::TokenWrong => "a wrong token",
        Refusal::Missing(parameter) => {
            return Some(format!("the parameter {} is missing or empty", parameter.name).into());
        }
    }))
}
