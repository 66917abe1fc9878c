//! Print a generated secret.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::exit::{Exit, say};
use super::flags::TokenArgs;
use super::state;
use crate::secret::Secret;

/// Prints the secret that the daemon made under this name.
pub(super) fn token(args: TokenArgs) -> anyhow::Result<Exit> {
    let secret = generated(&args.name, args.state_dir)?;
    let head = if args.header { "Authorization: Bearer " } else { "" };
    writeln!(std::io::stdout(), "{head}{}", secret.expose())?;
    Ok(Exit::Fine)
}

/// The secret that the daemon made under this name. It is told where it was found.
///
/// # Errors
/// There is none, or it can't be read.
pub(super) fn generated(name: &str, state_dir: Option<OsString>) -> anyhow::Result<Secret> {
    anyhow::ensure!(
        !name.is_empty() && !name.contains('/') && !name.starts_with('.'),
        "{name:?} can't be a secret's name: no slash, no leading dot"
    );
    let inside = Path::new("secrets").join(name);
    let given = state_dir.clone().map(std::path::PathBuf::from);
    let folder = state::directory(state_dir, &inside.to_string_lossy()).with_context(|| {
        let looked = state::looked_at(given.as_deref());
        format!("no secret {name:?} in {looked}: the daemon makes it when it first loads a file that names it")
    })?;
    let path = folder.join(inside);
    let secret = std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    say(&format!("from {}", path.display()));
    Ok(Secret::new(secret.trim_end()))
}
