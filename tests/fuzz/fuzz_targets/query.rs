//! A query, as both kinds of hooks read it, and a path.
#![no_main]

use hookbell::url::{Broken, decode_path, encode_segment, masked_query, pairs};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (dropped, whole) = pairs(text.as_bytes(), Broken::Dropped);
    let (kept, _) = pairs(text.as_bytes(), Broken::Kept);
    assert!(dropped.len() <= kept.len());
    assert!(!whole || dropped == kept);
    masked_query(text, |name| name == "token");
    decode_path(text);
    assert_eq!(decode_path(&encode_segment(text)).as_deref(), Some(text.as_bytes()));
});
