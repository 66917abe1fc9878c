//! What Go's `net/http` takes an answer's body for, where nobody set a content type.

/// Bytes that are looked at.
const LOOKED_AT: usize = 512;

/// Whatever is not seen as something else, and has no byte that no text has.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// Tags that make a page, behind blanks and in any case; a blank or `>` must follow.
const PAGE: &[&str] = &[
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

/// Beginnings, in Go's order; a `?` stands for any byte.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"\xFE\xFF??", "text/plain; charset=utf-16be"),
    (b"\xFF\xFE??", "text/plain; charset=utf-16le"),
    (b"\xEF\xBB\xBF?", TEXT),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"\x00\x00\x02\x00", "image/x-icon"),
    (b"BM", "image/bmp"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF????WEBPVP", "image/webp"),
    (b"\x89PNG\r\n\x1A\n", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"FORM????AIFF", "audio/aiff"),
    (b"ID3", "audio/mpeg"),
    (b"OggS\x00", "application/ogg"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"RIFF????AVI ", "video/avi"),
    (b"RIFF????WAVE", "audio/wave"),
    (b"\x1A\x45\xDF\xA3", "video/webm"),
    (b"\x00\x01\x00\x00", "font/ttf"),
    (b"OTTO", "font/otf"),
    (b"ttcf", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x1F\x8B\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"Rar!\x1A\x07\x00", "application/x-rar-compressed"),
    (b"Rar!\x1A\x07\x01\x00", "application/x-rar-compressed"),
    (b"\x00asm", "application/wasm"),
];

/// The content type of a body by its first bytes. Video containers and embedded fonts, which no command of a hook
/// answers with, are left out.
///
/// upstream: net/http DetectContentType.
pub fn content_type(body: &[u8]) -> &'static str {
    let body = &body[..body.len().min(LOOKED_AT)];
    let blank = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' ');
    let text = &body[body.iter().position(|byte| !blank(byte)).unwrap_or(body.len())..];
    if PAGE.iter().any(|tag| opens(text, tag.as_bytes())) {
        return "text/html; charset=utf-8";
    }
    if text.starts_with(b"<?xml") {
        return "text/xml; charset=utf-8";
    }
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| begins(body, beginning)) {
        return kind;
    }
    let no_text = |byte: &u8| matches!(byte, 0..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F);
    if text.iter().any(no_text) { "application/octet-stream" } else { TEXT }
}

fn opens(text: &[u8], tag: &[u8]) -> bool {
    text.len() > tag.len() && text[..tag.len()].eq_ignore_ascii_case(tag) && matches!(text[tag.len()], b' ' | b'>')
}

fn begins(body: &[u8], beginning: &[u8]) -> bool {
    body.len() >= beginning.len() && beginning.iter().zip(body).all(|(wanted, byte)| *wanted == b'?' || wanted == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_taken_for_what_go_takes_them() {
        for (body, kind) in [
            (&b"OK"[..], TEXT),
            (b"{\"a\":1}", TEXT),
            (b"", TEXT),
            (b"\xD0\xBF\xFF", TEXT),
            (b" \n<!doctype html><p>", "text/html; charset=utf-8"),
            (b"<p>hi", "text/html; charset=utf-8"),
            (b"<p", TEXT),
            (b"<pre>", TEXT),
            (b"\t<?xml version=", "text/xml; charset=utf-8"),
            (b"\x89PNG\r\n\x1A\n...", "image/png"),
            (b"RIFF1234WAVE", "audio/wave"),
            (b"a\x00b", "application/octet-stream"),
            (b"\x1Bcolour", TEXT),
        ] {
            assert_eq!(content_type(body), kind, "{:?}", String::from_utf8_lossy(body));
        }
    }
}
