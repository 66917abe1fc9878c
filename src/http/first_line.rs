//! The first request line of a connection, made acceptable: bytes that an HTTP parser refuses in a target, though
//! people type them into `curl`, become percent-encoded.
//!
//! Only the first line, because finding the next one would take parsing bodies here: `curl`, the caller this is for,
//! sends one request a connection. Whatever follows the first line feed passes untouched.

/// The longest request target that is served, in bytes and percent-encoded: 60 KiB, a little under the parser's own
/// limit of 65,534, so that the refusal is ours and can say what to do instead.
pub const MAX_URI: usize = 60 * 1024;

/// Where in the line the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Line breaks before the method, which parsers skip.
    Start,
    Method,
    Target,
    /// The version, or whatever else is behind the target's end.
    Rest,
    /// Behind the line feed.
    Over,
}

/// Reads the first line in whatever pieces it arrives, and says what to hand on instead.
#[derive(Debug)]
pub(crate) struct FirstLine {
    at: At,
    /// The beginning of a character of several bytes, whose end has not arrived.
    held: Vec<u8>,
    /// Bytes of the target handed on so far.
    target: usize,
    cut: bool,
}

impl FirstLine {
    /// At the beginning of a connection.
    pub(crate) fn new() -> FirstLine {
        FirstLine { at: At::Start, held: Vec::new(), target: 0, cut: false }
    }

    /// Whether the line is complete: what comes now is nothing to us.
    pub(crate) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    /// Whether the target was longer than `MAX_URI`. It was then cut there, and nobody may act on it.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether `bytes`, the first of a connection, hold a whole line that needs no repair: the usual case, and the
    /// cheap one. The line is over then.
    pub(crate) fn passes(&mut self, bytes: &[u8]) -> bool {
        if self.at != At::Start {
            return false;
        }
        let line = bytes.iter().position(|&byte| byte == b'\n').map(|end| &bytes[..end]);
        let passes = line.is_some_and(|line| !line.is_empty() && line.len() < MAX_URI && line.iter().all(is_harmless));
        if passes {
            self.at = At::Over;
        }
        passes
    }

    /// Takes the next bytes of the connection and appends to `out` what to hand on for them.
    pub(crate) fn repair(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for (index, &byte) in bytes.iter().enumerate() {
            match (self.at, byte) {
                (At::Over, _) => return out.extend_from_slice(&bytes[index..]),
                (At::Target, b' ' | b'\r' | b'\n') => {
                    self.end(out);
                    self.at = if byte == b'\n' { At::Over } else { At::Rest };
                    out.push(byte);
                }
                (At::Target, _) => self.target(byte, out),
                (at, _) => {
                    self.at = match (at, byte) {
                        (At::Start, b'\r' | b'\n') => At::Start,
                        (_, b'\n') => At::Over,
                        (At::Method, b' ') => At::Target,
                        (At::Start, _) => At::Method,
                        _ => at,
                    };
                    out.push(byte);
                }
            }
        }
    }

    /// Nothing more arrives, in the target or at all: what was held back for its end is no character.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        for byte in std::mem::take(&mut self.held) {
            self.encoded(byte, out);
        }
    }

    fn target(&mut self, byte: u8, out: &mut Vec<u8>) {
        if !self.held.is_empty() {
            if continues(&self.held, byte) {
                self.held.push(byte);
                if self.held.len() == length(self.held[0]) {
                    let character = std::mem::take(&mut self.held);
                    self.put(&character, out);
                }
                return;
            }
            self.end(out);
        }
        match byte {
            _ if length(byte) > 1 => self.held.push(byte),
            0x80.. => self.encoded(byte, out),
            _ if is_refused(byte) => self.encoded(byte, out),
            _ => self.put(&[byte], out),
        }
    }

    fn encoded(&mut self, byte: u8, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        self.put(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]], out);
    }

    /// What is beyond the limit is dropped here: a caller who never ends the line costs no memory.
    fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.target > MAX_URI {
            return;
        }
        out.extend_from_slice(bytes);
        self.target += bytes.len();
        self.cut = self.target > MAX_URI;
    }
}

/// A byte that can stand anywhere in a request line. Others are looked at one by one.
fn is_harmless(byte: &u8) -> bool {
    matches!(byte, b'\r' | b' '..=b'~') && !is_refused(*byte)
}

/// The printable ASCII characters that would not reach a hook: the parser refuses the first three in a query, the first
/// two and a backtick in a path, and silently drops all that follows `#`. Upstream, whose parser takes them as they are,
/// hands all of them to its hooks. Control bytes are refused by both, and stay so.
fn is_refused(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'"' | b'`' | b'#')
}

