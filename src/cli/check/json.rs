//! What was found, as JSON for other programs. Keys are added to it, never renamed or removed.

use serde_json::{Value, json};

use super::online::Asked;
use super::report::Report;
use crate::diagnostic::{Crumb, Diagnostic, Severity, meant};

/// The whole report.
pub(super) fn json(report: &Report<'_>) -> Value {
    let config = &report.compiled.config;
    let findings: Vec<_> = report.findings.iter().map(|(hook, finding)| of_finding(hook.as_deref(), finding)).collect();
    let mut all = json!({
        "findings": findings,
        "hooks": config.hooks.len(),
        "accounts": config.account_directory.len(),
        "contacts": config.directory.contacts.len(),
        "errors": report.errors(),
        "warnings": report.warnings(),
        "user": report.user,
        "unit": report.unit,
    });
    if let Some(differences) = &report.differences {
        all["differences"] = json!(differences);
    }
    if let Some(asked) = &report.asked {
        let one = |asked: &Asked| {
            json!({
                "account": asked.account.as_str(),
                "provider": asked.provider,
                "works": asked.works,
                "says": asked.says,
            })
        };
        all["online"] = asked.iter().map(one).collect();
    }
    all
}

fn of_finding(hook: Option<&str>, finding: &Diagnostic) -> Value {
    let place = finding.place.as_ref();
    let (line, column) = place.map(|place| place.line_column()).unzip();
    let path = finding.shown_path();
    let account = place.and_then(|place| match place.path.crumbs().as_slice() {
        [Crumb::Key(section), Crumb::Key(account), ..] if &**section == "accounts" => Some(account.to_string()),
        _ => None,
    });
    let help = finding.shown_help();
    json!({
        "severity": if finding.severity == Severity::Error { "error" } else { "warning" },
        "message": finding.shown_message(),
        "help": help,
        "did-you-mean": help.as_deref().and_then(meant),
        "file": place.map(|place| place.source.path.to_string_lossy()),
        "line": line,
        "column": column,
        "path": path,
        "hook": hook,
        "account": account,
    })
}
