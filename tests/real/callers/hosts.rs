//! What watches one host, from Debian: monit, fail2ban, mdadm and NUT, with their folders in `examples/`.

use std::fs::{self, File};
use std::io::Write as _;

use super::lab::{Bell, Lab, PATIENCE, example, filled_in, here};
use super::phone::Phone;
use crate::program::{free_port, until};

const IVAN: &str = "123456789";

/// The host's name as scripts show it.
fn host(lab: &Lab) -> String {
    let name = lab.run("uname", &["-n"]);
    name.trim().split('.').next().unwrap().to_owned()
}

#[test]
#[ignore = "needs monit: tests/real/run"]
fn monit_tells_of_a_check_that_fails_and_that_succeeds_again() {
    if !here("monit", &["monit", "curl"]) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "monit", &phone);
    let header = bell.header(&lab);
    // monit takes its own environment from it.
    let changes = [
        ("http://127.0.0.1:9000/hooks/monit", bell.url()),
        ("/etc/monit/hookbell.header", header.display().to_string()),
    ];
    let changes = changes.each_ref().map(|(from, to)| (*from, to.as_str()));
    let script = lab.write("hookbell", &filled_in("monit/hookbell", &changes));
    let config = "set daemon 1\nset logfile @DIR@/log\nset pidfile @DIR@/pid\nset idfile @DIR@/id\nset statefile @DIR@/state\n\
         check file flag with path @DIR@/flag\n    if not exist then exec \"@DIR@/hookbell\"\n        \
         else if succeeded then exec \"@DIR@/hookbell up\"\n";
    let config = lab.write("monitrc", &config.replace("@DIR@", lab.shown()));
    lab.run("chmod", &["700", script.to_str().unwrap(), config.to_str().unwrap()]);
    let monit = lab.start("monit", &["-I", "-c", config.to_str().unwrap()], |_| ());
    let why = || format!("{}\n{}", monit.log(), bell.log());
    let down = phone.rings(IVAN, 1, why).remove(0);
    let (_, said) = down.split_once(": ").unwrap();
    assert!(down.starts_with("🔴 "), "{down}");
    assert_eq!(said, "flag: Does not exist\nfile doesn't exist");
    lab.write("flag", "");
    let up = phone.rings(IVAN, 2, why).remove(1);
    assert!(up.starts_with("✅ ") && up.ends_with("flag: Exists\nfile exists"), "{up}");
    monit.stop();
}

#[test]
#[ignore = "needs fail2ban: tests/real/run"]
fn fail2ban_tells_of_a_ban_with_the_line_that_made_it() {
    if !here("fail2ban", &["fail2ban-server", "curl", "logger"]) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "fail2ban", &phone);
    let header = bell.header(&lab);
    lab.write("action.d/hookbell.conf", &filled_in("fail2ban/hookbell.conf", &[]));
    let filter = "[Definition]\nfailregex = вход отклонён .* с <HOST>$\ndatepattern = {^LN-BEG}\n";
    lab.write("filter.d/trial.conf", filter);
    let log = lab.write("auth.log", "");
    let jail = format!(
        "[trial]\nenabled = true\nfilter = trial\nlogpath = {}\nbackend = polling\nmaxretry = 2\nfindtime = 600\nbantime = 600\n\
         usedns = no\naction = hookbell[url=\"{}\", header=\"{}\"]\n",
        log.display(),
        bell.url(),
        header.display()
    );
    lab.write("jail.conf", &jail);
    let settings = "[Definition]\nloglevel = INFO\nlogtarget = @DIR@/f2b.log\nsyslogsocket = auto\nsocket = @DIR@/f2b.sock\n\
         pidfile = @DIR@/f2b.pid\ndbfile = None\ndbpurgeage = 1d\nallowipv6 = auto\n";
    lab.write("fail2ban.conf", &settings.replace("@DIR@", lab.shown()));
    let (socket, pid) = (lab.path("f2b.sock"), lab.path("f2b.pid"));
    let arguments = ["-c", lab.shown(), "-f", "-s", socket.to_str().unwrap(), "-p", pid.to_str().unwrap(), "start"];
    let fail2ban = lab.start("fail2ban-server", &arguments, |_| ());
    let said = || fs::read_to_string(lab.path("f2b.log")).unwrap_or_default();
    let why = || format!("{}\n{}\n{}", fail2ban.log(), said(), bell.log());
    assert!(until(PATIENCE, || said().contains("Jail 'trial' started")), "{}", why());
    let now = lab.run("date", &["+%Y-%m-%d %H:%M:%S"]);
    let line = format!("{} host sshd: вход отклонён user \"root\" $(id) it's с 203.0.113.7", now.trim());
    let mut file = File::options().append(true).open(&log).unwrap();
    writeln!(file, "{line}\n{line}").unwrap();
    let banned = phone.rings(IVAN, 1, why).remove(0);
    let (head, rest) = banned.split_once(": ").unwrap();
    assert!(head.starts_with("🚫 "), "{banned}");
    assert_eq!(rest, format!("203.0.113.7 banned in trial for 600 s\nafter 2 failures\n{line}"));
    fail2ban.stop();
}

