//! Text to nodes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag, options};

use super::complaint::complaint;
use super::{Entry, Node, Value, mistake, resolve};
use crate::diagnostic::{Diagnostic, Path, Place, Source};

/// How deep lists and objects may stand inside each other: real files need 10. Values are dropped by recursion, so
/// this bounds the stack too.
const MAX_DEPTH: usize = 128;

/// How many values aliases may repeat in all, for a few lines of aliases of aliases can mean billions.
const MAX_REPEATED: usize = 500_000;

/// Reads the first document of a file; a file with nothing but blanks and comments holds `Value::Null`.
///
/// The error is the first mistake in the text, at its place.
pub fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let mut options = options! { flow_nesting_limit: MAX_DEPTH + 1, block_nesting_limit: MAX_DEPTH + 1 };
    options.set_emit_comments(false);
    let mut events = Parser::new_from_str_with_options(&source.text, options);
    let mut tree = Tree { source, open: Vec::new(), anchors: HashMap::new(), repeated: 0, root: None, walked: None };
    for next in &mut events {
        let (event, span) = next.map_err(|error| complaint(source, &error, tree.open_bracket()))?;
        if event == Event::DocumentEnd {
            break;
        }
        tree.take(event, &span)?;
    }
    // What follows a whole document is another one, or a bracket too many.
    if let Some(Err(error)) = events.next()
        && !separated(&source.text, tree.root.as_ref().map_or(0, |root| root.place.span.end), &error)
    {
        return Err(complaint(source, &error, None));
    }
    Ok(tree.root.unwrap_or_else(|| Node { place: tree_place(source), value: Value::Null }))
}

/// Whether a line of its own ends the document before the error: the peer reads no further either.
fn separated(text: &str, end: usize, error: &granit_parser::ScanError) -> bool {
    let between = text.get(end..error.marker().byte_offset().unwrap_or(end)).unwrap_or_default();
    between.lines().skip(1).any(|line| line.starts_with("---") || line.starts_with("..."))
}

fn tree_place(source: &Arc<Source>) -> Place {
    Place { source: source.clone(), span: 0..0, path: Path::default() }
}

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

