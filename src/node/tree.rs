//! Events to nodes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, Span, StructureStyle, Tag};

use super::{Entry, Node, Value, mistake, resolve, scalar};
use crate::diagnostic::{Diagnostic, Path, Place, Source};

/// How deep lists and objects may stand inside each other: real files need 10. Values are dropped by recursion, so
/// this bounds the stack too.
pub(super) const MAX_DEPTH: usize = 128;

/// How many values aliases may repeat in all, for a few lines of aliases of aliases can mean billions.
const MAX_REPEATED: usize = 500_000;

/// A list or object whose end was not seen yet.
struct Open {
    path: Path,
    start: usize,
    /// Where its last part ended.
    end: usize,
    flow: bool,
    anchor: usize,
    /// How many values stand in it, itself included, and how deep.
    count: usize,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key>, merges: Vec<(usize, Node)> },
}

/// A key that waits for its value.
struct Key {
    text: String,
    place: Place,
    /// An unquoted `<<`.
    merge: bool,
}

/// A value that aliases can repeat.
struct Anchored {
    node: Node,
    count: usize,
    height: usize,
}

/// What was read so far.
pub(super) struct Tree<'s> {
    source: &'s Arc<Source>,
    /// What stands in the text for `\'`.
    stand_in: Option<char>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    repeated: usize,
    /// The document's value, once it is whole.
    pub(super) root: Option<Node>,
    /// The outermost bracket in which no mistake was found: one walk is enough.
    walked: Option<usize>,
}

