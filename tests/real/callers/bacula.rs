//! Debian's Bacula with `examples/bacula`: director, storage and client, a job that goes well and one that fails.

use super::lab::{Bell, Lab, Running, example, filled_in, here};
use super::phone::Phone;
use crate::program::free_port;

const DIRECTOR: &str = r#"
Director { Name = t-dir; DirAddress = 127.0.0.1; DirPort = @DIRPORT@; QueryFile = "/dev/null"; WorkingDirectory = "@DIR@/work";
  PidDirectory = "@DIR@/work"; Password = "console"; Messages = Standard; Maximum Concurrent Jobs = 4; FD Connect Timeout = 2
}
Catalog { Name = Cat; dbname = "bacula"; dbuser = ""; dbpassword = "" }
Messages { Name = Standard; catalog = all; append = "@DIR@/job.log" = all }
Storage { Name = File; Address = 127.0.0.1; SDPort = @SDPORT@; Password = "sd"; Device = FileDev; Media Type = File }
Pool { Name = P; Pool Type = Backup; Label Format = "Vol-"; Maximum Volumes = 10 }
Schedule { Name = Never }
FileSet { Name = FS; Include { Options { signature = MD5 } File = "@DIR@/data" } }
Client { Name = t-fd; Address = 127.0.0.1; FDPort = @FDPORT@; Catalog = Cat; Password = "fd" }
Client { Name = lost-fd; Address = 127.0.0.1; FDPort = @NOPORT@; Catalog = Cat; Password = "fd" }
JobDefs { Name = Defaults; Type = Backup; Level = Full; FileSet = FS; Storage = File; Pool = P; Messages = Standard
  @@DIR@/runscript.conf
}
Job { Name = NightlyBackup; JobDefs = Defaults; Client = t-fd }
Job { Name = FailJob; JobDefs = Defaults; Client = lost-fd }
"#;

const STORAGE: &str = r#"
Storage { Name = t-sd; SDAddress = 127.0.0.1; SDPort = @SDPORT@; WorkingDirectory = "@DIR@/work"; Pid Directory = "@DIR@/work" }
Director { Name = t-dir; Password = "sd" }
Device { Name = FileDev; Media Type = File; Archive Device = "@DIR@/vol"; LabelMedia = yes; Random Access = yes; AutomaticMount = yes; RemovableMedia = no; AlwaysOpen = no }
Messages { Name = Standard; director = t-dir = all }
"#;

const CLIENT: &str = r#"
FileDaemon { Name = t-fd; FDAddress = 127.0.0.1; FDPort = @FDPORT@; WorkingDirectory = "@DIR@/work"; Pid Directory = "@DIR@/work" }
Director { Name = t-dir; Password = "fd" }
Messages { Name = Standard; director = t-dir = all }
"#;

const CONSOLE: &str = r#"
Director { Name = t-dir; Address = 127.0.0.1; DirPort = @DIRPORT@; Password = "console" }
"#;

/// The three daemons and where to ask them.
struct Bacula {
    lab: Lab,
    daemons: Vec<Running>,
}

