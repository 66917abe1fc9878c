//! How media goes by an account: along with the text, or as words in it.

use std::sync::Arc;

use super::capabilities::{Capabilities, MediaLimit};
use super::text::cut_with_link;
use super::{Account, Outgoing};
use crate::account::AccountName;
use crate::clock::Timestamp;
use crate::contact::{Recipient, Way};
use crate::message::Message;
use crate::message::delivery::Form;
use crate::message::media::{Label, Media, MediaKind, MediaSource, Place, size};

/// How something goes by an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carriage {
    /// Along with the text, and as what; none: it can't.
    pub along: Option<(MediaKind, Along)>,
    /// What the text says where it does not go along: a link to it, or that it is left out.
    pub words: String,
}

/// In which form it goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Along {
    /// The bytes.
    Bytes,
    /// A link, which the provider follows.
    Link(String),
}

impl Capabilities {
    /// How something goes. `page` is where we show it ourselves, if the world reaches us. What is too large for its own kind,
    /// or of a type that the provider doesn't show, goes as a document where it takes such.
    pub fn carriage(&self, label: &Label, page: Option<&str>) -> Carriage {
        let words = match (&label.place, page) {
            (Place::Link(link), _) => link.clone(),
            (Place::Here(_), Some(page)) => format!("{}: {page}", label.name),
            (Place::Here(bytes), None) => left_out(label, &size(*bytes)),
        };
        let along = match (&label.place, page) {
            (Place::Link(link), _) => {
                self.limit(label, |limit| limit.by_link).map(|limit| (limit.kind, Along::Link(link.clone())))
            }
            (Place::Here(bytes), page) => {
                let fits = |limit: &MediaLimit| *bytes <= limit.bytes;
                let whole = self.limit(label, |limit| limit.by_bytes && fits(limit));
                let fetched = || {
                    let limit = self.limit(label, |limit| limit.by_link && fits(limit))?;
                    page.map(|page| (limit.kind, Along::Link(page.to_owned())))
                };
                whole.map(|limit| (limit.kind, Along::Bytes)).or_else(fetched)
            }
        };
        Carriage { along, words }
    }

    /// The limit by which something goes: of its own kind, else as a document.
    fn limit(&self, label: &Label, allows: impl Fn(&MediaLimit) -> bool) -> Option<&MediaLimit> {
        let of = |kind: MediaKind| {
            let fits = move |limit: &&MediaLimit| limit.kind == kind && takes(limit, label);
            self.media.iter().filter(fits).find(|limit| allows(limit))
        };
        of(label.kind).or_else(|| of(MediaKind::Document))
    }

    /// What is carried, for people: `image up to 5.0 MiB, document up to 16.0 MiB`.
    fn told(&self) -> String {
        let each = self.media.iter().map(|limit| {
            let types = if limit.types.is_empty() { String::new() } else { format!(" ({})", limit.types.join(", ")) };
            let how = if limit.by_bytes { "" } else { " by link" };
            format!("{}{types} up to {}{how}", limit.kind.as_str(), size(limit.bytes))
        });
        let all = each.collect::<Vec<_>>().join(", ");
        if all.is_empty() { "texts only".to_owned() } else { all }
    }
}

/// Whether a limit is for things of this type. Of a link whose type nobody knows its kind must do, where somebody said it.
fn takes(limit: &MediaLimit, label: &Label) -> bool {
    let is_taken = |mime: &std::borrow::Cow<'_, str>| mime.eq_ignore_ascii_case(&label.mime);
    let is_said = !label.has_known_type() && label.kind != MediaKind::Document && limit.kind == label.kind;
    limit.types.is_empty() || is_said || limit.types.iter().any(is_taken)
}

/// What a text says of something that does not go with it. In few words: they are read on a phone.
pub fn left_out(label: &Label, why: &str) -> String {
    format!("[{}: {why}, left out]", label.name)
}

/// Whether anybody can get it: by an account of a way, or from our own page.
///
/// # Errors
/// What the accounts take instead.
pub fn reaches_somebody(
    label: &Label,
    recipients: &[Recipient],
    account: impl Fn(&AccountName) -> Option<Arc<Account>>,
    has_page: bool,
) -> Result<(), String> {
    if has_page || matches!(label.place, Place::Link(_)) {
        return Ok(());
    }
    let mut told: Vec<String> = Vec::new();
    for way in recipients.iter().flat_map(|recipient| &recipient.ways) {
        let Some(account) = account(&way.account) else { continue };
        if account.can.carriage(label, None).along.is_some() {
            return Ok(());
        }
        let line = format!("{} takes {}", way.account, account.can.told());
        if !told.contains(&line) {
            told.push(line);
        }
    }
    Err(format!("{label}: {}; with -public-url a link would be sent", told.join("; ")))
}

impl Outgoing {
    /// A message to one contact by one way, of which nothing is stored: no page to link to, nobody who would ask what became
    /// of it; and where it is only shown, no secret of ours in it. What it brings goes along as far as the account can carry
    /// it.
    pub fn of(
        message: &Message,
        media: Option<&Media>,
        contact: &str,
        way: &Way,
        account: &Account,
        key: String,
        now: Timestamp,
    ) -> Outgoing {
        let mut out = Outgoing {
            key,
            contact: contact.to_owned(),
            address: way.address.clone(),
            title: message.title.clone(),
            text: message.text.clone(),
            format: message.format,
            media: None,
            in_words: None,
            priority: message.priority,
            thread: message.thread.clone(),
            reply_to: None,
            accepted_at: message.accepted_at,
            form: Form::Best,
            window_open: false,
            link: None,
            callback: None,
            now,
        };
        if let Some(media) = media {
            let label = media.label();
            out.bring(&label, account.can.carriage(&label, None), media.bytes(), account.can.text);
        }
        out
    }

