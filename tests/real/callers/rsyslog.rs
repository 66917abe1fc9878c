//! Debian's rsyslog with the files of `examples/rsyslog`: hookbell goes down, rsyslog restarts, and no line is lost.

use super::lab::{Bell, Lab, PATIENCE, Running, example, filled_in, here};
use super::phone::Phone;
use crate::program::{Kind, until};

const IVAN: &str = "123456789";

/// What every rsyslog has before the example's file.
const HEAD: &str = r#"
global(workDirectory="@DIR@/spool" processInternalMessages="on")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="@DIR@/log.sock" CreatePath="off" UseSpecialParser="on")
syslog.* action(type="omfile" file="@DIR@/syslog")
"#;

struct Rsyslog {
    lab: Lab,
    running: Option<Running>,
}

impl Rsyslog {
    fn start(&mut self) {
        let (config, pid) = (self.lab.path("rsyslog.conf"), self.lab.path("pid"));
        let arguments = ["-n", "-f", config.to_str().unwrap(), "-i", pid.to_str().unwrap()];
        let mut running = self.lab.start("rsyslogd", &arguments, |_| ());
        let socket = self.lab.path("log.sock");
        running.is_up(|| socket.exists());
        self.running = Some(running);
    }

    fn stop(&mut self) {
        self.running.take().unwrap().stop();
    }

    fn logs(&self, severity: &str, text: &str) {
        let socket = self.lab.path("log.sock");
        let socket = socket.to_str().unwrap();
        self.lab.run("logger", &["-u", socket, "-p", &format!("user.{severity}"), "-t", "disk", "--", text]);
    }

    /// The same of many lines at once.
    fn bursts(&self, severity: &str, lines: &[&str]) {
        let (socket, burst) = (self.lab.path("log.sock"), self.lab.write("burst", &lines.join("\n")));
        let [socket, burst] = [&socket, &burst].map(|path| path.to_str().unwrap());
        self.lab.run("logger", &["-u", socket, "-p", &format!("user.{severity}"), "-t", "disk", "-f", burst]);
    }

    /// Whether the queue on disk has this text.
    fn keeps(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.lab.path("spool")).unwrap();
        let mut texts = files.filter_map(|file| std::fs::read(file.unwrap().path()).ok());
        texts.any(|found| String::from_utf8_lossy(&found).contains(text))
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.lab.path("syslog")).unwrap_or_default()
    }
}

/// A house with rsyslog, whose configuration has `example`, changed so.
fn house(conf: &str, changes: impl FnOnce(&Lab, &Bell) -> Vec<(&'static str, String)>) -> (Rsyslog, Bell, Phone) {
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "rsyslog", &phone);
    lab.folder("spool");
    let changes = changes(&lab, &bell);
    let mut changes: Vec<(&str, &str)> = changes.iter().map(|(from, to)| (*from, to.as_str())).collect();
    changes.push(("action.resumeInterval=\"5\"", "action.resumeInterval=\"1\""));
    let text = HEAD.replace("@DIR@", lab.shown()) + &filled_in(conf, &changes);
    lab.write("rsyslog.conf", &text);
    let mut rsyslog = Rsyslog { lab, running: None };
    rsyslog.lab.run("rsyslogd", &["-N1", "-f", rsyslog.lab.path("rsyslog.conf").to_str().unwrap()]);
    rsyslog.start();
    (rsyslog, bell, phone)
}

/// The texts at the phone without the host before them.
fn texts(phone: &Phone, count: usize, rsyslog: &Rsyslog, bell: &Bell) -> Vec<String> {
    let why = || format!("{}\n{}", rsyslog.told(), bell.log());
    let rang = phone.rings(IVAN, count, why);
    rang.iter().map(|text| text.split_once(' ').unwrap().1.to_owned()).collect()
}

