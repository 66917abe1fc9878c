//! What the hooks' programs need of a hardened service: the drop-in for `systemctl edit hookbell`, each line with its reason.

use super::json::Json;
use super::scripts::names;
use super::service::Service;
use super::shell::parse::parse;
use super::shell::{self, Piece, Word};
use super::translation::{Program, Translation};
use crate::app::settings::{DEFAULT_IP, DEFAULT_PORT};

/// A line of a drop-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Without brackets.
    pub section: &'static str,
    /// Why; empty where the line before says it.
    pub reason: String,
    /// The line.
    pub text: String,
}

/// Drop-ins for the service and its socket; either may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    /// For hookbell.service.
    pub service: Vec<Line>,
    /// For hookbell.socket.
    pub socket: Vec<Line>,
}

/// What lets hooks become root; the file says why each line is there.
const SUDO: &str = include_str!("../../../systemd/sudo.conf");

/// Programs that change the system, and so need its rights.
const ROOTS: [&str; 17] = [
    "systemctl",
    "service",
    "iptables",
    "ip6tables",
    "nft",
    "ufw",
    "mount",
    "umount",
    "apt",
    "apt-get",
    "dpkg",
    "dnf",
    "yum",
    "reboot",
    "shutdown",
    "poweroff",
    "chown",
];

/// Programs that talk to the kernel about networks.
const NETLINK: [&str; 4] = ["ip", "ss", "ifconfig", "networkctl"];

/// Homes of people, which the service does not see.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

impl Access {
    /// What these programs need. `service` is the unit that they ran under.
    pub(super) fn of(into: &mut Translation, service: &Service) -> Access {
        let mut access = Access::default();
        access.user(service, into);
        access.daemon(into);
        let programs = into.programs.clone();
        let guesses = Guesses::of(&programs);
        access.folders(&guesses, &programs, into);
        access.rights(&guesses, service, into);
        access.secrets(service, into);
        for (section, line, place) in &service.kept {
            access.add(section, &format!("as in {place}"), line);
        }
        access
    }

    fn add(&mut self, section: &'static str, reason: &str, text: &str) {
        if !self.service.iter().any(|line| line.section == section && line.text == text) {
            self.service.push(Line { section, reason: reason.to_owned(), text: text.to_owned() });
        }
    }

    fn user(&mut self, service: &Service, into: &mut Translation) {
        let Some(place) = &service.place else { return };
        match service.user.as_deref() {
            None => {
                let advice =
                    "what they were seen to need is in the drop-in above; other files must be readable for that user";
                into.differs(place, "the commands ran as root, and run as the user hookbell now", advice);
            }
            Some(user) => {
                self.add("Service", "the user that the commands ran as", "DynamicUser=no");
                self.add("Service", "", &format!("User={user}"));
                if let Some(group) = &service.group {
                    self.add("Service", "", &format!("Group={group}"));
                }
            }
        }
        if let Some(folder) = service.directory.as_deref().filter(|folder| *folder != "/") {
            self.add("Service", "where the commands ran", &format!("WorkingDirectory={}", word(folder)));
        }
        for file in &service.environment_files {
            self.add("Service", "the environment that the commands had", &format!("EnvironmentFile={file}"));
        }
        for (name, value) in &service.environment {
            self.add(
                "Service",
                "the environment that the commands had",
                &format!("Environment={}", word(&format!("{name}={value}"))),
            );
        }
    }

    /// What the daemon's own flags need.
    fn daemon(&mut self, into: &mut Translation) {
        let value = |name: &str| {
            let at = into.flags.iter().position(|flag| flag == name)?;
            into.flags.get(at + 1).cloned()
        };
        if value("-socket").is_none() {
            let port = value("-port").unwrap_or_else(|| DEFAULT_PORT.to_string());
            let ip = value("-ip").filter(|ip| ip != DEFAULT_IP).map(|ip| format!("{ip}:")).unwrap_or_default();
            // systemd looks no name up.
            let ip = if ip == "localhost:" { "127.0.0.1:".to_owned() } else { ip };
            let reason = "the socket opens the port, not the service; the package's own is for this host only";
            for text in ["ListenStream=".to_owned(), format!("ListenStream={ip}{port}")] {
                self.socket.push(Line { section: "Socket", reason: reason.to_owned(), text });
            }
        }
        for (flag, name) in [("-cert", "cert.pem"), ("-key", "key.pem")] {
            if let Some(path) = value(flag) {
                self.add("Service", "systemd reads what only root can read", &format!("LoadCredential={name}:{path}"));
            }
        }
        for (flag, reason) in [("-logfile", "the log is written there"), ("-socket", "the socket is made there")] {
            if let Some((folder, _)) = value(flag).as_deref().and_then(|path| path.rsplit_once('/')) {
                self.add("Service", reason, &format!("ReadWritePaths={}", word(folder)));
            }
        }
        let start = command_line(into, "/etc/hookbell/hooks.json", true);
        if !into.flags.is_empty() || !into.kept_files.is_empty() {
            self.add("Service", "the flags", "ExecStart=");
            self.add("Service", "", &format!("ExecStart={start}"));
        }
    }

