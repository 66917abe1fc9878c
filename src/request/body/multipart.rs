//! `multipart/form-data` as Go's mime/multipart reads it, from a body that is all there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::go::header::canonical;
use crate::go::{media_type, quoted_printable};

/// The memory that forms may take besides the 10 MiB below, in bytes, where `-max-multipart-mem` does not say.
pub const DEFAULT_MEMORY: i64 = 1024 * 1024;

/// What values and names may take in any case, in bytes (upstream: mime/multipart readForm).
const MEMORY_FOR_VALUES: i64 = 10 * 1024 * 1024;

/// What a part is counted for besides its name and content, and what a file is besides that.
const PART_BYTES: i64 = 200;
const FILE_BYTES: i64 = 200 + 100 + 400;
const HEADER_BYTES: i64 = 100;

/// Parts of one form, and lines in the heads of its parts.
const PARTS: usize = 1000;
const HEADERS: usize = 10_000;

/// The longest line outside of the parts and in quoted-printable ones, in bytes: Go's buffer.
const LINE: usize = 4096;

/// Why it is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The request's own content type is another.
    #[error("request Content-Type isn't multipart/form-data")]
    OtherType,
    /// There is no boundary.
    #[error("no multipart boundary param in Content-Type")]
    NoBoundary,
    /// It ends before its last boundary.
    #[error("the body ends before the closing boundary")]
    Cut,
    /// Something stands between the parts.
    #[error("something other than a part follows a boundary")]
    Stray,
    /// The head of a part is none.
    #[error("malformed MIME header line")]
    Head,
    /// A quoted-printable part is malformed, or has a line beyond 4 KiB.
    #[error("invalid quoted-printable text")]
    Encoding,
    /// It has more parts, headers or bytes than it may.
    #[error("message too large: at most {PARTS} parts, and {} MiB of values besides -max-multipart-mem", MEMORY_FOR_VALUES >> 20)]
    TooLarge,
    /// The query is broken, which Go reads along with a form.
    #[error("the query has a broken %-escape or a raw \";\"")]
    Query,
}

/// What a form holds: of parts of one name the first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Form<'a> {
    /// Values.
    pub values: BTreeMap<Vec<u8>, Cow<'a, [u8]>>,
    /// Files: parts with a file name.
    pub files: BTreeMap<Vec<u8>, File<'a>>,
}

/// A file of a form.
#[derive(Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Whether its type is `application/json`, without parameters.
    pub is_json: bool,
    /// What its sender calls it.
    pub name: Vec<u8>,
    /// Its type, where its sender says one.
    pub mime: Option<String>,
    /// What is in it.
    pub content: Cow<'a, [u8]>,
}

/// Reads a form; `content_type` is what the request itself says, `memory` is `-max-multipart-mem`.
///
/// upstream: net/http ParseMultipartForm. A body that ends inside the head of a part is a form all the same.
pub fn parse<'a>(body: &'a [u8], content_type: &[u8], memory: i64) -> Result<Form<'a>, MultipartError> {
    let kind = media_type::parse(content_type).filter(|(kind, _)| kind == "multipart/form-data");
    let (_, mut parameters) = kind.ok_or(MultipartError::OtherType)?;
    let boundary = parameters.remove("boundary").filter(|boundary| !boundary.is_empty());
    let delimiter = [b"\r\n--", boundary.ok_or(MultipartError::NoBoundary)?.as_slice()].concat();
    let mut reader = Reader { rest: body, delimiter: &delimiter, begun: false };
    let mut form = Form::default();
    let mut room = Room { values: memory.saturating_add(MEMORY_FOR_VALUES).max(0), files: memory, headers: HEADERS };
    let mut parts = 0;
    while let Some(part) = reader.part(&room)? {
        parts += 1;
        if parts > PARTS {
            return Err(MultipartError::TooLarge);
        }
        let Some((name, file_name)) = part.name_and_file() else { continue };
        room.take(i64::try_from(name.len()).unwrap_or(i64::MAX).saturating_add(PART_BYTES))?;
        let content = part.content()?;
        let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
        if let Some(file_name) = file_name {
            room.take_file(&part, length)?;
            let is_json = part.all("Content-Type").any(|kind| kind == b"application/json");
            let mime = part.all("Content-Type").next().map(|kind| String::from_utf8_lossy(kind).into_owned());
            form.files.entry(name).or_insert(File { is_json, name: file_name, mime, content });
        } else {
            room.take(length)?;
            form.values.entry(name).or_insert(content);
        }
    }
    Ok(form)
}

