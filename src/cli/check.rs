//! Tell everything that is wrong with the files.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::compat::{Checked, touched};
use super::exit::Exit;
use super::flags::CheckArgs;
use super::state;
use crate::app::settings::DEFAULT_HOOKS;
use crate::config::load::{Loader, Sources};

/// Reads and compiles the files as the daemon would, and prints what it finds.
pub(super) fn check(args: CheckArgs) -> anyhow::Result<Exit> {
    let mut named: Vec<PathBuf> = args.files.into_iter().map(PathBuf::from).collect();
    if named.is_empty() {
        named.push(DEFAULT_HOOKS.into());
    }
    let state = state::directory(args.state_dir, "secrets");
    let mut loader = Loader::new(Sources { named, template: args.template, state, ..Sources::default() });
    let compiled = loader.start();
    let findings = compiled.all_findings();
    let mut stdout = std::io::stdout();
    let color = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for finding in &findings {
        writeln!(text, "{}\n", finding.rendered(color))?;
    }
    if args.compat {
        let touched = touched(&Checked::of(loader.texts(), &compiled));
        for difference in &touched {
            writeln!(text, "{difference}")?;
        }
        let all = counted(touched.len(), "difference");
        writeln!(text, "{all} from adnanh/webhook; the README has all rows, also those that no file shows\n")?;
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    let config = &compiled.config;
    writeln!(
        text,
        "{}, {}, {}: {}, {}",
        counted(config.hooks.len(), "hook"),
        counted(config.account_directory.len(), "account"),
        counted(config.directory.contacts.len(), "contact"),
        counted(errors, "error"),
        counted(warnings, "warning")
    )?;
    // A reader that has seen enough is no trouble.
    stdout.write_all(text.as_bytes()).ok();
    let found = errors > 0 || (args.strict && warnings > 0);
    Ok(if found { Exit::Trouble } else { Exit::Fine })
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
