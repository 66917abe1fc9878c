//! What a call brings besides a text, as far as anybody can get it. Where that is nobody the text goes all the same: an
//! alarm is not lost for its picture, and its caller may be a script that nobody watches.

use std::sync::Arc;

use serde::Serialize;

use super::ways::Ways;
use crate::account::AccountName;
use crate::contact::Recipient;
use crate::hook::Hook;
use crate::hook::media::{Brings, Whence};
use crate::message::media::{Label, MAX_BYTES, Media, Place, size};
use crate::provider::Account;
use crate::provider::attach::{left_out, reaches_somebody};
use crate::request::HookRequest;
use crate::request::text::{is_blank, readable};

/// What a message brings, judged.
#[derive(Debug, Default)]
pub struct Brought {
    /// What goes along.
    pub media: Option<Arc<Media>>,
    /// What does not, and why.
    pub left_out: Option<LeftOut>,
}

/// Something that a message was to bring, and does not.
#[derive(Debug)]
pub struct LeftOut {
    /// Why, for the caller and the log.
    pub why: String,
    /// What the text says of it.
    pub note: String,
}

impl Brought {
    /// Judges what a message is to bring to these: whether it is small enough to be kept, and somebody can get it.
    pub fn judged(
        media: Media,
        recipients: &[Recipient],
        account: impl Fn(&AccountName) -> Option<Arc<Account>>,
        has_pages: bool,
    ) -> Brought {
        let label = media.label();
        let left_out = match too_large(&label) {
            Some(left_out) => Some(left_out),
            None => {
                let reached = reaches_somebody(&label, recipients, account, has_pages);
                reached.err().map(|why| LeftOut { note: note(&label), why })
            }
        };
        match left_out {
            None => Brought { media: Some(Arc::new(media)), left_out: None },
            left_out => Brought { media: None, left_out },
        }
    }

    /// What a call brings by its hook's `media`; `names` are what a template may speak of.
    pub(super) fn of_call(
        hook: &Hook,
        brings: &Brings,
        request: &HookRequest,
        names: &impl Serialize,
        recipients: &[Recipient],
        ways: &Ways<'_>,
    ) -> Brought {
        match found(hook, brings, request, names) {
            Ok(None) => Brought::default(),
            Ok(Some(media)) => Brought::judged(media, recipients, |name| ways.direct.account(name), ways.has_pages),
            Err(why) => {
                let kind = brings.kind.map_or("media", |kind| kind.as_str());
                let note = format!("[{kind} left out]");
                Brought { media: None, left_out: Some(LeftOut { why, note }) }
            }
        }
    }

    /// The text, with a line about what is left out.
    pub fn noted(&self, text: String) -> String {
        match &self.left_out {
            None => text,
            Some(LeftOut { note, .. }) if text.is_empty() => note.clone(),
            Some(LeftOut { note, .. }) => format!("{text}\n{note}"),
        }
    }
}

fn too_large(label: &Label) -> Option<LeftOut> {
    let Place::Here(bytes) = label.place else { return None };
    let why = || format!("{label}: at most {} are kept", size(MAX_BYTES));
    (bytes > MAX_BYTES).then(|| LeftOut { why: why(), note: note(label) })
}

fn note(label: &Label) -> String {
    let size = match &label.place {
        Place::Here(bytes) => size(*bytes),
        Place::Link(link) => link.clone(),
    };
    left_out(label, &size)
}

/// What is there. A call that brings nothing is well; one that brings something else is not.
fn found(hook: &Hook, brings: &Brings, request: &HookRequest, names: &impl Serialize) -> Result<Option<Media>, String> {
    let link = match &brings.whence {
        Whence::Link(link) => link.render(names)?,
        Whence::Call(parameter) => {
            if let Some((name, mime, content)) = request.file(&parameter.name, hook.reading.form_memory) {
                if content.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(Media::file(&name, mime.as_deref(), content.into(), brings.kind)));
            }
            readable(&parameter.present(request).unwrap_or_default(), hook.reading.charset).text
        }
    };
    if is_blank(&link) {
        return Ok(None);
    }
    Media::linked(&link, brings.kind).map(Some).map_err(|why| format!("media: {why}"))
}
