//! Signatures: the caller proves by an HMAC that it knows a secret.

use data_encoding::HEXLOWER;
use ring::hmac::{self, Algorithm, Context, Key};
use subtle::ConstantTimeEq as _;

use super::error::{Fault, RuleError, SignatureFault};
use crate::clock::Timestamp;
use crate::go::date;
use crate::request::HookRequest;
use crate::request::value::Value;
use crate::secret::Secret;

/// How far Scalr's `Date` may be from now, either way, in milliseconds.
const MAX_SKEW: u64 = 300_000;

/// The longest signature as text: SHA-512 in hexadecimal digits.
const LONGEST: usize = 128;

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1: GitHub's old one, Scalr's.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
}

impl Digest {
    fn algorithm(self) -> Algorithm {
        match self {
            Digest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => hmac::HMAC_SHA256,
            Digest::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn prefix(self) -> &'static [u8] {
        match self {
            Digest::Sha1 => b"sha1=",
            Digest::Sha256 => b"sha256=",
            Digest::Sha512 => b"sha512=",
        }
    }
}

/// The keys of a signature; several while a secret is being changed.
#[derive(Debug)]
pub struct Signature {
    digest: Digest,
    keys: Vec<Key>,
}

impl Signature {
    /// A signature by any of these secrets; without one each call is an error.
    pub fn new(digest: Digest, secrets: &[Secret]) -> Signature {
        let keys = secrets.iter().filter(|secret| !secret.expose().is_empty());
        let keys = keys.map(|secret| Key::new(digest.algorithm(), secret.expose().as_bytes())).collect();
        Signature { digest, keys }
    }

    /// Whether one of the signatures in `presented` is that of `body`.
    pub fn check(&self, presented: &[u8], body: &[u8]) -> Result<(), RuleError<'static>> {
        if self.keys.is_empty() {
            return Err(RuleError::Broken(Fault::NoSecret));
        }
        let right = self.keys.iter().any(|key| {
            // Once for each key, however many signatures a caller lists.
            let own = Written::of(hmac::sign(key, body).as_ref());
            self.presented(presented).any(|signature| own.is(signature))
        });
        match (right, body.is_empty()) {
            (true, _) => Ok(()),
            (false, false) => Err(RuleError::Signature(SignatureFault::Wrong)),
            (false, true) => Err(RuleError::Signature(SignatureFault::WrongOfNothing)),
        }
    }

    /// The signatures in a text.
    ///
    /// upstream: internal/hook/hook.go ExtractSignatures. One alone may go without its prefix; of several, separated by
    /// commas, those that don't start with it are passed over, and one behind a blank is such a one.
    fn presented<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        let prefix = self.digest.prefix();
        let alone = !text.contains(&b',');
        text.split(|byte| *byte == b',').filter_map(move |piece| match piece.strip_prefix(prefix) {
            None if alone => Some(piece),
            signature => signature,
        })
    }
}

/// Scalr's signature: over body and `Date`, and not for long.
#[derive(Debug)]
pub struct Scalr(Vec<Key>);

impl Scalr {
    /// A signature by any of these secrets; without one each signed call is an error.
    pub fn new(secrets: &[Secret]) -> Scalr {
        Scalr(Signature::new(Digest::Sha1, secrets).keys)
    }

    /// Whether the request is signed, rightly and lately.
    ///
    /// upstream: internal/hook/hook.go CheckScalrSignature. A request without the two headers is not satisfied, and no error.
    pub fn check(&self, request: &HookRequest, now: Timestamp) -> Result<bool, RuleError<'static>> {
        let header = |name: &str| match &request.headers {
            Value::Map(headers) => headers.get(name.as_bytes()).map(Value::text),
            _ => None,
        };
        let (Some(presented), Some(date)) = (header("X-Signature"), header("Date")) else { return Ok(false) };
        if self.0.is_empty() {
            return Err(RuleError::Broken(Fault::NoSigningKey));
        }
        let right = self.0.iter().any(|key| {
            let mut context = Context::with_key(key);
            context.update(request.signed_body());
            context.update(&date);
            Written::of(context.sign().as_ref()).is(&presented)
        });
        if !right {
            return Err(RuleError::Signature(SignatureFault::WrongScalr));
        }
        let date = std::str::from_utf8(&date).ok().and_then(date::parse);
        let signed_at = date.ok_or(RuleError::Broken(Fault::Date))?.as_millis();
        let signed_at = i64::try_from(signed_at).unwrap_or(i64::MAX);
        if now.millis().abs_diff(signed_at) > MAX_SKEW {
            return Err(RuleError::Signature(SignatureFault::Outdated));
        }
        Ok(true)
    }
}

/// A signature in hexadecimal digits of lower case, the only ones that count.
struct Written {
    digits: [u8; LONGEST],
    length: usize,
}

impl Written {
    fn of(tag: &[u8]) -> Written {
        let mut written = Written { digits: [0; LONGEST], length: (tag.len() * 2).min(LONGEST) };
        let (digits, _) = written.digits.split_at_mut(written.length);
        HEXLOWER.encode_mut(&tag[..digits.len() / 2], digits);
        written
    }

    fn is(&self, presented: &[u8]) -> bool {
        bool::from(self.digits[..self.length].ct_eq(presented))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Head, Reading};

    fn signed(date: Option<&str>, signature: &str) -> HookRequest {
        let mut call = http::Request::post("/hooks/a").header("X-Signature", signature);
        if let Some(date) = date {
            call = call.header("Date", date);
        }
        let (parts, ()) = call.body(()).unwrap().into_parts();
        let head = Head { method: &parts.method, uri: &parts.uri, headers: &parts.headers, remote: "127.0.0.1:9" };
        HookRequest::read(head, br#"{"n":7}"#[..].into(), &Reading::default())
    }

    #[test]
    fn scalrs_signature_counts_for_five_minutes_either_way() {
        let scalr = Scalr::new(&[Secret::new("other"), Secret::new("k3y")]);
        let (date, right) = ("Mon 02 Jan 2023 03:04:05 UTC", "fda52172d8da411a4258073246638845e4da8973");
        const AT: i64 = 1_672_628_645_000;
        for (date, signature, now, found) in [
            (Some(date), right, AT, "true"),
            (Some(date), right, AT + 200_000, "true"),
            (Some(date), right, AT - 300_000, "true"),
            (Some(date), right, AT + 300_001, "invalid payload signature outdated"),
            (Some(date), right, AT - 300_001, "invalid payload signature outdated"),
            (Some(date), "fda5", AT, "invalid payload signature [secret]"),
            (Some("Mon 02 Jan 2023 03:04:06 UTC"), right, AT, "invalid payload signature [secret]"),
            (None, right, AT, "false"),
        ] {
            let request = signed(date, signature);
            let judged = scalr.check(&request, Timestamp::from_millis(now));
            assert_eq!(judged.map_or_else(|why| why.to_string(), |held| held.to_string()), found, "{signature} {now}");
        }
    }

    #[test]
    fn any_of_several_secrets_will_do() {
        let secrets = ["", "old", "k3y"].map(Secret::new);
        let signature = Signature::new(Digest::Sha1, &secrets);
        let right = b"sha1=14440c192f9c20c4acf0cc7366e449d863aff748";
        assert_eq!(signature.check(right, br#"{"n":7}"#), Ok(()));
        assert_eq!(signature.check(right, b"{}"), Err(RuleError::Signature(SignatureFault::Wrong)));
        let none = Signature::new(Digest::Sha1, &secrets[..1]);
        assert_eq!(none.check(right, br#"{"n":7}"#), Err(RuleError::Broken(Fault::NoSecret)));
    }
}
