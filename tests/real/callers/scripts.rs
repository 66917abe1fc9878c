//! The scripts of `examples/` whose programs don't run here, started as those start them; and every `test.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::lab::{Bell, Lab, PATIENCE, example, here};
use super::phone::Phone;
use crate::program::{Kind, until};

const IVAN: &str = "123456789";

/// The folders of callers.
const HOOKS: [&str; 21] = [
    "alertmanager",
    "apcupsd",
    "bacula",
    "cron",
    "fail2ban",
    "grafana",
    "icinga2",
    "macos",
    "mdadm",
    "monit",
    "nagios",
    "nut",
    "proxmox",
    "rsyslog",
    "smartd",
    "syslog-ng",
    "systemd",
    "uptime-kuma",
    "website",
    "windows",
    "zabbix",
];

/// Runs a script of an example as its caller does, and yields the text that rings.
fn rings(lab: &Lab, hook: &'static str, script: &str, set: impl FnOnce(&mut Command)) -> String {
    let phone = Phone::new();
    let bell = Bell::hang(lab, hook, &phone);
    let mut command = Command::new(example(script));
    command.env("HOOKBELL_URL", bell.url()).env("HOOKBELL_HEADER", bell.header(lab)).env("HOSTNAME", "vm.example.org");
    set(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    phone.rings(IVAN, 1, || bell.log()).remove(0)
}

#[test]
#[ignore = "needs curl: tests/real/run"]
fn smartd_s_environment_becomes_a_text() {
    if !here("smartd's script", &["curl"]) {
        return;
    }
    // As smartd 7.3 sets it (smartd.conf(5), -M exec).
    let text = rings(&Lab::new(), "smartd", "smartd/hookbell", |command| {
        command.envs([
            ("SMARTD_DEVICE", "/dev/sda"),
            ("SMARTD_DEVICEINFO", "WDC WD40EFRX-68N32N0, S/N:WD-X, WWN:5-0014ee-2b, FW:82.00A82, 4.00 TB"),
            ("SMARTD_DEVICESTRING", "/dev/sda [SAT]"),
            ("SMARTD_FAILTYPE", "CurrentPendingSector"),
            ("SMARTD_MESSAGE", "Device: /dev/sda [SAT], 8 Currently unreadable (pending) sectors"),
            ("SMARTD_PREVCNT", "2"),
            ("SMARTD_TFIRST", "Fri Nov 20 22:00:00 2026 UTC"),
        ]);
    });
    let lines = [
        "⚠️ vm: CurrentPendingSector on /dev/sda [SAT]",
        "Device: /dev/sda [SAT], 8 Currently unreadable (pending) sectors",
        "💽 WDC WD40EFRX-68N32N0, S/N:WD-X, WWN:5-0014ee-2b, FW:82.00A82, 4.00 TB",
        "since Fri Nov 20 22:00:00 2026 UTC, told 2 times before",
    ];
    assert_eq!(text, lines.join("\n"));
}

#[test]
#[ignore = "needs curl: tests/real/run"]
fn a_failed_unit_is_told_with_the_end_of_its_journal() {
    if !here("systemd's script", &["curl"]) {
        return;
    }
    let lab = Lab::new();
    // They answer as those of systemd 252 do, which want a service manager.
    let systemctl = "#!/bin/sh\n[ \"$1 $5\" = 'show backup@db.service' ] || exit 1\nprintf '%s\\n' 'ExecMainCode=1' 'ExecMainStatus=3' \
         'NRestarts=5' 'Result=exit-code' 'Description=Backup of db' 'InvocationID=0f1e2d'\n";
    let journalctl = "#!/bin/sh\ncase \"$*\" in *_SYSTEMD_INVOCATION_ID=0f1e2d*) ;; *) exit 1 ;; esac\nprintf '%s\\n' \
         'dump: can'\\''t read /srv/db: Input/output error' 'backup@db.service: Failed with result exit-code.'\n";
    for (name, text) in [("systemctl", systemctl), ("journalctl", journalctl)] {
        let file = lab.write(&format!("bin/{name}"), text);
        lab.run("chmod", &["+x", file.to_str().unwrap()]);
    }
    let path = format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap());
    let text = rings(&lab, "systemd", "systemd/hookbell-alert", |command| {
        command.arg("backup@db.service").env("PATH", path);
    });
    let lines = [
        "❌ vm: backup@db.service",
        "Backup of db",
        "exit-code, exit code 3, after 5 restarts",
        "dump: can't read /srv/db: Input/output error",
        "backup@db.service: Failed with result exit-code.",
    ];
    assert_eq!(text, lines.join("\n"));
}

#[test]
#[ignore = "needs curl: tests/real/run"]
fn a_job_of_cron_rings_only_if_it_fails_and_ends_as_it_ended() {
    if !here("cron's script", &["curl"]) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "cron", &phone);
    let header = bell.header(&lab);
    let run = |script: &str| {
        let mut command = Command::new(example("cron/hookbell-cron"));
        command.args(["backup", "sh", "-c", script]).env("HOOKBELL_URL", bell.url()).env("HOOKBELL_HEADER", &header);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run("echo готово"), (Some(0), "готово\n".to_owned()));
    let said = "база 🔥\nno space left\n";
    assert_eq!(run("echo база 🔥; echo no space left >&2; exit 3"), (Some(3), said.to_owned()));
    let rang = phone.rings(IVAN, 1, || bell.log());
    let (head, tail) = rang[0].split_once("\nexit code 3 after ").unwrap();
    assert!(head.starts_with("❌ ") && head.ends_with(": backup"), "{head}");
    assert_eq!(tail.split_once(" s\n").unwrap().1, said.trim_end());
}

#[test]
#[ignore = "needs curl: tests/real/run"]
fn every_example_s_test_rings_with_its_messages() {
    if !here("examples", &["curl"]) {
        return;
    }
    let lab = Lab::new();
    let program = Kind::Ours.program();
    std::os::unix::fs::symlink(&program, lab.folder("bin").join("hookbell")).unwrap();
    let path = format!("{}:{}", lab.path("bin").display(), std::env::var("PATH").unwrap());
    for hook in HOOKS {
        let (lab, phone) = (Lab::new(), Phone::new());
        let bell = Bell::hang(&lab, hook, &phone);
        let mut test = Command::new(example(hook).join("test.sh"));
        test.env("PATH", &path).env("HOOKBELL_URL", bell.base()).env("STATE_DIRECTORY", bell.state());
        let output = test.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{hook}: {said}");
        let files = fs::read_dir(example(hook)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.filter(|file| file.to_string_lossy().contains("/message")).collect();
        files.sort();
        let expected = files.iter().map(|file| fs::read_to_string(file).unwrap().trim_end().to_owned());
        let expected: BTreeSet<String> = expected.collect();
        // To whom is the caller's to say.
        let rang = || ["123456789", "987654321"].iter().flat_map(|chat| phone.texts(chat)).collect::<BTreeSet<_>>();
        until(PATIENCE, || rang().len() >= expected.len());
        assert_eq!(rang(), expected, "{hook}: {}", bell.log());
    }
}
