//! A unit of systemd: its text and drop-ins → what it starts, as whom, where, and with what around it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

pub(super) mod words;

use words::{Around, assignments, split};

/// Where units are, the strongest last.
const FOLDERS: [&str; 4] =
    ["/lib/systemd/system", "/usr/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system"];

/// One line `key=value`, continuation lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// Without brackets.
    pub section: String,
    /// What stands before the `=`.
    pub key: String,
    /// What stands behind it.
    pub value: String,
    /// File and line.
    pub place: String,
}

/// The lines of a unit and of its drop-ins, in the order in which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its file's name: `webhook.service`.
    pub name: String,
    /// Its lines.
    pub settings: Vec<Setting>,
}

/// A command that a unit starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Started {
    /// Its words, filled in.
    pub words: Vec<String>,
    /// The line.
    pub place: String,
    /// What could not be filled in, in words.
    pub unknown: Vec<String>,
}

/// Where a unit's file is: the path, or where units of that name are.
pub(super) fn find(named: &Path) -> PathBuf {
    let is_name = named.components().count() == 1 && named.extension().is_some_and(|ending| ending == "service");
    let installed = FOLDERS.iter().rev().map(|folder| Path::new(folder).join(named)).find(|file| file.is_file());
    installed.filter(|_| is_name && !named.exists()).unwrap_or_else(|| named.to_owned())
}

/// Whether a text is a unit's.
pub(super) fn is_unit(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "[Service]")
}

/// Reads a unit's drop-ins, too: those beside it, and of an installed one those in all folders of units.
pub(super) fn read(path: &Path, text: &str) -> anyhow::Result<Unit> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut unit = Unit { settings: parse(&path.to_string_lossy(), text), name };
    let drop_ins = format!("{}.d", unit.name);
    let beside = path.parent().unwrap_or(Path::new("")).join(&drop_ins);
    let installed = FOLDERS.iter().any(|folder| path.parent() == Some(Path::new(folder)));
    let folders = match installed {
        true => FOLDERS.iter().map(|folder| Path::new(folder).join(&drop_ins)).collect(),
        false => vec![beside],
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        // A file of the same name in a stronger folder takes the place of the other.
        for file in found.filter(|file| file.extension().is_some_and(|ending| ending == "conf")) {
            files.retain(|known| known.file_name() != file.file_name());
            files.push(file);
        }
    }
    files.sort_by_key(|file| file.file_name().map(ToOwned::to_owned));
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        unit.settings.extend(parse(&file.to_string_lossy(), &text));
    }
    Ok(unit)
}

/// The lines of a text. upstream: systemd.syntax(7).
pub(super) fn parse(path: &str, text: &str) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut section = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut whole = line.trim().to_owned();
        if whole.is_empty() || whole.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        while whole.ends_with('\\') {
            whole.pop();
            // A comment between continued lines is passed over.
            let next = lines.find(|(_, line)| !line.trim_start().starts_with(['#', ';']));
            whole = format!("{} {}", whole, next.map_or("", |(_, line)| line.trim()));
        }
        if let Some((key, value)) = whole.split_once('=') {
            let [key, value] = [key, value].map(|part| part.trim().to_owned());
            settings.push(Setting { section: section.clone(), key, value, place: format!("{path}:{}", number + 1) });
        }
    }
    settings
}

impl Unit {
    /// The lines of `key` that count: an empty one takes those before it away.
    pub(super) fn all<'u>(&'u self, key: &'u str) -> Vec<&'u Setting> {
        let mut counting: Vec<&Setting> = Vec::new();
        for setting in self.settings.iter().filter(|setting| setting.section == "Service" && setting.key == key) {
            match setting.value.is_empty() {
                true => counting.clear(),
                false => counting.push(setting),
            }
        }
        counting
    }

    /// The value of the last line of `key`.
    pub(super) fn last<'u>(&'u self, key: &'u str) -> Option<&'u Setting> {
        self.all(key).pop()
    }

    /// What the unit's lines are filled in with. Files that can't be read are told by their paths.
    pub(super) fn around(&self) -> (Around, Vec<(String, String)>) {
        let user = self.last("User").map(|setting| setting.value.clone());
        let mut around = Around::of_unit(&self.name, user.as_deref());
        let mut unread = Vec::new();
        for setting in self.all("Environment") {
            let (assigned, _) = assignments(&setting.value, &around);
            around.environment.extend(assigned);
        }
        for setting in self.all("EnvironmentFile") {
            let path = around.specifiers(setting.value.trim_start_matches('-')).0;
            match std::fs::read_to_string(&path) {
                Ok(text) => around.environment.extend(words::environment_file(&text)),
                Err(_) if setting.value.starts_with('-') => {}
                Err(error) => unread.push((setting.place.clone(), format!("{path} can't be read ({error})"))),
            }
        }
        (around, unread)
    }

    /// What `ExecStart=` starts, of several lines the last.
    pub(super) fn started(&self, around: &Around) -> Option<Started> {
        let setting = self.last("ExecStart")?;
        let (words, unknown) = split(&setting.value, around);
        Some(Started { words, place: setting.place.clone(), unknown })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_reset_and_counted() {
        let text = "# x\n[Unit]\nAfter=a\n[Service]\nExecStart=/bin/a \\\n  -b \\\n# between\n; too\n  c\n\
                    Environment=X=1\nEnvironment=\nEnvironment=Y=2 # no comment\n[Install]\nExecStart=/bin/no\n";
        let unit = Unit { name: "a.service".into(), settings: parse("a.service", text) };
        let started = unit.started(&unit.around().0).unwrap();
        assert_eq!((started.words.join("|").as_str(), started.place.as_str()), ("/bin/a|-b|c", "a.service:5"));
        assert_eq!(unit.around().0.environment, [("Y".to_owned(), "2".to_owned())]);
        assert_eq!(unit.settings[0].section, "Unit");
    }
}
