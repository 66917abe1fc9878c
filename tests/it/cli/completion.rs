//! The completions work in the shells that are here, and the man page is one that `man` has nothing to say about.

use std::process::Command;

use hookbell::cli::generate::{bash, fish, man, zsh};

/// What a shell's program prints, or `None` where it is not installed.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).env("LC_ALL", "C.UTF-8").output();
    let Ok(output) = output else {
        assert!(std::env::var_os("CI").is_none(), "{program} is missing, and CI is set");
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What bash offers for a line that has been split into these words.
fn offered(words: &[&str]) -> Vec<String> {
    let ask = format!(
        "{}\nCOMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1))\n_hookbell\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
        bash::completion()
    );
    let text = said("bash", &[&["-c", &ask, "bash"], words].concat()).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_offers_what_can_stand_there() {
    for (line, expected) in [
        (&["hookbell", "me"][..], &["messages"][..]),
        (&["hookbell", "-log"], &["-logfile", "-log-format"]),
        (&["hookbell", "--log-f"], &["--log-format"]),
        (&["hookbell", "-log-format", ""], &["json", "text"]),
        (&["hookbell", "--log-format", "=", "j"], &["json"]),
        (&["hookbell", "-log-format", "="], &["json", "text"]),
        (&["hookbell", "-port", ""], &[]),
        (&["hookbell", "-debug", "ch"], &[]),
        (&["hookbell", "messages", "-st"], &["-state", "-state-dir"]),
        (&["hookbell", "messages", "-state", "e"], &["expired"]),
        (&["hookbell", "messages", "r"], &["retry"]),
        (&["hookbell", "help", "signat"], &["signatures"]),
        (&["hookbell", "check", "Cargo.t"], &["Cargo.toml"]),
        (&["hookbell", "check", "-state-dir", "sr"], &["src"]),
    ] {
        assert_eq!(offered(line), expected, "{line:?}");
    }
}

#[test]
fn zsh_and_fish_can_read_theirs() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, script) in [("zsh", zsh::completion()), ("fish", fish::completion())] {
        let file = folder.path().join(shell);
        std::fs::write(&file, script).unwrap();
        said(shell, &["-n", file.to_str().unwrap()]);
    }
    let script = folder.path().join("fish");
    for (line, expected) in [("hookbell mess", "messages"), ("hookbell messages -state ca", "canceled")] {
        let ask = format!("source {}; complete -C '{line}'", script.display());
        let Some(text) = said("fish", &["--no-config", "-c", &ask]) else { return };
        assert!(text.lines().any(|word| word.split('\t').next() == Some(expected)), "{line}: {text}");
    }
}

#[test]
fn the_man_page_renders_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hookbell.1");
    std::fs::write(&file, man::page()).unwrap();
    let Ok(output) = Command::new("man").args(["--warnings", "-E", "UTF-8", "-l"]).arg(&file).output() else {
        eprintln!("skipped: man is not installed");
        return;
    };
    let (text, warnings) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && warnings.is_empty(), "{warnings}");
    assert!(
        text.contains("-log-format FORMAT") && text.contains("$HOOKBELL_KEEP") && text.contains("[FILE …]"),
        "{text}"
    );
}