struct Tree<'s> {
    source: &'s Arc<Source>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    repeated: usize,
    root: Option<Node>,
    /// The outermost bracket in which no mistake was found: one walk is enough.
    walked: Option<usize>,
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Diagnostic> {
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
    fn open_bracket(&self) -> Option<usize> {
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
        if unquoted && self.looks_like_a_mistake(&text, &span) && !self.was_walked() {
            if let Some(found) = mistake::find(&self.source.text, self.open_bracket()) {
                return Err(found.diagnostic(self.source));
            }
            self.walked = self.open_bracket();
        }
        let Some(value) = resolve::scalar(text, unquoted, tag) else {
            return self.wrong(span, "`!!binary` takes Base64 of UTF-8 text");
        };
        let end = span.end;
        if self.in_key_position() {
            return self.key(value, unquoted, span);
        }
        self.attach(Node { place: self.next_place(span), value }, anchor, end, 1, 0)
    }

    /// Unquoted text inside of brackets that nobody means: YAML takes a `//` comment, or two values on two lines
    /// without a comma between, for a part of it.
    fn looks_like_a_mistake(&self, text: &str, span: &Range<usize>) -> bool {
        let across_lines = || self.source.text.get(span.clone()).is_some_and(|written| written.contains('\n'));
        self.open.last().is_none_or(|open| open.flow)
            && (text.starts_with("//") || text.contains(" //") || (text.contains('"') && across_lines()))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Node, Diagnostic> {
        parse(&Arc::new(Source::new("hooks.json", text)))
    }

    /// JSON-like, with plain scalars unquoted.
    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".to_owned(),
            Value::Scalar { text, plain: true } => text.clone(),
            Value::Scalar { text, .. } => format!("{text:?}"),
            Value::List(elements) => format!("[{}]", elements.iter().map(shown).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => {
                let entries = entries.iter().map(|entry| format!("{}={}", entry.key, shown(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            }
        }
    }

    #[test]
    fn everything_that_people_feed_the_peer_loads() {
        for (text, expected) in [
            ("", "null"),
            ("\n# only a comment\n", "null"),
            ("\n\n[\n]", "[]"),
            ("\u{feff}[{\"a\": 1}]", "[{a=1}]"),
            ("\u{feff}a: 1", "{a=1}"),
            ("[\r\n\t{\r\n\t\t\"a\":\t\"b\",\r\n\t},\r\n]\r\n", "[{a=\"b\"}]"),
            ("{\"a\"\n:\n1}", "{a=1}"),
            ("{\"a\":1,\"b\":{\"c\":[1,2]}}", "{a=1,b={c=[1,2]}}"),
            ("[1, 2, # two\n]", "[1,2]"),
            ("[\"or\": [1], {a: b}]", "[{or=[1]},{a=b}]"),
            ("- \"or\": [1]\n- x", "[{or=[1]},x]"),
            (r#"["\/ \ud83d\ude00 \u0416"]"#, "[\"/ 😀 Ж\"]"),
            ("[~, null, Null, NULL, '', , x]".replace(", ,", ",").as_str(), "[null,null,null,null,\"\",x]"),
            ("a:\nb: ~\n'null': 'null'", "{a=null,b=null,null=\"null\"}"),
            ("a: 1\na: 2", "{a=1,a=2}"),
            ("1: a\ntrue: b", "{1=a,true=b}"),
            ("a: !!str 1\nb: !!binary 0JY=\nc: !!int '5'\nd: ! 7", "{a=\"1\",b=\"Ж\",c=5,d=\"7\"}"),
            ("a: &x {k: 1, l: 2}\nb: {l: 3, <<: *x}\nc: *x", "{a={k=1,l=2},b={l=3,k=1},c={k=1,l=2}}"),
            ("a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}", "{a={k=1},b={k=2,m=3},c={k=1,m=3}}"),
            ("- 1\n--- [\n", "[1]"),
            ("{a: echo \"hi\", b: x\n  y}", "{a=echo \"hi\",b=x y}"),
            ("a: //server/share", "{a=//server/share}"),
            ("--- |\n  //server\n", "\"//server\\n\""),
            ("[{\"//\": \"note\", \"u\": http://x}]", "[{//=\"note\",u=http://x}]"),
        ] {
            let found = read(text).map_or_else(|error| error.to_string(), |node| shown(&node));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn places_are_bytes_of_the_text() {
        let text = "# Ж😀\nhooks:\n- {\"имя\": \"Ж😀\", b: [x]} # end\n- c: d\n\nz: 1";
        let mut found = Vec::new();
        fn walk(node: &Node, found: &mut Vec<String>) {
            found.push(format!("{} `{}`", node.place.path, &node.place.source.text[node.place.span.clone()]));
            match &node.value {
                Value::List(elements) => elements.iter().for_each(|element| walk(element, found)),
                Value::Map(entries) => entries.iter().for_each(|entry| walk(&entry.value, found)),
                _ => {}
            }
        }
        walk(&read(text).expect("it is well formed"), &mut found);
        let object = "{\"имя\": \"Ж😀\", b: [x]}";
        assert_eq!(found[1], format!("hooks `{object} # end\n- c: d`"));
        assert_eq!(found[2], format!("hooks[0] `{object}`"));
        assert_eq!(
            found[3..],
            [
                "hooks[0].имя `\"Ж😀\"`",
                "hooks[0].b `[x]`",
                "hooks[0].b[0] `x`",
                "hooks[1] `c: d`",
                "hooks[1].c `d`",
                "z `1`"
            ]
        );
    }

    #[test]
    fn bombs_are_refused() {
        let levels: String = (1..40).map(|n| format!("- &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
        for (text, words) in [
            (format!("- &a0 x\n{levels}"), "aliases repeat"),
            ("[".repeat(100_000), "nested"),
            ("- ".repeat(100_000), "nested"),
            ("{a: ".repeat(200), "nested"),
        ] {
            let error = read(&text).expect_err("it is a bomb");
            assert!(error.message.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([\\[\\]{}:,\"'#&*<|>!/a1~Ж\t \n-]|\\PC){0,60}") {
            drop(read(&text).map_err(|error| error.rendered(false)));
        }
    }
}
