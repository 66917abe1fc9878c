//! Texts in the writing of each channel: bold, italic, strike and code where they are meant, and nothing else where a
//! channel would see them in a host's name.

use super::text::cut_with_link;
use crate::message::TextFormat;

/// How a channel writes what is marked up, and how it is kept from seeing marks where none are meant.
pub(super) struct Style {
    /// Before and after bold text.
    pub bold: [&'static str; 2],
    /// The same for italic text.
    pub italic: [&'static str; 2],
    /// The same for text that is struck through.
    pub strike: [&'static str; 2],
    /// The same for code within a line.
    pub code: [&'static str; 2],
    /// The same for code of several lines.
    pub block: [&'static str; 2],
    /// How ordinary text is kept from being marked up.
    pub escape: Escape,
    /// What stands for one character within code, where that can't stand for itself.
    pub escaped_in_code: fn(char) -> Option<&'static str>,
}

/// How ordinary text is kept from being marked up.
pub(super) struct Escape {
    /// What stands for a character that can't stand for itself.
    pub escaped: fn(char) -> Option<&'static str>,
    /// Whether marks at the edge of a word would be seen: such a channel has no escapes for them. A word joiner before
    /// the mark takes it from the edge, and nobody sees a difference.
    pub joins: bool,
}

const NONE: [&str; 2] = ["", ""];

/// Channels that show characters and nothing else.
pub(super) const PLAIN: Style = Style {
    bold: NONE,
    italic: NONE,
    // Else what is no longer so would read as if it were.
    strike: ["~", "~"],
    code: NONE,
    block: NONE,
    escape: Escape { escaped: |_| None, joins: false },
    escaped_in_code: |_| None,
};

/// HTML as Telegram reads it, <https://core.telegram.org/bots/api#html-style>; others read it too.
pub(super) const HTML: Style = Style {
    bold: ["<b>", "</b>"],
    italic: ["<i>", "</i>"],
    strike: ["<s>", "</s>"],
    code: ["<code>", "</code>"],
    block: ["<pre>", "</pre>"],
    escape: Escape { escaped: html, joins: false },
    escaped_in_code: html,
};

/// Markdown as Discord, Mattermost, Gotify and others read it.
pub(super) const MARKDOWN: Style = Style {
    bold: ["**", "**"],
    italic: ["*", "*"],
    strike: ["~~", "~~"],
    code: ["`", "`"],
    block: ["```\n", "\n```"],
    escape: Escape { escaped: markdown, joins: false },
    escaped_in_code: |_| None,
};

/// Slack's mrkdwn, <https://api.slack.com/reference/surfaces/formatting>: it has no escapes but those of HTML.
pub(super) const SLACK: Style = Style {
    bold: ["*", "*"],
    italic: ["_", "_"],
    strike: ["~", "~"],
    code: ["`", "`"],
    block: ["```\n", "\n```"],
    escape: Escape { escaped: html, joins: true },
    escaped_in_code: html,
};

/// WhatsApp, <https://faq.whatsapp.com/539178204879377>. It has no escapes.
pub(super) const WHATSAPP: Style = Style {
    bold: ["*", "*"],
    italic: ["_", "_"],
    strike: ["~", "~"],
    code: ["`", "`"],
    block: ["```", "```"],
    escape: Escape { escaped: |_| None, joins: true },
    escaped_in_code: |_| None,
};

fn html(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn markdown(c: char) -> Option<&'static str> {
    Some(match c {
        '\\' => "\\\\",
        '*' => "\\*",
        '_' => "\\_",
        '~' => "\\~",
        '`' => "\\`",
        '|' => "\\|",
        '[' => "\\[",
        ']' => "\\]",
        '<' => "\\<",
        '>' => "\\>",
        '#' => "\\#",
        _ => return None,
    })
}

/// What takes a mark from the edge of a word.
const WORD_JOINER: char = '\u{2060}';

/// Bytes of a line that are looked through for the end of a mark.
const REACH: usize = 1000;

/// The text as this channel writes it.
pub(super) fn render(text: &str, format: TextFormat, style: &Style) -> String {
    let mut writer = Writer { style, out: String::with_capacity(text.len()) };
    match format {
        TextFormat::Plain => writer.plain(text),
        TextFormat::Markup => writer.marked(text, &[]),
    }
    writer.out
}

/// The same with at most `most` characters, marks and all. Where it is cut it ends with the link to the whole, as in
/// `text::cut_with_link`; and it is cut before it is written, so that no mark loses its end.
pub(super) fn render_within(text: &str, format: TextFormat, style: &Style, most: usize, link: Option<&str>) -> String {
    let written = |room| render(&cut_with_link(text, room, link), format, style);
    let fits = |written: &String| written.chars().count() <= most;
    let (mut fitting, mut too_long) = (String::new(), most.min(text.chars().count()) + 1);
    let mut room = too_long - 1;
    let mut short = 0;
    while short + 1 < too_long {
        match written(room) {
            candidate if fits(&candidate) => (short, fitting) = (room, candidate),
            _ => too_long = room,
        }
        room = usize::midpoint(short, too_long);
    }
    fitting
}

/// What is marked at the beginning of a text.
struct Span<'t> {
    mark: &'static str,
    inner: &'t str,
    rest: &'t str,
}

struct Writer<'s> {
    style: &'s Style,
    out: String,
}

impl Writer<'_> {
    /// Text with marks, of which some are open around it.
    fn marked(&mut self, text: &str, open: &[&str]) {
        let mut plain_from = 0;
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let found = if is_edge_before(&text[..at]) { span(&text[at..]) } else { None };
            match found.filter(|span| !open.contains(&span.mark)) {
                Some(Span { mark, inner, rest }) => {
                    self.plain(&text[plain_from..at]);
                    self.span(mark, inner, open);
                    at = text.len() - rest.len();
                    plain_from = at;
                }
                None => at += c.len_utf8(),
            }
        }
        self.plain(&text[plain_from..]);
    }

    fn span(&mut self, mark: &'static str, inner: &str, open: &[&str]) {
        let [before, after] = match mark {
            "*" => self.style.bold,
            "_" => self.style.italic,
            "~" => self.style.strike,
            "`" => self.style.code,
            _ => self.style.block,
        };
        self.out.push_str(before);
        match mark {
            "`" | "```" => self.escape(inner, self.style.escaped_in_code),
            _ => self.marked(inner, &[open, &[mark]].concat()),
        }
        self.out.push_str(after);
    }

    /// Text that means itself.
    fn plain(&mut self, text: &str) {
        let Escape { escaped, joins } = self.style.escape;
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let within_a_word =
                before.is_some_and(char::is_alphanumeric) && chars.peek().is_some_and(|c| c.is_alphanumeric());
            if joins && matches!(c, '*' | '_' | '~' | '`') && !within_a_word {
                self.out.push(WORD_JOINER);
            }
            match escaped(c) {
                Some(escaped) => self.out.push_str(escaped),
                None => self.out.push(c),
            }
            before = Some(c);
        }
    }

