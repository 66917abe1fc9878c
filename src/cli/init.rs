//! A first hooks file, and the next three commands.

use std::ffi::OsStr;
use std::fmt;
use std::fs::Permissions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::exit::{Exit, say};
use super::flags::first::InitArgs;
use super::fresh;
use super::quote::quoted;
use crate::app::settings::{DEFAULT_HOOKS, DEFAULT_PORT, DEFAULT_STATE_DIR, DEFAULT_URL_PREFIX};
use crate::process::look_path;

/// What is written. It holds no secret: the token is made by the daemon.
const FIRST: &str = include_str!("init/hooks.json");
/// Its hook.
const HOOK: &str = "alarm";
/// Where the service of systemd/hookbell.service has its files.
const SERVICE_FOLDER: &str = "/etc/hookbell";
/// Where it keeps its state.
const SERVICE_STATE: &str = "/var/lib/hookbell";
/// The user and group of that service.
const SERVICE: &str = "hookbell";
/// Where units are installed.
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// What a file's name ends with; another name is a folder's.
const ENDINGS: [&str; 4] = ["json", "yaml", "yml", "conf"];

/// Writes the file, and says what to do next.
pub(super) fn init(args: InitArgs) -> anyhow::Result<Exit> {
    let here = std::env::current_dir().context("can't tell the current folder")?;
    let file = here.join(target(args.target.map(PathBuf::from).unwrap_or_default()));
    let folder = file.parent().unwrap_or(Path::new("/"));
    let root = rustix::process::geteuid().is_root();
    make(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let folder = folder.canonicalize().with_context(|| format!("can't enter {}", folder.display()))?;
    let file = folder.join(file.file_name().unwrap_or(OsStr::new(DEFAULT_HOOKS)));
    let for_service = root && folder.starts_with(SERVICE_FOLDER);
    let access = match for_service {
        true => Access::of_service(group(&std::fs::read_to_string("/etc/group").unwrap_or_default(), SERVICE)),
        false => Access::Owner,
    };
    if let Err(error) = fresh::write_for(&file, FIRST, access.mode(), access.group()) {
        if error.kind() == ErrorKind::AlreadyExists {
            say(&there(&file));
            return Ok(Exit::Trouble);
        }
        let again = if root { "" } else { "; is this root's? then sudo hookbell init" };
        bail!("can't write {}: {error}{again}", file.display());
    }
    let unit = UNITS.iter().any(|units| Path::new(units).join("hookbell.service").exists());
    let by_systemd = for_service && unit && file == Path::new(SERVICE_FOLDER).join(DEFAULT_HOOKS);
    let state = match (by_systemd, for_service) {
        (true, _) => None,
        (false, true) => Some(PathBuf::from(SERVICE_STATE)),
        (false, false) => Some(folder.join(DEFAULT_STATE_DIR)),
    };
    let written = Written { file, state, access, program: program() };
    write!(std::io::stdout(), "{written}").ok();
    Ok(Exit::Fine)
}

/// The file that is meant: a folder means `hooks.json` in it.
fn target(given: PathBuf) -> PathBuf {
    let is_file = given.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
    if is_file && !given.is_dir() { given } else { given.join(DEFAULT_HOOKS) }
}

/// Makes a folder, and those above it; the service's user can enter its own, whatever the umask.
fn make(folder: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    for folder in missing.into_iter().rev() {
        std::fs::create_dir(folder)?;
        if folder.starts_with(SERVICE_FOLDER) {
            std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
    }
    Ok(())
}

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Whoever wrote it, and that one's group.
    Owner,
    /// Root, and this group.
    Group(u32),
    /// Everybody: the service's user exists only while the service runs, so nobody else can be named.
    All,
}

impl Access {
    fn of_service(group: Option<u32>) -> Access {
        group.map_or(Access::All, Access::Group)
    }

    fn group(self) -> Option<u32> {
        if let Access::Group(group) = self { Some(group) } else { None }
    }

    fn mode(self) -> u32 {
        if self == Access::All { 0o644 } else { 0o640 }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Access::Owner => f.write_str("0640"),
            Access::Group(_) => write!(f, "0640, for root and the group {SERVICE}"),
            Access::All => f.write_str("0644: keep secrets out of it, in credentials"),
        }
    }
}

/// A group's number, from the text of `/etc/group`.
fn group(groups: &str, name: &str) -> Option<u32> {
    let mut fields = groups.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
    fields.nth(2)?.parse().ok()
}

