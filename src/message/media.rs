//! What goes along with a text: a picture, a document, a recording.

use std::fmt;
use std::sync::Arc;

use crate::go::{media_type, sniff};
use crate::url::percent_decoded;

/// The largest that is kept, in bytes: what the larger channels take, and little enough to hold a few in memory.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The type of what nobody knows.
const UNKNOWN: &str = "application/octet-stream";

/// Characters of a name that are kept: file systems take 255 bytes.
const NAME: usize = 80;

/// Types by the end of a name: what alarms bring.
const TYPES: &[(&str, &str)] = &[
    ("3gp", "video/3gpp"),
    ("aac", "audio/aac"),
    ("amr", "audio/amr"),
    ("avi", "video/x-msvideo"),
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("heic", "image/heic"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("log", "text/plain"),
    ("m4a", "audio/mp4"),
    ("mkv", "video/x-matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

/// One thing that a message brings besides its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it is to those who see it.
    pub kind: MediaKind,
    /// Its type, such as `image/png`, without parameters.
    pub mime: String,
    /// The name of its file, for those who save it.
    pub name: String,
    /// Where it is.
    pub source: MediaSource,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// On the net: `http://` or `https://`. Its size is known to nobody here.
    Link(String),
    /// With us.
    Bytes(Arc<[u8]>),
}

/// What stands on it: all that is known of it without having it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// What it is to those who see it.
    pub kind: MediaKind,
    /// Its type, without parameters.
    pub mime: String,
    /// The name of its file.
    pub name: String,
    /// Where it is.
    pub place: Place,
}

/// Where something is that is only talked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the net.
    Link(String),
    /// With us; so many bytes.
    Here(u64),
}

impl Media {
    /// What a link leads to, as far as its path tells; nobody looks there. `kind` is what somebody says that it is.
    ///
    /// # Errors
    /// It is no link.
    pub fn linked(link: &str, kind: Option<MediaKind>) -> Result<Media, &'static str> {
        let link = link.trim();
        let scheme = ["http://", "https://"]
            .into_iter()
            .find(|scheme| link.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme)));
        let rest = scheme.and_then(|scheme| link.get(scheme.len()..)).unwrap_or_default();
        let has_host = rest.chars().next().is_some_and(|first| !"/?#:@".contains(first));
        if !has_host || link.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it is neither a file nor an http:// or https:// address");
        }
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let last = path.split_once('/').and_then(|(_, path)| path.rsplit('/').next()).unwrap_or_default();
        let last = percent_decoded(last.as_bytes()).unwrap_or_else(|| last.as_bytes().to_vec());
        let name = String::from_utf8_lossy(&last);
        let mime = type_by_name(&name).unwrap_or(UNKNOWN);
        let kind = kind.unwrap_or_else(|| MediaKind::of(mime));
        let name = safe_name(&name, kind);
        Ok(Media { kind, mime: mime.to_owned(), name, source: MediaSource::Link(link.to_owned()) })
    }

    /// A file with the name and type that whoever sent it gave it. Where the type says nothing the name does, and then its
    /// first bytes.
    pub fn file(name: &str, said: Option<&str>, bytes: Arc<[u8]>, kind: Option<MediaKind>) -> Media {
        let of = |text: &str| media_type::parse(text.as_bytes()).map(|(mime, _)| mime);
        let said = said.and_then(of).filter(|mime| mime.contains('/') && mime != UNKNOWN);
        let named = || type_by_name(name).map(str::to_owned);
        let mime =
            said.or_else(named).or_else(|| of(sniff::content_type(&bytes))).unwrap_or_else(|| UNKNOWN.to_owned());
        let kind = kind.unwrap_or_else(|| MediaKind::of(&mime));
        Media { kind, name: safe_name(name, kind), mime, source: MediaSource::Bytes(bytes) }
    }

    /// What it is, where it is with us.
    pub fn bytes(&self) -> Option<Arc<[u8]>> {
        match &self.source {
            MediaSource::Bytes(bytes) => Some(Arc::clone(bytes)),
            MediaSource::Link(_) => None,
        }
    }

    /// What stands on it.
    pub fn label(&self) -> Label {
        let Media { kind, mime, name, source } = self;
        let place = match source {
            MediaSource::Link(link) => Place::Link(link.clone()),
            MediaSource::Bytes(bytes) => Place::Here(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
        };
        Label { kind: *kind, mime: mime.clone(), name: name.clone(), place }
    }
}

impl Label {
    /// Whether its type is known.
    pub fn has_known_type(&self) -> bool {
        self.mime != UNKNOWN
    }
}

/// `image graph.png, image/png, 3.0 MiB`, or with the link in the place of the size.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label { kind, mime, name, place } = self;
        write!(f, "{} {name}, {mime}, ", kind.as_str())?;
        match place {
            Place::Link(link) => f.write_str(link),
            Place::Here(bytes) => f.write_str(&size(*bytes)),
        }
    }
}

