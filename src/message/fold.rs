//! Several texts as one: how many there are, the first lines of the oldest, and the newest whole.

use super::media::Label;
use super::{MessageId, TextFormat};
use crate::clock::Timestamp;

/// Texts of which the first line is shown, besides the newest.
pub const SHOWN: usize = 5;

/// Characters of a line that is shown.
const LINE: usize = 80;

/// Hooks that are named with their counts.
const HOOKS: usize = 4;

/// What all the texts together are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// How many of which hook, in the order in which they came.
    pub hooks: Vec<(String, usize)>,
    /// When the oldest was accepted.
    pub from: Timestamp,
    /// When the newest was.
    pub to: Timestamp,
}

/// One of the texts, with its heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The heading, where it has one.
    pub title: Option<String>,
    /// The text.
    pub text: String,
    /// How its characters are meant.
    pub format: TextFormat,
    /// The conversation it belongs to.
    pub thread: Option<String>,
    /// What goes along with it, and with which message that came.
    pub media: Option<(MessageId, Label)>,
}

/// The one piece for them all, under the heading that all have. In no language: whoever reads it may know any. Where a
/// provider cuts it, the end of the newest goes first. Only what the newest brings goes along, as only its text is whole; of
/// the others the name is told. Marks mean something only where they do in each.
pub fn one(crowd: &Crowd, oldest: &[Piece], newest: Piece) -> Piece {
    let (title, text) = text(crowd, oldest, &newest);
    let marked = newest.format == TextFormat::Markup && oldest.iter().all(|piece| piece.format == TextFormat::Markup);
    let format = if marked { TextFormat::Markup } else { TextFormat::Plain };
    // It is of no conversation, or of many.
    Piece { title, text, format, thread: None, media: newest.media }
}

fn text(crowd: &Crowd, oldest: &[Piece], newest: &Piece) -> (Option<String>, String) {
    let title = newest.title.as_ref().filter(|title| oldest.iter().all(|piece| piece.title.as_ref() == Some(title)));
    let mut text = head(crowd);
    for piece in oldest {
        text.push('\n');
        text.push_str(&line(piece, title.is_some()));
    }
    if oldest.len() + 1 < count(crowd) {
        text.push_str("\n…");
    }
    text.push('\n');
    if let Some(own) = newest.title.as_ref().filter(|_| title.is_none()) {
        text.push_str(own);
        text.push('\n');
    }
    text.push_str(&newest.text);
    (title.cloned(), text)
}

fn count(crowd: &Crowd) -> usize {
    crowd.hooks.iter().map(|(_, count)| count).sum()
}

/// `[37 × 2026-11-20T23:15Z…2026-11-20T23:21Z · disk 30, load 7]`.
fn head(crowd: &Crowd) -> String {
    let named = crowd.hooks.iter().filter(|(hook, _)| !hook.is_empty());
    let mut hooks: Vec<String> = named.clone().take(HOOKS).map(|(hook, count)| format!("{hook} {count}")).collect();
    if named.count() > HOOKS {
        hooks.push("…".to_owned());
    }
    let hooks = if hooks.is_empty() { String::new() } else { format!(" · {}", hooks.join(", ")) };
    // To the minute, as the mark of a late text.
    let (from, to) = (crowd.from.to_string(), crowd.to.to_string());
    let until = if format!("{from:.16}") == format!("{to:.16}") { String::new() } else { format!("…{to:.16}Z") };
    format!("[{} × {from:.16}Z{until}{hooks}]", count(crowd))
}

fn line(piece: &Piece, title_is_told: bool) -> String {
    let title = piece.title.iter().filter(|_| !title_is_told).map(String::as_str);
    let line = title.chain(piece.text.lines()).map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line = match line.char_indices().nth(LINE) {
        None => line.to_owned(),
        Some(_) => format!("{}…", line.chars().take(LINE - 1).collect::<String>().trim_end()),
    };
    match &piece.media {
        Some((_, media)) => format!("{line} [{}]", media.name).trim_start().to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn piece(title: Option<&str>, text: &str) -> Piece {
        let (title, text) = (title.map(str::to_owned), text.to_owned());
        Piece { title, text, format: TextFormat::Plain, thread: None, media: None }
    }

    fn crowd(hooks: &[(&str, usize)], minutes: u64) -> Crowd {
        let from = Timestamp::from_millis(1_795_216_500_000);
        let hooks = hooks.iter().map(|(hook, count)| ((*hook).to_owned(), *count)).collect();
        Crowd { hooks, from, to: from.plus(Duration::from_secs(60 * minutes)) }
    }

    #[test]
    fn many_texts_are_counted_begun_and_ended_with_the_newest() {
        let oldest = [piece(None, "\n disk full\non db1"), piece(None, &"ж".repeat(100))];
        let (title, text) = text(&crowd(&[("disk", 30), ("load", 7)], 6), &oldest, &piece(None, "newest\nwhole"));
        let cut = "ж".repeat(79);
        let head = "[37 × 2026-11-20T23:15Z…2026-11-20T23:21Z · disk 30, load 7]";
        assert_eq!((title, text), (None, format!("{head}\ndisk full\n{cut}…\n…\nnewest\nwhole")));
    }

    #[test]
    fn a_heading_that_all_have_stays_one() {
        let some = [piece(Some("Disk"), "a")];
        let two = crowd(&[("", 2)], 0);
        let head = "[2 × 2026-11-20T23:15Z]";
        assert_eq!(text(&two, &some, &piece(Some("Disk"), "b")), (Some("Disk".to_owned()), format!("{head}\na\nb")));
        assert_eq!(text(&two, &some, &piece(Some("Load"), "b")), (None, format!("{head}\nDisk\nLoad\nb")));
        assert_eq!(text(&two, &[piece(None, "a")], &piece(Some("Load"), "b")), (None, format!("{head}\na\nLoad\nb")));
    }

    #[test]
    fn what_the_newest_brings_goes_along_and_marks_mean_what_all_mean_by_them() {
        let media = |name: &str| {
            let link = format!("https://h/{name}");
            let id = MessageId::new(Timestamp::default(), [7; 10]);
            crate::message::media::Media::linked(&link, None).map(|media| (id, media.label())).ok()
        };
        let marked = |text: &str, name| Piece { format: TextFormat::Markup, media: media(name), ..piece(None, text) };
        let two = crowd(&[("", 2)], 0);
        let all = one(&two, &[marked("*a*", "a.png")], marked("b", "b.png"));
        assert_eq!(all.text, "[2 × 2026-11-20T23:15Z]\n*a* [a.png]\nb");
        assert_eq!((all.format, all.media), (TextFormat::Markup, media("b.png")));
        let some = one(&two, &[piece(None, "a")], marked("*b*", "b.png"));
        assert_eq!(some.format, TextFormat::Plain);
    }

    #[test]
    fn many_hooks_are_not_all_named() {
        let hooks = [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)];
        let (_, text) = text(&crowd(&hooks, 0), &[], &piece(None, "x"));
        assert_eq!(text, "[5 × 2026-11-20T23:15Z · a 1, b 1, c 1, d 1, …]\n…\nx");
    }
}
