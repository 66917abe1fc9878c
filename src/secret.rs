//! Secrets that print as a mask, and the surroundings that a configuration takes values from.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq as _;

/// A text that must not be seen: it prints as a mask everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text into custody.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. Named so that a search for it lists every use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `candidate` is this secret, in a time that tells nothing but its length.
    pub fn matches(&self, candidate: impl AsRef<[u8]>) -> bool {
        bool::from(self.0.as_bytes().ct_eq(candidate.as_ref()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The keys that say where a secret is.
pub const SECRET_SOURCES: [&str; 4] = ["env", "file", "credential", "generated"];

/// How a file says where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// It stands in the file itself.
    Literal(Secret),
    /// `{"env": NAME}`: an environment variable.
    Env(String),
    /// `{"file": PATH}`: a file's content without its last line break.
    File(PathBuf),
    /// `{"credential": NAME}`: a file of systemd's credentials directory.
    Credential(String),
    /// `{"generated": NAME}`: made at first use and kept in the state directory.
    Generated(String),
}

/// What a configuration refers to outside of its own text: files, environment, credentials, generated secrets.
/// It remembers every file it was asked for, so that a change of one is a change of the configuration.
#[derive(Default)]
pub struct Surroundings {
    /// `$CREDENTIALS_DIRECTORY`, where systemd put credentials.
    pub credentials: Option<PathBuf>,
    /// The state directory, for generated secrets.
    pub state: Option<PathBuf>,
    /// Whether a missing generated secret is made and kept; if not, it is made up for this run only.
    pub may_generate: bool,
    seen: BTreeMap<PathBuf, Result<String, String>>,
    given: Vec<Secret>,
}

impl Surroundings {
    /// The surroundings of this process, with generated secrets in `state`.
    pub fn of_process(state: Option<PathBuf>, may_generate: bool) -> Surroundings {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Surroundings { credentials, state, may_generate, ..Surroundings::default() }
    }

    /// A file's text. The error says what is wrong and names the file.
    pub fn file(&mut self, path: &Path) -> Result<String, String> {
        let read = || {
            let text = read_regular(path)
                .and_then(|bytes| String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is not UTF-8")));
            text.map_err(|e| format!("can't read {}: {e}", path.display()))
        };
        self.seen.entry(path.to_owned()).or_insert_with(read).clone()
    }

    /// Every file that was asked for, with what was found there.
    pub fn seen(&self) -> impl Iterator<Item = (&Path, &Result<String, String>)> {
        self.seen.iter().map(|(path, found)| (path.as_path(), found))
    }

    /// The secret that `reference` means. The error says why there is none.
    pub fn secret(&mut self, reference: &SecretRef) -> Result<Secret, String> {
        let text = match reference {
            SecretRef::Literal(secret) => secret.expose().to_owned(),
            SecretRef::Env(name) => std::env::var(name)
                .map_err(|_| format!("the environment variable {name} is not set (or is not UTF-8)"))?,
            SecretRef::File(path) => without_line_end(self.file(path)?),
            SecretRef::Credential(name) => self.credential(name)?,
            SecretRef::Generated(name) => self.generated(name)?,
        };
        if text.is_empty() {
            return Err("the secret is empty".to_owned());
        }
        self.given.push(Secret(text.clone()));
        Ok(Secret(text))
    }

    /// Every secret that was asked for, in that order.
    pub fn given(&self) -> &[Secret] {
        &self.given
    }

    fn credential(&mut self, name: &str) -> Result<String, String> {
        plain_file_name(name)?;
        let Some(folder) = &self.credentials else {
            return Err(format!(
                "there is no $CREDENTIALS_DIRECTORY: add LoadCredential={name}:PATH to the unit, or set it to a folder that has a file {name}"
            ));
        };
        let path = folder.join(name);
        self.file(&path).map(without_line_end)
    }

    fn generated(&mut self, name: &str) -> Result<String, String> {
        plain_file_name(name)?;
        let Some(state) = &self.state else { return random_token() };
        let folder = state.join("secrets");
        let path = folder.join(name);
        if !path.exists() {
            if !self.may_generate {
                return random_token();
            }
            keep_new_token(&folder, &path)?;
        }
        self.file(&path).map(without_line_end)
    }
}

/// Makes a token and keeps it at `path`, readable by its owner only; a token that is already there stays.
fn keep_new_token(folder: &Path, path: &Path) -> Result<(), String> {
    let trouble = |e: std::io::Error| format!("can't keep a generated secret at {}: {e}", path.display());
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(trouble)?;
    // Written aside and linked into place, so that a half-written secret is never seen under its name.
    let aside = folder.join(format!(".new-{}", random_token()?));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(trouble)?;
    writeln!(file, "{}", random_token()?).and_then(|()| file.sync_all()).map_err(trouble)?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside).map_err(trouble)?;
    match linked {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(trouble(e)),
        _ => Ok(()),
    }
}

/// 128 random bits as 26 letters and digits that survive URLs, shells and being read out.
fn random_token() -> Result<String, String> {
    let mut bits = [0u8; 16];
    getrandom::fill(&mut bits).map_err(|e| format!("the system gives no random bytes: {e}"))?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bits).to_lowercase())
}

/// The largest file that is read, in bytes: 20 times the longest hooks file that anybody has.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// A regular file's content. A pipe would wait for a writer for ever, and a device has no end.
pub fn read_regular(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    if found.len() > MAX_FILE {
        return Err(std::io::Error::other(format!("it has more than {} MiB", MAX_FILE >> 20)));
    }
    fs::read(path)
}

fn without_line_end(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

fn plain_file_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.starts_with('.') || name.contains('/') {
        return Err(format!("\"{name}\" can't be a file's name: no slash, no leading dot"));
    }
    Ok(())
}
