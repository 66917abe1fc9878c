//! XML as a payload, in the shape that adnanh/webhook's library gives it: elements become objects, lists and texts.
//!
//! quick-xml reads; what it lets pass and Go's decoder does not, is refused here.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

use crate::request::map::Map;
use crate::request::small::Text;
use crate::request::value::{MAX_DEPTH, MAX_VALUES, Value};

/// What the text of an element with attributes or children is called.
const TEXT: &[u8] = b"#text";

/// Why it is no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct XmlError {
    what: String,
    at: u64,
}

/// The first element of a body as a payload: its name with its content. What follows it is not looked at.
///
/// upstream: github.com/clbanning/mxj NewMapXmlReader. Prefixes of namespaces are dropped, attributes are called `-name`,
/// of equal attributes the last counts, equal elements make a list, nothing but texts is a value.
pub fn parse(body: &[u8]) -> Result<Value, XmlError> {
    read(body, MAX_VALUES)
}

/// Reads elements and attributes, at most `room` of them.
fn read(body: &[u8], room: usize) -> Result<Value, XmlError> {
    let mut reader = Reader::from_reader(body);
    let config = reader.config_mut();
    config.check_comments = true;
    config.expand_empty_elements = true;
    let mut tree = Tree { open: Vec::new(), chunk: String::new(), room };
    loop {
        match tree.step(reader.read_event()) {
            Ok(None) => {}
            Ok(Some(whole)) => return Ok(whole),
            Err(what) => return Err(XmlError { what, at: reader.buffer_position() }),
        }
    }
}

/// The elements that are being read, outermost first.
struct Tree {
    open: Vec<Element>,
    /// Text and references since the last other thing.
    chunk: String,
    /// Elements and attributes that may still be there.
    room: usize,
}

struct Element {
    name: Text,
    attributes: Vec<(Text, Value)>,
    children: Vec<(Text, Value)>,
    /// Text from before anything else was in it.
    before: Option<Value>,
    /// Text from behind something.
    behind: Option<Value>,
}

impl Tree {
    /// Takes one event; gives the payload once the first element is closed.
    fn step(&mut self, event: Result<Event<'_>, Error>) -> Result<Option<Value>, String> {
        let event = event.map_err(|why| why.to_string())?;
        match &event {
            Event::Text(text) if text.contains("]]>") => return Err("a raw ]]> in a text".to_owned()),
            Event::Text(text) => self.chunk.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => self.chunk.push(referred(reference)?),
            _ => self.end_chunk()?,
        }
        match event {
            Event::Start(start) => self.begin(&start)?,
            Event::End(_) => return Ok(self.end()),
            Event::CData(text) => {
                self.chunk.push_str(&text.xml10_content());
                self.end_chunk()?;
            }
            Event::Decl(declaration) => check_declaration(&declaration)?,
            Event::PI(instruction) if !is_name(instruction.target()) => {
                return Err("a processing instruction without a name".to_owned());
            }
            Event::Eof => return Err("it ends too early".to_owned()),
            _ => {}
        }
        Ok(None)
    }

    /// upstream: each piece of text between two other things takes the place of the one before.
    fn end_chunk(&mut self) -> Result<(), String> {
        let chunk = std::mem::take(&mut self.chunk);
        check_letters(&chunk)?;
        let text = chunk.trim_matches(['\t', '\r', '\u{8}', '\n', ' ']);
        let Some(element) = self.open.last_mut().filter(|_| !text.is_empty()) else { return Ok(()) };
        let place = if element.is_bare() { &mut element.before } else { &mut element.behind };
        *place = Some(Value::of_text(text.as_bytes()));
        Ok(())
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err("nested too deep".to_owned());
        }
        self.take_room()?;
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            self.take_room()?;
            let attribute = attribute.map_err(|why| why.to_string())?;
            let key = [b"-", local(attribute.key.0)?.as_bytes()].concat();
            attributes.push((key.into(), Value::of_text(attribute_value(&attribute.value)?.into_bytes())));
        }
        let name = local(start.name().0)?.as_bytes().into();
        self.open.push(Element { name, attributes, children: Vec::new(), before: None, behind: None });
        Ok(())
    }

    fn take_room(&mut self) -> Result<(), String> {
        self.room = self.room.checked_sub(1).ok_or("too many values")?;
        Ok(())
    }

    fn end(&mut self) -> Option<Value> {
        let whole = self.open.pop()?.close();
        let Some(outer) = self.open.last_mut() else { return Some(Value::Map(Map::first_of_each(vec![whole]))) };
        outer.children.push(whole);
        None
    }
}

impl Element {
    /// Whether there is nothing but text in it.
    fn is_bare(&self) -> bool {
        self.attributes.is_empty() && self.children.is_empty()
    }

    fn close(self) -> (Text, Value) {
        if self.is_bare() {
            return (self.name, self.before.unwrap_or_else(|| Value::of_text(b"")));
        }
        let mut pairs = together(self.children);
        pairs.extend(self.attributes);
        // upstream: text before the first child wins over text behind it (version 2.8.0 lost the children instead).
        pairs.extend(self.before.or(self.behind).map(|text| (TEXT.into(), text)));
        (self.name, Value::Map(Map::last_of_each(pairs)))
    }
}

/// Makes one list of all that have the same name.
fn together(mut children: Vec<(Text, Value)>) -> Vec<(Text, Value)> {
    // It keeps the order of equal ones.
    children.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut pairs = Vec::new();
    let mut children = children.into_iter().peekable();
    while let Some((name, first)) = children.next() {
        let mut values = vec![first];
        while let Some((_, next)) = children.next_if(|(other, _)| *other == name) {
            values.push(next);
        }
        let value = if values.len() > 1 { None } else { values.pop() };
        pairs.push((name, value.unwrap_or_else(|| Value::List(values.into()))));
    }
    pairs
}

