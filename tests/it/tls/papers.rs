//! Certificates for tests: an authority, one below it that signs, and what that signs.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::daemon::Home;

/// Somebody who is trusted, and whom it lets sign.
pub(super) struct Authority {
    root: String,
    between: String,
    signs: Issuer<'static, KeyPair>,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn signer(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A private key of nobody's.
pub(super) fn key() -> String {
    KeyPair::generate().unwrap().serialize_pem()
}

impl Authority {
    pub(super) fn new(name: &str) -> Authority {
        let (key, params) = (KeyPair::generate().unwrap(), signer(name));
        let root = params.self_signed(&key).unwrap().pem();
        let root_signs = Issuer::new(params, key);
        let (key, params) = (KeyPair::generate().unwrap(), signer(&format!("below {name}")));
        let between = params.signed_by(&key, &root_signs).unwrap().pem();
        Authority { root, between, signs: Issuer::new(params, key) }
    }

    /// Writes a new certificate with its chain, its key, and whom to trust.
    pub(super) fn issue(&self, home: &Home) {
        self.issue_until(home, 4096);
    }

    /// The same, valid until the end of `year`.
    pub(super) fn issue_until(&self, home: &Home, year: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = named("bell");
        params.not_after = date_time_ymd(year, 12, 31);
        let cert = params.signed_by(&key, &self.signs).unwrap().pem();
        home.write("ca.pem", &self.root);
        home.write("cert.pem", &format!("{cert}{}", self.between));
        home.write("key.pem", &key.serialize_pem());
    }
}
