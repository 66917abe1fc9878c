//! The dates of a certificate: a client will refuse one that is out of them, whatever the server thinks.

use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

use super::policy::provider;
use crate::clock::Timestamp;

/// How long before its end a certificate is worth a line: those who renew them on time do it earlier.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What clients will not like about the dates of a certificate, if anything.
pub(super) fn worry(certificate: &CertificateDer<'_>, now: Timestamp) -> Option<String> {
    if let Some(worry) = at(certificate, now) {
        return Some(match worry {
            Worry::Ended(when) => format!("it has expired, at {when}: clients refuse it"),
            Worry::NotBegun(when) => format!("it is not valid before {when}: clients refuse it"),
        });
    }
    match at(certificate, now.plus(SOON)) {
        Some(Worry::Ended(when)) => Some(format!("it expires soon, at {when}")),
        _ => None,
    }
}

enum Worry {
    Ended(Timestamp),
    NotBegun(Timestamp),
}

/// Whether a moment is out of the dates. They are looked at before it is asked who signed, which nobody here can say.
fn at(certificate: &CertificateDer<'_>, moment: Timestamp) -> Option<Worry> {
    let moment = UnixTime::since_unix_epoch(moment.since(Timestamp::default()));
    let certificate = ParsedCertificate::try_from(certificate).ok()?;
    let algorithms = provider().signature_verification_algorithms.all;
    match verify(&certificate, &RootCertStore::empty(), &[], moment, algorithms) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(Worry::Ended(timestamp(not_after)))
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            Some(Worry::NotBegun(timestamp(not_before)))
        }
        _ => None,
    }
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_millis(i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_certificate_is_looked_at_by_its_dates() {
        let mut params = CertificateParams::new(vec!["bell".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 3, 1);
        let signed = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let day = |year, month, day| {
            let seconds = date_time_ymd(year, month, day).unix_timestamp();
            worry(signed.der(), Timestamp::from_millis(seconds * 1000))
        };
        let said = |words: &str| Some(words.to_owned());
        assert_eq!(day(2025, 12, 31), said("it is not valid before 2026-01-01T00:00:00.000Z: clients refuse it"));
        assert_eq!((day(2026, 1, 2), day(2026, 2, 21)), (None, None));
        assert_eq!(day(2026, 2, 25), said("it expires soon, at 2026-03-01T00:00:00.000Z"));
        assert_eq!(day(2026, 3, 2), said("it has expired, at 2026-03-01T00:00:00.000Z: clients refuse it"));
        assert_eq!(worry(&CertificateDer::from(vec![0]), Timestamp::default()), None);
    }
}
