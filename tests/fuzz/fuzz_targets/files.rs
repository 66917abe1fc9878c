//! A hooks file: its text to nodes, and those to a configuration with every mistake told.
#![no_main]

use std::sync::Arc;

use hookbell::config::compile::compile;
use hookbell::diagnostic::Source;
use hookbell::hook::Known;
use hookbell::secret::Surroundings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // What may be read from the disk is not what is tested.
    if ["\"file\"", "file:", "/dev"].iter().any(|word| text.contains(word)) {
        return;
    }
    let source = Arc::new(Source::new("hooks.json", text.to_owned()));
    let compiled = compile(&[source], Known::default(), &mut Surroundings::of_process(None, false));
    for finding in compiled.all_findings() {
        assert!(!finding.to_string().is_empty());
    }
});
