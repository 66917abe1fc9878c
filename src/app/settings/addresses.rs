//! Flags that hold addresses: where calls are heard, and how the world reaches us.

use std::ffi::OsString;
use std::path::PathBuf;

use http::Uri;

/// Every interface, of both address families.
pub const DEFAULT_IP: &str = "0.0.0.0";

/// Where calls are heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Tcp {
        /// A name or address; one of IPv6 in brackets.
        host: String,
        /// The port; 0 for any that is free.
        port: u16,
    },
    /// The path of a Unix socket, or `@name` in the abstract namespace.
    Unix(PathBuf),
}

/// Says what the resolver would only fail on.
pub(super) fn tcp(ip: &str, port: i64) -> Result<Listen, String> {
    let port = u16::try_from(port)
        .map_err(|_| format!("error listening on port: {port} is no port: give -port a number from 0 to 65535"))?;
    if ip.contains(':') && !ip.starts_with('[') {
        return Err(format!("error listening on port: write an IPv6 address in brackets: -ip '[{ip}]'"));
    }
    // upstream: an empty host is every interface, in Go; the resolver here knows none.
    let ip = if ip.is_empty() { DEFAULT_IP } else { ip };
    Ok(Listen::Tcp { host: ip.to_owned(), port })
}

/// `-callbacks` and `-admin`: `HOST:PORT`, `:PORT`, or a Unix socket as `-socket` has it.
pub(super) fn apart(flag: &str, typed: Option<OsString>) -> Result<Option<Listen>, String> {
    let Some(typed) = typed else { return Ok(None) };
    let text = typed.to_string_lossy();
    if text.starts_with(['/', '@']) {
        return Ok(Some(Listen::Unix(typed.into())));
    }
    let wrong =
        || format!("{flag} {text}: expected ADDRESS:PORT, such as 127.0.0.1:9003, or the path of a Unix socket");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    tcp(host, port.parse().map_err(|_| wrong())?).map(Some).map_err(|_| wrong())
}

/// `-public-url`: without a slash at its end, for paths follow.
pub(super) fn compile_public_url(typed: Option<String>) -> Result<Option<String>, String> {
    let Some(text) = typed.filter(|text| !text.is_empty()) else { return Ok(None) };
    let is_sound = text.parse::<Uri>().is_ok_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.host().is_some_and(|host| !host.is_empty())
            && !url.authority().is_some_and(|authority| authority.as_str().contains('@'))
            && url.query().is_none()
    });
    if !is_sound || text.contains('#') {
        return Err(format!(
            "-public-url {text:?}: expected how the world reaches us, such as https://bell.example.org"
        ));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_joined_textually_and_bad_ones_are_refused_with_advice() {
        let listen = |ip: &str, port| tcp(ip, port);
        assert_eq!(listen("[::1]", 80), Ok(Listen::Tcp { host: "[::1]".to_owned(), port: 80 }));
        assert_eq!(listen("", 0), Ok(Listen::Tcp { host: "0.0.0.0".to_owned(), port: 0 }));
        assert!(listen("::1", 80).unwrap_err().ends_with("-ip '[::1]'"));
        assert!(listen("localhost", 65_536).unwrap_err().contains("65536 is no port"));
        assert!(listen("localhost", -1).is_err());
    }

    #[test]
    fn callbacks_have_an_address_or_a_socket() {
        let tcp = |host: &str, port| Ok(Some(Listen::Tcp { host: host.to_owned(), port }));
        let compiled = |text: &str| apart("-callbacks", Some(text.into()));
        assert_eq!(apart("-callbacks", None), Ok(None));
        assert_eq!(compiled("127.0.0.1:9003"), tcp("127.0.0.1", 9003));
        assert_eq!(compiled(":0"), tcp("0.0.0.0", 0));
        assert_eq!(compiled("[::1]:9003"), tcp("[::1]", 9003));
        assert_eq!(compiled("/run/c.sock"), Ok(Some(Listen::Unix("/run/c.sock".into()))));
        for wrong in ["9003", "localhost", "::1:9003", "a:70000", "a:"] {
            assert!(compiled(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_public_url_is_one_that_paths_can_follow() {
        let compiled = |text: &str| compile_public_url(Some(text.to_owned()));
        assert_eq!(compiled("https://a.example.org/bell/"), Ok(Some("https://a.example.org/bell".to_owned())));
        assert_eq!(compiled(""), Ok(None));
        for wrong in ["a.example.org", "ftp://a", "https://", "https://u:p@a", "https://a/?x", "https://a/#x", "/a"] {
            assert!(compiled(wrong).is_err(), "{wrong}");
        }
    }
}