#[test]
#[ignore = "needs rsyslog: tests/real/run"]
fn rsyslog_by_hookbell_omprog_loses_no_line() {
    if !here("rsyslog", &["rsyslogd", "logger"]) {
        return;
    }
    let (mut rsyslog, mut bell, phone) = house("rsyslog/60-hookbell.conf", |_, bell| {
        let program = Kind::Ours.program();
        let called = format!("{} omprog -hook rsyslog -state-dir {}", program.display(), bell.state());
        vec![("/usr/bin/hookbell omprog -hook rsyslog", called)]
    });
    rsyslog.logs("err", "Диск 🔥 \"sda1\" — it's 95% & <full> $HOME `id` \\n %0A +1");
    rsyslog.logs("info", "nobody wants to hear of this");
    texts(&phone, 1, &rsyslog, &bell);
    bell.stop();
    rsyslog.logs("crit", "one");
    let told = until(PATIENCE, || rsyslog.told().contains("can't be reached") || rsyslog.told().contains("no daemon"));
    assert!(told, "rsyslog does not say why the line waits: {}", rsyslog.told());
    rsyslog.logs("alert", "two\nlines");
    rsyslog.logs("err", "three");
    bell.start(&rsyslog.lab);
    rsyslog.logs("emerg", "four");
    let rang = texts(&phone, 5, &rsyslog, &bell);
    assert_eq!(rang[0], "disk: Диск 🔥 \"sda1\" — it's 95% & <full> $HOME `id` \\n %0A +1");
    assert_eq!(rang[1..], ["disk: one", "disk: two\nlines", "disk: three", "disk: four"]);
    // What waits is on disk while rsyslog is down itself; but for the line that it was trying, which this version forgets.
    bell.stop();
    rsyslog.bursts("err", &["five", "six", "seven"]);
    assert!(until(PATIENCE, || rsyslog.keeps("seven")), "it is not in the queue on disk");
    rsyslog.stop();
    rsyslog.start();
    bell.start(&rsyslog.lab);
    rsyslog.logs("err", "last");
    let came = until(PATIENCE, || phone.texts(IVAN).iter().any(|text| text.ends_with("disk: last")));
    let rang = texts(&phone, 8, &rsyslog, &bell).split_off(5);
    let rang: Vec<&str> = rang.iter().map(String::as_str).filter(|text| *text != "disk: five").collect();
    assert!(came && rang == ["disk: six", "disk: seven", "disk: last"], "{rang:?}");
    rsyslog.stop();
}

#[test]
#[ignore = "needs rsyslog: tests/real/run"]
fn rsyslog_by_curl_loses_no_line() {
    if !here("rsyslog", &["rsyslogd", "logger", "curl"]) {
        return;
    }
    let (mut rsyslog, mut bell, phone) = house("rsyslog/60-hookbell-curl.conf", |lab, bell| {
        let (script, header) = (example("rsyslog/hookbell-curl"), bell.header(lab));
        let wrapper = format!(
            "#!/bin/sh\nexec env HOOKBELL_URL={} HOOKBELL_HEADER={} {}\n",
            bell.url(),
            header.display(),
            script.display()
        );
        let wrapper = lab.write("hookbell-curl", &wrapper);
        lab.run("chmod", &["+x", wrapper.to_str().unwrap()]);
        vec![("/usr/local/bin/hookbell-curl", wrapper.to_str().unwrap().to_owned())]
    });
    rsyslog.logs("err", "Диск 🔥 \"sda1\" — it's 95% & <full> $HOME `id` \\n %0A +1");
    texts(&phone, 1, &rsyslog, &bell);
    bell.stop();
    rsyslog.logs("err", "one");
    rsyslog.logs("err", "");
    rsyslog.logs("err", "two");
    rsyslog.logs("err", "two");
    bell.start(&rsyslog.lab);
    let rang = texts(&phone, 4, &rsyslog, &bell);
    assert_eq!(rang[0], "disk: Диск 🔥 \"sda1\" — it's 95% & <full> $HOME `id` \\n %0A +1");
    assert_eq!(rang[1..], ["disk: one", "disk: two", "disk: two"]);
    rsyslog.stop();
}