/// What a form may still take.
struct Room {
    values: i64,
    files: i64,
    headers: usize,
}

impl Room {
    fn take(&mut self, bytes: i64) -> Result<(), MultipartError> {
        self.values = self.values.saturating_sub(bytes);
        if self.values < 0 { Err(MultipartError::TooLarge) } else { Ok(()) }
    }

    /// A file that fits is counted, a larger one would be on a disk upstream.
    fn take_file(&mut self, part: &Part<'_>, length: i64) -> Result<(), MultipartError> {
        let head = part.head.iter().map(|(name, value)| name.len() + value.len());
        let head = i64::try_from(head.sum::<usize>()).unwrap_or(i64::MAX);
        let lines = i64::try_from(part.head.len()).unwrap_or(i64::MAX);
        self.take(head.saturating_add(lines.saturating_mul(HEADER_BYTES)).saturating_add(FILE_BYTES))?;
        self.headers = self.headers.saturating_sub(part.head.len());
        if length <= self.files {
            self.files -= length;
            self.values = self.values.saturating_sub(length);
        }
        Ok(())
    }
}

/// The lines of a part's head: canonical name and value.
type Head = Vec<(String, Vec<u8>)>;

/// One part: its head and its raw content.
struct Part<'a> {
    head: Head,
    raw: &'a [u8],
}

impl<'a> Part<'a> {
    fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.head.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_slice())
    }

    /// What it is called, and the name of its file if it is one; none if it is no part of a form.
    fn name_and_file(&self) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let (kind, mut parameters) = media_type::parse(self.all("Content-Disposition").next()?)?;
        let file = parameters.remove("filename").filter(|name| !name.is_empty());
        let name = parameters.remove("name").filter(|name| kind == "form-data" && !name.is_empty())?;
        Some((name, file))
    }

    fn content(&self) -> Result<Cow<'a, [u8]>, MultipartError> {
        let encoding = self.all("Content-Transfer-Encoding").next().unwrap_or_default();
        if encoding.eq_ignore_ascii_case(b"quoted-printable") {
            let mut lines = self.raw.split(|byte| *byte == b'\n');
            let last = lines.next_back().map_or(0, <[u8]>::len);
            if last > LINE || lines.any(|line| line.len() >= LINE) {
                return Err(MultipartError::Encoding);
            }
            return quoted_printable::decode(self.raw).map(Cow::Owned).ok_or(MultipartError::Encoding);
        }
        Ok(Cow::Borrowed(self.raw))
    }
}

/// upstream: mime/multipart Reader.
struct Reader<'a, 'b> {
    rest: &'a [u8],
    /// Line end, two dashes, boundary.
    delimiter: &'b [u8],
    /// Whether a part was read.
    begun: bool,
}

