//! Whether the service may use what the files name, and whether its sandbox lets it see that.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::app::access::{Obstacle, Right, obstacles, ownership};
use crate::app::privileges::{Person, names_of};
use crate::app::unit::Unit;
use crate::cli::flags::check::CheckArgs;
use crate::config::Config;
use crate::config::uses::{Use, What, uses};
use crate::diagnostic::{Diagnostic, Place, Severity, Source};

/// The unit that is looked for where none is named.
const UNIT: &str = "hookbell.service";

/// Programs that need to get other rights.
const RAISERS: [&str; 4] = ["sudo", "su", "doas", "pkexec"];

/// As whom it is judged.
pub(super) struct Service {
    /// Its unit, where there is one.
    pub(super) unit: Option<Unit>,
    /// Its user.
    pub(super) person: Person,
    /// Whether that is who asks.
    is_self: bool,
}

impl Service {
    /// The one that the flags name; else, for root, that of the unit, if there is one; else whoever asks.
    pub(super) fn of(args: &CheckArgs) -> anyhow::Result<Service> {
        let own = Person::own();
        let is_root = own.identity.uid == 0;
        let unit = match &args.unit {
            Some(name) => Some(Unit::find(name).with_context(|| format!("there is no unit {name}"))?),
            None if is_root && args.user.is_none() => Unit::find(UNIT),
            None => None,
        };
        let person = match (&args.user, &unit) {
            (Some(name), _) => named(name)?.with_context(|| format!("there is no user {name}"))?,
            (None, Some(unit)) => person_of(unit)?,
            (None, None) => own.clone(),
        };
        let person = unit.iter().flat_map(Unit::groups).fold(person, Person::also_in);
        let is_self = person.identity.uid == own.identity.uid;
        if !is_self && !is_root {
            let user = &person.name;
            bail!("only root can tell what {user} may do: sudo hookbell check -user {user}");
        }
        Ok(Service { unit, person, is_self })
    }

    /// What it may not use.
    pub(super) async fn findings(&self, texts: &[Arc<Source>], config: &Config) -> anyhow::Result<Vec<Diagnostic>> {
        let path = match &self.unit {
            Some(unit) => PathBuf::from(unit.path()),
            None => std::env::var_os("PATH").unwrap_or_default().into(),
        };
        let mut uses = uses(texts, config, &path);
        uses.extend(texts.iter().map(|source| {
            let place = Place { source: source.clone(), span: 0..0, path: Default::default() };
            Use { what: What::File, path: source.path.clone(), place }
        }));
        for used in &mut uses {
            used.path = self.absolute(used);
        }
        let mut findings = Vec::new();
        // What is hidden is not asked for as well: the rights on it matter only once it is seen.
        uses.retain(|used| match self.kept(used) {
            None => true,
            Some(finding) => {
                let is_hidden = finding.is_error() || used.what != What::Directory;
                findings.push(finding);
                !is_hidden
            }
        });
        // What can't be read by oneself was told when the files were.
        uses.retain(|used| !(self.is_self && used.what == What::File));
        let mut asked = Vec::new();
        for used in &uses {
            let right = if used.what == What::File { Right::Read } else { Right::Execute };
            asked.push((used, right));
            if is_script(used) {
                asked.push((used, Right::Read));
            }
        }
        let questions: Vec<_> = asked.iter().map(|(used, right)| (used.path.clone(), *right)).collect();
        let answers = obstacles(&self.person, &questions).await.map_err(anyhow::Error::msg)?;
        let mut last: Option<&Use> = None;
        for ((used, _), obstacle) in asked.into_iter().zip(answers) {
            // One obstacle for each is enough: what mends it gives all the rights that are needed there.
            if let Some(obstacle) = obstacle.filter(|_| !last.is_some_and(|last| std::ptr::eq(last, used))) {
                findings.extend(self.told(used, &obstacle));
                last = Some(used);
            }
        }
        Ok(findings)
    }

    /// The path as the service sees it: systemd starts services in `/`.
    fn absolute(&self, used: &Use) -> PathBuf {
        match (&self.unit, used.what) {
            (Some(unit), What::Directory) if used.path.is_relative() => {
                Path::new(unit.value("WorkingDirectory").unwrap_or("/")).join(&used.path)
            }
            _ => std::path::absolute(&used.path).unwrap_or_else(|_| used.path.clone()),
        }
    }

