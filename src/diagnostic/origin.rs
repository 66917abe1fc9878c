//! A file that was a template: what was written, what was read in its place, and how to get from one to the other.

use std::ops::Range;

/// A value that is shorter than this is no secret, and would tear holes into every message.
const LEAST_HIDDEN: usize = 4;

/// Words of our own messages that a template may also yield.
const COMMON: [&str; 10] = ["true", "false", "null", "text", "list", "hook", "hooks", "payload", "header", "string"];

/// A part of the text that a template yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it starts in the text that was yielded; it ends where the next one starts.
    pub start: usize,
    /// Where it was written.
    pub written: Range<usize>,
    /// Whether it was copied; else it was made by what stands there.
    pub verbatim: bool,
}

/// The template that a text was made from.
#[derive(Debug, Default)]
pub struct Origin {
    /// The file as it was written.
    pub text: String,
    /// What became of its parts, in order.
    pub pieces: Vec<Piece>,
    /// What the template took from outside, and what its actions wrote.
    pub yields: Vec<String>,
}

impl Origin {
    /// Where that which stands in a span of the yielded text was written.
    pub(super) fn written(&self, span: &Range<usize>) -> Range<usize> {
        let start = match self.piece_at(span.start) {
            Some(piece) if piece.verbatim => (piece.written.start + span.start - piece.start).min(piece.written.end),
            Some(piece) => piece.written.start,
            None => 0,
        };
        // The end is where the last character is.
        let end = match self.piece_at(span.end.saturating_sub(1)) {
            _ if span.is_empty() => start,
            Some(piece) if piece.verbatim => (piece.written.start + span.end - piece.start).min(piece.written.end),
            Some(piece) => piece.written.end,
            None => start,
        };
        start..end.max(start)
    }

    /// Whether an action made what stands there.
    pub(super) fn is_made(&self, at: usize) -> bool {
        self.piece_at(at).is_some_and(|piece| !piece.verbatim)
    }

    /// What actions made that stands in a span, but for what ends the text.
    pub(super) fn made(&self, span: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let (from, to) = (span.start, span.end);
        let first = self.pieces.partition_point(|piece| piece.start < from);
        let pieces = self.pieces.get(first..).unwrap_or_default();
        let pairs = pieces.iter().zip(pieces.iter().skip(1)).take_while(move |(piece, _)| piece.start < to);
        pairs.filter(|(piece, _)| !piece.verbatim).map(|(piece, next)| piece.start..next.start)
    }

    fn piece_at(&self, at: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.start <= at);
        self.pieces.get(after.saturating_sub(1))
    }

    /// A message without what the template took from outside.
    pub(super) fn masked(&self, message: &str) -> String {
        let mut hidden: Vec<&str> = self.yields.iter().map(String::as_str).filter(|text| is_hidden(text)).collect();
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        hidden.into_iter().fold(message.to_owned(), |message, text| message.replace(text, "***"))
    }
}

fn is_hidden(text: &str) -> bool {
    text.len() >= LEAST_HIDDEN && !COMMON.contains(&text)
}
