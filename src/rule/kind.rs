//! The kinds of matches, by the words of `type`.

use super::signature::Digest;

/// What a match may be. The old names of the signatures come last.
pub(super) const KINDS: [(&str, Kind); 10] = [
    ("value", Kind::Value),
    ("regex", Kind::Regex),
    ("payload-hmac-sha1", Kind::Signature(Digest::Sha1)),
    ("payload-hmac-sha256", Kind::Signature(Digest::Sha256)),
    ("payload-hmac-sha512", Kind::Signature(Digest::Sha512)),
    ("ip-whitelist", Kind::Address),
    ("scalr-signature", Kind::Scalr),
    ("payload-hash-sha1", Kind::Renamed("payload-hash-sha1", "payload-hmac-sha1", Digest::Sha1)),
    ("payload-hash-sha256", Kind::Renamed("payload-hash-sha256", "payload-hmac-sha256", Digest::Sha256)),
    ("payload-hash-sha512", Kind::Renamed("payload-hash-sha512", "payload-hmac-sha512", Digest::Sha512)),
];

/// How many of them are not old names.
pub(super) const PRESENT: usize = 7;

/// What a kind tests.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Value,
    Regex,
    Signature(Digest),
    Renamed(&'static str, &'static str, Digest),
    Address,
    Scalr,
}

/// The words of `type`, but for old names.
pub(super) fn words() -> Vec<&'static str> {
    KINDS.iter().take(PRESENT).map(|(word, _)| *word).collect()
}
