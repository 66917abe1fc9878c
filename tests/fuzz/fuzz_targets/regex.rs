//! A pattern of Go's, and what it is matched with.
#![no_main]

use hookbell::go::regex::{compile, subject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (pattern, text) = input;
    if let Ok(regex) = compile(pattern) {
        regex.is_match(&subject(text));
    }
});
