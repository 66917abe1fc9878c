//! One mistake in a file, with its place: what is wrong, where, and what to do.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

mod origin;

pub use origin::{Origin, Piece};

/// A file as it was read: the text that places point into.
#[derive(Debug)]
pub struct Source {
    /// Where it was read from, as the user named it; relative names inside it start at its folder.
    pub path: PathBuf,
    /// Its whole text.
    pub text: String,
    /// What the text was made from, if it stands in the file only as a template. Reports show the template.
    origin: Option<Origin>,
    /// Where the lines of the file start, once somebody asked: a file can have ten thousand findings.
    lines: OnceLock<Vec<usize>>,
    /// Where secrets stand in the file, so that no report shows them.
    hidden: Mutex<Vec<Range<usize>>>,
}

impl Source {
    /// The file at `path` with this text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Source {
        let (path, text) = (path.into(), text.into());
        Source { path, text, origin: None, lines: OnceLock::new(), hidden: Mutex::default() }
    }

    /// The file at `path` as the template in it yields it.
    pub fn rendered(path: impl Into<PathBuf>, text: impl Into<String>, origin: Origin) -> Source {
        Source { origin: Some(origin), ..Source::new(path, text) }
    }

    /// The text that stands in the file.
    pub fn written(&self) -> &str {
        self.origin.as_ref().map_or(&self.text, |origin| &origin.text)
    }

    /// Where a span of the text stands in the file.
    fn span_written(&self, span: &Range<usize>) -> Range<usize> {
        self.origin.as_ref().map_or_else(|| span.clone(), |origin| origin.written(span))
    }

    /// Line and column in the file of what stands at `at`, both counted from 1, the column in characters.
    pub fn line_column(&self, at: usize) -> (usize, usize) {
        let text = self.written();
        let at = self.span_written(&(at..at)).start.min(text.len());
        let lines = self.lines.get_or_init(|| text.match_indices('\n').map(|(end, _)| end + 1).collect());
        let before = lines.partition_point(|start| *start <= at);
        let start = before.checked_sub(1).and_then(|last| lines.get(last)).copied().unwrap_or(0);
        (before + 1, text.get(start..at).unwrap_or_default().chars().count() + 1)
    }

    /// Whether a template yielded the text.
    pub fn is_rendered(&self) -> bool {
        self.origin.is_some()
    }

    /// Whether what stands at `at` in the text was made by an action of a template.
    pub fn is_made(&self, at: usize) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_made(at))
    }

    /// What actions of a template made of a span of the text.
    pub fn made(&self, span: &Range<usize>) -> impl Iterator<Item = &str> {
        let made = self.origin.as_ref().map(|origin| origin.made(span));
        made.into_iter().flatten().filter_map(|made| self.text.get(made))
    }

    /// A message about the file without what its template took from outside.
    fn masked(&self, message: &str) -> String {
        self.origin.as_ref().map_or_else(|| message.to_owned(), |origin| origin.masked(message))
    }

    /// Marks a secret: reports show stars in its place.
    pub fn hide(&self, span: Range<usize>) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).push(self.span_written(&span));
    }

    /// A piece of the file with a star for each byte of a secret.
    fn shown(&self, piece: Range<usize>) -> String {
        let mut bytes = self.written().as_bytes().get(piece.clone()).unwrap_or_default().to_vec();
        for secret in self.hidden.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let (start, end) = (secret.start.max(piece.start), secret.end.min(piece.end));
            if start < end {
                bytes[start - piece.start..end - piece.start].fill(b'*');
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        self.path == other.path && self.text == other.text
    }
}

/// Where a value stands inside a file's structure: `hooks[2].send.via`. Cheap to clone and to extend.
#[derive(Clone, Debug, Default)]
pub struct Path(Option<Arc<Step>>);

#[derive(Debug)]
struct Step {
    parent: Path,
    to: Crumb,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crumb {
    /// Into the value under a key.
    Key(Box<str>),
    /// Into an element of a list, counted from 0.
    Index(usize),
}

impl Path {
    /// The path of the value under `key`.
    pub fn key(&self, key: &str) -> Path {
        Path(Some(Arc::new(Step { parent: self.clone(), to: Crumb::Key(key.into()) })))
    }

    /// The path of the element number `index`, counted from 0.
    pub fn index(&self, index: usize) -> Path {
        Path(Some(Arc::new(Step { parent: self.clone(), to: Crumb::Index(index) })))
    }

