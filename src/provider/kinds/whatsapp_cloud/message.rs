//! A message as Meta wants it: <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages>.

use serde::Serialize;

use super::filled::Filled;
use super::piece::{Piece, Source};
use crate::message::media::{Media, MediaKind};

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) messaging_product: &'static str,
    pub(super) recipient_type: &'static str,
    pub(super) to: String,
    #[serde(flatten)]
    pub(super) content: Content<'a>,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Context<'a>>,
    /// Free text outside of the window, where Meta allows the business that (Direct Send).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) category: Option<&'static str>,
    /// Comes back with every status of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) biz_opaque_callback_data: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Context<'a> {
    pub(super) message_id: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Content<'a> {
    Text { text: Text },
    Template { template: Filled<'a> },
    Image { image: Piece<'a> },
    Video { video: Piece<'a> },
    Audio { audio: Piece<'a> },
    Document { document: Piece<'a> },
}

#[derive(Serialize)]
pub(super) struct Text {
    pub(super) body: String,
    pub(super) preview_url: bool,
}

impl Content<'_> {
    pub(super) fn text(body: String) -> Content<'static> {
        Content::Text { text: Text { body, preview_url: false } }
    }

    pub(super) fn media(media: &Media, source: Source, caption: Option<String>) -> Content<'_> {
        let piece = Piece { caption, ..Piece::of(media, source) };
        match media.kind {
            MediaKind::Image => Content::Image { image: piece },
            MediaKind::Video => Content::Video { video: piece },
            MediaKind::Audio => Content::Audio { audio: piece },
            MediaKind::Document => Content::Document { document: piece },
        }
    }

    /// Whether it is media whose text went before it: then what becomes of it says nothing of the text.
    pub(super) fn follows_its_text(&self) -> bool {
        match self {
            Content::Text { .. } | Content::Template { .. } => false,
            Content::Image { image: piece }
            | Content::Video { video: piece }
            | Content::Audio { audio: piece }
            | Content::Document { document: piece } => piece.caption.is_none(),
        }
    }
}