impl Bacula {
    fn start(lab: Lab, bell: &Bell) -> Bacula {
        for folder in ["work", "vol", "data"] {
            lab.folder(folder);
        }
        for (name, text) in [("one", "x".repeat(9000)), ("два", "строка\n".repeat(60))] {
            lab.write(&format!("data/{name}"), &text);
        }
        let report = example("bacula/bacula-report");
        let changes = [("/etc/bacula/bacula-report", report.to_str().unwrap())];
        lab.write("runscript.conf", &filled_in("bacula/runscript.conf", &changes));
        let ports = ["@DIRPORT@", "@SDPORT@", "@FDPORT@", "@NOPORT@"].map(|name| (name, free_port()));
        let files = [("dir", DIRECTOR), ("sd", STORAGE), ("fd", CLIENT), ("bconsole", CONSOLE)];
        for (name, text) in files {
            let text = text.replace("@DIR@", lab.shown());
            let text = ports.iter().fold(text, |text, (name, port)| text.replace(name, &port.to_string()));
            lab.write(&format!("{name}.conf"), &text);
        }
        // As Debian's own script makes it.
        let script = "sed -n '/CREATE TABLE/,/^END-OF-DATA/p' /usr/share/bacula-director/make_sqlite3_tables \
             | sed '/^END-OF-DATA/d' | sqlite3 work/bacula.db";
        lab.run("sh", &["-ec", script]);
        let (url, header) = (bell.url(), bell.header(&lab));
        let console = format!("bconsole -n -c {}/bconsole.conf", lab.shown());
        let mut daemons = Vec::new();
        for ((name, conf), (_, port)) in [("bacula-sd", "sd"), ("bacula-fd", "fd"), ("bacula-dir", "dir")]
            .into_iter()
            .zip([ports[1], ports[2], ports[0]])
        {
            let daemon = lab.start(name, &["-f", "-c", &format!("{}/{conf}.conf", lab.shown())], |command| {
                command.env("HOOKBELL_URL", &url).env("HOOKBELL_HEADER", &header).env("BCONSOLE", &console);
            });
            daemons.push(daemon.listens(port));
        }
        Bacula { lab, daemons }
    }

    fn runs(&self, job: &str) {
        let commands = format!("echo run job={job} yes | bconsole -n -c {}/bconsole.conf", self.lab.shown());
        self.lab.run("sh", &["-ec", &commands]);
    }

    fn log(&self) -> String {
        let job = std::fs::read_to_string(self.lab.path("job.log")).unwrap_or_default();
        self.daemons.iter().map(Running::log).collect::<String>() + &job
    }
}

/// Without what is another at each run.
fn timeless(text: &str) -> String {
    // Of a client that is not there it warns only if it gets to a second look within its two seconds.
    let warning = r"\n\S+ Warning: \S+ Could not connect [^\n]*";
    let changes = [(r"🕐 .*", "🕐 TIME"), (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"), (warning, "")];
    changes.iter().fold(text.to_owned(), |text, (pattern, name)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *name).into_owned()
    })
}

#[test]
#[ignore = "needs Bacula: tests/real/run"]
fn bacula_reports_a_good_job_and_a_failed_one() {
    let programs = [
        "bacula-dir",
        "bacula-sd",
        "bacula-fd",
        "bconsole",
        "/usr/share/bacula-director/make_sqlite3_tables",
        "sqlite3",
        "curl",
    ];
    if !here("Bacula", &programs) {
        return;
    }
    let (lab, phone) = (Lab::new(), Phone::new());
    let bell = Bell::hang(&lab, "bacula", &phone);
    let bacula = Bacula::start(lab, &bell);
    let why = || format!("{}\n{}", bacula.log(), bell.log());
    bacula.runs("NightlyBackup");
    let good = phone.rings("123456789", 1, why).remove(0);
    bacula.runs("FailJob");
    let bad = phone.rings("123456789", 2, why).remove(1);
    let good_text = "✅ NightlyBackup: OK\n📦 job 1, Full, t-fd\n📁 3 files, 9.6 KiB\n🕐 TIME";
    assert_eq!(timeless(&good), good_text);
    let lost = "t-dir: Fatal error: bsockcore.c:208 Unable to connect to Client: lost-fd on 127.0.0.1:PORT. ERR=Connection refused";
    let errors = format!("❗ errors: 1\n{lost}\nt-dir: Fatal error: No Job status returned from FD.");
    assert_eq!(
        timeless(&bad),
        format!("❌ FailJob: FAILED\n📦 job 2, Full, lost-fd\n📁 0 files, 0 B\n🕐 TIME\n{errors}")
    );
    assert_eq!(phone.rings("987654321", 2, why), [good, bad]);
}