/// What a reference means: one of the five names, or a character by its number. Names that a DTD declares mean nothing.
fn referred(name: &str) -> Result<char, String> {
    let number = |digits: &str, radix: u32| {
        let is_number = digits.chars().all(|digit| digit.is_digit(radix));
        u32::from_str_radix(digits, radix).ok().filter(|code| is_number && *code <= u32::from(char::MAX))
    };
    let code = match (name, name.strip_prefix('#')) {
        ("lt", _) => return Ok('<'),
        ("gt", _) => return Ok('>'),
        ("amp", _) => return Ok('&'),
        ("apos", _) => return Ok('\''),
        ("quot", _) => return Ok('"'),
        (_, Some(digits)) => match digits.strip_prefix('x') {
            Some(hex) => number(hex, 16),
            None => number(digits, 10),
        },
        _ => None,
    };
    // upstream: half of a surrogate pair is a character for Go, the replacement one.
    let letter = code.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    letter.ok_or_else(|| "a reference to nothing that XML knows".to_owned())
}

fn attribute_value(raw: &str) -> Result<String, String> {
    if raw.contains('<') || raw.contains("]]>") {
        return Err("a raw < or ]]> in an attribute".to_owned());
    }
    let raw = raw.replace("\r\n", "\n").replace('\r', "\n");
    let mut pieces = raw.split('&');
    let mut value = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, text) = piece.split_once(';').ok_or("a raw & in an attribute")?;
        value.push(referred(name)?);
        value.push_str(text);
    }
    check_letters(&value)?;
    Ok(value)
}

/// XML has no control characters, however they are written.
fn check_letters(text: &str) -> Result<(), String> {
    let is_forbidden = |letter: char| match letter {
        '\t' | '\n' | '\r' => false,
        letter => letter < ' ' || matches!(letter, '\u{fffe}' | '\u{ffff}'),
    };
    if text.contains(is_forbidden) { Err("a character that XML does not have".to_owned()) } else { Ok(()) }
}

/// A name without its prefix.
///
/// upstream: encoding/xml nsname. What can't be split in two stays whole.
fn local(name: &str) -> Result<&str, String> {
    if !is_name(name) {
        return Err("a name is missing, or has a character that names don't have".to_owned());
    }
    let split = name.split_once(':').filter(|(prefix, rest)| !prefix.is_empty() && !rest.is_empty());
    Ok(split.filter(|(_, rest)| !rest.contains(':')).map_or(name, |(_, rest)| rest))
}

fn is_name(name: &str) -> bool {
    let is_first = |letter: char| letter.is_alphabetic() || matches!(letter, '_' | ':');
    name.starts_with(is_first)
        && name.chars().all(|letter| is_first(letter) || letter.is_numeric() || matches!(letter, '-' | '.'))
}

/// upstream: encoding/xml knows version 1.0 and UTF-8.
fn check_declaration(declaration: &str) -> Result<(), String> {
    let is = |name: &str, known: &str| declared(name, declaration).is_none_or(|it| it.eq_ignore_ascii_case(known));
    if !is("version", "1.0") {
        return Err("a version of XML that is not 1.0".to_owned());
    }
    if !is("encoding", "utf-8") {
        return Err("an encoding that is not UTF-8".to_owned());
    }
    Ok(())
}

/// upstream: encoding/xml procInst, as rough as it is there.
fn declared<'d>(name: &str, declaration: &'d str) -> Option<&'d str> {
    let mut rest = declaration;
    loop {
        rest = rest.split_once(&format!("{name}="))?.1;
        if let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            return rest[1..].split_once(quote).map(|(value, _)| value).filter(|value| !value.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_can_not_be_read_says_why_and_where() {
        for (body, why) in [
            ("<a>", "it ends too early at byte 3"),
            ("<a>\u{1}</a>", "a character that XML does not have at byte 8"),
            ("<a>&nbsp;</a>", "a reference to nothing that XML knows at byte 9"),
            ("<?xml version=\"1.0\" encoding=\"koi8-r\"?><a/>", "an encoding that is not UTF-8 at byte 39"),
        ] {
            assert_eq!(parse(body.as_bytes()).map_err(|why| why.to_string()), Err(why.to_owned()), "{body}");
        }
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(deep(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(deep(MAX_DEPTH + 1).as_bytes()).unwrap_err().to_string().contains("nested too deep"));
    }

    #[test]
    fn many_attributes_and_children_take_their_time_once() {
        let attributes: String = (0..20_000).map(|number| format!(" a{number}='1'")).collect();
        let body = format!("<a{attributes}>{}</a>", "<b/>".repeat(100_000));
        assert!(parse(body.as_bytes()).is_ok());
        let small = |room: usize| read(b"<a><b c='1' c='2'/>x</a>", room).map_err(|why| why.to_string());
        assert!(small(4).is_ok() && small(3).is_err_and(|why| why.contains("too many values")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nothing_makes_it_panic(body in prop::collection::vec(prop_oneof![
            Just("<"), Just(">"), Just("</"), Just("/>"), Just("<a>"), Just("</a>"), Just("<!--"), Just("-->"), Just("<!"), Just("<?"), Just("?>"),
            Just("<![CDATA["), Just("]]>"), Just("&"), Just(";"), Just("&#x41;"), Just("\""), Just("'"), Just("="), Just(" "), Just("x"), Just(":"),
            Just("<?xml encoding="), Just("<!DOCTYPE a ["), Just("é"),
        ], 0..40)) {
            drop(parse(body.concat().as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(parse(&body));
        }
    }
}
