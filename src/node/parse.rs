//! Text to nodes.

use std::borrow::Cow;
use std::sync::Arc;

use granit_parser::{Event, Parser, options};

use super::complaint::complaint;
use super::lenient::{self, Oddity};
use super::tree::{MAX_DEPTH, Tree};
use super::{Node, Value};
use crate::diagnostic::{Diagnostic, Path, Place, Source};

/// How many bytes are read again for what [`lenient`] mends: mostly once the whole text.
const READ_AGAIN: usize = 64 << 20;

/// Reads the first document of a file; a file with nothing but blanks and comments holds `Value::Null`.
///
/// The error is the first mistake in the text, at its place.
pub fn parse(source: &Arc<Source>) -> Result<Node, Diagnostic> {
    let mut text = Cow::Borrowed(source.text.as_str());
    let mut stand_in = None;
    for _ in 0..=READ_AGAIN / (text.len() + 1) {
        let Trouble { finding, oddity } = match read(source, &text, stand_in) {
            Ok(node) => return Ok(node),
            Err(trouble) => trouble,
        };
        stand_in = stand_in.or_else(|| lenient::stand_in(&text));
        match oddity.and_then(|oddity| oddity.mended(&text, stand_in)) {
            Some(mended) => text = Cow::Owned(mended),
            None => return Err(finding),
        }
    }
    read(source, &text, stand_in).map_err(|trouble| trouble.finding)
}

/// Why a text can't be read.
struct Trouble {
    finding: Diagnostic,
    /// What the peer would read over.
    oddity: Option<Oddity>,
}

impl From<Diagnostic> for Trouble {
    fn from(finding: Diagnostic) -> Trouble {
        Trouble { finding, oddity: None }
    }
}

/// Reads `text`, which is the source's but for what was mended.
fn read(source: &Arc<Source>, text: &str, stand_in: Option<char>) -> Result<Node, Trouble> {
    let mut options = options! { flow_nesting_limit: MAX_DEPTH + 1, block_nesting_limit: MAX_DEPTH + 1 };
    options.set_emit_comments(false);
    let mut events = Parser::new_from_str_with_options(text, options);
    let mut tree = Tree::new(source, stand_in);
    for next in &mut events {
        let (event, span) = next.map_err(|error| Trouble {
            finding: complaint(source, &error, tree.open_bracket()),
            oddity: Oddity::of(&error),
        })?;
        if event == Event::DocumentEnd {
            break;
        }
        tree.take(event, &span)?;
    }
    // What follows a whole document is another one, or a bracket too many.
    if let Some(Err(error)) = events.next()
        && !separated(&source.text, tree.root.as_ref().map_or(0, |root| root.place.span.end), &error)
    {
        return Err(Trouble { finding: complaint(source, &error, None), oddity: Oddity::of(&error) });
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
            (r#"["it\'s", "\\'", '\', "\'"]"#, r#"["it's","\\'","\\","'"]"#),
            ("- C:\\' # \"\n- |\n  say \"\n- \"\\'\"\n- 'C:\\'", "[C:\\',\"say \\\"\\n\",\"'\",\"C:\\\\\"]"),
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
            (
                "a: !!str 1\nb: !!binary 0JY=\nc: !!int '5'\nd: ! 7\ne: !!binary gIGC",
                "{a=\"1\",b=\"Ж\",c=5,d=\"7\",e=\"\u{fffd}\u{fffd}\u{fffd}\"}",
            ),
            ("a: &x {k: 1, l: 2}\nb: {l: 3, <<: *x}\nc: *x", "{a={k=1,l=2},b={l=2,k=1},c={k=1,l=2}}"),
            ("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3, n: 4}", "{a={k=1,l=2},b={k=1,l=3,n=4}}"),
            ("a: &x {k: 1}\nb: &y {k: 2, m: 3}\nc: {<<: [*x, *y]}", "{a={k=1},b={k=2,m=3},c={k=1,m=3}}"),
            ("- 1\n--- [\n", "[1]"),
            ("[{\"a\": [],#Ж\n\"b\":\"c\"#\"\n,#d\r\n},]#", "[{a=[],b=\"c\"}]"),
            ("- \"a\"#b\n- {a: -, b: [-], c: -}", "[\"a\",{a=-,b=[-],c=-}]"),
            (
                "[{u: //server/x, v: a \"b\"\n  \"c\" d}]".replace("\n  \"c\"", "\n  c\"").as_str(),
                "[{u=//server/x,v=a \"b\" c\" d}]",
            ),
            ("{a: echo \"hi\", b: x\n  y}", "{a=echo \"hi\",b=x y}"),
            ("a: //server/share", "{a=//server/share}"),
            ("--- |\n  //server\n", "\"//server\\n\""),
            ("- |+\n a\n b", "[\"a\\nb\"]"),
            ("- >\n a\n b\n", "[\"a b\\n\"]"),
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
        fn any_text_is_read_or_refused(text in "([\\[\\]{}:,\"'#&*<|>!/a1~Ж\t \n-]|\\\\'|\\PC){0,60}") {
            drop(read(&text).map_err(|error| error.rendered(false)));
        }
    }
}