impl<'a> Reader<'a, '_> {
    fn newline(&self) -> &[u8] {
        if self.delimiter.starts_with(b"\r") { b"\r\n" } else { b"\n" }
    }

    fn dashes(&self) -> &[u8] {
        &self.delimiter[self.newline().len()..]
    }

    /// The next part; none after the last.
    fn part(&mut self, room: &Room) -> Result<Option<Part<'a>>, MultipartError> {
        let mut expected = false;
        loop {
            let line = self.line()?;
            if self.is_delimiter(line) {
                self.begun = true;
                let Some(head) = self.head(room)? else { return Ok(None) };
                return Ok(Some(Part { head, raw: self.content()? }));
            }
            if self.is_last(line) {
                return Ok(None);
            }
            if !line.ends_with(b"\n") {
                return Err(MultipartError::Cut);
            }
            if expected {
                return Err(MultipartError::Stray);
            }
            if self.begun {
                // The line end before a boundary belongs to the boundary.
                expected = line == self.newline();
                if !expected {
                    return Err(MultipartError::Stray);
                }
            }
        }
    }

    /// The next line with its end, if it has one.
    fn line(&mut self) -> Result<&'a [u8], MultipartError> {
        let end = self.rest.iter().take(LINE).position(|byte| *byte == b'\n');
        if end.is_none() && self.rest.len() >= LINE {
            return Err(MultipartError::Stray);
        }
        let (line, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
        self.rest = rest;
        Ok(line)
    }

    fn is_delimiter(&mut self, line: &[u8]) -> bool {
        let Some(end) = line.strip_prefix(self.dashes()).map(skip_blanks) else { return false };
        // Whoever ends the first such line with LF ends them all so.
        if !self.begun && end == b"\n" && self.delimiter.starts_with(b"\r") {
            self.delimiter = &self.delimiter[1..];
        }
        end == self.newline()
    }

    fn is_last(&self, line: &[u8]) -> bool {
        let end = line.strip_prefix(self.dashes()).and_then(|end| end.strip_prefix(b"--")).map(skip_blanks);
        end.is_some_and(|end| end.is_empty() || end == self.newline())
    }

    /// The head of a part; none where the body ends in it.
    fn head(&mut self, room: &Room) -> Result<Option<Head>, MultipartError> {
        let mut head = Head::new();
        let mut left = usize::try_from(room.values).unwrap_or(usize::MAX);
        loop {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
            self.rest = rest;
            left = left.checked_sub(line.len()).ok_or(MultipartError::TooLarge)?;
            if line.is_empty() {
                return Ok(None);
            }
            let continues = line.starts_with(b" ") || line.starts_with(b"\t");
            let line = line.trim_ascii();
            if continues {
                let (_, value) = head.last_mut().ok_or(MultipartError::Head)?;
                value.push(b' ');
                value.extend_from_slice(line);
                continue;
            }
            if line.is_empty() {
                return Ok(Some(head));
            }
            let colon = line.iter().position(|byte| *byte == b':').ok_or(MultipartError::Head)?;
            if head.len() >= room.headers {
                return Err(MultipartError::TooLarge);
            }
            let name = canonical(&String::from_utf8_lossy(&line[..colon])).into_owned();
            head.push((name, line[colon + 1..].trim_ascii_start().to_vec()));
        }
    }

    /// What stands before the next boundary.
    fn content(&mut self) -> Result<&'a [u8], MultipartError> {
        if self.rest.strip_prefix(self.dashes()).is_some_and(ends_boundary) {
            return Ok(&[]);
        }
        let first = self.delimiter[0];
        let mut from = 0;
        while let Some(found) = self.rest[from..].iter().position(|byte| *byte == first) {
            let at = from + found;
            if self.rest[at..].strip_prefix(self.delimiter).is_some_and(ends_boundary) {
                let (content, rest) = self.rest.split_at(at);
                self.rest = rest;
                return Ok(content);
            }
            from = at + 1;
        }
        Err(MultipartError::Cut)
    }
}

