//! Which versions and cipher suites are offered: `-tls-min-version` and `-cipher-suites`, compiled.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::ResolvesServerCert;
use rustls::{ServerConfig, SupportedProtocolVersion, version};

use crate::go::cipher_suite::{CIPHER_SUITES, CipherSuite};

const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// The only protocol inside: a client that could speak HTTP/2 does not try to.
const PROTOCOL: &[u8] = b"http/1.1";

/// The least version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2
    #[default]
    Tls12,
    /// TLS 1.3
    Tls13,
}

/// What is offered to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    min: MinVersion,
    /// The suites for TLS 1.2; `None`: all there are. Those of TLS 1.3 can't be chosen from, as with the peer.
    suites: Option<Vec<CipherSuite>>,
}

impl MinVersion {
    /// As `-tls-min-version` says it; empty is 1.2. TLS 1.0 and 1.1 are not spoken: asked for, they get a warning.
    pub fn named(name: &str, warnings: &mut Vec<String>) -> Result<MinVersion, String> {
        match name {
            "" | "1.2" => Ok(MinVersion::Tls12),
            "1.3" => Ok(MinVersion::Tls13),
            "1.0" | "1.1" => {
                warnings
                    .push(format!("-tls-min-version {name}: TLS {name} is not safe and not spoken; it is 1.2 here"));
                Ok(MinVersion::Tls12)
            }
            _ => Err(format!("error: unknown minimum TLS version: {name}")),
        }
    }

    /// The names of the suites that can be used from this version on, in the peer's order: `-list-cipher-suites`.
    pub fn suites(self) -> impl Iterator<Item = &'static str> {
        let usable = move |suite: &&CipherSuite| has(**suite) && (self == MinVersion::Tls12 || suite.is_tls13());
        CIPHER_SUITES.iter().filter(usable).map(|suite| suite.name)
    }
}

impl Policy {
    /// What `-cipher-suites` leaves of the suites: a comma list of Go's names, without blanks; empty is all of them.
    /// A name that Go does not know is an error. One that it knows and we lack (key exchange by RSA, CBC) is a warning,
    /// unless no other is left.
    pub fn named(min: MinVersion, list: &str, warnings: &mut Vec<String>) -> Result<Policy, String> {
        if list.is_empty() {
            return Ok(Policy { min, suites: None });
        }
        let mut suites = Vec::new();
        for name in list.split(',') {
            match CipherSuite::named(name) {
                None => return Err(format!("error: unknown TLS cipher suite: {name}")),
                Some(suite) if has(suite) => suites.push(suite),
                Some(_) => warnings.push(format!(
                    "-cipher-suites: {name} is left out: it is not safe, and not in hookbell (-list-cipher-suites shows \
                     what is)"
                )),
            }
        }
        if suites.is_empty() {
            return Err("error: -cipher-suites: none of these is in hookbell; see -list-cipher-suites".to_owned());
        }
        Ok(Policy { min, suites: Some(suites) })
    }

    /// What a connection begins with. It shows the certificate that `resolver` has at that moment.
    pub(super) fn server(&self, resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
        // Never the process-wide default: a dependency might set another.
        let mut provider = provider();
        if let Some(chosen) = &self.suites {
            let is_chosen = |id: u16| id >> 8 == 0x13 || chosen.iter().any(|suite| suite.id == id);
            provider.cipher_suites.retain(|suite| is_chosen(suite.suite().into()));
        }
        let has_tls12 = provider.cipher_suites.iter().any(|suite| suite.tls13().is_none());
        let versions = match (self.min, has_tls12) {
            (MinVersion::Tls12, true) => BOTH,
            _ => TLS13,
        };
        let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions)?;
        let mut server = builder.with_no_client_auth().with_cert_resolver(resolver);
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(server)
    }
}

/// The cryptography of this program.
pub(super) fn provider() -> CryptoProvider {
    ring::default_provider()
}

fn has(suite: CipherSuite) -> bool {
    ring::ALL_CIPHER_SUITES.iter().any(|ours| u16::from(ours.suite()) == suite.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_peer_s_and_old_ones_become_1_2() {
        let version = |name| {
            let mut warnings = Vec::new();
            (MinVersion::named(name, &mut warnings), warnings.len())
        };
        for (name, min, warned) in [
            ("", MinVersion::Tls12, 0),
            ("1.2", MinVersion::Tls12, 0),
            ("1.0", MinVersion::Tls12, 1),
            ("1.1", MinVersion::Tls12, 1),
            ("1.3", MinVersion::Tls13, 0),
        ] {
            assert_eq!(version(name), (Ok(min), warned), "{name}");
        }
        assert_eq!(version("1.4").0, Err("error: unknown minimum TLS version: 1.4".to_owned()));
    }

    #[test]
    fn every_suite_of_ours_has_its_name_in_go() {
        let listed: Vec<_> = MinVersion::Tls12.suites().collect();
        assert_eq!(listed.len(), ring::ALL_CIPHER_SUITES.len());
        let tls13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
        assert!(MinVersion::Tls13.suites().eq(tls13));
        for name in listed {
            let suite = CipherSuite::named(name).unwrap();
            let ours = format!("{:?}", rustls::CipherSuite::from(suite.id)).replace("TLS13_", "TLS_");
            assert_eq!(ours, name);
        }
    }

    #[test]
    fn suites_are_chosen_by_their_exact_names() {
        let chosen = |list: &str| {
            let mut warnings = Vec::new();
            let policy = Policy::named(MinVersion::Tls12, list, &mut warnings);
            policy.map(|policy| (policy.suites.map(|suites| suites.len()), warnings.len()))
        };
        let (gcm, cbc) = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA");
        assert_eq!(chosen(""), Ok((None, 0)));
        assert_eq!(chosen(gcm), Ok((Some(1), 0)));
        assert_eq!(chosen(&format!("{cbc},{gcm}")), Ok((Some(1), 1)));
        assert!(chosen(cbc).unwrap_err().contains("-list-cipher-suites"));
        assert_eq!(chosen(&format!("{gcm}, X")), Err("error: unknown TLS cipher suite:  X".to_owned()));
        assert_eq!(
            chosen("TLS_RSA_WITH_RC4_128_SHA").unwrap_err(),
            "error: unknown TLS cipher suite: TLS_RSA_WITH_RC4_128_SHA"
        );
    }
}
