//! A header's value with parameters (`form-data; name="a"`), as Go's mime.ParseMediaType reads it.

use std::collections::{BTreeMap, BTreeSet};

use crate::url::percent_decoded;

/// The value before the first semicolon, in lower case, and its parameters. `None` where it or one of them is malformed
/// or stands twice.
///
/// upstream: mime.ParseMediaType of Go 1.19, which adnanh/webhook 2.8.0 is built with.
pub fn parse(text: &[u8]) -> Option<(String, BTreeMap<String, Vec<u8>>)> {
    let end = text.iter().position(|byte| *byte == b';').unwrap_or(text.len());
    let kind = String::from_utf8_lossy(text[..end].trim_ascii()).to_lowercase();
    if !is_kind(&kind) {
        return None;
    }
    let mut plain = BTreeMap::new();
    let mut starred = BTreeMap::new();
    let mut rest = text[end..].trim_ascii_start();
    while !rest.is_empty() {
        let Some((name, value, after)) = parameter(rest) else {
            // One semicolon too many is forgiven at the end.
            if rest.trim_ascii() == b";" {
                break;
            }
            return None;
        };
        let home = if name.contains('*') { &mut starred } else { &mut plain };
        if home.insert(name, value).is_some() {
            return None;
        }
        rest = after.trim_ascii_start();
    }
    join(&starred, &mut plain);
    Some((kind, plain))
}

/// A word, or two with a slash between them.
fn is_kind(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_token);
    text.split_once('/').map_or(is_word(text), |(kind, form)| is_word(kind) && is_word(form))
}

/// `; name=value` and what follows it.
fn parameter(text: &[u8]) -> Option<(String, Vec<u8>, &[u8])> {
    let (name, rest) = word(text.strip_prefix(b";")?.trim_ascii_start());
    let rest = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (value, rest) = match word(rest) {
        _ if rest.starts_with(b"\"") => quoted(rest)?,
        // A quoted value may be empty, a bare one not.
        (b"", _) => return None,
        (value, rest) => (value.to_vec(), rest),
    };
    let name = String::from_utf8_lossy(name).to_lowercase();
    (!name.is_empty()).then_some((name, value, rest))
}

fn word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !is_token(*byte)).unwrap_or(text.len()))
}

/// A quoted value. A backslash that protects nothing stands for itself: old browsers send whole Windows paths.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 1;
    loop {
        match (*text.get(at)?, text.get(at + 1)) {
            (b'"', _) => return Some((value, &text[at + 1..])),
            (b'\r' | b'\n', _) => return None,
            (b'\\', Some(next)) if is_special(*next) => {
                value.push(*next);
                at += 2;
            }
            (byte, _) => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

/// Joins `name*=utf-8''…` and `name*0=…; name*1=…` (RFC 2231).
fn join(starred: &BTreeMap<String, Vec<u8>>, plain: &mut BTreeMap<String, Vec<u8>>) {
    let names: BTreeSet<&str> = starred.keys().filter_map(|name| Some(name.split_once('*')?.0)).collect();
    for name in names {
        if let Some(whole) = starred.get(&format!("{name}*")) {
            plain.extend(encoded(whole).map(|value| (name.to_owned(), value)));
            continue;
        }
        let mut joined = None;
        for number in 0.. {
            let piece = match (starred.get(&format!("{name}*{number}")), starred.get(&format!("{name}*{number}*"))) {
                (Some(piece), _) => piece.clone(),
                (None, Some(piece)) if number == 0 => encoded(piece).unwrap_or_default(),
                (None, Some(piece)) => percent_decoded(piece).unwrap_or_default(),
                (None, None) => break,
            };
            joined.get_or_insert_with(Vec::new).extend(piece);
        }
        plain.extend(joined.map(|value| (name.to_owned(), value)));
    }
}

/// `charset'language'text`, of the charsets that Go takes.
fn encoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut parts = text.splitn(3, |byte| *byte == b'\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let is_known = charset.eq_ignore_ascii_case(b"us-ascii") || charset.eq_ignore_ascii_case(b"utf-8");
    is_known.then(|| percent_decoded(text))?
}

fn is_special(byte: u8) -> bool {
    b"()<>@,;:\\\"/[]?=".contains(&byte)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !is_special(byte)
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn shown(text: &str) -> String {
        let Some((kind, parameters)) = parse(text.as_bytes()) else { return "none".to_owned() };
        let each = parameters.iter().map(|(name, value)| format!("|{name}={}", String::from_utf8_lossy(value)));
        kind + &each.collect::<String>()
    }

    #[test]
    fn parameters_are_read_as_go_reads_them() {
        for (text, read) in [
            ("form-data; name=\"a b\"; filename=x.txt", "form-data|filename=x.txt|name=a b"),
            ("FORM-DATA;NAME=a;", "form-data|name=a"),
            ("multipart/form-data; boundary= b ; charset=utf-8", "multipart/form-data|boundary=b|charset=utf-8"),
            ("form-data; name=\"\"; filename=\"\"", "form-data|filename=|name="),
            ("form-data; name=\"a\\\"b\\\\c\\d\"", "form-data|name=a\"b\\c\\d"),
            ("form-data; name*=utf-8''%d0%b0", "form-data|name=а"),
            ("form-data; name*0=a; name*1*=%62", "form-data|name=ab"),
            ("form-data; name*=latin1''%d0", "form-data"),
            ("form-data", "form-data"),
            ("form-data; name=a; name=a", "none"),
            ("form-data; name", "none"),
            ("form-data; name=", "none"),
            ("form-data; name=\"a", "none"),
            ("form-data; name=a b", "none"),
            ("form data; name=a", "none"),
            ("", "none"),
        ] {
            assert_eq!(shown(text), read, "{text}");
        }
    }
}
