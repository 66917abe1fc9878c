//! A template of a hooks file.
#![no_main]

use hookbell::go::template::{Host, eval::render};
use libfuzzer_sys::fuzz_target;

/// Every name has its own letters for a value.
struct Echo;

impl Host for Echo {
    fn getenv(&mut self, name: &str) -> Result<String, String> {
        Ok(name.to_owned())
    }

    fn cat(&mut self, path: &str) -> Result<String, String> {
        Err(path.to_owned())
    }

    fn credential(&mut self, name: &str) -> Result<String, String> {
        Ok(name.to_owned())
    }
}

fuzz_target!(|text: &str| {
    match render(text, &mut Echo) {
        Ok(rendered) => assert!(rendered.pieces.len() <= text.len() + 1),
        Err(fault) => assert!(text.get(fault.span).is_some()),
    }
});
