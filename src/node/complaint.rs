//! What the reader's syntax errors mean to somebody who writes configuration files.

use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use super::mistake::{self, Mistake};
use crate::diagnostic::{Diagnostic, Path, Place, Source};

impl Mistake {
    /// The finding for a user.
    pub(super) fn diagnostic(self, source: &Arc<Source>) -> Diagnostic {
        let place = Place { source: source.clone(), span: self.span, path: Path::default() };
        Diagnostic { help: self.help, ..Diagnostic::error(&place, self.message) }
    }
}

/// The finding for a syntax error: where JSON was meant, what is wrong with it as JSON; else what YAML says.
/// `bracket` is where the outermost bracket stands that is open there.
pub(super) fn complaint(source: &Arc<Source>, error: &ScanError, bracket: Option<usize>) -> Diagnostic {
    // These say exactly what and where, and a walk over tokens does not see them.
    let is_exact = matches!(
        error.kind(),
        ErrorKind::RecursionLimitExceeded
            | ErrorKind::UnknownAnchor
            | ErrorKind::UnknownQuotedScalarEscape
            | ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidUnicodeEscape
            | ErrorKind::InvalidLowSurrogate
            | ErrorKind::InvalidLowSurrogateHexEscape
            | ErrorKind::MissingLowSurrogate
            | ErrorKind::UnpairedLowSurrogate
    );
    if !is_exact && let Some(found) = mistake::find(source, bracket) {
        return found.diagnostic(source);
    }
    let start = error.marker().byte_offset().unwrap_or_default().min(source.text.len());
    let length = source.text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let place = Place { source: source.clone(), span: start..start + length, path: Path::default() };
    let (message, help) = explained(error.kind());
    Diagnostic { help: help.map(str::to_owned), ..Diagnostic::error(&place, message) }
}

