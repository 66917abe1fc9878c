//! Debian's Nagios and Icinga 2 with `examples/nagios` and `examples/icinga2`: a check fails, and is well again.

use super::lab::{Bell, Lab, PATIENCE, Running, example, filled_in, here};
use super::phone::Phone;
use crate::program::until;

const IVAN: &str = "123456789";

/// A check of a disk, full or not as the file `state` has it, whose words a shell must not see.
const PLUGIN: &str = r#"#!/bin/sh
if [ -e @DIR@/full ]; then
    echo 'ДИСК 🔥 "sda" 95% занято, $(id) & it'"'"'s | used=95%'
    echo 'вторая строка'
    exit 2
fi
echo 'ДИСК OK: 60% свободно'
"#;

const NAGIOS: &str = r#"
log_file=@DIR@/nagios.log
cfg_file=@DIR@/objects.cfg
cfg_file=@DIR@/hookbell.cfg
object_cache_file=@DIR@/objects.cache
precached_object_file=@DIR@/objects.precache
status_file=@DIR@/status.dat
state_retention_file=@DIR@/retention.dat
command_file=@DIR@/nagios.cmd
lock_file=@DIR@/nagios.pid
temp_file=@DIR@/nagios.tmp
temp_path=@DIR@
check_result_path=@DIR@
query_socket=@DIR@/nagios.qh
nagios_user=@USER@
nagios_group=@GROUP@
check_external_commands=1
interval_length=1
enable_notifications=1
execute_service_checks=1
execute_host_checks=0
illegal_macro_output_chars=`~$&|'"<>
check_for_updates=0
service_inter_check_delay_method=n
"#;

const OBJECTS: &str = r#"
define timeperiod {
    timeperiod_name 24x7
    alias           always
    sunday    00:00-24:00
    monday    00:00-24:00
    tuesday   00:00-24:00
    wednesday 00:00-24:00
    thursday  00:00-24:00
    friday    00:00-24:00
    saturday  00:00-24:00
}
define command {
    command_name plugin
    command_line @DIR@/plugin
}
define host {
    host_name             web
    alias                 Веб-сервер 🖥
    address               127.0.0.1
    contacts              hookbell
    max_check_attempts    1
    notification_interval 0
    notification_period   24x7
}
define service {
    host_name             web
    service_description   Диск
    check_command         plugin
    contacts              hookbell
    max_check_attempts    1
    check_interval        1
    retry_interval        1
    check_period          24x7
    notification_interval 0
    notification_period   24x7
}
"#;

const ICINGA: &str = r#"
const NodeName = "trial"
include <itl>
object CheckerComponent "checker" { }
object NotificationComponent "notification" { }
object CheckCommand "plugin" { command = [ "@DIR@/plugin" ] }
object Host "web" {
  display_name = "Веб-сервер 🖥"
  address = "127.0.0.1"
  check_command = "passive"
  enable_active_checks = false
}
object Service "disk" {
  display_name = "Диск"
  host_name = "web"
  check_command = "plugin"
  max_check_attempts = 1
  check_interval = 1s
  retry_interval = 1s
}
include "@DIR@/hookbell.conf"
"#;

/// The folder with the plugin, whose disk is full.
fn lab() -> Lab {
    let lab = Lab::new();
    let plugin = lab.write("plugin", &PLUGIN.replace("@DIR@", lab.shown()));
    lab.run("chmod", &["+x", plugin.to_str().unwrap()]);
    lab.write("full", "");
    lab
}

/// Icinga's first process ends the others only if it is asked to end: nobody may kill it, not even a test that fails.
struct Icinga(Option<Running>);

impl Icinga {
    fn log(&self) -> String {
        self.0.as_ref().map(Running::log).unwrap_or_default()
    }
}

impl Drop for Icinga {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.stop();
        }
    }
}

fn user(lab: &Lab, what: &str) -> String {
    lab.run("id", &[what]).trim().to_owned()
}

#[test]
#[ignore = "needs Nagios: tests/real/run"]
fn nagios_tells_of_a_problem_what_is_said_about_it_and_its_end() {
    if !here("Nagios", &["nagios4", "curl"]) {
        return;
    }
    let (lab, phone) = (lab(), Phone::new());
    let bell = Bell::hang(&lab, "nagios", &phone);
    let script = example("nagios/hookbell-nagios");
    let changes = [("/usr/local/bin/hookbell-nagios", script.to_str().unwrap())];
    lab.write("hookbell.cfg", &filled_in("nagios/hookbell.cfg", &changes));
    lab.write("objects.cfg", &OBJECTS.replace("@DIR@", lab.shown()));
    let config = NAGIOS.replace("@DIR@", lab.shown());
    let config = config.replace("@USER@", &user(&lab, "-un")).replace("@GROUP@", &user(&lab, "-gn"));
    let config = lab.write("nagios.cfg", &config);
    let (url, header) = (bell.url(), bell.header(&lab));
    let nagios = lab.start("nagios4", &[config.to_str().unwrap()], |command| {
        command.env("HOOKBELL_URL", url).env("HOOKBELL_HEADER", header);
    });
    let why = || format!("{}\n{}", nagios.log(), bell.log());
    let problem = phone.rings(IVAN, 1, why).remove(0);
    let stripped = "ДИСК 🔥 sda 95% занято, (id)  its";
    assert_eq!(problem, format!("🔴 Веб-сервер 🖥/Диск: CRITICAL\n{stripped}\nвторая строка"));

    let commands = lab.path("nagios.cmd");
    assert!(until(PATIENCE, || commands.exists()), "{}", nagios.log());
    let command = "[0] ACKNOWLEDGE_SVC_PROBLEM;web;Диск;2;1;0;иван;смотрю, it's $(id)\n";
    lab.run("timeout", &["20", "sh", "-c", "printf '%s' \"$1\" > \"$0\"", commands.to_str().unwrap(), command]);
    let acknowledged = phone.rings(IVAN, 2, why).remove(1);
    let head = "💬 Веб-сервер 🖥/Диск: CRITICAL (ACKNOWLEDGEMENT)";
    assert_eq!(acknowledged, format!("{head}\n{stripped}\nиван: смотрю, its (id)"));

    std::fs::remove_file(lab.path("full")).unwrap();
    let recovery = phone.rings(IVAN, 3, why).remove(2);
    assert_eq!(recovery, "✅ Веб-сервер 🖥/Диск: OK\nДИСК OK: 60% свободно");
    nagios.stop();
}

#[test]
#[ignore = "needs Icinga 2: tests/real/run"]
fn icinga_tells_of_a_problem_and_of_its_end() {
    if !here("Icinga 2", &["icinga2", "/usr/share/icinga2/include/itl", "curl"]) {
        return;
    }
    let (lab, phone) = (lab(), Phone::new());
    let bell = Bell::hang(&lab, "icinga2", &phone);
    let script = example("icinga2/hookbell-icinga");
    let changes = [("/usr/local/bin/hookbell-icinga", script.to_str().unwrap())];
    lab.write("hookbell.conf", &filled_in("icinga2/hookbell.conf", &changes));
    let config = lab.write("icinga2.conf", &ICINGA.replace("@DIR@", lab.shown()));
    let folders = ["DataDir", "CacheDir", "LogDir", "InitRunDir", "SpoolDir", "ConfigDir"];
    let folders = folders.map(|name| format!("-D{name}={}", lab.folder(name).display()));
    let mut arguments = vec!["--pdeathsig", "TERM", "--", "icinga2", "daemon", "-c", config.to_str().unwrap()];
    arguments.extend(folders.iter().map(String::as_str));
    let (url, header) = (bell.url(), bell.header(&lab));
    let (user, group) = (user(&lab, "-un"), user(&lab, "-gn"));
    let icinga = lab.start("setpriv", &arguments, |command| {
        command.env("HOOKBELL_URL", url).env("HOOKBELL_HEADER", header);
        command.env("ICINGA2_USER", user).env("ICINGA2_GROUP", group);
    });
    let icinga = Icinga(Some(icinga));
    let why = || format!("{}\n{}", icinga.log(), bell.log());
    let problem = phone.rings(IVAN, 1, why).remove(0);
    let said = "ДИСК 🔥 \"sda\" 95% занято, $(id) & it's \nвторая строка";
    assert_eq!(problem, format!("🔴 Веб-сервер 🖥/Диск: CRITICAL\n{said}"));
    std::fs::remove_file(lab.path("full")).unwrap();
    let recovery = phone.rings(IVAN, 2, why).remove(1);
    assert_eq!(recovery, "✅ Веб-сервер 🖥/Диск: OK\nДИСК OK: 60% свободно");
}
