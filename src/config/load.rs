//! From files to a configuration: what is taken, what stays, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compile::{Compiled, compile};
use super::found::{Found, files_in, read};
use super::last_good;
use super::template::{Executed, suspect, unexecuted};
use crate::diagnostic::{Diagnostic, Severity, Source};
use crate::hook::{HookId, Known};
use crate::secret::Surroundings;

/// What a loader is told once.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `-hooks`: files and directories, in order.
    pub named: Vec<PathBuf>,
    /// `-http-methods`: for hooks that name none.
    pub methods: Option<Vec<String>>,
    /// `-max-multipart-mem`, in bytes.
    pub form_memory: Option<i64>,
    /// The state directory.
    pub state: Option<PathBuf>,
    /// `-template`: whether classic files are templates.
    pub template: bool,
    /// Whether generated secrets are made and last good copies used: not where files are only checked.
    pub serves: bool,
}

/// Reads files and remembers what was taken of them. One loader serves one process.
pub struct Loader {
    sources: Sources,
    /// The text last taken of each file.
    taken: BTreeMap<PathBuf, Arc<Source>>,
    quarantined: BTreeSet<HookId>,
    unparsed: BTreeSet<PathBuf>,
    /// Errors that the configuration in force lives with, so that they refuse nothing new.
    known: Vec<String>,
    /// A hash over all that was read by the last attempt.
    seen: u64,
    /// A hash over all that the configuration in force was made of.
    in_force: u64,
    files: BTreeSet<PathBuf>,
}

/// What a configuration was made of; `Loader::commit` makes it the one in force.
pub struct Basis {
    texts: Vec<Arc<Source>>,
    quarantined: BTreeSet<HookId>,
    unparsed: BTreeSet<PathBuf>,
    known: Vec<String>,
    hash: u64,
}

/// The result of reading the files again.
pub enum Reload {
    /// Nothing has changed since the last attempt.
    Unchanged,
    /// A new configuration. Findings may still tell of files whose new text was not taken.
    Taken(Box<Compiled>, Basis),
    /// The configuration in force stays; why.
    Refused(Vec<Diagnostic>),
}

impl Basis {
    fn of(texts: Vec<Arc<Source>>, compiled: &Compiled, hash: u64) -> Basis {
        let known = compiled.findings.iter().filter(|finding| finding.is_error()).map(identity).collect();
        let (quarantined, unparsed) = (compiled.quarantined(), compiled.unparsed.clone());
        Basis { texts, quarantined, unparsed, known, hash }
    }
}

impl Loader {
    /// A loader that has read nothing yet.
    pub fn new(sources: Sources) -> Loader {
        Loader {
            sources,
            taken: BTreeMap::new(),
            quarantined: BTreeSet::new(),
            unparsed: BTreeSet::new(),
            known: Vec::new(),
            seen: 0,
            in_force: 0,
            files: BTreeSet::new(),
        }
    }