/// Whether what follows a boundary lets it be one. At the end of the body it does.
fn ends_boundary(after: &[u8]) -> bool {
    matches!(after, [] | [b' ' | b'\t' | b'\r' | b'\n', ..] | [b'-', b'-', ..])
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(text.len())..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KIND: &[u8] = b"multipart/form-data; boundary=b";

    fn shown(body: &str) -> String {
        match parse(body.as_bytes(), KIND, 0) {
            Ok(form) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let values = form.values.iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
                let files = form.files.iter().map(|(name, file)| {
                    format!("{}{}{}", text(name), if file.is_json { ":" } else { "~" }, text(&file.content))
                });
                values.chain(files).collect::<Vec<_>>().join("|")
            }
            Err(why) => format!("! {why:?}"),
        }
    }

    #[test]
    fn forms_are_read_as_go_reads_them() {
        let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n";
        for (rest, read) in [
            ("--b--", "a=v"),
            ("--b-- \t\r\nepilog", "a=v"),
            ("--b\r\n", "a=v"),
            ("--b\r\nContent-Dispo: x\r\n", "a=v"),
            ("--b", "! Cut"),
            ("", "! Cut"),
            ("--b \r\nContent-Disposition: form-data;\r\n name=c\r\n\r\nw\r\n--b--", "a=v|c=w"),
            ("--b\r\ncontent-disposition: form-data; name=c; filename=x\r\n\r\nw\r\n--b--", "a=v|c~w"),
            ("--b\r\n no head\r\n\r\nw\r\n--b--", "! Head"),
            ("--b\r\nno head\r\n\r\nw\r\n--b--", "! Head"),
            ("--b x\r\n--b--", "! Stray"),
        ] {
            assert_eq!(shown(&format!("{part}{rest}")), read, "{rest}");
        }
    }

    #[test]
    fn a_form_has_its_limits() {
        let part = |content: usize| {
            format!("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n{}\r\n", "x".repeat(content))
        };
        let read = |body: String| parse(body.as_bytes(), KIND, 0).map(|_| ());
        assert_eq!(read(part(1).repeat(1000) + "--b--"), Ok(()));
        assert_eq!(read(part(1).repeat(1001) + "--b--"), Err(MultipartError::TooLarge));
        assert_eq!(read(part(10 * 1024 * 1024 - 201) + "--b--"), Ok(()));
        assert_eq!(read(part(10 * 1024 * 1024 - 200) + "--b--"), Err(MultipartError::TooLarge));
        assert_eq!(read(format!("--b\r\n{}\r\n", "X: y\r\n".repeat(10_001))), Err(MultipartError::TooLarge));
        let encoded = |length: usize, rest: &str| {
            let head = "Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: quoted-printable";
            read(format!("--b\r\n{head}\r\n\r\n{}{rest}\r\n--b--", "x".repeat(length)))
        };
        assert_eq!((encoded(4095, "\nx"), encoded(4096, "\nx")), (Ok(()), Err(MultipartError::Encoding)));
        assert_eq!((encoded(4096, ""), encoded(4097, "")), (Ok(()), Err(MultipartError::Encoding)));
        let head = |length: usize| format!("--b\r\nX: {}\r\n\r\n--b--", "y".repeat(length));
        assert_eq!(read(head(10 * 1024 * 1024 - 7)), Ok(()));
        assert_eq!(read(head(10 * 1024 * 1024)), Err(MultipartError::TooLarge));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nothing_makes_it_panic(body in prop::collection::vec(prop_oneof![
            Just("--b"), Just("--"), Just("\r\n"), Just("\n"), Just("\r"), Just("--b\r\n"), Just("Content-Disposition: form-data; name=a"),
            Just("; filename=x"), Just("Content-Transfer-Encoding: quoted-printable"), Just("="), Just(" "), Just(":"), Just("x"), Just("\""),
        ], 0..40), kind in prop_oneof![Just(KIND), Just(&b"multipart/form-data; boundary=\"\r\n--b\""[..])]) {
            drop(parse(body.concat().as_bytes(), kind, 0));
        }

        #[test]
        fn what_is_written_comes_back(values in prop::collection::btree_map("[a-z]{1,8}", "[^-]{0,40}", 0..5)) {
            let part = |(name, value)| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            let body = values.iter().map(part).collect::<String>() + "--b--\r\n";
            let form = parse(body.as_bytes(), KIND, 0).unwrap();
            let read = form.values.iter().map(|(name, value)| (name.clone(), value.to_vec()));
            prop_assert!(read.eq(values.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes()))));
        }
    }
}
