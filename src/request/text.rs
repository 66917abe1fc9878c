//! Text that people will read, out of the bytes that programs send.

use encoding_rs::Encoding;

/// A text made fit for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    /// The text: line ends are LF, and there is no control character but newline and tab.
    pub text: String,
    /// Bytes that are no text in any encoding we were told of became U+FFFD.
    pub lossy: bool,
}

/// Makes text of bytes: UTF-8 where they are that, else by `charset`, else with U+FFFD in place of what can't be read.
pub fn readable(bytes: &[u8], charset: Option<&'static Encoding>) -> Readable {
    let (text, lossy) = match (std::str::from_utf8(bytes), charset) {
        (Ok(text), _) => (text.to_owned(), false),
        (Err(_), Some(charset)) => {
            let (text, lossy) = charset.decode_without_bom_handling(bytes);
            (text.into_owned(), lossy)
        }
        (Err(_), None) => (String::from_utf8_lossy(bytes).into_owned(), true),
    };
    let text = text.replace("\r\n", "\n");
    let text = text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect();
    Readable { text, lossy }
}

/// Whether nobody would see anything: only white space, zero-width characters and byte order marks.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|letter| {
        letter.is_whitespace()
            || matches!(letter, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    })
}

/// The charset that a name such as `windows-1251` or `koi8-r` means (WHATWG Encoding's labels).
pub fn charset(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_text_that_people_can_read() {
        let cyrillic = charset("windows-1251");
        for (bytes, charset, text, lossy) in [
            ("привет\r\nбуфет 🔔".as_bytes(), None, "привет\nбуфет 🔔", false),
            (b"\xef\xf0\xe8\xe2\xe5\xf2", cyrillic, "привет", false),
            ("привет".as_bytes(), cyrillic, "привет", false),
            (b"a\xffb", None, "a\u{fffd}b", true),
            (b"a\0b\x07c\td\ne\x1b[31m", None, "abc\td\ne[31m", false),
        ] {
            assert_eq!(readable(bytes, charset), Readable { text: text.to_owned(), lossy });
        }
    }

    #[test]
    fn what_nobody_sees_is_blank() {
        for text in ["", " \t\n", "\u{a0}", "\u{200b}\u{feff}", "\u{3000}\u{2060}"] {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank("\u{200b}."));
    }
}
