//! TLS cipher suites under Go's names: those of TLS 1.3 have names of their own there, without `TLS13_`.

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherSuite {
    /// As Go names it.
    pub name: &'static str,
    /// Its number at IANA.
    pub id: u16,
}

/// Every suite that the peer knows, in the order of its list. What else Go knows (RC4 and the like) it calls unknown.
///
/// upstream: tls.go, which lists crypto/tls `CipherSuites`; up to Go 1.21 with the key exchange by RSA.
pub const CIPHER_SUITES: &[CipherSuite] = &[
    suite("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002f),
    suite("TLS_RSA_WITH_AES_256_CBC_SHA", 0x0035),
    suite("TLS_RSA_WITH_AES_128_GCM_SHA256", 0x009c),
    suite("TLS_RSA_WITH_AES_256_GCM_SHA384", 0x009d),
    suite("TLS_AES_128_GCM_SHA256", 0x1301),
    suite("TLS_AES_256_GCM_SHA384", 0x1302),
    suite("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xc009),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", 0xc00a),
    suite("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xc013),
    suite("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", 0xc014),
    suite("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xc02b),
    suite("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xc02c),
    suite("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xc02f),
    suite("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xc030),
    suite("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca8),
    suite("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xcca9),
];

const fn suite(name: &'static str, id: u16) -> CipherSuite {
    CipherSuite { name, id }
}

impl CipherSuite {
    /// The suite of this name, written exactly so.
    pub fn named(name: &str) -> Option<CipherSuite> {
        CIPHER_SUITES.iter().copied().find(|suite| suite.name == name)
    }

    /// Whether it is one of TLS 1.3, which no version before it can use, nor it any other.
    pub fn is_tls13(self) -> bool {
        self.id >> 8 == 0x13
    }
}
