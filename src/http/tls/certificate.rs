//! The certificate that is shown: read from its files, replaced when they change, and never by a worse one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{Digest, SHA256, digest};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use tokio::sync::watch;

use super::policy::provider;
use super::validity::worry;
use crate::clock::Clock;
use crate::secret::read_regular;

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it the chain of those that signed it: PEM.
    pub cert: PathBuf,
    /// Its private key: PEM of PKCS #8, PKCS #1 or SEC 1, without a password.
    pub key: PathBuf,
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file can't be read.
    #[error("-{flag} {}: can't be read: {why}", path.display())]
    Unreadable {
        /// The flag that names it.
        flag: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A file has not in it what it should.
    #[error("-{flag} {}: {why}", path.display())]
    Unusable {
        /// The flag that names it.
        flag: &'static str,
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Each is good, but not for the other.
    #[error("the key in {} is not the one of the certificate in {}", key.display(), cert.display())]
    Mismatch {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

/// What came of looking at the files again.
#[derive(Debug)]
pub enum Renewal {
    /// They hold what they held.
    Unchanged,
    /// New connections see a new certificate.
    Taken,
    /// They hold nothing that can be shown: the old certificate stays.
    Refused(CertificateError),
}

/// The only pen of the certificate that is shown.
#[derive(Debug)]
pub struct CertificateKeeper {
    files: CertificateFiles,
    publish: watch::Sender<Arc<CertifiedKey>>,
    in_force: Digest,
    /// What was refused last, so that it is told once.
    refused: Option<Digest>,
}

/// The certificate of the moment.
#[derive(Debug)]
pub(super) struct LiveCertificate(watch::Receiver<Arc<CertifiedKey>>);

impl ResolvesServerCert for LiveCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.borrow().clone())
    }
}

impl CertificateKeeper {
    /// Reads the files for the first time.
    pub(super) fn open(files: CertificateFiles) -> Result<(CertificateKeeper, LiveCertificate), CertificateError> {
        let found = Found::in_files(&files)?;
        let (publish, live) = watch::channel(found.certificate(&files)?);
        let keeper = CertificateKeeper { files, publish, in_force: found.digest(), refused: None };
        Ok((keeper, LiveCertificate(live)))
    }

    /// Reads them again. `asked`: a refusal is told also where it has been told before.
    pub fn renew(&mut self, asked: bool) -> Renewal {
        let found = match Found::in_files(&self.files) {
            Ok(found) => found,
            Err(why) => return self.refuse(digest(&SHA256, why.to_string().as_bytes()), asked, why),
        };
        let digest = found.digest();
        if same(&digest, &self.in_force) {
            self.refused = None;
            return Renewal::Unchanged;
        }
        match found.certificate(&self.files) {
            Ok(certificate) => {
                self.publish.send_replace(certificate);
                (self.in_force, self.refused) = (digest, None);
                Renewal::Taken
            }
            Err(why) => self.refuse(digest, asked, why),
        }
    }

    fn refuse(&mut self, digest: Digest, asked: bool, why: CertificateError) -> Renewal {
        let told = self.refused.as_ref().is_some_and(|refused| same(refused, &digest));
        self.refused = Some(digest);
        if told && !asked { Renewal::Unchanged } else { Renewal::Refused(why) }
    }

    /// The files, which are worth watching.
    pub fn files(&self) -> [&Path; 2] {
        [&self.files.cert, &self.files.key]
    }
}

fn same(one: &Digest, other: &Digest) -> bool {
    one.as_ref() == other.as_ref()
}

/// What the files hold.
struct Found {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Found {
    fn in_files(files: &CertificateFiles) -> Result<Found, CertificateError> {
        let read = |flag, path: &Path| {
            read_regular(path).map_err(|why| CertificateError::Unreadable { flag, path: path.to_owned(), why })
        };
        Ok(Found { cert: read("cert", &files.cert)?, key: read("key", &files.key)? })
    }

    fn digest(&self) -> Digest {
        let length = self.cert.len().to_be_bytes();
        digest(&SHA256, &[length.as_slice(), &self.cert, &self.key].concat())
    }

    fn certificate(&self, files: &CertificateFiles) -> Result<Arc<CertifiedKey>, CertificateError> {
        let of_cert = |why: String| unusable("cert", &files.cert, why);
        let of_key = |why: String| unusable("key", &files.key, why);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.cert).collect();
        let chain = chain.map_err(|why| of_cert(why.to_string()))?;
        if chain.is_empty() {
            return Err(of_cert("there is no certificate in it (PEM: -----BEGIN CERTIFICATE-----)".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|why| of_key(self.about_key(&why)))?;
        let key = provider().key_provider.load_private_key(key).map_err(|why| of_key(why.to_string()))?;
        let worries = chain.first().and_then(|leaf| worry(leaf, Clock::system().now()));
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            // A key that can't say which certificate it belongs to is taken at its word.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                // It is shown all the same: an expired one is better than none, and the clock may be wrong.
                worries.inspect(|worry| tracing::warn!("-cert {}: {worry}", files.cert.display()));
                Ok(Arc::new(certified))
            }
            Err(Error::InconsistentKeys(_)) => {
                Err(CertificateError::Mismatch { cert: files.cert.clone(), key: files.key.clone() })
            }
            Err(why) => Err(of_cert(why.to_string())),
        }
    }

    fn about_key(&self, why: &pem::Error) -> String {
        let has = |words: &[u8]| self.key.windows(words.len()).any(|window| window == words);
        match why {
            _ if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") => {
                "the key has a password; take it off: openssl pkey -in OLD -out NEW".to_owned()
            }
            pem::Error::NoItemsFound => "there is no private key in it (PEM: -----BEGIN PRIVATE KEY-----)".to_owned(),
            why => why.to_string(),
        }
    }
}

fn unusable(flag: &'static str, path: &Path, why: String) -> CertificateError {
    CertificateError::Unusable { flag, path: path.to_owned(), why }
}
