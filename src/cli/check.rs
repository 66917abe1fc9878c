//! Tell everything that is wrong with the files, and with what they need of this host and of providers.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use access::Service;
use online::Asked;

use super::compat::{Checked, touched};
use super::exit::Exit;
use super::flags::check::CheckArgs;
use super::state;
use crate::app::settings::DEFAULT_HOOKS;
use crate::config::compile::Compiled;
use crate::config::load::{Loader, Sources};
use crate::diagnostic::Diagnostic;

mod access;
mod json;
mod online;

/// Everything that was found.
struct Report<'c> {
    compiled: &'c Compiled,
    /// In the order of files and lines, each with the id of its hook.
    findings: Vec<(Option<String>, Diagnostic)>,
    /// What differs from adnanh/webhook, where that was asked.
    differences: Option<Vec<String>>,
    /// What providers say, where they were asked.
    asked: Option<Vec<Asked>>,
    /// As whom files were judged.
    user: String,
    /// The unit whose sandbox was judged.
    unit: Option<String>,
}

/// Reads and compiles the files as the daemon would, looks at what they need, and prints what it finds.
pub(super) fn check(args: CheckArgs) -> anyhow::Result<Exit> {
    let mut named: Vec<PathBuf> = args.files.iter().map(PathBuf::from).collect();
    if named.is_empty() {
        named.push(DEFAULT_HOOKS.into());
    }
    let service = Service::of(&args)?;
    let state = state::directory(args.state_dir.clone(), "secrets");
    let mut loader = Loader::new(Sources { named, template: args.template, state, ..Sources::default() });
    let compiled = loader.start();
    let texts = loader.texts();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (more, asked) = runtime.block_on(async {
        let mut more = service.findings(&texts, &compiled.config).await?;
        let mut asked = None;
        if args.online {
            let (answers, findings) = online::ask(&compiled).await;
            more.extend(findings);
            asked = Some(answers);
        }
        anyhow::Ok((more, asked))
    })?;
    let differences = args.compat.then(|| touched(&Checked::of(texts, &compiled)));
    let report = Report {
        findings: sorted(&compiled, more),
        compiled: &compiled,
        differences: differences.map(|all| all.iter().map(ToString::to_string).collect()),
        asked,
        user: service.person.name,
        unit: service.unit.map(|unit| unit.name),
    };
    let text = if args.json { format!("{:#}\n", json::json(&report)) } else { report.text()? };
    // A reader that has seen enough is no trouble.
    std::io::stdout().write_all(text.as_bytes()).ok();
    let found = report.errors() > 0 || (args.strict && report.warnings() > 0);
    Ok(if found { Exit::Trouble } else { Exit::Fine })
}

/// All findings in the order of files and lines.
fn sorted(compiled: &Compiled, more: Vec<Diagnostic>) -> Vec<(Option<String>, Diagnostic)> {
    let of_hooks =
        compiled.hook_findings.iter().flat_map(|(id, findings)| findings.iter().map(move |one| (Some(id), one)));
    let all = compiled.findings.iter().map(|one| (None, one)).chain(of_hooks);
    let mut all: Vec<_> = all.map(|(id, one)| (id.map(ToString::to_string), one.clone())).collect();
    all.extend(more.into_iter().map(|one| (compiled.hook_at(&one), one)));
    all.sort_by_key(|(_, finding)| finding.place.as_ref().map(|place| (place.source.path.clone(), place.span.start)));
    all
}

impl Report<'_> {
    fn errors(&self) -> usize {
        self.findings.iter().filter(|(_, finding)| finding.is_error()).count()
    }

    fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    /// For people.
    fn text(&self) -> anyhow::Result<String> {
        let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut text = String::new();
        for (_, finding) in &self.findings {
            writeln!(text, "{}\n", finding.rendered(color))?;
        }
        for Asked { account, provider, says, .. } in self.asked.iter().flatten().filter(|asked| asked.works) {
            writeln!(text, "{account} ({provider}): {says}")?;
        }
        if let Some(differences) = &self.differences {
            for difference in differences {
                writeln!(text, "{difference}")?;
            }
            let all = counted(differences.len(), "difference");
            writeln!(text, "{all} from adnanh/webhook; the README has all rows, also those that no file shows\n")?;
        }
        let config = &self.compiled.config;
        writeln!(
            text,
            "{}, {}, {}: {}, {}",
            counted(config.hooks.len(), "hook"),
            counted(config.account_directory.len(), "account"),
            counted(config.directory.contacts.len(), "contact"),
            counted(self.errors(), "error"),
            counted(self.warnings(), "warning")
        )?;
        Ok(text)
    }
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
