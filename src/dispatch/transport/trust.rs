//! Whom to trust: the system's certificates, and an account's own.

use std::error::Error;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// TLS for one account. The system's certificates are some hundred files, perhaps on a disk that sleeps.
pub(super) async fn tls_config(extra_ca: Vec<CertificateDer<'static>>) -> Result<ClientConfig, String> {
    tokio::task::spawn_blocking(move || trusting(&extra_ca)).await.map_err(|e| format!("TLS: {e}"))?
}

fn trusting(extra_ca: &[CertificateDer<'static>]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        // A container without certificates: Mozilla's, as they were when this program was built.
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in extra_ca {
        roots.add(certificate.clone()).map_err(|e| format!("ca-file: {e}"))?;
    }
    // Never the process-wide default: a dependency might set another.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The certificates in a PEM text, each of which must be one that can be trusted.
pub(super) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let found = found.map_err(|e| format!("ca-file: not readable as PEM: {e}"))?;
    let mut trial = RootCertStore::empty();
    for certificate in &found {
        trial.add(certificate.clone()).map_err(|e| format!("ca-file: {e}"))?;
    }
    if found.is_empty() { Err("ca-file: no certificate in it".to_owned()) } else { Ok(found) }
}

/// What may help where a certificate is not trusted.
pub(super) fn advice(cause: &(dyn Error + 'static)) -> &'static str {
    match cause.downcast_ref::<rustls::Error>() {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)) => {
            " (an authority of your own? set \"ca-file\")"
        }
        Some(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)) => {
            " (does this port speak TLS at all?)"
        }
        _ => "",
    }
}
