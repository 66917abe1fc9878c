//! One piece of media in a message, or in a template's header.

use serde::Serialize;

use crate::message::media::{Media, MediaKind};

/// One piece of media, and where it is.
#[derive(Serialize)]
pub(super) struct Piece<'a> {
    #[serde(flatten)]
    pub(super) source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caption: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filename: Option<&'a str>,
}

/// Where media is, for Meta.
#[derive(Clone, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// It fetches it there.
    Link(String),
    /// It was uploaded.
    Id(String),
}

impl Piece<'_> {
    /// Only documents have names.
    pub(super) fn of(media: &Media, source: Source) -> Piece<'_> {
        let filename = Some(media.name.as_str()).filter(|name| media.kind == MediaKind::Document && !name.is_empty());
        Piece { source, caption: None, filename }
    }
}