    fn escape(&mut self, code: &str, escaped: fn(char) -> Option<&'static str>) {
        for c in code.chars() {
            match escaped(c) {
                Some(escaped) => self.out.push_str(escaped),
                None => self.out.push(c),
            }
        }
    }
}

/// Whether a mark may begin after this text.
fn is_edge_before(text: &str) -> bool {
    text.chars().next_back().is_none_or(|c| c.is_whitespace() || "([{\"'«„“*_~".contains(c))
}

/// Whether a mark may end before this text.
fn is_edge_after(text: &str) -> bool {
    text.chars().next().is_none_or(|c| c.is_whitespace() || ".,;:!?)]}\"'»“”*_~…".contains(c))
}

/// What is marked at the beginning of the text, if anything is.
fn span(text: &str) -> Option<Span<'_>> {
    if let Some(block) = text.strip_prefix("```") {
        let (inner, rest) = block.split_once("```")?;
        let inner = inner.trim_matches('\n');
        return (!inner.trim().is_empty()).then_some(Span { mark: "```", inner, rest });
    }
    let mark = ["*", "_", "~", "`"].into_iter().find(|mark| text.starts_with(mark))?;
    let after = &text[mark.len()..];
    let may_hold = |inner: &str| {
        !inner.is_empty() && !inner.starts_with(char::is_whitespace) && !inner.ends_with(char::is_whitespace)
    };
    let reach = (0..=REACH.min(after.len())).rev().find(|end| after.is_char_boundary(*end)).unwrap_or_default();
    let line = after[..reach].split('\n').next().unwrap_or_default();
    let mut spans = line.match_indices(mark).map(|(end, _)| (&after[..end], &after[end + mark.len()..]));
    let (inner, rest) = spans.find(|(inner, rest)| may_hold(inner) && is_edge_after(rest))?;
    Some(Span { mark, inner, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_written_as_each_channel_writes_them() {
        for (text, html, markdown, whatsapp, plain) in [
            ("*db1* is _down_", "<b>db1</b> is <i>down</i>", "**db1** is *down*", "*db1* is _down_", "db1 is down"),
            ("`a<b` ~no~", "<code>a&lt;b</code> <s>no</s>", "`a<b` ~~no~~", "`a<b` ~no~", "a<b ~no~"),
            ("*_both_*!", "<b><i>both</i></b>!", "***both***!", "*_both_*!", "both!"),
            ("```\nx_y_\n```", "<pre>x_y_</pre>", "```\nx_y_\n```", "```x_y_```", "x_y_"),
            ("a_b_c <d>", "a_b_c &lt;d&gt;", "a\\_b\\_c \\<d\\>", "a_b_c <d>", "a_b_c <d>"),
            ("2 * 3 * 4", "2 * 3 * 4", "2 \\* 3 \\* 4", "2 \u{2060}* 3 \u{2060}* 4", "2 * 3 * 4"),
            ("*open", "*open", "\\*open", "\u{2060}*open", "*open"),
            ("http://h/_a_/", "http://h/_a_/", "http://h/\\_a\\_/", "http://h/\u{2060}_a\u{2060}_/", "http://h/_a_/"),
            ("*a *b* c*", "<b>a *b</b> c*", "**a \\*b** c\\*", "*a \u{2060}*b* c\u{2060}*", "a *b c*"),
            ("«*да*»", "«<b>да</b>»", "«**да**»", "«*да*»", "«да»"),
        ] {
            for (style, wanted) in [(&HTML, html), (&MARKDOWN, markdown), (&WHATSAPP, whatsapp), (&PLAIN, plain)] {
                assert_eq!(render(text, TextFormat::Markup, style), wanted);
            }
        }
    }

    #[test]
    fn a_text_and_its_escapes_fit_together() {
        for most in 0..12 {
            let text = "_ _ _ _ _ _ _";
            assert!(render_within(text, TextFormat::Plain, &WHATSAPP, most, None).chars().count() <= most, "{most}");
        }
        assert_eq!(render_within("*abc* def", TextFormat::Markup, &HTML, 14, None), "<b>abc</b> def");
        assert_eq!(render_within("*abc* def", TextFormat::Markup, &HTML, 13, None), "<b>abc</b> d…");
        assert_eq!(render_within("*abc* def", TextFormat::Markup, &HTML, 5, None), "*abc…", "no mark without its end");
    }

    #[test]
    fn a_plain_text_marks_up_nothing() {
        let text = "*web_1* <up> _x_ a_b";
        assert_eq!(render(text, TextFormat::Plain, &HTML), "*web_1* &lt;up&gt; _x_ a_b");
        assert_eq!(render(text, TextFormat::Plain, &MARKDOWN), "\\*web\\_1\\* \\<up\\> \\_x\\_ a\\_b");
        let joined = "\u{2060}*web_1\u{2060}* <up> \u{2060}_x\u{2060}_ a_b";
        assert_eq!(render(text, TextFormat::Plain, &WHATSAPP), joined);
        assert_eq!(render(text, TextFormat::Plain, &SLACK), joined.replace("<up>", "&lt;up&gt;"));
        assert_eq!(render(text, TextFormat::Plain, &PLAIN), text);
    }
}