fn explained(kind: &ErrorKind) -> (String, Option<&'static str>) {
    use ErrorKind as E;
    let (message, help) = match kind {
        E::ExpectedFlowMappingSeparator | E::ExpectedFlowSequenceSeparator => {
            ("missing comma? a comma or the closing bracket belongs before this", None)
        }
        E::InvalidTrailingDoubleQuotedScalar | E::InvalidTrailingSingleQuotedScalar => (
            "the text ends at its closing quote, but more follows; missing comma?",
            Some("a quote inside of a double-quoted text is written \\\""),
        ),
        E::UnclosedQuotedScalar => ("the text that starts at this quote is never closed; missing quote?", None),
        E::DocumentIndicatorInQuotedScalar => ("a quoted text is not closed before this line; missing quote?", None),
        E::UnclosedFlowCollection { open } => return (format!("this `{open}` is never closed"), None),
        E::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("unclosed bracket? a `{open}` is closed by this `{close}`"), None);
        }
        E::MisplacedFlowCollectionEnd => ("this bracket closes nothing", None),
        E::UnexpectedEof
        | E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::UnexpectedEofBlockSequence
        | E::UnexpectedEofBlockMapping => ("the file ends too early; unclosed bracket or quote?", None),
        E::TabNotAllowed | E::TabInBlockIndentation | E::TabInIndentation | E::TabAtBlockScalarStart => {
            ("a tab can't indent here", Some("indent with spaces"))
        }
        E::InvalidIndentation
        | E::InvalidFlowScalarIndent
        | E::InvalidQuotedScalarIndent
        | E::InvalidBlockScalarIndent
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::BlockSequenceEntryNotAllowed => {
            ("this line does not fit in", Some("check its indentation against the lines above, and `- ` and `: `"))
        }
        E::BlockEntryInFlowCollection => ("a `- ` can't stand inside of brackets", None),
        E::MappingValueNotAllowed | E::MappingKeyNotAllowed | E::InvalidColonPlacement => (
            "a `: ` can't stand here",
            Some("quote the text that it is a part of, or check the indentation and the line before"),
        ),
        E::SimpleKeyExpected | E::InvalidSimpleKey => ("a `:` is missing after this key", Some("write key: value")),
        E::UnknownQuotedScalarEscape => {
            ("there is no such escape in a double-quoted text", Some("a backslash itself is written \\\\"))
        }
        E::InvalidQuotedScalarHexEscape
        | E::InvalidUnicodeEscape
        | E::InvalidLowSurrogate
        | E::InvalidLowSurrogateHexEscape
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate => ("this escape stands for no character", None),
        E::UnknownAnchor => {
            ("there is no anchor of this name before this alias", Some("quote a text that starts with *"))
        }
        E::RecursionLimitExceeded => ("nested too deeply", None),
        E::UnexpectedCharacter { character } => {
            return (format!("a text can't start with `{character}` here"), Some("quote it"));
        }
        E::CommentInterceptedScalar => ("a comment cuts this text in two", Some("quote the text")),
        other => return (format!("this can't be read: {other}"), None),
    };
    (message.to_owned(), help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::parse;

    #[test]
    fn mistakes_are_told_where_they_are_made() {
        for (text, place, words) in [
            ("[\n {\n  \"a\": \"x\"\n  \"b\": 2\n }\n]", "3:10", "missing comma?"),
            ("[\n {\n  \"a\": 1\n  \"b\": 2\n }\n]", "3:8", "missing comma?"),
            ("[\n {\n  \"a\": true # yes\n  \"b\": 2\n }\n]", "3:11", "missing comma?"),
            ("[\n 8080\n \"b\"\n]", "2:5", "missing comma?"),
            ("[\n \"Ж\"\n \"b\"\n]", "2:4", "missing comma?"),
            ("[\n {\"a\": 1}\n {\"b\": 2}\n]", "2:9", "missing comma?"),
            ("[\n {\"a\": [1, 2}\n]", "2:13", "unclosed bracket?"),
            ("[\n {\"a\": 1,\n {\"b\": 2}\n]", "3:2", "unclosed bracket?"),
            ("[\n {\"a\": 1}\n", "1:1", "this `[` is never closed"),
            ("[\n {\"a\": 1}]\n]", "3:1", "more follows"),
            ("[\n {\"a\": \"x,\n  \"b\": \"y\"}\n]", "2:8", "missing quote?"),
            ("[\n {\"a\" \"x\"}\n]", "2:5", "a `:` is missing"),
            ("[\n {\"a\": \"b\" c\"}]", "2:10", "missing comma?"),
            ("[\n // note\n {\"a\": 1}]", "2:2", "comments do not start"),
            ("// note\n[]", "1:1", "comments do not start"),
            ("[{ // note\n \"a\": 1}]", "1:4", "comments do not start"),
            ("[{\"a\": 1 // note\n}]", "1:10", "comments do not start"),
            ("[]\n/* end */", "2:1", "comments do not start"),
            ("a: [1\n  b: 2", "1:5", "missing comma?"),
            ("a: [x, {b: c]\nd: 1", "1:13", "unclosed bracket?"),
            ("a: [1,\nb: 2", "1:4", "never closed"),
            ("a:\n- {b: \"x\" \"y\"}\n- c", "2:11", "missing comma?"),
            ("a:\n\t- b", "2:2", "tab"),
            ("a: \"\\q\"", "1:4", "escape"),
            ("a: *b", "1:4", "anchor"),
            ("~: 1", "1:1", "key"),
            ("[1]: 2", "1:1", "a key must be a text"),
            ("&a [*a]", "1:5", "inside of what it repeats"),
            ("a: 1\n b: 2", "2:3", "can't stand here"),
        ] {
            let source = Arc::new(Source::new("hooks.json", text));
            let error = parse(&source).expect_err(text);
            let (line, column) = error.place.as_ref().expect(text).line_column();
            assert!(error.message.contains(words), "{text}: {error}");
            assert_eq!(format!("{line}:{column}"), place, "{text}: {error}");
        }
    }
}