    /// Whether it is to go as the approved template, where its account has one: the window is not known open, or was found
    /// closed.
    pub(super) fn wants_template(&self) -> bool {
        self.form == Form::Template || !self.window_open
    }

    /// Lets something go with the text, in the form that was found for it; `bytes` are what it is, where they are needed and
    /// there. `limit` is how long the account's texts may be.
    pub fn bring(&mut self, label: &Label, carriage: Carriage, bytes: Option<Arc<[u8]>>, limit: Option<usize>) {
        let Carriage { along, words } = carriage;
        let source = match along {
            Some((kind, Along::Link(link))) => Some((kind, MediaSource::Link(link))),
            Some((kind, Along::Bytes)) => match bytes {
                Some(bytes) => Some((kind, MediaSource::Bytes(bytes))),
                None => return self.add(&left_out(label, "no longer there"), limit),
            },
            None => None,
        };
        match source {
            Some((kind, source)) => {
                let (mime, name) = (label.mime.clone(), label.name.clone());
                self.media = Some(Arc::new(Media { kind, mime, name, source }));
                self.in_words = Some(words);
            }
            None => self.add(&words, limit),
        }
    }

    /// Leaves out what goes along, which the provider refused: the text says so. No: there was nothing.
    pub fn leave_media(&mut self, limit: Option<usize>) -> bool {
        let words = self.in_words.take();
        if self.media.take().is_none() {
            return false;
        }
        if let Some(words) = words {
            self.add(&words, limit);
        }
        true
    }

    /// Adds a line to the text, which is cut for it where both would be too long: of a cut text the end goes first.
    fn add(&mut self, words: &str, limit: Option<usize>) {
        if self.text.contains(words) {
            return;
        }
        let title = self.title.as_ref().map_or(0, |title| title.chars().count() + 1);
        let room = limit.map(|limit| limit.saturating_sub(words.chars().count() + 1 + title));
        if let Some(room) = room.filter(|room| *room > 0) {
            self.text = cut_with_link(&self.text, room, self.link.as_deref());
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(words);
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    const PNG: &[Cow<'static, str>] = &[Cow::Borrowed("image/png")];
    const PDF: &[Cow<'static, str>] = &[Cow::Borrowed("application/pdf")];

    fn limit(kind: MediaKind, types: &'static [Cow<'static, str>], bytes: u64, ways: &str) -> MediaLimit {
        let (by_link, by_bytes) = (ways.contains('l'), ways.contains('b'));
        MediaLimit { kind, types: Cow::Borrowed(types), bytes, by_link, by_bytes }
    }

    /// `KIND form`, or the words.
    fn went(limits: Vec<MediaLimit>, media: &Media, page: Option<&str>) -> String {
        let can = Capabilities { media: limits.into(), ..Capabilities::TEXT };
        let Carriage { along, words } = can.carriage(&media.label(), page);
        match along {
            Some((kind, Along::Bytes)) => format!("{} here", kind.as_str()),
            Some((kind, Along::Link(link))) => format!("{} {link}", kind.as_str()),
            None => words,
        }
    }

    #[test]
    fn it_goes_as_the_account_can_take_it_and_else_as_words() {
        use MediaKind::{Document, Image};
        let file = |name: &str| Media::file(name, None, vec![0; 100].into(), None);
        let link = |url: &str| Media::linked(url, None).unwrap();
        let render = Media::linked("https://g/render?x", Some(Image)).unwrap();
        let page = Some("https://b/m");
        for (limits, media, page, wanted) in [
            (vec![limit(Image, PNG, 100, "b")], file("a.png"), None, "image here"),
            (vec![limit(Image, PNG, 99, "b"), limit(Document, &[], 999, "b")], file("a.png"), None, "document here"),
            (
                vec![limit(Image, PNG, 99, "b"), limit(Document, PDF, 999, "b")],
                file("a.png"),
                None,
                "[a.png: 100 B, left out]",
            ),
            (vec![limit(Image, &[], 99, "b")], file("a.png"), page, "a.png: https://b/m"),
            (vec![limit(Image, &[], 100, "l")], file("a.gif"), page, "image https://b/m"),
            (vec![limit(Image, &[], 100, "l")], file("a.gif"), None, "[a.gif: 100 B, left out]"),
            (vec![limit(Image, PNG, 1, "l")], link("https://h/a.png"), None, "image https://h/a.png"),
            (vec![limit(Image, PNG, 1, "b")], link("https://h/a.png"), page, "https://h/a.png"),
            (vec![limit(Image, PNG, 1, "l")], link("https://h/a"), None, "https://h/a"),
            (vec![limit(Image, PNG, 1, "l")], render, None, "image https://g/render?x"),
            (Vec::new(), file("a.png"), page, "a.png: https://b/m"),
        ] {
            assert_eq!(went(limits.clone(), &media, page), wanted, "{limits:?} {media:?}");
        }
    }
}