/// How many bytes the UTF-8 character has that begins with `first`; 1 also for what begins none.
fn length(first: u8) -> usize {
    match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 1,
    }
}

/// Whether `byte` can stand behind `begun` in a UTF-8 character: no overlong forms, no surrogates, nothing past U+10FFFF.
fn continues(begun: &[u8], byte: u8) -> bool {
    match begun {
        [0xE0] => matches!(byte, 0xA0..=0xBF),
        [0xED] => matches!(byte, 0x80..=0x9F),
        [0xF0] => matches!(byte, 0x90..=0xBF),
        [0xF4] => matches!(byte, 0x80..=0x8F),
        _ => matches!(byte, 0x80..=0xBF),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repaired<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
        let (mut line, mut out) = (FirstLine::new(), Vec::new());
        pieces.into_iter().for_each(|piece| line.repair(piece, &mut out));
        line.end(&mut out);
        out
    }

    fn target(bytes: &[u8]) -> Vec<u8> {
        let line = [b"GET ".as_slice(), bytes, b" HTTP/1.1\r\n"].concat();
        let out = repaired([line.as_slice()]);
        out[4..out.len() - 11].to_vec()
    }

    #[test]
    fn only_what_the_parser_refuses_is_encoded() {
        for (raw, encoded) in [
            (b"/hooks/bell?msg=a\"b<c>d#e".as_slice(), b"/hooks/bell?msg=a%22b%3Cc%3Ed%23e".as_slice()),
            (b"/a\\^|{}[]'%22%?x=\\^|{}`", b"/a\\^|{}[]'%22%?x=\\^|{}%60"),
            ("/ä?x=€😀".as_bytes(), "/ä?x=€😀".as_bytes()),
            (b"/\xff?x=\xe4", b"/%FF?x=%E4"),
            (b"/\xe2\x82", b"/%E2%82"),
            (b"/\xe2\xe2\x82\xac", b"/%E2\xe2\x82\xac"),
            (b"/\xe2\x82\"", b"/%E2%82%22"),
            (b"/\xc0\xaf\xe0\x80\xed\xa0\x80\xf4\x90\xf5", b"/%C0%AF%E0%80%ED%A0%80%F4%90%F5"),
        ] {
            assert_eq!(target(raw), encoded, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn every_printable_byte_then_reaches_the_hook() {
        for byte in (0x21..=0x7e).chain(0x80..=0xff) {
            for before in ["/p", "/p?q="] {
                let out = String::from_utf8(target(&[before.as_bytes(), &[byte], b"z"].concat())).unwrap();
                let uri: http::Uri = out.parse().unwrap_or_else(|error| panic!("{byte:#x} {out}: {error}"));
                assert_eq!(uri.path_and_query().unwrap().as_str(), out);
            }
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for whole in [
            b"\r\n\r\nGET /x HTTP/1.1\r\nA: \"<\xff>#\"\r\n\r\nGET /\"<\xff HTTP/1.1\r\n\r\n".as_slice(),
            b"GET /a b\"c HTTP/1.1\r\n\r\n\"",
            b"G\"\xffT /x\n/\"",
            b"\x16\x03\x01\x02\"\n",
        ] {
            assert_eq!(repaired([whole]), whole, "{}", whole.escape_ascii());
        }
    }

    #[test]
    fn a_target_over_the_limit_is_cut_and_says_so() {
        let long = format!("GET /{} HTTP/1.1\r\nA: b\r\n", "\"".repeat(MAX_URI));
        let (mut line, mut out) = (FirstLine::new(), Vec::new());
        line.repair(long.as_bytes(), &mut out);
        assert!(line.is_cut() && line.is_over());
        assert!(out.len() < MAX_URI + 40 && out.ends_with(b"%22 HTTP/1.1\r\nA: b\r\n"));
        let exact = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_URI - 1));
        let (mut line, mut out) = (FirstLine::new(), Vec::new());
        line.repair(exact.as_bytes(), &mut out);
        assert!(!line.is_cut() && out == exact.as_bytes());
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_split_does_not_matter(
            target in "[ -~äß€😀\"<>#]{0,40}", raw in proptest::collection::vec(any::<u8>(), 0..40), size in 1_usize..9
        ) {
            let whole = [b"\nPOST /".as_slice(), target.as_bytes(), &raw, b" HTTP/1.1\r\nA: \"\xff\r\n\r\n"].concat();
            prop_assert_eq!(repaired(whole.chunks(size)), repaired([whole.as_slice()]));
            if FirstLine::new().passes(&whole) {
                prop_assert_eq!(repaired([whole.as_slice()]), whole);
            }
        }
    }
}
