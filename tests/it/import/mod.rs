//! `fixtures/import`: what other programs were told, and what is printed for it.
//!
//! A case is a folder: `command` has the arguments of `hookbell import`, `expected.json` the hooks file, `expected.txt` the
//! exit code and everything else that is said. `HERE` stands for the folder. With `WRITE_IMPORTS` set what is printed is
//! written there, for a person to read over.

mod alike;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::daemon::hookbell;
use crate::fixture::fixtures;
use crate::systemd::{analyze, tree_with};

/// What stands for the folder of a case.
const HERE: &str = "HERE";

/// A case, laid out in a folder of its own.
pub(crate) struct Case(TempDir);

impl Case {
    pub(crate) fn new(name: &str) -> Case {
        let case = Case(tempfile::tempdir().unwrap());
        lay_out(&fixtures().join("import").join(name), case.0.path(), &case.here());
        case
    }

    pub(crate) fn here(&self) -> String {
        self.0.path().to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The arguments, split as a shell does.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let line = fs::read_to_string(self.path("command")).unwrap();
        // `**` and `$` are the words' own.
        shell_words::split(&line).unwrap()
    }

    /// Exit code, hooks file, and what is said.
    fn imported(&self) -> (i32, String, String) {
        let output = hookbell().arg("import").args(self.arguments()).output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code().unwrap(), stdout, stderr)
    }
}

/// Copies with the folder's name filled in; programs are linked, for one that was just written may be busy.
fn lay_out(from: &Path, to: &Path, here: &str) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            lay_out(&from, &to, here);
            continue;
        }
        let text = fs::read_to_string(&from).unwrap();
        match text.contains(HERE) {
            true => fs::write(to, text.replace(HERE, here)).unwrap(),
            false => symlink(from, to).unwrap(),
        }
    }
}

fn cases() -> Vec<String> {
    let folders = fs::read_dir(fixtures().join("import")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = folders.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert!(names.len() > 5, "{names:?}");
    names
}

#[test]
fn what_is_printed_is_as_expected() {
    let mut wrong = Vec::new();
    for name in cases() {
        let case = Case::new(&name);
        let (code, hooks, said) = case.imported();
        let said = format!("exit {code}\n{}", said.replace(&case.here(), HERE));
        for (file, printed) in [("expected.json", hooks.replace(&case.here(), HERE)), ("expected.txt", said)] {
            let path = fixtures().join("import").join(&name).join(file);
            if std::env::var_os("WRITE_IMPORTS").is_some() {
                fs::write(&path, &printed).unwrap();
            }
            if fs::read_to_string(&path).unwrap_or_default() != printed {
                wrong.push(format!("{}:\n{printed}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_printed_is_taken_by_the_daemon() {
    for name in cases() {
        let case = Case::new(&name);
        let out = case.path("out");
        let mut import = hookbell();
        import.args(["import", "-o"]).arg(&out).args(case.arguments());
        let code = import.output().unwrap().status.code();
        assert!(matches!(code, Some(0 | 1)), "{name}");
        let mut check = hookbell();
        check.env("GITHUB_SECRET", "s3cret").env("CREDENTIALS_DIRECTORY", case.path(""));
        fs::write(case.path("gitlab"), "s3cret").unwrap();
        let output = check.args(["check", "-strict"]).arg(out.join("hooks.json")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        // A program that is not on this machine is no fault of the translation.
        let complaints = text.lines().filter(|line| line.starts_with("error") || line.starts_with("warning"));
        let complaints: Vec<&str> =
            complaints.filter(|line| !line.contains("it is looked up again at each call")).collect();
        assert!(complaints.is_empty(), "{name}: {text}");
        // Again is over something.
        assert_eq!(import.output().unwrap().status.code(), Some(1), "{name}");
    }
}

#[test]
fn systemd_has_nothing_to_say_about_the_drop_ins() {
    let unit = crate::source::read("systemd/hookbell.service");
    for name in cases() {
        let case = Case::new(&name);
        hookbell().args(["import", "-o"]).arg(case.path("out")).args(case.arguments()).output().unwrap();
        let Ok(drop_in) = fs::read_to_string(case.path("out/override.conf")) else { continue };
        let tree = tree_with("hookbell.service", &unit, &["usr/bin/hookbell", "usr/bin/kill"]);
        let folder = tree.path().join("etc/systemd/system/hookbell.service.d");
        fs::create_dir_all(&folder).unwrap();
        // Units of other packages are not in a bare folder.
        let own: String =
            drop_in.lines().filter(|line| !line.contains("postgresql")).map(|line| format!("{line}\n")).collect();
        fs::write(folder.join("override.conf"), own).unwrap();
        let Some(output) = analyze(tree.path(), &["verify", "hookbell.service"]) else { return };
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.is_empty() && output.status.success(), "{name}: {said}\n{drop_in}");
    }
}

#[test]
fn no_secret_of_the_source_is_in_what_is_said() {
    for name in cases() {
        let (_, hooks, said) = Case::new(&name).imported();
        assert!(!said.contains("s3cret") && !said.contains("b3ll"), "{name}: {said}");
        assert!(!hooks.contains("GITHUB_SECRET") || hooks.contains(r#"{ "env": "GITHUB_SECRET" }"#), "{hooks}");
    }
}

#[test]
fn the_command_line_is_judged_before_anything_is_read() {
    for (args, code, words) in [
        (&["import"][..], 2, "what? give a unit's FILE"),
        (&["import", "a", "b"], 2, "one at a time"),
        (&["import", "a", "--", "webhook"], 2, "not both"),
        (&["import", "--", "webhok", "-x"], 2, "did you mean \"webhook\"?"),
        (&["import", "-p", "x"], 2, "flag provided but not defined: -p"),
        (&["import", "/nonexistent.service"], 1, "can't read /nonexistent.service"),
        (&["import", "--", "webhook", "-prot", "1"], 1, "did you mean \"-port\"?"),
    ] {
        let output = hookbell().args(args).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(code) && text.contains(words), "{args:?}: {text}");
    }
}