    fn folders(&mut self, guesses: &Guesses, programs: &[Program], into: &mut Translation) {
        for program in programs {
            let paths = program.words.iter().chain(&program.directory).filter(|word| word.starts_with('/'));
            for path in paths {
                self.home(path, &program.place, into);
            }
            if let Some(folder) = program.directory.as_deref().filter(|folder| is_own(folder)) {
                let reason =
                    format!("{}: the command works there (its user must have the right to, too)", program.place);
                self.add("Service", &reason, &format!("ReadWritePaths={}", word(folder)));
            }
        }
        for (path, place) in &guesses.written {
            let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
            self.home(path, place, into);
            if folder == "/tmp" || folder.starts_with("/tmp/") {
                into.differs(
                    place,
                    "it writes to /tmp, which is the service's own",
                    "PrivateTmp=no shows it the /tmp of all",
                );
            } else if is_own(folder) {
                let reason = format!("{place}: it writes {path}");
                self.add("Service", &reason, &format!("ReadWritePaths={}", word(folder)));
            }
        }
    }

    fn home(&mut self, path: &str, place: &str, into: &mut Translation) {
        let Some(home) = HOMES.iter().find(|home| path.strip_prefix(**home).is_some_and(|rest| rest.starts_with('/')))
        else {
            return;
        };
        let reason = format!("{place}: {path} is in {home}");
        self.add("Service", &reason, "ProtectHome=no");
        if *home == "/root" {
            into.left(
                place,
                format!("{path}: nobody but root can enter /root"),
                "move it, to /opt for example, and its path in hooks.json",
            );
        }
    }

    /// What hooks refer to, and only the service can have.
    fn secrets(&mut self, service: &Service, into: &mut Translation) {
        let hooks: Vec<(String, Json)> = into.hooks.clone();
        for (place, hook) in &hooks {
            let mut found = Vec::new();
            references(hook, &mut found);
            for (kind, name) in found {
                let is_set = service.environment.iter().any(|(own, _)| own == name);
                let is_loaded =
                    service.kept.iter().any(|(_, line, _)| line.starts_with(&format!("LoadCredential={name}:")));
                match kind {
                    "env" if !is_set && service.environment_files.is_empty() => {
                        let advice = "put NAME=VALUE into a file of 0600: EnvironmentFile=/etc/hookbell/environment";
                        into.differs(place, format!("${name} must be set for the service"), advice);
                    }
                    "credential" if !is_loaded => {
                        let advice =
                            format!("systemctl edit hookbell: LoadCredential={name}:/etc/hookbell/credentials/{name}");
                        into.differs(place, format!("the service needs the credential {name}"), advice);
                    }
                    _ => {}
                }
            }
        }
    }

    fn rights(&mut self, guesses: &Guesses, service: &Service, into: &mut Translation) {
        if let Some(place) = guesses.names("sudo") {
            let lines = SUDO.lines().skip_while(|line| *line != "[Service]").skip(1);
            for line in lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let is_user = line.starts_with("User=") || line.starts_with("DynamicUser=");
                if !(is_user && service.user.is_some()) {
                    self.add("Service", &format!("{place}: it calls sudo, which the hardened service forbids"), line);
                }
            }
        }
        if guesses.names("docker").is_some() {
            self.add(
                "Service",
                "docker asks its daemon, whose socket belongs to this group",
                "SupplementaryGroups=docker",
            );
        }
        if let Some(program) = NETLINK.into_iter().find(|program| guesses.names(program).is_some()) {
            self.add(
                "Service",
                &format!("`{program}` asks the kernel by netlink"),
                "RestrictAddressFamilies=AF_NETLINK",
            );
        }
        if guesses.names("yowsup-cli").is_some() {
            let reason = "yowsup-cli keeps its keys in the home folder: copy .yowsup and .config/yowsup there";
            self.add("Service", reason, "Environment=HOME=/var/lib/hookbell");
        }
        let was_root = service.user.is_none();
        for program in ROOTS.into_iter().filter(|_| was_root && guesses.names("sudo").is_none()) {
            if let Some(place) = guesses.names(program) {
                let advice = format!(
                    "write `sudo -n {program} …`, allow that in /etc/sudoers.d/hookbell, and install systemd/sudo.conf"
                );
                into.left(&place, format!("`{program}` needs root's rights, which the service does not have"), advice);
            }
        }
        for program in ["ssh", "scp", "rsync", "git"] {
            if let Some(place) = guesses.names(program) {
                into.differs(
                    &place,
                    format!("`{program}` looks for keys and settings in the home of the service's user"),
                    "Environment=HOME=/var/lib/hookbell, and put them there",
                );
            }
        }
        if let Some(place) = guesses.names("ping") {
            into.left(&place, "`ping` may not open its socket", "sysctl net.ipv4.ping_group_range=\"0 2147483647\"");
        }
    }
}

