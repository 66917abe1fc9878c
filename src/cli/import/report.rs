//! What an import says to a person: the command line, the drop-ins, and what became of the rest.

use std::fmt;

use super::access::{Access, Line};
use super::translation::{Remark, Weight};

/// Everything but the hooks file.
pub(super) struct Report {
    /// The daemon's command line.
    pub command: String,
    /// The file of the unit that is replaced, if it was one.
    pub old: Option<String>,
    /// What it needs of systemd.
    pub access: Access,
    /// What is to be said.
    pub remarks: Vec<Remark>,
}

/// The headings, and what stands under each.
const HEADINGS: [(Weight, &str); 3] = [
    (Weight::Covered, "hookbell does this by itself"),
    (Weight::Differs, "not quite as before"),
    (Weight::Left, "NOT TRANSLATED"),
];

/// A drop-in as text, each reason once above its lines.
pub(super) fn drop_in(lines: &[Line]) -> String {
    let mut text = String::new();
    for section in ["Unit", "Socket", "Service"] {
        let mut said = "";
        for (at, line) in lines.iter().filter(|line| line.section == section).enumerate() {
            if at == 0 {
                text += &format!("{}[{section}]\n", if text.is_empty() { "" } else { "\n" });
            }
            if !line.reason.is_empty() && line.reason != said {
                said = &line.reason;
                text += &format!("# {}\n", line.reason.replace('\n', " "));
            }
            text += &format!("{}\n", line.text.replace('\n', " "));
        }
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\ncommand line\n  {}", self.command)?;
        for (unit, lines) in [("hookbell.service", &self.access.service), ("hookbell.socket", &self.access.socket)] {
            if !lines.is_empty() {
                writeln!(f, "\nunit: systemctl edit {unit}")?;
                for line in drop_in(lines).lines() {
                    writeln!(f, "{}{line}", if line.is_empty() { "" } else { "  " })?;
                }
            }
        }
        if self.access.service.is_empty() {
            writeln!(f, "\nunit: hookbell.service does as it is")?;
        }
        for (weight, heading) in HEADINGS {
            let mut remarks = self.remarks.iter().filter(|remark| remark.weight == weight).peekable();
            if remarks.peek().is_some() {
                writeln!(f, "\n{heading}")?;
            }
            for Remark { place, what, advice, .. } in remarks {
                writeln!(f, "  {place}: {what}")?;
                if !advice.is_empty() {
                    writeln!(f, "      {advice}")?;
                }
            }
        }
        let old = self.old.as_deref().map(|old| old.rsplit('/').next().unwrap_or(old));
        let stop = old.map(|unit| format!("systemctl disable --now {unit} && ")).unwrap_or_default();
        writeln!(f, "\nnext: look hooks.json over, and put it into /etc/hookbell")?;
        writeln!(f, "  hookbell check /etc/hookbell/hooks.json")?;
        // The socket first: whoever calls would start the service again.
        writeln!(
            f,
            "  {stop}systemctl stop hookbell.socket hookbell && systemctl enable --now hookbell.socket hookbell"
        )
    }
}
