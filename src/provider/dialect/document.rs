//! What a gateway's call holds, in whatever form it comes.

use http::Method;
use serde_json::{Map, Value as Json};

use crate::provider::callback::Call;
use crate::url::{Broken, Pair, pairs as decoded};

/// The call as JSON, whether it is that, a form, or a query.
///
/// # Errors
/// It is neither JSON nor a form.
pub(super) fn document(call: &Call<'_>) -> Result<Json, String> {
    let object = |pairs: &[Pair<'_>]| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Json::Object(pairs.iter().map(|(key, value)| (text(key), Json::String(text(value)))).collect::<Map<_, _>>())
    };
    if *call.method == Method::GET {
        return Ok(object(call.query));
    }
    let kind = call.headers.get("content-type").map_or(&b""[..], |value| value.as_bytes());
    if kind.starts_with(b"application/x-www-form-urlencoded") {
        return Ok(object(&decoded(call.body, Broken::Kept).0));
    }
    serde_json::from_slice(call.body)
        .map_err(|why| format!("it is neither JSON nor a form (line {}, column {})", why.line(), why.column()))
}