/// What can be seen of the programs in their words and scripts.
struct Guesses {
    /// A place, and a text in which programs are named.
    texts: Vec<(String, String)>,
    /// Files that scripts write, and the place.
    written: Vec<(String, String)>,
}

impl Guesses {
    fn of(programs: &[Program]) -> Guesses {
        let mut guesses = Guesses { texts: Vec::new(), written: Vec::new() };
        for program in programs {
            let place = program.place.clone();
            guesses.texts.push((place.clone(), program.words.join(" ")));
            let Some(script) = &program.script else { continue };
            guesses.texts.push((place.clone(), script.clone()));
            let chains = parse(script).unwrap_or_default();
            let mut simples = Vec::new();
            shell::simples(&chains, &mut simples);
            let redirects = simples.iter().flat_map(|simple| &simple.redirects).filter(|(sign, _)| sign.contains('>'));
            let paths = redirects.filter_map(|(_, to)| written(to));
            guesses.written.extend(paths.map(|path| (path, place.clone())));
        }
        guesses
    }

    /// The first place that names a program.
    fn names(&self, program: &str) -> Option<String> {
        self.texts.iter().find(|(_, text)| names(text, program)).map(|(place, _)| place.clone())
    }
}

/// Objects such as `{"env": NAME}`.
fn references<'j>(json: &'j Json, found: &mut Vec<(&'j str, &'j str)>) {
    match json {
        Json::Object(entries) => match &entries[..] {
            [(key, Json::Text(name))] if matches!(key.as_str(), "env" | "credential") => found.push((key, name)),
            entries => entries.iter().for_each(|(_, value)| references(value, found)),
        },
        Json::List(elements) => elements.iter().for_each(|element| references(element, found)),
        _ => {}
    }
}

/// The file that is written, as far as its path is fixed.
fn written(to: &Word) -> Option<String> {
    let Some(Piece::Text(path)) = to.0.first() else { return None };
    let is_file = path.starts_with('/') && !path.starts_with("/dev/");
    is_file.then(|| path.clone())
}

/// Whether a folder is somebody's own, and not the system's: that is not to be written by hooks.
fn is_own(folder: &str) -> bool {
    let system = [
        "",
        "/usr",
        "/bin",
        "/sbin",
        "/lib",
        "/etc",
        "/boot",
        "/proc",
        "/sys",
        "/dev",
        "/var",
        "/run",
        "/tmp",
        "/var/lib/hookbell",
    ];
    let folder = folder.trim_end_matches('/');
    !system.contains(&folder) && !folder.starts_with("/usr/bin") && !folder.starts_with("/usr/lib")
}

/// The daemon's command line. `unit`: as it stands in a unit, where certificates are credentials.
pub(super) fn command_line(translation: &Translation, hooks: &str, unit: bool) -> String {
    let mut words = vec!["/usr/bin/hookbell".to_owned(), "-hooks".to_owned(), hooks.to_owned()];
    for file in &translation.kept_files {
        words.extend(["-hooks".to_owned(), file.clone()]);
    }
    words.extend(translation.flags.iter().cloned());
    if !unit {
        return crate::cli::quote::line(&words);
    }
    let mut before = String::new();
    let words = words.iter().map(|own| {
        let credential =
            [("-cert", "%d/cert.pem"), ("-key", "%d/key.pem")].into_iter().find(|(flag, _)| before == *flag);
        before.clone_from(own);
        credential.map_or_else(|| word(own), |(_, path)| path.to_owned())
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A word as systemd reads it.
fn word(text: &str) -> String {
    let escaped = text.replace('%', "%%").replace('$', "$$");
    let is_plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "\"'\\;".contains(c));
    if is_plain { escaped } else { format!("\"{}\"", escaped.replace('\\', "\\\\").replace('"', "\\\"")) }
}
