//! A first hooks file rings by the commands that are printed with it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::daemon::{Daemon, Home, said};

/// The commands that were printed.
fn commands(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix("     ")).map(str::to_owned).collect()
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("sh");
    // From another folder than the one where it was printed: another terminal stands anywhere.
    command.args(["-c", line]).current_dir("/");
    command
}

#[test]
fn what_is_printed_rings() {
    let home = Home::new();
    let (code, text) = home.output(&["init"]);
    assert_eq!(code, Some(0), "{text}");
    let commands = commands(&text);
    let [start, ring, check] = &commands[..] else { panic!("three commands: {text}") };
    // Only the port is another one: tests run side by side.
    let daemon = Daemon::start(&mut shell(&format!("exec {start} -ip 127.0.0.1 -port 0")));
    let ring = ring.replace("127.0.0.1:9000", &daemon.address);
    let output = shell(&ring).output().unwrap();
    assert!(output.status.success() && said(&output).contains("queued 0"), "{ring}: {}", said(&output));
    daemon.logged(&["🔔 admin", "hello"]);
    // The token is nobody's argument: a list of processes does not show it.
    let token = fs::read_to_string(home.path("hookbell-state/secrets/alarm")).unwrap();
    assert!(!commands.iter().any(|command| command.contains(token.trim())));
    let output = shell(check).output().unwrap();
    assert!(output.status.success() && said(&output).contains("0 errors, 0 warnings"), "{}", said(&output));
    daemon.stop();
}

#[test]
fn what_is_written_has_no_fault_and_is_not_for_all_eyes() {
    let home = Home::new();
    for (args, file) in [
        (&["init"][..], "hooks.json"),
        (&["init", "a b/c"], "a b/c/hooks.json"),
        (&["init", "x.yaml"], "x.yaml"),
        (&["init", "new/"], "new/hooks.json"),
    ] {
        let (code, text) = home.output(args);
        assert_eq!(code, Some(0), "{args:?}: {text}");
        let (code, text) = home.output(&["check", "-strict", file]);
        assert!(code == Some(0) && text.contains("0 errors, 0 warnings"), "{file}: {text}");
        assert_eq!(fs::metadata(home.path(file)).unwrap().permissions().mode() & 0o777, 0o640, "{file}");
    }
    // Editors and other programs read it, too: it is JSON.
    let text = fs::read_to_string(home.path("hooks.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["hooks"][0]["token"]["generated"], "alarm");
}

#[test]
fn nothing_is_written_over() {
    let home = Home::with("[]");
    let (code, text) = home.output(&["init"]);
    assert!(code == Some(1) && text.contains("is there already and stays as it is"), "{text}");
    assert!(text.contains("hookbell check") && text.contains("hookbell init"), "{text}");
    assert_eq!(fs::read_to_string(home.path("hooks.json")).unwrap(), "[]");
    home.shell("ln -s nowhere dangling.json; touch file");
    assert_eq!(home.output(&["init", "dangling.json"]).0, Some(1));
    assert!(!home.path("nowhere").exists());
    let (code, text) = home.output(&["init", "file/hooks.json"]);
    assert!(code == Some(1) && text.contains("can't"), "{text}");
    assert_eq!(home.output(&["init", "a", "b"]).0, Some(2));
    assert_eq!(home.output(&["init", "-force"]).0, Some(2));
}
