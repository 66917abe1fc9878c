//! What Telegram carries besides texts, and by which call. <https://core.telegram.org/bots/api#sending-files>

use std::borrow::Cow;

use crate::message::media::{Media, MediaKind};
use crate::provider::capabilities::MediaLimit;

const MIB: u64 = 1024 * 1024;

/// The largest upload, and the largest picture that is shown as one. (What it is to fetch by a link may have 20 and 5 MB,
/// which nobody knows before.)
const UPLOAD_BYTES: u64 = 50 * MIB;
const PHOTO_BYTES: u64 = 10 * MIB;

type Types = &'static [Cow<'static, str>];

const PHOTO: Types =
    &[Cow::Borrowed("image/jpeg"), Cow::Borrowed("image/png"), Cow::Borrowed("image/webp"), Cow::Borrowed("image/bmp")];
const VIDEO: Types = &[Cow::Borrowed("video/mp4")];
const AUDIO: Types = &[
    Cow::Borrowed("audio/mpeg"),
    Cow::Borrowed("audio/mp3"),
    Cow::Borrowed("audio/mp4"),
    Cow::Borrowed("audio/m4a"),
    Cow::Borrowed("audio/x-m4a"),
    Cow::Borrowed("audio/ogg"),
];
/// Of documents Telegram fetches these only.
const FETCHED: Types =
    &[Cow::Borrowed("application/pdf"), Cow::Borrowed("application/zip"), Cow::Borrowed("image/gif")];

/// What it carries. All else, and what is larger, goes as a document.
pub(super) const CARRIED: &[MediaLimit] = &[
    MediaLimit::new(MediaKind::Image, PHOTO, PHOTO_BYTES),
    MediaLimit::new(MediaKind::Video, VIDEO, UPLOAD_BYTES),
    MediaLimit::new(MediaKind::Audio, AUDIO, UPLOAD_BYTES),
    MediaLimit::new(MediaKind::Document, FETCHED, UPLOAD_BYTES),
    MediaLimit::sent(MediaKind::Document, &[], UPLOAD_BYTES),
];

/// A call that sends a file, and the name of the file among its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Carriage {
    pub(super) method: &'static str,
    pub(super) file: &'static str,
}

/// As any file: shown by its name.
pub(super) const DOCUMENT: Carriage = Carriage { method: "sendDocument", file: "document" };

/// The call that shows it as what it is.
pub(super) fn carriage(media: &Media) -> Carriage {
    match media.kind {
        MediaKind::Image => Carriage { method: "sendPhoto", file: "photo" },
        MediaKind::Video => Carriage { method: "sendVideo", file: "video" },
        // A recording that is played where it stands, not a piece of music.
        MediaKind::Audio if media.mime.eq_ignore_ascii_case("audio/ogg") => {
            Carriage { method: "sendVoice", file: "voice" }
        }
        MediaKind::Audio => Carriage { method: "sendAudio", file: "audio" },
        MediaKind::Document => DOCUMENT,
    }
}
