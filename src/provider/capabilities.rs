//! What a provider can do, as data: for the table in the README, and for what is checked before a message is accepted.

use std::borrow::Cow;

use crate::message::media::MediaKind;

/// What a provider can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The longest text, in the unit that the provider counts; `None` where it documents none.
    pub text: Option<usize>,
    /// Whether it has templates that somebody approved.
    pub template: bool,
    /// What it carries besides texts; nothing where this is empty.
    pub media: Cow<'static, [MediaLimit]>,
    /// How it reports that a message arrived. Where it doesn't, a written patience always ends in vain.
    pub reports: Hears,
    /// How it tells what people write.
    pub inbound: Hears,
}

/// How we hear of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Not at all.
    Never,
    /// The provider calls us.
    Callback,
    /// We ask.
    Poll,
    /// Either.
    Both,
}

/// One sort of media that a provider carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaLimit {
    /// The kind.
    pub kind: MediaKind,
    /// The types that it takes; all of the kind where this is empty.
    pub types: Cow<'static, [Cow<'static, str>]>,
    /// The largest, in bytes.
    pub bytes: u64,
    /// Whether it fetches what a link leads to.
    pub by_link: bool,
    /// Whether it takes the bytes themselves.
    pub by_bytes: bool,
}

impl MediaLimit {
    /// Of a kind, these types, or all of it where there are none; by link and by the bytes themselves.
    pub const fn new(kind: MediaKind, types: &'static [Cow<'static, str>], bytes: u64) -> MediaLimit {
        MediaLimit { kind, types: Cow::Borrowed(types), bytes, by_link: true, by_bytes: true }
    }

    /// The same by link alone.
    pub const fn linked(kind: MediaKind, types: &'static [Cow<'static, str>], bytes: u64) -> MediaLimit {
        MediaLimit { kind, types: Cow::Borrowed(types), bytes, by_link: true, by_bytes: false }
    }

    /// The same by its bytes alone.
    pub const fn sent(kind: MediaKind, types: &'static [Cow<'static, str>], bytes: u64) -> MediaLimit {
        MediaLimit { kind, types: Cow::Borrowed(types), bytes, by_link: false, by_bytes: true }
    }
}

/// What companies that fetch links for WhatsApp may find there: as much as WhatsApp takes.
pub const WHATSAPP_LINKS: &[MediaLimit] = &[
    MediaLimit::linked(MediaKind::Image, &[], 5_000_000),
    MediaLimit::linked(MediaKind::Video, &[], 16_000_000),
    MediaLimit::linked(MediaKind::Audio, &[], 16_000_000),
    MediaLimit::linked(MediaKind::Document, &[], 100_000_000),
];

impl Capabilities {
    /// Texts of any length, and nothing else.
    pub const TEXT: Capabilities = Capabilities {
        text: None,
        template: false,
        media: Cow::Borrowed(&[]),
        reports: Hears::Never,
        inbound: Hears::Never,
    };

    /// Whether a report can ever come.
    pub fn reports(&self) -> bool {
        self.reports != Hears::Never
    }
}
