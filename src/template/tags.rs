//! Where the tags of a template begin and end.

/// What stands in the tag that is the whole text.
pub(super) fn lone_expression(text: &str) -> Option<&str> {
    let mut pieces = pieces(text);
    let (only, None) = (pieces.next()?, pieces.next()) else { return None };
    let inside = only.strip_prefix("{{")?.strip_suffix("}}")?;
    Some(inside.strip_prefix('-').unwrap_or(inside).trim())
}

pub(super) fn is_tag(piece: &str) -> bool {
    piece.starts_with("{{") || piece.starts_with("{%")
}

/// A template's text in pieces: its tags (`{{ }}`, `{% %}`, `{# #}`), each whole, and what is between them.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let opening = ["{{", "{%", "{#"].iter().filter_map(|opening| rest.find(opening)).min();
        let length = match opening {
            _ if rest.is_empty() => return None,
            None => rest.len(),
            Some(0) => tag_length(rest),
            Some(at) => at,
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(piece)
    })
}

/// How long the tag is that `text` starts with. A closing bracket inside of a quoted text does not end it.
fn tag_length(text: &str) -> usize {
    let (closing, quotes) = match text.as_bytes().get(1) {
        Some(b'{') => ("}}", true),
        Some(b'%') => ("%}", true),
        _ => ("#}", false),
    };
    let mut at = 2;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        at += match c {
            '"' | '\'' if quotes => quoted_length(rest),
            _ if rest.starts_with(closing) => return at + closing.len(),
            _ => c.len_utf8(),
        };
    }
    text.len()
}

/// How long the quoted text is that `text` begins with: to its end, or that of all.
pub(super) fn quoted_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            _ if Some(c) == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}
