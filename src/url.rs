//! Percent-encoding, the one door to it: paths, queries and forms as adnanh/webhook reads them, or more kindly.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode, percent_encode};

/// What a path segment can't hold as it is.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What a value of a query or form can't hold as it is.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as one segment of a path.
pub fn encode_segment(text: &str) -> String {
    encode_segment_bytes(text.as_bytes())
}

/// The same of bytes, which may be no text.
pub fn encode_segment_bytes(bytes: &[u8]) -> String {
    percent_encode(bytes, SEGMENT).to_string()
}

/// Bytes as a value of a query or form: all but letters, digits and `-._~` (RFC 3986, 2.3) is encoded.
pub fn encode_value(bytes: &[u8]) -> String {
    percent_encode(bytes, VALUE).to_string()
}

/// A link that opens a chat in WhatsApp with this number, or with one that its reader chooses, and a text ready to be sent
/// (WhatsApp's help on click to chat): the number in full and in digits only, blanks as `%20`.
pub fn wa_link(phone: Option<&str>, text: &str) -> String {
    let digits: String = phone.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    match text {
        "" => format!("https://wa.me/{digits}"),
        text => format!("https://wa.me/{digits}?text={}", encode_value(text.as_bytes())),
    }
}

/// A path's bytes, its escapes resolved. `None` where an escape is broken (Go's net/http answers 400 then).
pub fn decode_path(path: &str) -> Option<Cow<'_, [u8]>> {
    let path = path.as_bytes();
    if !path.contains(&b'%') {
        return Some(Cow::Borrowed(path));
    }
    percent_decoded(path).map(Cow::Owned)
}

/// Bytes with their escapes resolved. `None` where an escape is broken.
pub fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    escapes_are_whole(text).then(|| percent_decode(text).collect())
}

/// How a pair with a broken escape or a raw `;` is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// As adnanh/webhook does: it is not there (upstream: net/url ParseQuery).
    Dropped,
    /// As it stands: `msg=100%` means what it says.
    Kept,
}

/// A key and its value, decoded.
pub type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The pairs of a query or form, in order: `+` is a blank, a key without `=` has an empty value.
/// The second result tells whether every pair was whole.
pub fn pairs(text: &[u8], broken: Broken) -> (Vec<Pair<'_>>, bool) {
    let mut found = Vec::new();
    let mut whole = true;
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let split = pair.iter().position(|byte| *byte == b'=');
        let (key, value) = split.map_or((pair, &pair[..0]), |at| (&pair[..at], &pair[at + 1..]));
        // Most stand there as they are meant.
        if !pair.iter().any(|byte| matches!(byte, b'%' | b'+' | b';')) {
            found.push((key.into(), value.into()));
            continue;
        }
        let is_whole = !pair.contains(&b';') && escapes_are_whole(pair);
        whole &= is_whole;
        if is_whole || broken == Broken::Kept {
            found.push((decode_value(key), decode_value(value)));
        }
    }
    (found, whole)
}

/// The values of one key, in order.
pub fn values_of<'p>(pairs: &'p [Pair<'_>], key: &'p str) -> impl Iterator<Item = &'p [u8]> {
    pairs.iter().filter(|(own, _)| **own == *key.as_bytes()).map(|(_, value)| &**value)
}

/// A query or form as it may stand in a log: the values of keys that are secrets are masked.
pub fn masked_query(query: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let masked = query.split('&').map(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        if is_secret(&String::from_utf8_lossy(&decode_value(key.as_bytes()))) {
            format!("{key}=[secret]")
        } else {
            pair.to_owned()
        }
    });
    masked.collect::<Vec<_>>().join("&")
}

/// A URL as it may stand in a log.
pub fn masked_url(url: &str, is_secret: impl Fn(&str) -> bool) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{path}?{}", masked_query(query, is_secret)),
        None => url.to_owned(),
    }
}

/// A value of a query or form, decoded once.
fn decode_value(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'+') {
        return decoded(text);
    }
    let blanks: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_decode(&blanks).collect())
}

/// Bytes with their escapes resolved; most have none.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if text.contains(&b'%') { percent_decode(text).into() } else { Cow::Borrowed(text) }
}

fn escapes_are_whole(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        match rest.get(at + 1..at + 3) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => rest = &rest[at + 3..],
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str, broken: Broken) -> String {
        let (pairs, _) = pairs(text.as_bytes(), broken);
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        pairs.iter().map(|(k, v)| format!("{}={}", shown(k), shown(v))).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn pairs_are_decoded_once() {
        for (text, strict, kind) in [
            ("a=1&a=2&b=x+y&c%20d=3&e[]=4&flag", "a=1|a=2|b=x y|c d=3|e[]=4|flag=", ""),
            ("msg=%D0%BF%d1%80&m=%252B", "msg=пр|m=%2B", ""),
            ("msg=100%", "", "msg=100%"),
            ("msg=a;b&c=3", "c=3", "msg=a;b|c=3"),
            ("&&k=a=b&", "k=a=b", ""),
            ("q=%zz&r=%4", "", "q=%zz|r=%4"),
        ] {
            assert_eq!(shown(text, Broken::Dropped), strict, "{text}");
            assert_eq!(shown(text, Broken::Kept), if kind.is_empty() { strict } else { kind }, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let (strict, whole) = pairs(&text, Broken::Dropped);
            let (kind, _) = pairs(&text, Broken::Kept);
            prop_assert!(strict.len() <= kind.len() && (!whole || strict == kind));
        }

        #[test]
        fn a_form_comes_back(written in prop::collection::vec((".{0,8}", ".{0,20}"), 0..6)) {
            let encoded = |text: &str| encode_segment(text).replace('&', "%26").replace(';', "%3B").replace('=', "%3D").replace('+', "%2B");
            let form: Vec<_> = written.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
            let written: Vec<Pair> = written.into_iter().map(|(key, value)| (key.into_bytes().into(), value.into_bytes().into())).collect();
            let form = form.join("&");
            prop_assert_eq!(pairs(form.as_bytes(), Broken::Dropped), (written, true));
        }
    }

    #[test]
    fn a_click_opens_a_chat() {
        for (phone, text, link) in [
            (Some("+7 900 123-45-67"), "disk full\n50 % + ж", "79001234567?text=disk%20full%0A50%20%25%20%2B%20%D0%B6"),
            (Some("+79001234567"), "", "79001234567"),
            (None, "a&b", "?text=a%26b"),
        ] {
            assert_eq!(wa_link(phone, text), format!("https://wa.me/{link}"));
        }
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["привет", "a b/c?d", "100%", "a+b", "\u{1F514}\n"] {
            assert_eq!(decode_path(&encode_segment(text)).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(decode_path("/a%2"), None);
    }
}
