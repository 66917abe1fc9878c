//! The messages that a delivery becomes.

use serde::Serialize;

use super::api::Api;
use super::template::{self, Template};
use crate::account::Address;
use crate::message::delivery::SendError;
use crate::message::media::{Media, MediaSource};
use crate::provider::markup::{WHATSAPP, render_within};
use crate::provider::text::with_title;
use crate::provider::{Outgoing, Request, multipart};

/// `message` takes so many characters, and `caption` too.
pub(super) const TEXT_CHARACTERS: usize = 20_000;

/// One message of those that a delivery becomes.
pub(super) enum Part<'a> {
    Text,
    Template(&'a Template),
    /// A file, with the text below it where WhatsApp shows it there.
    File(&'a Media, Caption),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Caption {
    TheText,
    Nothing,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendMessage<'a> {
    chat_id: String,
    message: String,
    link_preview: bool,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    quoted_message_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendFileByUrl<'a> {
    chat_id: String,
    url_file: &'a str,
    file_name: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    caption: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    quoted_message_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendTemplate<'a> {
    chat_id: String,
    template_id: &'a str,
    params: Vec<String>,
}

impl Part<'_> {
    /// What is asked to have it sent.
    pub(super) fn request(&self, api: &Api, out: &Outgoing) -> Result<Request, SendError> {
        let chat_id = chat_of(&out.address);
        Ok(match self {
            Part::Text => {
                let (message, quoted_message_id) = (text_of(out), out.reply_to.as_deref());
                let message = SendMessage { chat_id, message, link_preview: false, quoted_message_id };
                api.post("sendMessage", &message)
            }
            Part::Template(Template { id: template_id, params }) => {
                let params = params.filled(out, template::CHARACTERS)?;
                api.post("sendTemplate", &SendTemplate { chat_id, template_id, params })
            }
            Part::File(media, caption) => {
                let caption = if *caption == Caption::TheText { text_of(out) } else { String::new() };
                file(api, out, chat_id, media, caption)
            }
        })
    }
}

fn file(api: &Api, out: &Outgoing, chat_id: String, media: &Media, caption: String) -> Request {
    // Without a caption it follows its text.
    let quoted_message_id = out.reply_to.as_deref().filter(|_| !caption.is_empty());
    match &media.source {
        MediaSource::Link(link) => {
            let file = SendFileByUrl { chat_id, url_file: link, file_name: &media.name, caption, quoted_message_id };
            api.post("sendFileByUrl", &file)
        }
        MediaSource::Bytes(bytes) => {
            let form = multipart::Form::new(&out.key).text("chatId", &chat_id).text("fileName", &media.name);
            let form = if caption.is_empty() { form } else { form.text("caption", &caption) };
            let form = quoted_message_id.into_iter().fold(form, |form, id| form.text("quotedMessageId", id));
            let form = form.file("file", &media.name, &media.mime, bytes);
            api.upload("sendFileByUpload", form.finish())
        }
    }
}

fn text_of(out: &Outgoing) -> String {
    let whole = with_title(out.title.as_deref(), &out.text);
    render_within(&whole, out.format, &WHATSAPP, TEXT_CHARACTERS, out.link.as_deref())
}

/// The chat at this address: a phone's digits, or a group's id.
fn chat_of(address: &Address) -> String {
    let text = address.text.as_str();
    match address.is_group() {
        true if text.contains('@') => text.to_owned(),
        true => format!("{text}@g.us"),
        false => format!("{}@c.us", text.chars().filter(char::is_ascii_digit).collect::<String>()),
    }
}
