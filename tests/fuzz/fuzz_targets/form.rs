//! The body of a form.
#![no_main]

use hookbell::request::body::form;
use hookbell::url::Broken;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    drop(form(body, Broken::Dropped));
    assert!(form(body, Broken::Kept).is_ok());
});
