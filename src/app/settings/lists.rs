//! Flags that hold lists: headers and methods.

use http::{HeaderName, HeaderValue, Method};

/// upstream: a later header of the same name wins; Go writes line breaks as blanks and drops a name that is none.
pub(super) fn compile_headers(
    raw: Vec<(String, String)>,
    warnings: &mut Vec<String>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (name, value) in raw {
        let text = value.replace(['\r', '\n'], " ");
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(text.trim().as_bytes()))
        else {
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
