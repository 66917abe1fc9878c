//! Flags that hold lists: headers and methods.

use crate::go::header;
use http::{HeaderName, HeaderValue, Method};

/// upstream: a later header of the same name wins; Go writes line breaks as blanks and drops a name that is none.
pub(super) fn compile_headers(
    raw: Vec<(String, String)>,
    warnings: &mut Vec<String>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (name, value) in raw {
        let (Ok(name), Some(value)) = (name.parse::<HeaderName>(), header::sent(&value)) else {
            warnings.push(format!("-header {name}={value:?} is left out: it can't be an HTTP header"));
            continue;
        };
        headers.retain(|(earlier, _)| *earlier != name);
        headers.push((name, value));
    }
    headers
}

/// upstream: all blanks are removed and letters made capital; what is no method then matches no request.
pub(super) fn compile_methods(list: &str, warnings: &mut Vec<String>) -> Vec<Method> {
    let names = list.split(',').map(|name| name.replace(' ', "").to_uppercase());
    let methods: Vec<Method> = names.filter_map(|name| Method::from_bytes(name.as_bytes()).ok()).collect();
    if methods.is_empty() {
        warnings
            .push(format!("-http-methods {list:?} names no method: hooks without their own list refuse every call"));
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_lose_their_blanks_and_a_comma_alone_refuses_everything() {
        let mut warnings = Vec::new();
        assert_eq!(compile_methods(" Post , g et", &mut warnings), [Method::POST, Method::GET]);
        assert!(warnings.is_empty() && compile_methods(",", &mut warnings).is_empty());
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn a_later_header_wins_and_an_impossible_one_is_told() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let raw = vec![pair("X-A", "1"), pair("x-a", "2\n3"), pair("", "x"), pair("x-b", "")];
        let mut warnings = Vec::new();
        let headers = compile_headers(raw, &mut warnings);
        let seen: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(seen, [("x-a", "2 3"), ("x-b", "")]);
        assert_eq!(warnings.len(), 1);
    }
}