/// What to say of a file that is there already.
fn there(file: &Path) -> String {
    let [name, check] = [file.display().to_string(), quoted(&file.to_string_lossy())];
    format!(
        "hookbell init: {name} is there already and stays as it is\n  \
         to see what is wrong with it:  hookbell check {check}\n  \
         for a fresh one beside it:     hookbell init {}",
        quoted(&file.with_file_name("first.json").to_string_lossy())
    )
}

/// How to call us from any folder.
fn program() -> String {
    let own = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    let found =
        look_path("hookbell", std::env::var_os("PATH").as_deref()).ok().and_then(|path| path.canonicalize().ok());
    if found.as_deref() == Some(&own) || own.as_os_str().is_empty() {
        return "hookbell".to_owned();
    }
    quoted(&own.to_string_lossy())
}

/// What was written, and for whom.
struct Written {
    file: PathBuf,
    /// Where a daemon keeps its state that is started by hand; `None`: systemd starts it.
    state: Option<PathBuf>,
    access: Access,
    program: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Written { file, state, access, program } = self;
        let name = quoted(&file.to_string_lossy());
        writeln!(f, "wrote {} ({access})\n", file.display())?;
        let state = state.as_ref().map(|state| format!(" -state-dir {}", quoted(&state.to_string_lossy())));
        match &state {
            Some(state) => writeln!(f, "1. Start it:\n     {program} -hooks {name}{state}")?,
            None => writeln!(f, "1. Start it:\n     systemctl enable --now hookbell")?,
        }
        let bell = if state.is_some() { "in another terminal" } else { "the bell is in journalctl -u hookbell" };
        let state = state.unwrap_or_default();
        writeln!(
            f,
            "2. Ring ({bell}):\n     \
             {program} token -header{state} {HOOK} | curl -fsS --retry 5 --retry-connrefused --max-time 20 \
             -H @- --data-urlencode \"msg=hello\" http://127.0.0.1:{DEFAULT_PORT}/{DEFAULT_URL_PREFIX}/{HOOK}"
        )?;
        writeln!(
            f,
            "3. Put a real account into \"accounts\" of that file, and its name into \"via\". Then:\n     {program} check{state} {name}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_an_ending_is_a_folder() {
        for (given, meant) in [
            ("", "hooks.json"),
            ("bell", "bell/hooks.json"),
            ("bell/", "bell/hooks.json"),
            ("/etc/hookbell.d", "/etc/hookbell.d/hooks.json"),
            ("/etc/webhook.conf", "/etc/webhook.conf"),
            ("a/b.yaml", "a/b.yaml"),
        ] {
            assert_eq!(target(given.into()), Path::new(meant), "{given:?}");
        }
    }

    #[test]
    fn the_group_of_the_service_is_looked_up() {
        let groups = "root:x:0:\nhookbells:x:1:\nhookbell:x:997:ivan\nbroken:x";
        assert_eq!((group(groups, "hookbell"), group(groups, "broken"), group("", "root")), (Some(997), None, None));
        assert_eq!(Access::of_service(Some(997)).mode(), 0o640);
        // Without a group nobody but root could read 0640.
        assert_eq!(Access::of_service(None).mode(), 0o644);
    }

    #[test]
    fn under_systemd_the_commands_are_the_service_s() {
        let file = PathBuf::from("/etc/hookbell/hooks.json");
        let written = Written { file, state: None, access: Access::Group(997), program: "hookbell".into() };
        let text = written.to_string();
        let commands: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("     ")).collect();
        let [start, ring, check] = commands[..] else { panic!("{text}") };
        assert_eq!(start, "systemctl enable --now hookbell");
        assert!(
            ring.starts_with("hookbell token -header alarm | curl ") && ring.ends_with(":9000/hooks/alarm"),
            "{ring}"
        );
        assert_eq!(check, "hookbell check /etc/hookbell/hooks.json");
        assert!(text.starts_with("wrote /etc/hookbell/hooks.json (0640, for root and the group hookbell)\n"), "{text}");
    }

    #[test]
    fn a_home_with_a_blank_in_its_name_is_quoted() {
        let [file, state] = ["/home/a b/hooks.json", "/home/a b/hookbell-state"].map(PathBuf::from);
        let written = Written { file, state: Some(state), access: Access::Owner, program: "hookbell".into() };
        assert!(
            written
                .to_string()
                .contains("hookbell -hooks '/home/a b/hooks.json' -state-dir '/home/a b/hookbell-state'\n")
        );
    }
}
