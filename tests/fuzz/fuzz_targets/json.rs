//! A body of JSON, and its rendering as a command gets it.
#![no_main]

use hookbell::request::body::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(payload) = json::parse(body) {
        // What we write we read again.
        let written = payload.to_json();
        assert!(json::parse(&written).is_ok(), "{}", String::from_utf8_lossy(&written));
    }
});