    /// Its steps, from the top.
    pub fn crumbs(&self) -> Vec<Crumb> {
        let Some(step) = &self.0 else { return Vec::new() };
        let mut crumbs = step.parent.crumbs();
        crumbs.push(step.to.clone());
        crumbs
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = &self.0 else { return Ok(()) };
        step.parent.fmt(f)?;
        match &step.to {
            Crumb::Key(key) if step.parent.0.is_none() => f.write_str(key),
            Crumb::Key(key) => write!(f, ".{key}"),
            Crumb::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A piece of a file.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// Bytes of the file's text.
    pub span: Range<usize>,
    /// Where that is in the file's structure.
    pub path: Path,
}

impl Place {
    /// Line and column in the file of the first character, both counted from 1, the column in characters.
    pub fn line_column(&self) -> (usize, usize) {
        self.source.line_column(self.span.start)
    }

    /// The file's first line of the span, and the part of the span that is in it.
    fn line_with_span(&self) -> (String, Range<usize>) {
        let text = self.source.written();
        let span = self.source.span_written(&self.span);
        let start = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (before, after) = text.split_at(start);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line_end = start + after.find('\n').unwrap_or(after.len());
        let line = text[line_start..line_end].trim_end_matches('\r');
        let start = (start - line_start).min(line.len());
        let end = (span.end.saturating_sub(line_start)).clamp(start, line.len());
        let end = (end..=line.len()).find(|at| line.is_char_boundary(*at)).unwrap_or(line.len());
        (self.source.shown(line_start..line_start + line.len()), start..end)
    }
}

impl fmt::Display for Place {
    /// `hooks.json:3:14: hooks[0].send.via`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.path.display())?;
        let path = self.source.masked(&self.path.to_string());
        if path.is_empty() { Ok(()) } else { write!(f, ": {path}") }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// What it stands in can't be used.
    Error,
    /// It can be used, but hardly as meant.
    Warning,
}

/// One finding about a file.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where; none only for a file that could not be read at all.
    pub place: Option<Place>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it, where that is known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `place`.
    pub fn error(place: &Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, place: Some(place.clone()), message: message.into(), help: None }
    }

    /// A warning at `place`.
    pub fn warning(place: &Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(place, message) }
    }

    /// An error that has no place inside a file; the message names the file.
    pub fn without_place(message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, place: None, message: message.into(), help: None }
    }

    /// The same with advice.
    pub fn help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: Some(help.into()), ..self }
    }

    /// Several lines, for a terminal: the message, the place, the line of the file with a mark under the span, and the
    /// advice. A finding without a place is its message and its advice.
    pub fn rendered(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut report = Group::with_title(level.primary_title(self.masked(&self.message).replace('\n', " ")));
        let line = self.place.as_ref().map(Place::line_with_span);
        if let (Some(place), Some((text, span))) = (&self.place, &line) {
            let snippet = Snippet::source(text.as_str()).path(place.source.path.to_string_lossy());
            report = report.element(
                snippet.line_start(place.line_column().0).annotation(AnnotationKind::Primary.span(span.clone())),
            );
        }
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(normalize_untrusted_str(&self.masked(help))));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut rendered = renderer.render(&[report]);
        // The library has no room for the path: it belongs at the end of the second line, after file, line and column.
        let path = self.masked(&self.place.as_ref().map(|place| place.path.to_string()).unwrap_or_default());
        if let Some((end, _)) = rendered.match_indices('\n').nth(1).filter(|_| !path.is_empty()) {
            rendered.insert_str(end, &format!(" {}", normalize_untrusted_str(&path)));
        }
        rendered
    }

    /// Its message as it may be shown.
    pub fn shown_message(&self) -> String {
        self.masked(&self.message)
    }

    /// Its advice as it may be shown.
    pub fn shown_help(&self) -> Option<String> {
        self.help.as_ref().map(|help| self.masked(help))
    }

    /// The path of its place as it may be shown, where it has one.
    pub fn shown_path(&self) -> Option<String> {
        self.place.as_ref().map(|place| self.masked(&place.path.to_string())).filter(|path| !path.is_empty())
    }

    /// A text without what a template took from outside.
    fn masked(&self, text: &str) -> String {
        self.place.as_ref().map_or_else(|| text.to_owned(), |place| place.source.masked(text))
    }

    /// Whether what it stands in can't be used.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    /// One line, for a log: `hooks.json:3:14: hooks[0].send.via: no account is called "wa" (did you mean "wb"?)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.masked(&self.message))?;
        match &self.help {
            Some(help) => write!(f, " ({})", self.masked(help)),
            None => Ok(()),
        }
    }
}

/// The one of `known` that `word` was probably meant to be.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(word.chars().count()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| format!("did you mean \"{name}\"?"))
}

/// What `did_you_mean` names in an advice.
pub fn meant(help: &str) -> Option<&str> {
    let (_, rest) = help.split_once("did you mean \"")?;
    rest.split_once("\"?").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, span: Range<usize>) -> Diagnostic {
        let source = Arc::new(Source::new("hooks.json", text));
        let path = Path::default().key("hooks").index(0).key("via");
        Diagnostic::error(&Place { source, span, path }, "no account is called \"wa\"")
    }

    #[test]
    fn the_line_is_shown_with_a_mark_under_the_span() {
        let finding = at("[\n\t\"Ж😀\": \"wa\",\n]", 13..17).help("did you mean \"wb\"?");
        let expected = "\
error: no account is called \"wa\"
 --> hooks.json:2:8 hooks[0].via
  |
2 |     \"Ж😀\": \"wa\",
  |            ^^^^
  |
  = help: did you mean \"wb\"?";
        assert_eq!(finding.rendered(false), expected);
        assert!(finding.rendered(true).contains("\u{1b}["));
    }

    #[test]
    fn any_span_can_be_shown() {
        for (text, span, shown) in [
            ("", 0..0, "1 |"),
            ("a: 1\r\nb: 2", 6..6, "2 | b: 2"),
            ("a: [\n1\n]", 3..8, "1 | a: ["),
            ("a\n", 2..2, "2 |"),
            ("Ж", 1..1, "1 | Ж"),
            ("a", 7..9, "1 | a"),
        ] {
            let rendered = at(text, span).rendered(false);
            assert!(rendered.contains(shown) && rendered.contains('^'), "{rendered}");
        }
    }

    #[test]
    fn without_a_place_there_is_only_the_message() {
        assert_eq!(Diagnostic::without_place("can't read x").rendered(false), "error: can't read x");
    }
}