/// So many bytes, for people.
pub fn size(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 20;
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{}.{} MiB", tenths / 10, tenths % 10),
    }
}

fn type_by_name(name: &str) -> Option<&'static str> {
    let (_, end) = name.rsplit_once('.')?;
    TYPES.iter().find(|(known, _)| end.eq_ignore_ascii_case(known)).map(|(_, mime)| *mime)
}

/// A name that is only that, whatever its sender wrote: no path, nothing that a header, a shell or a file system takes for
/// more, and not too long, its end kept. Without one it is called by its kind.
fn safe_name(name: &str, kind: MediaKind) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_kept = |c: &char| !c.is_control() && !"\"<>:|?*;%\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(*c);
    let name: String = last.chars().filter(is_kept).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if name.is_empty() {
        return kind.as_str().to_owned();
    }
    let (stem, end) = name.rsplit_once('.').filter(|(_, end)| end.chars().count() <= 8).unwrap_or((name, ""));
    let stem: String = stem.chars().take(NAME).collect();
    if end.is_empty() { stem } else { format!("{}.{end}", stem.trim_end()) }
}

/// What it is to those who see it. Messengers draw these lines alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// A picture, shown at once.
    Image,
    /// A moving one.
    Video,
    /// Something to hear.
    Audio,
    /// Any other file.
    Document,
}

impl MediaKind {
    /// Every kind with its word.
    pub const ALL: [(&'static str, MediaKind); 4] = [
        ("image", MediaKind::Image),
        ("video", MediaKind::Video),
        ("audio", MediaKind::Audio),
        ("document", MediaKind::Document),
    ];

    /// The kind that a type is of, by its first half.
    pub fn of(mime: &str) -> MediaKind {
        let first = mime.split('/').next().unwrap_or_default();
        let known = MediaKind::ALL.iter().find(|(word, _)| first.eq_ignore_ascii_case(word));
        known.map_or(MediaKind::Document, |(_, kind)| *kind)
    }

    /// The kind that a word means.
    pub fn named(word: &str) -> Option<MediaKind> {
        MediaKind::ALL.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaKind::Image => "image",
            MediaKind::Video => "video",
            MediaKind::Audio => "audio",
            MediaKind::Document => "document",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_leads_to_is_read_from_its_path() {
        for (link, read) in [
            ("https://h/a/graph.PNG?x=1.pdf#y", Some("image graph.PNG, image/png")),
            ("HTTP://h/%D0%B4%D0%B8%D1%81%D0%BA.pdf", Some("document диск.pdf, application/pdf")),
            ("https://h/render/d-solo/x?panel=2", Some("document x, application/octet-stream")),
            ("https://h", Some("document document, application/octet-stream")),
            ("https://h/a.ogg", Some("audio a.ogg, audio/ogg")),
            ("ftp://h/a.png", None),
            ("https://", None),
            ("https:///a.png", None),
            ("https://h/a b.png", None),
            ("graph.png", None),
            ("", None),
        ] {
            let found = Media::linked(link, None).ok().map(|media| media.label().to_string());
            assert_eq!(found, read.map(|read| format!("{read}, {link}")), "{link}");
        }
        assert_eq!(
            Media::linked("https://h/render?panel=2", Some(MediaKind::Image)).map(|m| m.kind),
            Ok(MediaKind::Image)
        );
    }

    #[test]
    fn a_file_is_what_its_sender_says_or_its_name_or_its_first_bytes() {
        let png = b"\x89PNG\r\n\x1a\n";
        for (name, said, bytes, read) in [
            ("g.bin", Some("image/PNG; x=y"), &b"?"[..], "image g.bin, image/png, 1 B"),
            ("g.jpg", Some("application/octet-stream"), png, "image g.jpg, image/jpeg, 8 B"),
            ("graph", None, png, "image graph, image/png, 8 B"),
            ("", Some("nonsense"), png, "image image, image/png, 8 B"),
            ("core", None, &[0; 2048], "document core, application/octet-stream, 2 KiB"),
            ("clip.mp4", None, &[0; 3 << 20], "video clip.mp4, video/mp4, 3.0 MiB"),
        ] {
            assert_eq!(Media::file(name, said, bytes.into(), None).label().to_string(), read);
        }
    }

    #[test]
    fn a_name_is_no_more_than_a_name() {
        for (name, safe) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\tmp\\a.png", "a.png"),
            ("a\r\nX: y\".png", "aX y.png"),
            ("...", "image"),
            ("\u{202e}gnp.exe", "gnp.exe"),
            ("график за день.png", "график за день.png"),
        ] {
            assert_eq!(safe_name(name, MediaKind::Image), safe, "{name:?}");
        }
        assert_eq!(safe_name(&format!("{}.png", "a".repeat(300)), MediaKind::Image).len(), NAME + 4);
        assert!(TYPES.windows(2).all(|pair| pair[0].0 < pair[1].0), "keep the table in order");
    }
}
