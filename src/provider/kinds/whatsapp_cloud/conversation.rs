//! What is said to Meta, one request after the other: a text, its media, or the approved template.
//!
//! Whatever becomes of a picture, the text goes: media that Meta refuses is left out, and the operator told.

use std::slice::Iter;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::errors::{Fault, classify, patient};
use super::message::{Content, Context, Message};
use super::piece::Source;
use super::template::Template;
use super::{TEXT_CHARACTERS, WhatsApp};
use crate::message::delivery::{Class, Form, Receipt, SendError};
use crate::message::media::{Media, MediaKind, MediaSource};
use crate::provider::markup::{WHATSAPP, render, render_within};
use crate::provider::reply::{bare_refusal, final_as_template, lenient, no_template, refusal};
use crate::provider::text::with_title;
use crate::provider::{Answer, HttpRequest, Next, Outgoing, Request, multipart};
use crate::secret::Secret;

/// A caption takes so many, and so does a text that goes by Direct Send.
const SHORT_CHARACTERS: usize = 1024;

/// A template's own words and its parameters together are too long.
const TEMPLATE_TOO_LONG: &str = "132005";

/// Meta does not take the media.
const MEDIA_REFUSED: &str = "131053";

/// "Invalid parameter"; also what a business hears that may not use Direct Send.
const INVALID: &str = "100";

impl WhatsApp {
    /// What is said next, with all answers so far; each step takes those that are to it.
    pub(super) fn next(&self, out: &Outgoing, answers: &[Answer]) -> Result<Next, SendError> {
        let mut answers = answers.iter();
        let said = match (self.template_for(out), out.media.as_deref()) {
            (Some(template), _) => self.by_template(out, template, &mut answers),
            (None, _) if out.form == Form::Template => Err(no_template()),
            (None, Some(media)) => self.with_media(out, media, &mut answers),
            (None, None) => self.by_text(out, &mut answers),
        };
        said.map_err(|error| self.final_for(out, error))
    }

    /// The template, where this goes out as one.
    fn template_for(&self, out: &Outgoing) -> Option<&Template> {
        let needed = !out.window_open && !self.is_direct(out);
        self.template.as_ref().filter(|_| needed || out.form == Form::Template)
    }

    /// Whether this goes as free text outside of the window. Direct Send takes no media.
    fn is_direct(&self, out: &Outgoing) -> bool {
        self.direct_send && !out.window_open && out.form == Form::Best && out.media.is_none()
    }

    /// A closed window asks for the template, and so does a refused Direct Send; where it was the template already,
    /// nothing else is left to try.
    fn final_for(&self, out: &Outgoing, error: SendError) -> SendError {
        let refused_direct = self.is_direct(out) && error.code == INVALID;
        match error.class {
            Class::Content if refused_direct && self.template.is_some() => SendError { class: Class::Form, ..error },
            _ => final_as_template(error, self.template_for(out).is_some()),
        }
    }

    fn by_text(&self, out: &Outgoing, answers: &mut Iter<'_, Answer>) -> Result<Next, SendError> {
        let most = if self.is_direct(out) { SHORT_CHARACTERS } else { TEXT_CHARACTERS };
        let whole = with_title(out.title.as_deref(), &out.text);
        let body = render_within(&whole, out.format, &WHATSAPP, most, out.link.as_deref());
        self.message(out, Content::text(body), answers)
    }

    /// The text as the caption of its media. What can't be one goes before it, for it is what matters.
    fn with_media(&self, out: &Outgoing, media: &Media, answers: &mut Iter<'_, Answer>) -> Result<Next, SendError> {
        let text = render(&with_title(out.title.as_deref(), &out.text), out.format, &WHATSAPP);
        let fits = text.chars().count() <= SHORT_CHARACTERS && media.kind != MediaKind::Audio;
        if !fits {
            let text = match self.by_text(out, answers)? {
                Next::Done(receipt) => receipt,
                ask => return Ok(ask),
            };
            return Ok(match self.media(out, media, None, answers) {
                Ok(Next::Ask(request)) => Next::Ask(request),
                Ok(Next::Done(_)) => Next::Done(text),
                Err(error) => advised(Next::Done(text), without(media, &error.detail)),
            });
        }
        match self.media(out, media, Some(text), answers) {
            Err(error) if error.class == Class::Content => {
                Ok(advised(self.by_text(out, answers)?, without(media, &error.detail)))
            }
            said => said,
        }
    }

    /// Media that has what is to be said of it as its caption, if anything.
    fn media(
        &self,
        out: &Outgoing,
        media: &Media,
        caption: Option<String>,
        answers: &mut Iter<'_, Answer>,
    ) -> Result<Next, SendError> {
        match self.source(media, answers)? {
            Some(source) => self.message(out, Content::media(media, source, caption), answers),
            None => Ok(Next::Ask(self.upload(out, media))),
        }
    }

    /// The template; once more and shorter where it was found too long with its own words. Media goes in its header,
    /// where it has one for it.
    fn by_template(
        &self,
        out: &Outgoing,
        template: &Template,
        answers: &mut Iter<'_, Answer>,
    ) -> Result<Next, SendError> {
        let mut advice = None;
        let mut header = None;
        if let Some(media) = out.media.as_deref() {
            match template.takes(media.kind).then(|| self.source(media, answers)) {
                Some(Ok(None)) => return Ok(Next::Ask(self.upload(out, media))),
                Some(Ok(Some(source))) => header = Some((media, source)),
                Some(Err(error)) if error.class == Class::Content => advice = Some(without(media, &error.detail)),
                Some(Err(error)) => return Err(error),
                None if matches!(media.source, MediaSource::Link(_)) => {}
                None => {
                    let why = format!("the header of the template {} has no place for it", template.name);
                    advice = Some(without(media, &why));
                }
            }
        }
        let header = header.as_ref().map(|(media, source)| (*media, source));
        let said = match self.filled(out, template, header, false, answers) {
            Err(error) if error.code == TEMPLATE_TOO_LONG => self.filled(out, template, header, true, answers),
            Err(error) if error.code == MEDIA_REFUSED => match header {
                Some((media, _)) => {
                    advice = Some(without(media, &error.detail));
                    self.filled(out, template, None, false, answers)
                }
                None => Err(error),
            },
            said => said,
        };
        said.map(|next| match advice {
            Some(advice) => advised(next, advice),
            None => next,
        })
    }