    /// What the sandbox of the unit keeps from it.
    fn kept(&self, used: &Use) -> Option<Diagnostic> {
        let unit = self.unit.as_ref()?;
        let (name, shown) = (&unit.name, used.path.display());
        let edit = |line: &str| format!("systemctl edit {name}, and write there [Service] and {line}");
        // Where it really is counts for the sandbox, too.
        let real = std::fs::canonicalize(&used.path).unwrap_or_else(|_| used.path.clone());
        if let Some(kept) = unit.hides(&used.path).or_else(|| unit.hides(&real)) {
            let message = format!("{name} does not see {shown}, for it has {}", kept.setting);
            let severity = if used.what == What::File { Severity::Error } else { Severity::Warning };
            return Some(Diagnostic { severity, ..Diagnostic::error(&used.place, message) }.help(edit(&kept.mend)));
        }
        if used.what == What::Directory
            && let Some(kept) = unit.forbids_writing(&real)
        {
            let message = format!("commands of {name} can't write to {shown}, for it has {}", kept.setting);
            return Some(Diagnostic::warning(&used.place, message).help(edit(&kept.mend)));
        }
        let raises = used.path.file_name().is_some_and(|file| RAISERS.iter().any(|raiser| file == *raiser));
        if used.what == What::Program && raises && unit.keeps_privileges() {
            let message = format!("{shown} can't get other rights under {name}, for it has NoNewPrivileges=yes");
            return Some(Diagnostic::warning(&used.place, message).help("the drop-in systemd/sudo.conf allows that"));
        }
        None
    }

    fn told(&self, used: &Use, obstacle: &Obstacle) -> Option<Diagnostic> {
        let (who, shown) = (&self.person.name, used.path.display());
        let verb = match used.what {
            What::Program => "run",
            What::Directory => "run a command in",
            What::File => "read",
        };
        match obstacle {
            // Programs and files that are not there were told when the files were read.
            Obstacle::Missing(at) => (used.what == What::Directory).then(|| {
                let message = format!("the directory {shown} is not there: {} is missing", at.display());
                Diagnostic::warning(&used.place, format!("{message}; it is looked up again at each call"))
            }),
            Obstacle::Denied(at, right) => {
                let letter = right.letter();
                let needed = if *at == used.path && is_script(used) { "rx".to_owned() } else { letter.to_string() };
                let (owned, mend) = match ownership(at) {
                    Some((uid, gid, mode)) => {
                        let (user, group) = names_of(uid, gid);
                        let mend = self.mend(used, at, &needed, (uid, gid), &group);
                        (format!(" ({user}:{group} {mode:04o})"), mend)
                    }
                    None => (String::new(), format!("chmod o+{needed} {}", at.display())),
                };
                let message =
                    format!("the user {who} can't {verb} {shown}: it has no {letter} on {}{owned}", at.display());
                let severity = if used.what == What::File { Severity::Error } else { Severity::Warning };
                Some(Diagnostic { severity, ..Diagnostic::error(&used.place, message) }.help(mend))
            }
        }
    }

    /// The command that gives the right, to no more people than needed.
    fn mend(&self, used: &Use, at: &Path, letter: &str, (uid, gid): (u32, u32), group: &str) -> String {
        let (who, shown) = (&self.person.name, at.display());
        let person = &self.person;
        if uid == person.identity.uid {
            return format!("chmod u+{letter} {shown}");
        }
        if gid == person.identity.gid || person.groups.contains(&gid) {
            return format!("chmod g+{letter} {shown}");
        }
        if self.unit.as_ref().is_some_and(Unit::has_dynamic_user) {
            return match used.what {
                What::File if at == used.path => format!(
                    "LoadCredential=NAME:{shown} in the unit and {{\"credential\": \"NAME\"}} here; or chmod g+{letter} {shown} and SupplementaryGroups={group} in the unit"
                ),
                _ => format!(
                    "chmod g+{letter} {shown} and SupplementaryGroups={group} in the unit; or chmod o+{letter} {shown}"
                ),
            };
        }
        let own_group = names_of(person.identity.uid, person.identity.gid).1;
        match used.what {
            What::File if at == used.path => {
                format!("chgrp {own_group} {shown} && chmod g+{letter} {shown}; or setfacl -m u:{who}:{letter} {shown}")
            }
            _ => format!("setfacl -m u:{who}:{letter} {shown}; or chmod o+{letter} {shown}"),
        }
    }
}

fn named(name: &str) -> anyhow::Result<Option<Person>> {
    Person::named(name).map_err(anyhow::Error::msg)
}

/// As whom a unit runs. A user that is made for the run may not be there yet.
fn person_of(unit: &Unit) -> anyhow::Result<Person> {
    let own_name = unit.name.trim_end_matches(".service");
    match (unit.value("User"), unit.has_dynamic_user()) {
        (None, false) => named("0")?.context("there is no user root"),
        (Some(name), false) => {
            named(name)?.with_context(|| format!("{} runs as {name}, and there is no such user", unit.name))
        }
        (name, true) => {
            let name = name.unwrap_or(own_name);
            Ok(named(name)?.unwrap_or_else(|| Person::to_come(name)))
        }
    }
}

/// Whether it is a program that the kernel hands to an interpreter, which has to read it.
fn is_script(used: &Use) -> bool {
    let mut head = [0; 2];
    let mut read = || File::open(&used.path)?.read_exact(&mut head);
    used.what == What::Program && read().is_ok() && &head == b"#!"
}