#[test]
#[ignore = "needs mdadm: tests/real/run"]
fn mdadm_tells_of_an_array_that_is_not_there() {
    if !here("mdadm", &["mdadm", "curl"]) {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("skipped: mdadm: only root may run it");
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "mdadm", &phone);
    let config = lab.write("mdadm.conf", "ARRAY /dev/md117 metadata=1.2 UUID=5d2b8a4e:0c6f41d7:9e3a7b10:c4f2e8a6\n");
    let config = format!("--config={}", config.display());
    let script = format!("--program={}", example("mdadm/hookbell-mdadm").display());
    let (url, header) = (bell.url(), bell.header(&lab));
    let mdadm = lab.start("mdadm", &["--monitor", "--scan", "--oneshot", &config, &script], |command| {
        command.env("HOOKBELL_URL", url).env("HOOKBELL_HEADER", header);
    });
    let gone = phone.rings(IVAN, 1, || format!("{}\n{}", mdadm.log(), bell.log())).remove(0);
    assert_eq!(gone, format!("🔥 {}: DeviceDisappeared /dev/md117", host(&lab)));
}

/// upsmon leaves its number behind where it was killed, and starts no more once another process has that number.
fn forget_a_dead_upsmon() {
    let left = "/run/nut/upsmon.pid";
    let Ok(number) = std::fs::read_to_string(left) else { return };
    let name = std::fs::read_to_string(format!("/proc/{}/comm", number.trim())).unwrap_or_default();
    if name.trim() != "upsmon" {
        std::fs::remove_file(left).ok();
    }
}

#[test]
#[ignore = "needs NUT: tests/real/run"]
fn nut_tells_that_the_mains_are_gone_and_back() {
    let programs = ["/lib/nut/dummy-ups", "/lib/nut/upsd", "/lib/nut/upsmon", "upsc", "curl"];
    if !here("NUT", &programs) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "nut", &phone);
    let (url, header) = (bell.url(), bell.header(&lab));
    let (port, me) = (free_port(), lab.run("id", &["-un"]).trim().to_owned());
    let state = lab.folder("state");
    let battery = "battery.charge: 87\nbattery.runtime: 1320\nups.load: 21\n";
    let ups = format!("ups.status: OL\n{battery}TIMER 8\nups.status: OB\nTIMER 6\nups.status: OL\nTIMER 300\n");
    let ups = lab.write("ups1.seq", &ups);
    lab.write("ups.conf", &format!("[ups1]\ndriver = dummy-ups\nport = {}\n", ups.display()));
    lab.write("upsd.conf", &format!("LISTEN 127.0.0.1 {port}\nMAXAGE 25\n"));
    lab.write("upsd.users", "[mon]\npassword = pw\nupsmon master\n");
    let script = example("nut/hookbell-nut");
    let flags = filled_in("nut/upsmon.conf", &[("/usr/local/bin/hookbell-nut", script.to_str().unwrap())]);
    let monitor = format!(
        "MONITOR ups1@127.0.0.1:{port} 1 mon pw master\nMINSUPPLIES 1\nSHUTDOWNCMD /bin/true\nPOLLFREQ 1\nPOLLFREQALERT 1\n\
         DEADTIME 15\nPOWERDOWNFLAG {}/killpower\nRUN_AS_USER {me}\n{flags}",
        lab.shown()
    );
    lab.write("upsmon.conf", &monitor);
    let here = lab.shown().to_owned();
    let set = |command: &mut std::process::Command| {
        command.env("NUT_CONFPATH", &here).env("NUT_STATEPATH", &state).env("NUT_ALTPIDPATH", &state);
        command.env("HOOKBELL_URL", &url).env("HOOKBELL_HEADER", &header);
    };
    let mut driver = lab.start("/lib/nut/dummy-ups", &["-D", "-a", "ups1", "-u", &me], set);
    driver.is_up(|| lab.path("state/dummy-ups-ups1").exists());
    let server = lab.start("/lib/nut/upsd", &["-D", "-u", &me], set).listens(port);
    forget_a_dead_upsmon();
    let upsmon = lab.start("/lib/nut/upsmon", &["-D", "-p"], set);
    let why = || format!("{}\n{}\n{}\n{}", driver.log(), server.log(), upsmon.log(), bell.log());
    let rang = phone.rings(IVAN, 2, why);
    let facts = format!("host {}, charge 87%, 22 min left, load 21%", host(&lab));
    let name = format!("ups1@127.0.0.1:{port}");
    assert_eq!(rang[0], format!("🔋 {name}: on battery\n{facts}"));
    assert_eq!(rang[1], format!("✅ {name}: mains power is back\n{facts}"));
}
