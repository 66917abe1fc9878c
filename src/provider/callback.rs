//! When a provider calls us: what it must prove, and what it tells.

use std::time::Duration;

use data_encoding::HEXLOWER_PERMISSIVE;
use http::{HeaderMap, Method};
use ring::hmac::{self, Key};

use crate::clock::Timestamp;
use crate::message::news::News;
use crate::secret::Secret;
use crate::url::Pair;

/// WhatsApp takes free text for 24 hours after a person wrote; less what it may take to get it there.
pub(super) const WHATSAPP_WINDOW: Duration = Duration::from_secs(24 * 60 * 60 - 5 * 60);

/// One call of a provider.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The method: GET or POST.
    pub method: &'a Method,
    /// The whole URL as the provider knows it, for those that sign it; none without `-public-url`.
    pub url: Option<&'a str>,
    /// Its query.
    pub query: &'a [Pair<'a>],
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, as it came.
    pub body: &'a [u8],
    /// When it came, for providers that don't say when what they tell happened.
    pub now: Timestamp,
}

/// A provider's calls, for those that call. Whoever calls has shown the account's `callback-secret` before. A provider that
/// asks for no more only says how its news is read.
pub trait Callback: Send + Sync {
    /// What a call is answered by which the provider makes sure that it reaches us; `None` where it is no such question,
    /// or not a right one.
    fn challenge(&self, _call: &Call<'_>) -> Option<String> {
        None
    }

    /// Whether news may come by GET, too.
    fn takes_get(&self) -> bool {
        false
    }

    /// What besides the secret in its path shows that a call is the provider's.
    ///
    /// # Errors
    /// The call is somebody else's.
    fn verify(&self, _call: &Call<'_>) -> Result<Proof, Unproven> {
        Ok(Proof::Path)
    }

    /// What a call tells. What is not for this account, or of no interest, is left out.
    ///
    /// # Errors
    /// It is nothing that this provider sends; in words, without any of it.
    fn parse(&self, call: &Call<'_>) -> Result<Vec<News>, String>;
}

/// What shows that a call is the provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is signed with a secret that is never sent, or brings one in a header, which no proxy logs.
    Signature,
    /// Only the secret in the path, which every proxy on the way may log.
    Path,
}

/// Why a call is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// It should be signed.
    #[error("it has no signature")]
    Missing,
    /// It is signed with something else.
    #[error("its signature is wrong: is it signed with another secret than the account has?")]
    Wrong,
}

/// Signatures by HMAC-SHA256 in hexadecimal digits, as Meta and many others sign; several keys while one is changed.
pub(super) struct Sha256(Vec<Key>);

impl Sha256 {
    /// Signatures by any of these secrets.
    pub(super) fn new(secrets: &[Secret]) -> Sha256 {
        Sha256(secrets.iter().map(|secret| Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())).collect())
    }

    /// Whether there is a secret at all.
    pub(super) fn is_used(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether `presented` is a signature of `body`, in a time that tells nothing of the right one.
    pub(super) fn check(&self, presented: &[u8], body: &[u8]) -> Result<Proof, Unproven> {
        let tag = HEXLOWER_PERMISSIVE.decode(presented).map_err(|_| Unproven::Wrong)?;
        let right = self.0.iter().any(|key| hmac::verify(key, body, &tag).is_ok());
        if right { Ok(Proof::Signature) } else { Err(Unproven::Wrong) }
    }
}
