//! What an import prints is what the daemon takes: it is compiled here, and what the full form refuses is told and left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::json::Json;
use super::translation::Translation;
use crate::config::compile::compile;
use crate::diagnostic::{Diagnostic, Source};
use crate::hook::Known;
use crate::secret::Surroundings;

/// What stands for a secret that only the service can read.
const SOME_SECRET: &str = "some secret";

/// Leaves out what can't be loaded, and tells what is doubtful.
pub(super) fn prove(translation: &mut Translation) {
    // What refers to what is left out falls in the next round.
    loop {
        let text = without_references(&translation.file()).file();
        let compiled =
            compile(&[Arc::new(Source::new("hooks.json", text))], Known::default(), &mut Surroundings::default());
        let findings: Vec<Diagnostic> = compiled.all_findings().into_iter().cloned().collect();
        let errors = findings.iter().filter(|finding| finding.is_error());
        let mut broken: BTreeMap<usize, &Diagnostic> = BTreeMap::new();
        for (at, finding) in errors.filter_map(|finding| Some((index(finding)?, finding))) {
            if at < translation.hooks.len() {
                broken.entry(at).or_insert(finding);
            }
        }
        if broken.is_empty() {
            return doubts(&findings, translation);
        }
        for (at, finding) in broken.into_iter().rev() {
            let (place, hook) = translation.hooks.remove(at);
            let what = format!("hook \"{}\" is left out: {}", id(&hook), finding.message);
            let advice =
                finding.help.as_deref().unwrap_or("mend it there, and import again; webhook fails at each call");
            translation.left(&place, what, advice);
        }
    }
}

fn doubts(findings: &[Diagnostic], translation: &mut Translation) {
    for finding in findings {
        let hook = index(finding).and_then(|at| translation.hooks.get(at)).cloned();
        let place = hook.as_ref().map_or_else(String::new, |(place, hook)| format!("{place}: hook \"{}\"", id(hook)));
        let help = finding.help.clone().unwrap_or_default();
        match finding.is_error() {
            true => translation.left(&place, finding.message.clone(), help),
            false => translation.differs(&place, finding.message.clone(), help),
        }
    }
}

fn id(hook: &Json) -> String {
    hook.get("id").and_then(Json::as_text).unwrap_or_default().to_owned()
}

/// The hook that a finding is about: `hooks[2].send.to` is of the third.
fn index(finding: &Diagnostic) -> Option<usize> {
    let path = finding.place.as_ref()?.path.to_string();
    path.strip_prefix("hooks[")?.split(']').next()?.parse().ok()
}

/// The same with texts for secrets: whether they can be had is the service's matter.
fn without_references(json: &Json) -> Json {
    match json {
        Json::Object(entries) => match &entries[..] {
            [(key, Json::Text(_))] if matches!(key.as_str(), "env" | "file" | "credential") => Json::text(SOME_SECRET),
            entries => {
                Json::Object(entries.iter().map(|(key, value)| (key.clone(), without_references(value))).collect())
            }
        },
        Json::List(elements) => Json::List(elements.iter().map(without_references).collect()),
        other => other.clone(),
    }
}
