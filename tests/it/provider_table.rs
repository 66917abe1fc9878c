//! The README's table of providers is what the code says, and each provider has an example that is accepted.

use std::fs;

use hookbell::cli::help::provider_table;

use crate::source::{read, root};

const BEGIN: &str = "<!-- providers: made by the code; HOOKBELL_WRITE=1 cargo test provider_table writes it -->\n";
const END: &str = "<!-- end of providers -->\n";

#[test]
fn the_readme_s_table_of_providers_is_made_by_the_code() {
    let text = read("README.md");
    let (before, rest) = text.split_once(BEGIN).expect("README.md has the mark where the table begins");
    let (shown, after) = rest.split_once(END).expect("README.md has the mark where the table ends");
    let table = provider_table();
    if std::env::var_os("HOOKBELL_WRITE").is_some() {
        fs::write(root().join("README.md"), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "run HOOKBELL_WRITE=1 cargo test provider_table");
}

#[test]
fn every_provider_has_an_example_that_uses_it() {
    for kind in hookbell::provider::table() {
        let file = format!("examples/providers/{}.json", kind.name);
        let text = fs::read_to_string(root().join(&file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let example: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        let accounts = example["accounts"].as_object().unwrap_or_else(|| panic!("{file} has no accounts"));
        assert!(accounts.values().any(|account| account["provider"] == kind.name), "{file} has no such account");
        for part in ["contacts", "hooks"] {
            assert!(!example[part].is_null(), "{file} has no {part}");
        }
    }
}
