//! Everything that a check found, and how people are told.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use super::online::Asked;
use crate::config::compile::Compiled;
use crate::diagnostic::Diagnostic;

/// Everything that was found.
pub(super) struct Report<'c> {
    pub(super) compiled: &'c Compiled,
    /// In the order of files and lines, each with the id of its hook.
    pub(super) findings: Vec<(Option<String>, Diagnostic)>,
    /// What differs from adnanh/webhook, where that was asked.
    pub(super) differences: Option<Vec<String>>,
    /// What providers say, where they were asked.
    pub(super) asked: Option<Vec<Asked>>,
    /// As whom files were judged.
    pub(super) user: String,
    /// The unit whose sandbox was judged.
    pub(super) unit: Option<String>,
}

impl Report<'_> {
    pub(super) fn errors(&self) -> usize {
        self.findings.iter().filter(|(_, finding)| finding.is_error()).count()
    }

    pub(super) fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    /// For people.
    pub(super) fn text(&self) -> anyhow::Result<String> {
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
