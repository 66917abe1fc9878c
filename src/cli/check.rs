//! Tell everything that is wrong with the files, and with what they need of this host and of providers.

use std::io::Write as _;
use std::path::PathBuf;

use access::Service;
use report::Report;

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
mod report;

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
