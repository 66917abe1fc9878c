//! What can go wrong while a rule is judged.

use crate::go::regex::PatternError;
use crate::request::value::NotFound;

/// Why a condition could not be judged as it stands. The three classes differ in what forgives them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError<'r> {
    /// The parameter of this name is missing: no error for the caller, the condition counts as it stands.
    #[error("parameter node not found: {0}")]
    Missing(&'r str),
    /// A signature is wrong: an error, unless inside an `or` with soft failures.
    #[error("{0}")]
    Signature(SignatureFault),
    /// Everything else: always an error.
    #[error("{0}")]
    Broken(Fault<'r>),
}

/// What is wrong with a signature. What was presented is not told: it may be a secret in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// None of those presented is right.
    #[error("invalid payload signatures [secret]")]
    Wrong,
    /// The same, and there was no body to sign.
    #[error("invalid payload signatures [secret] on empty payload")]
    WrongOfNothing,
    /// Scalr's is not right.
    #[error("invalid payload signature [secret]")]
    WrongScalr,
    /// Scalr's is right, of another time.
    #[error("invalid payload signature outdated")]
    Outdated,
}

/// Why a condition can't be judged at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault<'r> {
    /// The parameter can't be looked up.
    #[error("{why} ({name:?})")]
    Parameter {
        /// Its name.
        name: &'r str,
        /// Why not.
        why: NotFound,
    },
    /// The pattern is broken.
    #[error("{0}")]
    Pattern(&'r PatternError),
    /// There is no secret to check a signature with.
    #[error("signature validation secret can not be empty")]
    NoSecret,
    /// The same, in Scalr's words.
    #[error("signature validation signing key can not be empty")]
    NoSigningKey,
    /// Scalr's `Date` has another form.
    #[error("parsing time: the Date header is not of the form \"Mon 02 Jan 2006 15:04:05 MST\"")]
    Date,
    /// An entry of an `ip-range` is none.
    #[error("invalid CIDR address: {0}")]
    Range(&'r str),
    /// The caller has no address: it came through a Unix socket.
    #[error("invalid IP address found in remote address '{0}'")]
    Peer(&'r str),
}
