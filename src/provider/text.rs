//! What providers do to texts: put them on one line, cut them, keep a terminal safe from them.

/// What stands in a cut text where the rest was.
const CUT: char = '…';

/// The title, where there is one, as the first line; then the text.
pub(super) fn with_title(title: Option<&str>, text: &str) -> String {
    match title {
        Some(title) => format!("{title}\n{text}"),
        None => text.to_owned(),
    }
}

/// The text, and below it what stands for the media that can't go along with it.
pub(super) fn with_words(text: &str, in_words: Option<&str>) -> String {
    match in_words {
        Some(words) => format!("{text}\n{words}"),
        None => text.to_owned(),
    }
}

/// The text on one line: its lines trimmed and joined by ` · `, empty ones left out, tabs as spaces, and no more than
/// four spaces in a row, as WhatsApp wants its template parameters.
pub(super) fn one_line(text: &str) -> String {
    let lines = text.split(is_line_break).map(str::trim).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join(" · ").replace('\t', " ");
    let mut line = String::with_capacity(joined.len());
    let mut rest = joined.as_str();
    while let Some(at) = rest.find("     ") {
        let (before, spaces) = rest.split_at(at);
        line.push_str(before);
        line.push(' ');
        rest = spaces.trim_start_matches(' ');
    }
    line.push_str(rest);
    line
}

/// Everything that Unicode calls a line break.
fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// At most `most` units of the text, where `units` says how many a character has: cut with `…`, which counts too.
fn cut(text: &str, most: usize, units: fn(char) -> usize) -> String {
    let mut used = 0;
    let mut fits = 0;
    for (at, c) in text.char_indices() {
        // `fits` stays where there is room for the mark behind it.
        if used + units(CUT) <= most {
            fits = at;
        }
        used += units(c);
        if used > most {
            return format!("{}{CUT}", text.get(..fits).unwrap_or_default().trim_end());
        }
    }
    text.to_owned()
}

/// What a provider counts when it measures a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Characters, as Unicode counts them.
    Characters,
    /// UTF-16 units; a character outside of the basic plane, such as most emoji, has two.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

impl Unit {
    /// Every unit with its word.
    pub(super) const ALL: [(&'static str, Unit); 3] =
        [("characters", Unit::Characters), ("utf-16", Unit::Utf16), ("bytes", Unit::Bytes)];

    fn of(self) -> fn(char) -> usize {
        match self {
            Unit::Characters => |_| 1,
            Unit::Utf16 => char::len_utf16,
            Unit::Bytes => char::len_utf8,
        }
    }

    /// How long the text is.
    pub(super) fn length(self, text: &str) -> usize {
        text.chars().map(self.of()).sum()
    }

    /// At most `most` of the text; where it is cut it ends with the link to the whole, if that leaves room for half of it.
    pub(super) fn cut(self, text: &str, most: usize, link: Option<&str>) -> String {
        let cut = |most| cut(text, most, self.of());
        let whole = cut(most);
        let Some(link) = link.filter(|_| whole != text) else { return whole };
        match most.checked_sub(self.length(link) + 1) {
            Some(room) if room >= most / 2 => format!("{} {link}", cut(room)),
            _ => whole,
        }
    }
}

/// At most `most` characters.
pub(super) fn cut_characters(text: &str, most: usize) -> String {
    cut(text, most, |_| 1)
}

/// The same, and where it is cut it ends with the link to the whole, if that leaves room for half of it.
pub(super) fn cut_with_link(text: &str, most: usize, link: Option<&str>) -> String {
    Unit::Characters.cut(text, most, link)
}

/// At most `most` UTF-16 units, in the same way; a character outside of the basic plane, such as most emoji, has two.
pub(super) fn cut_utf16_with_link(text: &str, most: usize, link: Option<&str>) -> String {
    Unit::Utf16.cut(text, most, link)
}

/// The text with control characters and direction overrides made visible: nothing in it moves a cursor, changes a
/// colour or turns a line around. Line breaks stay; a tab becomes a space.
pub(super) fn harmless(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' => c,
        '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        _ if c.is_control() => char::REPLACEMENT_CHARACTER,
        _ => c,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_put_on_one_line() {
        for (text, line) in [
            ("one", "one"),
            ("one\ntwo\r\n\r\n\tthree  \n", "one · two · three"),
            ("a\tb    c     d", "a b    c d"),
            ("a\t\t\t\t\tb", "a b"),
            ("\n\n", ""),
            ("a\u{2028}b\u{85}c", "a · b · c"),
        ] {
            assert_eq!(one_line(text), line, "{text:?}");
        }
    }

    #[test]
    fn a_cut_text_keeps_to_its_length() {
        assert_eq!(cut_characters("12345", 5), "12345");
        assert_eq!(cut_characters("123456", 5), "1234…");
        assert_eq!(cut_characters("12  56", 5), "12…");
        assert_eq!(cut_with_link("1234567890", 10, Some("l/1")), "1234567890");
        assert_eq!(cut_with_link("12345678901", 10, Some("l/1")), "12345… l/1");
        assert_eq!(cut_with_link("12345678901", 10, Some("https://l")), "123456789…", "no room");
        for (text, most, link, wanted) in [
            ("😀😀", 4, None, "😀😀"),
            ("😀😀a", 4, None, "😀…"),
            ("a😀😀", 4, None, "a😀…"),
            ("😀😀😀😀😀", 10, Some("l/1"), "😀😀😀😀😀"),
            ("😀😀😀😀😀a", 10, Some("l/1"), "😀😀… l/1"),
        ] {
            assert_eq!(cut_utf16_with_link(text, most, link), wanted);
        }
    }

    #[test]
    fn a_terminal_is_safe() {
        assert_eq!(harmless("a\u{1b}[2J\u{7}\u{9b}b\n\u{202e}c"), "a\u{fffd}[2J\u{fffd}\u{fffd}b\n\u{fffd}c");
    }
}
