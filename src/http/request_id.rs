//! The name of a call in the log.

use http::HeaderMap;

/// The header that a proxy in front names its calls by.
const HEADER: &str = "x-request-id";

/// The longest name, in bytes: every line of the call repeats it, and a header may be a hundred times as long.
const LONGEST: usize = 256;

/// How calls are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestIds {
    /// Whether the caller may name its call, in `X-Request-Id`.
    pub from_caller: bool,
    /// How many bytes of that name are taken at most.
    pub limit: Option<usize>,
}

impl RequestIds {
    /// The name of a call with these headers.
    ///
    /// upstream: internal/middleware/request_id.go. An empty header is none.
    pub(super) fn name(self, headers: &HeaderMap) -> String {
        let given = headers.get(HEADER).filter(|value| self.from_caller && !value.is_empty());
        match given.map(|value| value.as_bytes()) {
            Some(name) => {
                let length = self.limit.unwrap_or(LONGEST).min(LONGEST).min(name.len());
                String::from_utf8_lossy(&name[..length]).into_owned()
            }
            None => random(),
        }
    }
}

/// upstream: the first six digits of a random UUID, all of them random.
fn random() -> String {
    let mut bytes = [0; 3];
    // Without random bytes the log is harder to read, and nothing else.
    getrandom::fill(&mut bytes).ok();
    data_encoding::HEXLOWER.encode(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_names_its_call_only_where_it_may() {
        let headers =
            |name: &'static str| HeaderMap::from_iter([(http::HeaderName::from_static(HEADER), name.parse().unwrap())]);
        let may = |limit| RequestIds { from_caller: true, limit };
        assert_eq!(may(None).name(&headers("abcdefgh")), "abcdefgh");
        assert_eq!(may(Some(3)).name(&headers("abcdefgh")), "abc");
        assert_eq!(may(Some(99)).name(&headers("abcdefgh")), "abcdefgh");
        let endless = HeaderMap::from_iter([(HEADER.parse().unwrap(), "z".repeat(100_000).parse().unwrap())]);
        assert_eq!([may(None), may(Some(1000))].map(|ids| ids.name(&endless).len()), [LONGEST; 2]);
        // The limit may cut a letter in two.
        let cyrillic =
            HeaderMap::from_iter([(HEADER.parse().unwrap(), http::HeaderValue::from_bytes("пр".as_bytes()).unwrap())]);
        assert_eq!(may(Some(3)).name(&cyrillic), "п\u{fffd}");
        let own = [RequestIds::default().name(&headers("abcdefgh")), may(None).name(&headers(""))];
        for name in &own {
            assert!(name.len() == 6 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        }
        assert_ne!(own[0], own[1]);
    }
}