    /// Every file that the configuration was read from, and those named in vain: all are worth watching.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.iter().cloned().collect()
    }

    /// The texts in force as they are read: of a template that fails, the template.
    pub fn texts(&self) -> Vec<Arc<Source>> {
        let taken: Vec<_> = self.taken.values().cloned().collect();
        if !self.sources.template {
            return taken;
        }
        let mut surroundings = Surroundings::of_process(None, false);
        let Executed { mut texts, failed, .. } = Executed::of(&taken, &mut surroundings);
        texts.extend(taken.into_iter().filter(|source| failed.contains(&source.path)));
        texts
    }

    /// The first load. What is broken is left out or quarantined; a file that can't be parsed is replaced by its last
    /// good copy. Everything that is wrong is among the findings.
    pub fn start(&mut self) -> Compiled {
        let mut findings = Vec::new();
        let mut unusable = Vec::new();
        let mut texts = Vec::new();
        let found = self.find();
        for empty in self.sources.named.iter().filter(|named| named.is_dir()) {
            if !found.iter().any(|(path, _)| path.starts_with(empty)) {
                let message = format!("no .json, .yaml or .yml file is in the directory {}", empty.display());
                findings.push(Diagnostic { severity: Severity::Warning, ..Diagnostic::without_place(message) });
            }
        }
        for (path, found) in found {
            match found {
                Found::Text(source) => texts.push(source),
                Found::Unusable(finding) => {
                    unusable.push(finding.clone());
                    findings.push(finding);
                    texts.extend(self.recalled(&path, &mut findings));
                }
            }
        }
        let (mut compiled, mut hash, mut files) = self.compile(&texts);
        let found = hash;
        let mut recalled = false;
        for text in texts.iter_mut().filter(|text| compiled.unparsed.contains(&text.path)) {
            if let Some(good) = self.recalled(&text.path, &mut findings) {
                let is_its = |finding: &&Diagnostic| file_of(finding).as_ref() == Some(&text.path);
                findings.extend(compiled.findings.iter().filter(is_its).cloned());
                *text = good;
                recalled = true;
            }
        }
        if recalled {
            let more;
            (compiled, hash, more) = self.compile(&texts);
            files.extend(more);
        }
        self.files = files;
        // As `again` will find it, so that it has no news where nothing changes.
        self.seen = seen(found, hash, &unusable);
        // Only with the mistakes of what is served: a text that a copy stands in for must not be taken later.
        self.commit(Basis::of(texts, &compiled, hash));
        findings.append(&mut compiled.findings);
        compiled.findings = findings;
        compiled
    }

    /// Reads everything again. `asked`: by a signal, which compiles also what seems unchanged, and lets go of files that
    /// are gone from a directory.
    pub fn again(&mut self, asked: bool) -> Reload {
        let mut refused = Vec::new();
        let mut candidates: Vec<(Arc<Source>, bool)> = Vec::new();
        let mut found = self.find();
        let present: BTreeSet<PathBuf> = found.iter().map(|(path, _)| path.clone()).collect();
        for (path, source) in self.taken.iter().filter(|(path, _)| !present.contains(*path)) {
            // What is in a directory that can't be read, nobody knows.
            let hidden =
                found.iter().any(|(place, found)| matches!(found, Found::Unusable(_)) && path.starts_with(place));
            if asked && !hidden {
                continue;
            }
            if !hidden {
                let why = format!("{} is gone; its hooks stay until SIGHUP", path.display());
                refused.push(Diagnostic::without_place(why));
            }
            found.push((path.clone(), Found::Text(source.clone())));
        }
        // In its old place: of an id in two files the first one serves.
        found.sort_by_cached_key(|(path, _)| {
            (self.sources.named.iter().position(|named| path.starts_with(named)), path.clone())
        });
        for (path, found) in found {
            match found {
                Found::Text(source) => {
                    let is_new = self.taken.get(&path).is_none_or(|taken| taken.text != source.text);
                    candidates.push((source, is_new));
                }
                Found::Unusable(finding) => {
                    refused.push(finding);
                    candidates.extend(self.taken.get(&path).map(|taken| (taken.clone(), false)));
                }
            }
        }
        let texts: Vec<_> = candidates.iter().map(|(source, _)| source.clone()).collect();
        let (compiled, found, files) = self.compile(&texts);
        self.files = files;
        let errors: Vec<_> = self.new_errors(&compiled).cloned().collect();
        let wrong: BTreeSet<PathBuf> = errors.iter().filter_map(file_of).collect();
        let falls_back = candidates.iter().any(|(source, is_new)| *is_new && wrong.contains(&source.path));
        // Files with new errors fall back to the text last taken; what is left is judged as one.
        let (texts, compiled, hash) = if falls_back {
            let texts = candidates.into_iter().filter_map(|(source, _)| {
                if wrong.contains(&source.path) { self.taken.get(&source.path).cloned() } else { Some(source) }
            });
            let texts: Vec<_> = texts.collect();
            let (compiled, hash, files) = self.compile(&texts);
            self.files.extend(files);
            (texts, compiled, hash)
        } else {
            (texts, compiled, found)
        };
        let seen = seen(found, hash, &refused);
        if seen == self.seen && !asked {
            return Reload::Unchanged;
        }
        self.seen = seen;
        if falls_back {
            refused.extend(errors);
        }
        self.accept(texts, compiled, hash, refused)
    }

    fn accept(
        &self,
        texts: Vec<Arc<Source>>,
        mut compiled: Compiled,
        hash: u64,
        mut refused: Vec<Diagnostic>,
    ) -> Reload {
        let errors: Vec<_> = self.new_errors(&compiled).cloned().collect();
        if !errors.is_empty() || (hash == self.in_force && !refused.is_empty()) {
            let told: BTreeSet<_> = refused.iter().map(ToString::to_string).collect();
            refused.extend(errors.into_iter().filter(|error| !told.contains(&error.to_string())));
            return Reload::Refused(refused);
        }
        let basis = Basis::of(texts, &compiled, hash);
        compiled.findings.splice(..0, refused);
        Reload::Taken(Box::new(compiled), basis)
    }

    /// Errors that the configuration in force does not already live with.
    fn new_errors<'c>(&self, compiled: &'c Compiled) -> impl Iterator<Item = &'c Diagnostic> {
        let in_hooks = compiled.hook_findings.iter().filter(|(id, _)| !self.quarantined.contains(*id));
        let all = compiled.findings.iter().chain(in_hooks.flat_map(|(_, findings)| findings));
        // Each known one excuses one: a second of the kind is new.
        let mut known = self.known.clone();
        all.filter(move |finding| {
            let old = known.iter().position(|known| finding.is_error() && *known == identity(finding));
            old.map(|at| known.swap_remove(at));
            finding.is_error() && old.is_none()
        })
    }

    /// Remembers what is in force from now on.
    pub fn commit(&mut self, basis: Basis) {
        let Basis { texts, quarantined, unparsed, known, hash } = basis;
        self.taken = texts.into_iter().map(|source| (source.path.clone(), source)).collect();
        (self.quarantined, self.unparsed, self.known, self.in_force) = (quarantined, unparsed, known, hash);
    }

    /// Keeps a copy of every text in force that can be parsed, where there is a state directory: a pure drop-in gets none.
    pub fn keep_copies(&self) {
        let Some(state) = self.sources.state.as_deref().filter(|state| state.is_dir()) else { return };
        for source in self.taken.values() {
            if self.unparsed.contains(&source.path) {
                continue;
            }
            if let Err(e) = last_good::keep(state, source) {
                tracing::warn!("no copy of {} could be kept in {}: {e}", source.path.display(), state.display());
            }
        }
    }

    /// The configuration that these texts make, a hash over all that it was made of, and the files worth watching.
    fn compile(&self, texts: &[Arc<Source>]) -> (Compiled, u64, BTreeSet<PathBuf>) {
        let mut surroundings = Surroundings::of_process(self.sources.state.clone(), self.sources.serves);
        let Executed { texts: rendered, findings, failed } = match self.sources.template {
            true => Executed::of(texts, &mut surroundings),
            false => Executed { texts: texts.to_vec(), ..Executed::default() },
        };
        let Sources { methods, form_memory, .. } = &self.sources;
        let told = Known { methods: methods.clone(), form_memory: *form_memory, ..Known::default() };
        let mut compiled = compile(&rendered, told, &mut surroundings);
        if !self.sources.template {
            suspect(&mut compiled.findings, &compiled.unparsed);
            let read = texts.iter().filter(|text| !compiled.unparsed.contains(&text.path));
            compiled.findings.extend(read.filter_map(unexecuted));
        }
        compiled.findings.splice(..0, findings);
        compiled.unparsed.extend(failed);
        let mut files: BTreeSet<PathBuf> = self.sources.named.iter().cloned().collect();
        files.extend(texts.iter().map(|text| text.path.clone()));
        files.extend(surroundings.seen().map(|(path, _)| path.to_owned()));
        let texts: Vec<_> = texts.iter().map(|text| (&text.path, &text.text)).collect();
        let beside: Vec<_> = surroundings.seen().collect();
        (compiled, hash_of(&(texts, beside)), files)
    }

    /// Every file that is named, or stands in a directory that is, with what is in it.
    fn find(&self) -> Vec<(PathBuf, Found)> {
        let mut found = Vec::new();
        // upstream: `-hooks ""` means no hooks, and is no mistake.
        for named in self.sources.named.iter().filter(|named| !named.as_os_str().is_empty()) {
            if !named.is_dir() {
                found.push((named.clone(), read(named)));
                continue;
            }
            match files_in(named) {
                Ok(files) => found.extend(files.into_iter().map(|file| (file.clone(), read(&file)))),
                Err(e) => {
                    let why = format!("can't read the directory {}: {e}", named.display());
                    found.push((named.clone(), Found::Unusable(Diagnostic::without_place(why))));
                }
            }
        }
        found
    }

    /// The last good copy of a file, loudly.
    fn recalled(&self, path: &Path, findings: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
        let state = self.sources.state.as_deref().filter(|_| self.sources.serves)?;
        let good = last_good::recall(state, path)?;
        let why = format!("{} can't be used: its last good copy is served in its place", path.display());
        findings.push(Diagnostic::without_place(why));
        Some(Arc::new(good))
    }
}

/// What makes a finding the same one although lines and hooks were added above it.
fn identity(finding: &Diagnostic) -> String {
    let place = finding.place.as_ref().map(|place| (&place.source.path, place.path.to_string()));
    let mut inside = false;
    let mut movable = |character: char| {
        inside = matches!(character, ':' | '[') || inside && character.is_ascii_digit();
        inside && character.is_ascii_digit()
    };
    // Lines (`:7`) and indexes (`[2]`), of the place and of others that the message names.
    format!("{place:?} {}", finding.message).chars().filter(|character| !movable(*character)).collect()
}

fn file_of(finding: &Diagnostic) -> Option<PathBuf> {
    finding.place.as_ref().map(|place| place.source.path.clone())
}

/// A hash over what was found, what of that can be in force, and what could not be read.
fn seen(found: u64, taken: u64, refused: &[Diagnostic]) -> u64 {
    hash_of(&(found, taken, refused.iter().map(ToString::to_string).collect::<Vec<_>>()))
}

fn hash_of(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
