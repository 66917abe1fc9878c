//! Who may ask the admin listener.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use crate::hook::admit::in_authorization;
use crate::secret::{Secret, SecretRef, Surroundings};

/// Why somebody is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The `Host` header names somebody else: a page may have led a browser here.
    #[error("the Host header names somebody else")]
    StrangeHost,
    /// There is no token, so nobody can have it.
    #[error("there is no admin token")]
    NoToken,
    /// A token is needed.
    #[error("no token")]
    TokenMissing,
    /// It is another one.
    #[error("a wrong token")]
    TokenWrong,
}

/// What is asked of whoever asks.
#[derive(Debug)]
pub struct Gate {
    token: Option<Arc<TokenFile>>,
    local: bool,
    /// The name that the listener was given, where it is one.
    name: Option<String>,
}

/// The file that the token is in. It is read again each time, for files may change while the process lives.
#[derive(Debug)]
pub struct TokenFile {
    path: PathBuf,
    last: Mutex<Secret>,
}

impl TokenFile {
    /// Reads it for the first time. The error says why there is no token in it.
    pub fn open(path: PathBuf) -> Result<TokenFile, String> {
        let last = Mutex::new(read(&path)?);
        Ok(TokenFile { path, last })
    }

    /// The token of this moment; the last one, where the file can't be read now.
    fn token(&self) -> Secret {
        let found = read(&self.path);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(token) => *last = token,
            Err(why) => tracing::warn!("the admin token stays as it was: {why}"),
        }
        last.clone()
    }
}

fn read(path: &std::path::Path) -> Result<Secret, String> {
    Surroundings::default()
        .secret(&SecretRef::File(path.to_owned()))
        .map_err(|why| format!("{}: {why}", path.display()))
}

impl Gate {
    /// `local`: only this host reaches the listener. `host` is what it was told to listen on.
    pub fn new(token: Option<TokenFile>, local: bool, host: &str) -> Gate {
        let name = (!host.is_empty() && !is_address(host)).then(|| host.to_owned());
        Gate { token: token.map(Arc::new), local, name }
    }

    /// Whether only this host reaches the listener.
    pub(super) fn is_local(&self) -> bool {
        self.local
    }

    /// Judges the name that the listener is called by. Where a token is asked for anyway, any will do: whoever leads a
    /// browser here does not have it.
    pub(super) fn host(&self, parts: &Parts) -> Result<(), Denial> {
        let Some(given) = host(parts).filter(|_| self.local) else { return Ok(()) };
        let authority: Authority = given.parse().map_err(|_| Denial::StrangeHost)?;
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let is_own = self.name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&host));
        let is_localhost = host == "localhost" || host.ends_with(".localhost");
        if is_own || is_localhost || is_address(&host) { Ok(()) } else { Err(Denial::StrangeHost) }
    }

    /// Judges the token.
    pub(super) async fn token(&self, headers: &HeaderMap) -> Result<(), Denial> {
        let file = Arc::clone(self.token.as_ref().ok_or(Denial::NoToken)?);
        let presented = in_authorization(headers);
        if presented.is_empty() {
            return Err(Denial::TokenMissing);
        }
        // The file may lie on a disk that sleeps.
        let token = tokio::task::spawn_blocking(move || file.token()).await.map_err(|_| Denial::NoToken)?;
        let is_right = presented.iter().fold(false, |found, candidate| token.matches(candidate) | found);
        if is_right { Ok(()) } else { Err(Denial::TokenWrong) }
    }
}

/// Of an absolute target, else the header.
fn host(parts: &Parts) -> Option<String> {
    let header = || parts.headers.get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    parts.uri.authority().map(ToString::to_string).or_else(header)
}

/// A name can lead anywhere, as its owner likes; an address only there.
fn is_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(host: Option<&str>, target: &str) -> Parts {
        let mut request = http::Request::builder().uri(target);
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn names_of_others_are_refused_where_no_token_is_asked_for() {
        for (host, expected) in [
            (Some("127.0.0.1:9001"), true),
            (Some("[::1]:9001"), true),
            (Some("192.0.2.7"), true),
            (Some("LOCALHOST:9001"), true),
            (Some("bell.localhost"), true),
            (Some("house:9001"), true),
            (Some("House."), true),
            (Some("evil.example.org:9001"), false),
            (Some("127.0.0.1.evil.example.org"), false),
            (Some("localhost.evil.example.org"), false),
            (Some("notlocalhost"), false),
            (Some(""), false),
            (None, true),
        ] {
            let gate = |local| Gate::new(None, local, "house");
            assert_eq!(gate(true).host(&parts(host, "/metrics")).is_ok(), expected, "{host:?}");
            assert_eq!(gate(false).host(&parts(host, "/metrics")), Ok(()), "{host:?}");
        }
        let absolute = parts(Some("localhost"), "http://evil.example.org/metrics");
        assert_eq!(Gate::new(None, true, "127.0.0.1").host(&absolute), Err(Denial::StrangeHost));
    }

    #[tokio::test]
    async fn a_token_is_read_again_and_survives_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        assert!(TokenFile::open(path.clone()).unwrap_err().contains("token"));
        std::fs::write(&path, "\n").unwrap();
        assert!(TokenFile::open(path.clone()).unwrap_err().contains("empty"));
        std::fs::write(&path, "first\n").unwrap();
        let gate = Gate::new(Some(TokenFile::open(path.clone()).unwrap()), true, "");
        let headers = |value: &str| HeaderMap::from_iter([(http::header::AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(gate.token(&headers("Bearer first")).await, Ok(()));
        assert_eq!(gate.token(&headers("Basic eDpmaXJzdA==")).await, Ok(()));
        std::fs::write(&path, "second").unwrap();
        assert_eq!(gate.token(&headers("Bearer first")).await, Err(Denial::TokenWrong));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(gate.token(&headers("Bearer second")).await, Ok(()));
        assert_eq!(gate.token(&HeaderMap::new()).await, Err(Denial::TokenMissing));
        assert_eq!(Gate::new(None, true, "").token(&headers("Bearer second")).await, Err(Denial::NoToken));
    }
}
