//! Flags that hold addresses: where callbacks are heard, and how the world reaches us.

use http::Uri;

use super::{Listen, given, tcp};
use std::ffi::OsString;

/// `-callbacks`: `HOST:PORT`, `:PORT`, or a Unix socket as `-socket` has it.
pub(super) fn compile_callbacks(typed: Option<OsString>) -> Result<Option<Listen>, String> {
    let Some(typed) = given(typed) else { return Ok(None) };
    let text = typed.to_string_lossy();
    if text.starts_with(['/', '@']) {
        return Ok(Some(Listen::Unix(typed.into())));
    }
    let wrong =
        || format!("-callbacks {text}: expected ADDRESS:PORT, such as 0.0.0.0:9003, or the path of a Unix socket");
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
    fn callbacks_have_an_address_or_a_socket() {
        let tcp = |host: &str, port| Ok(Some(Listen::Tcp { host: host.to_owned(), port }));
        let compiled = |text: &str| compile_callbacks(Some(text.into()));
        assert_eq!(compiled(""), Ok(None));
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