impl<'s> Tree<'s> {
    pub(super) fn new(source: &'s Arc<Source>, stand_in: Option<char>) -> Tree<'s> {
        Tree { source, stand_in, open: Vec::new(), anchors: HashMap::new(), repeated: 0, root: None, walked: None }
    }

    pub(super) fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Diagnostic> {
        let span = span.byte_range().unwrap_or_default();
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(text, style, anchor, tag.as_deref(), span),
            Event::SequenceStart(style, anchor, _) => self.start(Content::List(Vec::new()), style, anchor, span),
            Event::MappingStart(style, anchor, _) => {
                let content = Content::Map { entries: Vec::new(), key: None, merges: Vec::new() };
                self.start(content, style, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.finish(&span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    /// Where the value that comes next will stand.
    fn next_place(&self, span: Range<usize>) -> Place {
        let path = match self.open.last() {
            None => Path::default(),
            Some(Open { path, content: Content::List(elements), .. }) => path.index(elements.len()),
            Some(Open { content: Content::Map { key: Some(key), .. }, .. }) => key.place.path.clone(),
            Some(Open { path, .. }) => path.clone(),
        };
        Place { source: self.source.clone(), span, path }
    }

    fn wrong<T>(&self, span: Range<usize>, message: impl Into<String>) -> Result<T, Diagnostic> {
        Err(Diagnostic::error(&self.next_place(span), message))
    }

    /// Where the outermost bracket stands that is not closed yet.
    pub(super) fn open_bracket(&self) -> Option<usize> {
        self.open.iter().find(|open| open.flow).map(|open| open.start)
    }

    fn was_walked(&self) -> bool {
        self.walked.is_some() && self.walked == self.open_bracket()
    }

    fn in_key_position(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Map { key: None, .. }, .. }))
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> Result<(), Diagnostic> {
        let unquoted = style == ScalarStyle::Plain;
        let text = match self.stand_in.filter(|stand_in| text.contains(*stand_in)) {
            Some(stand_in) => {
                let meant = if style == ScalarStyle::DoubleQuoted { "'" } else { "\\'" };
                Cow::Owned(text.replace(stand_in, meant))
            }
            None => text,
        };
        let text = if unquoted && self.written(&span) == "-" { Cow::Borrowed("-") } else { text };
        let text = if self.lacks_its_end(style, &span) { text.trim_end_matches('\n').to_owned().into() } else { text };
        let text = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => text,
            // Escaped ones are no line ends.
            _ if self.written(&span).contains(scalar::MORE_LINE_ENDS) => scalar::in_one_line(&text).into(),
            _ => text,
        };
        if unquoted && self.looks_like_a_mistake(&text, &span) && !self.was_walked() {
            if let Some(found) = mistake::find(self.source, self.open_bracket()) {
                return Err(found.diagnostic(self.source));
            }
            self.walked = self.open_bracket();
        }
        let value = match resolve::scalar(text, unquoted, tag) {
            Ok(value) => value,
            Err(why) => return self.wrong(span, why),
        };
        let end = span.end;
        if self.in_key_position() {
            return self.key(value, unquoted, span);
        }
        self.attach(Node { place: self.next_place(span), value }, anchor, end, 1, 0)
    }

    /// Whether a text in lines is ended by the file, not by a line break; upstream adds none.
    fn lacks_its_end(&self, style: ScalarStyle, span: &Range<usize>) -> bool {
        let text = &self.source.text;
        matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
            && span.end >= text.len()
            && text.lines().last().is_some_and(|line| !line.trim().is_empty() && text.ends_with(line))
    }

    fn written(&self, span: &Range<usize>) -> &'s str {
        self.source.text.get(span.clone()).unwrap_or_default()
    }

    /// Unquoted text inside of brackets that nobody means: YAML takes a `//` comment, or two values on two lines
    /// without a comma between, for a part of it. `//server/share` behind a key is a value.
    fn looks_like_a_mistake(&self, text: &str, span: &Range<usize>) -> bool {
        let has_key = matches!(self.open.last(), Some(Open { content: Content::Map { key: Some(_), .. }, .. }));
        let is_value = has_key && !text.contains(char::is_whitespace);
        let is_next_value = |line: &str| line.trim_start().starts_with('"');
        self.open.last().is_none_or(|open| open.flow)
            && (text.starts_with("//") && !is_value
                || text.contains(" //")
                || text.contains('"') && self.written(span).lines().skip(1).any(is_next_value))
    }

    fn key(&mut self, value: Value, unquoted: bool, span: Range<usize>) -> Result<(), Diagnostic> {
        let Value::Scalar { text, .. } = value else {
            return self.wrong(span, "a key is missing here, or `null` stands for one: give it a name or quote it");
        };
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        open.end = span.end;
        let place = Place { source: self.source.clone(), span, path: open.path.key(&text) };
        if let Content::Map { key, .. } = &mut open.content {
            let merge = unquoted && text == "<<";
            *key = Some(Key { text, place, merge });
        }
        Ok(())
    }

    fn start(
        &mut self,
        content: Content,
        style: StructureStyle,
        anchor: usize,
        span: Range<usize>,
    ) -> Result<(), Diagnostic> {
        if self.in_key_position() {
            return self.wrong(span, "a key must be a text; missing quotes, or a bracket too many?");
        }
        if self.open.len() >= MAX_DEPTH {
            return self.wrong(span, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let path = self.next_place(span.clone()).path;
        let flow = style == StructureStyle::Flow;
        let (start, end) = (span.start, if flow { span.end } else { span.start });
        self.open.push(Open { path, start, end, flow, anchor, count: 1, height: 0, content });
        Ok(())
    }

    fn finish(&mut self, span: &Range<usize>) -> Result<(), Diagnostic> {
        let Some(Open { path, start, end, flow, anchor, count, height, content }) = self.open.pop() else {
            return Ok(());
        };
        // The end of a block is seen only at what follows it.
        let end = if flow { end.max(span.end) } else { end };
        let value = match content {
            Content::List(elements) => Value::List(elements),
            Content::Map { entries, merges, .. } => Value::Map(resolve::merged(entries, merges)?),
        };
        let place = Place { source: self.source.clone(), span: start..end, path };
        self.attach(Node { place, value }, anchor, end, count, height + 1)
    }

    fn alias(&mut self, anchor: usize, span: Range<usize>) -> Result<(), Diagnostic> {
        let Some(Anchored { node, count, height }) = self.anchors.get(&anchor) else {
            return self.wrong(span, "this alias stands inside of what it repeats");
        };
        self.repeated += count;
        if self.repeated > MAX_REPEATED {
            return self.wrong(span, format!("aliases repeat more than {MAX_REPEATED} values"));
        }
        if self.open.len() + height > MAX_DEPTH {
            return self.wrong(span, format!("nested deeper than {MAX_DEPTH} levels by this alias"));
        }
        let (node, count, height) = (node.clone(), *count, *height);
        match (self.in_key_position(), node.value) {
            (true, value @ (Value::Scalar { .. } | Value::Null)) => self.key(value, false, span),
            (true, _) => self.wrong(span, "a key must be a text, and this alias is none"),
            (false, value) => self.attach(Node { value, ..node }, 0, span.end, count, height),
        }
    }

    /// Puts a finished value where it belongs. `end` is where it ends in the text, an alias where the alias does.
    fn attach(&mut self, node: Node, anchor: usize, end: usize, count: usize, height: usize) -> Result<(), Diagnostic> {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchored { node: node.clone(), count, height });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.end = open.end.max(end);
        open.count += count;
        open.height = open.height.max(height);
        match &mut open.content {
            Content::List(elements) => elements.push(node),
            Content::Map { entries, key, merges } => match key.take() {
                Some(key) if key.merge => merges.push((entries.len(), node)),
                Some(Key { text, place, .. }) => entries.push(Entry { key: text, key_place: place, value: node }),
                None => {}
            },
        }
        Ok(())
    }
}
