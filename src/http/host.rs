//! The `Host` header as Go demands it, in Go's words.

use http::header::HOST;
use http::{HeaderMap, Method, Version};

/// What is wrong with the `Host` header of a request: the whole answer, with 400. Nothing, for most.
///
/// upstream: net/http conn.readRequest. Of two headers only HTTP/2's rules would say which one is meant.
pub(super) fn fault(method: &Method, version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Some("400 Bad Request"),
        (Some(host), None) => host,
        (None, None) if version >= Version::HTTP_11 && method != Method::CONNECT => {
            return Some("400 Bad Request: missing required Host header");
        }
        (None, None) => return None,
    };
    (!host.as_bytes().iter().all(is_of_a_host)).then_some("400 Bad Request: malformed Host header")
}

/// In ranges: byte by byte it would take as long as all the rest of the head.
fn is_of_a_host(byte: &u8) -> bool {
    matches!(byte, b'!' | b'$'..=b'.' | b'0'..=b';' | b'=' | b'A'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_host_once() {
        let missing = Some("400 Bad Request: missing required Host header");
        let malformed = Some("400 Bad Request: malformed Host header");
        for (hosts, method, version, expected) in [
            (&["bell:9000"][..], Method::GET, Version::HTTP_11, None),
            (&["[::1]:9000"], Method::GET, Version::HTTP_10, None),
            (&[""], Method::GET, Version::HTTP_11, None),
            (&[], Method::GET, Version::HTTP_11, missing),
            (&[], Method::CONNECT, Version::HTTP_11, None),
            (&[], Method::GET, Version::HTTP_10, None),
            (&["a", "a"], Method::GET, Version::HTTP_10, Some("400 Bad Request")),
            (&["a b"], Method::GET, Version::HTTP_11, malformed),
            (&["a/b"], Method::GET, Version::HTTP_10, malformed),
            (&["az.AZ-09_~!$&'()*+,;=:[]"], Method::GET, Version::HTTP_11, None),
            (&["a<b"], Method::GET, Version::HTTP_11, malformed),
            (&["a@b"], Method::GET, Version::HTTP_11, malformed),
        ] {
            let headers = hosts.iter().map(|host| (HOST, host.parse().unwrap())).collect();
            assert_eq!(fault(&method, version, &headers), expected, "{hosts:?} {method} {version:?}");
        }
    }
}
