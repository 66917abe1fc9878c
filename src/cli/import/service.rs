//! What a unit says besides its command: as whom, where, with which environment, and what of it still counts.

use std::path::Path;

use super::translation::Translation;
use super::unit::words::{Around, assignments};
use super::unit::{Setting, Unit};

/// The service that ran the other program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Service {
    /// Its file; none where there was no unit.
    pub place: Option<String>,
    /// `User=`; none is root.
    pub user: Option<String>,
    /// `Group=`
    pub group: Option<String>,
    /// `WorkingDirectory=`
    pub directory: Option<String>,
    /// `Environment=`
    pub environment: Vec<(String, String)>,
    /// `EnvironmentFile=`, as written.
    pub environment_files: Vec<String>,
    /// Lines that count for hookbell, too: section, line, place.
    pub kept: Vec<(&'static str, String, String)>,
}

/// What hookbell.service says itself, better for hookbell.
const ITS_OWN: [&str; 24] = [
    "Type",
    "ExecStart",
    "ExecStop",
    "ExecStopPost",
    "ExecReload",
    "Restart",
    "RestartSec",
    "KillMode",
    "KillSignal",
    "PIDFile",
    "TimeoutSec",
    "TimeoutStartSec",
    "TimeoutStopSec",
    "StandardOutput",
    "StandardError",
    "StandardInput",
    "SyslogIdentifier",
    "StartLimitInterval",
    "StartLimitBurst",
    "WatchdogSec",
    "NotifyAccess",
    "RemainAfterExit",
    "GuessMainPID",
    "OOMPolicy",
];

/// Beginnings of names of what hardens a service: hookbell.service does it, too.
const HARDENING: [&str; 13] = [
    "Protect",
    "Private",
    "Restrict",
    "SystemCall",
    "NoNewPrivileges",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "RemoveIPC",
    "DevicePolicy",
    "ProcSubset",
    "DynamicUser",
    "StateDirectory",
    "ConfigurationDirectory",
];

/// Beginnings of names of what is carried over as it is.
const CARRIED: [&str; 20] = [
    "Nice",
    "CPU",
    "Memory",
    "IO",
    "Tasks",
    "Limit",
    "OOMScoreAdjust",
    "UMask",
    "SupplementaryGroups",
    "LoadCredential",
    "SetCredential",
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "BindPaths",
    "BindReadOnlyPaths",
    "Slice",
    "LogsDirectory",
    "PassEnvironment",
    "RuntimeDirectory",
];

/// What of `[Unit]` is carried over.
const ORDER: [&str; 7] = ["After", "Before", "Wants", "Requires", "BindsTo", "PartOf", "RequiresMountsFor"];

impl Service {
    /// What a unit says. What can't be carried over goes into the translation.
    pub(super) fn of(unit: &Unit, around: &Around, place: &Path, into: &mut Translation) -> Service {
        let filled = |key: &str| unit.last(key).map(|setting| around.specifiers(&setting.value).0);
        let directory = filled("WorkingDirectory").map(|folder| folder.trim_start_matches('-').to_owned());
        let assigned = unit.all("Environment").into_iter().flat_map(|setting| assignments(&setting.value, around).0);
        let mut service = Service {
            place: Some(place.display().to_string()),
            user: filled("User").filter(|user| !matches!(user.as_str(), "root" | "0")),
            group: filled("Group"),
            directory: directory.map(|folder| if folder == "~" { "/root".to_owned() } else { folder }),
            environment: assigned.collect(),
            environment_files: unit
                .all("EnvironmentFile")
                .iter()
                .map(|setting| around.specifiers(&setting.value).0)
                .collect(),
            kept: Vec::new(),
        };
        let mut own: Vec<&str> = Vec::new();
        for (at, setting) in unit.settings.iter().enumerate() {
            let same = |other: &Setting| other.section == setting.section && other.key == setting.key;
            // An empty line takes those before it away.
            if unit.settings.iter().skip(at).any(|later| later.value.is_empty() && same(later)) {
                continue;
            }
            match (setting.section.as_str(), setting.key.as_str()) {
                (
                    "Service",
                    "User" | "Group" | "WorkingDirectory" | "Environment" | "EnvironmentFile" | "ExecStart",
                ) => {}
                ("Service", key) if ITS_OWN.contains(&key) || HARDENING.iter().any(|begin| key.starts_with(begin)) => {
                    own.push(key);
                }
                ("Service", key) if CARRIED.iter().any(|begin| key.starts_with(begin)) => {
                    service.keep("Service", setting, around);
                }
                ("Service", key) => {
                    let advice = "if the commands need it: systemctl edit hookbell";
                    into.left(&setting.place, format!("{key}= is not carried over"), advice);
                }
                ("Unit", key) if ORDER.contains(&key) && setting.value != "network.target" => {
                    service.keep("Unit", setting, around);
                }
                _ => {}
            }
        }
        own.sort_unstable();
        own.dedup();
        if !own.is_empty() {
            into.covered(&place.display().to_string(), format!("{}: hookbell.service has its own", own.join(", ")));
        }
        service
    }

    fn keep(&mut self, section: &'static str, setting: &Setting, around: &Around) {
        let line = format!("{}={}", setting.key, around.specifiers(&setting.value).0.replace('%', "%%"));
        self.kept.push((section, line, setting.place.clone()));
    }
}
