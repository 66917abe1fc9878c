//! Print a generated secret.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::exit::{Exit, say};
use super::flags::TokenArgs;
use super::state;

/// Prints the secret that the daemon made under this name.
pub(super) fn token(args: TokenArgs) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !args.name.is_empty() && !args.name.contains('/') && !args.name.starts_with('.'),
        "{:?} can't be a secret's name: no slash, no leading dot",
        args.name
    );
    let inside = Path::new("secrets").join(&args.name);
    let given = args.state_dir.clone().map(std::path::PathBuf::from);
    let folder = state::directory(args.state_dir, &inside.to_string_lossy()).with_context(|| {
        let looked = state::looked_at(given.as_deref());
        format!("no secret {:?} in {looked}: the daemon makes it when it first loads a file that names it", args.name)
    })?;
    let path = folder.join(inside);
    let secret = std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    say(&format!("from {}", path.display()));
    let head = if args.header { "Authorization: Bearer " } else { "" };
    writeln!(std::io::stdout(), "{head}{}", secret.trim_end())?;
    Ok(Exit::Fine)
}