    fn filled(
        &self,
        out: &Outgoing,
        template: &Template,
        header: Option<(&Media, &Source)>,
        again: bool,
        answers: &mut Iter<'_, Answer>,
    ) -> Result<Next, SendError> {
        let template = template.filled(out, header, again)?;
        self.message(out, Content::Template { template }, answers)
    }

    /// Where Meta finds media; none before it was uploaded.
    fn source(&self, media: &Media, answers: &mut Iter<'_, Answer>) -> Result<Option<Source>, SendError> {
        match &media.source {
            MediaSource::Link(link) => Ok(Some(Source::Link(link.clone()))),
            MediaSource::Bytes(_) => answers.next().map(|answer| self.uploaded(answer).map(Source::Id)).transpose(),
        }
    }

    /// <https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media>
    fn upload(&self, out: &Outgoing, media: &Media) -> Request {
        let bytes: &[u8] = match &media.source {
            MediaSource::Bytes(bytes) => bytes,
            MediaSource::Link(_) => &[],
        };
        let form = multipart::Form::new(&out.key).text("messaging_product", "whatsapp").text("type", &media.mime).file(
            "file",
            &media.name,
            &media.mime,
            bytes,
        );
        let (content_type, body) = form.finish();
        self.post("media", content_type, body)
    }

    /// Nobody has got anything by then: what is no clear answer is to be tried again.
    fn uploaded(&self, answer: &Answer) -> Result<String, SendError> {
        #[derive(Deserialize)]
        struct Uploaded {
            id: String,
        }
        match self.read::<Uploaded>(answer) {
            Ok(Uploaded { id }) => Ok(id),
            Err(error) if error.class == Class::Unknown => Err(SendError { class: Class::Fault, ..error }),
            Err(error) => Err(error),
        }
    }

    fn message(&self, out: &Outgoing, content: Content<'_>, answers: &mut Iter<'_, Answer>) -> Result<Next, SendError> {
        if let Some(answer) = answers.next() {
            return self.taken(answer).map(Next::Done);
        }
        // What follows its text has no mark of its own, and answers nothing. Of a template Meta does not show what it
        // answers, and a refused Direct Send must have been refused as such.
        let is_first = !content.follows_its_text();
        let answers_one = is_first && !matches!(content, Content::Template { .. }) && !self.is_direct(out);
        let message = Message {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to: out.address.text.chars().filter(char::is_ascii_digit).collect(),
            category: self.is_direct(out).then_some("utility"),
            biz_opaque_callback_data: is_first.then_some(&out.key),
            context: out.reply_to.as_deref().filter(|_| answers_one).map(|message_id| Context { message_id }),
            content,
        };
        // Texts can't fail to be written as JSON.
        let body = serde_json::to_vec(&message).unwrap_or_default();
        Ok(Next::Ask(self.post("messages", HeaderValue::from_static("application/json"), body)))
    }

    fn post(&self, edge: &str, content_type: HeaderValue, body: Vec<u8>) -> Request {
        let url = format!("{}/{edge}", self.number);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone()), (CONTENT_TYPE, content_type)]);
        Request::Http(HttpRequest { method: Method::POST, url: Secret::new(&*url), shown_url: url, headers, body })
    }

    fn taken(&self, answer: &Answer) -> Result<Receipt, SendError> {
        #[derive(Deserialize)]
        struct Reply {
            messages: [Taken; 1],
        }
        #[derive(Deserialize)]
        struct Taken {
            id: String,
            #[serde(default, deserialize_with = "lenient")]
            message_status: String,
        }
        let Reply { messages: [Taken { id, message_status }] } = self.read(answer)?;
        if message_status == "paused" {
            let name = self.template_name();
            let words = format!("the template {name} is paused: Meta did not send the message");
            return Err(refusal(Class::Content, "paused", &words));
        }
        // `held_for_quality_assessment` is sent once Meta has looked at the template.
        Ok(Receipt { id: Some(id), advice: None })
    }

    /// What Meta answers, or why not. An error counts whatever the status is.
    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, SendError> {
        #[derive(Deserialize)]
        struct Refused {
            error: Fault,
        }
        let Answer::Http { status, headers, body } = answer else {
            return Err(bare_refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[]));
        };
        if let Ok(Refused { error: fault }) = serde_json::from_slice(body)
            && let Some(code) = fault.code
        {
            let class = patient(classify(code, fault.error_subcode, Some(*status)), headers);
            return Err(refusal(class, code, &fault.words(self.template_name())));
        }
        match serde_json::from_slice(body) {
            Ok(read) if status.is_success() => Ok(read),
            _ => Err(bare_refusal(*status, headers, body)),
        }
    }

    fn template_name(&self) -> &str {
        self.template.as_ref().map_or("", |template| &template.name)
    }
}

/// What the operator is told of media that stayed behind.
fn without(media: &Media, why: &str) -> String {
    format!("without its {}: {why}", media.kind.as_str())
}

fn advised(next: Next, advice: String) -> Next {
    match next {
        Next::Done(receipt) => Next::Done(Receipt { advice: Some(advice), ..receipt }),
        ask => ask,
    }
}
