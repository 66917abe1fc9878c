//! A file that was a template: what was written, what was read in its place, and how to get from one to the other.

use std::collections::{BTreeSet, HashMap};
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
#[derive(Debug)]
pub struct Origin {
    /// The file as it was written.
    pub(super) text: String,
    /// What became of its parts, in order.
    pieces: Vec<Piece>,
    /// What the template took from outside, and what its actions wrote: by their first bytes, the longest first.
    hidden: HashMap<[u8; LEAST_HIDDEN], Vec<String>>,
}

impl Origin {
    /// A template's text, what became of its parts, and the values that no message shows.
    pub fn new(text: String, pieces: Vec<Piece>, yields: Vec<String>) -> Origin {
        let mut hidden: HashMap<_, Vec<String>> = HashMap::new();
        for value in yields.into_iter().filter(|value| !COMMON.contains(&value.as_str())).collect::<BTreeSet<_>>() {
            if let Some(head) = value.as_bytes().first_chunk() {
                hidden.entry(*head).or_default().push(value);
            }
        }
        hidden.values_mut().for_each(|values| values.sort_by_key(|value| std::cmp::Reverse(value.len())));
        Origin { text, pieces, hidden }
    }

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
        let mut shown = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(letter) = rest.chars().next() {
            let known = rest.as_bytes().first_chunk().and_then(|head| self.hidden.get(head));
            let found = known.and_then(|values| values.iter().find(|value| rest.starts_with(value.as_str())));
            shown.push_str(if found.is_some() { "***" } else { rest.get(..letter.len_utf8()).unwrap_or_default() });
            rest = rest.get(found.map_or(letter.len_utf8(), |value| value.len())..).unwrap_or_default();
        }
        shown
    }
}
