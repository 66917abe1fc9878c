//! The type that Go's net/http guesses for an answer that names none.

/// How much of a body is looked at.
const LOOKED_AT: usize = 512;

/// Tags that make a text HTML, if a blank or `>` follows.
const TAGS: &[&str] = &[
    "<!DOCTYPE HTML",
    "<HTML",
    "<HEAD",
    "<SCRIPT",
    "<IFRAME",
    "<H1",
    "<DIV",
    "<FONT",
    "<TABLE",
    "<A",
    "<STYLE",
    "<TITLE",
    "<B",
    "<BODY",
    "<BR",
    "<P",
    "<!--",
];

/// First bytes that tell what follows.
const MAGIC: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xfe\xff", "text/plain; charset=utf-16be"),
    (b"\xff\xfe", "text/plain; charset=utf-16le"),
    (b"\xef\xbb\xbf", TEXT),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"\0\0\x02\0", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\0", "application/ogg"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"\0\x01\0\0", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1a\x07\0", "application/x-rar-compressed"),
    (b"Rar!\x1a\x07\x01\0", "application/x-rar-compressed"),
    (b"\0asm", "application/wasm"),
];

const TEXT: &str = "text/plain; charset=utf-8";

/// The content type of `body`.
///
/// upstream: net/http DetectContentType, without its RIFF, AIFF and MP4 containers.
pub fn content_type(body: &[u8]) -> &'static str {
    let body = body.get(..LOOKED_AT).unwrap_or(body);
    let start = body.iter().position(|byte| !b"\t\n\x0c\r ".contains(byte)).unwrap_or(body.len());
    let text = &body[start..];
    let is_tag = |tag: &str| {
        let begins = text.get(..tag.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(tag.as_bytes()));
        begins && matches!(text.get(tag.len()), Some(b' ' | b'>'))
    };
    if TAGS.iter().any(|tag| is_tag(tag)) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| body.starts_with(magic)) {
        return kind;
    }
    let is_binary = |byte: &u8| matches!(byte, 0..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f);
    if text.iter().any(is_binary) { "application/octet-stream" } else { TEXT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_guessed_as_go_does() {
        for (body, kind) in [
            (&b"{\"a\":1}"[..], TEXT),
            (b"", TEXT),
            (b"\x1b[31mred\x1b[0m\xff", TEXT),
            (b"<!DOCTYPE html><p>", "text/html; charset=utf-8"),
            (b" \n<hTmL>", "text/html; charset=utf-8"),
            (b"<br/>", TEXT),
            (b"<a", TEXT),
            (b"<!--x", TEXT),
            (b"<!-- x", "text/html; charset=utf-8"),
            (b"\t<?xml version", "text/xml; charset=utf-8"),
            (b"GIF89a", "image/gif"),
            (b" GIF89a", TEXT),
            (b"a\0b", "application/octet-stream"),
        ] {
            assert_eq!(content_type(body), kind, "{}", String::from_utf8_lossy(body));
        }
        assert_eq!(content_type(&[vec![b'a'; 512], vec![0]].concat()), TEXT);
    }
}
