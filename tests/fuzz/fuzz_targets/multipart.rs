//! A multipart body, its boundary as any caller may send it.
#![no_main]

use hookbell::request::body::multipart::parse;
use hookbell::request::body::multipart_payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (kind, body) = input;
    for kind in [kind, b"multipart/form-data; boundary=BB"] {
        if let Ok(form) = parse(body, kind, 1 << 20) {
            multipart_payload(form, |_| true);
        }
    }
});
