//! What is shown works: every example's file is accepted, and the README's JSON can be read.

use std::path::Path;
use std::process::{Command, Output};

use crate::source::{read, root, tracked};

/// What the examples take from the environment, or as credentials, that has a form. Anything else is just secret.
const FORMS: &[(&str, &str)] = &[
    ("TELEGRAM_TOKEN", "123456789:AA-example_token"),
    ("WAZZUP_API_KEY", "c8cf90444023482f909520d454368d27"),
    ("VONAGE_PRIVATE_KEY", include_str!("../fixtures/keys/application.pem")),
    ("WHATSAPP_APP_SECRET", "0123456789abcdef0123456789abcdef"),
    ("DEVINO_KEY", "exampleKey"),
    ("WHATSAPP_TOKEN", "EAAexampleToken"),
];

/// Every name that stands behind this key in the file.
fn named(text: &str, key: &str) -> Vec<String> {
    let key = format!("\"{key}\":");
    let behind = text.split(&key).skip(1);
    let name = |rest: &str| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned);
    behind.filter_map(name).collect()
}

fn value(name: &str) -> &'static str {
    let form = FORMS.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let is_room = ["-webhook", "-workflow"].iter().any(|end| name.ends_with(end));
    form.unwrap_or(if is_room { "https://chat.example.org/hooks/T0/B0/example" } else { "s3cret" })
}

fn check(file: &Path) -> Output {
    let text = std::fs::read_to_string(file).unwrap();
    let credentials = tempfile::tempdir().unwrap();
    for name in named(&text, "credential") {
        std::fs::write(credentials.path().join(&name), value(&name)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_hookbell"));
    command.args(["check", "-strict", "-state-dir", "/nonexistent"]).arg(file);
    command.env("CREDENTIALS_DIRECTORY", credentials.path());
    for name in named(&text, "env") {
        command.env(&name, value(&name));
    }
    command.output().unwrap()
}

#[test]
fn the_shipped_file_and_every_example_are_accepted() {
    let files = tracked();
    // A dashboard is Grafana's.
    let is_ours = |file: &&String| file.ends_with(".json") && !file.ends_with("/dashboard.json");
    let examples = files.iter().filter(|file| file.starts_with("examples/")).filter(is_ours);
    let mut checked = 0;
    for file in examples.map(String::as_str).chain(["hooks.json"]) {
        let output = check(&root().join(file));
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stdout));
        checked += 1;
    }
    assert!(checked > 5, "only {checked} files were found");
}

#[test]
fn the_shipped_file_is_short() {
    assert!(read("hooks.json").lines().count() <= 25);
}

#[test]
fn the_json_of_the_texts_is_json_and_its_whole_files_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let mut accepted = 0;
    for text in tracked().iter().filter(|file| file.ends_with(".md")) {
        for (number, block) in blocks(&read(text)).enumerate() {
            // A whole file is an object with hooks or a list; everything else is a part of one.
            let value: serde_json::Value =
                serde_json::from_str(&block).unwrap_or_else(|e| panic!("{text}, JSON block {}: {e}", number + 1));
            if value.get("hooks").is_none() && !value.is_array() {
                continue;
            }
            let file = folder.path().join("hooks.json");
            std::fs::write(&file, &block).unwrap();
            let output = check(&file);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}, JSON block {}: {said}", number + 1);
            accepted += 1;
        }
    }
    assert!(accepted > 1, "only {accepted} whole files were found");
}

/// The fenced blocks of JSON.
fn blocks(text: &str) -> impl Iterator<Item = String> {
    text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned())
}
